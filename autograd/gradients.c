/* What may be differentiated by what, and first derivatives: gradients, products of cotangents with Jacobians. */
#include "autograd/reverse.h"
#include "graph/shape.h"

#include <wengert/gradient.h>

/* ---- what may be asked ---- */

bool reverse_check_output(wg_context *ctx, uint32_t y, bool single, const char *who)
{
    const node *n = graph_node(ctx, y);
    shape_buffer buffer;
    if (!type_is_float((wg_type)n->type))
        graph_fail_node(ctx, WG_NO_GRADIENT, y, "%s: %s has no gradient", who, wg_type_name((wg_type)n->type));
    else if (single && graph_size(ctx, n) != 1) {
        graph_fail_node(ctx, WG_BAD_SHAPE, y, "%s: the gradient of one number is wanted, this is %s", who,
                        shape_text(graph_shape(ctx, n), &buffer));
        graph_hint(ctx, "reduce it first: wg_sum(y, WG_ALL) or wg_mean(y, WG_ALL)");
    }
    return graph_ok(ctx);
}

/* A y recorded before its parameter was assigned again has a gradient to the old binding only: silence would be zeros.
 */
bool reverse_reads_older_binding(wg_context *ctx, uint32_t y, wg_tensor x, const char *who)
{
    const persistent *p = graph_persistent(x);
    bool assigned = p && (graph_node(ctx, p->current)->op == &graph_assign_op || p->rebound);
    if (!assigned || reverse_depends(ctx, y, &p->current, 1)) return false;
    for (uint32_t id = 1; id <= y && graph_ok(ctx); id++) {
        if (id == p->current || graph_persistent_of(ctx, graph_node(ctx, id)) != p || !reverse_depends(ctx, y, &id, 1))
            continue;
        graph_fail_node(ctx, WG_NO_GRADIENT, y, "%s: reads the value that \"%s\" had before it was assigned", who,
                        p->name);
        return true;
    }
    return !graph_ok(ctx);
}

/* What the function of a checkpoint has recorded is recorded again for the gradient: of the path that leads through it
   nothing would be seen. */
static bool check_regions(wg_context *ctx, const uint32_t *ys, size_t count, const uint32_t *xs, size_t xs_count,
                          const char *who)
{
    uint32_t oldest = UINT32_MAX, youngest = 0;
    for (size_t i = 0; i < xs_count; i++)
        if (xs[i] < oldest) oldest = xs[i];
    for (size_t i = 0; i < count; i++)
        if (ys[i] > youngest) youngest = ys[i];
    for (uint32_t id = ctx->checkpoints ? oldest : UINT32_MAX; graph_ok(ctx) && id <= youngest; id++)
        for (size_t i = 0; graph_node(ctx, id)->op == &autograd_checkpoint_op && i < xs_count; i++) {
            if (!checkpoint_holds(ctx, id, xs[i])) continue;
            graph_fail_node(ctx, WG_NO_GRADIENT, xs[i], "%s: it was recorded in the function of a checkpoint", who);
            graph_hint(ctx, "differentiate by what the function reads, or by what it returns");
            return false;
        }
    return graph_ok(ctx);
}

bool reverse_resolve(wg_context *ctx, const uint32_t *ys, size_t count, wg_list xs, const char *who, uint32_t *ids)
{
    if (!graph_resolve_in(ctx, xs, who, ids)) return false;
    for (size_t i = 0; i < xs.count; i++) {
        const node *n = graph_node(ctx, ids[i]);
        if (!type_is_float((wg_type)n->type)) {
            graph_fail_node(ctx, WG_NO_GRADIENT, ids[i], "%s: there is no derivative by %s", who,
                            wg_type_name((wg_type)n->type));
            return false;
        }
        for (size_t k = 0; k < count; k++)
            if (reverse_reads_older_binding(ctx, ys[k], xs.items[i], who)) return false;
    }
    return check_regions(ctx, ys, count, ids, xs.count, who);
}

bool reverse_check_like(wg_context *ctx, uint32_t with, uint32_t of, const char *who, const char *what)
{
    const node *a = graph_node(ctx, with), *b = graph_node(ctx, of);
    shape_buffer is, wanted;
    if (a->shape == b->shape && a->type == b->type) return true;
    graph_fail_node(ctx, a->type == b->type ? WG_BAD_SHAPE : WG_BAD_TYPE, of,
                    "%s: a %s that is %s %s for a tensor that "
                    "is %s %s",
                    who, what, wg_type_name((wg_type)a->type), shape_text(graph_shape(ctx, a), &is),
                    wg_type_name((wg_type)b->type), shape_text(graph_shape(ctx, b), &wanted));
    return false;
}

/* ---- gradients ---- */

/* The derivatives of ys, which are live, by the tensors of a list: asked for, hence results of their own. */
static bool differentiate(wg_context *ctx, reverse_outputs ys, wg_list xs, const char *who, wg_tensor *out)
{
    if (xs.count == 0) return true;
    if (!out || !xs.items) return graph_fail(ctx, WG_BAD_ARGUMENT, "%ss: NULL where an array is wanted", who).id;
    uint32_t *ids = memory_new(&ctx->memory, xs.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, xs.count * sizeof *ids).id;
    bool fine = reverse_resolve(ctx, ys.ids, ys.count, xs, who, ids) && reverse_record(ctx, ys, ids, xs.count, out);
    memory_release(&ctx->memory, ids);
    for (size_t i = 0; i < xs.count; i++)
        if (fine)
            graph_node(ctx, out[i].id)->flags |= NODE_RESULT;
        else
            out[i] = graph_poison(ctx);
    return fine;
}

bool wg_grads(wg_tensor y, wg_list xs, wg_tensor *out)
{
    wg_context *ctx = y.context ? y.context : graph_context_of(xs);
    WG_ENTRY(ctx);
    for (size_t i = 0; out && i < xs.count; i++) out[i] = graph_poison(ctx);
    uint32_t id;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "grad: y is the zero handle").id;
    return graph_resolve_in(ctx, WG_LIST(y), "grad", &id) &&
           (xs.count == 0 || reverse_check_output(ctx, id, true, "grad")) &&
           differentiate(ctx, (reverse_outputs){1, &id, NULL}, xs, "grad", out);
}

wg_tensor wg_grad(wg_tensor y, wg_tensor x)
{
    WG_ENTRY(y.context ? y.context : x.context);
    wg_tensor out = graph_poison(y.context);
    wg_grads(y, WG_LIST(x), &out);
    return out;
}

bool wg_depends_on(wg_tensor y, wg_tensor x)
{
    wg_context *ctx = y.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    return graph_resolve_list(WG_LIST(y, x), "depends_on", &ctx, ids) && type_is_float(wg_type_of(x)) &&
           reverse_depends(ctx, ids[0], &ids[1], 1);
}

/* ---- products with the transposed Jacobian ---- */

static bool check_cotangents(wg_context *ctx, const uint32_t *ys, const uint32_t *cotangents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!reverse_check_output(ctx, ys[i], false, "vjp") ||
            !reverse_check_like(ctx, cotangents[i], ys[i], "vjp", "cotangent"))
            return false;
    return true;
}

bool wg_vjps(wg_list ys, wg_list cotangents, wg_list xs, wg_tensor *out)
{
    wg_context *ctx = graph_context_of(ys);
    if (!ctx) ctx = graph_context_of(xs);
    if (!ctx) ctx = graph_context_of(cotangents);
    WG_ENTRY(ctx);
    for (size_t i = 0; out && i < xs.count; i++) out[i] = graph_poison(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "vjp: y is the zero handle").id;
    if (ys.count != cotangents.count || ys.count == 0 || !ys.items || !cotangents.items)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "vjp: %zu cotangents for %zu tensors", cotangents.count, ys.count).id;
    uint32_t *ids = memory_new(&ctx->memory, 2 * ys.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, 2 * ys.count * sizeof *ids).id;
    bool fine = graph_resolve_in(ctx, ys, "vjp", ids) && graph_resolve_in(ctx, cotangents, "vjp", ids + ys.count) &&
                check_cotangents(ctx, ids, ids + ys.count, ys.count) &&
                differentiate(ctx, (reverse_outputs){ys.count, ids, ids + ys.count}, xs, "vjp", out);
    memory_release(&ctx->memory, ids);
    return fine;
}

wg_tensor wg_vjp(wg_tensor y, wg_tensor x, wg_tensor cotangent)
{
    wg_context *ctx = y.context ? y.context : x.context ? x.context : cotangent.context;
    WG_ENTRY(ctx);
    wg_tensor out = graph_poison(ctx);
    wg_vjps(WG_LIST(y), WG_LIST(cotangent), WG_LIST(x), &out);
    return out;
}

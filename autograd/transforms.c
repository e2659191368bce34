/* Forward mode and products with the Hessian. There are no rules but those of the reverse sweep. */
#include "autograd/transforms.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

#include <math.h>

enum { NEEDED = 1, UNKNOWN = 2 }; /* UNKNOWN: needed, and computed from the unknown cotangent */

/* ---- forward mode ---- */

bool forward_begin(forward_mode *f, wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count)
{
    *f = (forward_mode){.ctx = ctx, .y = y, .count = count, .eager = graph_set_eager(ctx, false)};
    wg_tensor *pulled = memory_new(&ctx->memory, count, sizeof *pulled);
    f->pulled = memory_new(&ctx->memory, count, sizeof *f->pulled);
    if (!pulled || !f->pulled) graph_fail_memory(ctx, count * sizeof *pulled);
    f->unknown = wg_full_like(graph_tensor(ctx, y), NAN).id; /* never computed; a NaN would tell if it were */
    bool fine = f->unknown && reverse_record(ctx, (reverse_outputs){1, &y, &f->unknown}, xs, count, pulled);
    for (size_t i = 0; fine && i < count; i++) f->pulled[i] = pulled[i].id;
    memory_release(&ctx->memory, pulled);
    return fine;
}

wg_tensor forward_push(const forward_mode *f, const uint32_t *tangents)
{
    wg_tensor out = graph_poison(f->ctx);
    bool fine = reverse_record(f->ctx, (reverse_outputs){f->count, f->pulled, tangents}, &f->unknown, 1, &out);
    return fine ? out : graph_poison(f->ctx);
}

/* Marks what results are computed from, back to node `first`: flags by id - first, from the context's memory. */
static uint8_t *mark_needed(wg_context *ctx, uint32_t first, const uint32_t *results, size_t count)
{
    uint8_t *needed = memory_new(&ctx->memory, ctx->node_count - first, sizeof *needed);
    if (!needed) graph_fail_memory(ctx, ctx->node_count - first);
    for (size_t i = 0; needed && i < count; i++)
        if (results[i] >= first) needed[results[i] - first] = NEEDED;
    for (uint32_t id = ctx->node_count; needed && id-- > first;) {
        if (!needed[id - first]) continue;
        size_t inputs_count;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &inputs_count);
        for (size_t i = 0; i < inputs_count; i++)
            if (inputs[i] >= first) needed[inputs[i] - first] = NEEDED;
    }
    return needed;
}

/* Whether a node reads one that is marked as depending on the unknown cotangent. */
static bool reads_unknown(const forward_mode *f, const uint8_t *needed, uint32_t id)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(f->ctx, graph_node(f->ctx, id), &count);
    for (size_t i = 0; i < count; i++)
        if (inputs[i] >= f->unknown && needed[inputs[i] - f->unknown] == UNKNOWN) return true;
    return false;
}

/* A rule that does more with its cotangent than a linear map: the derivative of that still reads it. The first node of
   the second sweep that does so was recorded for one of the first sweep, and that one for the node with this rule. */
static void fail_linear(const forward_mode *f, uint8_t *needed)
{
    wg_context *ctx = f->ctx;
    needed[0] = UNKNOWN;
    const node *n = graph_node(ctx, f->unknown);
    for (uint32_t id = f->unknown + 1; id < ctx->node_count && n->origin < f->unknown; id++) {
        if (!needed[id - f->unknown] || !reads_unknown(f, needed, id)) continue;
        needed[id - f->unknown] = UNKNOWN;
        n = graph_node(ctx, id);
    }
    while (n->origin >= f->unknown) n = graph_node(ctx, n->origin);
    graph_fail_node(ctx, WG_NO_GRADIENT, n->origin, "its VJP is not linear in the cotangent");
}

/* What was recorded while eager mode was off. */
static void compute_needed(const forward_mode *f, const uint8_t *needed)
{
    wg_context *ctx = f->ctx;
    for (uint32_t id = f->unknown; id < ctx->node_count && graph_ok(ctx); id++)
        if (needed[id - f->unknown] && !graph_is_leaf(graph_node(ctx, id))) ctx->engine->compute(ctx, id);
}

bool forward_end(forward_mode *f, const uint32_t *results, size_t count)
{
    wg_context *ctx = f->ctx;
    uint8_t *needed = graph_ok(ctx) ? mark_needed(ctx, f->unknown, results, count) : NULL;
    if (needed && needed[0]) fail_linear(f, needed);
    if (needed && f->eager) compute_needed(f, needed);
    memory_release(&ctx->memory, needed);
    memory_release(&ctx->memory, f->pulled);
    graph_set_eager(ctx, f->eager);
    return graph_ok(ctx);
}

/* ---- the Jacobian times a tangent ---- */

static wg_context *context_of(wg_tensor y, wg_list xs, wg_list tangents)
{
    wg_context *ctx = y.context ? y.context : graph_context_of(xs);
    return ctx ? ctx : graph_context_of(tangents);
}

/* The nodes of xs, and behind them those of their tangents. */
static bool take_tangents(wg_context *ctx, uint32_t y, wg_list xs, wg_list tangents, const char *who, uint32_t *ids)
{
    if (!reverse_resolve(ctx, &y, 1, xs, who, ids) || !graph_resolve_in(ctx, tangents, who, ids + xs.count))
        return false;
    for (size_t i = 0; i < xs.count; i++)
        if (!reverse_check_like(ctx, ids[xs.count + i], ids[i], who, "tangent")) return false;
    return true;
}

static wg_tensor push(wg_context *ctx, uint32_t y, const uint32_t *xs, const uint32_t *tangents, size_t count)
{
    forward_mode f;
    reverse_lender before = reverse_lend(ctx, y);
    wg_tensor out = graph_poison(ctx);
    if (forward_begin(&f, ctx, y, xs, count)) out = forward_push(&f, tangents);
    bool fine = forward_end(&f, &out.id, 1);
    reverse_return(ctx, before);
    if (!fine) return graph_poison(ctx);
    graph_node(ctx, out.id)->flags |= NODE_RESULT;
    return out;
}

/* Room for the nodes of xs and their tangents, if the lists fit together; NULL after an error. */
static uint32_t *room_for(wg_context *ctx, const char *who, wg_list xs, wg_list tangents)
{
    uint32_t *ids = NULL;
    if (xs.count != tangents.count || xs.count == 0 || !xs.items || !tangents.items)
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: %zu tangents for %zu tensors", who, tangents.count, xs.count);
    else if (!(ids = memory_new(&ctx->memory, 2 * xs.count, sizeof *ids)))
        graph_fail_memory(ctx, 2 * xs.count * sizeof *ids);
    return ids;
}

wg_tensor wg_jvps(wg_tensor y, wg_list xs, wg_list tangents)
{
    wg_context *ctx = context_of(y, xs, tangents);
    WG_ENTRY(ctx);
    uint32_t id, *ids;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "jvp: y is the zero handle");
    if (!graph_resolve_in(ctx, WG_LIST(y), "jvp", &id) || !reverse_check_output(ctx, id, false, "jvp") ||
        !(ids = room_for(ctx, "jvp", xs, tangents)))
        return graph_poison(ctx);
    wg_tensor out = graph_poison(ctx);
    if (take_tangents(ctx, id, xs, tangents, "jvp", ids)) out = push(ctx, id, ids, ids + xs.count, xs.count);
    memory_release(&ctx->memory, ids);
    return out;
}

wg_tensor wg_jvp(wg_tensor y, wg_tensor x, wg_tensor tangent)
{
    WG_ENTRY(context_of(y, WG_LIST(x), WG_LIST(tangent)));
    return wg_jvps(y, WG_LIST(x), WG_LIST(tangent));
}

/* ---- the Hessian times a vector ---- */

/* The gradient's vector-Jacobian product: the Hessian is symmetric. */
static bool multiply(wg_context *ctx, uint32_t y, const uint32_t *xs, const uint32_t *vectors, size_t count,
                     wg_tensor *out)
{
    uint32_t *gradients = memory_new(&ctx->memory, count, sizeof *gradients);
    if (!gradients) return graph_fail_memory(ctx, count * sizeof *gradients).id;
    reverse_lender before = reverse_lend(ctx, y);
    bool fine = reverse_record(ctx, (reverse_outputs){1, &y, NULL}, xs, count, out);
    for (size_t i = 0; fine && i < count; i++) gradients[i] = out[i].id;
    fine = fine && reverse_record(ctx, (reverse_outputs){count, gradients, vectors}, xs, count, out);
    reverse_return(ctx, before);
    memory_release(&ctx->memory, gradients);
    for (size_t i = 0; fine && i < count; i++) graph_node(ctx, out[i].id)->flags |= NODE_RESULT;
    return fine;
}

bool wg_hvps(wg_tensor y, wg_list xs, wg_list vectors, wg_tensor *out)
{
    wg_context *ctx = context_of(y, xs, vectors);
    WG_ENTRY(ctx);
    for (size_t i = 0; out && i < xs.count; i++) out[i] = graph_poison(ctx);
    uint32_t id, *ids;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "hvp: y is the zero handle").id;
    if (!out) return graph_fail(ctx, WG_BAD_ARGUMENT, "hvps: NULL where an array is wanted").id;
    if (!graph_resolve_in(ctx, WG_LIST(y), "hvp", &id) || !reverse_check_output(ctx, id, true, "hvp") ||
        !(ids = room_for(ctx, "hvp", xs, vectors)))
        return false;
    bool fine =
        take_tangents(ctx, id, xs, vectors, "hvp", ids) && multiply(ctx, id, ids, ids + xs.count, xs.count, out);
    memory_release(&ctx->memory, ids);
    for (size_t i = 0; !fine && i < xs.count; i++) out[i] = graph_poison(ctx);
    return fine;
}

wg_tensor wg_hvp(wg_tensor y, wg_tensor x, wg_tensor vector)
{
    wg_context *ctx = context_of(y, WG_LIST(x), WG_LIST(vector));
    WG_ENTRY(ctx);
    wg_tensor out = graph_poison(ctx);
    wg_hvps(y, WG_LIST(x), WG_LIST(vector), &out);
    return out;
}

/* The reverse sweep. It records: each rule appends the gradients of its operands as ordinary nodes, which carry the
   scope and the C line of the forward node they belong to. Zero cotangents, accumulation and shape checks live here,
   never in rules. */
#include "autograd/reverse.h"

#include "autograd/pieces.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

typedef struct sweep {
    wg_context *ctx;
    uint32_t y, first; /* the sweep walks from y down to first, the oldest of the xs */
    uint8_t *depends;  /* [y - first + 1]: whether a differentiable path leads from an x to the node */
    uint32_t *cotangent;
    pieces pieces; /* beside the cotangents, not yet added */
} sweep;

/* ---- what depends on what ---- */

static void release_sweep(sweep *s)
{
    memory_release(&s->ctx->memory, s->depends);
    memory_release(&s->ctx->memory, s->cotangent);
    pieces_release(&s->pieces);
}

/* Marks the nodes between the xs and y that carry a derivative. */
static bool prepare_sweep(sweep *s, const uint32_t *xs, size_t count)
{
    wg_context *ctx = s->ctx;
    s->first = s->y;
    for (size_t i = 0; i < count; i++)
        if (xs[i] < s->first) s->first = xs[i];
    size_t span = s->y - s->first + 1;
    s->depends = memory_new(&ctx->memory, span, sizeof *s->depends);
    s->cotangent = memory_new(&ctx->memory, span, sizeof *s->cotangent);
    if (!s->depends || !s->cotangent) {
        graph_fail_memory(ctx, span * sizeof *s->cotangent);
        return false;
    }
    s->pieces.nodes = span;
    for (size_t i = 0; i < count; i++)
        if (xs[i] <= s->y) s->depends[xs[i] - s->first] = 1;
    for (uint32_t id = s->first; id <= s->y; id++) {
        const node *n = graph_node(ctx, id);
        if (s->depends[id - s->first] || !n->op->vjp || !type_is_float((wg_type)n->type)) continue;
        size_t inputs_count;
        const uint32_t *inputs = graph_inputs(ctx, n, &inputs_count);
        for (size_t i = 0; i < inputs_count; i++)
            if (inputs[i] >= s->first && s->depends[inputs[i] - s->first]) s->depends[id - s->first] = 1;
    }
    return true;
}

/* Whether a differentiable path leads from one of the xs to y. */
static bool depends_on_any(wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count)
{
    sweep s = {.ctx = ctx, .y = y, .pieces = {.ctx = ctx}};
    bool depends = prepare_sweep(&s, xs, count) && s.depends[y - s.first];
    release_sweep(&s);
    return depends;
}

bool wg_depends_on(wg_tensor y, wg_tensor x)
{
    wg_context *ctx = y.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    return graph_resolve_list(WG_LIST(y, x), "depends_on", &ctx, ids) && type_is_float(wg_type_of(x)) &&
           depends_on_any(ctx, ids[0], &ids[1], 1);
}

uint8_t *reverse_sources(wg_context *ctx, uint32_t y)
{
    uint8_t *leads = memory_new(&ctx->memory, (size_t)y + 1, sizeof *leads);
    if (!leads) {
        graph_fail_memory(ctx, (size_t)y + 1);
        return NULL;
    }
    leads[y] = 1;
    for (uint32_t id = y; id > 0; id--) {
        const node *n = graph_node(ctx, id);
        size_t count;
        const uint32_t *inputs = graph_inputs(ctx, n, &count);
        if (!leads[id] || !n->op->vjp || !type_is_float((wg_type)n->type)) continue;
        for (size_t i = 0; i < count; i++) leads[inputs[i]] = 1;
    }
    return leads;
}

/* ---- the sweep ---- */

static bool add_to(sweep *s, uint32_t *sum, uint32_t gradient)
{
    wg_context *ctx = s->ctx;
    if (!*sum) {
        *sum = gradient;
        return true;
    }
    const node *a = graph_node(ctx, *sum), *b = graph_node(ctx, gradient);
    bool plain = graph_is_plain(&ops_add, a, b) && !((a->flags | b->flags) & NODE_WEAK);
    *sum = (plain ? graph_append_plain(ctx, &ops_add, a, *sum, gradient, 0, 0)
                  : wg_add(graph_tensor(ctx, *sum), graph_tensor(ctx, gradient)))
               .id;
    return *sum != 0;
}

/* Makes the cotangent of a node whole. */
static inline bool settle(sweep *s, uint32_t id)
{
    size_t place = id - s->first;
    if (!pieces_any(&s->pieces, place)) return true;
    uint32_t joined = pieces_join(&s->pieces, place);
    return joined && add_to(s, &s->cotangent[place], joined);
}

static void fail_gradient(wg_context *ctx, uint32_t id, const node *found, const node *in)
{
    shape_buffer a, b;
    graph_fail_node(ctx, WG_BAD_SHAPE, id, "its VJP gave %s %s for an operand that is %s %s",
                    wg_type_name((wg_type)found->type), shape_text(graph_shape(ctx, found), &a),
                    wg_type_name((wg_type)in->type), shape_text(graph_shape(ctx, in), &b));
}

/* Adds a rule's result to what its operand has got so far, in the order in which they come. */
static bool accumulate(sweep *s, uint32_t id, uint32_t input, const wg_tensor *gradient)
{
    wg_context *ctx = s->ctx;
    if (!gradient->context) return true;
    uint32_t g = graph_resolve(*gradient, "vjp");
    if (!g) return false;
    const node *in = graph_node(ctx, input), *found = graph_node(ctx, g);
    if (found->shape != in->shape || found->type != in->type) {
        fail_gradient(ctx, id, found, in);
        return false;
    }
    size_t place = input - s->first;
    bool part = pieces_is_one(ctx, found);
    if (!(part && pieces_fit(&s->pieces, place, g)) && !settle(s, input)) return false;
    return part ? pieces_add(&s->pieces, place, g) : add_to(s, &s->cotangent[place], g);
}

/* What is recorded from here on belongs to the node. */
static void work_on(wg_context *ctx, uint32_t id)
{
    ctx->origin = graph_node(ctx, id);
    ctx->origin_id = id;
}

/* Applies the rule of one node. */
static bool propagate(sweep *s, uint32_t id, wg_tensor *gradients, size_t capacity)
{
    wg_context *ctx = s->ctx;
    const node *n = graph_node(ctx, id);
    size_t count;
    graph_inputs(ctx, n, &count);
    wg_tensor *own = count <= capacity ? gradients : memory_new(&ctx->memory, count, sizeof *own);
    if (!own) {
        graph_fail_memory(ctx, count * sizeof *own);
        return false;
    }
    for (size_t i = 0; i < count; i++) own[i] = WG_NONE;
    n->op->vjp(graph_tensor(ctx, id), graph_tensor(ctx, s->cotangent[id - s->first]), own);
    bool fine = graph_ok(ctx);
    for (size_t i = 0; fine && i < count; i++) {
        uint32_t input = graph_inputs(ctx, n, &count)[i]; /* asked again: recording moves the list of inputs */
        if (input >= s->first && s->depends[input - s->first]) fine = accumulate(s, id, input, &own[i]);
    }
    if (own != gradients) memory_release(&ctx->memory, own);
    return fine;
}

/* The sweep begins with 1, which belongs to the structure as no other number does. */
static uint32_t seed(sweep *s)
{
    uint32_t one = wg_full_like(graph_tensor(s->ctx, s->y), 1).id;
    if (one) graph_node(s->ctx, one)->flags |= NODE_FIXED;
    return one;
}

static bool run_sweep(sweep *s)
{
    wg_context *ctx = s->ctx;
    const node *outer = ctx->origin;
    uint32_t outer_id = ctx->origin_id;
    wg_tensor gradients[8];
    work_on(ctx, s->y);
    s->cotangent[s->y - s->first] = seed(s);
    bool fine = graph_ok(ctx);
    for (uint32_t id = s->y + 1; fine && id-- > s->first;) {
        if (!s->depends[id - s->first]) continue;
        work_on(ctx, id);
        fine = settle(s, id);
        if (fine && s->cotangent[id - s->first] && ctx->origin->op->vjp)
            fine = propagate(s, id, gradients, sizeof gradients / sizeof *gradients);
    }
    ctx->origin = outer;
    ctx->origin_id = outer_id;
    return fine;
}

/* ---- what may be asked ---- */

static bool check_scalar(wg_context *ctx, uint32_t y)
{
    const node *n = graph_node(ctx, y);
    shape_buffer buffer;
    if (!type_is_float((wg_type)n->type))
        graph_fail_node(ctx, WG_NO_GRADIENT, y, "grad: %s has no gradient", wg_type_name((wg_type)n->type));
    else if (graph_size(ctx, n) != 1) {
        graph_fail_node(ctx, WG_BAD_SHAPE, y, "grad: the gradient of one number is wanted, this is %s",
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
    if (!p || graph_node(ctx, p->current)->op != &graph_assign_op || depends_on_any(ctx, y, &p->current, 1))
        return false;
    for (uint32_t id = 1; id <= y && graph_ok(ctx); id++) {
        if (id == p->current || graph_persistent_of(ctx, graph_node(ctx, id)) != p || !depends_on_any(ctx, y, &id, 1))
            continue;
        graph_fail_node(ctx, WG_NO_GRADIENT, y, "%s: reads the value that \"%s\" had before it was assigned", who,
                        p->name);
        return true;
    }
    return !graph_ok(ctx);
}

static bool check_variables(wg_context *ctx, uint32_t y, wg_list xs, const uint32_t *ids)
{
    for (size_t i = 0; i < xs.count; i++) {
        const node *n = graph_node(ctx, ids[i]);
        if (!type_is_float((wg_type)n->type)) {
            graph_fail_node(ctx, WG_NO_GRADIENT, ids[i], "grad: there is no derivative by %s",
                            wg_type_name((wg_type)n->type));
            return false;
        }
        if (reverse_reads_older_binding(ctx, y, xs.items[i], "grad")) return false;
    }
    return true;
}

static bool record_gradients(wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count, wg_tensor *out)
{
    sweep s = {.ctx = ctx, .y = y, .pieces = {.ctx = ctx}};
    bool fine = prepare_sweep(&s, xs, count) && run_sweep(&s);
    for (size_t i = 0; fine && i < count; i++) {
        uint32_t found = xs[i] <= y ? s.cotangent[xs[i] - s.first] : 0;
        out[i] = found ? graph_tensor(ctx, found) : wg_zeros_like(graph_tensor(ctx, xs[i]));
        fine = graph_ok(ctx);
        if (fine) graph_node(ctx, out[i].id)->flags |= NODE_RESULT;
    }
    release_sweep(&s);
    return fine;
}

bool wg_grads(wg_tensor y, wg_list xs, wg_tensor *out)
{
    wg_context *ctx = y.context ? y.context : graph_context_of(xs);
    WG_ENTRY(ctx);
    for (size_t i = 0; out && i < xs.count; i++) out[i] = graph_poison(ctx);
    uint32_t id;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "grad: y is the zero handle").id;
    if (!graph_resolve_in(ctx, WG_LIST(y), "grad", &id)) return false;
    if (xs.count == 0) return true;
    if (!out || !xs.items) return graph_fail(ctx, WG_BAD_ARGUMENT, "grads: NULL where an array is wanted").id;
    uint32_t *ids = memory_new(&ctx->memory, xs.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, xs.count * sizeof *ids).id;
    bool fine = graph_resolve_in(ctx, xs, "grad", ids) && check_scalar(ctx, id) && check_variables(ctx, id, xs, ids) &&
                record_gradients(ctx, id, ids, xs.count, out);
    memory_release(&ctx->memory, ids);
    for (size_t i = 0; !fine && i < xs.count; i++) out[i] = graph_poison(ctx);
    return fine;
}

wg_tensor wg_grad(wg_tensor y, wg_tensor x)
{
    WG_ENTRY(y.context ? y.context : x.context);
    wg_tensor out = graph_poison(y.context);
    wg_grads(y, WG_LIST(x), &out);
    return out;
}

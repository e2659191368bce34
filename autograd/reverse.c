/* The reverse sweep. It records: each rule appends the gradients of its operands as ordinary nodes, which carry the
   scope and the C line of the forward node they belong to. Zero cotangents, accumulation and shape checks live here,
   never in rules. */
#include "autograd/reverse.h"

#include "autograd/pieces.h"
#include "graph/append.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

typedef struct sweep {
    wg_context *ctx;
    uint32_t y, first; /* the sweep walks from the youngest y down to first, the oldest of the xs */
    /* Of each node, by place: 0 if no differentiable path leads to it from an x; else its cotangent, EXPECTED before it
       has one. */
    uint32_t *cotangent;
    uint8_t *wanted; /* which operands of a node with few lead to an x, as bits, by place */
    pieces pieces;   /* beside the cotangents, not yet added */
} sweep;

#define EXPECTED UINT32_MAX

/* Nodes older than first share place 0, to which no path leads. */
static inline uint32_t place_of(const sweep *s, uint32_t id)
{
    uint32_t before = s->first - 1;
    return (id > before ? id : before) - before;
}

/* Before the sweep: whether operand i of a node with few leads to an x, as bit i. 0 stands in the places of those that
   it lacks. */
static inline uint32_t leads_by(const sweep *s, const node *n, int i)
{
    return s->cotangent[place_of(s, n->input[i])] & 1u << i;
}
_Static_assert(NODE_INLINE_INPUTS == 3, "loops over the operands of a node with few are written out");

/* ---- what depends on what ---- */

static void release_sweep(sweep *s)
{
    memory_release(&s->ctx->memory, s->cotangent);
    pieces_release(&s->pieces);
}

static __attribute__((noinline)) uint32_t of_many(const sweep *s, const node *n)
{
    uint32_t leads = 0;
    size_t count;
    const uint32_t *inputs = graph_inputs(s->ctx, n, &count);
    for (size_t i = 0; i < count; i++) leads |= s->cotangent[place_of(s, inputs[i])];
    return leads;
}

/* Marks the nodes that a differentiable path leads to, by what their operands are: each is 0 or EXPECTED. */
static void mark_paths(const sweep *whole)
{
    const sweep s = *whole; /* what is written to below cannot be a part of it */
    const node *n = graph_node(s.ctx, s.first);
    for (uint32_t id = s.first; id <= s.y; id++, n++) {
        if (id % NODE_CHUNK == 0) n = graph_node(s.ctx, id);
        if (!n->op->vjp || !type_is_float((wg_type)n->type)) continue;
        uint32_t place = id - s.first + 1;
        uint32_t wanted = n->input_count == NODE_MANY ? of_many(&s, n) : leads_by(&s, n, 0);
        if (n->input_count == 2 || n->input_count == 3) wanted |= leads_by(&s, n, 1);
        if (n->input_count == 3) wanted |= leads_by(&s, n, 2);
        s.wanted[place] = (uint8_t)wanted;
        if (wanted) s.cotangent[place] = EXPECTED;
    }
}

/* Marks the nodes between the xs and y that carry a derivative. */
static bool prepare_sweep(sweep *s, const uint32_t *xs, size_t count)
{
    wg_context *ctx = s->ctx;
    s->first = s->y;
    for (size_t i = 0; i < count; i++)
        if (xs[i] < s->first) s->first = xs[i];
    size_t places = place_of(s, s->y) + 1;
    const size_t each = sizeof *s->cotangent + sizeof *s->wanted;
    uint32_t *cotangent = s->cotangent = memory_new(&ctx->memory, places, each);
    if (!cotangent) return graph_fail_memory(ctx, places * each).id;
    s->wanted = (uint8_t *)(cotangent + places);
    s->pieces.nodes = places;
    for (size_t i = 0; i < count; i++)
        if (xs[i] <= s->y) cotangent[place_of(s, xs[i])] = EXPECTED;
    mark_paths(s);
    return true;
}

/* Whether a differentiable path leads from one of the xs to y. */
static bool depends_on_any(wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count)
{
    sweep s = {.ctx = ctx, .y = y, .pieces = {.ctx = ctx}};
    bool depends = prepare_sweep(&s, xs, count) && s.cotangent[place_of(&s, y)];
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

/* The sum of two gradients of one operand; 0 after an error. */
static __attribute__((noinline)) uint32_t add_two(wg_context *ctx, uint32_t sum, uint32_t gradient)
{
    uint32_t site;
    const node *a = graph_node(ctx, sum), *b = graph_node(ctx, gradient);
    if (append_is_plain(&ops_add, a, b) && append_is_quick(ctx, NULL, &site))
        return append_two(ctx, site, &ops_add, a, sum, gradient).id;
    return wg_add(graph_tensor(ctx, sum), graph_tensor(ctx, gradient)).id;
}

static inline bool add_to(wg_context *ctx, uint32_t *sum, uint32_t gradient)
{
    *sum = *sum == EXPECTED ? gradient : add_two(ctx, *sum, gradient);
    return *sum != 0;
}

/* Makes the cotangent at a place whole. */
static bool settle(sweep *s, size_t place)
{
    if (!pieces_any(&s->pieces, place)) return true;
    uint32_t joined = pieces_join(&s->pieces, place);
    return joined && add_to(s->ctx, &s->cotangent[place], joined);
}

static void fail_gradient(wg_context *ctx, uint32_t id, const node *found, const node *in)
{
    shape_buffer a, b;
    graph_fail_node(ctx, WG_BAD_SHAPE, id, "its VJP gave %s %s for an operand that is %s %s",
                    wg_type_name((wg_type)found->type), shape_text(graph_shape(ctx, found), &a),
                    wg_type_name((wg_type)in->type), shape_text(graph_shape(ctx, in), &b));
}

/* The node of a rule's result; 0 after an error. */
static inline uint32_t node_of(wg_context *ctx, const wg_tensor *gradient)
{
    uint32_t g = gradient->id;
    bool live = gradient->context == ctx && ctx->status == WG_OK && g - 1 < ctx->node_count - 1 &&
                graph_node(ctx, g)->epoch == gradient->epoch;
    return live || graph_resolve_in(ctx, (wg_list){1, gradient}, "vjp", &g) ? g : 0;
}

/* Where there are pieces, or this is one. */
static __attribute__((noinline)) bool accumulate_pieces(sweep *s, size_t place, uint32_t gradient)
{
    bool part = pieces_is_one(s->ctx, graph_node(s->ctx, gradient));
    if (part && pieces_fit(&s->pieces, place, gradient)) return pieces_add(&s->pieces, place, gradient);
    if (!settle(s, place)) return false;
    return part ? pieces_add(&s->pieces, place, gradient) : add_to(s->ctx, &s->cotangent[place], gradient);
}

/* As accumulate, for what it leaves alone. */
static __attribute__((noinline)) bool accumulate_other(sweep *s, uint32_t id, uint32_t input, const wg_tensor *gradient)
{
    wg_context *ctx = s->ctx;
    uint32_t g = node_of(ctx, gradient);
    if (!g) return false;
    const node *in = graph_node(ctx, input), *found = graph_node(ctx, g);
    if (found->shape != in->shape || found->type != in->type) {
        fail_gradient(ctx, id, found, in);
        return false;
    }
    if (s->pieces.first || found->op == &ops_pad) return accumulate_pieces(s, place_of(s, input), g);
    return add_to(ctx, &s->cotangent[place_of(s, input)], g);
}

/* Adds a rule's result to what its operand has got so far, in the order in which they come. */
static inline bool accumulate(sweep *s, uint32_t id, uint32_t input, const wg_tensor *gradient)
{
    wg_context *ctx = s->ctx;
    uint32_t g = gradient->id;
    if (gradient->context != ctx || g - 1 >= ctx->node_count - 1) return accumulate_other(s, id, input, gradient);
    const node *in = graph_node(ctx, input), *found = graph_node(ctx, g);
    bool plain = found->epoch == gradient->epoch && found->shape == in->shape && found->type == in->type &&
                 found->op != &ops_pad && !s->pieces.first;
    return plain ? add_to(ctx, &s->cotangent[input - s->first + 1], g) : accumulate_other(s, id, input, gradient);
}

/* The same as `propagate` for an op of many operands, whose list moves while the rule records. */
static __attribute__((noinline)) bool propagate_many(sweep *s, uint32_t id, const node *n, uint32_t cotangent)
{
    wg_context *ctx = s->ctx;
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    wg_tensor *gradients = memory_new(&ctx->memory, count, sizeof *gradients);
    if (!gradients) return graph_fail_memory(ctx, count * sizeof *gradients).id;
    ctx->wanted = 0; /* operands from the 64th on share the last bit */
    for (size_t i = 0; i < count; i++)
        ctx->wanted |= (uint64_t)(s->cotangent[place_of(s, inputs[i])] != 0) << (i < 63 ? i : 63);
    n->op->vjp(graph_tensor(ctx, id), graph_tensor(ctx, cotangent), gradients);
    bool fine = graph_ok(ctx);
    for (size_t i = 0; fine && i < count; i++) {
        uint32_t input = graph_inputs(ctx, n, &count)[i];
        if (gradients[i].context && s->cotangent[place_of(s, input)]) fine = accumulate(s, id, input, &gradients[i]);
    }
    memory_release(&ctx->memory, gradients);
    return fine;
}

/* Applies the rule of one node. */
static inline bool propagate(sweep *s, uint32_t id, const node *n, uint32_t cotangent, uint32_t wanted)
{
    wg_context *ctx = s->ctx;
    if (n->input_count == NODE_MANY) return propagate_many(s, id, n, cotangent);
    wg_tensor gradient[NODE_INLINE_INPUTS];
    gradient[0].context = gradient[1].context = gradient[2].context = NULL;
    ctx->wanted = wanted;
    n->op->vjp((wg_tensor){ctx, id, n->epoch}, graph_tensor(ctx, cotangent), gradient);
    if (ctx->status != WG_OK) return false;
    return (!(wanted & 1) || !gradient[0].context || accumulate(s, id, n->input[0], &gradient[0])) &&
           (!(wanted & 2) || !gradient[1].context || accumulate(s, id, n->input[1], &gradient[1])) &&
           (!(wanted & 4) || !gradient[2].context || accumulate(s, id, n->input[2], &gradient[2]));
}

/* A gradient begins with 1, which belongs to the structure as no other number does. */
static uint32_t one_like(wg_context *ctx, uint32_t y)
{
    graph_lend(ctx, graph_node(ctx, y), y);
    uint32_t one = wg_full_like(graph_tensor(ctx, y), 1).id;
    if (one) graph_node(ctx, one)->flags |= NODE_FIXED;
    return one;
}

/* Gives each y that a path leads to its cotangent. */
static bool seed(sweep *s, reverse_outputs ys)
{
    bool fine = true;
    for (size_t i = 0; fine && i < ys.count; i++) {
        uint32_t *cotangent = &s->cotangent[place_of(s, ys.ids[i])];
        if (!*cotangent) continue;
        uint32_t given = ys.cotangents ? ys.cotangents[i] : one_like(s->ctx, ys.ids[i]);
        fine = given && add_to(s->ctx, cotangent, given);
    }
    return fine;
}

static __attribute__((noinline)) bool sweep_back(sweep *s, reverse_outputs ys)
{
    wg_context *ctx = s->ctx;
    uint32_t before = s->first - 1, *cotangent = s->cotangent;
    bool fine = seed(s, ys);
    for (uint32_t place = s->y - before; fine && place > 0; place--) {
        if (!cotangent[place]) continue;
        uint32_t id = place + before;
        const node *n = graph_node(ctx, id);
        graph_lend(ctx, n, id);
        if (s->pieces.first) fine = settle(s, place);
        uint32_t wanted = s->wanted[place]; /* 0: an x that depends on no other */
        if (fine && wanted && cotangent[place] != EXPECTED) fine = propagate(s, id, n, cotangent[place], wanted);
    }
    return fine;
}

static bool run_sweep(sweep *s, reverse_outputs ys)
{
    wg_context *ctx = s->ctx;
    const node *outer = ctx->origin;
    uint32_t outer_id = ctx->origin_id;
    uint64_t outer_wanted = ctx->wanted;
    bool fine = sweep_back(s, ys);
    ctx->origin = NULL;
    ctx->origin_id = 0;
    if (outer) graph_lend(ctx, outer, outer_id);
    ctx->wanted = outer_wanted;
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
    bool assigned = p && (graph_node(ctx, p->current)->op == &graph_assign_op || p->rebound);
    if (!assigned || depends_on_any(ctx, y, &p->current, 1)) return false;
    for (uint32_t id = 1; id <= y && graph_ok(ctx); id++) {
        if (id == p->current || graph_persistent_of(ctx, graph_node(ctx, id)) != p || !depends_on_any(ctx, y, &id, 1))
            continue;
        graph_fail_node(ctx, WG_NO_GRADIENT, y, "%s: reads the value that \"%s\" had before it was assigned", who,
                        p->name);
        return true;
    }
    return !graph_ok(ctx);
}

/* What the function of a checkpoint has recorded is recorded again for the gradient: of the path that leads through it
   nothing would be seen. */
static bool check_regions(wg_context *ctx, reverse_outputs ys, const uint32_t *xs, size_t count)
{
    uint32_t oldest = UINT32_MAX, youngest = 0;
    for (size_t i = 0; i < count; i++)
        if (xs[i] < oldest) oldest = xs[i];
    for (size_t i = 0; i < ys.count; i++)
        if (ys.ids[i] > youngest) youngest = ys.ids[i];
    for (uint32_t id = ctx->checkpoints ? oldest : UINT32_MAX; graph_ok(ctx) && id <= youngest; id++)
        for (size_t i = 0; graph_node(ctx, id)->op == &autograd_checkpoint_op && i < count; i++) {
            if (!checkpoint_holds(ctx, id, xs[i])) continue;
            graph_fail_node(ctx, WG_NO_GRADIENT, xs[i], "grad: it was recorded in the function of a checkpoint");
            graph_hint(ctx, "differentiate by what the function reads, or by what it returns");
            return false;
        }
    return graph_ok(ctx);
}

static bool check_variables(wg_context *ctx, reverse_outputs ys, wg_list xs, const uint32_t *ids)
{
    for (size_t i = 0; i < xs.count; i++) {
        const node *n = graph_node(ctx, ids[i]);
        if (!type_is_float((wg_type)n->type)) {
            graph_fail_node(ctx, WG_NO_GRADIENT, ids[i], "grad: there is no derivative by %s",
                            wg_type_name((wg_type)n->type));
            return false;
        }
        for (size_t k = 0; k < ys.count; k++)
            if (reverse_reads_older_binding(ctx, ys.ids[k], xs.items[i], "grad")) return false;
    }
    return check_regions(ctx, ys, ids, xs.count);
}

bool reverse_gradients(wg_context *ctx, reverse_outputs ys, const uint32_t *xs, size_t count, wg_tensor *out)
{
    sweep s = {.ctx = ctx, .pieces = {.ctx = ctx}};
    for (size_t i = 0; i < ys.count; i++)
        if (ys.ids[i] > s.y) s.y = ys.ids[i];
    bool fine = prepare_sweep(&s, xs, count) && run_sweep(&s, ys);
    for (size_t i = 0; fine && i < count; i++) {
        uint32_t found = xs[i] <= s.y ? s.cotangent[place_of(&s, xs[i])] : EXPECTED;
        out[i] = found && found != EXPECTED ? graph_tensor(ctx, found) : wg_zeros_like(graph_tensor(ctx, xs[i]));
        fine = graph_ok(ctx);
    }
    release_sweep(&s);
    return fine;
}

/* The gradients of ys, which are live, by the tensors of a list. */
static bool differentiate(wg_context *ctx, reverse_outputs ys, wg_list xs, wg_tensor *out)
{
    if (xs.count == 0) return true;
    if (!out || !xs.items) return graph_fail(ctx, WG_BAD_ARGUMENT, "grads: NULL where an array is wanted").id;
    uint32_t *ids = memory_new(&ctx->memory, xs.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, xs.count * sizeof *ids).id;
    bool fine = graph_resolve_in(ctx, xs, "grad", ids) && check_variables(ctx, ys, xs, ids) &&
                reverse_gradients(ctx, ys, ids, xs.count, out);
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
    return graph_resolve_in(ctx, WG_LIST(y), "grad", &id) && (xs.count == 0 || check_scalar(ctx, id)) &&
           differentiate(ctx, (reverse_outputs){1, &id, NULL}, xs, out);
}

wg_tensor wg_grad(wg_tensor y, wg_tensor x)
{
    WG_ENTRY(y.context ? y.context : x.context);
    wg_tensor out = graph_poison(y.context);
    wg_grads(y, WG_LIST(x), &out);
    return out;
}

/* ---- products with the transposed Jacobian ---- */

static bool check_cotangents(wg_context *ctx, const uint32_t *ys, const uint32_t *cotangents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const node *y = graph_node(ctx, ys[i]), *c = graph_node(ctx, cotangents[i]);
        shape_buffer a, b;
        if (!type_is_float((wg_type)y->type))
            graph_fail_node(ctx, WG_NO_GRADIENT, ys[i], "vjp: %s has no gradient", wg_type_name((wg_type)y->type));
        else if (y->shape != c->shape || y->type != c->type)
            graph_fail_node(ctx, y->type == c->type ? WG_BAD_SHAPE : WG_BAD_TYPE, ys[i],
                            "vjp: a cotangent that is %s %s for a tensor that is %s %s", wg_type_name((wg_type)c->type),
                            shape_text(graph_shape(ctx, c), &a), wg_type_name((wg_type)y->type),
                            shape_text(graph_shape(ctx, y), &b));
    }
    return graph_ok(ctx);
}

bool wg_vjps(wg_list ys, wg_list cotangents, wg_list xs, wg_tensor *out)
{
    wg_context *ctx = graph_context_of(ys);
    if (!ctx) ctx = graph_context_of(xs);
    WG_ENTRY(ctx);
    for (size_t i = 0; out && i < xs.count; i++) out[i] = graph_poison(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "vjp: y is the zero handle").id;
    if (ys.count != cotangents.count || ys.count == 0 || !ys.items || !cotangents.items)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "vjp: %zu cotangents for %zu tensors", cotangents.count, ys.count).id;
    uint32_t *ids = memory_new(&ctx->memory, 2 * ys.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, 2 * ys.count * sizeof *ids).id;
    bool fine = graph_resolve_in(ctx, ys, "vjp", ids) && graph_resolve_in(ctx, cotangents, "vjp", ids + ys.count) &&
                check_cotangents(ctx, ids, ids + ys.count, ys.count) &&
                differentiate(ctx, (reverse_outputs){ys.count, ids, ids + ys.count}, xs, out);
    memory_release(&ctx->memory, ids);
    return fine;
}

wg_tensor wg_vjp(wg_tensor y, wg_tensor x, wg_tensor cotangent)
{
    WG_ENTRY(y.context ? y.context : x.context);
    wg_tensor out = graph_poison(y.context);
    wg_vjps(WG_LIST(y), WG_LIST(cotangent), WG_LIST(x), &out);
    return out;
}

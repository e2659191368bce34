/* Recomputation in the backward pass (Griewank and Walther 2000, "revolve"; Chen et al. 2016, arXiv 1604.06174).

   A checkpoint is a node whose value is that of y, the end of a region, and whose further operands are what the region
   reads from outside. Its rule records the region again, from barriers in the place of these, and differentiates that
   copy. A barrier is the same value, but only once the cotangent is there: so the copy is computed in the backward
   pass, no pass takes it for the region itself, and nothing of the region has to be kept for it. */
#include "autograd/reverse.h"

#include "graph/shape.h"

#include <wengert/control.h>
#include <wengert/functions.h>

#include <string.h>

/* ---- barrier: the first operand, once all others are computed ---- */

static bool infer_first(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = (wg_array){call->inputs[0].type, call->inputs[0].shape, NULL};
    return true;
}

static void barrier_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    (void)y;
    gradients[0] = g;
}

static wg_tensor barrier_sample(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(2, 3)), other = wg_normal(ctx, WG_SHAPE(2));
    return wg_apply(&autograd_barrier_op, WG_LIST(x, other), NULL);
}

const wg_op autograd_barrier_op = {
    .name = "barrier",
    .summary = "x, once other values are computed",
    .arity = -1,
    .alias = true,
    .infer = infer_first,
    .vjp = barrier_vjp,
    .sample = barrier_sample,
    .numerics = {-4, 4, 0},
};

/* ---- the copy ---- */

/* The region of a checkpoint being recorded again. It lies between `first` and y on the tape, but for what it shares
   with others after a substitution, which is read where it is. */
typedef struct copying {
    wg_context *ctx;
    uint32_t first, y;
    const uint32_t *captures; /* what it reads from outside */
    uint32_t *barriers;       /* and what is read instead */
    size_t count;
    uint32_t
        *place; /* of each node from `first` on: its copy; itself, if it is needed and has none yet; 0: not needed */
} copying;

/* The place where a node stands for the copy; NULL: outside the region. */
static uint32_t *place_of(const copying *c, uint32_t id)
{
    return id >= c->first && id <= c->y ? &c->place[id - c->first] : NULL;
}

static uint32_t stands_for(const copying *c, uint32_t id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->captures[i] == id) return c->barriers[i];
    const uint32_t *place = place_of(c, id);
    return place ? *place : id;
}

static void mark_needed(const copying *c)
{
    c->place[c->y - c->first] = c->y;
    for (uint32_t id = c->y + 1; id-- > c->first;) {
        size_t count;
        if (!c->place[id - c->first] || stands_for(c, id) != id) continue;
        const uint32_t *inputs = graph_inputs(c->ctx, graph_node(c->ctx, id), &count);
        for (size_t i = 0; i < count; i++) {
            uint32_t *place = place_of(c, inputs[i]);
            if (place) *place = inputs[i];
        }
    }
}

static uint32_t copy_node(const copying *c, uint32_t id)
{
    size_t count;
    const node *n = graph_node(c->ctx, id);
    const uint32_t *inputs = graph_inputs(c->ctx, n, &count);
    if (graph_is_leaf(n)) return id;
    if (n->op == &graph_assign_op) /* it happens once; its value is what is meant, which has no gradient */
        return wg_stop_gradient(graph_tensor(c->ctx, stands_for(c, inputs[0]))).id;
    uint32_t *operands = memory_new(&c->ctx->memory, count ? count : 1, sizeof *operands);
    if (!operands) return graph_fail_memory(c->ctx, count * sizeof *operands).id;
    for (size_t i = 0; i < count; i++) operands[i] = inputs[i] ? stands_for(c, inputs[i]) : 0;
    uint32_t copy = reverse_record_like(c->ctx, id, operands);
    memory_release(&c->ctx->memory, operands);
    return copy;
}

/* The copy of y; 0 after an error. */
static uint32_t copy_region(const copying *c)
{
    mark_needed(c);
    for (uint32_t id = c->first; id <= c->y && graph_ok(c->ctx); id++)
        if (c->place[id - c->first] && stands_for(c, id) == id) c->place[id - c->first] = copy_node(c, id);
    return graph_ok(c->ctx) ? stands_for(c, c->y) : 0;
}

/* ---- checkpoint ---- */

/* The gradients of the copy by the barriers that are wanted. */
static bool differentiate_copy(const copying *c, uint32_t copy, wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = c->ctx;
    size_t count = 0;
    wg_tensor *found = memory_new(&ctx->memory, c->count, sizeof *found);
    uint32_t *by = memory_new(&ctx->memory, c->count, sizeof *by);
    bool fine = found && by;
    if (!fine) graph_fail_memory(ctx, c->count * sizeof *found);
    for (size_t i = 0; fine && i < c->count; i++)
        if (graph_wanted(y, i + 1) && type_is_float((wg_type)graph_node(ctx, c->barriers[i])->type))
            by[count++] = c->barriers[i];
    fine = fine && reverse_record(ctx, (reverse_outputs){1, &copy, &g.id}, by, count, found);
    for (size_t i = 0, k = 0; fine && i < c->count && k < count; i++)
        if (c->barriers[i] == by[k]) gradients[i + 1] = found[k++];
    memory_release(&ctx->memory, found);
    memory_release(&ctx->memory, by);
    return fine;
}

static bool make_barriers(const copying *c, wg_tensor g)
{
    for (size_t i = 0; i < c->count && graph_ok(c->ctx); i++)
        c->barriers[i] = wg_apply(&autograd_barrier_op, WG_LIST(graph_tensor(c->ctx, c->captures[i]), g), NULL).id;
    return graph_ok(c->ctx);
}

/* Operands: y, then the captures. integer = how far back the region begins. */
static void checkpoint_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = y.context;
    size_t operands;
    const node *n = graph_node_of(y);
    const uint32_t *inputs = graph_inputs(ctx, n, &operands);
    uint32_t end = inputs[0], length = (uint32_t)graph_attributes(ctx, n)->integer[0];
    copying c = {.ctx = ctx, .first = end > length ? end - length : 1, .y = end, .count = operands - 1};
    uint32_t *captures = memory_new(&ctx->memory, 2 * operands, sizeof *captures);
    c.place = memory_new(&ctx->memory, end - c.first + 1u, sizeof *c.place);
    if (captures && c.place) {
        memcpy(captures, inputs + 1, c.count * sizeof *captures); /* recording moves the list */
        c.captures = captures;
        c.barriers = captures + operands;
        uint32_t copy = make_barriers(&c, g) ? copy_region(&c) : 0;
        graph_lend(ctx, n, y.id);
        if (copy) differentiate_copy(&c, copy, y, g, gradients);
    } else {
        graph_fail_memory(ctx, (2 * operands + end - c.first) * sizeof *captures);
    }
    memory_release(&ctx->memory, captures);
    memory_release(&ctx->memory, c.place);
}

static wg_tensor sampled_region(const void *user, wg_tensor x)
{
    return wg_mul(wg_sin(x), wg_tanh(*(const wg_tensor *)user));
}

static wg_tensor checkpoint_sample(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(2, 3)), w = wg_normal(ctx, WG_SHAPE(2, 3));
    return wg_checkpoint((wg_function){sampled_region, &w}, x);
}

const wg_op autograd_checkpoint_op = {
    .name = "checkpoint",
    .summary = "y, whose region is computed again in the backward pass",
    .arity = -1,
    .alias = true,
    .infer = infer_first,
    .vjp = checkpoint_vjp,
    .sample = checkpoint_sample,
    .numerics = {-4, 4, 0},
};

/* ---- recording one ---- */

/* y and what its region, the nodes from `first` on, reads from outside: older nodes, and leaves. */
typedef struct reads {
    wg_context *ctx;
    uint32_t first, y;
    uint8_t *needed; /* of each node from `first` on */
    uint32_t *ids;
    size_t count, capacity;
} reads;

static bool add_read(reads *r, uint32_t id)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->ids[i] == id) return true;
    if (!memory_grow(&r->ctx->memory, (void **)&r->ids, &r->capacity, r->count + 1, sizeof *r->ids))
        return graph_fail_memory(r->ctx, (r->count + 1) * sizeof *r->ids).id;
    r->ids[r->count++] = id;
    return true;
}

static bool find_reads(reads *r)
{
    wg_context *ctx = r->ctx;
    r->needed = memory_new(&ctx->memory, r->y - r->first + 1u, 1);
    if (!r->needed) return graph_fail_memory(ctx, r->y - r->first + 1u).id;
    r->needed[r->y - r->first] = 1;
    bool fine = add_read(r, r->y);
    for (uint32_t id = r->y + 1; fine && id-- > r->first;) {
        size_t count;
        if (!r->needed[id - r->first]) continue;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &count);
        for (size_t i = 0; fine && i < count; i++) {
            bool outside = inputs[i] < r->first || graph_is_leaf(graph_node(ctx, inputs[i]));
            if (inputs[i] && outside)
                fine = add_read(r, inputs[i]);
            else if (inputs[i])
                r->needed[inputs[i] - r->first] = 1;
        }
    }
    return fine;
}

static wg_tensor record(wg_context *ctx, uint32_t first, uint32_t y)
{
    ctx->checkpoints++;
    reads r = {.ctx = ctx, .first = first, .y = y};
    bool fine = find_reads(&r);
    const int64_t length = y - first;
    wg_tensor result = graph_poison(ctx);
    if (fine && r.count > 1)
        result = graph_apply(ctx, &(graph_record){.op = &autograd_checkpoint_op,
                                                  .count = r.count,
                                                  .inputs = r.ids,
                                                  .integer_count = 1,
                                                  .integers = &length});
    else if (fine)
        result = graph_tensor(ctx, y); /* it reads nothing: there is no gradient to pass on */
    memory_release(&ctx->memory, r.needed);
    memory_release(&ctx->memory, r.ids);
    return result;
}

bool checkpoint_holds(wg_context *ctx, uint32_t y, uint32_t x)
{
    size_t operands;
    const node *n = graph_node(ctx, y);
    const uint32_t *inputs = graph_inputs(ctx, n, &operands);
    uint32_t end = inputs[0], length = (uint32_t)graph_attributes(ctx, n)->integer[0];
    copying c = {.ctx = ctx, .first = end > length ? end - length : 1, .y = end, .count = operands - 1};
    if (x < c.first || x > end) return false;
    c.captures = c.barriers = (uint32_t *)(uintptr_t)(inputs + 1); /* they stand for themselves */
    c.place = memory_new(&ctx->memory, end - c.first + 1u, sizeof *c.place);
    if (!c.place) return graph_fail_memory(ctx, (end - c.first + 1u) * sizeof *c.place).id;
    mark_needed(&c);
    bool holds = c.place[x - c.first] != 0;
    for (size_t i = 0; i < c.count; i++) holds = holds && c.captures[i] != x;
    memory_release(&ctx->memory, c.place);
    return holds;
}

wg_tensor wg_checkpoint(wg_function function, wg_tensor x)
{
    wg_context *ctx = x.context;
    WG_ENTRY(ctx);
    if (!ctx || !graph_resolve(x, "checkpoint")) return graph_poison(ctx);
    if (!function.call) return graph_fail(ctx, WG_BAD_ARGUMENT, "checkpoint: the function is NULL");
    uint32_t first = ctx->node_count;
    wg_tensor y = function.call(function.user, x);
    uint32_t id = y.context == ctx ? graph_resolve(y, "checkpoint") : 0;
    if (!id && graph_ok(ctx))
        return graph_fail(ctx, WG_BAD_HANDLE, "checkpoint: the function returned no tensor of x's context");
    if (!id) return graph_poison(ctx);
    bool outside = id < first || graph_is_leaf(graph_node(ctx, id));
    return outside ? graph_tensor(ctx, id) : record(ctx, first, id);
}

/* Recording a scan: its body is recorded once on the tape, cut out of it, and dropped. */
#include "autograd/scan.h"

#include "graph/shape.h"

#include <wengert/functions.h>

#include <string.h>

/* ---- placeholders ---- */

static bool infer_placeholder(const wg_call *call, char *message, size_t size)
{
    (void)call, (void)message, (void)size;
    return true;
}

static void fill_placeholder(const wg_call *call)
{
    snprintf(call->fault, WG_FAULT_SIZE, "it has a value only while the scan runs");
}

/* A parameter of a body while that is recorded. */
static const wg_op placeholder_op = {
    .name = "scan_input",
    .summary = "what a scan gives to its body",
    .infer = infer_placeholder,
    .kernel = {[WG_F32] = fill_placeholder,
               [WG_F64] = fill_placeholder,
               [WG_I32] = fill_placeholder,
               [WG_I64] = fill_placeholder,
               [WG_BOOL] = fill_placeholder,
               [WG_U8] = fill_placeholder},
};

static wg_tensor placeholder(wg_context *ctx, wg_type type, wg_shape shape)
{
    return graph_append(ctx, &(graph_record){.op = &placeholder_op, .type = type, .shape = &shape});
}

/* ---- the body ---- */

/* A scan being recorded. */
typedef struct recording {
    const scan_request *q;
    wg_tensor *given, *results; /* the step's number, carries, slices; next carries, outputs */
    uint32_t *operands;         /* resolved: carries and sequences; later all */
    size_t operand_count;
    scan_cut cut;
    uint64_t draws;
} recording;

static size_t given_count(const scan_request *q)
{
    return 1 + q->carries.count + q->sequences.count;
}

static size_t result_count(const scan_request *q)
{
    return q->carries.count + q->outputs;
}

static void give_placeholders(recording *r)
{
    const scan_request *q = r->q;
    wg_context *ctx = q->ctx;
    r->given[0] = placeholder(ctx, WG_I64, WG_SCALAR);
    for (size_t i = 0; i < q->carries.count; i++) {
        const node *n = graph_node(ctx, r->operands[i]);
        r->given[1 + i] = placeholder(ctx, (wg_type)n->type, graph_shape(ctx, n));
    }
    for (size_t i = 0; i < q->sequences.count; i++) {
        const node *n = graph_node(ctx, r->operands[q->carries.count + i]);
        wg_shape whole = graph_shape(ctx, n), slice = {.rank = whole.rank - 1};
        memcpy(slice.dim, whole.dim + 1, (size_t)slice.rank * sizeof *slice.dim);
        r->given[1 + q->carries.count + i] = placeholder(ctx, (wg_type)n->type, slice);
    }
}

/* The carries as the body has left them are what they were before, in type and shape. */
static bool check_carry(wg_context *ctx, uint32_t id, uint32_t before, size_t index)
{
    const node *n = graph_node(ctx, id), *was = graph_node(ctx, before);
    if (n->type == was->type && n->shape == was->shape) return true;
    shape_buffer a, b;
    graph_fail(ctx, n->type == was->type ? WG_BAD_SHAPE : WG_BAD_TYPE,
               "scan: carry %zu is %s %s, the body makes it %s %s", index, wg_type_name((wg_type)was->type),
               shape_text(graph_shape(ctx, was), &a), wg_type_name((wg_type)n->type),
               shape_text(graph_shape(ctx, n), &b));
    return false;
}

static bool check_result(recording *r, uint32_t *ids, size_t i)
{
    wg_context *ctx = r->q->ctx;
    size_t carries = r->q->carries.count;
    const char *what = i < carries ? "next carry" : "output";
    size_t index = i < carries ? i : i - carries;
    if (r->results[i].context != ctx) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "scan: the body has not set %s %zu", what, index);
        return false;
    }
    ids[i] = graph_resolve(r->results[i], "scan");
    if (!ids[i] || (i < carries && !check_carry(ctx, ids[i], r->operands[i], i))) return false;
    if (graph_shape_at(ctx, ids[i])->rank == WG_MAX_RANK) {
        graph_fail(ctx, WG_BAD_SHAPE, "scan: %s %zu has rank %d, which leaves no axis for the steps", what, index,
                   WG_MAX_RANK);
        return false;
    }
    wg_type type = (wg_type)graph_node(ctx, ids[i])->type;
    if (r->cut.type == WG_DEFAULT) r->cut.type = type;
    if (type == r->cut.type && type_is_float(type)) return true;
    graph_fail(ctx, WG_BAD_TYPE, "scan: carries and outputs must be floats of one type, %s %zu is %s", what, index,
               wg_type_name(type));
    graph_hint(ctx, "cast it in the body, and back after the scan");
    return false;
}

/* Runs the body on placeholders; its results go to `ids`. */
static bool record_body(recording *r, uint32_t *ids)
{
    const scan_request *q = r->q;
    wg_context *ctx = q->ctx;
    size_t assigns = ctx->assign_count, carries = q->carries.count;
    r->cut.first = ctx->node_count;
    give_placeholders(r);
    uint64_t before = ctx->draws;
    if (graph_ok(ctx))
        q->body(q->user, &(wg_scan_step){.step = r->given[0],
                                         .carries = r->given + 1,
                                         .inputs = r->given + 1 + carries,
                                         .next = r->results,
                                         .outputs = r->results + carries});
    r->draws = q->replays ? q->draws : ctx->draws - before;
    r->cut.draw = q->replays ? q->draw : before;
    if (graph_ok(ctx) && ctx->assign_count > assigns) {
        graph_fail_node(ctx, WG_BAD_ARGUMENT, ctx->assigns[assigns], "scan: nothing can be assigned in a step");
        graph_hint(ctx, "make it a carry, and assign its last value after the scan");
    }
    for (size_t i = 0; graph_ok(ctx) && i < result_count(q); i++) check_result(r, ids, i);
    r->cut.roots = ids;
    return graph_ok(ctx);
}

/* ---- captures ---- */

/* A leaf that was recorded in the body and outlives it. */
typedef struct leaf {
    bool lost, borrowed;
    size_t persistent; /* 1 + index; 0: a constant */
    wg_type type;
    wg_shape shape;
    void *data;
} leaf;

static leaf hold_leaf(wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    const persistent *p = graph_persistent_of(ctx, n);
    leaf l = {true,
              n->flags & NODE_BORROWED,
              p ? (size_t)(p - ctx->persistents) + 1 : 0,
              (wg_type)n->type,
              graph_shape(ctx, n),
              n->data};
    if (!p && !l.borrowed) memory_share(l.data);
    return l;
}

static uint32_t record_leaf(wg_context *ctx, const leaf *l)
{
    if (l->persistent) return graph_persistent_read(ctx, l->persistent - 1);
    return graph_constant(ctx, l->type, l->shape, l->data, l->borrowed).id;
}

/* Drops the body's nodes; leaves among the captures are recorded anew. */
static bool drop_body(recording *r)
{
    wg_context *ctx = r->q->ctx;
    scan_cut *c = &r->cut;
    leaf *leaves = memory_new(&ctx->memory, c->capture_count + 1, sizeof *leaves);
    for (size_t i = 0; leaves && i < c->capture_count; i++)
        if (c->captures[i] >= c->first) leaves[i] = hold_leaf(ctx, c->captures[i]);
    graph_drop(ctx, c->first);
    if (!leaves) graph_fail_memory(ctx, c->capture_count * sizeof *leaves);
    for (size_t i = 0; leaves && i < c->capture_count; i++)
        if (leaves[i].lost) c->captures[i] = record_leaf(ctx, &leaves[i]);
    memory_release(&ctx->memory, leaves);
    return graph_ok(ctx);
}

/* ---- the node ---- */

static bool add_operand(recording *r, uint32_t id)
{
    r->operands[r->operand_count++] = id;
    return id != 0;
}

static wg_tensor append(recording *r, const scan_body *b)
{
    const scan_request *q = r->q;
    wg_context *ctx = q->ctx;
    const wg_shape numbers = {1, {(int64_t)r->cut.number_count}};
    bool fine = true, random = b->drawing > 0;
    for (size_t i = 0; fine && i < r->cut.capture_count; i++) fine = add_operand(r, r->cut.captures[i]);
    fine = fine && add_operand(r, graph_resolve(q->first, "scan"));
    if (fine && numbers.dim[0]) {
        size_t bytes = r->cut.number_count * sizeof(double);
        double *values = memory_values(&ctx->memory, bytes);
        if (!values) return graph_fail_memory(ctx, bytes);
        memcpy(values, r->cut.numbers, bytes);
        fine = add_operand(r, graph_constant(ctx, WG_F64, numbers, values, false).id);
    }
    if (!fine) return graph_poison(ctx);
    wg_attributes a = {.integer = {[SCAN_ID] = (int64_t)b->id,
                                   [SCAN_BODY] = (int64_t)(uintptr_t)b,
                                   [SCAN_STEPS] = q->steps,
                                   [SCAN_CHUNK] = q->chunk,
                                   [SCAN_REVERSE] = q->reverse,
                                   [SCAN_DRAWS] = (int64_t)r->draws}};
    if (random) {
        a.real[0] = (double)q->draw;
        a.real[1] = (double)(uint32_t)ctx->options.seed;
        a.real[2] = (double)(ctx->options.seed >> 32);
    }
    return graph_apply(
        ctx,
        &(graph_record){.op = &autograd_scan_op, .count = r->operand_count, .inputs = r->operands, .attributes = &a});
}

static bool make_room(recording *r, size_t operands)
{
    wg_context *ctx = r->q->ctx;
    uint32_t *wider = memory_new(&ctx->memory, operands, sizeof *wider);
    if (!wider) return graph_fail_memory(ctx, operands * sizeof *wider).id;
    memcpy(wider, r->operands, r->operand_count * sizeof *wider);
    memory_release(&ctx->memory, r->operands);
    r->operands = wider;
    return true;
}

static wg_tensor record(recording *r, uint32_t *ids, scan_call *call)
{
    const scan_request *q = r->q;
    wg_context *ctx = q->ctx;
    bool eager = graph_set_eager(ctx, false);
    r->cut.ctx = ctx;
    r->cut.carries = q->carries.count;
    r->cut.sequences = q->sequences.count;
    r->cut.outputs = q->outputs;
    scan_body *b = record_body(r, ids) ? scan_find_body(&r->cut) : NULL;
    bool fine = drop_body(r) && b;
    graph_set_eager(ctx, eager);
    fine = fine && make_room(r, r->operand_count + r->cut.capture_count + 2);
    wg_tensor y = fine ? append(r, b) : graph_poison(ctx);
    if (y.id) *call = scan_call_of(graph_attributes(ctx, graph_node_of(y)));
    scan_release_cut(&r->cut);
    return y;
}

wg_tensor scan_record(const scan_request *q, scan_call *call)
{
    wg_context *ctx = q->ctx;
    memory *m = &ctx->memory;
    recording r = {.q = q, .operand_count = q->carries.count + q->sequences.count};
    r.given = memory_new(m, given_count(q), sizeof *r.given);
    r.results = memory_new(m, result_count(q) + 1, sizeof *r.results);
    r.operands = memory_new(m, r.operand_count + 1, sizeof *r.operands);
    uint32_t *ids = memory_new(m, result_count(q) + 1, sizeof *ids);
    wg_tensor y = graph_poison(ctx);
    if (!r.given || !r.results || !r.operands || !ids)
        graph_fail_memory(ctx, (given_count(q) + result_count(q)) * sizeof *r.given);
    else if (graph_resolve_in(ctx, q->carries, "scan", r.operands) &&
             graph_resolve_in(ctx, q->sequences, "scan", r.operands + q->carries.count))
        y = record(&r, ids, call);
    memory_release(m, r.given);
    memory_release(m, r.results);
    memory_release(m, r.operands);
    memory_release(m, ids);
    return y;
}

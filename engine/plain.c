/* The plain executor: computes the needed nodes one at a time, in tape order, and drops each value after its last use.
   Scalar and obvious: what every faster way of evaluating is compared with.

   An evaluation marks what it needs, counts the uses of each value, runs, and only then performs the assigns, so that a
   failure changes nothing and every node has read the old values. */
#include "engine/plain.h"

#include "engine/run.h"
#include "graph/verify.h"
#include "ops/rows.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum mark {
    NEEDED = 1,   /* to be computed, or read */
    KEEP = 2,     /* its value outlives the evaluation */
    LOST = 4,     /* cannot be computed any more: a parameter it reads has been overwritten */
    CONSUMED = 8, /* some other forward node reads it */
    FRESH = 16    /* computed by this evaluation */
};

typedef struct evaluation {
    wg_context *ctx;
    uint8_t *mark;
    uint32_t *uses;
    uint32_t count; /* nodes on the tape */
} evaluation;

/* ---- values ---- */

/* Whether values are counted, and so can be shared. */
static bool is_counted(const wg_context *ctx, const node *n)
{
    const persistent *p = n->data ? NULL : graph_persistent_of(ctx, n);
    return p ? !p->shared : !(n->flags & NODE_BORROWED);
}

/* The operand's own values under another shape; a copy of what is not ours. */
static void *alias_values(wg_context *ctx, const node *from)
{
    void *values = graph_values(ctx, from);
    if (is_counted(ctx, from)) {
        memory_share(values);
        return values;
    }
    size_t bytes = graph_bytes(ctx, from);
    void *copy = memory_values(&ctx->memory, bytes);
    if (copy)
        memcpy(copy, values, bytes);
    else
        graph_fail_memory(ctx, bytes);
    return copy;
}

/* In checked mode: the first element that is not finite. */
static bool check_finite(wg_context *ctx, uint32_t id, const wg_array *output)
{
    int64_t size = wg_shape_size(output->shape);
    for (int64_t i = 0; i < size; i++) {
        double x = output->type == WG_F32   ? (double)((const float *)output->data)[i]
                   : output->type == WG_F64 ? ((const double *)output->data)[i]
                                            : 0;
        if (isfinite(x)) continue;
        graph_fail_node(ctx, WG_NOT_FINITE, id, "element %lld of the result is %s", (long long)i,
                        isnan(x) ? "not a number" : "infinite");
        return false;
    }
    return true;
}

/* Computes a node whose operands have values; its values are then the caller's. NULL after an error. */
static void *compute_values(wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    if (n->op->alias) return alias_values(ctx, graph_node(ctx, n->input[0]));
    run_operands operands;
    size_t bytes = graph_bytes(ctx, n);
    if (!run_operands_open(ctx, n, &operands)) return NULL;
    const uint32_t *inputs = graph_inputs(ctx, n, &operands.count);
    for (size_t i = 0; i < operands.count; i++) {
        const node *in = graph_node(ctx, inputs[i]);
        operands.array[i] = (wg_array){(wg_type)in->type, graph_shape(ctx, in), graph_values(ctx, in)};
    }
    wg_array output = {(wg_type)n->type, graph_shape(ctx, n), memory_values(&ctx->memory, bytes)};
    bool fine = output.data != NULL;
    if (!fine) graph_fail_memory(ctx, bytes);
    fine = fine && run_kernel(ctx, id, operands.array, operands.count, &output);
    if (fine && ctx->options.check_finite) fine = check_finite(ctx, id, &output);
    run_operands_close(ctx, &operands);
    if (fine) return output.data;
    memory_drop(&ctx->memory, output.data);
    return NULL;
}

/* ---- marking ---- */

/* The persistent tensor that a node without values was a binding of; NULL for nodes that are to be computed. */
static const persistent *past_binding(const wg_context *ctx, const node *n)
{
    bool pending = n->op == &graph_assign_op && n->version == 0;
    return pending ? NULL : graph_persistent_of(ctx, n);
}

/* Marks what can no longer be computed: everything that reads an overwritten value and has not been computed itself. */
static void mark_lost(evaluation *e)
{
    for (uint32_t id = 1; id < e->count; id++) {
        const node *n = graph_node(e->ctx, id);
        if (graph_values(e->ctx, n)) continue;
        if (past_binding(e->ctx, n)) {
            e->mark[id] |= LOST;
            continue;
        }
        size_t count;
        const uint32_t *inputs = graph_inputs(e->ctx, n, &count);
        for (size_t i = 0; i < count; i++) e->mark[id] |= e->mark[inputs[i]] & LOST;
    }
}

/* The error about a lost node names the parameter at the end of a lost path. */
static void fail_lost(evaluation *e, uint32_t id)
{
    uint32_t at = id;
    while (!past_binding(e->ctx, graph_node(e->ctx, at))) {
        size_t count, i = 0;
        const uint32_t *inputs = graph_inputs(e->ctx, graph_node(e->ctx, at), &count);
        while (!(e->mark[inputs[i]] & LOST)) i++;
        at = inputs[i];
    }
    graph_fail_node(e->ctx, WG_OVERWRITTEN, id,
                    "would have to be computed from the value that \"%s\" had before it was assigned",
                    past_binding(e->ctx, graph_node(e->ctx, at))->name);
    graph_hint(e->ctx, "ask for all that you need in one evaluation: wg_eval(WG_LIST(loss, norm))");
}

/* What the program recorded before `end` and nothing there consumes, a metric say: computed along with the assigns,
   because it could not be computed afterwards. Gradients that nobody uses are the sweep's by-products, unless the user
   asked for them. */
static void mark_forgotten(evaluation *e, uint32_t end)
{
    for (uint32_t id = 1; id < end; id++) {
        const node *n = graph_node(e->ctx, id);
        size_t count;
        const uint32_t *inputs = graph_inputs(e->ctx, n, &count);
        if (!(n->flags & NODE_GRADIENT))
            for (size_t i = 0; i < count; i++) e->mark[inputs[i]] |= CONSUMED;
    }
    for (uint32_t id = 1; id < end; id++) {
        const node *n = graph_node(e->ctx, id);
        bool by_product = (n->flags & NODE_GRADIENT) && !(n->flags & NODE_RESULT);
        if (e->mark[id] & (CONSUMED | LOST) || by_product || n->flags & NODE_USED || graph_is_leaf(n) ||
            n->op == &graph_assign_op)
            continue;
        e->mark[id] |= NEEDED | KEEP;
    }
}

/* From the marked nodes down to what has a value: marks all that is needed, and counts uses. */
static void mark_needed(evaluation *e)
{
    for (uint32_t id = e->count; id-- > 1;) {
        const node *n = graph_node(e->ctx, id);
        if (!(e->mark[id] & NEEDED) || graph_values(e->ctx, n)) continue;
        size_t count;
        const uint32_t *inputs = graph_inputs(e->ctx, n, &count);
        for (size_t i = 0; i < count; i++) {
            e->mark[inputs[i]] |= NEEDED;
            e->uses[inputs[i]]++;
        }
    }
}

static bool mark_roots(evaluation *e, const uint32_t *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (e->mark[roots[i]] & LOST) fail_lost(e, roots[i]);
        e->mark[roots[i]] |= NEEDED | KEEP;
    }
    for (size_t i = 0; i < e->ctx->assign_count; i++) {
        if (e->mark[e->ctx->assigns[i]] & LOST) fail_lost(e, e->ctx->assigns[i]);
        e->mark[e->ctx->assigns[i]] |= NEEDED | KEEP;
    }
    return graph_ok(e->ctx);
}

/* ---- running ---- */

static void drop_unused(evaluation *e, const node *n)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(e->ctx, n, &count);
    for (size_t i = 0; i < count; i++) {
        node *in = graph_node(e->ctx, inputs[i]);
        if (!inputs[i] || --e->uses[inputs[i]] || !(e->mark[inputs[i]] & FRESH) || e->mark[inputs[i]] & KEEP) continue;
        memory_drop(&e->ctx->memory, in->data);
        in->data = NULL;
        e->mark[inputs[i]] &= (uint8_t)~FRESH;
    }
}

static bool run(evaluation *e)
{
    for (uint32_t id = 1; id < e->count; id++) {
        node *n = graph_node(e->ctx, id);
        if (!(e->mark[id] & NEEDED) || graph_values(e->ctx, n)) continue;
        n->data = compute_values(e->ctx, id);
        if (!n->data) return false;
        e->mark[id] |= FRESH;
        drop_unused(e, n);
    }
    return true;
}

/* Gives kept values to their nodes for good. */
static bool keep(evaluation *e)
{
    for (uint32_t id = 1; id < e->count; id++) {
        node *n = graph_node(e->ctx, id);
        if (!(e->mark[id] & FRESH)) continue;
        if (!graph_hold(e->ctx, id, n->data)) return false;
        n->flags |= NODE_KEPT;
        e->mark[id] &= (uint8_t)~FRESH;
    }
    return true;
}

static void drop_fresh(evaluation *e)
{
    for (uint32_t id = 1; id < e->count; id++) {
        node *n = graph_node(e->ctx, id);
        if (!(e->mark[id] & FRESH)) continue;
        memory_drop(&e->ctx->memory, n->data);
        n->data = NULL;
    }
}

/* Rebinds the persistent tensors, in the order of the assigns. The assign's node keeps its values as well, so an
   earlier one of two to the same tensor can still be read. */
static void perform_assigns(wg_context *ctx)
{
    for (size_t i = 0; i < ctx->assign_count; i++) {
        node *n = graph_node(ctx, ctx->assigns[i]);
        persistent *p = graph_persistent_of(ctx, n);
        memory_share(n->data);
        memory_drop(&ctx->memory, p->data);
        p->data = n->data;
        n->version = ++p->version;
    }
    ctx->assign_count = 0;
}

/* In builds with the option verify, each evaluation begins with a look at the whole tape. */
static void verify(const wg_context *ctx)
{
#ifdef WG_VERIFY
    char message[ERROR_SIZE];
    bool valid = graph_verify(ctx, message, sizeof message);
    assert(valid && "the tape breaks a rule: see graph_verify");
    (void)valid;
#else
    (void)ctx;
#endif
}

/* Computes the roots and performs the assigns; with them comes what is forgotten among the nodes before `end`. */
static bool evaluate(wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end)
{
    evaluation e = {.ctx = ctx, .count = ctx->node_count};
    if (!graph_ok(ctx)) return false;
    verify(ctx);
    e.mark = memory_new(&ctx->memory, e.count, sizeof *e.mark);
    e.uses = memory_new(&ctx->memory, e.count, sizeof *e.uses);
    bool fine = e.mark && e.uses;
    if (!fine) graph_fail_memory(ctx, e.count * sizeof *e.uses);
    if (fine) {
        ctx->evaluations++;
        mark_lost(&e);
        fine = mark_roots(&e, roots, count);
        if (fine && ctx->assign_count) mark_forgotten(&e, end);
        if (fine) mark_needed(&e);
        fine = fine && run(&e) && keep(&e);
        if (!fine) drop_fresh(&e);
    }
    memory_release(&ctx->memory, e.mark);
    memory_release(&ctx->memory, e.uses);
    if (fine) perform_assigns(ctx);
    return fine;
}

/* ---- what the graph asks of an engine ---- */

static bool evaluate_roots(wg_context *ctx, const uint32_t *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        graph_node(ctx, roots[i])->flags |= NODE_USED;
        if (ctx->assign_count && !graph_pin(ctx, roots[i])) return false;
    }
    return evaluate(ctx, roots, count, ctx->node_count);
}

static bool perform(wg_context *ctx, uint32_t first)
{
    return evaluate(ctx, NULL, 0, first);
}

static bool compute(wg_context *ctx, uint32_t id)
{
    node *n = graph_node(ctx, id);
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    for (size_t i = 0; i < count; i++) {
        const node *in = graph_node(ctx, inputs[i]);
        if (!inputs[i] || graph_values(ctx, in)) continue;
        const persistent *p = graph_persistent_of(ctx, in);
        graph_fail_node(ctx, WG_OVERWRITTEN, id, "reads the value that \"%s\" had before it was assigned",
                        p ? p->name : "?");
        return false;
    }
    void *values = compute_values(ctx, id);
    if (!values) return false;
    if (!graph_hold(ctx, id, values)) {
        memory_drop(&ctx->memory, values);
        return false;
    }
    n->flags |= NODE_KEPT;
    return true;
}

const graph_engine engine_plain = {
    .evaluate = evaluate_roots,
    .perform = perform,
    .compute = compute,
    .fill = &ops_full,
};

wg_context *wg_context_new(const wg_context_options *options)
{
    return graph_context_new(options, &engine_plain);
}

/* The plain executor: computes the needed nodes one at a time, in tape order, and drops each value after its last use.
   Scalar and obvious: what every faster way of evaluating is compared with.

   An evaluation collects what it needs, counts the uses of each value, runs, and only then performs the assigns, so
   that a failure changes nothing and every node has read the old values. */
#include "engine/plain.h"

#include "engine/demand.h"
#include "engine/run.h"

#include <math.h>
#include <string.h>

typedef struct evaluation {
    wg_context *ctx;
    demand *demand;
    uint32_t *uses;
} evaluation;

enum { FRESH = 128 }; /* mark: computed by this evaluation */

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
    run_operands operands;
    size_t bytes = graph_bytes(ctx, n);
    const uint32_t *inputs = graph_inputs(ctx, n, &operands.count);
    if (n->op->alias) return alias_values(ctx, graph_node(ctx, inputs[0]));
    if (!run_operands_open(ctx, n, &operands)) return NULL;
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

/* ---- running ---- */

static void count_uses(evaluation *e)
{
    for (size_t k = 0; k < e->demand->count; k++) {
        size_t count;
        const uint32_t *inputs = graph_inputs(e->ctx, graph_node(e->ctx, e->demand->id[k]), &count);
        for (size_t i = 0; i < count; i++) e->uses[inputs[i]]++;
    }
}

static void drop_unused(evaluation *e, const node *n)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(e->ctx, n, &count);
    uint8_t *mark = e->demand->mark;
    for (size_t i = 0; i < count; i++) {
        node *in = graph_node(e->ctx, inputs[i]);
        if (!inputs[i] || --e->uses[inputs[i]] || !(mark[inputs[i]] & FRESH) || mark[inputs[i]] & DEMAND_KEEP) continue;
        memory_drop(&e->ctx->memory, in->data);
        in->data = NULL;
        mark[inputs[i]] &= (uint8_t)~FRESH;
    }
}

static bool run(evaluation *e)
{
    for (size_t i = 0; i < e->demand->count; i++) {
        uint32_t id = e->demand->id[i];
        node *n = graph_node(e->ctx, id);
        n->data = compute_values(e->ctx, id);
        if (!n->data) return false;
        e->demand->mark[id] |= FRESH;
        drop_unused(e, n);
    }
    return true;
}

/* Gives kept values to their nodes for good. */
static bool keep(evaluation *e)
{
    for (size_t i = 0; i < e->demand->count; i++) {
        uint32_t id = e->demand->id[i];
        if (!(e->demand->mark[id] & FRESH)) continue;
        if (!demand_keep(e->ctx, id, graph_node(e->ctx, id)->data)) return false;
        e->demand->mark[id] &= (uint8_t)~FRESH;
    }
    return true;
}

static void drop_fresh(evaluation *e)
{
    for (size_t i = 0; i < e->demand->count; i++) {
        node *n = graph_node(e->ctx, e->demand->id[i]);
        if (!(e->demand->mark[e->demand->id[i]] & FRESH)) continue;
        memory_drop(&e->ctx->memory, n->data);
        n->data = NULL;
    }
}

static bool compute_demand(evaluation *e)
{
    e->uses = memory_new(&e->ctx->memory, e->ctx->node_count, sizeof *e->uses);
    if (!e->uses) return graph_fail_memory(e->ctx, e->ctx->node_count * sizeof *e->uses).id;
    count_uses(e);
    bool fine = run(e) && keep(e);
    if (!fine) drop_fresh(e);
    memory_release(&e->ctx->memory, e->uses);
    return fine;
}

bool plain_evaluate(wg_context *ctx, demand *d)
{
    return compute_demand(&(evaluation){.ctx = ctx, .demand = d});
}

/* ---- eager mode ---- */

bool plain_compute(wg_context *ctx, uint32_t id)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &count);
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
    if (demand_keep(ctx, id, values)) return true;
    memory_drop(&ctx->memory, values);
    return false;
}

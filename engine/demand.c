/* From the roots down to what has a value already. Nothing here computes. */
#include "engine/demand.h"

#include "graph/verify.h"

#include <assert.h>
#include <string.h>

enum private_mark {
    LOST = 4,    /* cannot be computed any more: a parameter it reads has been overwritten */
    CONSUMED = 8 /* some other forward node reads it */
};

/* ---- what is lost ---- */

/* The persistent tensor that a node without values was a binding of; NULL for nodes that are to be computed. */
static const persistent *past_binding(const wg_context *ctx, const node *n)
{
    bool pending = n->op == &graph_assign_op && n->version == 0;
    return pending ? NULL : graph_persistent_of(ctx, n);
}

/* Marks what can no longer be computed: everything that reads an overwritten value and has not been computed itself. */
static void mark_lost(demand *d, const wg_context *ctx)
{
    for (uint32_t id = 1; id < ctx->node_count; id++) {
        const node *n = graph_node(ctx, id);
        if (graph_values(ctx, n)) continue;
        if (past_binding(ctx, n)) {
            d->mark[id] |= LOST;
            continue;
        }
        size_t count;
        const uint32_t *inputs = graph_inputs(ctx, n, &count);
        for (size_t i = 0; i < count; i++) d->mark[id] |= d->mark[inputs[i]] & LOST;
    }
}

/* The error about a lost node names the parameter at the end of a lost path. */
static void fail_lost(const demand *d, wg_context *ctx, uint32_t id)
{
    uint32_t at = id;
    while (!past_binding(ctx, graph_node(ctx, at))) {
        size_t count, i = 0;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, at), &count);
        while (!(d->mark[inputs[i]] & LOST)) i++;
        at = inputs[i];
    }
    graph_fail_node(ctx, WG_OVERWRITTEN, id,
                    "would have to be computed from the value that \"%s\" had before it was assigned",
                    past_binding(ctx, graph_node(ctx, at))->name);
    graph_hint(ctx, "ask for all that you need in one evaluation: wg_eval(WG_LIST(loss, norm))");
}

static bool check_lost(const demand *d, wg_context *ctx, const uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (d->mark[ids[i]] & LOST) fail_lost(d, ctx, ids[i]);
    return graph_ok(ctx);
}

/* ---- what is needed ---- */

/* What the program recorded before `end` and nothing there consumes, a metric say: computed along with the assigns,
   because it could not be computed afterwards. Gradients that nobody uses are the sweep's by-products, unless the user
   asked for them. */
static void mark_forgotten(demand *d, const wg_context *ctx, uint32_t end)
{
    for (uint32_t id = 1; id < end; id++) {
        const node *n = graph_node(ctx, id);
        size_t count;
        const uint32_t *inputs = graph_inputs(ctx, n, &count);
        if (!(n->flags & NODE_GRADIENT))
            for (size_t i = 0; i < count; i++) d->mark[inputs[i]] |= CONSUMED;
    }
    for (uint32_t id = 1; id < end; id++) {
        const node *n = graph_node(ctx, id);
        bool by_product = (n->flags & NODE_GRADIENT) && !(n->flags & NODE_RESULT);
        if (d->mark[id] & (CONSUMED | LOST) || by_product || n->flags & NODE_USED || graph_is_leaf(n) ||
            n->op == &graph_assign_op)
            continue;
        d->mark[id] |= DEMAND_NEEDED | DEMAND_KEEP;
    }
}

static void mark_roots(demand *d, const uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        d->mark[ids[i]] |= DEMAND_NEEDED | DEMAND_KEEP;
        if (ids[i] < d->lowest) d->lowest = ids[i];
        if (ids[i] > d->highest) d->highest = ids[i];
    }
}

/* Lists the needed nodes from the newest to the oldest mark; false if there is no memory or one is a past binding.
   Nodes beyond the marks are not looked at. */
static bool list_needed(demand *d, wg_context *ctx, bool *lost)
{
    for (uint32_t id = d->highest + 1; id-- > 1 && id >= d->lowest;) {
        const node *n = graph_node(ctx, id);
        if (!(d->mark[id] & DEMAND_NEEDED) || graph_values(ctx, n)) continue;
        if (past_binding(ctx, n)) {
            *lost = true;
            return false;
        }
        if (!memory_grow(&ctx->memory, (void **)&d->id, &d->capacity, d->count + 1, sizeof *d->id)) {
            graph_fail_memory(ctx, (d->count + 1) * sizeof *d->id);
            return false;
        }
        d->id[d->count++] = id;
        size_t count;
        const uint32_t *inputs = graph_inputs(ctx, n, &count);
        for (size_t i = 0; i < count; i++) {
            d->mark[inputs[i]] |= DEMAND_NEEDED;
            if (inputs[i] && inputs[i] < d->lowest) d->lowest = inputs[i];
        }
    }
    return true;
}

static void reverse(uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        uint32_t other = ids[count - 1 - i];
        ids[count - 1 - i] = ids[i];
        ids[i] = other;
    }
}

/* With assigns, everything on the tape matters. */
static bool collect_for_assigns(demand *d, wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end)
{
    d->lowest = 1;
    d->highest = ctx->node_count - 1;
    mark_lost(d, ctx);
    if (!check_lost(d, ctx, roots, count) || !check_lost(d, ctx, ctx->assigns, ctx->assign_count)) return false;
    mark_forgotten(d, ctx, end);
    mark_roots(d, ctx->assigns, ctx->assign_count);
    return true;
}

bool demand_collect(demand *d, wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end)
{
    d->count = 0;
    d->lowest = ctx->node_count;
    d->highest = 0;
    if (!graph_ok(ctx)) return false;
    if (!memory_grow(&ctx->memory, (void **)&d->mark, &d->mark_capacity, ctx->node_count, sizeof *d->mark))
        return graph_fail_memory(ctx, ctx->node_count).id;
    if (ctx->assign_count && !collect_for_assigns(d, ctx, roots, count, end)) return false;
    mark_roots(d, roots, count);
    bool lost = false;
    if (list_needed(d, ctx, &lost)) {
        reverse(d->id, d->count);
        return true;
    }
    if (lost) { /* all is marked, and to be cleared */
        d->lowest = 1;
        d->highest = ctx->node_count - 1;
        mark_lost(d, ctx);
        check_lost(d, ctx, roots, count);
    }
    return false;
}

void demand_end(demand *d)
{
    if (!d->mark) return;
    d->mark[0] = 0; /* the weak scalar's */
    if (d->lowest <= d->highest) memset(d->mark + d->lowest, 0, d->highest - d->lowest + 1);
}

void demand_release(demand *d, wg_context *ctx)
{
    memory_release(&ctx->memory, d->mark);
    memory_release(&ctx->memory, d->id);
}

void demand_verify(const wg_context *ctx)
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

/* ---- what becomes of it ---- */

bool demand_keep(wg_context *ctx, uint32_t id, void *values)
{
    if (!graph_hold(ctx, id, values)) return false;
    graph_node(ctx, id)->flags |= NODE_KEPT;
    return true;
}

/* The assign's node keeps its values as well, so an earlier one of two to the same tensor can still be read. */
void demand_perform_assigns(wg_context *ctx)
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

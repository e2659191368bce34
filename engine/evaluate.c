/* What the graph asks of an engine, and which executor serves it. */
#include "engine/demand.h"
#include "engine/plain.h"
#include "ops/rows.h"

static bool evaluate_roots(wg_context *ctx, const uint32_t *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        graph_node(ctx, roots[i])->flags |= NODE_USED;
        if (ctx->assign_count && !graph_pin(ctx, roots[i])) return false;
    }
    return plain_evaluate(ctx, roots, count, ctx->node_count);
}

static bool perform(wg_context *ctx, uint32_t first)
{
    return plain_evaluate(ctx, NULL, 0, first);
}

static const graph_engine engine = {
    .evaluate = evaluate_roots,
    .perform = perform,
    .compute = plain_compute,
    .fill = &ops_full,
};

wg_context *wg_context_new(const wg_context_options *options)
{
    return graph_context_new(options, &engine);
}

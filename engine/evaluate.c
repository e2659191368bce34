/* What the graph asks of an engine, and which executor serves it. */
#include "base/float_mode.h"
#include "engine/demand.h"
#include "engine/plain.h"
#include "engine/state.h"
#include "ops/rows.h"

#include <stdlib.h>
#include <string.h>

/* The number of each item's node. */
static double *scalars_of(const wg_context *ctx, const program *p, bump *b)
{
    double *scalar = bump_new(b, p->count, sizeof *scalar);
    for (uint32_t i = 0; scalar && i < p->count; i++) scalar[i] = graph_node(ctx, p->source[i])->scalar;
    return scalar;
}

/* Builds the program of the demand, and runs its plan. */
static bool run_demand(wg_context *ctx, engine_state *s, const question *q)
{
    const demand *d = &s->demand;
    bump b = bump_of(&ctx->memory);
    program p;
    double *scalar = NULL;
    bool fine = memory_grow(&ctx->memory, (void **)&s->place, &s->place_capacity, ctx->node_count, sizeof *s->place) &&
                program_build(&p, &b, ctx, d, s->place) && (scalar = scalars_of(ctx, &p, &b));
    if (!fine) graph_fail_memory(ctx, d->count * sizeof(item));
    plan *found = fine ? state_plan(ctx, &p, scalar) : NULL;
    if (found) state_remember(ctx, found, q, &p);
    fine = found && plan_run(ctx, found, p.source);
    bump_free(&b);
    return fine;
}

static plan *recall(wg_context *ctx, const question *q)
{
    if (!ctx->options.timed) return state_recall(ctx, q);
    double began = state_seconds();
    plan *known = state_recall(ctx, q);
    ctx->plans.lookup_seconds += state_seconds() - began;
    return known;
}

static bool compute(wg_context *ctx, engine_state *s, const question *q)
{
    bool plain = ctx->options.plain || ctx->options.check_finite;
    plan *known = plain ? NULL : recall(ctx, q);
    if (known) return plan_run(ctx, known, snapshot_source(known->snapshot));
    bool fine = demand_collect(&s->demand, ctx, q->roots, q->count, q->end);
    if (fine && s->demand.count) fine = plain ? plain_evaluate(ctx, &s->demand) : run_demand(ctx, s, q);
    demand_end(&s->demand);
    return fine;
}

/* Takes the floating-point mode that the context asks for; returns the caller's, for leave_mode. */
static uint32_t enter_mode(const wg_context *ctx)
{
    uint32_t mode = float_mode();
    if (ctx->options.flush_denormals) float_mode_take(float_mode_flushing(mode));
    return mode;
}

static void leave_mode(const wg_context *ctx, uint32_t mode)
{
    if (ctx->options.flush_denormals) float_mode_take(mode);
}

/* Computes the roots and performs the assigns; with them comes what is forgotten among the nodes before `end`. */
static bool evaluate(wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end)
{
    if (!graph_ok(ctx)) return false;
    engine_state *s = state_of(ctx);
    if (!s) return graph_fail_memory(ctx, sizeof *s).id;
    demand_verify(ctx);
    ctx->evaluations++;
    uint32_t mode = enter_mode(ctx);
    bool fine = compute(ctx, s, &(question){roots, count, end});
    leave_mode(ctx, mode);
    if (fine) demand_perform_assigns(ctx);
    return fine;
}

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

static bool compute_eagerly(wg_context *ctx, uint32_t id)
{
    uint32_t mode = enter_mode(ctx);
    bool fine = plain_compute(ctx, id);
    leave_mode(ctx, mode);
    return fine;
}

static const graph_engine engine = {
    .evaluate = evaluate_roots,
    .perform = perform,
    .compute = compute_eagerly,
    .fill = &ops_full,
    .close = state_close,
};

wg_context *wg_context_new(const wg_context_options *options)
{
    wg_context_options chosen = options ? *options : (wg_context_options){0};
    const char *plain = getenv("WG_PLAIN");
    if (plain && strcmp(plain, "1") == 0) chosen.plain = true;
    return graph_context_new(&chosen, &engine);
}

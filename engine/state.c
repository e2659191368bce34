/* The cache of plans, and the memory that they share. */
#include "engine/state.h"
#include "engine/planted.h"

#include <string.h>
#include <time.h>

enum { MOST_PLANS = 64, MOST_BYTES = 64 << 20 };

double state_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

engine_state *state_of(wg_context *ctx)
{
    if (ctx->engine_state) return ctx->engine_state;
    engine_state *s = memory_new(&ctx->memory, 1, sizeof *s);
    if (!s) return NULL;
    s->layout = 1;
    return ctx->engine_state = s;
}

void state_close(wg_context *ctx)
{
    engine_state *s = ctx->engine_state;
    if (!s) return;
    demand_release(&s->demand, ctx);
    memory_release(&ctx->memory, s->place);
    for (size_t i = 0; i < s->count; i++) plan_free(s->plans[i], ctx);
    memory_release(&ctx->memory, s->plans);
    memory_drop(&ctx->memory, s->arena);
    memory_drop(&ctx->memory, s->registers);
    memory_drop(&ctx->memory, s->partials);
    memory_release(&ctx->memory, s);
    ctx->engine_state = NULL;
}

/* ---- shared memory ---- */

static bool grow(wg_context *ctx, char **block, size_t *have, size_t need, size_t copies)
{
    if (need <= *have) return true;
    memory_drop(&ctx->memory, *block);
    *block = memory_values(&ctx->memory, need * copies);
    *have = *block ? need : 0;
    ctx->engine_state->layout++;
    if (!*block) graph_fail_memory(ctx, need * copies);
    return *block != NULL;
}

bool state_reserve(wg_context *ctx, const plan *p)
{
    engine_state *s = ctx->engine_state;
    size_t each = (p->registers + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return grow(ctx, &s->arena, &s->arena_bytes, p->arena, 1) &&
           grow(ctx, &s->registers, &s->registers_step, each, (size_t)team_size(ctx->team)) &&
           grow(ctx, &s->partials, &s->partial_bytes, p->partials, 1);
}

/* ---- the cache ---- */

static size_t plan_bytes(const plan *p)
{
    return p->bump.bytes + (p->snapshot ? snapshot_bytes(p->snapshot) : 0);
}

static void tell_plans(wg_context *ctx)
{
    ctx->plans.count = ctx->engine_state->count;
    ctx->plans.bytes = ctx->engine_state->bytes;
}

/* Whether the numbers that the plan needs to be equal are so now; `source`: the node of each item of its program. */
static bool holds(const plan *p, const wg_context *ctx, const uint32_t *source)
{
    for (size_t i = 0; i < p->assumptions.count; i++) {
        const assumption *a = &p->assumptions.items[i];
        const node *one = graph_node(ctx, source[a->one]), *other = graph_node(ctx, source[a->other]);
        const double *a_reals = graph_attributes(ctx, one)->real, *b_reals = graph_attributes(ctx, other)->real;
        if (one->scalar_operand && memcmp(&one->scalar, &other->scalar, sizeof one->scalar) != 0) return false;
        if (memcmp(a_reals, b_reals, sizeof(wg_attributes){0}.real) != 0) return false;
    }
    return true;
}

static void forget_oldest(wg_context *ctx)
{
    engine_state *s = ctx->engine_state;
    size_t oldest = 0;
    for (size_t i = 1; i < s->count; i++)
        if (s->plans[i]->used < s->plans[oldest]->used) oldest = i;
    s->bytes -= plan_bytes(s->plans[oldest]);
    plan_free(s->plans[oldest], ctx);
    s->plans[oldest] = s->plans[--s->count];
}

plan *state_recall(wg_context *ctx, const question *q)
{
    engine_state *s = ctx->engine_state;
    for (size_t i = 0; i < s->count; i++) {
        plan *p = s->plans[i];
        bool same = p->snapshot && snapshot_matches(p->snapshot, ctx, q);
        if (!same || !holds(p, ctx, snapshot_source(p->snapshot))) continue;
        p->used = ++s->clock;
        FIRED(recalled);
        ctx->plans.hits++;
        return p;
    }
    return NULL;
}

void state_remember(wg_context *ctx, plan *p, const question *q, const program *built)
{
    enum { WORTH = 4 };
    engine_state *s = ctx->engine_state;
    if (built->count < ctx->node_count / WORTH) return;
    s->bytes -= plan_bytes(p);
    snapshot_free(p->snapshot, ctx);
    p->snapshot = snapshot_new(ctx, q, built);
    s->bytes += plan_bytes(p);
    tell_plans(ctx);
}

plan *state_plan(wg_context *ctx, const program *p, const double *scalar)
{
    engine_state *s = ctx->engine_state;
    uint64_t hash = program_hash(p);
    s->clock++;
    for (size_t i = 0; i < s->count; i++) {
        plan *known = s->plans[i];
        if (known->hash != hash || !program_same(&known->key, p)) continue;
        if (!holds(known, ctx, p->source)) {
            FIRED(broke_assumption);
            continue;
        }
        known->used = s->clock;
        FIRED(found_plan);
        ctx->plans.hits++;
        return known;
    }
    double began = state_seconds();
    plan *made = plan_new(&ctx->memory, p, scalar, ctx->options.precise);
    ctx->plans.seconds += state_seconds() - began;
    ctx->plans.misses++;
    FIRED(made_plan);
    while (s->count && (s->count >= MOST_PLANS || s->bytes > MOST_BYTES)) forget_oldest(ctx);
    if (!made || !memory_grow(&ctx->memory, (void **)&s->plans, &s->capacity, s->count + 1, sizeof *s->plans)) {
        plan_free(made, ctx);
        graph_fail_memory(ctx, p->count * sizeof *p->items);
        return NULL;
    }
    made->used = s->clock;
    s->bytes += plan_bytes(made);
    s->plans[s->count++] = made;
    tell_plans(ctx);
    return made;
}

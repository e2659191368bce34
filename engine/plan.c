/* Making a plan: the passes in their order. */
#include "engine/plan.h"

#include "base/executable.h"
#include "engine/inplace.h"

#include <assert.h>

static void find_sources(program *p)
{
    for (uint32_t i = 0; i < p->count; i++) p->source[i] = i;
}

/* pass_merge, whose assumptions the plan keeps. */
static bool merge(plan *p, const program *from, program *to, const double *scalar, bump *b)
{
    assumptions made = {0};
    if (!pass_merge(from, to, scalar, &made, b)) return false;
    p->assumptions.items = bump_copy(&p->bump, made.items, made.count, sizeof *made.items);
    p->assumptions.count = made.count;
    return !p->bump.failed;
}

typedef bool (*rewriting_pass)(const program *from, program *to, bump *b);

/* Rewrites the program until it is ready to be laid out. Each pass reads what the one before has written, whose memory
   is given back then; the last one writes to `b`. */
static bool rewrite(plan *p, program *final, const double *scalar, bump *b)
{
    static const rewriting_pass passes[] = {pass_simplify,   NULL,       pass_simplify, pass_dead, pass_stack,
                                            pass_accumulate, pass_outer, pass_hoist};
    enum { PASSES = sizeof passes / sizeof *passes };
    bump own[2] = {bump_of(b->memory), bump_of(b->memory)};
    program at[2];
    bool fine = program_copy(&at[0], &p->key, &own[0]);
    if (fine) find_sources(&at[0]);
    for (int i = 0; fine && i < PASSES; i++) {
        int from = i % 2, to = !from;
        bump_free(&own[to]);
        fine = passes[i] ? passes[i](&at[from], &at[to], &own[to]) : merge(p, &at[from], &at[to], scalar, &own[to]);
    }
    fine = fine && pass_dead(&at[PASSES % 2], final, b);
    bump_free(&own[0]);
    bump_free(&own[1]);
    return fine;
}

static void verify(const schedule *s, bump *b)
{
#ifdef WG_VERIFY
    assert(schedule_in_time(s, b) && "a step comes before what it reads or waits for");
#else
    (void)s, (void)b;
#endif
}

static bool lay_out(plan *p, const program *final, bump *b)
{
    schedule s;
    storage m;
    bool fine = schedule_gather(&s, final, b) && storage_inside(&m, &s, b) && schedule_group(&s, b) &&
                schedule_fuse(&s, b) && schedule_sink(&s, &m, b) && storage_assign(&m, &s, b) &&
                storage_in_place(&m, &s, b) && storage_place(&m, &s, b) && plan_emit(p, &s, &m);
    if (!fine) return false;
    verify(&s, b);
    p->arena = m.arena;
    p->arena_bound = m.bound;
    return true;
}

plan *plan_new(memory *m, const program *key, const double *scalar, bool precise)
{
    plan *p = memory_new(m, 1, sizeof *p);
    if (!p) return NULL;
    p->bump = bump_of(m);
    p->precise = precise;
    bump temporary = bump_of(m);
    program final;
    bool fine = program_copy(&p->key, key, &p->bump);
    fine = fine && rewrite(p, &final, scalar, &temporary) && lay_out(p, &final, &temporary);
    bump_free(&temporary);
    p->hash = program_hash(key);
    for (uint32_t i = 0; fine && i < key->count; i++) p->computed += key->items[i].op && !key->items[i].op->alias;
    if (fine) return p;
    plan_free(p, NULL);
    return NULL;
}

void plan_free(plan *p, wg_context *ctx)
{
    if (!p) return;
    snapshot_free(p->snapshot, ctx);
    memory *m = p->bump.memory;
    for (size_t i = 0; i < p->step_count; i++) {
        if (p->steps[i].kind == STEP_PRODUCT) product_release(&p->steps[i].product->plan);
        if (p->steps[i].kind == STEP_CONVOLUTION) convolution_release(&p->steps[i].convolution->plan);
    }
    executable_free(p->code, p->code_bytes);
    bump_free(&p->bump);
    memory_release(m, p);
}

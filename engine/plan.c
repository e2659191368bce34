/* Making a plan: the passes in their order. */
#include "engine/plan.h"

#include "engine/inplace.h"

static void find_sources(program *p)
{
    for (uint32_t i = 0; i < p->count; i++) p->source[i] = i;
}

/* Rewrites the program until it is ready to be laid out. */
static bool rewrite(plan *p, program *final, const double *scalar, bump *b)
{
    program first, simple, merged, again, summed, hoisted;
    if (!program_copy(&first, &p->key, b)) return false;
    find_sources(&first);
    assumptions made = {0};
    bool fine = pass_simplify(&first, &simple, b) && pass_merge(&simple, &merged, scalar, &made, b) &&
                pass_simplify(&merged, &again, b) && pass_accumulate(&again, &summed, b) &&
                pass_hoist(&summed, &hoisted, b) && pass_dead(&hoisted, final, b);
    if (!fine) return false;
    p->assumptions.items = bump_new(&p->bump, made.count, sizeof *made.items);
    for (size_t i = 0; p->assumptions.items && i < made.count; i++) p->assumptions.items[i] = made.items[i];
    p->assumptions.count = made.count;
    return !p->bump.failed;
}

static bool lay_out(plan *p, const program *final, bump *b)
{
    schedule s;
    storage m;
    bool fine = schedule_gather(&s, final, b) && storage_inside(&m, &s, b) && schedule_group(&s, b) &&
                schedule_fuse(&s, b) && storage_assign(&m, &s, b) && storage_in_place(&m, &s, b) &&
                storage_place(&m, &s, b) && plan_emit(p, &s, &m);
    if (!fine) return false;
    p->arena = m.arena;
    p->arena_bound = m.bound;
    return true;
}

plan *plan_new(memory *m, const program *key, const double *scalar)
{
    plan *p = memory_new(m, 1, sizeof *p);
    if (!p) return NULL;
    p->bump = bump_of(m);
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
    for (size_t i = 0; i < p->step_count; i++)
        if (p->steps[i].kind == STEP_PRODUCT) product_release(&p->steps[i].product->plan);
    bump_free(&p->bump);
    memory_release(m, p);
}

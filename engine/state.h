/* What a context's engine keeps between evaluations. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "engine/plan.h"

typedef struct engine_state {
    demand demand;
    uint32_t *place; /* for program_build */
    size_t place_capacity;
    plan **plans;
    size_t count, capacity;
    uint64_t clock; /* evaluations by plans */
    size_t bytes;   /* of all plans */
    /* Memory that all plans share: it is kept, and grows to what the largest needs. */
    char *arena, *registers, *partials;
    size_t arena_bytes, registers_step, partial_bytes;
    uint64_t layout; /* rises when one of them moves */
    team *team;      /* that helps now; NULL: the caller works alone */
} engine_state;

/* A clock that only goes forward. */
double state_seconds(void);
/* The state of a context, made when first asked for; NULL without memory. */
engine_state *state_of(wg_context *ctx);
void state_close(wg_context *ctx);
/* Makes the shared memory large enough. */
bool state_reserve(wg_context *ctx, const plan *p);
/* The plan that was found for the same tape; NULL: there is none. */
plan *state_recall(wg_context *ctx, const question *q);
/* Remembers the tape for a plan, if it is about as large as the program: else comparing would cost more than it saves.
 */
void state_remember(wg_context *ctx, plan *p, const question *q, const program *built);
/* The plan for a program, from the cache or made now; NULL without memory. `scalar`: the number of each of its items.
 */
plan *state_plan(wg_context *ctx, const program *p, const double *scalar);

/* Runs a plan for the nodes of a program that is the same; results are held, assigns not yet performed. */
bool plan_run(wg_context *ctx, plan *p, const uint32_t *source);

#endif

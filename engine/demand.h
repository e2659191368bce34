/* What an evaluation is to compute, and what becomes of it: the meaning of evaluation, shared by all executors. */
#ifndef ENGINE_DEMAND_H
#define ENGINE_DEMAND_H

#include "graph/graph.h"

enum demand_mark {
    DEMAND_NEEDED = 1, /* to be computed, or read */
    DEMAND_KEEP = 2    /* its value outlives the evaluation */
};

/* The nodes to compute, rising, so that operands come first. Its memory is kept from evaluation to evaluation, and
   only as much of it is looked at as is needed: a value read after each op of a long tape costs what that op costs. */
typedef struct demand {
    uint8_t *mark; /* of each node: enum demand_mark and private bits; all 0 between evaluations */
    size_t mark_capacity;
    uint32_t lowest, highest; /* marks lie between */
    uint32_t *id;
    size_t count, capacity;
} demand;

/* Finds what the roots and the pending assigns need; with assigns comes what the program recorded before `end` and
   nothing there consumes. False after an error: a value that can no longer be computed is wanted. */
bool demand_collect(demand *d, wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end);
/* Clears the marks for the next evaluation. */
void demand_end(demand *d);
void demand_release(demand *d, wg_context *ctx);

/* In builds with the option verify: stops where the tape breaks a rule. */
void demand_verify(const wg_context *ctx);

/* Makes the node the owner of the result of an evaluation. */
bool demand_keep(wg_context *ctx, uint32_t id, void *values);
/* Rebinds the persistent tensors to the values of the pending assigns' nodes, in their order. */
void demand_perform_assigns(wg_context *ctx);

#endif

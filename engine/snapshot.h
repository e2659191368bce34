/* A whole tape as it was when a plan was found for it: if the next one is the same, so is the plan, and nothing has to
   be collected or built. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include "engine/program.h"

typedef struct snapshot snapshot;

/* What is asked of a tape. */
typedef struct question {
    const uint32_t *roots;
    size_t count;
    uint32_t end; /* see demand_collect */
} question;

/* Of the tape as it is before the evaluation; `source`: of the program that was built for it. NULL without memory. */
snapshot *snapshot_new(wg_context *ctx, const question *q, const program *p);
void snapshot_free(snapshot *s, wg_context *ctx);
/* Compared in full: ops, operands, shapes, types, attributes, which persistent tensors, what has values, fixed numbers.
 */
bool snapshot_matches(const snapshot *s, const wg_context *ctx, const question *q);
/* The node of each item of the program. */
const uint32_t *snapshot_source(const snapshot *s);
size_t snapshot_bytes(const snapshot *s);

#endif

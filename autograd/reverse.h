/* What transforms share with the reverse sweep. */
#ifndef AUTOGRAD_REVERSE_H
#define AUTOGRAD_REVERSE_H

#include "graph/graph.h"

/* Whether y was recorded from an earlier value of the persistent tensor x than the present one: then an error is set,
   that begins with `who`, for what is asked about x has no answer. */
bool reverse_reads_older_binding(wg_context *ctx, uint32_t y, wg_tensor x, const char *who);
/* Which nodes a differentiable path leads from to y: an array of flags by id, from the context's memory, to be released
   by the caller; NULL after an error. */
uint8_t *reverse_sources(wg_context *ctx, uint32_t y);

/* Where sweeps begin: nodes and their cotangents; NULL: 1 for each. */
typedef struct reverse_outputs {
    size_t count;
    const uint32_t *ids, *cotangents;
} reverse_outputs;

/* Records the gradients of ys by xs, which are nodes of floats; false after an error. */
bool reverse_gradients(wg_context *ctx, reverse_outputs ys, const uint32_t *xs, size_t count, wg_tensor *out);
/* Records a node like node `id`, with other operands (0 in the place of a C scalar), under its scope and C line; 0
   after an error. */
uint32_t reverse_record_like(wg_context *ctx, uint32_t id, const uint32_t *operands);

/* Whether node x lies in the region of a checkpoint, y: was recorded in its function, and is none of what that reads.
   False with an error without memory. */
bool checkpoint_holds(wg_context *ctx, uint32_t y, uint32_t x);

/* A value that is there only once another one is; and the end of a region that is computed again backwards. */
extern const wg_op autograd_barrier_op, autograd_checkpoint_op;
/* A recurrence. */
extern const wg_op autograd_scan_op;

#endif

/* The reverse sweep, for what asks for derivatives. */
#ifndef AUTOGRAD_REVERSE_H
#define AUTOGRAD_REVERSE_H

#include "graph/graph.h"

/* The nodes where a sweep begins, with their cotangents. */
typedef struct reverse_outputs {
    size_t count;
    const uint32_t *ids, *cotangents; /* NULL: 1 for each */
} reverse_outputs;

/* One sweep: out[i] is the sum over all ys of cotangent times derivative by node xs[i], of its shape and type; recorded
   zeros where no path leads. False after an error. */
bool reverse_record(wg_context *ctx, reverse_outputs ys, const uint32_t *xs, size_t count, wg_tensor *out);
/* Whether a differentiable path leads from one of the xs to y. */
bool reverse_depends(wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count);
/* Which nodes a differentiable path leads from to y: an array of flags by id, from the context's memory, to be released
   by the caller; NULL after an error. */
uint8_t *reverse_sources(wg_context *ctx, uint32_t y);

/* Who lent scope and C line before. */
typedef struct reverse_lender {
    const node *origin;
    uint32_t id;
    uint64_t wanted;
} reverse_lender;

/* From here on what is recorded belongs to a node, as gradients do; and back. */
reverse_lender reverse_lend(wg_context *ctx, uint32_t id);
void reverse_return(wg_context *ctx, reverse_lender before);

/* ---- what may be asked (gradients.c): errors begin with `who` ---- */

/* Whether y, which is live, has derivatives; with `single`, whether it is one number, too. */
bool reverse_check_output(wg_context *ctx, uint32_t y, bool single, const char *who);
/* The nodes of xs, by which ys are to be differentiated. False after an error: integers, or a persistent tensor that
   has been assigned since ys were recorded. */
bool reverse_resolve(wg_context *ctx, const uint32_t *ys, size_t count, wg_list xs, const char *who, uint32_t *ids);
/* Whether node `with`, a cotangent or a tangent, has the shape and type of node `of`. */
bool reverse_check_like(wg_context *ctx, uint32_t with, uint32_t of, const char *who, const char *what);
/* Whether y was recorded from an earlier value of the persistent tensor x than the present one: then an error is set,
   that begins with `who`, for what is asked about x has no answer. */
bool reverse_reads_older_binding(wg_context *ctx, uint32_t y, wg_tensor x, const char *who);

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

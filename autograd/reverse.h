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

#endif

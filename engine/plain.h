/* The plain executor: one node at a time, in tape order. */
#ifndef ENGINE_PLAIN_H
#define ENGINE_PLAIN_H

#include "engine/demand.h"

/* Computes what is demanded, and gives kept values to their nodes. */
bool plain_evaluate(wg_context *ctx, demand *d);
/* Computes one node, whose operands have values. */
bool plain_compute(wg_context *ctx, uint32_t id);

#endif

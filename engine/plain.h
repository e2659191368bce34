/* The plain executor: one node at a time, in tape order. */
#ifndef ENGINE_PLAIN_H
#define ENGINE_PLAIN_H

#include "graph/graph.h"

/* Computes the roots and performs the assigns; with them comes what is forgotten among the nodes before `end`. */
bool plain_evaluate(wg_context *ctx, const uint32_t *roots, size_t count, uint32_t end);
/* Computes one node, whose operands have values. */
bool plain_compute(wg_context *ctx, uint32_t id);

#endif

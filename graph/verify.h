/* The verifier: whether the tape keeps the rules that every pass relies on. */
#ifndef GRAPH_VERIFY_H
#define GRAPH_VERIFY_H

#include "graph/graph.h"

/* True if all is well; else false with a line that names node, op and rule. Nothing is changed. */
bool graph_verify(const wg_context *ctx, char *message, size_t size);

#endif

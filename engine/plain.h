/* The plain executor: one node at a time, in tape order. */
#ifndef ENGINE_PLAIN_H
#define ENGINE_PLAIN_H

#include "graph/graph.h"

extern const graph_engine engine_plain;

#endif

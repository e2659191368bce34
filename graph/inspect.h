/* A graph read out of the tape: what pictures and listings are made from. */
#ifndef GRAPH_INSPECT_H
#define GRAPH_INSPECT_H

#include "graph/graph.h"

#include <wengert/graph.h>

struct wg_graph {
    wg_context *context;
    size_t count;
    wg_node *nodes;
    uint32_t *ids; /* on the tape */
    size_t *inputs;
    char *text; /* paths and file names */
    struct wg_graph *next;
};

#endif

/* Looking at a graph: reading out its nodes, and drawing it. */
#ifndef WENGERT_GRAPH_H
#define WENGERT_GRAPH_H

#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The part of the tape that leads to some tensors, as data. It belongs to the context and lives until wg_clear. */
typedef struct wg_graph wg_graph;

/* One node. Strings and arrays live as long as the graph. */
typedef struct {
    const char *op;   /* "matmul"; leaves: "constant", "parameter", "variable" */
    const char *path; /* scopes, "generator/first"; of a parameter its name */
    const char *file; /* the C line that recorded it; "" and 0 where debug information is missing */
    int line;
    wg_type type;
    wg_shape shape;
    const size_t *inputs; /* their places in this graph, all smaller than the node's own */
    size_t input_count;
    bool gradient;       /* recorded by wg_grad */
    double flops, bytes; /* of one evaluation: arithmetic, and the size of the result */
} wg_node;

/* The graph of some tensors; NULL after an error. */
WG_API wg_graph *wg_graph_new(wg_list tensors);
WG_API size_t wg_graph_size(const wg_graph *graph);
/* The node at a place below wg_graph_size, operands first, in an order that depends on the graph
   alone. */
WG_API wg_node wg_graph_node(const wg_graph *graph, size_t index);

typedef struct {
    bool updates; /* also draw the assigns that are pending */
    bool values;  /* show the values of small tensors, which are computed */
} wg_draw_options;

/* Draws the graph of some tensors. The suffix of the path chooses the format: .dot writes Graphviz text with no further
   help; .svg, .png and .pdf run Graphviz's program `dot`, which must be installed. */
WG_API bool wg_draw(wg_list tensors, const char *path, const wg_draw_options *options);
/* Writes the DOT text to an open file. */
WG_API bool wg_draw_dot(wg_list tensors, FILE *file, const wg_draw_options *options);

#ifdef __cplusplus
}
#endif

#endif

/* The type and shape of an op's result, by the op's own rule; what it said is remembered. */
#ifndef GRAPH_INFER_H
#define GRAPH_INFER_H

#include "graph/graph.h"

typedef struct inferred {
    wg_type type;
    uint32_t shape, attributes; /* as in a node */
} inferred;

/* False after an error. */
bool infer(wg_context *ctx, const graph_record *record, inferred *result);
/* The attributes alone, of an application whose type and shape are known. */
uint32_t infer_attributes(wg_context *ctx, const graph_record *record);
/* Makes room for what is remembered: false if there is no memory. */
bool infer_prepare(wg_context *ctx);
/* Forgets it: when shapes get other numbers. */
void infer_forget(wg_context *ctx);

#endif

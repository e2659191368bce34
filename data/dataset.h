/* What a data set is: examples of one shape, one after the other, inputs and targets in counted values that several
   data sets may share. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "graph/graph.h"

#include <wengert/data.h>

/* One side of the examples. */
typedef struct dataset_part {
    wg_type type;   /* WG_DEFAULT: there is no such side */
    wg_shape shape; /* of one example */
    void *values;   /* counted: of all examples in memory */
} dataset_part;

struct wg_dataset {
    wg_context *context;
    dataset_part inputs, targets;
    int64_t first, count; /* which of the examples in memory */
    double blank;         /* what a pixel of 0 became: fills the margin of a shifted image */
    const char **classes; /* counted: the pointers and, behind them, the names. NULL: none */
    int64_t class_count;
};

/* Makes a data set that lives as long as its context. The values and classes of `content` are given up to it, also if
   it fails: then NULL, and the context has an error. */
wg_dataset *dataset_new(wg_context *ctx, const wg_dataset *content);
/* Drops the values and classes. */
void dataset_drop(memory *m, wg_dataset *content);
/* Bytes of one example. */
size_t dataset_bytes(const dataset_part *part);

#endif

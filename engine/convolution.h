/* Convolutions of the planned engine, as matrix products over windows that are written side by side, block by block (as
   in Chellapilla, Puri, Simard 2006, but never more than fits the cache). */
#ifndef ENGINE_CONVOLUTION_H
#define ENGINE_CONVOLUTION_H

#include "engine/product.h"
#include "ops/convolution.h"

typedef enum convolution_kind { CONVOLUTION_FORWARD, CONVOLUTION_TRANSPOSED, CONVOLUTION_FILTER } convolution_kind;

/* A convolution made ready to run: tasks in any order, by any threads. The cuts follow from the shape alone. */
typedef struct convolution_plan {
    convolution_kind kind;
    wg_type type;
    conv_geometry q;
    bool direct;             /* windows of one element that lie as the inputs do: nothing is written side by side */
    int64_t block, blocks;   /* windows at a time */
    int64_t inputs, outputs; /* channels of a task; all of a group's but for the ones of the last */
    int64_t input_cuts, output_cuts;
    int64_t tasks;
    size_t columns, scratch;    /* bytes: of the windows, and of all that a task needs */
    product_plan part[2][2][2]; /* the last block? the last inputs? the last outputs? */
} convolution_plan;

/* Whether an op is one, with operands of these shapes that have elements. */
bool convolution_is(const wg_op *op, convolution_kind *kind);
/* False: nothing is to be computed this way, because something is empty. */
bool convolution_prepare(convolution_kind kind, const wg_shape *first, const wg_shape *second, const wg_shape *result,
                         wg_type type, const wg_attributes *a, convolution_plan *plan);
void convolution_release(convolution_plan *plan);
void convolution_run(const convolution_plan *plan, int64_t task, const void *a, const void *b, void *c, void *scratch);

#endif

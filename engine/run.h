/* Computing one node from the values of its operands: what every executor shares. */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "graph/graph.h"

/* A C scalar as an element of any type. */
typedef union typed_scalar {
    float f32;
    double f64;
    int32_t i32;
    int64_t i64;
    bool boolean;
    uint8_t u8;
} typed_scalar;

typed_scalar run_scalar(wg_type type, double value);

/* Calls the kernel for `inputs` (whose place of the weak scalar is filled in here) and `output`, both with type, shape
   and data; row-wise ones get them as [rows, length]. False after an error about node `id`. */
bool run_kernel(wg_context *ctx, uint32_t id, wg_array *inputs, size_t count, wg_array *output);

/* What the kernel of a row-wise op that is not element-wise sees of an array: [rows, length]. */
void run_see_rows(wg_array *a);

/* Calls a kernel, with the memory that its op asks for. False after an error. */
bool run_call(wg_context *ctx, const wg_op *op, void (*kernel)(const wg_call *), wg_call *call);

/* Room for a node's operands: inside for a few, else from the context's memory. */
typedef struct run_operands {
    wg_array few[8], *array;
    size_t count;
} run_operands;

bool run_operands_open(wg_context *ctx, const node *n, run_operands *operands);
void run_operands_close(wg_context *ctx, run_operands *operands);

#endif

/* What kernels that only move elements share: copies that follow strides, for all element types at once. Internal. */
#ifndef OPS_MOVEMENT_H
#define OPS_MOVEMENT_H

#include "ops/builder.h"

#include <string.h>

/* Writes the output in order, reading the walk's elements of the first operand. */
static inline void copy_in(const wg_call *call, strided_walk walk)
{
    size_t element = wg_type_size(call->output->type);
    const char *in = call->inputs[0].data;
    char *out = call->output->data;
    int64_t size = wg_shape_size(call->output->shape);
    for (int64_t i = 0; i < size; i++, out += element, walk_next(&walk))
        memcpy(out, in + walk.offset * (int64_t)element, element);
}

/* A walk over the output's shape with the input's own strides. */
static inline strided_walk walk_of(const wg_shape *output, const wg_shape *input)
{
    strided_walk walk = {.rank = output->rank};
    memcpy(walk.dim, output->dim, sizeof walk.dim);
    contiguous_strides(input, walk.stride);
    return walk;
}

/* One kernel for every element type. */
#define ALL_TYPES(function)                                                                                       \
    {                                                                                                             \
        [WG_F32] = function, [WG_F64] = function, [WG_I32] = function, [WG_I64] = function, [WG_BOOL] = function, \
        [WG_U8] = function                                                                                        \
    }

#endif

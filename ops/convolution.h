/* How a convolution reads its attributes: for its kernels, its builders and the engine. */
#ifndef OPS_CONVOLUTION_H
#define OPS_CONVOLUTION_H

#include <wengert/op.h>

/* The attributes' integers: stride, dilation, low padding and the length of the result, for up to three axes each; then
   groups. The high padding follows from the lengths: what lies beyond the last window is not used. */
enum { CONV_AXES = 3, CONV_STRIDE = 0, CONV_DILATION = 3, CONV_LOW = 6, CONV_LENGTH = 9, CONV_GROUPS = 12 };

/* The three tensors x, y and w of ops/convolution.c, all with three spatial axes: those that lack are of length 1 and
   come first. */
typedef struct conv_geometry {
    int64_t batch, groups, inputs, outputs; /* channels of a group */
    int64_t x[CONV_AXES], y[CONV_AXES], w[CONV_AXES];
    int64_t stride[CONV_AXES], dilation[CONV_AXES], low[CONV_AXES];
    int64_t x_size, y_size, w_size; /* of the spatial axes together */
} conv_geometry;

conv_geometry conv_geometry_of(const wg_shape *x, const wg_shape *y, const wg_shape *w, const wg_attributes *a);

#endif

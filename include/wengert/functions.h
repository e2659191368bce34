/* Everyday functions composed from the primitives of ops.h: each records nothing but those. */
#ifndef WENGERT_FUNCTIONS_H
#define WENGERT_FUNCTIONS_H

#include <wengert/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reductions ---- */

/* The mean over some axes; 0/0 = NaN over none. Floats only: cast integers. */
WG_API wg_tensor wg_mean(wg_tensor x, wg_axes axes);
/* The mean of squared distances from the mean, divided by count - correction (0: population, 1: sample). */
WG_API wg_tensor wg_var(wg_tensor x, wg_axes axes, double correction);
/* The Euclidean norm, sqrt(sum x^2); its derivative at 0 is 0. */
WG_API wg_tensor wg_norm(wg_tensor x, wg_axes axes);
/* log(sum(exp(x))) without overflow; -inf over none, and of -inf alone, where the gradient is NaN: all shares are 0/0.
 */
WG_API wg_tensor wg_logsumexp(wg_tensor x, wg_axes axes);
/* exp(x) / sum(exp(x)) along one axis, and its logarithm, without overflow. An element of -inf has the share 0 and no
   gradient; rows of -inf alone, and the elements +inf, are NaN. */
WG_API wg_tensor wg_softmax(wg_tensor x, int axis);
WG_API wg_tensor wg_log_softmax(wg_tensor x, int axis);

/* ---- activations ---- */

/* x where x > 0, else 0; the derivative at 0 is 0. */
WG_API wg_tensor wg_relu(wg_tensor x);
/* x where x > 0, else 0.01 x, or slope * x; the derivative at 0 is the slope. */
WG_API wg_tensor wg_leaky_relu(wg_tensor x);
WG_API wg_tensor wg_leaky_relu_slope(wg_tensor x, double slope);
/* log(1 + exp(x)) without overflow or loss of digits. */
WG_API wg_tensor wg_softplus(wg_tensor x);
/* x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016). */
WG_API wg_tensor wg_gelu(wg_tensor x);
/* x sigmoid(x) */
WG_API wg_tensor wg_silu(wg_tensor x);

/* ---- shapes ---- */

/* [n, a, b, ...] -> [n, a b ...]; rank 0 and 1 give [n, 1]. */
WG_API wg_tensor wg_flatten(wg_tensor x);
/* The last two axes exchanged; rank 2 at least. */
WG_API wg_tensor wg_transpose(wg_tensor x);
/* x[..., index, ...] along one axis, which disappears; a negative index counts from the end. */
WG_API wg_tensor wg_select(wg_tensor x, int axis, int64_t index);
/* A new axis of length 1 at a place; removing one. */
WG_API wg_tensor wg_unsqueeze(wg_tensor x, int axis);
WG_API wg_tensor wg_squeeze(wg_tensor x, int axis);
/* Tensors of one shape joined along a new axis. */
WG_API wg_tensor wg_stack(wg_list tensors, int axis);

/* Every step-th element of x[..., start:stop, ...] along one axis; the step is positive: wg_flip reverses. */
WG_API wg_tensor wg_slice_step(wg_tensor x, int axis, int64_t start, int64_t stop, int64_t step);

/* ---- products ---- */

/* The product of a and b, either of them with its last two axes exchanged, without a copy: both have rank 2 at least.
 */
WG_API wg_tensor wg_matmul_transposed(wg_tensor a, bool transpose_a, wg_tensor b, bool transpose_b);

/* ---- indexing ---- */

/* out[..., c] = (index[...] == c) as bool: index [...] of i32 or i64 -> [..., classes]. No class for an index outside.
 */
WG_API wg_tensor wg_one_hot(wg_tensor index, int64_t classes);

/* ---- random numbers ---- */

/* Independent draws of the default type (or of x's shape and type); other numbers each time one is recorded. */
WG_API wg_tensor wg_uniform(wg_context *context, wg_shape shape, double low, double high);
WG_API wg_tensor wg_uniform_like(wg_tensor x, double low, double high);
/* Standard normal: sqrt(-2 log(1 - u)) cos(2 pi v), u and v uniform (Box and Muller 1958). */
WG_API wg_tensor wg_normal(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_normal_like(wg_tensor x);
/* bool, true with the given probability. */
WG_API wg_tensor wg_bernoulli(wg_context *context, wg_shape shape, double probability);

#ifdef __cplusplus
}
#endif

#endif

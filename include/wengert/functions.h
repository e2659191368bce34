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
/* log(sum(exp(x))) without overflow. */
WG_API wg_tensor wg_logsumexp(wg_tensor x, wg_axes axes);
/* exp(x) / sum(exp(x)) along one axis, and its logarithm, without overflow. */
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

/* Every step-th element of x[..., start:stop, ...] along one axis, start included, stop not. A negative step goes
   backwards, from start down to what is behind stop. Negative places count from the end; WG_END as stop goes on as far
   as there are elements, so that (-1, WG_END, -1) reverses. Places that do not lie inside are an error, as is a step of
   0. */
WG_API wg_tensor wg_slice_step(wg_tensor x, int axis, int64_t start, int64_t stop, int64_t step);

/* x with `low` places before it and `high` behind it along one axis, filled as the mode says (wg_pad_mode); `value` is
   that of WG_PAD_CONSTANT and bound late. Reflected paddings must be shorter than the axis, circular ones not longer;
   replicated ones want an element. The gradient of what is repeated adds up. */
WG_API wg_tensor wg_pad_with(wg_tensor x, int axis, int64_t low, int64_t high, wg_pad_mode mode, double value);
/* The same along several axes: low[i] and high[i] are those of axes.axis[i]. */
WG_API wg_tensor wg_pad_axes(wg_tensor x, wg_axes axes, const int64_t *low, const int64_t *high, wg_pad_mode mode,
                             double value);

/* ---- products ---- */

/* The product of a and b, either of them with its last two axes exchanged, without a copy: both have rank 2 at least.
 */
WG_API wg_tensor wg_matmul_transposed(wg_tensor a, bool transpose_a, wg_tensor b, bool transpose_b);

/* ---- indexing ---- */

/* out[..., c] = (index[...] == c) as bool: index [...] of i32 or i64 -> [..., classes]. No class for an index outside.
 */
WG_API wg_tensor wg_one_hot(wg_tensor index, int64_t classes);

/* x by an index (i32 or i64) of as many axes: out[i, j, k] = x[i, index[i, j, k], k] along axis 1. Beside the axis
   lengths are equal or 1, which broadcasts; the result has the index' length along it. A place outside is an error. */
WG_API wg_tensor wg_take_along(wg_tensor x, wg_tensor index, int axis);
/* The adjoint of wg_take_along: zeros with updates[i, j, k] added at [i, index[i, j, k], k], the axis being of the
   given length. Lengths as of wg_take_along; along the axis updates and index have the same. Floats and integers. */
WG_API wg_tensor wg_scatter_add_along(wg_tensor updates, wg_tensor index, int axis, int64_t length);

/* ---- order ---- */

/* The elements of each row along an axis in ascending or descending order, as wg_argsort has it. */
WG_API wg_tensor wg_sort(wg_tensor x, int axis, bool descending);
/* The `count` largest of each row along an axis, in descending order, NaN first; `places`, if not NULL, is where they
   lie, i64. The smallest are those at wg_argsort(x, axis, false, count). */
WG_API wg_tensor wg_top_k(wg_tensor x, int64_t count, int axis, wg_tensor *places);
/* For each x how many elements of an ascending tensor [n] are smaller, or, with `right`, not larger: where it can be
   inserted. i64; NaN counts as larger than all else. Floats or integers of one type; takes log2(n) gathers of x's size.
 */
WG_API wg_tensor wg_searchsorted(wg_tensor sorted, wg_tensor x, bool right);

/* ---- pooling: [examples, channels, 1 to 3 spatial axes] -> [examples, channels, windows along each] ---- */

/* The largest, or smallest, element of each window, padding left out; the derivative is that of the first of equal
   ones; NaN if there is one. wg_pool_index tells where they lie. A window wholly in the padding is an error. */
WG_API wg_tensor wg_max_pool(wg_tensor x, const wg_pool_options *options);
WG_API wg_tensor wg_min_pool(wg_tensor x, const wg_pool_options *options);
/* The mean of each window's elements; with count_padding their sum divided by the number of those in the padding, too.
   Floats. */
WG_API wg_tensor wg_average_pool(wg_tensor x, const wg_pool_options *options);
/* Means over as many windows as asked for: window i of n along an axis of length l goes from i l / n, rounded down, to
   (i + 1) l / n, rounded up. `windows` has a length for each spatial axis. Floats. */
WG_API wg_tensor wg_adaptive_average_pool(wg_tensor x, wg_shape windows);
/* The mean over all spatial axes, of any number: [examples, channels]. Floats. */
WG_API wg_tensor wg_global_average_pool(wg_tensor x);

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

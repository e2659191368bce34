/* Everyday functions composed from the primitives of ops.h: each records nothing but those.

   Where nothing else is said a function takes f32 and f64 and gives x's type and shape, operands of one type broadcast
   as NumPy's do, a NaN gives a NaN, and what does not fit is an error that begins with the function's name. A negative
   axis counts from the end. docs/functions.md lists everything by purpose, beside the names of NumPy and PyTorch. */
#ifndef WENGERT_FUNCTIONS_H
#define WENGERT_FUNCTIONS_H

#include <wengert/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- statistics over axes ---- */

/* The mean over some axes; 0/0 = NaN over none. Floats only: cast integers. */
WG_API wg_tensor wg_mean(wg_tensor x, wg_axes axes);
/* The mean of squared distances from the mean, divided by count - correction (0: population, 1: sample), by 0 where
   that is negative. */
WG_API wg_tensor wg_var(wg_tensor x, wg_axes axes, double correction);
/* The standard deviation, the square root of wg_var; its derivative at 0 is 0. */
WG_API wg_tensor wg_std(wg_tensor x, wg_axes axes, double correction);
/* The Euclidean norm, sqrt(sum x^2); its derivative at 0 is 0. */
WG_API wg_tensor wg_norm(wg_tensor x, wg_axes axes);
/* log(sum(exp(x))) without overflow; -inf over none, and of -inf alone, where the gradient is NaN: all shares are 0/0.
 */
WG_API wg_tensor wg_logsumexp(wg_tensor x, wg_axes axes);
/* exp(x) / sum(exp(x)) along one axis, and its logarithm, without overflow. An element of -inf has the share 0 and no
   gradient; rows of -inf alone, and the elements +inf, are NaN. */
WG_API wg_tensor wg_softmax(wg_tensor x, int axis);
WG_API wg_tensor wg_log_softmax(wg_tensor x, int axis);

/* ---- single numbers ---- */

/* low where x < low, high where x > high, else x itself, -0 and NaN too; floats and integers. The derivative is 1
   inside and at both ends, 0 outside. An infinite end does not bind; low > high or a NaN is an error. */
WG_API wg_tensor wg_clip(wg_tensor x, double low, double high);

/* The functions of C's math.h, with its values at 0, at the infinities and outside of the domain. How far they may be
   from the true value, in units of the last place (docs/numbers.md): 2^x 1, the others 3. The logarithms of whole
   powers need not be whole. */
WG_API wg_tensor wg_exp2(wg_tensor x);
WG_API wg_tensor wg_log2(wg_tensor x);
WG_API wg_tensor wg_log10(wg_tensor x);
WG_API wg_tensor wg_asinh(wg_tensor x);
WG_API wg_tensor wg_acosh(wg_tensor x);
WG_API wg_tensor wg_atanh(wg_tensor x);
/* sqrt(a^2 + b^2) without overflow or underflow, within 2 units; NaN if either is. Its derivatives at 0 are 0. */
WG_API wg_tensor wg_hypot(wg_tensor a, wg_tensor b);
/* The y with erf(y) = x: -inf and inf at -1 and 1, NaN beyond. Within 1 unit in f32, where it is computed in f64, and 8
   in f64: a quotient of polynomials in log(1 - x^2) (after Giles 2010), whose derivatives are right, too. */
WG_API wg_tensor wg_erfinv(wg_tensor x);

/* ---- activations ---- */

/* x where x > 0, else 0; the derivative at 0 is 0. */
WG_API wg_tensor wg_relu(wg_tensor x);
/* x where x > 0, else 0.01 x, or slope * x; the derivative at 0 is the slope. */
WG_API wg_tensor wg_leaky_relu(wg_tensor x);
WG_API wg_tensor wg_leaky_relu_slope(wg_tensor x, double slope);
/* x where x > 0, else e^x - 1, or alpha (e^x - 1); the derivative at 0 is alpha (Clevert et al. 2016). */
WG_API wg_tensor wg_elu(wg_tensor x);
WG_API wg_tensor wg_elu_alpha(wg_tensor x, double alpha);
/* 1.0507... times elu with alpha = 1.6732..., which keeps mean 0 and variance 1 (Klambauer et al. 2017). */
WG_API wg_tensor wg_selu(wg_tensor x);
/* log(1 + exp(x)) without overflow or loss of digits. */
WG_API wg_tensor wg_softplus(wg_tensor x);
/* log(sigmoid(x)) = -softplus(-x), likewise. */
WG_API wg_tensor wg_log_sigmoid(wg_tensor x);
/* x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016). */
WG_API wg_tensor wg_gelu(wg_tensor x);
/* Its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, computed as x sigmoid(...), which keeps all
   digits where x < 0. */
WG_API wg_tensor wg_gelu_tanh(wg_tensor x);
/* x sigmoid(x) */
WG_API wg_tensor wg_silu(wg_tensor x);
/* x tanh(softplus(x)) (Misra 2019). */
WG_API wg_tensor wg_mish(wg_tensor x);
/* x / (1 + |x|); -1 and 1 at the infinities. */
WG_API wg_tensor wg_softsign(wg_tensor x);
/* x between -1 and 1, these beyond. hard_sigmoid is (x + 3) / 6 between 0 and 1, hard_swish x times that (Howard et al.
   2019). The derivative at a kink is that of the outer piece: 0, or 1 for hard_swish at 3. */
WG_API wg_tensor wg_hard_tanh(wg_tensor x);
WG_API wg_tensor wg_hard_sigmoid(wg_tensor x);
WG_API wg_tensor wg_hard_swish(wg_tensor x);
/* a sigmoid(b), a and b the first and second half of one axis, whose length is even (Dauphin et al. 2017). */
WG_API wg_tensor wg_glu(wg_tensor x, int axis);

/* ---- comparing ---- */

/* Whether x is NaN; whether it is an infinity. bool, no derivative. */
WG_API wg_tensor wg_is_nan(wg_tensor x);
WG_API wg_tensor wg_is_infinite(wg_tensor x);
/* Whether one of two bools holds, and not both. */
WG_API wg_tensor wg_logical_xor(wg_tensor a, wg_tensor b);
/* Whether |a - b| <= absolute + relative |b|: bool for each element, or one bool of rank 0 for all (true for none).
   Infinities are close to themselves alone; NaN is close to nothing, not even to NaN. The tolerances are not negative.
 */
WG_API wg_tensor wg_is_close(wg_tensor a, wg_tensor b, double relative, double absolute);
WG_API wg_tensor wg_all_close(wg_tensor a, wg_tensor b, double relative, double absolute);

/* ---- making ---- */

/* start, start + step, ... before stop: [count], of any float or integer type; empty if stop does not lie in the step's
   direction. count is ceil((stop - start) / step), where a quotient that is whole but for rounding counts as whole:
   stop is never among them. f32 is rounded once. Infinities, NaN, a step of 0, and for integers a start or step that is
   not whole or a last number that does not fit, are errors. */
WG_API wg_tensor wg_arange(wg_context *context, wg_type type, double start, double stop, double step);
/* The identity matrix [size, size] of the default type. wg_diagonal_matrix makes others. */
WG_API wg_tensor wg_eye(wg_context *context, int64_t size);
/* Coordinates of the points of a grid: of 1 to 8 vectors [n0], [n1], ... each repeated to grids[i]: [n0, n1, ...] along
   axis i (NumPy's indexing "ij"). Any type. False after an error: then all grids are poison. */
WG_API bool wg_meshgrid(wg_list axes, wg_tensor *grids);

/* ---- shapes: any type ---- */

/* [n, a, b, ...] -> [n, a b ...]; rank 0 and 1 give [n, 1]. */
WG_API wg_tensor wg_flatten(wg_tensor x);
/* A new axis of length 1 at a place; removing one. */
WG_API wg_tensor wg_unsqueeze(wg_tensor x, int axis);
WG_API wg_tensor wg_squeeze(wg_tensor x, int axis);
/* The last two axes exchanged, rank 2 at least; any two; one taken out and put in so that it is axis `to` of the
 * result.
 */
WG_API wg_tensor wg_transpose(wg_tensor x);
WG_API wg_tensor wg_swap_axes(wg_tensor x, int a, int b);
WG_API wg_tensor wg_move_axis(wg_tensor x, int from, int to);

/* x[..., index, ...] along one axis, which disappears; a negative index counts from the end. */
WG_API wg_tensor wg_select(wg_tensor x, int axis, int64_t index);
/* Every step-th element of x[..., start:stop, ...] along one axis, start included, stop not. A negative step goes
   backwards, from start down to what is behind stop. Negative places count from the end; WG_END as stop goes on as far
   as there are elements, so that (-1, WG_END, -1) reverses. Places that do not lie inside are an error, as is a step of
   0. */
WG_API wg_tensor wg_slice_step(wg_tensor x, int axis, int64_t start, int64_t stop, int64_t step);
/* One axis cut into `count` equal parts, or into parts of `count` given lengths that add up to it: parts[count], joined
   again by wg_concat. False after an error: then all parts are poison. */
WG_API bool wg_split(wg_tensor x, int axis, size_t count, wg_tensor *parts);
WG_API bool wg_split_lengths(wg_tensor x, int axis, size_t count, const int64_t *lengths, wg_tensor *parts);
/* Tensors of one shape joined along a new axis; and the other way round, where count is the length of the axis that
   disappears. */
WG_API wg_tensor wg_stack(wg_list tensors, int axis);
WG_API bool wg_unstack(wg_tensor x, int axis, size_t count, wg_tensor *parts);

/* The whole of x so many times along each axis, [a, b] -> [times0 a, times1 b]: ranks are aligned at their ends,
   missing axes and missing times are 1. */
WG_API wg_tensor wg_tile(wg_tensor x, wg_shape times);
/* Each element so many times in a row along one axis: a a b b c c. */
WG_API wg_tensor wg_repeat(wg_tensor x, int axis, int64_t times);
/* Elements moved by `shift` places towards the end of one axis; those that leave it come in at its beginning. */
WG_API wg_tensor wg_roll(wg_tensor x, int axis, int64_t shift);

/* ---- matrices: the last two axes, any type ---- */

/* x with zeros above, or below, a diagonal: column - row = offset, 0 being the main one, 1 the next to its right. What
   is masked may be NaN: neither value nor derivative sees it. */
WG_API wg_tensor wg_tril(wg_tensor x, int64_t offset);
WG_API wg_tensor wg_triu(wg_tensor x, int64_t offset);
/* A diagonal of matrices: [..., m, n] -> [..., length], length 0 where there is none. */
WG_API wg_tensor wg_diagonal(wg_tensor x, int64_t offset);
/* Square matrices with x on a diagonal and zeros elsewhere: [..., n] -> [..., n + |offset|, n + |offset|]. */
WG_API wg_tensor wg_diagonal_matrix(wg_tensor x, int64_t offset);
/* The sum of the main diagonal: [..., m, n] -> [...]; i32 gives i64, as wg_sum does. */
WG_API wg_tensor wg_trace(wg_tensor x);

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
/* Of vectors, floats or integers: a[i] b[j], [m] x [n] -> [m, n]; and the sum of a[i] b[i], [n] x [n] -> rank 0. */
WG_API wg_tensor wg_outer(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_dot(wg_tensor a, wg_tensor b);
/* Of matrices, floats or integers: blocks a[i, j] b, [m, n] x [p, q] -> [m p, n q]. */
WG_API wg_tensor wg_kron(wg_tensor a, wg_tensor b);
/* Einstein's summation, in NumPy's grammar: the axes of each operand are named by letters, and the result has those
   after the arrow, summed over all others. "ij,jk->ik" is a matrix product, "ii->i" a diagonal, "bij->b" a sum,
   "i,j->ij" an outer product.

   - Spaces mean nothing. Without an arrow the result has the letters that stand once, in the order of ASCII.
   - "..." stands for all axes that have no letter; those of several operands broadcast. It is in the output if it is
   for any axis; without an arrow it comes first.
   - One letter has one length: 1 does not broadcast to another.

   Any number of operands of one float type. Of more than two the pair with the smallest product is multiplied first.
   Pairs become one wg_matmul_transposed, without a copy where their axes lie right, or, where no matrix has both rows
   and columns, a product by element. No product of two may have more than 8 axes. */
WG_API wg_tensor wg_einsum(const char *formula, wg_list operands);

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

/* Independent draws of the default type (or of x's shape and type); other numbers each time one is recorded. No
   derivative by x. */
WG_API wg_tensor wg_uniform(wg_context *context, wg_shape shape, double low, double high);
WG_API wg_tensor wg_uniform_like(wg_tensor x, double low, double high);
/* Standard normal: sqrt(-2 log(1 - u)) cos(2 pi v), u and v uniform (Box and Muller 1958). */
WG_API wg_tensor wg_normal(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_normal_like(wg_tensor x);
/* Standard normal between low and high, in units of the standard deviation, either of them infinite; by the inverse
   distribution function, in f64. The interval holds 5e-10 of the distribution at least. */
WG_API wg_tensor wg_truncated_normal(wg_context *context, wg_shape shape, double low, double high);
WG_API wg_tensor wg_truncated_normal_like(wg_tensor x, double low, double high);
/* Exponential with mean 1: -log(1 - u). */
WG_API wg_tensor wg_exponential(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_exponential_like(wg_tensor x);
/* Gumbel with location 0 and scale 1: -log of an exponential one; always finite. */
WG_API wg_tensor wg_gumbel(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_gumbel_like(wg_tensor x);
/* bool, true with the given probability. */
WG_API wg_tensor wg_bernoulli(wg_context *context, wg_shape shape, double probability);
/* One class of each row, with the probabilities softmax(logits): logits [..., classes] -> i64 [...]; the place of the
   largest logit + Gumbel noise. A logit of -inf is never drawn beside a finite one; f32 does not tell probabilities
   below 1e-7 of the largest from one another. For several draws expand the logits first. */
WG_API wg_tensor wg_categorical(wg_tensor logits);
/* The numbers 0 to count - 1 in random order: i64 [count]. */
WG_API wg_tensor wg_permutation(wg_context *context, int64_t count);

#ifdef __cplusplus
}
#endif

#endif

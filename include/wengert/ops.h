/* The primitives: one function each. Generated from ops/elementwise.def and ops/structured.def by
   ops/generate.c; change it there.

   Element-wise functions broadcast as NumPy does and want operands of one type; the type of the result is
   theirs, or bool for comparisons. The C scalar of a _scalar form takes the tensor's type and is bound late. */
#ifndef WENGERT_OPS_H
#define WENGERT_OPS_H

#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- element-wise: one operand ---- */

/* -x */
WG_API wg_tensor wg_neg(wg_tensor x);
/* |x|; the derivative at 0 is 0 */
WG_API wg_tensor wg_abs(wg_tensor x);
/* -1, 0 or 1; the derivative is 0 */
WG_API wg_tensor wg_sign(wg_tensor x);
/* x^2 */
WG_API wg_tensor wg_square(wg_tensor x);
/* e^x */
WG_API wg_tensor wg_exp(wg_tensor x);
/* e^x - 1, exact near 0 */
WG_API wg_tensor wg_expm1(wg_tensor x);
/* natural logarithm */
WG_API wg_tensor wg_log(wg_tensor x);
/* log(1 + x), exact near 0 */
WG_API wg_tensor wg_log1p(wg_tensor x);
/* square root */
WG_API wg_tensor wg_sqrt(wg_tensor x);
/* 1 / sqrt(x) */
WG_API wg_tensor wg_rsqrt(wg_tensor x);
/* 1 / x */
WG_API wg_tensor wg_reciprocal(wg_tensor x);
/* sine, of radians */
WG_API wg_tensor wg_sin(wg_tensor x);
/* cosine, of radians */
WG_API wg_tensor wg_cos(wg_tensor x);
/* tangent, of radians */
WG_API wg_tensor wg_tan(wg_tensor x);
/* inverse sine, in radians */
WG_API wg_tensor wg_asin(wg_tensor x);
/* inverse cosine, in radians */
WG_API wg_tensor wg_acos(wg_tensor x);
/* inverse tangent, in radians */
WG_API wg_tensor wg_atan(wg_tensor x);
/* hyperbolic sine */
WG_API wg_tensor wg_sinh(wg_tensor x);
/* hyperbolic cosine */
WG_API wg_tensor wg_cosh(wg_tensor x);
/* hyperbolic tangent */
WG_API wg_tensor wg_tanh(wg_tensor x);
/* error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x */
WG_API wg_tensor wg_erf(wg_tensor x);
/* 1 / (1 + e^-x) */
WG_API wg_tensor wg_sigmoid(wg_tensor x);
/* largest whole number not above x; the derivative is 0 */
WG_API wg_tensor wg_floor(wg_tensor x);
/* smallest whole number not below x; the derivative is 0 */
WG_API wg_tensor wg_ceil(wg_tensor x);
/* nearest whole number, halves to even; the derivative is 0 */
WG_API wg_tensor wg_round(wg_tensor x);
/* not x */
WG_API wg_tensor wg_logical_not(wg_tensor x);
/* whether x is neither infinite nor NaN */
WG_API wg_tensor wg_is_finite(wg_tensor x);

/* ---- element-wise: two operands ---- */

/* a + b */
WG_API wg_tensor wg_add(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_add_scalar(wg_tensor x, double scalar);
/* a - b */
WG_API wg_tensor wg_sub(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_sub_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_sub(double scalar, wg_tensor x);
/* a b */
WG_API wg_tensor wg_mul(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_mul_scalar(wg_tensor x, double scalar);
/* a / b */
WG_API wg_tensor wg_div(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_div_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_div(double scalar, wg_tensor x);
/* a^b; where a <= 0 the derivative by b is 0: there only powers of whole b exist, between which nothing moves */
WG_API wg_tensor wg_pow(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_pow_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_pow(double scalar, wg_tensor x);
/* the angle of the point (b, a), in radians; the derivative at the origin is 0 */
WG_API wg_tensor wg_atan2(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_atan2_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_atan2(double scalar, wg_tensor x);
/* the larger one, NaN if either is; equal ones share the derivative, which is 0 beside a NaN: neither is chosen */
WG_API wg_tensor wg_maximum(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_maximum_scalar(wg_tensor x, double scalar);
/* the smaller one, NaN if either is; equal ones share the derivative, which is 0 beside a NaN: neither is chosen */
WG_API wg_tensor wg_minimum(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_minimum_scalar(wg_tensor x, double scalar);
/* a - floor(a / b) b, with the sign of b; of integers by 0: 0 */
WG_API wg_tensor wg_remainder(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_remainder_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_remainder(double scalar, wg_tensor x);
/* a = b */
WG_API wg_tensor wg_equal(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_equal_scalar(wg_tensor x, double scalar);
/* a is not b */
WG_API wg_tensor wg_not_equal(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_not_equal_scalar(wg_tensor x, double scalar);
/* a < b */
WG_API wg_tensor wg_less(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_less_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_less(double scalar, wg_tensor x);
/* a <= b */
WG_API wg_tensor wg_less_equal(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_less_equal_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_less_equal(double scalar, wg_tensor x);
/* a > b */
WG_API wg_tensor wg_greater(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_greater_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_greater(double scalar, wg_tensor x);
/* a >= b */
WG_API wg_tensor wg_greater_equal(wg_tensor a, wg_tensor b);
WG_API wg_tensor wg_greater_equal_scalar(wg_tensor x, double scalar);
WG_API wg_tensor wg_scalar_greater_equal(double scalar, wg_tensor x);
/* a and b */
WG_API wg_tensor wg_logical_and(wg_tensor a, wg_tensor b);
/* a or b */
WG_API wg_tensor wg_logical_or(wg_tensor a, wg_tensor b);

/* ---- structured ---- */

/* a tensor filled with one number, bound late */
WG_API wg_tensor wg_full(wg_context *context, wg_shape shape, double value);
/* the place along one axis: 0, 1, 2, ...; any type but bool and u8 */
WG_API wg_tensor wg_iota(wg_context *context, wg_type type, wg_shape shape, int axis);
/* uniform in [0, 1): 24 random bits in f32, 53 in f64, by Philox 4x32-10; other numbers at each call */
WG_API wg_tensor wg_random_uniform(wg_context *context, wg_type type, wg_shape shape);
/* another element type; floats to integers saturate towards zero, NaN gives 0; to bool: x is not 0 */
WG_API wg_tensor wg_cast(wg_tensor x, wg_type type);
/* a where the bool condition holds, else b; to keep a NaN out of gradients, make the operands finite first: where(x
   > 0, log(where(x > 0, x, 1)), 0) */
WG_API wg_tensor wg_where(wg_tensor condition, wg_tensor a, wg_tensor b);
/* the sum over axes, 0 over none; bool and i32 give i64 */
WG_API wg_tensor wg_sum(wg_tensor x, wg_axes axes);
/* the product over axes, 1 over none; floats and integers */
WG_API wg_tensor wg_prod(wg_tensor x, wg_axes axes);
/* the largest over axes, NaN if there is one; equal ones share the derivative; none is chosen where there is a NaN:
   0 */
WG_API wg_tensor wg_max(wg_tensor x, wg_axes axes);
/* the smallest over axes, NaN if there is one; equal ones share the derivative; none is chosen where there is a NaN:
   0 */
WG_API wg_tensor wg_min(wg_tensor x, wg_axes axes);
/* the place of the first largest along one axis, which disappears: i64 */
WG_API wg_tensor wg_argmax(wg_tensor x, int axis);
/* the place of the first smallest along one axis, which disappears: i64 */
WG_API wg_tensor wg_argmin(wg_tensor x, int axis);
/* the sum of all elements up to each one along an axis; of floats in f64; bool and i32 give i64; after an infinity
   or a NaN all are infinite or NaN */
WG_API wg_tensor wg_cumsum(wg_tensor x, int axis);
/* the places of the elements of each row along an axis in ascending or descending order, i64, equal ones (0 and -0,
   too) as they come; NaN counts as larger than all else; only the first `count` are found, -1 for all; no gradient */
WG_API wg_tensor wg_argsort(wg_tensor x, int axis, bool descending, int64_t count);
/* [n, c, spatial...] -> [n, c, windows...], i64: the place, counted over all of x, of the first largest, or
   smallest, element in each window, of its first NaN if there is one; padding is never chosen, and a window that
   lies wholly in it is an error; no gradient */
WG_API wg_tensor wg_pool_index(wg_tensor x, const wg_pool_options *windows, bool smallest);
/* whether one bool over axes holds; false over none */
WG_API wg_tensor wg_any(wg_tensor x, wg_axes axes);
/* whether each bool over axes holds; true over none */
WG_API wg_tensor wg_all(wg_tensor x, wg_axes axes);
/* the same elements in another shape; one length may be -1: inferred */
WG_API wg_tensor wg_reshape(wg_tensor x, wg_shape shape);
/* axes in another order: axis i of the result is axis order[i] of x */
WG_API wg_tensor wg_permute(wg_tensor x, wg_axes order);
/* axes of length 1, and new leading ones, repeated to a larger shape; the gradient is summed back */
WG_API wg_tensor wg_expand(wg_tensor x, wg_shape shape);
/* x[..., start:stop, ...] along one axis; negative places count from the end, WG_END is the end */
WG_API wg_tensor wg_slice(wg_tensor x, int axis, int64_t start, int64_t stop);
/* zeros along one axis: low before, high after, interior between each two elements */
WG_API wg_tensor wg_pad(wg_tensor x, int axis, int64_t low, int64_t high, int64_t interior);
/* windows along one axis, which becomes two, [out, size]: [o, k] is x[o step + k dilation]; out = (length - dilation
   (size - 1) - 1) / step + 1, rounded down; a window longer than the axis is an error */
WG_API wg_tensor wg_unfold(wg_tensor x, int axis, int64_t size, int64_t step, int64_t dilation);
/* the adjoint of unfold: the two axes of windows that begin at `axis` become one of the given length, overlapping
   elements added; floats and integers */
WG_API wg_tensor wg_fold(wg_tensor windows, int axis, int64_t step, int64_t dilation, int64_t length);
/* tensors joined along one axis; their other lengths agree */
WG_API wg_tensor wg_concat(wg_list tensors, int axis);
/* one axis in reverse order */
WG_API wg_tensor wg_flip(wg_tensor x, int axis);
/* x[..., index, ...]: the axis is replaced by the shape of index (i32 or i64); a place outside is an error */
WG_API wg_tensor wg_gather(wg_tensor x, wg_tensor index, int axis);
/* the adjoint of gather: zeros with the updates added at the places index along an axis of the given length; the
   axes of index stand at `axis` in updates */
WG_API wg_tensor wg_scatter_add(wg_tensor updates, wg_tensor index, int axis, int64_t length);
/* x[..., start:start + length, ...] along one axis, start a tensor of one i32 or i64, so that where it begins is no
   part of the structure; a slice that does not lie inside is an error */
WG_API wg_tensor wg_dynamic_slice(wg_tensor x, wg_tensor start, int axis, int64_t length);
/* x with x[..., start:start + length, ...] replaced by an update, whose length along the axis that is; start and
   errors as of dynamic_slice */
WG_API wg_tensor wg_dynamic_update(wg_tensor x, wg_tensor update, wg_tensor start, int axis);
/* a b: [..., m, k] x [..., k, n] -> [..., m, n]; leading axes broadcast; a vector counts as a row on the left, as a
   column on the right */
WG_API wg_tensor wg_matmul(wg_tensor a, wg_tensor b);
/* the convolution (cross-correlation) y[n, o, p] = sum of x[n, i, p stride - low + k dilation] w[o, i, k] over i and
   k: x [n, inputs, spatial...] and w [outputs, inputs / groups, kernel...] give [n, outputs, windows...], with one
   to three spatial axes and zeros outside x; window NULL: stride 1, no padding */
WG_API wg_tensor wg_conv(wg_tensor x, wg_tensor weight, const wg_conv_window *window);
/* the adjoint of conv by x: y [n, outputs, windows...] and the weights of conv give [n, inputs, size...]; several
   sizes have as many windows: rank 0 asks for the smallest (with `same`: windows times stride) */
WG_API wg_tensor wg_conv_transpose(wg_tensor y, wg_tensor weight, wg_shape size, const wg_conv_window *window);
/* the adjoint of conv by its weights: x [n, inputs, spatial...] and y [n, outputs, windows...] give [outputs, inputs
   / groups, kernel...] */
WG_API wg_tensor wg_conv_filter(wg_tensor x, wg_tensor y, wg_shape kernel, const wg_conv_window *window);
/* the lower triangular L of x = L L^T, [..., n, n], zeros above: of x the lower triangle is read, and the gradient
   is that of a function of it, lower triangular; a matrix that is not positive definite is an error */
WG_API wg_tensor wg_cholesky(wg_tensor x);
/* x of a x = b, b [..., n, k] or a vector [n], leading axes broadcast; of a [..., n, n] one triangle is read, the
   lower one, or as the sum of WG_UPPER, WG_TRANSPOSED (a^T x = b) and WG_UNIT_DIAGONAL tells; a 0 on the diagonal is
   an error */
WG_API wg_tensor wg_triangular_solve(wg_tensor a, wg_tensor b, int flags);
/* P x = L U with exchanged rows: [..., n, n] -> [..., n + 2, n], L below the diagonal (there it is 1), U from it on,
   then a row of numbers p, row i of L U being row p[i] of x, and a row with -1 for each exchange, else 1; wg_lu
   unpacks */
WG_API wg_tensor wg_lu_packed(wg_tensor x);
/* x = Q R: [..., m, n] -> [..., m k + k n], Q [m, k] and R [k, n] one after the other, k = min(m, n); no gradient;
   wg_qr unpacks */
WG_API wg_tensor wg_qr_packed(wg_tensor x);
/* x = U diag(s) V^T: [..., m, n] -> [..., m k + k + k n], U [m, k], s [k] and V^T [k, n], k = min(m, n); no
   gradient; wg_svd unpacks */
WG_API wg_tensor wg_svd_packed(wg_tensor x);
/* x = V diag(w) V^T of the symmetric x, of which the lower triangle is read: [..., n, n] -> [..., n + n n], w [n]
   and V^T [n, n]; no gradient; wg_eigh unpacks */
WG_API wg_tensor wg_eigh_packed(wg_tensor x);
/* the value of x as a constant: its gradient is zero */
WG_API wg_tensor wg_stop_gradient(wg_tensor x);

#ifdef __cplusplus
}
#endif

#endif

/* Linear algebra, composed from the factorisations of ops.h: triangular_solve, cholesky, lu_packed, and qr_packed,
   svd_packed, eigh_packed, which have no gradient.

   Matrices are the last two axes of a tensor of f32 or f64, at most 2^24 long; what stands before them are as many
   independent problems, which broadcast where there are two operands. Any axis may be empty.
   Where a matrix is asked for that must be square, another one is an error (WG_BAD_SHAPE). The factorisations are
   LAPACK's: in builds without it all but wg_matrix_power is an error (WG_UNSUPPORTED). They refuse NaN and infinities,
   when they are computed: that error, and those about values below (WG_BAD_ARGUMENT), name the matrix among its
   fellows.

   Golub and Van Loan, Matrix Computations; Giles 2008, Collected matrix derivative results for forward and reverse mode
   algorithmic differentiation. */
#ifndef WENGERT_LINEAR_ALGEBRA_H
#define WENGERT_LINEAR_ALGEBRA_H

#include <wengert/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- factors ---- */

/* Functions of several results write those whose pointer is not NULL, and are false after an error: then they are
   poison. Signs are as LAPACK gives them: a column of Q, and the row of R beside it, may have either one, and so may a
   pair of singular vectors or an eigenvector. */

/* The factors of x with its rows in another order, x[p] = L U: p [..., n] of i64, L [..., n, n] lower triangular with
   ones on the diagonal, U [..., n, n] upper triangular. A singular x is no error, but has no gradient: asking for it is
   an error when it is computed. */
WG_API bool wg_lu(wg_tensor x, wg_tensor *p, wg_tensor *l, wg_tensor *u);
/* x = Q R of x [..., m, n], k = min(m, n): Q [..., m, k] with orthonormal columns, R [..., k, n] upper triangular. No
   gradient: asking for one is an error (WG_NO_GRADIENT). */
WG_API bool wg_qr(wg_tensor x, wg_tensor *q, wg_tensor *r);
/* x = U diag(s) V^T of x [..., m, n], k = min(m, n): U [..., m, k], s [..., k] falling, V^T [..., k, n]. No gradient,
   as above. If LAPACK does not converge: an error. m and n are 20000 at most, or the lesser of them. */
WG_API bool wg_svd(wg_tensor x, wg_tensor *u, wg_tensor *s, wg_tensor *vt);
/* x = V diag(w) V^T of a symmetric x [..., n, n], of which the lower triangle is read: w [..., n] rising, the
   eigenvectors are the columns of V [..., n, n]. No gradient, as above. If LAPACK does not converge: an error. n is
   20000 at most. */
WG_API bool wg_eigh(wg_tensor x, wg_tensor *w, wg_tensor *v);

/* ---- equations ---- */

/* The right sides b are [..., n, k], k of them beside one another, or a vector [n], which counts as a column that is
   gone from the result. */

/* x of a x = b, by LU. An exactly singular a is an error, which names it. */
WG_API wg_tensor wg_solve(wg_tensor a, wg_tensor b);
/* x of l l^T x = b, l = wg_cholesky(a): solves a x = b in half the time, where a is positive definite. */
WG_API wg_tensor wg_cholesky_solve(wg_tensor l, wg_tensor b);
/* x with the least |a x - b|^2 for each column of b [..., m, k] or [m], and of these the one with the least |x|: a
   [..., m, n] must have full rank, or there is an error or a large x. By QR, so there is no gradient: that of the
   normal equations, wg_cholesky_solve(wg_cholesky(a^T a), a^T b), serves where a is well conditioned. */
WG_API wg_tensor wg_lstsq(wg_tensor a, wg_tensor b);
/* The inverse of x, by wg_solve, which is better and quicker where the inverse is only multiplied by something. */
WG_API wg_tensor wg_inv(wg_tensor x);
/* The pseudo-inverse of x [..., m, n] (Moore 1920, Penrose 1955), [..., n, m]: singular values of at most max(m, n) eps
   times the largest count as 0, eps being the type's 2^-23 or 2^-52. By SVD, so there is no gradient. */
WG_API wg_tensor wg_pinv(wg_tensor x);

/* ---- determinants ---- */

/* The determinant of x [..., n, n], [...]: by LU; 1 if n is 0. The gradient of a singular x is an error. */
WG_API wg_tensor wg_det(wg_tensor x);
/* The determinant's sign (0 if x is singular, without a gradient) and the logarithm of its size (then -infinity), each
   [...]: where wg_det would overflow. */
WG_API bool wg_slogdet(wg_tensor x, wg_tensor *sign, wg_tensor *logarithm);
/* The determinant's logarithm: NaN if it is negative, -infinity if it is 0. */
WG_API wg_tensor wg_logdet(wg_tensor x);

/* ---- products ---- */

/* x x ... x, `exponent` times, by squaring: some log2(exponent) to twice as many products; the unit matrix for 0. A
   negative exponent is an error (WG_BAD_ARGUMENT): see wg_inv. */
WG_API wg_tensor wg_matrix_power(wg_tensor x, int exponent);

#ifdef __cplusplus
}
#endif

#endif

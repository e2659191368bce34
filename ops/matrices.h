/* What the ops of linear algebra share: matrices are the last two axes of a tensor. Internal. */
#ifndef OPS_MATRICES_H
#define OPS_MATRICES_H

#include "ops/builder.h"

/* ---- what is wrong with an operand (linear_algebra.c) ---- */

/* The rule of all that factors: f32 or f64, rank 2 or more, no side longer than LAPACK counts, square where asked for.
   The output is made the operand's like. */
bool matrices_infer(const wg_call *call, bool square, char *message, size_t size);
/* The same for a public function, in its name; and, or not, whether this build has LAPACK. False after an error. */
bool matrices_fit(wg_tensor x, const char *who, bool square);
bool matrices_accept(wg_tensor x, const char *who, bool square);
/* Likewise whether b holds right sides for so many rows of a, of a's type: [..., rows, k] or [rows]. */
bool matrices_accept_sides(wg_tensor a, wg_tensor b, const char *who, int64_t rows);

/* ---- parts (linear_algebra.c) ---- */

/* Unit matrices of x's shape and type. */
wg_tensor matrices_unit(wg_tensor x);
/* Of wg_lu_packed: L and U in one matrix, and the places in x of their rows. */
wg_tensor matrices_factors(wg_tensor packed);
wg_tensor matrices_places(wg_tensor packed);
/* Rows of x [..., n, k] at the places p [..., n]: row i of the result is row p[i] of x; or back: row i comes to p[i].
 */
wg_tensor matrices_order(wg_tensor x, wg_tensor p, bool back);

/* ---- kernels (matrix_kernels.c) ---- */

/* In builds without LAPACK the rows have none. */
#ifdef WG_HAVE_LAPACK
#define MATRIX_KERNEL(name)                                \
    {                                                      \
        [WG_F32] = name##_kernel, [WG_F64] = name##_kernel \
    }
#define MATRIX_SCRATCH(name) name##_scratch
#else
#define MATRIX_KERNEL(name) \
    {                       \
        NULL                \
    }
#define MATRIX_SCRATCH(name) NULL
#endif

void cholesky_kernel(const wg_call *call);
void triangular_solve_kernel(const wg_call *call);
void lu_kernel(const wg_call *call);
void qr_kernel(const wg_call *call);
void svd_kernel(const wg_call *call);
void eigh_kernel(const wg_call *call);
size_t lu_scratch(const wg_call *call);
size_t qr_scratch(const wg_call *call);
size_t svd_scratch(const wg_call *call);
size_t eigh_scratch(const wg_call *call);

#endif

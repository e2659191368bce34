/* Matrices factored, and triangular systems solved, by LAPACK and the BLAS that it stands on: one call at a time in the
   whole process (base/blas.h).

   Matrices are row-major and contiguous, of f32 or f64. LAPACK sees the transposes of them, which mostly serves as
   well: the lower triangle of one is the upper one of the other, and a = q r is the transpose of an LQ factorisation.

   Each function returns 0, or what LAPACK says: a positive number. Builds without LAPACK have none of them. */
#ifndef BASE_LAPACK_H
#define BASE_LAPACK_H

#include <stddef.h>

#include <wengert/types.h>

enum {
    LAPACK_LENGTH = 1 << 24, /* longest side of a matrix: f32 still counts rows exactly */
    LAPACK_DENSE = 20000     /* the same where LAPACK counts several squares of it with an int */
};

/* x of op(a) x = b, in the place of b: a is [n, n], b is [n, columns]. Of a only the triangle is read, and the diagonal
   counts as ones where told. */
typedef struct lapack_triangle {
    int64_t n, columns;
    bool upper, transpose, unit;
} lapack_triangle;

int lapack_solve(wg_type type, const lapack_triangle *system, const void *a, void *b);

/* The lower l of a = l l^T in the place of a's lower triangle; nothing else is read or written. A positive result is
   the order of the first leading minor that is not positive. */
int lapack_cholesky(wg_type type, int64_t n, void *a);

/* p a = l u, l and u in the place of a, l without its ones; in step i row i was exchanged with row pivots[i], at least
   i. A positive result: u has a zero on its diagonal. */
int lapack_lu(wg_type type, int64_t n, void *a, int32_t *pivots);

/* a [m, n] = q r, q [m, k] with orthonormal columns, r [k, n] upper triangular, k the lesser of m and n. */
int lapack_qr(wg_type type, int64_t m, int64_t n, const void *a, void *q, void *r, void *scratch);
size_t lapack_qr_scratch(wg_type type, int64_t m, int64_t n);

/* a [m, n] = u diag(s) vt, u [m, k] and vt [k, n] orthonormal, s falling. A positive result: no convergence. */
int lapack_svd(wg_type type, int64_t m, int64_t n, const void *a, void *u, void *s, void *vt, void *scratch);
size_t lapack_svd_scratch(wg_type type, int64_t m, int64_t n);

/* a [n, n] = v diag(w) v^T of the symmetric a, whose lower triangle is read; the rows of vt are the eigenvectors, w
   rises. A positive result: no convergence. */
int lapack_eigh(wg_type type, int64_t n, const void *a, void *w, void *vt, void *scratch);
size_t lapack_eigh_scratch(wg_type type, int64_t n);

#endif

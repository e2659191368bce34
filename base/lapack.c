/* LAPACK by its Fortran names. Every Fortran compiler passes the lengths of character arguments behind all others. */
#include "base/lapack.h"

#include "base/blas.h"

#include <cblas.h>
#include <string.h>

#define DECLARE(p, T)                                                                                                 \
    void p##potrf_(const char *uplo, const int *n, T *a, const int *lda, int *info, size_t uplo_length);              \
    void p##getrf_(const int *m, const int *n, T *a, const int *lda, int32_t *ipiv, int *info);                       \
    void p##gelqf_(const int *m, const int *n, T *a, const int *lda, T *tau, T *work, const int *lwork, int *info);   \
    void p##orglq_(const int *m, const int *n, const int *k, T *a, const int *lda, const T *tau, T *work,             \
                   const int *lwork, int *info);                                                                      \
    void p##gesdd_(const char *jobz, const int *m, const int *n, T *a, const int *lda, T *s, T *u, const int *ldu,    \
                   T *vt, const int *ldvt, T *work, const int *lwork, int32_t *iwork, int *info, size_t jobz_length); \
    void p##syevd_(const char *jobz, const char *uplo, const int *n, T *a, const int *lda, T *w, T *work,             \
                   const int *lwork, int32_t *iwork, const int *liwork, int *info, size_t jobz_length,                \
                   size_t uplo_length);

DECLARE(s, float)
DECLARE(d, double)

enum { TILE = 16, WORK_BLOCK = 64 }; /* columns that LAPACK works on together, at most */

static int lesser(int64_t a, int64_t b)
{
    return (int)(a < b ? a : b);
}

/* Elements of workspace: the least that LAPACK's documents ask for, and blocks to work on where there is room. */
static int64_t svd_work(int64_t m, int64_t n)
{
    int64_t k = m < n ? m : n;
    return lesser(4 * k * k + 7 * k + WORK_BLOCK * (m + n), INT32_MAX);
}

static int64_t eigh_work(int64_t n)
{
    return 1 + 6 * n + 2 * n * n + WORK_BLOCK * n;
}

#define T float
#define NAME(f) f##_f32
#define ROUTINE(f) s##f##_
#define CBLAS(f) cblas_s##f
#include "base/lapack_routines.h"
#undef T
#undef NAME
#undef ROUTINE
#undef CBLAS

#define T double
#define NAME(f) f##_f64
#define ROUTINE(f) d##f##_
#define CBLAS(f) cblas_d##f
#include "base/lapack_routines.h"

int lapack_solve(wg_type type, const lapack_triangle *system, const void *a, void *b)
{
    if (system->n == 0 || system->columns == 0) return 0;
    return type == WG_F32 ? solve_f32(system, a, b) : solve_f64(system, a, b);
}

int lapack_cholesky(wg_type type, int64_t n, void *a)
{
    if (n == 0) return 0;
    return type == WG_F32 ? cholesky_f32(n, a) : cholesky_f64(n, a);
}

int lapack_lu(wg_type type, int64_t n, void *a, int32_t *pivots)
{
    if (n == 0) return 0;
    return type == WG_F32 ? lu_f32(n, a, pivots) : lu_f64(n, a, pivots);
}

int lapack_qr(wg_type type, int64_t m, int64_t n, const void *a, void *q, void *r, void *scratch)
{
    if (m == 0 || n == 0) return 0;
    return type == WG_F32 ? qr_f32(m, n, a, q, r, scratch) : qr_f64(m, n, a, q, r, scratch);
}

int lapack_svd(wg_type type, int64_t m, int64_t n, const void *a, void *u, void *s, void *vt, void *scratch)
{
    if (m == 0 || n == 0) return 0;
    return type == WG_F32 ? svd_f32(m, n, a, u, s, vt, scratch) : svd_f64(m, n, a, u, s, vt, scratch);
}

int lapack_eigh(wg_type type, int64_t n, const void *a, void *w, void *vt, void *scratch)
{
    if (n == 0) return 0;
    return type == WG_F32 ? eigh_f32(n, a, w, vt, scratch) : eigh_f64(n, a, w, vt, scratch);
}

size_t lapack_qr_scratch(wg_type type, int64_t m, int64_t n)
{
    return (size_t)((m < n ? m : n) + WORK_BLOCK * n) * wg_type_size(type);
}

size_t lapack_svd_scratch(wg_type type, int64_t m, int64_t n)
{
    return (size_t)(m * n + svd_work(m, n)) * wg_type_size(type) + (size_t)(8 * (m < n ? m : n)) * sizeof(int32_t);
}

size_t lapack_eigh_scratch(wg_type type, int64_t n)
{
    return (size_t)eigh_work(n) * wg_type_size(type) + (size_t)(3 + 5 * n) * sizeof(int32_t);
}

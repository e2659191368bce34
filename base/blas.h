/* The matrix product of one thread's whole matrices, through CBLAS where it is there, else by plain loops. */
#ifndef BASE_BLAS_H
#define BASE_BLAS_H

#include <stdbool.h>
#include <stdint.h>

/* op(a) is [rows, inner], op(b) is [inner, columns], c is [rows, columns], row-major; op transposes where told. Steps
   lead from one stored row to the next, in elements. */
typedef struct blas_shape {
    bool transpose_a, transpose_b, accumulate;
    int64_t rows, columns, inner, step_a, step_b, step_c;
    bool plain; /* by plain loops even where CBLAS is there */
} blas_shape;

/* c = op(a) op(b), or c += op(a) op(b). An empty inner dimension gives, or adds, zeros. */
void blas_strided_f32(const blas_shape *shape, const float *a, const float *b, float *c);
void blas_strided_f64(const blas_shape *shape, const double *a, const double *b, double *c);

/* c = op(a) op(b), all contiguous. */
void blas_product_f32(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const float *a,
                      const float *b, float *c);
void blas_product_f64(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const double *a,
                      const double *b, double *c);

/* Around calls of a CBLAS or LAPACK, in builds that have one: one thread at a time. */
void blas_enter(void);
void blas_leave(void);

#endif

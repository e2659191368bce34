/* The matrix product of one thread's whole matrices, through CBLAS where it is there, else by plain loops. */
#ifndef BASE_BLAS_H
#define BASE_BLAS_H

#include <stdbool.h>
#include <stdint.h>

/* c = op(a) op(b), row-major and contiguous: op(a) is [rows, inner], op(b) is [inner, columns]; op transposes where
   told. An empty inner dimension gives zeros. */
void blas_product_f32(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const float *a,
                      const float *b, float *c);
void blas_product_f64(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const double *a,
                      const double *b, double *c);

#endif

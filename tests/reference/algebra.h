/* Matrices as this side of the tests sees them: batches of row-major doubles, and what loops can say of them. */
#ifndef TESTS_REFERENCE_ALGEBRA_H
#define TESTS_REFERENCE_ALGEBRA_H

#include "tests/reference/reference.h"

enum { MATRIX_ROOM = 3 * 42 * 42, MATRIX_SIDES = 6 };

/* The sizes that all are tried with: 0 to 40. */
extern const int64_t matrix_sides[MATRIX_SIDES];

typedef struct matrices {
    int64_t count, rows, columns;
    double v[MATRIX_ROOM];
} matrices;

static inline double *entry(matrices *x, int64_t item, int64_t row, int64_t column)
{
    return &x->v[(item * x->rows + row) * x->columns + column];
}

/* Random ones with elements in [-1, 1] that f32 holds, and `diagonal` more on the diagonal; a like of their products
   with their transposes, which is positive definite. */
matrices matrices_random(int64_t count, int64_t rows, int64_t columns, double diagonal, uint64_t *state);
matrices matrices_definite(int64_t count, int64_t side, uint64_t *state);
/* Writes a number above all diagonals. */
void matrices_set_above(matrices *x, double value);
/* As a tensor [count, rows, columns] of the context's type, and back from one of rank 2 or 3. */
wg_tensor matrices_tensor(wg_context *ctx, const matrices *x);
matrices matrices_of(wg_tensor x);
/* op(a) op(b), a transposed or not. */
matrices matrices_product(const matrices *a, bool transpose_a, const matrices *b, bool transpose_b);
/* Checks all elements: |got - want| <= tolerance. */
void expect_matrices(matrices *got, matrices *want, double tolerance, const char *what);
/* Checks that x^T x = 1. */
void expect_orthonormal(matrices *x, double tolerance, const char *what);
/* The unit of the last place at 1. */
double eps_of(wg_type type);
/* Checks, in a build without LAPACK, that a row says so; true if this is one. */
bool reference_left_out(const char *name);
/* Checks that the tensor's evaluation fails, and what is said, and forgets it. */
void expect_fault(wg_tensor y, wg_status status, const char *words);

#endif

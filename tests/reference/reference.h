/* What the reference tests share: counted checks, contexts, plain arrays in double, chance that repeats.

   These tests see the public headers only. What they expect comes from libm, from naive loops written here, or from
   definitions in NumPy's and C99's documents; never from the library's own expressions. */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include "tests/harness.h"

#include <wengert/wengert.h>

/* ---- checks ---- */

/* Counts a check; a failed one fails the test. Only the first few failures of a test are printed. */
void reference_check(bool passed, const char *format, ...) WG_PRINTF(2, 3);
/* How many have run since the last reference_begin. */
long reference_count(void);
void reference_begin(void);
/* Fails the test if no check has run, or if the context has an error; frees the context. */
void reference_end(wg_context *ctx, const char *what);

/* ---- contexts ---- */

/* A context of a default type with a fixed seed and one thread. */
wg_context *reference_context(wg_type type);

/* ---- chance ---- */

/* xorshift64*: the same numbers each time. */
uint64_t reference_bits(uint64_t *state);
double reference_uniform(uint64_t *state, double low, double high);

/* ---- plain arrays ---- */

enum { NAIVE_SIZE = 2048 };

/* A small tensor as this side of the tests sees it. */
typedef struct naive {
    wg_shape shape;
    double v[NAIVE_SIZE];
} naive;

static inline int64_t naive_size(const naive *a)
{
    int64_t size = 1;
    for (int i = 0; i < a->shape.rank; i++) size *= a->shape.dim[i];
    return size;
}

/* From a place in row-major order to an index for each axis, and back. */
void naive_index(wg_shape shape, int64_t place, int64_t index[WG_MAX_RANK]);
int64_t naive_place(wg_shape shape, const int64_t index[WG_MAX_RANK]);
/* Random values in [low, high], whole ones if asked for. */
naive naive_random(wg_shape shape, double low, double high, bool whole, uint64_t *state);
/* The place in `from` that place `at` of the wider `to` is read from when broadcast. */
int64_t naive_source(wg_shape from, wg_shape to, int64_t at);
/* What two shapes broadcast to; they must. */
wg_shape naive_wide(wg_shape a, wg_shape b);

/* The same values as a tensor of any element type; and the values of a tensor of any type, at most NAIVE_SIZE. */
wg_tensor tensor_of(wg_context *ctx, wg_type type, const naive *a);
naive naive_of(wg_tensor x);
/* Checks shape and values: |got - want| <= tolerance (1 + |want|), NaN and infinities alike. */
void expect_values(wg_tensor got, const naive *want, double tolerance, const char *format, ...) WG_PRINTF(4, 5);
/* Checks that the recorded one-element y has right derivatives by xs: full sweep, no kinks allowed unless told. */
void expect_gradcheck(wg_tensor y, wg_list xs, const char *format, ...) WG_PRINTF(3, 4);
/* sum(y * w) with fixed random weights: one number that feels every element of y. Seeds give different weights. */
wg_tensor weighted_sum(wg_tensor y, uint64_t seed);

const char *shape_name(wg_shape shape);

/* The row of the library's table by name; NULL: none. */
const wg_op *row_named(const char *name);

/* Whether this build has no linear algebra; and whether it can compute a row, which any other build must. */
bool reference_without_lapack(void);
bool row_is_there(const wg_op *op);

/* ---- the structured rows: each checks one primitive's values against naive loops ---- */

void reference_full(void);
void reference_iota(void);
void reference_random_uniform(void);
void reference_cast(void);
void reference_where(void);
void reference_stop_gradient(void);
void reference_sum(void);
void reference_prod(void);
void reference_max(void);
void reference_min(void);
void reference_argmax(void);
void reference_argmin(void);
void reference_any(void);
void reference_all(void);
void reference_reshape(void);
void reference_permute(void);
void reference_expand(void);
void reference_slice(void);
void reference_pad(void);
void reference_concat(void);
void reference_flip(void);
void reference_gather(void);
void reference_scatter_add(void);
void reference_unfold(void);
void reference_fold(void);
void reference_pool_index(void);
void reference_cumsum(void);
void reference_argsort(void);
void reference_dynamic_slice(void);
void reference_dynamic_update(void);
void reference_matmul(void);
void reference_conv(void);
void reference_conv_transpose(void);
void reference_conv_filter(void);
void reference_cholesky(void);
void reference_triangular_solve(void);
void reference_lu_packed(void);
void reference_qr_packed(void);
void reference_svd_packed(void);
void reference_eigh_packed(void);
void reference_assign(void);

#endif

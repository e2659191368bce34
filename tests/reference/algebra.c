/* The factorisations by their own definitions: multiplied back, orthonormal, in order; and the three with gradients
   also against textbook loops in double. What a row does not read holds NaN. */
#include "tests/reference/algebra.h"

const int64_t matrix_sides[MATRIX_SIDES] = {0, 1, 2, 5, 17, 40};

/* ---- plain matrices ---- */

matrices matrices_random(int64_t count, int64_t rows, int64_t columns, double diagonal, uint64_t *state)
{
    matrices x = {.count = count, .rows = rows, .columns = columns};
    for (int64_t i = 0; i < count * rows * columns; i++) x.v[i] = (double)(float)reference_uniform(state, -1, 1);
    for (int64_t b = 0; b < count; b++)
        for (int64_t i = 0; i < rows && i < columns; i++)
            *entry(&x, b, i, i) = (double)(float)(*entry(&x, b, i, i) + diagonal);
    return x;
}

matrices matrices_definite(int64_t count, int64_t side, uint64_t *state)
{
    matrices x = matrices_random(count, side, side, 0, state), y = matrices_product(&x, false, &x, true);
    for (int64_t i = 0; i < count * side * side; i++) y.v[i] = (double)(float)y.v[i];
    for (int64_t b = 0; b < count; b++)
        for (int64_t i = 0; i < side; i++) *entry(&y, b, i, i) += 1;
    return y;
}

wg_tensor matrices_tensor(wg_context *ctx, const matrices *x)
{
    return wg_from_f64(ctx, WG_SHAPE(x->count, x->rows, x->columns), x->v);
}

matrices matrices_of(wg_tensor x)
{
    wg_shape shape = wg_shape_of(x);
    matrices y = {.count = shape.rank == 3 ? shape.dim[0] : 1};
    bool fine =
        (shape.rank == 2 || shape.rank == 3) && wg_size(x) <= MATRIX_ROOM && wg_read_f64(x, y.v, (size_t)wg_size(x));
    reference_check(fine, "matrices %s cannot be read: %s", shape_name(shape), wg_error(x.context));
    if (!fine) return (matrices){0};
    y.rows = shape.dim[shape.rank - 2];
    y.columns = shape.dim[shape.rank - 1];
    return y;
}

matrices matrices_product(const matrices *a, bool transpose_a, const matrices *b, bool transpose_b)
{
    matrices left = *a, right = *b, y = {.count = a->count};
    int64_t inner = transpose_a ? a->rows : a->columns;
    y.rows = transpose_a ? a->columns : a->rows;
    y.columns = transpose_b ? b->rows : b->columns;
    for (int64_t item = 0; item < y.count; item++)
        for (int64_t i = 0; i < y.rows; i++)
            for (int64_t j = 0; j < y.columns; j++)
                for (int64_t k = 0; k < inner; k++)
                    *entry(&y, item, i, j) += (transpose_a ? *entry(&left, item, k, i) : *entry(&left, item, i, k)) *
                                              (transpose_b ? *entry(&right, item, j, k) : *entry(&right, item, k, j));
    return y;
}

void expect_matrices(matrices *got, matrices *want, double tolerance, const char *what)
{
    bool alike = got->count == want->count && got->rows == want->rows && got->columns == want->columns;
    reference_check(alike, "%s: %lld x [%lld, %lld], not %lld x [%lld, %lld]", what, (long long)got->count,
                    (long long)got->rows, (long long)got->columns, (long long)want->count, (long long)want->rows,
                    (long long)want->columns);
    for (int64_t i = 0; alike && i < got->count * got->rows * got->columns; i++)
        reference_check(fabs(got->v[i] - want->v[i]) <= tolerance, "%s, [%lld, %lld]: element %lld is %.9g, not %.9g",
                        what, (long long)got->rows, (long long)got->columns, (long long)i, got->v[i], want->v[i]);
}

void expect_orthonormal(matrices *x, double tolerance, const char *what)
{
    matrices square = matrices_product(x, true, x, false), one = square;
    for (int64_t i = 0; i < one.count * one.rows * one.columns; i++)
        one.v[i] = i / one.columns % (one.rows ? one.rows : 1) == i % one.columns;
    expect_matrices(&square, &one, tolerance, what);
}

void matrices_set_above(matrices *x, double value)
{
    for (int64_t b = 0; b < x->count; b++)
        for (int64_t i = 0; i < x->rows; i++)
            for (int64_t j = i + 1; j < x->columns; j++) *entry(x, b, i, j) = value;
}

double eps_of(wg_type type)
{
    return type == WG_F32 ? 0x1p-23 : 0x1p-52;
}

void expect_fault(wg_tensor y, wg_status status, const char *words)
{
    wg_context *ctx = y.context;
    reference_check(!wg_failed(ctx), "before \"%s\": %s", words, wg_error(ctx));
    reference_check(!wg_eval(WG_LIST(y)) && wg_error_status(ctx) == status && strstr(wg_error(ctx), words),
                    "status %d, \"%s\" does not say \"%s\"", (int)wg_error_status(ctx), wg_error(ctx), words);
    wg_recover(ctx);
}

bool reference_left_out(const char *name)
{
    if (!reference_without_lapack()) return false;
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor y = row_named(name)->sample(ctx);
    reference_check(!y.id && wg_error_status(ctx) == WG_UNSUPPORTED && strstr(wg_error(ctx), "no LAPACK"), "%s: %s",
                    name, wg_error(ctx));
    wg_context_free(ctx);
    return true;
}

/* ---- cholesky ---- */

/* Row by row; above the diagonal zeros. */
static matrices naive_cholesky(matrices *x)
{
    matrices l = {.count = x->count, .rows = x->rows, .columns = x->rows};
    for (int64_t b = 0; b < x->count; b++)
        for (int64_t i = 0; i < x->rows; i++)
            for (int64_t j = 0; j <= i; j++) {
                double sum = *entry(x, b, i, j);
                for (int64_t k = 0; k < j; k++) sum -= *entry(&l, b, i, k) * *entry(&l, b, j, k);
                *entry(&l, b, i, j) = i == j ? sqrt(sum) : sum / *entry(&l, b, j, j);
            }
    return l;
}

static void check_cholesky(wg_type type, int64_t n)
{
    uint64_t state = 11 + (uint64_t)n;
    matrices x = matrices_definite(3, n, &state), want = naive_cholesky(&x);
    wg_context *ctx = reference_context(type);
    matrices_set_above(&x, (double)NAN);
    matrices l = matrices_of(wg_cholesky(matrices_tensor(ctx, &x)));
    expect_matrices(&l, &want, 20 * (double)(n + 1) * eps_of(type), "cholesky");
    for (int64_t i = 0; i < 3 * n * n; i++)
        reference_check(i % n <= i / n % n || (l.v[i] == 0 && !signbit(l.v[i])), "cholesky: %g above the diagonal",
                        l.v[i]);
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* The first and the second derivative of y by xs. */
static void check_derivatives(wg_tensor y, wg_list xs, const char *what)
{
    wg_tensor gradients[2], loss = weighted_sum(y, 3), again = wg_full_typed(y.context, wg_type_of(y), WG_SCALAR, 0);
    expect_gradcheck(loss, xs, "%s", what);
    cr_expect(wg_grads(loss, xs, gradients), "%s: %s", what, wg_error(y.context));
    for (size_t i = 0; i < xs.count; i++) again = wg_add(again, weighted_sum(gradients[i], 4 + i));
    expect_gradcheck(again, xs, "%s, second", what);
}

/* Of the lower triangle alone, whatever stands above; and of a symmetric x made of something else. */
static void check_cholesky_gradient(wg_type type, int64_t n)
{
    uint64_t state = 5;
    wg_context *ctx = reference_context(type);
    matrices x = matrices_definite(2, n, &state), factor = matrices_random(2, n, n, 0, &state);
    matrices_set_above(&x, 7);
    wg_tensor t = matrices_tensor(ctx, &x), f = matrices_tensor(ctx, &factor);
    check_derivatives(wg_cholesky(t), WG_LIST(t), "cholesky");
    matrices gradient = matrices_of(wg_grad(weighted_sum(wg_cholesky(t), 3), t));
    for (int64_t i = 0; i < 2 * n * n; i++)
        reference_check(i % n <= i / n % n || gradient.v[i] == 0, "cholesky: the gradient above the diagonal");
    wg_tensor one = wg_full_typed(ctx, type, WG_SHAPE(n, n), 0.5);
    check_derivatives(
        wg_cholesky(wg_add(wg_matmul_transposed(f, false, f, true), wg_add(one, matrices_tensor(ctx, &x)))), WG_LIST(f),
        "cholesky of f f^T + ...");
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

static void check_cholesky_faults(wg_type type)
{
    static const double values[2][3][4] = {{{4, 0, 2, 2}, {1, 0, 0, 0}, {1, 0, 0, 1}},
                                           {{-1, 0, 0, 1}, {1, 0, 0, 1}, {1, 0, 0, 1}}};
    wg_context *ctx = reference_context(type);
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(3, 2, 2), values[0][0])), WG_BAD_ARGUMENT,
                 "cholesky: matrix [1] is not positive definite: its leading minor of order 2 is not positive");
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(1, 3, 2, 2), values[1][0])), WG_BAD_ARGUMENT,
                 "matrix [0, 0] is not positive definite: its leading minor of order 1 is");
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(2, 2), values[1][0])), WG_BAD_ARGUMENT,
                 "cholesky: the matrix is not positive definite");
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(2, 2, 2), (double[]){1, 0, 0, 1, 1, 0, (double)NAN, 1})),
                 WG_BAD_ARGUMENT, "element [1, 0] of matrix [1] is not a number");
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(2, 2), (double[]){(double)INFINITY, 0, 0, 1})), WG_BAD_ARGUMENT,
                 "element [0, 0] of the matrix is infinite");
    /* the first column overflows; infinity times 0 makes the last pivot NaN, which is not less than 0 */
    double large = type == WG_F32 ? 3e38 : 1e308, small = 1 / large;
    expect_fault(wg_cholesky(wg_from_f64(ctx, WG_SHAPE(3, 3), (double[]){small, 0, 0, 0, 1, 0, large, 0, 1})),
                 WG_BAD_ARGUMENT, "is not positive definite: its leading minor of order 3");
    wg_context_free(ctx);
}

void reference_cholesky(void)
{
    if (reference_left_out("cholesky")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (int i = 0; i < MATRIX_SIDES; i++) check_cholesky(type, matrix_sides[i]);
        check_cholesky_gradient(type, 1);
        check_cholesky_gradient(type, 4);
        check_cholesky_faults(type);
    }
}

/* ---- triangular_solve ---- */

/* The element of op(a) that the flags mean. */
static double triangle_at(matrices *a, int64_t item, int64_t i, int64_t j, int flags)
{
    int64_t row = flags & WG_TRANSPOSED ? j : i, column = flags & WG_TRANSPOSED ? i : j;
    if (flags & WG_UPPER ? column < row : column > row) return 0;
    return i == j && flags & WG_UNIT_DIAGONAL ? 1 : *entry(a, item, row, column);
}

/* By substitution, from the end that knows one unknown. */
static matrices naive_triangular_solve(matrices *a, matrices *b, int flags)
{
    bool forward = !(flags & WG_UPPER) == !(flags & WG_TRANSPOSED);
    matrices x = *b;
    int64_t n = a->rows;
    for (int64_t item = 0; item < x.count; item++)
        for (int64_t column = 0; column < x.columns; column++)
            for (int64_t step = 0; step < n; step++) {
                int64_t i = forward ? step : n - 1 - step, from = a->count == 1 ? 0 : item;
                double sum = *entry(&x, item, i, column);
                for (int64_t j = forward ? 0 : i + 1; j < (forward ? i : n); j++)
                    sum -= triangle_at(a, from, i, j, flags) * *entry(&x, item, j, column);
                *entry(&x, item, i, column) = sum / triangle_at(a, from, i, i, flags);
            }
    return x;
}

/* Triangles whose inverses are tame; elsewhere, and on a diagonal that counts as ones, stands `other`. */
static matrices triangles(int64_t count, int64_t n, int flags, double other, uint64_t *state)
{
    matrices a = matrices_random(count, n, n, 0, state);
    for (int64_t b = 0; b < count; b++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double *at = entry(&a, b, i, j);
                if (i == j)
                    *at = flags & WG_UNIT_DIAGONAL ? other : (*at < 0 ? -1 : 1) - *at;
                else
                    *at = (flags & WG_UPPER ? j > i : j < i) ? (double)(float)(*at / (double)n) : other;
            }
    return a;
}

static void check_triangular_solve(wg_type type, int64_t n, int64_t columns, int flags)
{
    uint64_t state = 31 + (uint64_t)n;
    wg_context *ctx = reference_context(type);
    matrices a = triangles(3, n, flags, (double)NAN, &state), b = matrices_random(3, n, columns, 0, &state);
    matrices want = naive_triangular_solve(&a, &b, flags);
    matrices x = matrices_of(wg_triangular_solve(matrices_tensor(ctx, &a), matrices_tensor(ctx, &b), flags));
    expect_matrices(&x, &want, 20 * (double)(n + 1) * eps_of(type), "triangular_solve");
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Leading axes broadcast, and a vector is a column. */
static void check_triangular_broadcast(wg_type type, int flags)
{
    uint64_t state = 41;
    wg_context *ctx = reference_context(type);
    matrices a = triangles(1, 4, flags, 0, &state), b = matrices_random(3, 4, 2, 0, &state);
    matrices want = naive_triangular_solve(&a, &b, flags);
    wg_tensor one = wg_reshape(matrices_tensor(ctx, &a), WG_SHAPE(4, 4)), many = matrices_tensor(ctx, &b);
    wg_tensor x = wg_triangular_solve(one, many, flags);
    matrices got = matrices_of(x);
    expect_matrices(&got, &want, 1e3 * eps_of(type), "triangular_solve, one matrix for all");
    check_derivatives(x, WG_LIST(one, many), "triangular_solve, one matrix for all");
    a = triangles(3, 4, flags, 0, &state);
    b = matrices_random(1, 4, 1, 0, &state);
    wg_tensor several = matrices_tensor(ctx, &a), vector = wg_reshape(matrices_tensor(ctx, &b), WG_SHAPE(4));
    x = wg_triangular_solve(several, vector, flags);
    reference_check(wg_shape_equal(wg_shape_of(x), WG_SHAPE(3, 4)), "triangular_solve of a vector: %s",
                    shape_name(wg_shape_of(x)));
    got = matrices_of(wg_unsqueeze(x, -1));
    b.count = 3;
    for (int i = 4; i < 12; i++) b.v[i] = b.v[i - 4];
    want = naive_triangular_solve(&a, &b, flags);
    expect_matrices(&got, &want, 1e3 * eps_of(type), "triangular_solve, one vector for all");
    check_derivatives(x, WG_LIST(several, vector), "triangular_solve, one vector for all");
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

static void check_triangular_faults(wg_type type)
{
    wg_context *ctx = reference_context(type);
    wg_tensor b = wg_ones(ctx, WG_SHAPE(2, 1));
    double singular[] = {1, 2, 3, 1, 1, 5, 6, 0};
    wg_tensor a = wg_from_f64(ctx, WG_SHAPE(2, 2, 2), singular);
    reference_check(wg_eval(WG_LIST(wg_triangular_solve(a, b, WG_UNIT_DIAGONAL))), "%s", wg_error(ctx));
    expect_fault(wg_triangular_solve(a, b, 0), WG_BAD_ARGUMENT,
                 "triangular_solve: matrix [1] is singular: element 1 of its diagonal is 0");
    /* NaN goes where arithmetic takes it: to the unknowns after it, in its own column */
    double nan_ = (double)NAN;
    a = wg_from_f64(ctx, WG_SHAPE(3, 3), (double[]){1, 9, 9, 1, 1, 9, 1, 1, 1});
    wg_tensor sides_ = wg_from_f64(ctx, WG_SHAPE(3, 2), (double[]){1, 2, nan_, 3, 4, 5});
    matrices x = matrices_of(wg_triangular_solve(a, sides_, 0));
    reference_check(x.v[0] == 1 && isnan(x.v[2]) && isnan(x.v[4]) && x.v[1] == 2 && x.v[3] == 1 && x.v[5] == 2,
                    "triangular_solve with a NaN: %g %g %g, %g %g %g", x.v[0], x.v[2], x.v[4], x.v[1], x.v[3], x.v[5]);
    wg_context_free(ctx);
}

void reference_triangular_solve(void)
{
    if (reference_left_out("triangular_solve")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (int flags = 0; flags < 8; flags++) {
            for (int i = 0; i < MATRIX_SIDES; i++)
                for (int64_t columns = 0; columns < 4; columns++)
                    check_triangular_solve(type, matrix_sides[i], columns, flags);
            check_triangular_broadcast(type, flags);
        }
        check_triangular_faults(type);
    }
}

/* ---- lu_packed ---- */

/* What the packed rows say, against each other and against x. */
static void check_packed_lu(matrices *x, matrices *packed, double tolerance)
{
    int64_t n = x->rows;
    matrices l = *x, u = *x, ordered = *x;
    for (int64_t b = 0; b < x->count; b++) {
        bool seen[64] = {false};
        double sign = 1, parity = 1;
        for (int64_t i = 0; i < n; i++) {
            int64_t from = (int64_t)*entry(packed, b, n, i);
            double exchanged = *entry(packed, b, n + 1, i);
            bool fine = from >= 0 && from < n && !seen[from] && (exchanged == 1 || exchanged == -1);
            reference_check(fine, "lu: row %lld twice, or no row, or %g", (long long)from, exchanged);
            if (!fine) return;
            seen[from] = true;
            sign *= exchanged;
            for (int64_t j = 0; j < i; j++) parity *= *entry(packed, b, n, j) > (double)from ? -1 : 1;
            for (int64_t j = 0; j < n; j++) {
                double value = *entry(packed, b, i, j);
                *entry(&l, b, i, j) = i == j ? 1 : j < i ? value : 0;
                *entry(&u, b, i, j) = j < i ? 0 : value;
                *entry(&ordered, b, i, j) = *entry(x, b, from, j);
                reference_check(j >= i || fabs(value) <= 1, "lu: %g in L: the pivot was not the largest", value);
            }
        }
        reference_check(sign == parity, "lu: the exchanges do not make the permutation");
    }
    matrices back = matrices_product(&l, false, &u, false);
    expect_matrices(&back, &ordered, tolerance, "lu");
}

static void check_lu(wg_type type, int64_t n)
{
    uint64_t state = 51 + (uint64_t)n;
    wg_context *ctx = reference_context(type);
    matrices x = matrices_random(3, n, n, 0, &state);
    wg_tensor t = wg_lu_packed(matrices_tensor(ctx, &x));
    matrices packed = matrices_of(t);
    check_packed_lu(&x, &packed, 4 * (double)((n + 1) * (n + 1)) * eps_of(type));
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

static void check_lu_gradient(wg_type type, int64_t n)
{
    uint64_t state = 61;
    wg_context *ctx = reference_context(type);
    matrices x = matrices_random(2, n, n, 0, &state);
    wg_tensor t = matrices_tensor(ctx, &x), shifted = wg_add(wg_flip(t, -2), wg_full_like(t, 0.25));
    check_derivatives(wg_slice(wg_lu_packed(t), -2, 0, n), WG_LIST(t), "lu");
    check_derivatives(wg_lu_packed(shifted), WG_LIST(t), "lu of something computed");
    wg_tensor l, u;
    wg_lu(t, NULL, &l, &u);
    check_derivatives(wg_matmul(wg_square(l), wg_sin(u)), WG_LIST(t), "functions of L and U");
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Where two rows contend for being the pivot, L and U jump: the gradient check sees a kink by the elements that
   contend, and none by the others. */
static void check_lu_contest(wg_type type)
{
    wg_context *ctx = reference_context(type);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(1, 2, 2), (double[]){1, 2, 1, -1});
    wg_gradcheck_report report = wg_gradcheck(weighted_sum(wg_slice(wg_lu_packed(x), -2, 0, 2), 3), WG_LIST(x), NULL);
    reference_check(report.passed && report.leaves[0].kinks == 2 && report.leaves[0].samples == 2,
                    "lu where two rows contend: %lld kinks, %lld samples", (long long)report.leaves[0].kinks,
                    (long long)report.leaves[0].samples);
    wg_context_free(ctx);
}

/* A singular matrix has factors, and no gradient. */
static void check_lu_singular(wg_type type)
{
    wg_context *ctx = reference_context(type);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2, 2), (double[]){0, 0, 0, 0, 1, 2, 2, 4});
    double values[16], want[] = {0, 0, 0, 0, 0, 1, 1, 1, 2, 4, 0.5, 0, 1, 0, -1, 1};
    reference_check(wg_read_f64(wg_lu_packed(x), values, 16), "lu of zeros: %s", wg_error(ctx));
    for (int i = 0; i < 16; i++)
        reference_check(values[i] == want[i], "lu of singular matrices: %d is %g, not %g", i, values[i], want[i]);
    expect_fault(wg_grad(weighted_sum(wg_lu_packed(x), 1), x), WG_BAD_ARGUMENT, "matrix [0] is singular");
    x = wg_from_f64(ctx, WG_SHAPE(1, 2, 2), (double[]){0, 0, (double)NAN, 0});
    expect_fault(wg_lu_packed(x), WG_BAD_ARGUMENT, "lu_packed: element [1, 0] of matrix [0] is not a number");
    wg_context_free(ctx);
}

void reference_lu_packed(void)
{
    if (reference_left_out("lu_packed")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (int i = 0; i < MATRIX_SIDES; i++) check_lu(type, matrix_sides[i]);
        check_lu_gradient(type, 1);
        check_lu_gradient(type, 4);
        check_lu_contest(type);
        check_lu_singular(type);
    }
}

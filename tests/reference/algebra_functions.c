/* The functions of linear_algebra.h against definitions: elimination by hand, sums over permutations, the four
   equations of Moore and Penrose; gradients and second derivatives by the gradient check. */
#include "tests/reference/algebra.h"

/* ---- by hand ---- */

/* Gauss and Jordan, the largest pivot first; the determinant on the way. */
static matrices eliminate(matrices a, matrices b, double *determinant)
{
    for (int64_t item = 0; item < a.count; item++) {
        double product = 1;
        for (int64_t k = 0; k < a.rows; k++) {
            int64_t best = k;
            for (int64_t i = k + 1; i < a.rows; i++)
                if (fabs(*entry(&a, item, i, k)) > fabs(*entry(&a, item, best, k))) best = i;
            for (int64_t j = 0; j < a.rows + b.columns; j++) {
                double *x = j < a.rows ? entry(&a, item, k, j) : entry(&b, item, k, j - a.rows);
                double *y = j < a.rows ? entry(&a, item, best, j) : entry(&b, item, best, j - a.rows), kept = *x;
                *x = *y;
                *y = kept;
            }
            double pivot = *entry(&a, item, k, k);
            product *= best == k ? pivot : -pivot;
            for (int64_t i = 0; i < a.rows; i++) {
                double factor = *entry(&a, item, i, k) / pivot;
                for (int64_t j = 0; j < a.rows && i != k; j++)
                    *entry(&a, item, i, j) -= factor * *entry(&a, item, k, j);
                for (int64_t j = 0; j < b.columns && i != k; j++)
                    *entry(&b, item, i, j) -= factor * *entry(&b, item, k, j);
            }
            for (int64_t j = 0; j < b.columns; j++) *entry(&b, item, k, j) /= pivot;
            for (int64_t j = a.rows; j-- > k;) *entry(&a, item, k, j) /= pivot;
        }
        if (determinant) determinant[item] = product;
    }
    return b;
}

/* The sum over all permutations, by the first row (Leibniz, Laplace). */
static double leibniz(const double *x, int n, int stride)
{
    double minor[16], sum = 0;
    if (n == 0) return 1;
    for (int column = 0; column < n; column++) {
        for (int i = 1; i < n; i++)
            for (int j = 0, to = 0; j < n; j++)
                if (j != column) minor[(i - 1) * 4 + to++] = x[i * stride + j];
        sum += (column % 2 ? -1 : 1) * x[column] * leibniz(minor, n - 1, 4);
    }
    return sum;
}

/* ---- equations ---- */

static void check_solve(wg_type type, int64_t n, int64_t columns)
{
    uint64_t state = 3 + (uint64_t)n;
    wg_context *ctx = reference_context(type);
    /* rows in another order, so that they must be exchanged; far from singular all the same */
    matrices a = matrices_random(3, n, n, 2 * sqrt((double)n), &state), b = matrices_random(3, n, columns, 0, &state);
    for (int64_t item = 0; item < 3; item++)
        for (int64_t i = 0; i < n / 2; i++)
            for (int64_t j = 0; j < n; j++) {
                double kept = *entry(&a, item, i, j);
                *entry(&a, item, i, j) = *entry(&a, item, n - 1 - i, j);
                *entry(&a, item, n - 1 - i, j) = kept;
            }
    matrices want = eliminate(a, b, NULL), one = matrices_random(3, n, n, 0, &state);
    double tolerance = 30 * (double)(n + 1) * eps_of(type);
    wg_tensor x = matrices_tensor(ctx, &a);
    matrices got = matrices_of(wg_solve(x, matrices_tensor(ctx, &b)));
    expect_matrices(&got, &want, tolerance, "solve");
    for (int64_t i = 0; i < 3 * n * n; i++) one.v[i] = i / n % n == i % n;
    want = eliminate(a, one, NULL);
    got = matrices_of(wg_inv(x));
    expect_matrices(&got, &want, tolerance, "inv");
    a = matrices_definite(3, n, &state);
    want = eliminate(a, b, NULL);
    got = matrices_of(wg_cholesky_solve(wg_cholesky(matrices_tensor(ctx, &a)), matrices_tensor(ctx, &b)));
    expect_matrices(&got, &want, 10 * tolerance, "cholesky_solve");
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

static void check_second(wg_tensor y, wg_list xs, const char *what)
{
    wg_tensor gradients[2], loss = weighted_sum(y, 3), again = wg_full_typed(y.context, wg_type_of(y), WG_SCALAR, 0);
    expect_gradcheck(loss, xs, "%s", what);
    cr_expect(wg_grads(loss, xs, gradients), "%s: %s", what, wg_error(y.context));
    for (size_t i = 0; i < xs.count; i++) again = wg_add(again, weighted_sum(gradients[i], 4 + i));
    expect_gradcheck(again, xs, "%s, second", what);
}

static void check_solve_gradients(wg_type type)
{
    static const wg_shape cases[][3] = {{{2, {3, 3}}, {2, {3, 2}}, {2, {3, 2}}},
                                        {{3, {2, 3, 3}}, {1, {3}}, {2, {2, 3}}},
                                        {{2, {3, 3}}, {3, {2, 3, 1}}, {3, {2, 3, 1}}},
                                        {{4, {2, 1, 2, 2}}, {3, {3, 2, 2}}, {4, {2, 3, 2, 2}}},
                                        {{2, {1, 1}}, {1, {1}}, {1, {1}}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_context *ctx = reference_context(type);
        uint64_t state = 13;
        naive a = naive_random(cases[i][0], -2, 2, false, &state), b = naive_random(cases[i][1], -2, 2, false, &state);
        wg_tensor x = tensor_of(ctx, type, &a), z = tensor_of(ctx, type, &b), y = wg_solve(x, z);
        reference_check(wg_shape_equal(wg_shape_of(y), cases[i][2]), "solve of %s and %s gives %s",
                        shape_name(cases[i][0]), shape_name(cases[i][1]), shape_name(wg_shape_of(y)));
        check_second(y, WG_LIST(x, z), "solve");
        check_second(wg_inv(x), WG_LIST(x), "inv");
        wg_tensor l = wg_cholesky(
            wg_add(wg_matmul_transposed(x, false, x, true), wg_expand(wg_ones(ctx, WG_SHAPE(1, 1)), wg_shape_of(x))));
        check_second(wg_cholesky_solve(l, z), WG_LIST(x, z), "cholesky_solve");
        cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
        wg_context_free(ctx);
    }
}

static void check_singular(wg_type type)
{
    wg_context *ctx = reference_context(type);
    double values[] = {1, 2, 2, 4, 1, 0, 0, 1};
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2, 2), values), b = wg_ones(ctx, WG_SHAPE(2));
    expect_fault(wg_solve(x, b), WG_BAD_ARGUMENT, "matrix [0] is singular: element 1 of its diagonal is 0");
    x = wg_flip(wg_from_f64(ctx, WG_SHAPE(1, 2, 2, 2), values), 1);
    expect_fault(wg_inv(x), WG_BAD_ARGUMENT, "matrix [0, 1] is singular");
    x = wg_from_f64(ctx, WG_SHAPE(2, 2), (double[]){1, 2, 3, (double)NAN});
    expect_fault(wg_solve(x, wg_ones(ctx, WG_SHAPE(2))), WG_BAD_ARGUMENT,
                 "element [1, 1] of the matrix is not a number");
    wg_context_free(ctx);
}

Test(algebra, equations)
{
    if (reference_without_lapack()) return;
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (int i = 0; i < MATRIX_SIDES; i++)
            for (int64_t columns = 0; columns < 4; columns += 3) check_solve(type, matrix_sides[i], columns);
        check_solve_gradients(type);
        check_singular(type);
    }
    reference_end(reference_context(WG_F32), "equations");
}

/* ---- least squares ---- */

/* What remains is orthogonal to the columns of a; of a wide a nothing remains, and x is a combination of its rows. */
static void check_lstsq(wg_type type, int64_t m, int64_t n)
{
    uint64_t state = 17;
    wg_context *ctx = reference_context(type);
    matrices a = matrices_random(2, m, n, 2, &state), b = matrices_random(2, m, 3, 0, &state);
    wg_tensor t = matrices_tensor(ctx, &a), sides_ = matrices_tensor(ctx, &b), x = wg_lstsq(t, sides_);
    matrices got = matrices_of(x), left = matrices_product(&a, false, &got, false);
    for (int64_t i = 0; i < 2 * m * 3; i++) left.v[i] -= b.v[i];
    matrices across = matrices_product(&a, true, &left, false), nothing = across;
    memset(nothing.v, 0, sizeof nothing.v);
    double tolerance = 40 * (double)(m + n + 1) * eps_of(type);
    expect_matrices(&across, &nothing, tolerance, "lstsq");
    matrices best = matrices_of(wg_matmul(wg_pinv(t), sides_));
    expect_matrices(&got, &best, tolerance, "lstsq and pinv");
    wg_tensor vector = wg_lstsq(t, wg_reshape(wg_slice(wg_slice(sides_, 0, 0, 1), -1, 0, 1), WG_SHAPE(m)));
    reference_check(wg_shape_equal(wg_shape_of(vector), WG_SHAPE(2, n)), "lstsq of a vector: %s",
                    shape_name(wg_shape_of(vector)));
    double values[2 * 64];
    reference_check(wg_read_f64(vector, values, (size_t)(2 * n)), "lstsq of a vector: %s", wg_error(ctx));
    for (int64_t i = 0; i < n; i++)
        reference_check(fabs(values[i] - *entry(&best, 0, i, 0)) <= tolerance, "lstsq of a vector: element %lld",
                        (long long)i);
    wg_context_free(ctx);
}

/* a p a = a, p a p = p, a p and p a symmetric (Penrose 1955), also without full rank. */
static void check_pinv(wg_type type, int64_t m, int64_t n, int64_t rank)
{
    uint64_t state = 19;
    wg_context *ctx = reference_context(type);
    matrices u = matrices_random(2, m, rank, 1, &state), v = matrices_random(2, rank, n, 1, &state);
    matrices a = matrices_product(&u, false, &v, false);
    matrices p = matrices_of(wg_pinv(matrices_tensor(ctx, &a)));
    if (type == WG_F32)
        for (int64_t i = 0; i < 2 * m * n; i++) a.v[i] = (double)(float)a.v[i];
    matrices ap = matrices_product(&a, false, &p, false), pa = matrices_product(&p, false, &a, false);
    matrices apa = matrices_product(&ap, false, &a, false), pap = matrices_product(&pa, false, &p, false);
    double size = 1;
    for (int64_t i = 0; i < 2 * m * n; i++) size = fmax(size, fabs(p.v[i]));
    reference_check(size < 1e3, "pinv: %g, of rank %lld", size, (long long)rank);
    double tolerance = 100 * (double)(m + n + 1) * size * size * eps_of(type);
    expect_matrices(&apa, &a, tolerance, "pinv: a p a");
    expect_matrices(&pap, &p, tolerance, "pinv: p a p");
    for (int64_t b = 0; b < 2; b++) {
        for (int64_t i = 0; i < m * m; i++)
            reference_check(fabs(*entry(&ap, b, i / m, i % m) - *entry(&ap, b, i % m, i / m)) <= tolerance,
                            "pinv: a p");
        for (int64_t i = 0; i < n * n; i++)
            reference_check(fabs(*entry(&pa, b, i / n, i % n) - *entry(&pa, b, i % n, i / n)) <= tolerance,
                            "pinv: p a");
    }
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

Test(algebra, least_squares)
{
    static const int64_t shapes[][2] = {{1, 1},  {2, 1},  {1, 2}, {5, 3}, {3, 5}, {17, 17},
                                        {40, 6}, {6, 40}, {0, 0}, {3, 0}, {0, 3}};
    if (reference_without_lapack()) return;
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            int64_t m = shapes[i][0], n = shapes[i][1], least = m < n ? m : n;
            check_lstsq(type, m, n);
            check_pinv(type, m, n, least);
            if (least > 2) check_pinv(type, m, n, least - 1);
        }
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor zero = wg_zeros(ctx, WG_SHAPE(3, 2)), x = wg_ones(ctx, WG_SHAPE(3, 2));
    reference_check(wg_item(wg_max(wg_abs(wg_pinv(zero)), WG_ALL)) == 0, "the pseudo-inverse of nothing");
    expect_fault(wg_lstsq(zero, wg_ones(ctx, WG_SHAPE(3))), WG_BAD_ARGUMENT, "the matrix is singular");
    x = wg_ones(ctx, WG_SHAPE(3, 2));
    reference_check(!wg_grad(wg_sum(wg_pinv(x), WG_ALL), x).id && wg_error_status(ctx) == WG_NO_GRADIENT, "%s",
                    wg_error(ctx));
    wg_recover(ctx);
    x = wg_ones(ctx, WG_SHAPE(3, 2));
    reference_check(!wg_grad(wg_sum(wg_lstsq(x, wg_ones(ctx, WG_SHAPE(3))), WG_ALL), x).id &&
                        wg_error_status(ctx) == WG_NO_GRADIENT,
                    "%s", wg_error(ctx));
    wg_recover(ctx);
    reference_end(ctx, "least squares");
}

/* ---- determinants ---- */

static void expect_near(wg_tensor got, int count, const double *want, double tolerance, const char *what)
{
    double values[8];
    reference_check(wg_shape_equal(wg_shape_of(got), WG_SHAPE(count)) && wg_read_f64(got, values, (size_t)count),
                    "%s: %s", what, wg_error(got.context));
    for (int i = 0; i < count; i++) {
        bool same = values[i] == want[i] || (isnan(values[i]) && isnan(want[i]));
        reference_check(same || fabs(values[i] - want[i]) <= tolerance * (1 + fabs(want[i])), "%s: %.9g, not %.9g",
                        what, values[i], want[i]);
    }
}

static void check_determinants(wg_type type, int64_t n)
{
    uint64_t state = 23;
    wg_context *ctx = reference_context(type);
    matrices x = matrices_random(3, n, n, 0, &state), nothing = {.count = 3, .rows = n};
    double want[3], sign[3], size[3], tolerance = 30 * (double)(n + 1) * eps_of(type);
    for (int i = 0; i < 3 && n <= 4; i++) want[i] = leibniz(&x.v[i * n * n], (int)n, (int)n);
    if (n > 4) eliminate(x, nothing, want);
    for (int i = 0; i < 3; i++) sign[i] = want[i] < 0 ? -1 : 1, size[i] = log(fabs(want[i]));
    wg_tensor t = matrices_tensor(ctx, &x), s, logarithm;
    expect_near(wg_det(t), 3, want, tolerance, "det");
    reference_check(wg_slogdet(t, &s, &logarithm), "%s", wg_error(ctx));
    expect_near(s, 3, sign, 0, "slogdet, sign");
    expect_near(logarithm, 3, size, 10 * tolerance, "slogdet");
    for (int i = 0; i < 3; i++) size[i] = want[i] < 0 ? (double)NAN : size[i];
    expect_near(wg_logdet(t), 3, size, 10 * tolerance, "logdet");
    if (n > 0 && n < 5) {
        check_second(wg_det(t), WG_LIST(t), "det");
        check_second(logarithm, WG_LIST(t), "slogdet");
        wg_tensor definite = wg_matmul_transposed(t, true, t, false);
        check_second(wg_logdet(definite), WG_LIST(t), "logdet");
    }
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Singular ones, and those whose determinant has no place among the numbers. */
static void check_extreme_determinants(wg_type type)
{
    wg_context *ctx = reference_context(type);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2, 2), (double[]){1, 2, 2, 4, 0, 1, 1, 0}), s, logarithm;
    expect_near(wg_det(x), 2, (double[]){0, -1}, 0, "det of a singular matrix");
    wg_slogdet(x, &s, &logarithm);
    expect_near(s, 2, (double[]){0, -1}, 0, "slogdet of a singular matrix, sign");
    expect_near(logarithm, 2, (double[]){-(double)INFINITY, 0}, 0, "slogdet of a singular matrix");
    expect_near(wg_logdet(x), 2, (double[]){-(double)INFINITY, (double)NAN}, 0, "logdet of a singular matrix");
    expect_fault(wg_grad(wg_sum(wg_det(x), WG_ALL), x), WG_BAD_ARGUMENT, "matrix [0] is singular");
    wg_tensor large = wg_mul_scalar(
        wg_cast(wg_equal(wg_iota(ctx, WG_I32, WG_SHAPE(40, 1), 0), wg_iota(ctx, WG_I32, WG_SHAPE(40), 0)), type),
        -1e20);
    wg_slogdet(large, &s, &logarithm);
    reference_check(wg_item(s) == 1 && fabs(wg_item(logarithm) / (800 * log(10)) - 1) < 1e-6, "slogdet of 1e800: %g",
                    wg_item(logarithm));
    reference_check(isinf(wg_item(wg_det(large))), "det of 1e800");
    wg_context_free(ctx);
}

Test(algebra, determinants)
{
    if (reference_without_lapack()) return;
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (int64_t n = 0; n <= 4; n++) check_determinants(type, n);
        check_determinants(type, 17);
        check_extreme_determinants(type);
    }
    reference_end(reference_context(WG_F32), "determinants");
}

/* ---- powers ---- */

Test(algebra, powers)
{
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int exponent = 0; exponent < 12; exponent++)
            for (int64_t n = 0; n < 5; n++) {
                uint64_t state = 29;
                wg_context *ctx = reference_context(type);
                matrices x = matrices_random(2, n, n, 0, &state), want = x;
                for (int64_t i = 0; i < 2 * n * n; i++) want.v[i] = i / n % n == i % n;
                for (int i = 0; i < exponent; i++) want = matrices_product(&want, false, &x, false);
                wg_tensor t = matrices_tensor(ctx, &x), y = wg_matrix_power(t, exponent);
                matrices got = matrices_of(y);
                double size = pow(fmax(1, (double)n), exponent);
                expect_matrices(&got, &want, 4 * size * eps_of(type), "matrix_power");
                if (n == 3 && exponent > 0 && exponent < 6) check_second(y, WG_LIST(t), "matrix_power");
                cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
                wg_context_free(ctx);
            }
    reference_end(reference_context(WG_F32), "powers");
}

/* ---- results that nobody wants ---- */

Test(algebra, results_may_be_left_out)
{
    if (reference_without_lapack()) return;
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2), (double[]){2, 1, 1, 3}), l = x, s = x, w = x;
    reference_check(wg_lu(x, NULL, &l, NULL) && wg_qr(x, NULL, NULL) && wg_svd(x, NULL, &s, NULL) &&
                        wg_eigh(x, &w, NULL) && wg_slogdet(x, NULL, NULL),
                    "%s", wg_error(ctx));
    double values[4];
    reference_check(wg_read_f64(l, values, 4) && values[0] == 1 && values[2] == 0.5 && values[1] == 0, "L: %g",
                    values[2]);
    expect_near(s, 2, (double[]){(5 + sqrt(5)) / 2, (5 - sqrt(5)) / 2}, 1e-6, "singular values");
    expect_near(w, 2, (double[]){(5 - sqrt(5)) / 2, (5 + sqrt(5)) / 2}, 1e-6, "eigenvalues");
    reference_end(ctx, "results left out");
}

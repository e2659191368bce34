/* Whole Jacobians and Hessians, against closed forms. */
#include "tests/scratch.h"

enum { MOST = 256 };

static const wg_type types[] = {WG_F32, WG_F64};

static wg_context *context_of(wg_type type)
{
    return scratch_context_with((wg_context_options){.type = type});
}

static void expect_matrix(wg_tensor got, wg_shape shape, const double *want, const char *what)
{
    double values[MOST];
    size_t count = (size_t)wg_shape_size(shape);
    cr_assert(wg_shape_equal(wg_shape_of(got), shape) && count <= MOST, "%s: %s", what, wg_error(got.context));
    cr_assert(wg_read_f64(got, values, count), "%s: %s", what, wg_error(got.context));
    double tolerance = wg_type_of(got) == WG_F32 ? 2e-6 : 1e-13;
    for (size_t i = 0; i < count; i++)
        cr_expect(fabs(values[i] - want[i]) <= tolerance * (1 + fabs(want[i])), "%s: element %zu is %.17g, not %.17g",
                  what, i, values[i], want[i]);
}

#define WANT(...) ((const double[]){__VA_ARGS__})

/* p = softmax(x), and diag(p) - p p^T */
static void softmax_of(const double *x, int n, double *p, double *matrix)
{
    double total = 0;
    for (int i = 0; i < n; i++) total += p[i] = exp(x[i]);
    for (int i = 0; i < n; i++) p[i] /= total;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) matrix[i * n + k] = (i == k ? p[i] : 0) - p[i] * p[k];
}

/* ---- Jacobians ---- */

Test(jacobian, of_element_wise_functions_and_softmax)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        static const double at[] = {0.5, -1, 2};
        double p[3], softmax[9];
        softmax_of(at, 3, p, softmax);
        wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(3), wg_init_zeros());
        wg_assign(x, wg_from_f64(ctx, WG_SHAPE(3), at));
        expect_matrix(wg_jacobian(wg_exp(x), x), WG_SHAPE(3, 3), WANT(exp(0.5), 0, 0, 0, exp(-1), 0, 0, 0, exp(2)),
                      "of exp");
        expect_matrix(wg_jacobian(wg_softmax(x, -1), x), WG_SHAPE(3, 3), softmax, "of softmax");
        expect_matrix(wg_jacobian(x, x), WG_SHAPE(3, 3), WANT(1, 0, 0, 0, 1, 0, 0, 0, 1), "of x");
        expect_matrix(wg_jacobian(wg_ones(ctx, WG_SHAPE(2)), x), WG_SHAPE(2, 3), WANT(0, 0, 0, 0, 0, 0),
                      "of a constant");
        scratch_close(ctx);
    }
}

/* A x by x is A, by A it is x in the rows of a block; wide, high and single ones go by rows or by columns. */
Test(jacobian, of_matrix_products)
{
    static const double matrix[] = {1, 2, 3, 4, 5, 6}, vector[] = {-1, 0.5, 2}, other[] = {3, -4};
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        wg_tensor a = wg_from_f64(ctx, WG_SHAPE(2, 3), matrix), x = wg_from_f64(ctx, WG_SHAPE(3), vector);
        wg_tensor z = wg_from_f64(ctx, WG_SHAPE(2), other), y = wg_matmul(a, x);
        expect_matrix(wg_jacobian(y, x), WG_SHAPE(2, 3), matrix, "wide");
        expect_matrix(wg_jacobian(wg_matmul(z, a), z), WG_SHAPE(3, 2), WANT(1, 4, 2, 5, 3, 6), "high");
        expect_matrix(wg_jacobian(y, a), WG_SHAPE(2, 2, 3), WANT(-1, 0.5, 2, 0, 0, 0, 0, 0, 0, -1, 0.5, 2), "by A");
        wg_tensor scale = wg_scalar(ctx, 2), scaled = wg_mul(a, scale);
        expect_matrix(wg_jacobian(scaled, scale), WG_SHAPE(2, 3), matrix, "by one number");
        expect_matrix(wg_jacobian(wg_sum(y, WG_ALL), x), WG_SHAPE(3), WANT(5, 7, 9), "of one number");
        expect_matrix(wg_jacobian(wg_select(y, 0, 0), scale), WG_SCALAR, WANT(0), "of one by one");
        wg_tensor grid = wg_reshape(wg_concat(WG_LIST(wg_square(z), wg_exp(z)), 0), WG_SHAPE(2, 1, 2));
        expect_matrix(wg_jacobian(grid, z), WG_SHAPE(2, 1, 2, 2), WANT(6, 0, 0, -8, exp(3), 0, 0, exp(-4)),
                      "of a grid");
        scratch_close(ctx);
    }
}

/* Y = X^-1: dY[ij]/dX[kl] = -Y[ik] Y[lj]; by the adjugate of a [2, 2] */
Test(jacobian, of_an_inverse)
{
    wg_context *ctx = context_of(WG_F64);
    static const double inverse[] = {5. / 13, -1. / 13, -2. / 13, 3. / 13};
    double want[16];
    for (int i = 0; i < 16; i++)
        want[i] = -inverse[(i >> 3 & 1) * 2 + (i >> 1 & 1)] * inverse[(i & 1) * 2 + (i >> 2 & 1)];
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2), (const double[]){3, 1, 2, 5}), e[4];
    for (int i = 0; i < 4; i++) e[i] = wg_slice(wg_reshape(x, WG_SHAPE(4)), 0, i, i + 1);
    wg_tensor left = wg_mul(e[0], e[3]), determinant = wg_sub(left, wg_mul(e[1], e[2]));
    wg_tensor adjugate = wg_concat(WG_LIST(e[3], wg_neg(e[1]), wg_neg(e[2]), e[0]), 0);
    wg_tensor y = wg_reshape(wg_div(adjugate, determinant), WG_SHAPE(2, 2));
    expect_matrix(wg_jacobian(y, x), WG_SHAPE(2, 2, 2, 2), want, "of X^-1");
    scratch_close(ctx);
}

Test(jacobian, at_kinks_and_of_nothing)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(3), (const double[]){2, 0, 2});
    wg_tensor zero = wg_zeros_like(x), chosen = wg_where(wg_greater_scalar(x, 1), wg_square(x), wg_neg(x));
    expect_matrix(wg_jacobian(wg_max(x, WG_KEEP(0)), x), WG_SHAPE(1, 3), WANT(0.5, 0, 0.5), "of the largest");
    expect_matrix(wg_jacobian(wg_maximum(x, zero), x), WG_SHAPE(3, 3), WANT(1, 0, 0, 0, 0.5, 0, 0, 0, 1), "of maximum");
    expect_matrix(wg_jacobian(chosen, x), WG_SHAPE(3, 3), WANT(4, 0, 0, 0, -1, 0, 0, 0, 4), "of where");
    wg_tensor empty = wg_zeros(ctx, WG_SHAPE(0, 2)), few = wg_concat(WG_LIST(x, wg_reshape(empty, WG_SHAPE(0))), 0);
    cr_expect(wg_shape_equal(wg_shape_of(wg_jacobian(few, empty)), WG_SHAPE(3, 0, 2)));
    cr_expect(wg_shape_equal(wg_shape_of(wg_jacobian(empty, x)), WG_SHAPE(0, 2, 3)));
    cr_expect(wg_eval(WG_LIST(wg_jacobian(few, empty), wg_hessian(wg_sum(empty, WG_ALL), empty))), "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* It has x's type, whichever way it was computed. */
Test(jacobian, across_types)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){1, 3}), y = wg_cast(wg_square(x), WG_F32);
    wg_tensor high = wg_jacobian(wg_concat(WG_LIST(y, y), 0), x), wide = wg_jacobian(wg_sum(y, WG_KEEP(0)), x);
    cr_expect(wg_type_of(high) == WG_F64 && wg_type_of(wide) == WG_F64);
    expect_matrix(high, WG_SHAPE(4, 2), WANT(2, 0, 0, 6, 2, 0, 0, 6), "by columns");
    expect_matrix(wide, WG_SHAPE(1, 2), WANT(2, 6), "by rows");
    scratch_close(ctx);
}

/* ---- Hessians ---- */

Test(hessian, of_logsumexp_and_a_form)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        static const double at[] = {0.5, -1, 2, 0.25};
        double p[4], want[16];
        softmax_of(at, 4, p, want);
        wg_tensor x = wg_from_f64(ctx, WG_SHAPE(4), at), square = wg_reshape(x, WG_SHAPE(2, 2));
        expect_matrix(wg_hessian(wg_logsumexp(x, WG_ALL), x), WG_SHAPE(4, 4), want, "of logsumexp");
        expect_matrix(wg_hessian(wg_logsumexp(square, WG_ALL), square), WG_SHAPE(2, 2, 2, 2), want, "of a matrix");
        wg_tensor a =
            wg_from_f64(ctx, WG_SHAPE(4, 4), (const double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7});
        wg_tensor form = wg_sum(wg_mul(x, wg_matmul(a, x)), WG_ALL);
        expect_matrix(wg_hessian(form, x), WG_SHAPE(4, 4), WANT(2, 7, 12, 8, 7, 12, 8, 13, 12, 8, 4, 9, 8, 13, 9, 14),
                      "of a form");
        expect_matrix(wg_hessian(wg_sum(x, WG_ALL), wg_select(x, 0, 1)), WG_SCALAR, WANT(0), "of an unrelated number");
        expect_matrix(wg_hessian(wg_mean(x, WG_KEEP(0)), x), WG_SHAPE(4, 4), (const double[16]){0}, "of a mean");
        scratch_close(ctx);
    }
}

/* f = sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, plainly, with plans, and eagerly. */
Test(hessian, of_rosenbrock)
{
    static const double at[] = {-1.25, 1, 0.5};
    double want[9] = {0};
    for (int i = 0; i < 2; i++) {
        want[i * 3 + i] += 1200 * at[i] * at[i] - 400 * at[i + 1] + 2;
        want[(i + 1) * 3 + i + 1] += 200;
        want[i * 3 + i + 1] = want[(i + 1) * 3 + i] = -400 * at[i];
    }
    for (int way = 0; way < 3; way++)
        for (int t = 0; t < 2; t++) {
            wg_context *ctx =
                scratch_context_with((wg_context_options){.type = types[t], .plain = way == 1, .eager = way == 2});
            wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(3), wg_init_zeros());
            wg_assign(x, wg_from_f64(ctx, WG_SHAPE(3), at));
            wg_tensor head = wg_slice(x, 0, 0, -1), tail = wg_slice(x, 0, 1, WG_END);
            wg_tensor valley = wg_sub(tail, wg_square(head)), slope = wg_scalar_sub(1, head);
            wg_tensor y = wg_sum(wg_add(wg_mul_scalar(wg_square(valley), 100), wg_square(slope)), WG_ALL);
            expect_matrix(wg_hessian(y, x), WG_SHAPE(3, 3), want, "of Rosenbrock's function");
            scratch_close(ctx);
        }
}

Test(hessian, is_symmetric_and_can_be_differentiated)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor w = wg_normal(ctx, WG_SHAPE(3, 2)), x = wg_normal(ctx, WG_SHAPE(4, 3));
    wg_tensor y = wg_mean(wg_logsumexp(wg_tanh(wg_matmul(x, w)), WG_AXES(-1)), WG_ALL), whole = wg_hessian(y, w);
    wg_tensor flat = wg_reshape(whole, WG_SHAPE(6, 6));
    double values[36];
    cr_assert(wg_read_f64(flat, values, 36), "%s", wg_error(ctx));
    for (int i = 0; i < 36; i++) cr_expect_float_eq(values[i], values[i % 6 * 6 + i / 6], 1e-15);
    wg_gradcheck_report report = wg_gradcheck(wg_sum(wg_square(flat), WG_ALL), WG_LIST(w), NULL);
    cr_expect(report.passed, "%s", wg_error(ctx));
    wg_tensor v = wg_normal_like(w), product = wg_reshape(wg_hvp(y, w, v), WG_SHAPE(6));
    wg_tensor by_matrix = wg_matmul(flat, wg_reshape(v, WG_SHAPE(6)));
    cr_expect_lt(wg_item(wg_norm(wg_sub(product, by_matrix), WG_ALL)), 1e-15);
    scratch_close(ctx);
}

/* ---- what it costs ---- */

/* One gradient's nodes for each row, one wg_jvp's for each column, and a few around them. */
Test(cost, is_the_smaller_number_of_sweeps)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor x = wg_ones(ctx, WG_SHAPE(50)), y = wg_mul_scalar(wg_slice(wg_exp(x), 0, 0, 3), 2);
    uint64_t before = wg_context_stats(ctx).recorded;
    wg_vjp(y, x, y);
    uint64_t sweep = wg_context_stats(ctx).recorded - before;
    wg_jacobian(y, x);
    uint64_t rows = wg_context_stats(ctx).recorded - before - sweep;
    cr_expect_leq(rows, 3 * (sweep + 3) + 5, "%d nodes", (int)rows);
    wg_tensor few = wg_ones(ctx, WG_SHAPE(2)), many = wg_exp(wg_concat(WG_LIST(few, few, few), 0));
    before = wg_context_stats(ctx).recorded;
    wg_jvp(many, few, few);
    sweep = wg_context_stats(ctx).recorded - before;
    wg_jacobian(many, few);
    rows = wg_context_stats(ctx).recorded - before - sweep;
    cr_expect_leq(rows, 2 * (sweep + 3) + 5, "%d nodes", (int)rows);
    scratch_close(ctx);
}

/* ---- mistakes ---- */

static void refuse(wg_context *ctx, wg_tensor got, wg_status status, const char *words)
{
    cr_expect_eq(got.id, 0, "%s", words);
    scratch_expect_error(ctx, status, words, words);
}

Test(mistakes, are_refused)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor x = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 2));
    refuse(ctx, wg_jacobian(wg_exp(x), x), WG_BAD_SHAPE, "the rank would be 10, and 8 is the most");
    x = wg_ones(ctx, WG_SHAPE(5000));
    refuse(ctx, wg_jacobian(wg_exp(x), x), WG_BAD_ARGUMENT, "it takes 5000 sweeps, and 4096 is the most");
    x = wg_ones(ctx, WG_SHAPE(5000));
    refuse(ctx, wg_hessian(wg_sum(wg_exp(x), WG_ALL), x), WG_BAD_ARGUMENT, "wg_vjp, wg_jvp, wg_hvp");
    x = wg_ones(ctx, WG_SHAPE(3));
    refuse(ctx, wg_jacobian(wg_argmax(x, 0), x), WG_NO_GRADIENT, "jacobian: i64 has no gradient");
    x = wg_cast(wg_ones(ctx, WG_SHAPE(3)), WG_I64);
    refuse(ctx, wg_jacobian(wg_cast(x, WG_F64), x), WG_NO_GRADIENT, "jacobian: there is no derivative by i64");
    x = wg_ones(ctx, WG_SHAPE(3));
    refuse(ctx, wg_hessian(wg_exp(x), x), WG_BAD_SHAPE, "hessian: the gradient of one number is wanted, this is [3]");
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_constant(1)), y = wg_exp(w);
    wg_assign(w, wg_neg(w));
    refuse(ctx, wg_jacobian(y, w), WG_NO_GRADIENT, "jacobian: reads the value that \"w\" had");
    y = wg_sum(wg_exp(w), WG_ALL);
    wg_assign(w, wg_neg(w));
    refuse(ctx, wg_hessian(y, w), WG_NO_GRADIENT, "hessian: reads the value that \"w\" had");
    scratch_close(ctx);
}

/* Products with Jacobians and Hessians, against closed forms. */
#include "tests/scratch.h"

static wg_context *context_of(wg_type type)
{
    return scratch_context_with((wg_context_options){.type = type});
}

static wg_context *double_context(void)
{
    return context_of(WG_F64);
}

static void expect_elements(wg_tensor got, const double *want, size_t count, const char *what)
{
    double values[64];
    cr_assert(count <= 64 && wg_read_f64(got, values, count), "%s: %s", what, wg_error(got.context));
    double tolerance = wg_type_of(got) == WG_F32 ? 1e-6 : 1e-14;
    for (size_t i = 0; i < count; i++)
        cr_expect(fabs(values[i] - want[i]) <= tolerance * (1 + fabs(want[i])), "%s: element %zu is %.17g, not %.17g",
                  what, i, values[i], want[i]);
}

/* ---- vjp ---- */

Test(vjp, is_the_cotangent_times_the_jacobian)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(3), (const double[]){1, -2, 0.5});
    wg_tensor c = wg_from_f64(ctx, WG_SHAPE(3), (const double[]){3, 5, -7});
    expect_elements(wg_vjp(wg_exp(x), x, c), (const double[]){3 * exp(1), 5 * exp(-2), -7 * exp(0.5)}, 3, "of exp");
    expect_elements(wg_vjp(x, x, c), (const double[]){3, 5, -7}, 3, "of x itself");
    expect_elements(wg_vjp(wg_ones(ctx, WG_SHAPE(3)), x, c), (const double[]){0, 0, 0}, 3, "of a constant");
    scratch_close(ctx);
}

/* One y may be older than the others, stand in the list twice, lead to another, or be older than all xs. */
Test(vjp, adds_over_several_outputs)
{
    wg_context *ctx = double_context();
    wg_tensor old = wg_ones(ctx, WG_SHAPE(2)), x = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){2, 3});
    wg_tensor z = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){5, 7});
    wg_tensor square = wg_square(x), cube = wg_mul(square, x), mixed = wg_mul(cube, z);
    wg_tensor c = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){1, 10}), d = wg_mul_scalar(c, 2), out[2];
    cr_assert(wg_vjps(WG_LIST(mixed, square, square, old), WG_LIST(c, d, c, c), WG_LIST(x, z), out));
    const double of_x[] = {3 * 4 * 5 + 3 * 2 * 2, 10 * 3 * 9 * 7 + 3 * 10 * 2 * 3}, of_z[] = {8, 270};
    expect_elements(out[0], of_x, 2, "by x");
    expect_elements(out[1], of_z, 2, "by z");
    scratch_close(ctx);
}

Test(vjp, refuses_what_makes_no_sense)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3)), y = wg_exp(x), out;
    cr_expect_eq(wg_vjp(y, x, wg_ones(ctx, WG_SHAPE(3))).id, 0);
    cr_expect_eq(wg_error_status(ctx), WG_BAD_SHAPE);
    cr_expect_not_null(strstr(wg_error(ctx), "vjp: a cotangent that is f64 [3] for a tensor that is f64 [2, 3]"), "%s",
                       wg_error(ctx));
    wg_recover(ctx);
    x = wg_ones(ctx, WG_SHAPE(2)), y = wg_exp(x);
    cr_expect_not(wg_vjps(WG_LIST(y, y), WG_LIST(y), WG_LIST(x), &out));
    cr_expect_not_null(strstr(wg_error(ctx), "vjp: 1 cotangents for 2 tensors"), "%s", wg_error(ctx));
    wg_recover(ctx);
    x = wg_ones(ctx, WG_SHAPE(2)), y = wg_argmax(x, 0);
    cr_expect_eq(wg_vjp(y, x, y).id, 0);
    cr_expect_eq(wg_error_status(ctx), WG_NO_GRADIENT);
    wg_context_free(ctx);
}

/* ---- jvp ---- */

#define V(...)                                                                                    \
    wg_from_f64(ctx, WG_SHAPE((int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double))), \
                (const double[]){__VA_ARGS__})
#define WANT(...) ((const double[]){__VA_ARGS__})
static const wg_type types[] = {WG_F32, WG_F64};

Test(jvp, is_the_jacobian_times_the_tangent)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        wg_tensor x = V(1, -2, 0.5), v = V(3, 5, -7);
        expect_elements(wg_jvp(wg_exp(x), x, v), WANT(3 * exp(1), 5 * exp(-2), -7 * exp(0.5)), 3, "of exp");
        expect_elements(wg_jvp(x, x, v), WANT(3, 5, -7), 3, "of x itself");
        expect_elements(wg_jvp(wg_ones(ctx, WG_SHAPE(2)), x, v), WANT(0, 0), 2, "of a constant");
        expect_elements(wg_jvp(wg_sum(wg_square(x), WG_ALL), x, v), WANT(6 - 20 - 7), 1, "of one number");
        expect_elements(wg_jvp(wg_stop_gradient(x), x, v), WANT(0, 0, 0), 3, "of what has no gradient");
        scratch_close(ctx);
    }
}

/* diag(p) v - p (p v) */
Test(jvp, of_softmax)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        static const double at[] = {0.5, -1, 2, 0}, along[] = {1, 2, -3, 0.25};
        double p[4], total = 0, inner = 0, want[4];
        for (int i = 0; i < 4; i++) total += p[i] = exp(at[i]);
        for (int i = 0; i < 4; i++) inner += (p[i] /= total) * along[i];
        for (int i = 0; i < 4; i++) want[i] = p[i] * (along[i] - inner);
        wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(4), wg_init_zeros());
        wg_assign(x, wg_from_f64(ctx, WG_SHAPE(4), at));
        expect_elements(wg_jvp(wg_softmax(x, -1), x, wg_from_f64(ctx, WG_SHAPE(4), along)), want, 4, "of softmax");
        scratch_close(ctx);
    }
}

/* Y = X^-1 has dY = -Y dX Y; here y = X^-1 b of a [2, 2], written out. */
Test(jvp, of_a_solved_system)
{
    wg_context *ctx = double_context();
    wg_tensor x = V(3, 1, 2, 5), b = V(1, -1), v = V(0.5, -1, 2, 1);
    wg_tensor e[4];
    for (int i = 0; i < 4; i++) e[i] = wg_slice(x, 0, i, i + 1);
    wg_tensor left = wg_mul(e[0], e[3]), determinant = wg_sub(left, wg_mul(e[1], e[2]));
    wg_tensor adjugate = wg_reshape(wg_concat(WG_LIST(e[3], wg_neg(e[1]), wg_neg(e[2]), e[0]), 0), WG_SHAPE(2, 2));
    wg_tensor y = wg_matmul(wg_div(adjugate, determinant), b);
    double inverse[4] = {5. / 13, -1. / 13, -2. / 13, 3. / 13}, solved[2], moved[2];
    for (int i = 0; i < 2; i++) solved[i] = inverse[2 * i] - inverse[2 * i + 1];
    moved[0] = 0.5 * solved[0] - solved[1];
    moved[1] = 2 * solved[0] + solved[1];
    expect_elements(
        wg_jvp(y, x, v),
        WANT(-inverse[0] * moved[0] - inverse[1] * moved[1], -inverse[2] * moved[0] - inverse[3] * moved[1]), 2,
        "of X^-1 b");
    scratch_close(ctx);
}

Test(jvp, adds_over_several_inputs)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        wg_tensor a = V(2, 3), b = V(5, 7), w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(4));
        wg_tensor y = wg_mul(wg_mul(a, wg_square(b)), w), va = V(1, 10), vb = V(-1, 2), vw = wg_scalar(ctx, 0.5);
        const double want[] = {25 * 4 - 2 * 2 * 5 * 4 + 2 * 25 * 0.5, 10 * 49 * 4 + 2 * 3 * 2 * 7 * 4 + 3 * 49 * 0.5};
        expect_elements(wg_jvps(y, WG_LIST(a, b, w), WG_LIST(va, vb, vw)), want, 2, "of a b^2 w");
        expect_elements(wg_jvps(y, WG_LIST(a, a), WG_LIST(va, va)), WANT(200, 3920), 2, "of one tensor twice");
        wg_tensor inner = wg_square(b), far = wg_mul(a, inner);
        expect_elements(wg_jvps(far, WG_LIST(inner, b), WG_LIST(va, vb)), WANT(2 - 20, 30 + 84), 2,
                        "of one of another");
        scratch_close(ctx);
    }
}

Test(jvp, across_types_and_kinks)
{
    wg_context *ctx = double_context();
    wg_tensor x = V(1, -2, 0), v = V(3, 5, 7);
    wg_tensor y = wg_jvp(wg_square(wg_cast(x, WG_F32)), x, v);
    cr_expect_eq(wg_type_of(y), WG_F32);
    expect_elements(y, WANT(6, -20, 0), 3, "of f32 by f64");
    wg_tensor other = V(0, -2, 0);
    expect_elements(wg_jvp(wg_maximum(x, other), x, v), WANT(3, 2.5, 3.5), 3, "of a maximum");
    expect_elements(wg_jvp(wg_max(x, WG_ALL), x, v), WANT(3), 1, "of the largest");
    expect_elements(wg_jvp(wg_relu(x), x, v), WANT(3, 0, 0), 3, "of relu");
    wg_tensor empty = wg_zeros(ctx, WG_SHAPE(0, 2)), sum = wg_sum(empty, WG_AXES(0));
    expect_elements(wg_jvp(sum, empty, empty), WANT(0, 0), 2, "of nothing");
    cr_expect_eq(wg_size(wg_jvp(wg_exp(empty), empty, empty)), 0);
    scratch_close(ctx);
}

/* d/dx (J(x) v), and what came out of a gradient. */
Test(jvp, can_be_differentiated)
{
    wg_context *ctx = double_context();
    wg_tensor x = V(1, -2, 0.5), v = V(3, 5, -7), y = wg_sin(x);
    wg_tensor push = wg_jvp(y, x, v), by_x = wg_grad(wg_sum(push, WG_ALL), x);
    expect_elements(by_x, WANT(-3 * sin(1), 5 * sin(2), 7 * sin(0.5)), 3, "its gradient");
    wg_tensor second = wg_jvp(push, x, v);
    expect_elements(second, WANT(-9 * sin(1), 25 * sin(2), -49 * sin(0.5)), 3, "twice along one tangent");
    wg_tensor third = wg_jvp(second, x, v);
    expect_elements(third, WANT(-27 * cos(1), -125 * cos(2), 343 * cos(0.5)), 3, "three times");
    wg_tensor slope = wg_grad(wg_sum(wg_mul(y, y), WG_ALL), x);
    expect_elements(wg_jvp(slope, x, v), WANT(6 * cos(2), 10 * cos(4), -14 * cos(1)), 3, "of a gradient");
    wg_gradcheck_report report = wg_gradcheck(wg_sum(wg_square(push), WG_ALL), WG_LIST(x, v), NULL);
    cr_expect(report.passed, "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* <u, J v> = <J^T u, v> for each row of the table, but for those that refuse, or that this build lacks. */
Test(jvp, of_every_row_is_the_transpose_of_its_vjp)
{
    int rows = 0;
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        wg_context *ctx = wg_context_new(&(wg_context_options){.type = WG_F64, .seed = 3, .threads = 1});
        wg_tensor y = op->sample(ctx);
        bool differentiable = op->vjp && (wg_type_of(y) == WG_F32 || wg_type_of(y) == WG_F64);
        for (size_t k = 0; differentiable && k < (op->arity < 0 ? 2 : (size_t)op->arity); k++) {
            wg_tensor x = wg_input(y, k);
            if (wg_type_of(x) != WG_F64) continue;
            wg_tensor v = wg_normal_like(x), u = wg_normal_like(y);
            wg_vjp(y, x, u);
            if (wg_error_status(ctx) == WG_NO_GRADIENT) break;
            double left = wg_item(wg_cast(wg_sum(wg_mul(wg_jvp(y, x, v), u), WG_ALL), WG_F64));
            double right = wg_item(wg_sum(wg_mul(wg_vjp(y, x, u), v), WG_ALL));
            double tolerance = wg_type_of(y) == WG_F32 ? 1e-5 : 1e-12;
            cr_expect(fabs(left - right) <= tolerance * (1 + fabs(right)), "%s by operand %zu: %.17g, not %.17g",
                      op->name, k, left, right);
            rows++;
        }
        bool refused = wg_error_status(ctx) == WG_NO_GRADIENT || wg_error_status(ctx) == WG_UNSUPPORTED;
        cr_expect(refused || !wg_failed(ctx), "%s: %s", op->name, wg_error(ctx));
        wg_context_free(ctx);
    }
    cr_expect_geq(rows, 40);
}

/* ---- what is computed ---- */

/* The first sweep's nodes, of which the cotangent is unknown, are computed by nobody: neither for the result, nor as
   what the program recorded and forgot when assigns are performed. */
Test(jvp, computes_nothing_that_it_does_not_need)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .plain = true});
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(1)), v = V(1, 2, 3);
    wg_tensor push = wg_jvp(wg_exp(w), w, v);
    wg_assign(w, wg_neg(w));
    uint64_t before = wg_context_stats(ctx).computed;
    expect_elements(push, WANT(exp(1), 2 * exp(1), 3 * exp(1)), 3, "before the assign");
    cr_expect_eq(wg_context_stats(ctx).computed - before, 3, "%d nodes, not exp, mul, neg",
                 (int)(wg_context_stats(ctx).computed - before));
    push = wg_jvp(wg_exp(w), w, v);
    wg_assign(w, wg_neg(w));
    before = wg_context_stats(ctx).computed;
    wg_item(wg_scalar(ctx, 1)); /* beside it the assign, and what was asked for and forgotten */
    cr_expect_eq(wg_context_stats(ctx).computed - before, 4, "%d nodes, not full, neg, exp, mul",
                 (int)(wg_context_stats(ctx).computed - before));
    scratch_close(ctx);
}

Test(hvp, computes_nothing_that_it_does_not_need)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .plain = true});
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(1)), v = V(1, 2, 3);
    wg_tensor y = wg_sum(wg_mul(wg_square(w), w), WG_ALL), product = wg_hvp(y, w, v), whole = wg_hessian(y, w);
    wg_assign(w, wg_neg(w));
    cr_assert(wg_eval(WG_LIST(y, product, whole)), "%s", wg_error(ctx));
    uint64_t once = wg_context_stats(ctx).computed;
    wg_clear(ctx);
    y = wg_sum(wg_mul(wg_square(w), w), WG_ALL);
    product = wg_hvp(y, w, v = V(1, 2, 3));
    whole = wg_hessian(y, w);
    wg_assign(w, wg_neg(w));
    wg_item(wg_stop_gradient(wg_scalar(ctx, 1))); /* with the assign come all results, and nothing else */
    cr_expect_leq(wg_context_stats(ctx).computed - once, once + 2);
    scratch_close(ctx);
}

/* Eager mode computes a node when it is recorded, but not these, which nobody may see. */
Test(jvp, eagerly_and_checked)
{
    for (int eager = 0; eager < 2; eager++) {
        wg_context *ctx =
            scratch_context_with((wg_context_options){.type = WG_F64, .eager = eager, .check_finite = true});
        wg_tensor x = V(0, -2, 0.5), v = V(3, 5, -7);
        wg_tensor push = wg_jvp(wg_sqrt(wg_add_scalar(wg_square(x), 1)), x, v);
        expect_elements(push, WANT(0, -10 / sqrt(5), -3.5 / sqrt(1.25)), 3, "checked");
        expect_elements(
            wg_jvp(wg_square(push), x, v),
            WANT(0, 2 * (-10 / sqrt(5)) * 25 / (5 * sqrt(5)), 2 * (-3.5 / sqrt(1.25)) * 49 / (1.25 * sqrt(1.25))), 3,
            "again");
        wg_tensor y = wg_sum(wg_exp(x), WG_ALL), whole = wg_jacobian(wg_exp(wg_concat(WG_LIST(x, x), 0)), x);
        expect_elements(wg_hvp(y, x, v), WANT(3, 5 * exp(-2), -7 * exp(0.5)), 3, "hvp");
        expect_elements(wg_sum(whole, WG_AXES(0)), WANT(2, 2 * exp(-2), 2 * exp(0.5)), 3, "jacobian");
        expect_elements(wg_add(wg_neg(x), v), WANT(3, 7, -7.5), 3, "what comes afterwards");
        scratch_close(ctx);
    }
}

/* Eager mode is back afterwards, however long the tape has grown meanwhile. */
Test(jvp, leaves_eager_mode_as_it_was)
{
    enum { LONG = 3000 };
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .eager = true});
    wg_tensor x = V(0.5, 1), y = x;
    for (int i = 0; i < LONG; i++) y = wg_sin(y);
    wg_tensor push = wg_jvp(y, x, x);
    cr_expect_gt(wg_context_stats(ctx).nodes, (uint64_t)3 * LONG);
    cr_expect(wg_gradcheck(wg_sum(push, WG_ALL), WG_LIST(x), NULL).complete, "%s", wg_error(ctx));
    uint64_t before = wg_context_stats(ctx).computed;
    for (int i = 0; i < LONG; i++) wg_neg(x); /* the first from a new line, which takes a longer way */
    cr_expect_eq(wg_context_stats(ctx).computed - before, (uint64_t)LONG);
    scratch_close(ctx);
}

/* ---- hvp ---- */

/* y = x A x / 2 + exp(x1): H = (A + A^T) / 2 + exp(x1) at [1, 1] */
Test(hvp, of_a_quadratic_form)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        wg_tensor x = V(1, -2, 0.5), v = V(3, 5, -7);
        wg_tensor a = wg_from_f64(ctx, WG_SHAPE(3, 3), WANT(2, 1, 0, 3, -1, 4, 0, 2, 5));
        wg_tensor form = wg_mul_scalar(wg_sum(wg_mul(x, wg_matmul(a, x)), WG_ALL), 0.5);
        wg_tensor y = wg_add(form, wg_exp(wg_select(x, 0, 1)));
        expect_elements(wg_hvp(y, x, v), WANT(6 + 10, 6 - 5 - 21 + 5 * exp(-2), 15 - 35), 3, "of a form");
        expect_elements(wg_hvp(wg_sum(x, WG_ALL), x, v), WANT(0, 0, 0), 3, "of a sum");
        expect_elements(wg_hvp(wg_scalar(ctx, 1), x, v), WANT(0, 0, 0), 3, "of a constant");
        wg_tensor one = wg_scalar(ctx, 3);
        expect_elements(wg_hvp(one, one, wg_scalar(ctx, 2)), WANT(0), 1, "of x by x");
        scratch_close(ctx);
    }
}

/* Rosenbrock's function in two numbers, a and b, as two tensors: both together. */
Test(hvp, of_several_tensors)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t]);
        wg_tensor a = wg_parameter(ctx, "a", WG_SCALAR, wg_init_constant(-1.25)), b = wg_scalar(ctx, 1);
        wg_tensor valley = wg_sub(b, wg_square(a)), slope = wg_scalar_sub(1, a), out[2];
        wg_tensor y = wg_add(wg_mul_scalar(wg_square(valley), 100), wg_square(slope));
        wg_tensor va = wg_scalar(ctx, 2), vb = wg_scalar(ctx, -3);
        cr_assert(wg_hvps(y, WG_LIST(a, b), WG_LIST(va, vb), out), "%s", wg_error(ctx));
        double aa = 1200 * 1.5625 - 400 + 2, ab = 500, bb = 200;
        expect_elements(out[0], WANT(2 * aa - 3 * ab), 1, "by a");
        expect_elements(out[1], WANT(2 * ab - 3 * bb), 1, "by b");
        scratch_close(ctx);
    }
}

/* The Hessian of logsumexp is diag(p) - p p^T. */
Test(hvp, agrees_with_the_gradient_of_an_inner_product)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(4, 3), wg_init_normal(1)), x = wg_normal(ctx, WG_SHAPE(5, 4));
    wg_tensor y = wg_mean(wg_logsumexp(wg_tanh(wg_matmul(x, w)), WG_AXES(-1)), WG_ALL), v = wg_normal_like(w);
    wg_tensor by_hand = wg_grad(wg_sum(wg_mul(wg_grad(y, w), v), WG_ALL), w), product = wg_hvp(y, w, v);
    wg_tensor forward = wg_jvp(wg_grad(y, w), w, v);
    cr_assert(wg_eval(WG_LIST(by_hand, product, forward)));
    double want[12];
    wg_read_f64(by_hand, want, 12);
    expect_elements(product, want, 12, "hvp");
    expect_elements(forward, want, 12, "forward over reverse");
    scratch_close(ctx);
}

/* ---- mistakes ---- */

static void refuse(wg_context *ctx, wg_tensor got, wg_status status, const char *words)
{
    cr_expect_eq(got.id, 0, "%s", words);
    scratch_expect_error(ctx, status, words, words);
}

Test(mistakes, in_tangents)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3));
    refuse(ctx, wg_jvp(wg_exp(x), x, wg_ones(ctx, WG_SHAPE(3))), WG_BAD_SHAPE,
           "jvp: a tangent that is f64 [3] for a tensor that is f64 [2, 3]");
    x = wg_ones(ctx, WG_SHAPE(2));
    refuse(ctx, wg_jvp(wg_exp(x), x, wg_cast(x, WG_F32)), WG_BAD_TYPE, "jvp: a tangent that is f32 [2]");
    x = wg_ones(ctx, WG_SHAPE(2));
    refuse(ctx, wg_jvps(wg_exp(x), WG_LIST(x), WG_LIST(x, x)), WG_BAD_ARGUMENT, "jvp: 2 tangents for 1 tensors");
    x = wg_ones(ctx, WG_SHAPE(2));
    refuse(ctx, wg_jvps(wg_exp(x), (wg_list){0}, (wg_list){0}), WG_BAD_ARGUMENT, "jvp: 0 tangents for 0 tensors");
    x = wg_ones(ctx, WG_SHAPE(2));
    refuse(ctx, wg_hvp(wg_exp(x), x, x), WG_BAD_SHAPE, "hvp: the gradient of one number is wanted, this is [2]");
    x = wg_ones(ctx, WG_SHAPE(2));
    refuse(ctx, wg_hvp(wg_sum(x, WG_ALL), x, wg_ones(ctx, WG_SHAPE(3))), WG_BAD_SHAPE, "hvp: a tangent");
    x = wg_ones(ctx, WG_SHAPE(2));
    cr_expect_not(wg_hvps(wg_sum(x, WG_ALL), WG_LIST(x), WG_LIST(x), NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "hvps: NULL where an array is wanted", "no array");
    scratch_close(ctx);
}

Test(mistakes, in_types_and_bindings)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2)), whole = wg_argmax(x, 0);
    refuse(ctx, wg_jvp(whole, x, x), WG_NO_GRADIENT, "jvp: i64 has no gradient");
    x = wg_cast(wg_ones(ctx, WG_SHAPE(2)), WG_I32);
    refuse(ctx, wg_jvp(wg_cast(x, WG_F64), x, x), WG_NO_GRADIENT, "jvp: there is no derivative by i32");
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_constant(1)), y = wg_exp(w), sum = wg_sum(y, WG_ALL);
    wg_assign(w, wg_neg(w));
    refuse(ctx, wg_jvp(y, w, w), WG_NO_GRADIENT, "jvp: reads the value that \"w\" had");
    sum = wg_sum(wg_exp(w), WG_ALL);
    wg_assign(w, wg_neg(w));
    refuse(ctx, wg_hvp(sum, w, w), WG_NO_GRADIENT, "hvp: reads the value that \"w\" had");
    refuse(ctx, wg_jvp(wg_exp(wg_reshape(w, WG_SHAPE(3))), w, w), WG_BAD_SHAPE, "reshape");
    scratch_close(ctx);
}

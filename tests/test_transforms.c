/* Products with Jacobians, against closed forms. */
#include "tests/scratch.h"

static wg_context *double_context(void)
{
    return scratch_context_with((wg_context_options){.type = WG_F64});
}

static void expect_elements(wg_tensor got, const double *want, size_t count, const char *what)
{
    double values[16];
    cr_assert(wg_read_f64(got, values, count), "%s: %s", what, wg_error(got.context));
    for (size_t i = 0; i < count; i++)
        cr_expect(fabs(values[i] - want[i]) <= 1e-14 * (1 + fabs(want[i])), "%s: element %zu is %.17g, not %.17g", what,
                  i, values[i], want[i]);
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

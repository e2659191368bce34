/* Where a function has no derivative the rows and functions state one: these tests hold them to it. */
#include "tests/reference/reference.h"

static const double nan_ = NAN;

/* The gradient of sum(y) by x, read. */
static naive gradient_of(wg_tensor y, wg_tensor x)
{
    return naive_of(wg_grad(wg_sum(y, WG_ALL), x));
}

static void expect_gradient(wg_tensor y, wg_tensor x, const double *want, const char *what)
{
    naive got = gradient_of(y, x);
    for (int64_t i = 0; i < naive_size(&got); i++)
        reference_check(fabs(got.v[i] - want[i]) <= 1e-6 * (1 + fabs(want[i])) || (isnan(want[i]) && isnan(got.v[i])),
                        "%s: element %lld has the derivative %g, not %g", what, (long long)i, got.v[i], want[i]);
    reference_check(naive_size(&got) == wg_size(x), "%s: size", what);
}

#define X(...)                                                                                    \
    wg_from_f64(ctx, WG_SHAPE((int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double))), \
                (const double[]){__VA_ARGS__})
#define WANT(...) ((const double[]){__VA_ARGS__})

static void unary_kinks(wg_context *ctx)
{
    wg_tensor x = X(-2, -0.0, 0, 3);
    expect_gradient(wg_abs(x), x, WANT(-1, 0, 0, 1), "abs");
    expect_gradient(wg_sign(x), x, WANT(0, 0, 0, 0), "sign");
    expect_gradient(wg_floor(x), x, WANT(0, 0, 0, 0), "floor");
    expect_gradient(wg_ceil(x), x, WANT(0, 0, 0, 0), "ceil");
    expect_gradient(wg_round(x), x, WANT(0, 0, 0, 0), "round");
    expect_gradient(wg_relu(x), x, WANT(0, 0, 0, 1), "relu");
    expect_gradient(wg_leaky_relu(x), x, WANT(0.01, 0.01, 0.01, 1), "leaky_relu");
    expect_gradient(wg_leaky_relu_slope(x, -0.5), x, WANT(-0.5, -0.5, -0.5, 1), "leaky_relu_slope");
    expect_gradient(wg_elu(x), x, WANT(0.13533528323661270, 1, 1, 1), "elu");
    expect_gradient(wg_elu_alpha(x, 0.5), x, WANT(0.06766764161830635, 0.5, 0.5, 1), "elu_alpha");
    wg_tensor bend = wg_grad(wg_sum(wg_elu_alpha(x, 0.5), WG_ALL), x);
    expect_gradient(bend, x, WANT(0.06766764161830635, 0.5, 0.5, 0), "elu_alpha, second");
    expect_gradient(wg_selu(x), x, WANT(0.2379325748209, 1.7580993408473766, 1.7580993408473766, 1.0507009873554805),
                    "selu");
    expect_gradient(wg_softsign(x), x, WANT(1. / 9, 1, 1, 1. / 16), "softsign");
    expect_gradient(wg_log_sigmoid(x), x, WANT(0.88079707797788244, 0.5, 0.5, 0.04742587317756678), "log_sigmoid");
    wg_tensor ends = X(-3, -1, 1, 3);
    expect_gradient(wg_hard_tanh(ends), ends, WANT(0, 0, 0, 0), "hard_tanh");
    expect_gradient(wg_hard_sigmoid(ends), ends, WANT(0, 1. / 6, 1. / 6, 0), "hard_sigmoid");
    expect_gradient(wg_hard_swish(ends), ends, WANT(0, 1. / 6, 5. / 6, 1), "hard_swish");
    bend = wg_grad(wg_sum(wg_hard_swish(ends), WG_ALL), ends);
    expect_gradient(bend, ends, WANT(0, 1. / 3, 1. / 3, 0), "hard_swish, second");
    expect_gradient(wg_clip(ends, -1, 1), ends, WANT(0, 1, 1, 0), "clip");
    expect_gradient(wg_softplus(x), x, WANT(0.11920292202211755, 0.5, 0.5, 0.95257412682243336), "softplus");
    wg_tensor first = wg_grad(wg_sum(wg_softplus(x), WG_ALL), x);
    expect_gradient(first, x, WANT(0.10499358540350652, 0.25, 0.25, 0.045176659730912137), "softplus, second");
    wg_tensor cast = wg_cast(wg_cast(x, WG_I32), WG_DEFAULT);
    expect_gradient(wg_mul(cast, x), x, WANT(-2, 0, 0, 3), "cast to an integer and back");
}

static void binary_kinks(wg_context *ctx)
{
    wg_tensor a = X(1, 2, 2, -0.0), b = X(2, 1, 2, 0);
    expect_gradient(wg_maximum(a, b), a, WANT(0, 1, 0.5, 0.5), "maximum by a");
    expect_gradient(wg_maximum(a, b), b, WANT(1, 0, 0.5, 0.5), "maximum by b");
    expect_gradient(wg_minimum(a, b), a, WANT(1, 0, 0.5, 0.5), "minimum by a");
    expect_gradient(wg_minimum(a, b), b, WANT(0, 1, 0.5, 0.5), "minimum by b");
    expect_gradient(wg_maximum(a, a), a, WANT(1, 1, 1, 1), "maximum(a, a)");
    expect_gradient(wg_maximum_scalar(a, 2), a, WANT(0, 0.5, 0.5, 0), "maximum_scalar");
    expect_gradient(wg_minimum_scalar(a, 2), a, WANT(1, 0.5, 0.5, 1), "minimum_scalar");
    wg_tensor base = X(0, 0, 0, 0, 2), exponent = X(0, 1, 2, 3, 0);
    wg_tensor power = wg_pow(base, exponent);
    expect_gradient(power, base, WANT(0, 1, 0, 0, 0), "pow at 0 by the base");
    expect_gradient(power, exponent, WANT(0, 0, 0, 0, 0.69314718055994531), "pow at 0 by the exponent");
    wg_tensor by_base = wg_grad(wg_sum(power, WG_ALL), base);
    naive mixed = naive_of(wg_grad(wg_select(by_base, 0, 4), exponent)); /* a^(b - 1) (1 + b log a) */
    reference_check(mixed.v[4] == 0.5, "pow, mixed second derivative where b = 0: %g", mixed.v[4]);
    wg_tensor negative = X(-2, -3);
    expect_gradient(wg_pow(negative, X(3, 2)), negative, WANT(12, -6), "pow of a negative base");
    wg_tensor whole = X(3, 2);
    expect_gradient(wg_pow(negative, whole), whole, WANT(0, 0), "pow of a negative base by the exponent");
    expect_gradient(wg_pow_scalar(base, 2), base, WANT(0, 0, 0, 0, 4), "pow_scalar(x, 2) at 0");
    wg_tensor slope = wg_grad(wg_sum(wg_pow_scalar(base, 2), WG_ALL), base);
    expect_gradient(slope, base, WANT(2, 2, 2, 2, 2), "pow_scalar(x, 2) at 0, second");
    wg_tensor flat = wg_grad(wg_sum(wg_pow_scalar(base, 1), WG_ALL), base);
    expect_gradient(flat, base, WANT(0, 0, 0, 0, 0), "pow_scalar(x, 1) at 0, second");
}

static void reduction_kinks(wg_context *ctx)
{
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(3, 3), (const double[]){1, 5, 5, 7, 7, 7, 3, 2, 1});
    expect_gradient(wg_max(x, WG_AXES(1)), x, WANT(0, 0.5, 0.5, 1. / 3, 1. / 3, 1. / 3, 1, 0, 0), "max of equal ones");
    expect_gradient(wg_min(wg_neg(x), WG_KEEP(1)), x, WANT(0, -0.5, -0.5, -1. / 3, -1. / 3, -1. / 3, -1, 0, 0),
                    "min of equal ones");
    wg_tensor zeros = wg_zeros(ctx, WG_SHAPE(2, 2));
    expect_gradient(wg_norm(zeros, WG_AXES(1)), zeros, WANT(0, 0, 0, 0), "norm at 0");
    wg_tensor second = wg_grad(wg_sum(wg_norm(zeros, WG_ALL), WG_ALL), zeros);
    expect_gradient(second, zeros, WANT(0, 0, 0, 0), "norm at 0, second");
    wg_tensor same = wg_full(ctx, WG_SHAPE(2, 2), 3);
    expect_gradient(wg_std(same, WG_AXES(1), 1), same, WANT(0, 0, 0, 0), "std of equal ones");
    second = wg_grad(wg_sum(wg_std(same, WG_ALL, 0), WG_ALL), same);
    expect_gradient(second, same, WANT(0, 0, 0, 0), "std of equal ones, second");
    wg_tensor pair = wg_from_f64(ctx, WG_SHAPE(2, 2), (const double[]){3, 4, 0, 0});
    expect_gradient(wg_norm(pair, WG_AXES(1)), pair, WANT(0.6, 0.8, 0, 0), "norm of one zero row");
}

/* The gradient of a product is the product of the others; the second derivative by i and j that of all but these. */
static void products(wg_context *ctx)
{
    const double rows[4][4] = {{2, 3, 4, 5}, {2, 0, 4, 5}, {0, 3, 0, 5}, {0, 0, 0, 5}};
    static const double weight[4] = {0.5, -1, 2, 3};
    for (int zeros = 0; zeros < 4; zeros++) {
        wg_tensor x = wg_from_f64(ctx, WG_SHAPE(4), rows[zeros]);
        wg_tensor first = wg_grad(wg_prod(x, WG_ALL), x);
        wg_tensor second = wg_grad(wg_sum(wg_mul(first, X(weight[0], weight[1], weight[2], weight[3])), WG_ALL), x);
        naive got = naive_of(first), again = naive_of(second);
        for (int i = 0; i < 4; i++) {
            double others = 1, mixed = 0;
            for (int j = 0; j < 4; j++) {
                double rest = 1;
                if (j != i) others *= rows[zeros][j];
                for (int k = 0; k < 4; k++)
                    if (k != i && k != j) rest *= rows[zeros][k];
                if (j != i) mixed += weight[j] * rest;
            }
            reference_check(got.v[i] == others, "prod with %d zeros: %g, not %g", zeros, got.v[i], others);
            reference_check(again.v[i] == mixed, "prod with %d zeros, second: %g, not %g", zeros, again.v[i], mixed);
        }
    }
}

/* The documented way to keep a masked branch's NaN out of gradients, and what happens without it. */
static void safe_where(wg_context *ctx)
{
    wg_tensor x = X(-1, 0, 2), zero = wg_zeros_like(x), one = wg_full_like(x, 1);
    wg_tensor positive = wg_greater_scalar(x, 0);
    wg_tensor safe = wg_where(positive, wg_log(wg_where(positive, x, one)), zero);
    expect_gradient(safe, x, WANT(0, 0, 0.5), "where, safe");
    wg_tensor slope = wg_grad(wg_sum(safe, WG_ALL), x);
    expect_gradient(slope, x, WANT(0, 0, -0.25), "where, safe, second");
    wg_tensor y = wg_where(positive, wg_log(x), zero);
    naive values = naive_of(y);
    reference_check(values.v[0] == 0 && values.v[1] == 0, "where lets a masked value through");
    naive unsafe = gradient_of(y, x);
    reference_check(unsafe.v[2] == 0.5, "where, unsafe, in the branch taken");
}

/* A NaN comes out of what is given one: nothing hides it. */
static void nan_stays(wg_context *ctx)
{
    wg_tensor x = X(nan_, 1);
    wg_tensor through[] = {wg_relu(x),
                           wg_leaky_relu(x),
                           wg_softplus(x),
                           wg_gelu(x),
                           wg_silu(x),
                           wg_abs(x),
                           wg_maximum_scalar(x, 0),
                           wg_minimum_scalar(x, 0),
                           wg_softmax(x, 0),
                           wg_sign(x),
                           wg_elu(x),
                           wg_selu(x),
                           wg_log_sigmoid(x),
                           wg_gelu_tanh(x),
                           wg_mish(x),
                           wg_softsign(x),
                           wg_hard_tanh(x),
                           wg_hard_sigmoid(x),
                           wg_hard_swish(x),
                           wg_clip(x, 0, 1),
                           wg_exp2(x),
                           wg_log2(x),
                           wg_log10(x),
                           wg_asinh(x),
                           wg_acosh(x),
                           wg_atanh(x),
                           wg_erfinv(x),
                           wg_hypot(x, wg_full_like(x, 1)),
                           wg_hypot(wg_full_like(x, 1), x)};
    for (size_t i = 0; i < sizeof through / sizeof *through; i++)
        reference_check(isnan(naive_of(through[i]).v[0]), "function %zu hides a NaN", i);
    wg_tensor whole[] = {wg_max(x, WG_ALL),       wg_min(x, WG_ALL),  wg_sum(x, WG_ALL),   wg_norm(x, WG_ALL),
                         wg_logsumexp(x, WG_ALL), wg_prod(x, WG_ALL), wg_std(x, WG_ALL, 0)};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        reference_check(isnan(wg_item(whole[i])), "reduction %zu hides a NaN", i);
    reference_check(wg_item(wg_argmax(x, 0)) == 0 && wg_item(wg_argmin(x, 0)) == 0, "argmax does not find the NaN");
}

static void (*const all[])(wg_context *) = {unary_kinks, binary_kinks, reduction_kinks,
                                            products,    safe_where,   nan_stays};

Test(kinks, stated_derivatives)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        reference_begin();
        wg_context *ctx = reference_context(type);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            all[i](ctx);
            cr_expect(!wg_failed(ctx), "group %zu: %s", i, wg_error(ctx));
            wg_clear(ctx);
        }
        reference_end(ctx, "stated derivatives");
    }
}

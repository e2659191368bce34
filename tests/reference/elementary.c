/* Functions of single numbers and activations that functions.h composes: accuracy against libm, extreme operands,
   kinks, derivatives. WG_TEST_ULP=1 prints what was measured. */
#include "tests/reference/points.h"
#include "tests/reference/reference.h"
#include "tests/reference/truth.h"

enum { POINTS = 1 << 16 };

/* ---- accuracy ---- */

static long double root_pi_half(void)
{
    return sqrtl(acosl(-1)) / 2;
}

/* Newton's steps on erfc, which knows the distance from 1 in all its digits. */
static long double erfinv_long(long double x)
{
    long double rest = 1 - fabsl(x), y = 0;
    if (isnan(x) || rest < 0) return NAN;
    if (rest == 0) return copysignl(INFINITY, x);
    if (rest > 0.9L) { /* where erf itself has them */
        y = fabsl(x) * root_pi_half();
        for (int i = 0; i < 6 && y > 0; i++) y -= (erfl(y) - fabsl(x)) * root_pi_half() * expl(y * y);
    } else { /* from below: the steps on log erfc grow towards the root */
        for (int i = 0; i < 60; i++) {
            long double slope = expl(-y * y) / root_pi_half() / erfcl(y);
            y += (logl(erfcl(y)) - logl(rest)) / slope;
        }
    }
    return copysignl(y, x);
}

static double erfinv_double(double x)
{
    return (double)erfinv_long((long double)x);
}

static const struct {
    const char *name;
    wg_tensor (*apply)(wg_tensor);
    double (*f)(double);
    long double (*f_long)(long double);
    double ulp_f32, ulp_f64;
    double low, high; /* where half of the points lie */
} functions[] = {
    {"exp2", wg_exp2, exp2, exp2l, 1, 1, -20, 20},
    {"log2", wg_log2, log2, log2l, 3, 2, 0.1, 8},
    {"log10", wg_log10, log10, log10l, 3, 2, 0.1, 8},
    {"asinh", wg_asinh, asinh, asinhl, 3, 3, -4, 4},
    {"acosh", wg_acosh, acosh, acoshl, 3, 3, 1, 4},
    {"atanh", wg_atanh, atanh, atanhl, 3, 3, -1, 1},
    {"erfinv", wg_erfinv, erfinv_double, erfinv_long, 1, 8, -1, 1},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void report(int k, const char *type, double worst, double at, double stated)
{
    reference_check(worst <= stated, "%s in %s: %.3f ulp where %g is stated: at %.17g", functions[k].name, type, worst,
                    stated, at);
    if (getenv("WG_TEST_ULP")) fprintf(stderr, "%-12s %s %.3f at %.17g\n", functions[k].name, type, worst, at);
}

/* Half of the points anywhere, a quarter inside the domain, a quarter close to its ends. */
static double place(int k, int i, uint64_t *state)
{
    double low = functions[k].low, high = functions[k].high, close = ldexp(reference_uniform(state, 1, 2), -(i % 53));
    return i % 4 == 0 ? low + close : i % 4 == 2 ? high - close : reference_uniform(state, low, high);
}

Test(elementary, f32)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static float x[POINTS];
    for (int k = 0; k < FUNCTIONS; k++) {
        uint64_t state = 5;
        double worst = 0, at = 0;
        points_f32(x, POINTS, 17);
        for (int i = 0; i < POINTS / 2; i++) x[i] = (float)place(k, i, &state);
        const float *y = wg_values_f32(functions[k].apply(wg_borrow_f32(ctx, WG_SHAPE(POINTS), x)));
        for (int i = 0; y && i < POINTS; i++) {
            double ulp = ulp_f32(y[i], functions[k].f((double)x[i]));
            if (ulp > worst) worst = ulp, at = (double)x[i];
        }
        report(k, "f32", worst, at, functions[k].ulp_f32);
        wg_clear(ctx);
    }
    reference_end(ctx, "functions in f32");
}

Test(elementary, f64)
{
    if (!long_double_is_wider()) return;
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    static double x[POINTS];
    for (int k = 0; k < FUNCTIONS; k++) {
        uint64_t state = 5;
        double worst = 0, at = 0;
        points_f64(x, POINTS, 17);
        for (int i = 0; i < POINTS / 2; i++) x[i] = place(k, i, &state);
        const double *y = wg_values_f64(functions[k].apply(wg_borrow_f64(ctx, WG_SHAPE(POINTS), x)));
        for (int i = 0; y && i < POINTS; i++) {
            double ulp = ulp_f64(y[i], functions[k].f_long((long double)x[i]));
            if (ulp > worst) worst = ulp, at = x[i];
        }
        report(k, "f64", worst, at, functions[k].ulp_f64);
        wg_clear(ctx);
    }
    reference_end(ctx, "functions in f64");
}

Test(elementary, hypot)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static float a[POINTS], b[POINTS];
    double worst = 0;
    points_f32(a, POINTS, 19);
    points_f32(b, POINTS, 23);
    uint64_t state = 7;
    for (int i = 0; i < POINTS / 2; i++) b[i] = a[i] * (float)reference_uniform(&state, -4, 4);
    wg_tensor x = wg_borrow_f32(ctx, WG_SHAPE(POINTS), a), y = wg_borrow_f32(ctx, WG_SHAPE(POINTS), b);
    const float *z = wg_values_f32(wg_hypot(x, y));
    for (int i = 0; z && i < POINTS; i++) {
        bool none = isnan(a[i]) || isnan(b[i]);
        double ulp = ulp_f32(z[i], none ? NAN : hypot((double)a[i], (double)b[i]));
        worst = fmax(worst, ulp);
        reference_check(ulp <= 2, "hypot(%g, %g) is %g: %.3f ulp", (double)a[i], (double)b[i], (double)z[i], ulp);
    }
    if (getenv("WG_TEST_ULP")) fprintf(stderr, "hypot f32 %.3f\n", worst);
    wg_clear(ctx);
    naive p = {.shape = WG_SHAPE(2, 1), .v = {3, 1e30}}, q = {.shape = WG_SHAPE(3), .v = {4, 0, -3e30}};
    naive want = {.shape = WG_SHAPE(2, 3)};
    for (int i = 0; i < 6; i++) want.v[i] = hypot(p.v[i / 3], q.v[i % 3]);
    expect_values(wg_hypot(tensor_of(ctx, WG_F32, &p), tensor_of(ctx, WG_F32, &q)), &want, 3e-7, "hypot broadcasts");
    reference_end(ctx, "hypot");
}

/* ---- derivatives ---- */

Test(elementary, derivatives)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    for (int k = 0; k < FUNCTIONS; k++) {
        uint64_t state = 3;
        double margin = (functions[k].high - functions[k].low) / 20;
        naive x = naive_random(WG_SHAPE(12), functions[k].low + margin, functions[k].high - margin, false, &state);
        if (strcmp(functions[k].name, "exp2") == 0)
            for (int i = 0; i < 12; i++) x.v[i] /= 8;
        if (strcmp(functions[k].name, "asinh") == 0) x.v[0] = 0; /* where its pieces meet */
        wg_tensor leaf = tensor_of(ctx, WG_F64, &x), loss = weighted_sum(functions[k].apply(leaf), 1);
        expect_gradcheck(loss, WG_LIST(leaf), "%s", functions[k].name);
        expect_gradcheck(weighted_sum(wg_grad(loss, leaf), 2), WG_LIST(leaf), "%s, second", functions[k].name);
        wg_clear(ctx);
    }
    uint64_t state = 9;
    naive a = naive_random(WG_SHAPE(3, 1), -2, 2, false, &state), b = naive_random(WG_SHAPE(4), -2, 2, false, &state);
    wg_tensor x = tensor_of(ctx, WG_F64, &a), y = tensor_of(ctx, WG_F64, &b);
    wg_tensor loss = weighted_sum(wg_hypot(x, y), 3);
    expect_gradcheck(loss, WG_LIST(x, y), "hypot");
    expect_gradcheck(weighted_sum(wg_grad(loss, x), 4), WG_LIST(x, y), "hypot, second");
    wg_tensor zero = wg_zeros(ctx, WG_SHAPE(2));
    naive none = {.shape = WG_SHAPE(2)};
    expect_values(wg_grad(wg_sum(wg_hypot(zero, zero), WG_ALL), zero), &none, 0, "hypot at 0");
    reference_end(ctx, "derivatives");
}

/* With y = erfinv(x): y' = sqrt(pi) / 2 exp(y^2), y'' = 2 y y'^2, y''' = (2 + 8 y^2) y'^3. */
Test(elementary, derivatives_of_erfinv)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    naive x = {.shape = WG_SHAPE(9), .v = {-0.999, -0.7, -1e-3, 0, 1e-9, 0.3, 0.95, 0.99999, 1 - 1e-9}}, want[3];
    for (int i = 0; i < 3; i++) want[i] = x;
    for (int i = 0; i < 9; i++) {
        double y = erfinv_double(x.v[i]), slope = (double)root_pi_half() * exp(y * y);
        want[0].v[i] = slope;
        want[1].v[i] = 2 * y * slope * slope;
        want[2].v[i] = (2 + 8 * y * y) * slope * slope * slope;
    }
    wg_tensor leaf = tensor_of(ctx, WG_F64, &x), y = wg_erfinv(leaf);
    static const double tolerances[] = {2e-14, 1e-12, 1e-10};
    for (int i = 0; i < 3; i++) {
        y = wg_grad(wg_sum(y, WG_ALL), leaf);
        expect_values(y, &want[i], tolerances[i], "derivative %d of erfinv", i + 1);
    }
    naive ends = {.shape = WG_SHAPE(2), .v = {-1, 1}}, infinite = {.shape = WG_SHAPE(2), .v = {INFINITY, INFINITY}};
    leaf = tensor_of(ctx, WG_F64, &ends);
    expect_values(wg_grad(wg_sum(wg_erfinv(leaf), WG_ALL), leaf), &infinite, 0, "derivative of erfinv at its ends");
    reference_end(ctx, "derivatives of erfinv");
}

/* ---- clip ---- */

Test(elementary, clip)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    for (wg_type type = WG_F32; type <= WG_I64; type++) {
        naive x = {.shape = WG_SHAPE(2, 4), .v = {-9, -2, -1, 0, 1, 3, 4, 100}}, both = x, low = x, high = x;
        for (int i = 0; i < 8; i++) {
            both.v[i] = fmin(fmax(x.v[i], -2), 3);
            low.v[i] = fmax(x.v[i], -2);
            high.v[i] = fmin(x.v[i], 3);
        }
        wg_tensor t = tensor_of(ctx, type, &x);
        expect_values(wg_clip(t, -2, 3), &both, 0, "clip of %s", wg_type_name(type));
        expect_values(wg_clip(t, -2, INFINITY), &low, 0, "clip from below of %s", wg_type_name(type));
        expect_values(wg_clip(t, -INFINITY, 3), &high, 0, "clip from above of %s", wg_type_name(type));
        expect_values(wg_clip(t, -INFINITY, INFINITY), &x, 0, "clip of nothing");
        reference_check(wg_type_of(wg_clip(t, -2, 3)) == type, "clip: type");
    }
    naive odd = {.shape = WG_SHAPE(6), .v = {NAN, -INFINITY, INFINITY, -0.0, -1, 1}};
    naive want = {.shape = WG_SHAPE(6), .v = {NAN, -1, 1, 0, -1, 1}};
    naive slope = {.shape = WG_SHAPE(6), .v = {1, 0, 0, 1, 1, 1}}; /* 1 at the ends */
    wg_tensor x = tensor_of(ctx, WG_F32, &odd), y = wg_clip(x, -1, 1);
    expect_values(y, &want, 0, "clip of odd numbers");
    reference_check(signbit(naive_of(y).v[3]), "clip keeps -0");
    expect_values(wg_grad(wg_sum(y, WG_ALL), x), &slope, 0, "the derivative of clip");
    wg_tensor none = wg_zeros(ctx, WG_SHAPE(0, 2));
    reference_check(wg_size(wg_clip(none, 0, 1)) == 0, "clip of none");
    reference_end(ctx, "clip");
    ctx = wg_context_new(&(wg_context_options){.check_finite = true});
    reference_check(wg_item(wg_clip(wg_scalar(ctx, 3), 0, INFINITY)) == 3, "an infinite end is no infinity: %s",
                    wg_error(ctx));
    wg_context_free(ctx);
}

/* ---- activations ---- */

static double elu(double x)
{
    return x > 0 ? x : expm1(x);
}

static double selu(double x)
{
    return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * expm1(x));
}

static double log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static double gelu_tanh(double x)
{
    long double u = sqrtl(2 / acosl(-1)) * ((long double)x + 0.044715L * (long double)x * x * x);
    return (double)(x / (1 + expl(-2 * u)));
}

static double mish(double x)
{
    return x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
}

static double softsign(double x)
{
    return isinf(x) ? copysign(1, x) : x / (1 + fabs(x));
}

static double hard_tanh(double x)
{
    return fmin(fmax(x, -1), 1);
}

static double hard_sigmoid(double x)
{
    return fmin(fmax((x + 3) / 6, 0), 1);
}

static double hard_swish(double x)
{
    return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
}

static const struct {
    const char *name;
    wg_tensor (*apply)(wg_tensor);
    double (*value)(double);
    double below, above; /* the derivatives far out */
} activations[] = {
    {"elu", wg_elu, elu, 0, 1},
    {"selu", wg_selu, selu, 0, 1.0507009873554805},
    {"log_sigmoid", wg_log_sigmoid, log_sigmoid, 1, 0},
    {"gelu_tanh", wg_gelu_tanh, gelu_tanh, 0, 1},
    {"mish", wg_mish, mish, 0, 1},
    {"softsign", wg_softsign, softsign, 1e-10, 1e-10},
    {"hard_tanh", wg_hard_tanh, hard_tanh, 0, 0},
    {"hard_sigmoid", wg_hard_sigmoid, hard_sigmoid, 0, 0},
    {"hard_swish", wg_hard_swish, hard_swish, 0, 1},
};

static void activation(wg_type type, int k)
{
    wg_context *ctx = reference_context(type);
    wg_tensor (*apply)(wg_tensor) = activations[k].apply;
    const char *name = activations[k].name;
    naive x = {.shape = WG_SHAPE(2, 300)}, y = x;
    for (int i = 0; i < 600; i++) {
        x.v[i] = (double)(float)((i - 300) * abs(i - 300) * 3e-4 + 0.013); /* -27 to 27 */
        y.v[i] = activations[k].value(x.v[i]);
    }
    wg_tensor t = tensor_of(ctx, type, &x);
    expect_values(apply(t), &y, type == WG_F32 ? 5e-7 : 1e-15, "%s in %s", name, wg_type_name(type));
    naive far = {.shape = WG_SHAPE(5), .v = {-1e5, 1e5, -1e30, 1e30, INFINITY}}, want = far;
    for (int i = 0; i < 4; i++) want.v[i] = activations[k].value(far.v[i]);
    want.v[4] = activations[k].above > 0.5 ? INFINITY : activations[k].value(1e30);
    expect_values(apply(tensor_of(ctx, type, &far)), &want, 1e-6, "%s far out", name);
    wg_tensor leaf = tensor_of(ctx, type, &far), slope = wg_grad(wg_sum(apply(leaf), WG_ALL), leaf);
    naive slopes = {.shape = WG_SHAPE(5)};
    for (int i = 0; i < 4; i++) slopes.v[i] = i % 2 ? activations[k].above : activations[k].below;
    slopes.v[4] = activations[k].above;
    if (strcmp(name, "mish") == 0 || strcmp(name, "gelu_tanh") == 0)
        slope = wg_where(wg_is_finite(leaf), slope, wg_full_like(leaf, 1)); /* inf 0 at the infinity itself */
    expect_values(slope, &slopes, 1e-6, "%s far out: gradient", name);
    uint64_t state = 3;
    naive few = naive_random(WG_SHAPE(3, 4), -2.9, 2.9, false, &state);
    leaf = tensor_of(ctx, type, &few);
    wg_tensor loss = weighted_sum(apply(leaf), 1);
    expect_gradcheck(loss, WG_LIST(leaf), "%s", name);
    if (activations[k].value != hard_tanh && activations[k].value != hard_sigmoid) /* whose second one is 0 */
        expect_gradcheck(weighted_sum(wg_grad(loss, leaf), 2), WG_LIST(leaf), "%s, second", name);
    reference_check(wg_size(apply(wg_zeros(ctx, WG_SHAPE(0, 2)))) == 0, "%s of nothing", name);
    cr_expect(!wg_failed(ctx), "%s: %s", name, wg_error(ctx));
    wg_context_free(ctx);
}

Test(elementary, activations)
{
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int k = 0; k < (int)(sizeof activations / sizeof *activations); k++) activation(type, k);
    reference_end(reference_context(WG_F32), "activations");
}

/* Digits that a naive formula would lose. */
Test(elementary, small_results_keep_their_digits)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static const float x[] = {-3, -4, -5, -6, -1e-5f, 1e-20f, 6, 12, 30, 60};
    float log_sigmoids[10], gelus[10], elus[10];
    wg_tensor leaf = wg_from_f32(ctx, WG_SHAPE(10), x);
    cr_expect(wg_read_f32(wg_log_sigmoid(leaf), log_sigmoids, 10) && wg_read_f32(wg_gelu_tanh(leaf), gelus, 10) &&
              wg_read_f32(wg_elu(leaf), elus, 10));
    for (int i = 0; i < 10; i++) {
        double z = (double)x[i], want = log_sigmoid(z);
        reference_check(fabs((double)log_sigmoids[i] - want) <= 5e-7 * -want, "log_sigmoid(%g) is %g", z,
                        (double)log_sigmoids[i]);
        want = gelu_tanh(z);
        reference_check(fabs((double)gelus[i] - want) <= 1e-5 * fabs(want), "gelu_tanh(%g) is %g, not %g", z,
                        (double)gelus[i], want);
        reference_check(fabs((double)elus[i] - elu(z)) <= 3e-7 * fabs(elu(z)), "elu(%g) is %g", z, (double)elus[i]);
    }
    reference_end(ctx, "small results");
}

/* Halves along each axis, of any length that has some. */
Test(elementary, glu)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    for (int axis = -3; axis < 3; axis++) {
        uint64_t state = 41;
        int at = (axis + 3) % 3;
        naive x = naive_random(WG_SHAPE(2, 4, 6), -3, 3, false, &state), want = {.shape = x.shape};
        want.shape.dim[at] /= 2;
        for (int64_t i = 0; i < naive_size(&want); i++) {
            int64_t index[WG_MAX_RANK];
            naive_index(want.shape, i, index);
            double a = x.v[naive_place(x.shape, index)];
            index[at] += want.shape.dim[at];
            want.v[i] = a / (1 + exp(-x.v[naive_place(x.shape, index)]));
        }
        wg_tensor leaf = tensor_of(ctx, WG_F64, &x), y = wg_glu(leaf, axis);
        expect_values(y, &want, 1e-14, "glu along %d", axis);
        expect_gradcheck(weighted_sum(y, 3), WG_LIST(leaf), "glu along %d", axis);
    }
    reference_check(wg_size(wg_glu(wg_zeros(ctx, WG_SHAPE(3, 0)), 1)) == 0, "glu of none");
    reference_end(ctx, "glu");
}

/* ---- comparing ---- */

static bool naive_close(double a, double b, double relative, double absolute)
{
    return a == b || (isfinite(b) && fabs(a - b) <= absolute + relative * fabs(b));
}

Test(elementary, comparing)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1, 1.001, -1, 1e30, 1.0005};
    enum { ODD = sizeof odd / sizeof *odd };
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        wg_context *ctx = reference_context(type);
        naive x = {.shape = WG_SHAPE(ODD)}, y, is_nan = x, infinite = x, close = {.shape = WG_SHAPE(ODD, ODD)};
        for (int i = 0; i < ODD; i++) {
            x.v[i] = type == WG_F32 ? (double)(float)odd[i] : odd[i];
            is_nan.v[i] = isnan(odd[i]) != 0;
            infinite.v[i] = isinf(odd[i]) != 0;
        }
        for (int i = 0; i < ODD * ODD; i++) close.v[i] = naive_close(x.v[i / ODD], x.v[i % ODD], 7e-4, 1e-6);
        y = x;
        y.shape = WG_SHAPE(ODD, 1);
        wg_tensor a = tensor_of(ctx, type, &y), b = tensor_of(ctx, type, &x);
        expect_values(wg_is_nan(b), &is_nan, 0, "is_nan");
        expect_values(wg_is_infinite(b), &infinite, 0, "is_infinite");
        expect_values(wg_is_close(a, b, 7e-4, 1e-6), &close, 0, "is_close");
        wg_tensor numbers = wg_slice(b, 0, 1, WG_END), all = wg_all_close(numbers, numbers, 0, 0);
        reference_check(wg_item(all) == 1 && wg_type_of(all) == WG_BOOL && wg_shape_of(all).rank == 0,
                        "numbers are close to themselves");
        reference_check(wg_item(wg_all_close(b, b, 1, 1)) == 0, "NaN is close to nothing");
        wg_tensor none = wg_zeros(ctx, WG_SHAPE(0));
        reference_check(wg_item(wg_all_close(none, none, 0, 0)) == 1, "none are close");
        cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
        wg_context_free(ctx);
    }
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor p = wg_from_bool(ctx, WG_SHAPE(2, 1), (bool[]){0, 1}), q = wg_from_bool(ctx, WG_SHAPE(2), (bool[]){0, 1});
    naive want = {.shape = WG_SHAPE(2, 2), .v = {0, 1, 1, 0}};
    expect_values(wg_logical_xor(p, q), &want, 0, "logical_xor");
    reference_end(ctx, "comparing");
}

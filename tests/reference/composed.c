/* The functions of functions.h against their definitions: values from naive loops in double, extreme inputs, gradients
   and second derivatives by the gradient check. */
#include "tests/reference/reference.h"

#include <stdarg.h>

/* ---- one operand, element by element ---- */

static double relu(double x)
{
    return x < 0 ? 0 : x;
}

static double leaky(double x)
{
    return x < 0 ? 0.01 * x : x;
}

/* log(e^0 + e^x), the larger one taken out */
static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double gelu(double x)
{
    return x * erfc(-x * sqrt(0.5)) / 2;
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static const struct {
    const char *name;
    wg_tensor (*apply)(wg_tensor);
    double (*value)(double);
} activations[] = {{"relu", wg_relu, relu},
                   {"leaky_relu", wg_leaky_relu, leaky},
                   {"softplus", wg_softplus, softplus},
                   {"gelu", wg_gelu, gelu},
                   {"silu", wg_silu, silu}};

static void activation(wg_type type, wg_tensor (*apply)(wg_tensor), double (*value)(double), const char *name)
{
    wg_context *ctx = reference_context(type);
    naive x = {.shape = WG_SHAPE(2, 300)}, y;
    for (int i = 0; i < 600; i++) x.v[i] = (double)(float)((i - 300) * abs(i - 300) * 3e-4 + 0.013); /* -27 to 27 */
    y = x;
    for (int i = 0; i < 600; i++) y.v[i] = value(x.v[i]);
    wg_tensor t = tensor_of(ctx, type, &x);
    expect_values(apply(t), &y, type == WG_F32 ? 4e-7 : 1e-15, "%s in %s", name, wg_type_name(type));
    naive far = {.shape = WG_SHAPE(5), .v = {-1e4, 1e4, -100, INFINITY, 0}}, want = far;
    want.v[0] = strcmp(name, "leaky_relu") == 0 ? -100 : 0;
    want.v[2] = strcmp(name, "leaky_relu") == 0 ? -1 : 0;
    want.v[4] = value(0);
    expect_values(apply(tensor_of(ctx, type, &far)), &want, 1e-6, "%s far out", name);
    wg_tensor leaf = tensor_of(ctx, type, &far);
    wg_tensor slope = wg_grad(wg_sum(apply(wg_slice(leaf, 0, 0, 3)), WG_ALL), leaf);
    naive slopes = {.shape = WG_SHAPE(5), .v = {0, 1, 0, 0, 0}};
    if (strcmp(name, "leaky_relu") == 0) slopes.v[0] = slopes.v[2] = 0.01;
    expect_values(slope, &slopes, 1e-6, "%s far out: gradient", name);
    uint64_t state = 3;
    naive few = naive_random(WG_SHAPE(3, 4), -3, 3, false, &state);
    leaf = tensor_of(ctx, type, &few);
    wg_tensor loss = weighted_sum(apply(leaf), 1);
    expect_gradcheck(loss, WG_LIST(leaf), "%s", name);
    expect_gradcheck(weighted_sum(wg_grad(loss, leaf), 2), WG_LIST(leaf), "%s, second", name);
    reference_check(wg_size(apply(wg_zeros(ctx, WG_SHAPE(0, 2)))) == 0, "%s of nothing", name);
    cr_expect(!wg_failed(ctx), "%s: %s", name, wg_error(ctx));
    wg_context_free(ctx);
}

Test(composed, activations)
{
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
            activation(type, activations[i].apply, activations[i].value, activations[i].name);
    reference_end(reference_context(WG_F32), "activations");
}

/* Digits that a naive formula would lose. */
Test(composed, small_results_keep_their_digits)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static const float x[] = {-5, -10, -20, -50, -80, -100};
    float y[6];
    cr_expect(wg_read_f32(wg_softplus(wg_from_f32(ctx, WG_SHAPE(6), x)), y, 6));
    for (int i = 0; i < 6; i++) {
        double want = log1p(exp((double)x[i]));
        reference_check(fabs((double)y[i] - want) <= 4e-7 * want + 0x1p-149, "softplus(%g) is %g", (double)x[i],
                        (double)y[i]);
    }
    static const float row[] = {0, -30, -60, -90};
    cr_expect(wg_read_f32(wg_softmax(wg_from_f32(ctx, WG_SHAPE(4), row), 0), y, 4));
    for (int i = 0; i < 4; i++)
        reference_check(fabs((double)y[i] / exp((double)row[i]) - 1) <= 1e-6, "softmax of %g is %g", (double)row[i],
                        (double)y[i]);
    reference_end(ctx, "small results");
}

/* ---- over axes ---- */

static double n_mean(const double *x, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) s += x[i];
    return s / n;
}

static double n_var(const double *x, int n, double correction)
{
    double s = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) s += (x[i] - x[k]) * (x[i] - x[k]); /* pairs: no mean needed */
    return s / n / (n - correction);
}

static double n_norm(const double *x, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) s = hypot(s, x[i]);
    return s;
}

static double n_logsumexp(const double *x, int n)
{
    double s = x[0];
    for (int i = 1; i < n; i++) s = s > x[i] ? s + log1p(exp(x[i] - s)) : x[i] + log1p(exp(s - x[i]));
    return s;
}

enum { MEAN, VAR, SAMPLE_VAR, STD, SAMPLE_STD, NORM, LOGSUMEXP, SOFTMAX, LOG_SOFTMAX, OVER_AXES };
static const char *const names[] = {"mean", "var",       "var, corrected", "std",        "std, corrected",
                                    "norm", "logsumexp", "softmax",        "log_softmax"};

static wg_tensor apply_over(int which, wg_tensor x, wg_axes axes)
{
    switch (which) {
    case MEAN:
        return wg_mean(x, axes);
    case VAR:
        return wg_var(x, axes, 0);
    case SAMPLE_VAR:
        return wg_var(x, axes, 1);
    case STD:
        return wg_std(x, axes, 0);
    case SAMPLE_STD:
        return wg_std(x, axes, 1);
    case NORM:
        return wg_norm(x, axes);
    case LOGSUMEXP:
        return wg_logsumexp(x, axes);
    case SOFTMAX:
        return wg_softmax(x, axes.axis[0]);
    default:
        return wg_log_softmax(x, axes.axis[0]);
    }
}

static double naive_over(int which, const double *x, int n)
{
    switch (which) {
    case MEAN:
        return n_mean(x, n);
    case VAR:
        return n_var(x, n, 0);
    case SAMPLE_VAR:
        return n_var(x, n, 1);
    case STD:
        return sqrt(n_var(x, n, 0));
    case SAMPLE_STD:
        return sqrt(n_var(x, n, 1));
    case NORM:
        return n_norm(x, n);
    default:
        return n_logsumexp(x, n);
    }
}

/* The elements of x that meet in place `at` of the kept shape. */
static int members(const naive *x, wg_shape kept, int64_t at, double *out)
{
    int n = 0;
    for (int64_t i = 0; i < naive_size(x); i++)
        if (naive_source(kept, x->shape, i) == at) out[n++] = x->v[i];
    return n;
}

static naive expected_over(int which, const naive *x, unsigned set, bool keep)
{
    naive y = {.shape = x->shape};
    double group[NAIVE_SIZE];
    for (int i = 0; i < x->shape.rank; i++)
        if (set >> i & 1) y.shape.dim[i] = 1;
    if (which >= SOFTMAX) {
        wg_shape kept = y.shape;
        y.shape = x->shape;
        for (int64_t i = 0; i < naive_size(x); i++) {
            int n = members(x, kept, naive_source(kept, x->shape, i), group);
            for (int k = 0; k < n; k++) group[k] -= x->v[i]; /* exact to a last place of the distance */
            double log_share = -n_logsumexp(group, n);
            y.v[i] = which == SOFTMAX ? exp(log_share) : log_share;
        }
        return y;
    }
    for (int64_t i = 0; i < naive_size(&y); i++) y.v[i] = naive_over(which, group, members(x, y.shape, i, group));
    wg_shape dropped = {0};
    for (int i = 0; i < x->shape.rank; i++)
        if (!(set >> i & 1)) dropped.dim[dropped.rank++] = x->shape.dim[i];
    if (!keep) y.shape = dropped;
    return y;
}

static void over_axes(wg_type type, int which, double offset)
{
    wg_context *ctx = reference_context(type);
    wg_shape shape = WG_SHAPE(3, 2, 4);
    for (unsigned set = which == SAMPLE_VAR || which == SAMPLE_STD; set < 8; set++)
        for (int keep = 0; keep < 2; keep++) {
            uint64_t state = 71 + set;
            if (which >= SOFTMAX && (set == 0 || (set & (set - 1)) != 0)) continue; /* one axis */
            naive x = naive_random(shape, -2, 2, false, &state);
            for (int64_t i = 0; i < naive_size(&x); i++) x.v[i] = (double)(float)(x.v[i] + offset);
            wg_axes axes = {.keep = keep};
            for (int8_t i = 0; i < 3; i++)
                if (set >> i & 1) axes.axis[axes.count++] = (int8_t)(keep ? i - 3 : i);
            naive want = expected_over(which, &x, set, keep);
            wg_tensor t = tensor_of(ctx, type, &x), y = apply_over(which, t, axes);
            double far =
                which >= VAR && which <= SAMPLE_STD ? 1 + fabs(offset) : 1; /* x - mean loses what x has lost */
            expect_values(y, &want, (type == WG_F32 ? 1e-6 : 1e-14) * far, "%s in %s over set %u", names[which],
                          wg_type_name(type), set);
            if (keep || offset != 0 || (which == STD && set == 0)) continue; /* |x - x| has a kink everywhere */
            wg_tensor loss = weighted_sum(y, 3);
            expect_gradcheck(loss, WG_LIST(t), "%s over set %u", names[which], set);
            expect_gradcheck(weighted_sum(wg_grad(loss, t), 4), WG_LIST(t), "%s over set %u, second", names[which],
                             set);
        }
    cr_expect(!wg_failed(ctx), "%s: %s", names[which], wg_error(ctx));
    wg_context_free(ctx);
}

Test(composed, over_axes)
{
    reference_begin();
    for (int which = 0; which < OVER_AXES; which++) {
        over_axes(WG_F64, which, 0);
        over_axes(WG_F64, which, 1000);
        over_axes(WG_F64, which, -1e4);
        over_axes(WG_F32, which, 0);
        over_axes(WG_F32, which, 64);
    }
    reference_end(reference_context(WG_F32), "functions over axes");
}

static void expect_row(wg_tensor y, double a, double b, double c, const char *what)
{
    naive want = {.shape = WG_SHAPE(3), .v = {a, b, c}};
    expect_values(y, &want, 1e-6, "%s", what);
}

/* Masked positions are -inf; a row may be masked as a whole. */
static void extreme_rows(wg_context *ctx)
{
    const float far[] = {1e4f, -1e4f, 1e4f}, mask[] = {1, -INFINITY, 1}, all[] = {-INFINITY, -INFINITY, -INFINITY};
    const float up[] = {INFINITY, 0, 1};
    double log_half = -0.69314718055994531;
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(3), far), m = wg_from_f32(ctx, WG_SHAPE(3), mask);
    wg_tensor n = wg_from_f32(ctx, WG_SHAPE(3), all), u = wg_from_f32(ctx, WG_SHAPE(3), up);
    expect_row(wg_softmax(x, 0), 0.5, 0, 0.5, "softmax far out");
    expect_row(wg_log_softmax(x, 0), log_half, -20000 + log_half, log_half, "log_softmax far out");
    expect_row(wg_softmax(m, 0), 0.5, 0, 0.5, "softmax with a masked place");
    expect_row(wg_log_softmax(m, 0), log_half, -INFINITY, log_half, "log_softmax with a masked place");
    expect_row(wg_softmax(n, 0), NAN, NAN, NAN, "softmax of a row masked as a whole: 0/0");
    reference_check(fabs(wg_item(wg_logsumexp(x, WG_ALL)) - (1e4 - log_half)) < 1e-3, "logsumexp far out");
    reference_check(fabs(wg_item(wg_logsumexp(wg_neg(wg_abs(x)), WG_ALL)) + 1e4 - log(3)) < 1e-3, "logsumexp far down");
    reference_check(fabs(wg_item(wg_logsumexp(m, WG_ALL)) - (1 - log_half)) < 1e-6, "logsumexp with a masked place");
    reference_check(wg_item(wg_logsumexp(n, WG_ALL)) == -INFINITY, "logsumexp of a row masked as a whole");
    reference_check(wg_item(wg_logsumexp(u, WG_ALL)) == INFINITY, "logsumexp with an infinity");
    expect_row(wg_grad(wg_logsumexp(m, WG_ALL), m), 0.5, 0, 0.5, "gradient of logsumexp with a masked place");
    expect_row(wg_grad(wg_logsumexp(x, WG_ALL), x), 0.5, 0, 0.5, "gradient of logsumexp far out");
    expect_row(wg_grad(wg_sum(wg_select(wg_softmax(m, 0), 0, 0), WG_ALL), m), 0.25, 0, -0.25,
               "gradient of masked softmax");
    expect_row(wg_grad(wg_select(wg_log_softmax(m, 0), 0, 0), m), 0.5, 0, -0.5, "gradient of masked log_softmax");
}

Test(composed, extreme_rows)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        reference_begin();
        wg_context *ctx = reference_context(type);
        extreme_rows(ctx);
        reference_check(isnan(wg_item(wg_mean(wg_zeros(ctx, WG_SHAPE(0)), WG_ALL))), "the mean of nothing is 0/0");
        reference_check(wg_item(wg_norm(wg_zeros(ctx, WG_SHAPE(0)), WG_ALL)) == 0, "the norm of nothing");
        reference_check(isnan(wg_item(wg_std(wg_zeros(ctx, WG_SHAPE(0)), WG_ALL, 0))), "the deviation of nothing");
        wg_tensor two = wg_from_f32(ctx, WG_SHAPE(2), (float[]){1, 3});
        reference_check(wg_item(wg_var(two, WG_ALL, 3)) == INFINITY && wg_item(wg_std(two, WG_ALL, 2)) == INFINITY,
                        "a correction above the count divides by 0");
        naive none = {.shape = WG_SHAPE(0, 3)};
        expect_values(wg_softmax(wg_zeros(ctx, WG_SHAPE(0, 3)), 1), &none, 0, "softmax of no rows");
        reference_end(ctx, "extreme rows");
    }
}

/* ---- shapes and places ---- */

/* A function that only renames or picks: its values, and the gradient of their sum weighted by place. */
static void expect_picked(wg_tensor y, wg_tensor x, wg_shape shape, const int64_t *from, const char *format, ...)
{
    char what[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    naive source = naive_of(x), want = {.shape = shape}, slope = {.shape = source.shape};
    naive w = {.shape = shape};
    for (int64_t i = 0; i < naive_size(&want); i++) {
        want.v[i] = source.v[from ? from[i] : i];
        w.v[i] = (double)i + 0.5;
        slope.v[from ? from[i] : i] += w.v[i];
    }
    expect_values(y, &want, 0, "%s", what);
    wg_tensor loss = wg_sum(wg_mul(y, tensor_of(x.context, wg_type_of(y), &w)), WG_ALL);
    expect_values(wg_grad(loss, x), &slope, 1e-6, "gradient of %s", what);
}

static void shapes(wg_context *ctx)
{
    uint64_t state = 83;
    naive v = naive_random(WG_SHAPE(2, 3, 4), -4, 4, false, &state);
    wg_tensor x = tensor_of(ctx, wg_default_type(ctx), &v);
    int64_t from[24];
    expect_picked(wg_flatten(x), x, WG_SHAPE(2, 12), NULL, "flatten");
    wg_tensor row = wg_slice(wg_reshape(x, WG_SHAPE(24)), 0, 0, 5), one = wg_slice(row, 0, 0, 1);
    expect_picked(wg_flatten(row), row, WG_SHAPE(5, 1), NULL, "flatten of rank 1");
    expect_picked(wg_flatten(wg_squeeze(one, 0)), one, WG_SHAPE(1, 1), NULL, "flatten of rank 0");
    for (int64_t i = 0; i < 24; i++) from[i] = i / 12 * 12 + i % 3 * 4 + i / 3 % 4;
    expect_picked(wg_transpose(x), x, WG_SHAPE(2, 4, 3), from, "transpose");
    for (int64_t index = -3; index < 3; index++) {
        for (int64_t i = 0; i < 8; i++) from[i] = i / 4 * 12 + (index + 3) % 3 * 4 + i % 4;
        expect_picked(wg_select(x, 1, index), x, WG_SHAPE(2, 4), from, "select %d", (int)index);
        expect_picked(wg_select(x, -2, index), x, WG_SHAPE(2, 4), from, "select %d from the end", (int)index);
    }
    static const wg_shape wide[] = {{4, {1, 2, 3, 4}}, {4, {2, 1, 3, 4}}, {4, {2, 3, 1, 4}}, {4, {2, 3, 4, 1}}};
    for (int axis = -4; axis < 4; axis++) {
        wg_tensor y = wg_unsqueeze(x, axis);
        expect_picked(y, x, wide[(axis + 4) % 4], NULL, "unsqueeze %d", axis);
        expect_picked(wg_squeeze(y, axis), x, v.shape, NULL, "squeeze %d", axis);
        for (int64_t i = 0; i < 24; i++) from[i] = i;
    }
    for (int64_t i = 0; i < 6; i++) from[i] = i / 2 * 4 + 1 + i % 2 * 2;
    expect_picked(wg_slice_step(wg_select(x, 0, 0), 1, 1, WG_END, 2), x, WG_SHAPE(3, 2), from, "slice_step");
}

static void stacks(wg_context *ctx)
{
    uint64_t state = 89;
    wg_type type = wg_default_type(ctx);
    naive a = naive_random(WG_SHAPE(2, 3), -4, 4, false, &state),
          b = naive_random(WG_SHAPE(2, 3), -4, 4, false, &state);
    for (int axis = -3; axis < 3; axis++) {
        int place = (axis + 3) % 3;
        naive want = {.shape = place == 0 ? WG_SHAPE(2, 2, 3) : place == 1 ? WG_SHAPE(2, 2, 3) : WG_SHAPE(2, 3, 2)};
        for (int64_t i = 0; i < 12; i++) {
            int64_t at[WG_MAX_RANK], rest[2];
            naive_index(want.shape, i, at);
            for (int k = 0, n = 0; k < 3; k++)
                if (k != place) rest[n++] = at[k];
            want.v[i] = (at[place] ? &b : &a)->v[rest[0] * 3 + rest[1]];
        }
        wg_tensor x = tensor_of(ctx, type, &a), z = tensor_of(ctx, type, &b), y = wg_stack(WG_LIST(x, z), axis);
        expect_values(y, &want, 0, "stack along %d", axis);
        expect_gradcheck(weighted_sum(y, 5), WG_LIST(x, z), "stack along %d", axis);
    }
}

static void places(wg_context *ctx)
{
    const int64_t index[] = {0, 3, -1, 2, 4, 1};
    naive want = {.shape = WG_SHAPE(2, 3, 4)};
    for (int i = 0; i < 6; i++)
        if (index[i] >= 0 && index[i] < 4) want.v[i * 4 + index[i]] = 1;
    wg_tensor hot = wg_one_hot(wg_from_i64(ctx, WG_SHAPE(2, 3), index), 4);
    expect_values(hot, &want, 0, "one_hot");
    reference_check(wg_type_of(hot) == WG_BOOL, "one_hot is bool");
    naive scalar = {.shape = WG_SHAPE(3), .v = {0, 0, 1}}, none = {.shape = WG_SHAPE(2, 0)};
    expect_values(wg_one_hot(wg_from_i32(ctx, WG_SCALAR, (const int32_t[]){2}), 3), &scalar, 0, "one_hot of one index");
    expect_values(wg_one_hot(wg_from_i32(ctx, WG_SHAPE(2), (const int32_t[]){0, 1}), 0), &none, 0,
                  "one_hot of no class");
    for (int64_t count = 0; count < 12; count++) {
        naive steps = {.shape = WG_SHAPE(count)};
        for (int64_t i = 0; i < count; i++)
            steps.v[i] = count > 1 ? (-0.3 * (double)(count - 1 - i) + 0.9 * (double)i) / (double)(count - 1) : -0.3;
        wg_tensor line = wg_linspace(ctx, -0.3, 0.9, count);
        expect_values(line, &steps, wg_default_type(ctx) == WG_F32 ? 1e-6 : 1e-15, "linspace of %lld",
                      (long long)count);
        naive got = naive_of(line);
        bool f32 = wg_default_type(ctx) == WG_F32;
        if (count > 1)
            reference_check(got.v[0] == (f32 ? (double)-0.3f : -0.3) && got.v[count - 1] == (f32 ? (double)0.9f : 0.9),
                            "linspace of %lld misses its ends: %.17g %.17g", (long long)count, got.v[0],
                            got.v[count - 1]);
    }
}

Test(composed, shapes_and_places)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        reference_begin();
        wg_context *ctx = reference_context(type);
        shapes(ctx);
        stacks(ctx);
        places(ctx);
        reference_end(ctx, "shapes and places");
    }
}

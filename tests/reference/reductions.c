/* Reductions over every set of axes, kept and not, of each element type, with gradients, against loops that run over
   the operand and find the place in the result; the error of long sums. */
#include "tests/reference/reference.h"
#include "tests/reference/truth.h"

typedef struct reduction {
    const char *name;
    wg_tensor (*apply)(wg_tensor, wg_axes);
    double start;
    double (*step)(double so_far, double x);
} reduction;

static double step_sum(double s, double x)
{
    return s + x;
}

static double step_prod(double s, double x)
{
    return s * x;
}

static double step_max(double s, double x)
{
    return fmax(s, x);
}

static double step_min(double s, double x)
{
    return fmin(s, x);
}

static double step_any(double s, double x)
{
    return s != 0 || x != 0;
}

static double step_all(double s, double x)
{
    return s != 0 && x != 0;
}

static const reduction r_sum = {"sum", wg_sum, 0, step_sum}, r_prod = {"prod", wg_prod, 1, step_prod};
static const reduction r_max = {"max", wg_max, -INFINITY, step_max}, r_min = {"min", wg_min, INFINITY, step_min};
static const reduction r_any = {"any", wg_any, 0, step_any}, r_all = {"all", wg_all, 1, step_all};

/* The axes of a set, the last half of them counted from the end. */
static wg_axes axes_of(unsigned set, int rank, bool keep)
{
    wg_axes axes = {.keep = keep};
    for (int i = 0; i < rank; i++)
        if (set >> i & 1) axes.axis[axes.count++] = (int8_t)(i >= rank / 2 ? i - rank : i);
    return axes;
}

static wg_shape kept_shape(wg_shape in, unsigned set)
{
    for (int i = 0; i < in.rank; i++)
        if (set >> i & 1) in.dim[i] = 1;
    return in;
}

static wg_shape dropped_shape(wg_shape in, unsigned set)
{
    wg_shape out = {0};
    for (int i = 0; i < in.rank; i++)
        if (!(set >> i & 1)) out.dim[out.rank++] = in.dim[i];
    return out;
}

/* The reduction with its axes kept. */
static naive reduced(const reduction *r, const naive *x, unsigned set)
{
    naive y = {.shape = kept_shape(x->shape, set)};
    for (int64_t i = 0; i < naive_size(&y); i++) y.v[i] = r->start;
    for (int64_t i = 0; i < naive_size(x); i++) {
        double *s = &y.v[naive_source(y.shape, x->shape, i)];
        *s = r->step(*s, x->v[i]);
    }
    return y;
}

/* The gradient of sum(w y) by x: w spread for sums, times the other factors for products, shared among the largest. */
static naive slopes(const reduction *r, const naive *x, const naive *y, const naive *w)
{
    naive g = {.shape = x->shape};
    for (int64_t i = 0; i < naive_size(x); i++) {
        int64_t at = naive_source(y->shape, x->shape, i);
        double others = 1, equals = 0;
        for (int64_t k = 0; k < naive_size(x); k++) {
            if (naive_source(y->shape, x->shape, k) != at) continue;
            if (k != i) others *= x->v[k];
            equals += x->v[k] == y->v[at];
        }
        g.v[i] = w->v[at];
        if (r == &r_prod) g.v[i] *= others;
        if (r == &r_max || r == &r_min) g.v[i] *= x->v[i] == y->v[at] ? 1 / equals : 0;
    }
    return g;
}

static wg_type result_type(const reduction *r, wg_type type)
{
    return r == &r_sum && (type == WG_BOOL || type == WG_I32) ? WG_I64 : type;
}

static void one_case(wg_context *ctx, const reduction *r, wg_type type, wg_shape shape, unsigned set, bool keep)
{
    bool floats = type == WG_F32 || type == WG_F64;
    uint64_t state = 1000 + set;
    naive x = floats ? naive_random(shape, -2, 2, false, &state)
                     : naive_random(shape, type == WG_BOOL ? 0 : -2, type == WG_BOOL ? 2 : 3, true, &state);
    if (set % 3 == 1 && r != &r_prod) /* some equal ones */
        for (int64_t i = 0; i < naive_size(&x); i++) x.v[i] = round(x.v[i]);
    naive y = reduced(r, &x, set), want = y;
    if (!keep) want.shape = dropped_shape(shape, set);
    wg_tensor t = tensor_of(ctx, type, &x), got = r->apply(t, axes_of(set, shape.rank, keep));
    expect_values(got, &want, type == WG_F32 ? 2e-6 : 1e-14, "%s of %s %s over set %u", r->name, wg_type_name(type),
                  shape_name(shape), set);
    reference_check(wg_type_of(got) == result_type(r, type), "%s of %s: type", r->name, wg_type_name(type));
    if (!floats) return;
    naive w = naive_random(y.shape, -1, 1, false, &state), g = slopes(r, &x, &y, &w);
    w.shape = want.shape;
    wg_tensor loss = wg_sum(wg_mul(got, tensor_of(ctx, type, &w)), WG_ALL);
    expect_values(wg_grad(loss, t), &g, type == WG_F32 ? 2e-5 : 1e-12, "gradient of %s of %s over set %u", r->name,
                  shape_name(shape), set);
}

static void every_case(const reduction *r, const wg_type *types, int type_count)
{
    wg_context *ctx = reference_context(WG_F64);
    const wg_shape shapes[] = {{4, {2, 3, 2, 4}}, {4, {1, 3, 1, 2}}, {0, {0}},
                               {1, {7}},          {4, {2, 0, 3, 1}}, {2, {0, 2}}};
    for (int i = 0; i < type_count; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            for (unsigned set = 0; set < 1u << shapes[k].rank; set++)
                for (int keep = 0; keep < 2; keep++) {
                    naive y = {.shape = dropped_shape(shapes[k], set)}, x = {.shape = shapes[k]};
                    bool extreme_of_none = (r == &r_max || r == &r_min) && naive_size(&x) == 0 && naive_size(&y) > 0;
                    if (extreme_of_none) continue; /* an error, tested with the messages */
                    one_case(ctx, r, types[i], shapes[k], set, keep);
                    wg_clear(ctx);
                }
    wg_tensor x = wg_full(ctx, WG_SHAPE(3, 2), 2);
    reference_check(wg_item(r == &r_any || r == &r_all ? wg_all(wg_cast(x, WG_BOOL), WG_ALL) : r->apply(x, WG_ALL)) !=
                        0,
                    "%s over WG_ALL", r->name);
    cr_expect(!wg_failed(ctx), "%s: %s", r->name, wg_error(ctx));
    wg_context_free(ctx);
}

static const wg_type numbers[] = {WG_F32, WG_F64, WG_I32, WG_I64, WG_BOOL};

void reference_sum(void)
{
    every_case(&r_sum, numbers, 5);
}

void reference_prod(void)
{
    every_case(&r_prod, numbers, 4);
}

void reference_max(void)
{
    every_case(&r_max, numbers, 4);
}

void reference_min(void)
{
    every_case(&r_min, numbers, 4);
}

void reference_any(void)
{
    every_case(&r_any, numbers + 4, 1);
}

void reference_all(void)
{
    every_case(&r_all, numbers + 4, 1);
}

/* ---- places ---- */

static void places(wg_tensor (*apply)(wg_tensor, int), double sign, const char *name)
{
    wg_context *ctx = reference_context(WG_F32);
    wg_shape shape = WG_SHAPE(2, 5, 1, 3);
    uint64_t state = 77;
    for (int i = 0; i < 4; i++)
        for (int axis = -4; axis < 4; axis++) {
            naive x = naive_random(shape, -3, 3, true, &state);
            unsigned set = 1u << (axis & 3);
            naive want = {.shape = kept_shape(shape, set)}, best = want;
            for (int64_t k = naive_size(&x); k-- > 0;) { /* backwards, so that the first one is found last */
                int64_t at = naive_source(want.shape, shape, k), index[WG_MAX_RANK];
                naive_index(shape, k, index);
                bool last = index[axis & 3] == shape.dim[axis & 3] - 1;
                if (!last && sign * x.v[k] < sign * best.v[at]) continue;
                best.v[at] = x.v[k];
                want.v[at] = (double)index[axis & 3];
            }
            want.shape = dropped_shape(shape, set);
            wg_tensor y = apply(tensor_of(ctx, numbers[i], &x), axis);
            expect_values(y, &want, 0, "%s of %s along %d", name, wg_type_name(numbers[i]), axis);
            reference_check(wg_type_of(y) == WG_I64, "%s: type", name);
        }
    const float with_nan[] = {3, NAN, 9, NAN, -INFINITY, INFINITY, INFINITY, 1, -INFINITY};
    naive want = {.shape = WG_SHAPE(3), .v = {1, 0, sign > 0 ? 0 : 2}};
    expect_values(apply(wg_from_f32(ctx, WG_SHAPE(3, 3), with_nan), 1), &want, 0, "%s with NaN and infinities", name);
    naive none = {.shape = WG_SHAPE(0)};
    expect_values(apply(wg_zeros(ctx, WG_SHAPE(0, 3)), 1), &none, 0, "%s of empty rows", name);
    cr_expect(!wg_failed(ctx), "%s: %s", name, wg_error(ctx));
    wg_context_free(ctx);
}

void reference_argmax(void)
{
    places(wg_argmax, 1, "argmax");
}

void reference_argmin(void)
{
    places(wg_argmin, -1, "argmin");
}

/* ---- accuracy ---- */

/* Sums and products of numbers of one sign, where nothing cancels, are as near as the row says. */
Test(reductions, stated_accuracy)
{
    enum { ROWS = 1 << 12, TERMS = 100 };
    static float x[ROWS * TERMS];
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    uint64_t state = 97;
    for (int i = 0; i < ROWS * TERMS; i++) x[i] = (float)exp2(reference_uniform(&state, -1.2, 1.2));
    wg_tensor t = wg_borrow_f32(ctx, WG_SHAPE(ROWS, TERMS), x);
    const float *sums = wg_values_f32(wg_sum(t, WG_AXES(1))), *products = wg_values_f32(wg_prod(t, WG_AXES(1)));
    double worst_sum = 0, worst_product = 0;
    for (int row = 0; sums && products && row < ROWS; row++) {
        double sum = 0, product = 1;
        for (int i = TERMS; i-- > 0;) {
            sum += (double)x[row * TERMS + i];
            product *= (double)x[row * TERMS + i];
        }
        worst_sum = fmax(worst_sum, ulp_f32(sums[row], sum));
        worst_product = fmax(worst_product, ulp_f32(products[row], product));
    }
    reference_check(worst_sum > 0 && worst_sum <= row_named("sum")->numerics.ulp, "sum: %.3f ulp", worst_sum);
    reference_check(worst_product > 0 && worst_product <= row_named("prod")->numerics.ulp, "prod: %.3f ulp",
                    worst_product);
    reference_end(ctx, "accuracy of reductions");
}

/* ---- long sums ---- */

/* Blocked pairwise summation of n terms of one sign errs by at most (block + log2 n) eps relatively in its own
   arithmetic, and one rounding to f32: 0.6 of an f32 eps is far above that and far below what a running f32 sum loses
   (8 % here). */
Test(reductions, long_sums)
{
    enum { MANY = 10000000 };
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor tenths = wg_full(ctx, WG_SHAPE(MANY), 0.1);
    double want = (double)0.1f * MANY, got = wg_item(wg_sum(tenths, WG_ALL));
    reference_check(fabs(got - want) <= 0.6 * 0x1p-23 * want, "the sum of 1e7 tenths is %.9g, not %.9g", got, want);
    double mean = wg_item(wg_mean(tenths, WG_ALL));
    reference_check(fabs(mean - (double)0.1f) <= 1.2 * 0x1p-23 * 0.1, "the mean of 1e7 tenths is %.9g", mean);
    double variance =
        wg_item(wg_var(wg_add_scalar(wg_random_uniform(ctx, WG_F32, WG_SHAPE(1 << 20)), 4096), WG_ALL, 0));
    reference_check(fabs(variance - 1. / 12) < 1e-3, "the variance far from 0 is %.9g", variance);
    wg_tensor f64 = wg_full_typed(ctx, WG_F64, WG_SHAPE(MANY), 0.1);
    long double exact = (long double)0.1 * MANY;
    double sum = wg_item(wg_sum(f64, WG_ALL));
    reference_check(fabs(sum - (double)exact) <= 64 * 0x1p-53 * (double)exact, "in f64: %.17g", sum);
    wg_tensor column = wg_sum(wg_reshape(tenths, WG_SHAPE(MANY / 4, 4)), WG_AXES(0));
    const float *columns = wg_values_f32(column);
    for (int i = 0; columns && i < 4; i++)
        reference_check(fabs((double)columns[i] - want / 4) <= 0.6 * 0x1p-23 * want / 4, "column %d: %.9g", i,
                        (double)columns[i]);
    wg_tensor ones = wg_cast(tenths, WG_BOOL);
    reference_check(wg_item(wg_sum(ones, WG_ALL)) == MANY, "the sum of 1e7 bools");
    wg_tensor large = wg_full_typed(ctx, WG_I32, WG_SHAPE(1000), INT32_MAX);
    reference_check(wg_item(wg_sum(large, WG_ALL)) == 1000. * INT32_MAX, "a sum of i32 beyond i32");
    reference_end(ctx, "long sums");
}

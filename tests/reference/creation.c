/* Tensors out of nothing, conversions, choices; and what random numbers must look like. */
#include "tests/reference/reference.h"

#include <float.h>

void reference_full(void)
{
    wg_context *ctx = reference_context(WG_F32);
    static const wg_shape shapes[] = {{0, {0}}, {1, {0}}, {3, {2, 1, 3}}};
    static const struct {
        wg_type type;
        double given, want;
    } cases[] = {{WG_F32, 1.5, 1.5},           {WG_F64, 0.1, 0.1}, {WG_I32, -7, -7},
                 {WG_I64, 4e9, 4e9},           {WG_BOOL, 1, 1},    {WG_U8, 200, 200},
                 {WG_F32, INFINITY, INFINITY}, {WG_F64, NAN, NAN}, {WG_DEFAULT, 2, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            naive want = {.shape = shapes[s]};
            for (int64_t i = 0; i < naive_size(&want); i++) want.v[i] = cases[k].want;
            wg_tensor y = wg_full_typed(ctx, cases[k].type, shapes[s], cases[k].given);
            expect_values(y, &want, 0, "full of %s %s", wg_type_name(cases[k].type), shape_name(shapes[s]));
            expect_values(wg_full_like(y, cases[k].given), &want, 0, "full_like");
            reference_check(wg_type_of(y) == (cases[k].type ? cases[k].type : WG_F32), "full: type");
        }
        naive ones = {.shape = shapes[s], .v = {1, 1, 1, 1, 1, 1}}, zeros = {.shape = shapes[s]};
        expect_values(wg_ones(ctx, shapes[s]), &ones, 0, "ones");
        expect_values(wg_zeros(ctx, shapes[s]), &zeros, 0, "zeros");
        expect_values(wg_zeros_like(wg_ones(ctx, shapes[s])), &zeros, 0, "zeros_like");
        expect_values(wg_full(ctx, shapes[s], 1), &ones, 0, "full");
    }
    reference_check(wg_item(wg_scalar(ctx, 2.5)) == 2.5, "scalar");
    cr_expect(!wg_failed(ctx), "full: %s", wg_error(ctx));
    wg_context_free(ctx);
}

void reference_iota(void)
{
    static const wg_shape shapes[] = {{1, {5}}, {3, {2, 3, 4}}, {2, {1, 1}}, {2, {0, 3}}};
    wg_context *ctx = reference_context(WG_F32);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int axis = -shapes[s].rank; axis < shapes[s].rank; axis++)
            for (wg_type type = WG_F32; type <= WG_I64; type++) {
                naive want = {.shape = shapes[s]};
                for (int64_t i = 0; i < naive_size(&want); i++) {
                    int64_t index[WG_MAX_RANK];
                    naive_index(want.shape, i, index);
                    want.v[i] = (double)index[(axis + want.shape.rank) % want.shape.rank];
                }
                wg_tensor y = wg_iota(ctx, type, shapes[s], axis);
                expect_values(y, &want, 0, "iota of %s %s along %d", wg_type_name(type), shape_name(shapes[s]), axis);
                reference_check(wg_type_of(y) == type, "iota: type");
            }
    cr_expect(!wg_failed(ctx), "iota: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* ---- cast ---- */

/* Everything that a double can hold, as each type: C's conversions where they are defined, else what the row says. */
static const double floats[] = {
    0,          -0.0,       0.5,          -0.5,          0.99,          -0.99, 1,       -1,       1.5,
    2.5,        254.9,      255,          255.5,         256,           -256,  1e4,     -1e4,     16777217,
    2147483646, 2147483647, 2147483648.0, -2147483648.0, -2147483649.0, 4e9,   9.2e18,  0x1p63,   -0x1p63,
    -0x1.8p63,  1e19,       -1e19,        1e30,          -1e30,         1e300, FLT_MAX, -FLT_MAX, 1e-40,
    1e-310,     INFINITY,   -INFINITY,    NAN,
};
static const int64_t wholes[] = {0,
                                 1,
                                 -1,
                                 2,
                                 127,
                                 128,
                                 255,
                                 256,
                                 257,
                                 -128,
                                 -129,
                                 65535,
                                 16777217,
                                 INT32_MAX,
                                 (int64_t)INT32_MAX + 1,
                                 INT32_MIN,
                                 (int64_t)INT32_MIN - 1,
                                 INT64_MAX,
                                 INT64_MIN,
                                 ((int64_t)1 << 53) + 1,
                                 ((int64_t)1 << 62) + 255};
enum { FLOATS = sizeof floats / sizeof *floats, WHOLES = sizeof wholes / sizeof *wholes };

static double clamped(double x, double low, double high)
{
    return isnan(x) ? 0 : x < low ? low : x > high ? high : trunc(x);
}

static double float_cast(double x, wg_type to)
{
    switch (to) {
    case WG_F32:
        return (double)(float)x;
    case WG_I32:
        return clamped(x, INT32_MIN, INT32_MAX);
    case WG_I64:
        return clamped(x, -0x1p63, 0x1p63);
    case WG_BOOL:
        return isnan(x) || fabs(x) > 0;
    case WG_U8:
        return clamped(x, 0, 255);
    default:
        return x;
    }
}

/* Integers keep their low bits, as two's complement does. */
static double whole_cast(int64_t x, wg_type to)
{
    uint64_t u = (uint64_t)x;
    switch (to) {
    case WG_F32:
        return (double)(float)x;
    case WG_I32:
        return (double)((int64_t)(u & 0x7fffffff) - (int64_t)(u & 0x80000000));
    case WG_BOOL:
        return x ? 1 : 0;
    case WG_U8:
        return (double)(u % 256);
    default:
        return (double)x;
    }
}

/* Reads as doubles, which lose the end of i64: those are compared as they are below. */
static void casts_of(wg_context *ctx, wg_tensor x, const double *want, wg_type to)
{
    naive expected = {.shape = wg_shape_of(x)};
    memcpy(expected.v, want, (size_t)naive_size(&expected) * sizeof *want);
    wg_tensor y = wg_cast(x, to);
    expect_values(y, &expected, 0, "cast of %s to %s", wg_type_name(wg_type_of(x)), wg_type_name(to));
    reference_check(wg_type_of(y) == to, "cast of %s to %s: type", wg_type_name(wg_type_of(x)), wg_type_name(to));
    cr_expect(!wg_failed(ctx), "cast: %s", wg_error(ctx));
}

static void cast_bounds(wg_context *ctx)
{
    const double ends[] = {0x1p63, 1e30, INFINITY, -0x1p63, -INFINITY, 9223372036854774784.0};
    const int64_t want[] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_C(9223372036854774784)};
    int64_t got[6];
    cr_expect(wg_read_i64(wg_cast(wg_borrow_f64(ctx, WG_SHAPE(6), ends), WG_I64), got, 6));
    for (int i = 0; i < 6; i++)
        reference_check(got[i] == want[i], "cast of %g to i64: %lld", ends[i], (long long)got[i]);
    cr_expect(wg_read_i64(wg_cast(wg_from_i32(ctx, WG_SHAPE(2), (const int32_t[]){INT32_MIN, -1}), WG_I64), got, 2));
    reference_check(got[0] == INT32_MIN && got[1] == -1, "cast of i32 to i64");
}

void reference_cast(void)
{
    wg_context *ctx = reference_context(WG_F32);
    double want[64];
    float narrow[FLOATS];
    int32_t small[WHOLES];
    uint8_t bytes[256];
    bool flags[2] = {false, true};
    for (int i = 0; i < FLOATS; i++) narrow[i] = (float)floats[i];
    for (int i = 0; i < WHOLES; i++) small[i] = (int32_t)whole_cast(wholes[i], WG_I32);
    for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    for (wg_type to = WG_F32; to < WG_TYPES; to++) {
        for (int i = 0; i < FLOATS; i++) want[i] = float_cast(floats[i], to);
        casts_of(ctx, wg_borrow_f64(ctx, WG_SHAPE(FLOATS), floats), want, to);
        for (int i = 0; i < FLOATS; i++) want[i] = float_cast((double)narrow[i], to);
        casts_of(ctx, wg_borrow_f32(ctx, WG_SHAPE(FLOATS), narrow), want, to);
        for (int i = 0; i < WHOLES; i++) want[i] = whole_cast(wholes[i], to);
        casts_of(ctx, wg_from_i64(ctx, WG_SHAPE(WHOLES), wholes), want, to);
        for (int i = 0; i < WHOLES; i++) want[i] = whole_cast(small[i], to);
        casts_of(ctx, wg_from_i32(ctx, WG_SHAPE(WHOLES), small), want, to);
        casts_of(ctx, wg_from_bool(ctx, WG_SHAPE(2), flags), (const double[]){0, 1}, to);
        double all[256];
        for (int i = 0; i < 256; i++) all[i] = whole_cast(i, to);
        casts_of(ctx, wg_from_u8(ctx, WG_SHAPE(16, 16), bytes), all, to);
        casts_of(ctx, wg_from_u8(ctx, WG_SHAPE(2, 0), bytes), all, to);
    }
    cast_bounds(ctx);
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(2), (const float[]){1, 2});
    naive one = {.shape = WG_SHAPE(2), .v = {1, 1}};
    expect_values(wg_grad(wg_sum(wg_cast(x, WG_F64), WG_ALL), x), &one, 0, "the gradient of a cast");
    reference_check(wg_type_of(wg_grad(wg_sum(wg_cast(x, WG_F64), WG_ALL), x)) == WG_F32, "its type");
    wg_context_free(ctx);
}

/* ---- where, stop_gradient, assign ---- */

void reference_where(void)
{
    uint64_t state = 53;
    for (wg_type type = WG_F32; type <= WG_U8; type++) {
        wg_context *ctx = reference_context(WG_F64);
        wg_shape shape = WG_SHAPE(2, 1, 5);
        naive c = naive_random(shape, 0, 2, true, &state), a = naive_random(shape, 0, 2, true, &state);
        naive b = naive_random(shape, 0, 2, true, &state), want = {.shape = shape};
        for (int64_t i = 0; i < naive_size(&c); i++) want.v[i] = c.v[i] != 0 ? a.v[i] : b.v[i];
        wg_tensor y = wg_where(tensor_of(ctx, WG_BOOL, &c), tensor_of(ctx, type, &a), tensor_of(ctx, type, &b));
        expect_values(y, &want, 0, "where of %s", wg_type_name(type));
        reference_check(wg_type_of(y) == type, "where of %s: type", wg_type_name(type));
        cr_expect(!wg_failed(ctx), "where: %s", wg_error(ctx));
        wg_context_free(ctx);
    }
}

void reference_stop_gradient(void)
{
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 59;
    for (wg_type type = WG_F32; type <= WG_U8; type++) {
        naive x = naive_random(WG_SHAPE(2, 3), 0, 2, true, &state);
        wg_tensor y = wg_stop_gradient(tensor_of(ctx, type, &x));
        expect_values(y, &x, 0, "stop_gradient of %s", wg_type_name(type));
    }
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){3, -2});
    naive want = {.shape = WG_SHAPE(2), .v = {3, -2}};
    wg_tensor y = wg_sum(wg_mul(wg_stop_gradient(x), x), WG_ALL);
    expect_values(wg_grad(y, x), &want, 0, "stop_gradient in a product");
    cr_expect(!wg_failed(ctx), "stop_gradient: %s", wg_error(ctx));
    wg_context_free(ctx);
}

void reference_assign(void)
{
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor v = wg_variable(ctx, "v", wg_from_f32(ctx, WG_SHAPE(2), (const float[]){1, 2}));
    naive before = {.shape = WG_SHAPE(2), .v = {1, 2}}, after = {.shape = WG_SHAPE(2), .v = {2, 4}};
    wg_tensor old = wg_neg(wg_neg(v));
    wg_assign(v, wg_add(v, v));
    cr_expect(wg_eval(WG_LIST(old, v)));
    expect_values(old, &before, 0, "the value before an assign");
    expect_values(v, &after, 0, "the value after an assign");
    wg_clear(ctx);
    expect_values(v, &after, 0, "the value after wg_clear");
    cr_expect(!wg_failed(ctx), "assign: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* ---- random numbers ---- */

enum { DRAWS = 1 << 20 };

/* The moments of u uniform in [0, 1), a chi-square test over 256 cells, and the correlation of neighbours, each within
   5 standard deviations of what it must be: with a fixed seed the outcome never changes. */
static void uniformity(const double *u)
{
    static double cells[256];
    double sum = 0, squares = 0, cubes = 0, product = 0, chi = 0;
    memset(cells, 0, sizeof cells);
    for (int i = 0; i < DRAWS; i++) {
        reference_check(u[i] >= 0 && u[i] < 1, "a draw is %g", u[i]);
        sum += u[i];
        squares += u[i] * u[i];
        cubes += u[i] * u[i] * u[i];
        if (i > 0) product += (u[i] - 0.5) * (u[i - 1] - 0.5);
        cells[(int)(u[i] * 256) & 255]++;
    }
    for (int i = 0; i < 256; i++) chi += pow(cells[i] - DRAWS / 256., 2) / (DRAWS / 256.);
    double root = sqrt((double)DRAWS);
    reference_check(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1. / 12) / root, "mean %g", sum / DRAWS);
    reference_check(fabs(squares / DRAWS - 1. / 3) < 5 * sqrt(4. / 45) / root, "second moment %g", squares / DRAWS);
    reference_check(fabs(cubes / DRAWS - 0.25) < 5 * sqrt(9. / 112) / root, "third moment %g", cubes / DRAWS);
    reference_check(fabs(product / DRAWS) < 5 / 12. / root, "neighbours correlate: %g", product / DRAWS);
    reference_check(fabs(chi - 255) < 5 * sqrt(2 * 255.), "chi-square %g over 256 cells", chi);
}

static double correlation(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) sum += (a[i] - 0.5) * (b[i] - 0.5) * 12;
    return sum / DRAWS;
}

/* Whole multiples of 2^-bits, and not of any coarser grid. */
static void grid(const double *u, int bits)
{
    bool odd = false;
    for (int i = 0; i < DRAWS; i++) {
        double scaled = ldexp(u[i], bits);
        reference_check(scaled == floor(scaled), "a draw has more than %d bits", bits);
        odd |= fmod(scaled, 2) == 1;
    }
    reference_check(odd, "draws have fewer than %d bits", bits);
}

void reference_random_uniform(void)
{
    static double a[DRAWS], b[DRAWS], again[DRAWS];
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        wg_context *ctx = reference_context(type);
        wg_tensor x = wg_random_uniform(ctx, type, WG_SHAPE(DRAWS / 4, 4)),
                  y = wg_random_uniform(ctx, type, WG_SHAPE(DRAWS));
        cr_expect(wg_read_f64(x, a, DRAWS) && wg_read_f64(y, b, DRAWS) && wg_read_f64(x, again, DRAWS));
        uniformity(a);
        uniformity(b);
        grid(a, type == WG_F32 ? 24 : 53);
        reference_check(memcmp(a, again, sizeof a) == 0, "reading twice gives other numbers");
        reference_check(fabs(correlation(a, b)) < 5 / sqrt((double)DRAWS), "two draws correlate: %g",
                        correlation(a, b));
        wg_context_free(ctx);
        ctx = reference_context(type);
        cr_expect(wg_read_f64(wg_random_uniform(ctx, type, WG_SHAPE(DRAWS)), again, DRAWS));
        reference_check(memcmp(a, again, sizeof a) == 0, "the same seed gives other numbers");
        wg_context_free(ctx);
        ctx = wg_context_new(&(wg_context_options){.type = type, .seed = UINT64_C(20) | UINT64_C(1) << 40});
        cr_expect(wg_read_f64(wg_random_uniform(ctx, type, WG_SHAPE(DRAWS)), again, DRAWS));
        reference_check(fabs(correlation(a, again)) < 5 / sqrt((double)DRAWS), "two seeds correlate");
        reference_check(wg_size(wg_random_uniform(ctx, type, WG_SHAPE(0, 3))) == 0, "no draws");
        wg_context_free(ctx);
    }
}

/* Normal draws through their moments and the distribution function, Bernoulli ones through their mean. */
Test(creation, distributions)
{
    static double z[DRAWS], u[DRAWS];
    static bool flags[DRAWS];
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    double root = sqrt((double)DRAWS), sum = 0, squares = 0, cubes = 0, fourth = 0;
    cr_expect(wg_read_f64(wg_normal(ctx, WG_SHAPE(DRAWS)), z, DRAWS));
    for (int i = 0; i < DRAWS; i++) {
        reference_check(isfinite(z[i]), "a normal draw is %g", z[i]);
        sum += z[i];
        squares += z[i] * z[i];
        cubes += pow(z[i], 3);
        fourth += pow(z[i], 4);
        u[i] = fmin(erfc(-z[i] / sqrt(2)) / 2, 1 - 0x1p-53);
    }
    reference_check(fabs(sum / DRAWS) < 5 / root, "normal: mean %g", sum / DRAWS);
    reference_check(fabs(squares / DRAWS - 1) < 5 * sqrt(2) / root, "normal: variance %g", squares / DRAWS);
    reference_check(fabs(cubes / DRAWS) < 5 * sqrt(15) / root, "normal: third moment %g", cubes / DRAWS);
    reference_check(fabs(fourth / DRAWS - 3) < 5 * sqrt(96) / root, "normal: fourth moment %g", fourth / DRAWS);
    uniformity(u);
    static const double chances[] = {0, 0.1, 0.5, 0.999, 1};
    for (size_t k = 0; k < sizeof chances / sizeof *chances; k++) {
        double p = chances[k], hits = 0;
        cr_expect(wg_read_bool(wg_bernoulli(ctx, WG_SHAPE(DRAWS), p), flags, DRAWS));
        for (int i = 0; i < DRAWS; i++) hits += flags[i];
        reference_check(fabs(hits / DRAWS - p) <= 5 * sqrt(p * (1 - p)) / root, "bernoulli(%g): %g", p, hits / DRAWS);
    }
    cr_expect(wg_read_f64(wg_uniform(ctx, WG_SHAPE(DRAWS), -3, 5), u, DRAWS));
    for (int i = 0; i < DRAWS; i++) {
        reference_check(u[i] >= -3 && u[i] < 5, "uniform(-3, 5): %g", u[i]);
        u[i] = (u[i] + 3) / 8;
    }
    uniformity(u);
    wg_tensor like = wg_cast(wg_zeros(ctx, WG_SHAPE(2, 3)), WG_F32);
    reference_check(wg_type_of(wg_normal_like(like)) == WG_F32 && wg_type_of(wg_uniform_like(like, 0, 1)) == WG_F32 &&
                        wg_shape_equal(wg_shape_of(wg_normal_like(like)), WG_SHAPE(2, 3)),
                    "normal_like and uniform_like take type and shape");
    reference_end(ctx, "distributions");
}

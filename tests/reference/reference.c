/* Checks that count, and plain arrays: see reference.h. */
#include "tests/reference/reference.h"

#include <stdarg.h>

enum { PRINTED = 12 };

static long checks, failures;

void reference_check(bool passed, const char *format, ...)
{
    checks++;
    if (passed) return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (++failures <= PRINTED) cr_expect(false, "%s", text);
}

long reference_count(void)
{
    return checks;
}

void reference_begin(void)
{
    checks = failures = 0;
}

void reference_end(wg_context *ctx, const char *what)
{
    cr_expect(!wg_failed(ctx), "%s: %s", what, wg_error(ctx));
    cr_expect(checks > 0, "%s: 0 checks ran", what);
    if (failures > PRINTED) cr_expect(false, "%s: %ld failures in all", what, failures);
    wg_context_free(ctx);
}

wg_context *reference_context(wg_type type)
{
    return wg_context_new(&(wg_context_options){.type = type, .seed = 20, .threads = 1});
}

/* ---- chance ---- */

uint64_t reference_bits(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

double reference_uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * ((double)(reference_bits(state) >> 11) * 0x1p-53);
}

/* ---- plain arrays ---- */

void naive_index(wg_shape shape, int64_t place, int64_t index[WG_MAX_RANK])
{
    for (int i = shape.rank - 1; i >= 0; i--) {
        index[i] = place % shape.dim[i];
        place /= shape.dim[i];
    }
}

int64_t naive_place(wg_shape shape, const int64_t index[WG_MAX_RANK])
{
    int64_t place = 0;
    for (int i = 0; i < shape.rank; i++) place = place * shape.dim[i] + index[i];
    return place;
}

naive naive_random(wg_shape shape, double low, double high, bool whole, uint64_t *state)
{
    naive a = {.shape = shape};
    cr_assert_leq(naive_size(&a), NAIVE_SIZE);
    for (int64_t i = 0; i < naive_size(&a); i++) {
        double x = reference_uniform(state, low, high);
        a.v[i] = whole ? floor(x) : (double)(float)x; /* the same in f32 and f64 */
    }
    return a;
}

wg_shape naive_wide(wg_shape a, wg_shape b)
{
    wg_shape wide = a.rank >= b.rank ? a : b, other = a.rank >= b.rank ? b : a;
    for (int i = 0; i < other.rank; i++) {
        int64_t *length = &wide.dim[wide.rank - other.rank + i];
        if (*length == 1) *length = other.dim[i];
    }
    return wide;
}

int64_t naive_source(wg_shape from, wg_shape to, int64_t at)
{
    int64_t wide[WG_MAX_RANK], index[WG_MAX_RANK];
    naive_index(to, at, wide);
    for (int i = 0; i < from.rank; i++) index[i] = from.dim[i] == 1 ? 0 : wide[to.rank - from.rank + i];
    return naive_place(from, index);
}

wg_tensor tensor_of(wg_context *ctx, wg_type type, const naive *a)
{
    int32_t i32[NAIVE_SIZE];
    int64_t i64[NAIVE_SIZE];
    bool flag[NAIVE_SIZE];
    uint8_t u8[NAIVE_SIZE];
    int64_t size = naive_size(a);
    if (type == WG_F32 || type == WG_F64) {
        wg_tensor x = wg_from_f64(ctx, a->shape, a->v);
        return wg_type_of(x) == type ? x : wg_cast(x, type);
    }
    for (int64_t i = 0; i < size; i++) {
        i64[i] = (int64_t)a->v[i];
        i32[i] = (int32_t)i64[i];
        flag[i] = a->v[i] != 0;
        u8[i] = (uint8_t)i64[i];
    }
    if (type == WG_I32) return wg_from_i32(ctx, a->shape, i32);
    if (type == WG_I64) return wg_from_i64(ctx, a->shape, i64);
    if (type == WG_U8) return wg_from_u8(ctx, a->shape, u8);
    return wg_from_bool(ctx, a->shape, flag);
}

naive naive_of(wg_tensor x)
{
    naive a = {.shape = wg_shape_of(x)};
    int32_t i32[NAIVE_SIZE];
    int64_t i64[NAIVE_SIZE];
    bool flag[NAIVE_SIZE];
    uint8_t u8[NAIVE_SIZE];
    size_t size = (size_t)wg_size(x);
    wg_type type = wg_type_of(x);
    bool fine = size <= NAIVE_SIZE;
    if (fine && (type == WG_F32 || type == WG_F64)) fine = wg_read_f64(x, a.v, size);
    if (fine && type == WG_I32) fine = wg_read_i32(x, i32, size);
    if (fine && type == WG_I64) fine = wg_read_i64(x, i64, size);
    if (fine && type == WG_BOOL) fine = wg_read_bool(x, flag, size);
    if (fine && type == WG_U8) fine = wg_read_u8(x, u8, size);
    cr_expect(fine && type != WG_DEFAULT, "a tensor of %s %s cannot be read: %s", wg_type_name(type),
              shape_name(a.shape), wg_error(x.context));
    if (!fine || type == WG_DEFAULT) return (naive){.shape = {.rank = -1}};
    for (size_t i = 0; i < size; i++) {
        if (type == WG_I32) a.v[i] = i32[i];
        if (type == WG_I64) a.v[i] = (double)i64[i];
        if (type == WG_BOOL) a.v[i] = flag[i];
        if (type == WG_U8) a.v[i] = u8[i];
    }
    return a;
}

static bool agree(double got, double want, double tolerance)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= tolerance * (1 + fabs(want));
}

void expect_values(wg_tensor got, const naive *want, double tolerance, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    bool shaped = wg_shape_equal(wg_shape_of(got), want->shape) && !wg_failed(got.context);
    reference_check(shaped, "%s: shape %s, not %s; %s", what, shape_name(wg_shape_of(got)), shape_name(want->shape),
                    wg_error(got.context));
    if (!shaped) return;
    naive a = naive_of(got);
    for (int64_t i = 0; i < naive_size(want) && a.shape.rank >= 0; i++)
        reference_check(agree(a.v[i], want->v[i], tolerance), "%s: element %lld is %.9g, not %.9g", what, (long long)i,
                        a.v[i], want->v[i]);
}

void expect_gradcheck(wg_tensor y, wg_list xs, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    wg_gradcheck_report report = wg_gradcheck(y, xs, NULL);
    reference_check(report.complete && report.leaf_count == xs.count, "%s: the gradient check stopped: %s", what,
                    wg_error(y.context));
    for (size_t i = 0; report.complete && i < report.listed; i++) {
        const wg_gradcheck_leaf *leaf = &report.leaves[i];
        reference_check(leaf->passed && leaf->samples + leaf->kinks == wg_size(xs.items[i]) &&
                            leaf->kinks <= leaf->samples,
                        "%s: operand %zu: worst error %.3g at %lld, %.12g should be %.12g; %lld samples, %lld kinks",
                        what, i, leaf->worst_error, (long long)leaf->worst_sample, leaf->analytic, leaf->numeric,
                        (long long)leaf->samples, (long long)leaf->kinks);
    }
    reference_check(report.passed, "%s: the gradient check fails at y = %g", what, report.value);
}

wg_tensor weighted_sum(wg_tensor y, uint64_t seed)
{
    uint64_t state = 0x9E3779B97F4A7C15u + seed;
    naive w = naive_random(wg_shape_of(y), 0.5, 1.5, false, &state);
    for (int64_t i = 0; i < naive_size(&w); i++)
        if (reference_bits(&state) >> 63) w.v[i] = -w.v[i];
    return wg_sum(wg_mul(y, tensor_of(y.context, wg_type_of(y), &w)), WG_ALL);
}

const char *shape_name(wg_shape shape)
{
    static char texts[4][160];
    static int next;
    char *text = texts[next++ % 4];
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < shape.rank; i++)
        used += (size_t)snprintf(text + used, 160 - used, i ? ", %lld" : "%lld", (long long)shape.dim[i]);
    text[used] = ']';
    text[used + 1] = '\0';
    return text;
}

const wg_op *row_named(const char *name)
{
    for (size_t i = 0; i < wg_op_count(); i++)
        if (strcmp(wg_op_at(i)->name, name) == 0) return wg_op_at(i);
    return NULL;
}

bool reference_without_lapack(void)
{
#ifdef WG_TEST_LAPACK
    return false;
#else
    return true;
#endif
}

bool row_is_there(const wg_op *op)
{
    wg_context *ctx = reference_context(WG_F32);
    bool there = !op->sample || op->sample(ctx).id || wg_error_status(ctx) != WG_UNSUPPORTED;
    wg_context_free(ctx);
    reference_check(there || reference_without_lapack(), "%s is left out", op->name);
    return there;
}

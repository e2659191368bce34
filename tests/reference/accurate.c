/* Forward values of the element-wise rows against libm: in f32 within the accuracy that the row states, in f64 within 2
   units of the last place (exactly rounded where the row says so), with C99's NaNs, infinities and signed zeros.
   WG_TEST_ULP=1 prints what was measured. */
#include "tests/reference/points.h"
#include "tests/reference/reference.h"
#include "tests/reference/truth.h"

enum { POINTS_F32 = 1 << 20, POINTS_F64 = 1 << 18 };

/* What the truth itself may be off: a unit of double in f32, some rounding of long double in f64. */
static const double blur_f32 = 1e-6, blur_f64 = 2e-3;

typedef struct worst {
    double ulp, a, b, got;
} worst;

static void note(worst *w, double ulp, double a, double b, double got)
{
    if (ulp > w->ulp) *w = (worst){ulp, a, b, got};
}

static double limit_f32(const wg_op *op)
{
    return op->numerics.ulp > 0 ? op->numerics.ulp + blur_f32 : 0;
}

static double limit_f64(const wg_op *op)
{
    return op->numerics.ulp > 0.5 ? 2 : op->numerics.ulp > 0 ? 0.5 + blur_f64 : 0;
}

static void judge(const worst *w, const wg_op *op, const char *type, double limit)
{
    reference_check(w->ulp <= limit, "%s in %s: %.3f ulp where %.3f is stated: at %.9g (%a), %.9g (%a) it gives %.9g",
                    op->name, type, w->ulp, limit, w->a, w->a, w->b, w->b, w->got);
    if (getenv("WG_TEST_ULP")) fprintf(stderr, "%-12s %s %.3f at %.9g %.9g\n", op->name, type, w->ulp, w->a, w->b);
}

/* Of two zeros that are equal, maximum and minimum may give either. */
static bool either_zero(const wg_op *op, double a, double b)
{
    return a == 0 && b == 0 && (strcmp(op->name, "maximum") == 0 || strcmp(op->name, "minimum") == 0);
}

/* ---- one operand ---- */

static void unary_f32(wg_context *ctx, const wg_op *op, const truth *t, const float *x, double limit)
{
    wg_tensor y = t->apply1(wg_borrow_f32(ctx, WG_SHAPE(POINTS_F32), x));
    worst w = {-1, 0, 0, 0};
    if (t->to_bool) {
        static bool flags[POINTS_F32];
        cr_expect(wg_read_bool(y, flags, POINTS_F32));
        for (size_t i = 0; i < POINTS_F32; i++)
            note(&w, flags[i] == (t->f1((double)x[i]) != 0) ? 0 : INFINITY, (double)x[i], 0, flags[i]);
    } else {
        const float *got = wg_values_f32(y);
        for (size_t i = 0; got && i < POINTS_F32; i++)
            note(&w, ulp_f32(got[i], t->f1((double)x[i])), (double)x[i], 0, (double)got[i]);
    }
    reference_check(w.ulp >= 0, "%s in f32: nothing was computed: %s", op->name, wg_error(ctx));
    judge(&w, op, "f32", limit);
}

static void unary_f64(wg_context *ctx, const wg_op *op, const truth *t, const double *x)
{
    wg_tensor y = t->apply1(wg_borrow_f64(ctx, WG_SHAPE(POINTS_F64), x));
    worst w = {-1, 0, 0, 0};
    if (t->to_bool) {
        static bool flags[POINTS_F64];
        cr_expect(wg_read_bool(y, flags, POINTS_F64));
        for (size_t i = 0; i < POINTS_F64; i++)
            note(&w, flags[i] == (t->f1(x[i]) != 0) ? 0 : INFINITY, x[i], 0, flags[i]);
    } else {
        const double *got = wg_values_f64(y);
        for (size_t i = 0; got && i < POINTS_F64; i++)
            note(&w, ulp_f64(got[i], t->f1_long((long double)x[i])), x[i], 0, got[i]);
    }
    reference_check(w.ulp >= 0, "%s in f64: nothing was computed: %s", op->name, wg_error(ctx));
    judge(&w, op, "f64", limit_f64(op));
}

Test(accurate, unary_f32)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    float *x = malloc(POINTS_F32 * sizeof *x);
    points_f32(x, POINTS_F32, 7);
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const truth *t = truth_of(op->name);
        if (!op->elementwise || op->arity != 1) continue;
        reference_check(t && t->apply1, "%s has no reference", op->name);
        if (t && t->apply1 && !t->logic) unary_f32(ctx, op, t, x, limit_f32(op));
        wg_clear(ctx);
    }
    free(x);
    reference_end(ctx, "unary rows in f32");
}

/* With the option, planned and plain. */
Test(accurate, precise_f32)
{
    float *x = malloc(POINTS_F32 * sizeof *x);
    points_f32(x, POINTS_F32, 13);
    for (int plain = 0; plain < 2; plain++) {
        reference_begin();
        wg_context *ctx = wg_context_new(&(wg_context_options){.precise = true, .plain = plain});
        for (size_t i = 0; i < wg_op_count(); i++) {
            const wg_op *op = wg_op_at(i);
            if (!op->elementwise || op->numerics.ulp <= 1) continue;
            unary_f32(ctx, op, truth_of(op->name), x, 1);
            wg_clear(ctx);
        }
        reference_end(ctx, "unary rows in f32 with the option precise");
    }
    free(x);
}

Test(accurate, unary_f64)
{
    if (!long_double_is_wider()) return;
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    double *x = malloc(POINTS_F64 * sizeof *x);
    points_f64(x, POINTS_F64, 11);
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const truth *t = truth_of(op->name);
        if (op->elementwise && t && t->apply1 && !t->logic) unary_f64(ctx, op, t, x);
        wg_clear(ctx);
    }
    free(x);
    reference_end(ctx, "unary rows in f64");
}

/* ---- two operands ---- */

static void binary_f32(wg_context *ctx, const wg_op *op, const truth *t, const float *a, const float *b)
{
    wg_shape shape = WG_SHAPE(POINTS_F32);
    wg_tensor y = t->apply2(wg_borrow_f32(ctx, shape, a), wg_borrow_f32(ctx, shape, b));
    worst w = {-1, 0, 0, 0};
    static bool flags[POINTS_F32];
    const float *got = t->to_bool ? NULL : wg_values_f32(y);
    if (t->to_bool) cr_expect(wg_read_bool(y, flags, POINTS_F32));
    for (size_t i = 0; (got || t->to_bool) && i < POINTS_F32; i++) {
        double want = t->f2((double)a[i], (double)b[i]);
        float value = got ? got[i] : (float)flags[i];
        if (either_zero(op, (double)a[i], (double)b[i])) value = fabsf(value), want = fabs(want);
        note(&w, ulp_f32(value, want), (double)a[i], (double)b[i], (double)value);
    }
    reference_check(w.ulp >= 0, "%s in f32: nothing was computed: %s", op->name, wg_error(ctx));
    judge(&w, op, "f32", limit_f32(op));
}

static void binary_f64(wg_context *ctx, const wg_op *op, const truth *t, const double *a, const double *b)
{
    wg_shape shape = WG_SHAPE(POINTS_F64);
    wg_tensor y = t->apply2(wg_borrow_f64(ctx, shape, a), wg_borrow_f64(ctx, shape, b));
    worst w = {-1, 0, 0, 0};
    static bool flags[POINTS_F64];
    const double *got = t->to_bool ? NULL : wg_values_f64(y);
    if (t->to_bool) cr_expect(wg_read_bool(y, flags, POINTS_F64));
    for (size_t i = 0; (got || t->to_bool) && i < POINTS_F64; i++) {
        long double want = t->f2_long((long double)a[i], (long double)b[i]);
        double value = got ? got[i] : flags[i];
        if (either_zero(op, a[i], b[i])) value = fabs(value), want = fabsl(want);
        note(&w, ulp_f64(value, want), a[i], b[i], value);
    }
    reference_check(w.ulp >= 0, "%s in f64: nothing was computed: %s", op->name, wg_error(ctx));
    judge(&w, op, "f64", limit_f64(op));
}

Test(accurate, binary_f32)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    float *a = malloc(POINTS_F32 * sizeof *a), *b = malloc(POINTS_F32 * sizeof *b);
    pairs_f32(a, b, POINTS_F32);
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const truth *t = truth_of(op->name);
        if (!op->elementwise || op->arity != 2) continue;
        reference_check(t && t->apply2, "%s has no reference", op->name);
        if (t && t->apply2 && !t->logic) binary_f32(ctx, op, t, a, b);
        wg_clear(ctx);
    }
    free(a);
    free(b);
    reference_end(ctx, "binary rows in f32");
}

Test(accurate, binary_f64)
{
    if (!long_double_is_wider()) return;
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    double *a = malloc(POINTS_F64 * sizeof *a), *b = malloc(POINTS_F64 * sizeof *b);
    pairs_f64(a, b, POINTS_F64);
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const truth *t = truth_of(op->name);
        if (op->elementwise && t && t->apply2 && !t->logic) binary_f64(ctx, op, t, a, b);
        wg_clear(ctx);
    }
    free(a);
    free(b);
    reference_end(ctx, "binary rows in f64");
}

/* ---- bools and integers ---- */

Test(accurate, logic)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    const bool left[] = {false, false, true, true}, right[] = {false, true, false, true};
    for (size_t i = 0; i < truth_count(); i++) {
        const truth *t = truth_at(i);
        bool got[4];
        if (!t->logic) continue;
        wg_tensor a = wg_from_bool(ctx, WG_SHAPE(4), left), b = wg_from_bool(ctx, WG_SHAPE(4), right);
        cr_expect(wg_read_bool(t->apply1 ? t->apply1(a) : t->apply2(a, b), got, 4));
        for (int k = 0; k < 4; k++)
            reference_check(got[k] == ((t->apply1 ? t->f1(left[k]) : t->f2(left[k], right[k])) != 0), "%s of %d and %d",
                            t->name, left[k], right[k]);
    }
    reference_end(ctx, "logic");
}

/* The result that an integer row must give, modulo 2^64: the caller cuts it to the type. */
static uint64_t integer_truth(const char *name, int64_t a, int64_t b)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    if (strcmp(name, "neg") == 0) return ~ua + 1;
    if (strcmp(name, "abs") == 0) return a < 0 ? ~ua + 1 : ua;
    if (strcmp(name, "sign") == 0) return a == 0 ? 0 : a < 0 ? UINT64_MAX : 1;
    if (strcmp(name, "square") == 0) return ua * ua;
    if (strcmp(name, "add") == 0) return ua + ub;
    if (strcmp(name, "sub") == 0) return ua - ub;
    if (strcmp(name, "mul") == 0) return ua * ub;
    if (strcmp(name, "maximum") == 0) return a < b ? ub : ua;
    if (strcmp(name, "minimum") == 0) return a < b ? ua : ub;
    if (strcmp(name, "equal") == 0) return a - b == 0;
    if (strcmp(name, "not_equal") == 0) return (ua ^ ub) != 0;
    if (strcmp(name, "less") == 0) return a < b;
    if (strcmp(name, "less_equal") == 0) return !(b < a);
    if (strcmp(name, "greater") == 0) return b < a;
    if (strcmp(name, "greater_equal") == 0) return !(a < b);
    if (strcmp(name, "remainder") == 0) {
        if (b == 0 || b == -1) return 0;
        int64_t r = a % b;
        while (r != 0 && (r ^ b) < 0) r += b;
        return (uint64_t)r;
    }
    cr_expect(false, "%s has no integer reference", name);
    return 0;
}

static int64_t some_integer(uint64_t *state, int64_t low, int64_t high)
{
    uint64_t bits = reference_bits(state);
    switch (bits >> 61) {
    case 0:
        return low;
    case 1:
        return high;
    case 2:
        return (int64_t)(reference_bits(state) % 5) - 2;
    case 3:
        return (int64_t)(reference_bits(state) >> 32) % 100 - 50;
    default:
        return high == INT32_MAX ? (int32_t)(uint32_t)bits : (int64_t)bits;
    }
}

enum { INTEGERS = 4096 };

static void integers(const truth *t, wg_type type)
{
    wg_context *ctx = reference_context(WG_F32);
    static int64_t a[INTEGERS], b[INTEGERS], got[INTEGERS];
    static int32_t a32[INTEGERS], b32[INTEGERS], got32[INTEGERS];
    static bool flags[INTEGERS];
    uint64_t state = 3;
    bool wide = type == WG_I64;
    for (int i = 0; i < INTEGERS; i++) {
        a[i] = some_integer(&state, wide ? INT64_MIN : INT32_MIN, wide ? INT64_MAX : INT32_MAX);
        b[i] = some_integer(&state, wide ? INT64_MIN : INT32_MIN, wide ? INT64_MAX : INT32_MAX);
        a32[i] = (int32_t)a[i];
        b32[i] = (int32_t)b[i];
    }
    wg_shape shape = WG_SHAPE(INTEGERS);
    wg_tensor x = wide ? wg_from_i64(ctx, shape, a) : wg_from_i32(ctx, shape, a32);
    wg_tensor z = wide ? wg_from_i64(ctx, shape, b) : wg_from_i32(ctx, shape, b32);
    wg_tensor y = t->apply1 ? t->apply1(x) : t->apply2(x, z);
    bool read = t->to_bool ? wg_read_bool(y, flags, INTEGERS)
                : wide     ? wg_read_i64(y, got, INTEGERS)
                           : wg_read_i32(y, got32, INTEGERS);
    cr_expect(read, "%s of %s: %s", t->name, wg_type_name(type), wg_error(ctx));
    for (int i = 0; i < INTEGERS; i++) {
        uint64_t want = integer_truth(t->name, a[i], b[i]);
        int64_t value = t->to_bool ? flags[i] : wide ? got[i] : got32[i];
        bool right = wide || t->to_bool ? (uint64_t)value == want : (uint32_t)value == (uint32_t)want;
        reference_check(right, "%s of %s %lld and %lld is %lld", t->name, wg_type_name(type), (long long)a[i],
                        (long long)b[i], (long long)value);
    }
    wg_context_free(ctx);
}

Test(accurate, integers)
{
    reference_begin();
    for (size_t i = 0; i < truth_count(); i++) {
        const truth *t = truth_at(i);
        const wg_op *op = row_named(t->name);
        if (!op) continue;
        reference_check(t->integers == (op->kernel[WG_I32] != NULL) && t->integers == (op->kernel[WG_I64] != NULL),
                        "%s: integer kernels and reference differ", t->name);
        if (!t->integers) continue;
        integers(t, WG_I32);
        integers(t, WG_I64);
    }
    reference_end(reference_context(WG_F32), "integers");
}

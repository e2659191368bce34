/* The option `flush_denormals`: what an evaluation makes of denormal numbers, and that the caller's floating-point mode
   is the same afterwards, whatever way the evaluation ends. */
#include "tests/harness.h"

#include "base/float_mode.h"
#include "engine/chains/chain.h"
#include "engine/limits.h"
#include "tests/planned.h"

#include <fenv.h>
#include <float.h>

static bool keeps_denormals(void)
{
    volatile float small = 1e-38f;
    volatile double tiny = 1e-308;
    return small * 0.01f > 0 && tiny * 0.01 > 0;
}

/* Tried rather than asked: valgrind takes the mode and goes on without it. */
static bool can_flush(void)
{
    uint32_t mode = float_mode();
    float_mode_take(float_mode_flushing(mode));
    bool flushes = !keeps_denormals();
    float_mode_take(mode);
    return flushes;
}

/* ---- ways of evaluating ---- */

static const struct {
    const char *name;
    wg_context_options options;
} ways[] = {{"planned", {.threads = 1}},
            {"plain", {.plain = true}},
            {"eager", {.eager = true}},
            {"checked", {.check_finite = true}},
            {"with helpers", {.threads = 4}}};
enum { WAYS = sizeof ways / sizeof *ways };

static wg_context *context_of(int way, bool flush)
{
    wg_context_options options = ways[way].options;
    options.flush_denormals = flush;
    return scratch_context_with(options);
}

/* How many of the elements are zero. */
static int64_t zeros(wg_tensor y)
{
    int64_t size = wg_size(y), count = 0;
    double *values = malloc((size_t)size * sizeof *values);
    cr_assert(wg_read_f64(wg_type_of(y) == WG_F64 ? y : wg_cast(y, WG_F64), values, (size_t)size), "%s",
              wg_error(y.context));
    for (int64_t i = 0; i < size; i++) count += values[i] == 0;
    free(values);
    return count;
}

static wg_tensor full(wg_context *ctx, wg_type type, int64_t size, double value)
{
    return wg_cast(wg_mul_scalar(wg_ones(ctx, WG_SHAPE(size)), value), type);
}

/* Denormal results of normal numbers, and normal ones of denormals. */
static void expect_flushed(wg_context *ctx, int way, bool flush, int64_t size)
{
    static const float denormal = 1e-40f;
    wg_tensor leaf = wg_expand(wg_borrow_f32(ctx, WG_SHAPE(1), &denormal), WG_SHAPE(size));
    wg_tensor made[] = {wg_mul_scalar(full(ctx, WG_F32, size, 1e-30), 1e-10), wg_exp(full(ctx, WG_F32, size, -90)),
                        wg_mul_scalar(wg_mul_scalar(full(ctx, WG_F64, size, 1e-30), 1e-200), 1e-85),
                        wg_mul_scalar(leaf, 1e10),
                        wg_sum(wg_reshape(wg_mul_scalar(leaf, 1e10), WG_SHAPE(size, 1)), WG_AXES(-1))};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        int64_t count = zeros(made[i]);
        cr_expect_eq(count, flush ? size : 0, "%s, result %zu: %lld of %lld are zero", ways[way].name, i,
                     (long long)count, (long long)size);
    }
    cr_expect(keeps_denormals());
}

Test(denormals, are_flushed_where_asked_for)
{
    if (!can_flush()) return;
    for (int way = 0; way < WAYS; way++)
        for (int flush = 0; flush < 2; flush++) {
            wg_context *ctx = context_of(way, flush);
            expect_flushed(ctx, way, flush, 1);
            expect_flushed(ctx, way, flush, 1000);
            scratch_close(ctx);
        }
}

/* Threads begin with the mode of the one that starts them, so the option comes and goes afterwards. */
Test(denormals, helpers_take_over_the_mode)
{
    if (!can_flush()) return;
    plan_limits usual = plan_limits_now;
    plan_limits_now.shared_work = 0;
    plan_limits_now.chunk = TOTAL_BLOCK;
    plan_always_shares = true;
    wg_context *ctx = context_of(WAYS - 1, false);
    for (int turn = 0; turn < 3; turn++) {
        ctx->options.flush_denormals = turn == 1;
        expect_flushed(ctx, WAYS - 1, turn == 1, 300000);
        wg_clear(ctx);
    }
    scratch_close(ctx);
    plan_always_shares = false;
    plan_limits_now = usual;
}

/* A product of matrices and its sums; it is made for the shape, so rows of several tiles. */
Test(denormals, of_products)
{
    if (!can_flush()) return;
    for (int way = 0; way < WAYS; way++)
        for (int flush = 0; flush < 2; flush++) {
            wg_context *ctx = context_of(way, flush);
            wg_tensor a = wg_reshape(full(ctx, WG_F32, 64 * 48, 1e-30), WG_SHAPE(64, 48));
            wg_tensor b = wg_reshape(full(ctx, WG_F32, 48 * 32, 1e-11), WG_SHAPE(48, 32));
            cr_expect_eq(zeros(wg_matmul(a, b)), flush ? 64 * 32 : 0, "%s", ways[way].name);
            scratch_close(ctx);
        }
}

/* ---- the caller's mode ---- */

/* Raises one flag, and returns those that stand then: none under valgrind, which keeps no flags. */
static int raise_only(int flag)
{
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(flag);
    return fetestexcept(flag);
}

/* With the flags of what has happened, which are the caller's, too. */
static void expect_mode(uint32_t mode, int flags, const char *what, const char *way)
{
    cr_expect_eq(float_mode(), mode, "%s, %s: mode %x, not %x", what, way, (unsigned)float_mode(), (unsigned)mode);
    cr_expect_eq(fetestexcept(flags), flags, "%s, %s: flags are lost", what, way);
    cr_expect(keeps_denormals(), "%s, %s", what, way);
}

static wg_tensor not_finite(wg_context *ctx)
{
    return wg_log(wg_full(ctx, WG_SHAPE(20), -1));
}

static wg_tensor bad_index(wg_context *ctx)
{
    wg_tensor at = wg_from_i32(ctx, WG_SHAPE(2), (const int32_t[]){0, 7});
    return wg_add_scalar(wg_gather(wg_exp(wg_ones(ctx, WG_SHAPE(3, 2))), at, 0), 1);
}

static wg_tensor too_large(wg_context *ctx)
{
    wg_tensor x = wg_exp(wg_ones(ctx, WG_SHAPE(1 << 10)));
    return wg_exp(wg_add(wg_reshape(x, WG_SHAPE(1 << 10, 1)), x));
}

Test(denormals, the_mode_survives_errors)
{
    static const struct {
        const char *name;
        recorder record;
        wg_status status;
    } errors[] = {{"not finite", not_finite, WG_NOT_FINITE},
                  {"a bad index", bad_index, WG_BAD_ARGUMENT},
                  {"no memory", too_large, WG_OUT_OF_MEMORY}};
    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < 3; i++) {
            wg_context_options options = ways[way].options;
            options.flush_denormals = true;
            options.memory_limit = 3 << 20;
            if (i == 0 && !options.check_finite) continue;
            wg_context *ctx = scratch_context_with(options);
            fesetround(FE_DOWNWARD);
            int flags = raise_only(FE_INVALID);
            uint32_t mode = float_mode();
            wg_eval(WG_LIST(errors[i].record(ctx)));
            expect_mode(mode, flags, errors[i].name, ways[way].name);
            fesetround(FE_TONEAREST);
            cr_expect_eq(wg_error_status(ctx), errors[i].status, "%s, %s: %s", errors[i].name, ways[way].name,
                         wg_error(ctx));
            wg_recover(ctx);
            scratch_close(ctx);
        }
}

Test(denormals, the_mode_survives_evaluations)
{
    for (int way = 0; way < WAYS; way++)
        for (int flush = 0; flush < 2; flush++) {
            wg_context *ctx = context_of(way, flush);
            wg_tensor p = wg_parameter(ctx, "p", WG_SHAPE(3), wg_init_constant(1));
            fesetround(FE_UPWARD);
            int flags = raise_only(FE_DIVBYZERO);
            uint32_t mode = float_mode();
            wg_assign(p, wg_mul_scalar(p, 1e-40));
            wg_clear(ctx);
            expect_mode(mode, flags, "an assign", ways[way].name);
            cr_expect_eq(zeros(p), flush && can_flush() ? 3 : 0);
            expect_mode(mode, flags, "reading", ways[way].name);
            fesetround(FE_TONEAREST);
            scratch_close(ctx);
        }
}

/* ---- the same bits ---- */

enum { SIDE = 40 };

/* Pairs of numbers around the least normal one, of both signs, and others. */
static wg_tensor numbers(wg_context *ctx, wg_type type, uint64_t chance, bool across)
{
    static double values[SIDE * SIDE];
    double least = type == WG_F32 ? (double)FLT_MIN : DBL_MIN;
    for (int i = 0; i < SIDE * SIDE; i++) {
        static const double plain[] = {0, 1, -1, 0.5, 3, -100, 1e30, INFINITY};
        uint64_t choice = scratch_random(&chance) % 32;
        double size = (double)(1 + scratch_random(&chance) % 64) / 16;
        values[i] = choice < 8 ? plain[choice] : (choice & 1 ? -1 : 1) * size * least;
    }
    wg_tensor x = wg_cast(wg_from_f64(ctx, WG_SHAPE(SIDE, SIDE), values), type);
    return across ? wg_transpose(x) : x;
}

static bool same_values(wg_type type, const char *a, const char *b)
{
    size_t size = type == WG_F32 ? 4 : 8;
    for (int i = 0; i < SIDE * SIDE; i++, a += size, b += size) {
        double x, y;
        float narrow[2];
        if (memcmp(a, b, size) == 0) continue;
        memcpy(narrow, a, sizeof *narrow), memcpy(narrow + 1, b, sizeof *narrow);
        memcpy(&x, a, size), memcpy(&y, b, size);
        if (type == WG_F32) x = (double)narrow[0], y = (double)narrow[1];
        if (!isnan(x) || !isnan(y)) return false;
    }
    return true;
}

/* A row among others, so that it may become part of a chain. */
static void evaluate(const wg_op *op, wg_type type, bool plain, char *out)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.plain = plain, .flush_denormals = true});
    wg_tensor a = wg_neg(numbers(ctx, type, 3, false)), b = numbers(ctx, type, 11, true);
    wg_tensor y = wg_apply(op, op->arity == 1 ? WG_LIST(a) : WG_LIST(a, b), NULL);
    if (op->predicate) y = wg_where(y, a, b);
    y = wg_neg(y);
    bool read = type == WG_F32 ? wg_read_f32(y, (float *)(void *)out, SIDE * SIDE)
                               : wg_read_f64(y, (double *)(void *)out, SIDE * SIDE);
    cr_assert(read, "%s: %s", op->name, wg_error(ctx));
    scratch_close(ctx);
}

Test(denormals, groups_give_the_bits_of_the_plain_executor)
{
    static _Alignas(8) char want[SIDE * SIDE * 8], got[SIDE * SIDE * 8];
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        for (int wide = 0; wide < 2 && op->elementwise; wide++) {
            wg_type type = wide ? WG_F64 : WG_F32;
            if (!op->kernel[type]) continue;
            evaluate(op, type, true, want);
            for (chains_width width = CHAINS_NONE; width <= CHAINS_WIDE; width++) {
                if (!chains_choose(width)) continue;
                evaluate(op, type, false, got);
                cr_expect(same_values(type, want, got), "%s of %s, chains %d", op->name, wg_type_name(type),
                          (int)width);
            }
        }
    }
    chains_choose(CHAINS_UNDECIDED);
}

/* The option `precise`: each f32 row that states more than 1 ULP is within 1 of double libm, by the vector kernels of
   every instruction set, and by every way of evaluating with the same bits. */
#include "engine/chains/chain.h"
#include "engine/kernels/set.h"
#include "ops/rows.h"
#include "tests/planned.h"

#include <float.h>

enum { POINTS = 1 << 17 };

/* ---- the truth ---- */

static double true_rsqrt(double x)
{
    return 1 / sqrt(x);
}

static double true_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

typedef struct {
    const wg_op *op;
    double (*value)(double);
} precise_row;

static const precise_row rows[] = {{&ops_expm1, expm1}, {&ops_log1p, log1p}, {&ops_rsqrt, true_rsqrt},
                                   {&ops_tanh, tanh},   {&ops_erf, erf},     {&ops_sigmoid, true_sigmoid}};
enum { ROWS = sizeof rows / sizeof *rows };

/* In spacings of f32 around the truth; an infinity stands for the number after the largest. */
static double distance(float got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : (double)INFINITY;
    int exponent;
    double cut = fabs(want) > 0x1p128 ? copysign(0x1p128, want) : want;
    frexp(cut, &exponent);
    if (cut == 0 || exponent < FLT_MIN_EXP) exponent = FLT_MIN_EXP;
    if (exponent > FLT_MAX_EXP) exponent = FLT_MAX_EXP;
    double near = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
    return ldexp(fabs(near - cut), FLT_MANT_DIG - exponent);
}

/* Half of them all over the bit patterns, denormals, infinities and NaNs among them, half where functions turn. */
static float *points(void)
{
    float *x = malloc(POINTS * sizeof *x);
    uint64_t chance = 7;
    for (uint32_t i = 0; i < POINTS; i++) {
        uint32_t bits = i * (uint32_t)(0x100000000u / POINTS) + (uint32_t)(scratch_random(&chance) >> 50);
        memcpy(&x[i], &bits, sizeof bits);
        if (i % 2) x[i] = (float)(scratch_random(&chance) >> 11) * 0x1p-48f - 16;
    }
    return x;
}

static double worst_of(const float *x, const float *got, double (*value)(double), float *at)
{
    double worst = 0;
    for (int i = 0; i < POINTS; i++) {
        double off = distance(got[i], value((double)x[i]));
        if (off > worst) worst = off, *at = x[i];
    }
    return worst;
}

/* ---- every row, every instruction set ---- */

Test(precise, rows_that_need_it_have_a_kernel)
{
    int found = 0;
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        if (!op->elementwise) continue;
        bool needed = op->kernel[WG_F32] && op->numerics.ulp > 1;
        cr_expect(needed == (op->precise != NULL), "%s", op->name);
        found += needed;
        for (int k = 0; k < ROWS; k++) needed = needed && rows[k].op != op;
        cr_expect(!needed, "%s is not tested here", op->name);
    }
    cr_expect_eq(found, ROWS);
}

Test(precise, vector_kernels_are_within_one_unit)
{
    static const char *const names[] = {"sse2", "avx2", "avx512"};
    float *x = points(), *y = malloc(POINTS * sizeof *y), at = 0;
    for (int i = 0; i < 3; i++) {
        const kernel_set *set = kernel_set_named(names[i]);
        for (int k = 0; set && k < ROWS; k++) {
            kernel_set_find_precise(set, rows[k].op, WG_F32)(&(tile){1, POINTS, y, POINTS, {x}, {POINTS}});
            double worst = worst_of(x, y, rows[k].value, &at);
            cr_expect(worst <= 1, "%s %s: %.3f at %a", set->name, rows[k].op->name, worst, (double)at);
        }
        cr_expect(!set || !kernel_set_find_precise(set, &ops_exp, WG_F32));
        cr_expect(!set || !kernel_set_find_precise(set, &ops_tanh, WG_F64));
    }
    free(x);
    free(y);
}

/* ---- every way of evaluating ---- */

static const wg_context_options ways[] = {{.precise = true},
                                          {.precise = true, .plain = true},
                                          {.precise = true, .eager = true},
                                          {.precise = true, .check_finite = true}};
static const char *const way_names[] = {"planned", "plain", "eager", "checked"};
enum { WAYS = sizeof ways / sizeof *ways };

static void compute(wg_context_options options, const wg_op *op, const float *x, int64_t count, float *y)
{
    wg_context *ctx = scratch_context_with(options);
    wg_tensor in = wg_borrow_f32(ctx, WG_SHAPE(count), x);
    cr_assert(wg_read_f32(wg_apply(op, WG_LIST(in), NULL), y, (size_t)count), "%s: %s", op->name, wg_error(ctx));
    scratch_close(ctx);
}

Test(precise, every_way_is_within_one_unit)
{
    float *x = points(), *y = malloc(POINTS * sizeof *y), *first = malloc(POINTS * sizeof *first), at = 0;
    for (int k = 0; k < ROWS; k++) {
        for (int way = 0; way < 3; way++) { /* these points make NaNs */
            compute(ways[way], rows[k].op, x, POINTS, way ? y : first);
            double worst = worst_of(x, way ? y : first, rows[k].value, &at);
            cr_expect(worst <= 1, "%s, %s: %.3f at %a", rows[k].op->name, way_names[way], worst, (double)at);
            bool same = true;
            for (int i = 0; way && i < POINTS; i++)
                same = same && (memcmp(&y[i], &first[i], sizeof *y) == 0 || (isnan(y[i]) && isnan(first[i])));
            cr_expect(same, "%s, %s: other bits than with a plan", rows[k].op->name, way_names[way]);
        }
        compute((wg_context_options){0}, rows[k].op, x, POINTS, y);
        cr_expect(worst_of(x, y, rows[k].value, &at) > 1, "%s: without the option the test says nothing",
                  rows[k].op->name);
    }
    free(x);
    free(y);
    free(first);
}

Test(precise, single_numbers_are_within_one_unit)
{
    uint64_t chance = 3;
    bool differs = false;
    for (int i = 0; i < 400; i++) {
        float x = (float)(scratch_random(&chance) >> 40) * 0x1p-23f + 1e-6f, y[WAYS], fast;
        const precise_row *row = &rows[i % ROWS];
        for (int way = 0; way < WAYS; way++) {
            compute(ways[way], row->op, &x, 1, &y[way]);
            cr_expect(distance(y[way], row->value((double)x)) <= 1 && y[way] == y[0], "%s of %a, %s: %a, not %a",
                      row->op->name, (double)x, way_names[way], (double)y[way], row->value((double)x));
        }
        compute((wg_context_options){0}, row->op, &x, 1, &fast);
        differs = differs || fast != y[0];
    }
    cr_expect(differs);
}

/* What stands around the row is compiled to chains, which know rsqrt themselves: as a number for each element, and for
   each row. */
static wg_tensor among_others(wg_context *ctx, const wg_op *op)
{
    wg_tensor x = wg_add_scalar(wg_square(random_leaf(ctx, WG_SHAPE(37, 53), 4)), 1e-3);
    wg_tensor all = wg_apply(op, WG_LIST(wg_mul_scalar(x, 1.5)), NULL);
    wg_tensor rows_of = wg_apply(op, WG_LIST(wg_mean(x, WG_KEEP(-1))), NULL);
    wg_tensor total = wg_apply(op, WG_LIST(wg_sum(wg_scalar(ctx, 0.7), WG_ALL)), NULL);
    return wg_add(wg_mul(wg_sub(all, rows_of), rows_of), wg_mul(all, total));
}

Test(precise, groups_give_the_bits_of_the_plain_executor)
{
    enum { SIZE = 37 * 53 };
    static float want[SIZE], got[SIZE];
    for (int k = 0; k < ROWS; k++)
        for (chains_width width = CHAINS_NONE; width <= CHAINS_WIDE; width++) {
            if (!chains_choose(width)) continue;
            for (int plain = 0; plain < 2; plain++) {
                wg_context *ctx = scratch_context_with((wg_context_options){.precise = true, .plain = plain});
                cr_assert(wg_read_f32(among_others(ctx, rows[k].op), plain ? want : got, SIZE), "%s", wg_error(ctx));
                scratch_close(ctx);
            }
            cr_expect(memcmp(want, got, sizeof want) == 0, "%s, chains %d", rows[k].op->name, (int)width);
        }
    chains_choose(CHAINS_UNDECIDED);
}

/* Gradients are made of the same rows. */
Test(precise, gradients)
{
    float got[2][64];
    for (int plain = 0; plain < 2; plain++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.precise = true, .plain = plain});
        wg_tensor x = random_leaf(ctx, WG_SHAPE(64), 9);
        wg_tensor g = wg_grad(wg_sum(wg_tanh(x), WG_ALL), x);
        cr_assert(wg_read_f32(g, got[plain], 64), "%s", wg_error(ctx));
        float y[64];
        cr_assert(wg_read_f32(wg_tanh(x), y, 64));
        for (int i = 0; i < 64; i++) cr_expect_eq(got[plain][i], (1 - y[i]) * (y[i] + 1));
        scratch_close(ctx);
    }
    cr_expect(memcmp(got[0], got[1], sizeof got[0]) == 0);
}

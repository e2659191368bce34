/* Compiled chains: the bits of the plain executor, for all shapes, types and kinds of operands. */
#include "tests/harness.h"

#include "engine/chains/chain.h"
#include "tests/planned.h"

/* ---- how much was compiled ---- */

static bool is_in(const plan *p, tile_kernel kernel)
{
    uintptr_t begin;
    memcpy(&begin, &kernel, sizeof begin);
    return begin >= (uintptr_t)p->code && begin < (uintptr_t)p->code + p->code_bytes;
}

static int count_chains(const plan *p)
{
    int count = 0;
    for (size_t i = 0; i < p->step_count; i++)
        for (size_t k = 0; p->steps[i].kind == STEP_GROUP && k < p->steps[i].group->count; k++)
            count += !p->steps[i].group->singles && is_in(p, p->steps[i].group->instructions[k].kernel);
    return count;
}

/* Instructions of the plan's groups, and how many of them are chains. */
static void expect_chains_in(wg_list roots, int chains, int instructions, const char *what)
{
    planned p = planned_lay_out(roots);
    int count = count_chains(p.plan), all = 0;
    for (size_t i = 0; i < p.plan->step_count; i++)
        for (size_t k = 0; p.plan->steps[i].kind == STEP_GROUP && k < p.plan->steps[i].group->count; k++)
            all += p.plan->steps[i].group->instructions[k].special != SPECIAL_CHAINED;
    cr_expect(count == chains && all == instructions, "%s: %d chains among %d instructions, not %d among %d", what,
              count, all, chains, instructions);
    planned_end(&p);
}

/* ---- random chains ---- */

enum { VALUES = 90, FLAGS = 12, ROOTS = 6 };

typedef struct {
    wg_type type;
    int64_t rows, columns;
    wg_shape shape;
    uint64_t chance;
    wg_tensor value[VALUES], flag[FLAGS];
    int values, flags;
} growing;

static double random_number(uint64_t *chance)
{
    static const double odd[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1e-40, 3e38, 0.5};
    uint64_t draw = scratch_random(chance) >> 20;
    if (draw % 8 == 0) return odd[draw / 8 % (sizeof odd / sizeof *odd)];
    return (double)(draw % 4096) / 512 - 4;
}

static wg_tensor random_of(growing *g, wg_context *ctx, wg_shape shape)
{
    int64_t size = wg_shape_size(shape);
    double *values = malloc((size_t)size * sizeof *values + 1);
    for (int64_t i = 0; i < size; i++) values[i] = random_number(&g->chance);
    wg_tensor leaf = wg_from_f64(ctx, shape, values);
    free(values);
    return wg_cast(leaf, g->type);
}

static uint64_t choice(growing *g, uint64_t count)
{
    return (scratch_random(&g->chance) >> 16) % count;
}

static wg_tensor any(growing *g)
{
    /* Old values and new ones: some wait long. */
    uint64_t back = choice(g, 3) ? choice(g, 6) : choice(g, (uint64_t)g->values);
    return g->value[g->values - 1 - (int)(back < (uint64_t)g->values ? back : 0)];
}

static wg_tensor any_flag(growing *g)
{
    return g->flag[choice(g, (uint64_t)g->flags)];
}

static wg_tensor grow_value(growing *g)
{
    static wg_tensor (*const unary[])(wg_tensor) = {wg_neg,  wg_abs,   wg_sign,      wg_square,
                                                    wg_sqrt, wg_rsqrt, wg_reciprocal};
    static wg_tensor (*const binary[])(wg_tensor, wg_tensor) = {wg_add, wg_sub, wg_mul, wg_div, wg_maximum, wg_minimum};
    double c = random_number(&g->chance);
    switch (choice(g, 8)) {
    case 0:
        return unary[choice(g, 7)](any(g));
    case 1:
        return wg_add_scalar(any(g), c);
    case 2:
        return wg_scalar_sub(c, any(g));
    case 3:
        return wg_div_scalar(any(g), c);
    case 4:
        return wg_where(any_flag(g), any(g), any(g));
    case 5:
        return wg_cast(any_flag(g), g->type);
    default:
        return binary[choice(g, 6)](any(g), any(g));
    }
}

static wg_tensor grow_flag(growing *g)
{
    static wg_tensor (*const compare[])(wg_tensor, wg_tensor) = {wg_equal,   wg_not_equal,  wg_less,
                                                                 wg_greater, wg_less_equal, wg_greater_equal};
    switch (choice(g, 8)) {
    case 0:
        return wg_logical_not(any_flag(g));
    case 1:
        return wg_logical_and(any_flag(g), any_flag(g));
    case 2:
        return wg_logical_or(any_flag(g), any_flag(g));
    case 3:
        return wg_is_finite(any(g));
    case 4:
        return wg_less_scalar(any(g), random_number(&g->chance));
    default:
        return compare[choice(g, 6)](any(g), any(g));
    }
}

/* Roots of a random graph of [rows, columns] over operands that repeat along rows, along columns, or both. */
static void grow(growing *g, wg_context *ctx, wg_tensor roots[ROOTS])
{
    int64_t r = g->rows, c = g->columns;
    const wg_shape shapes[] = {WG_SHAPE(r, c), WG_SHAPE(c), WG_SHAPE(r, 1), WG_SHAPE(1, 1), WG_SHAPE(r, c)};
    for (int i = 0; i < 5; i++) g->value[g->values++] = random_of(g, ctx, shapes[i]);
    g->value[4] = wg_add(g->value[0], g->value[4]);
    g->flag[g->flags++] = wg_less(g->value[0], g->value[4]);
    wg_eval(WG_LIST(g->flag[0])); /* so that it is read from memory */
    while (g->values < VALUES - ROOTS) {
        bool flag = g->flags < FLAGS && choice(g, 6) == 0;
        wg_tensor next = flag ? grow_flag(g) : grow_value(g);
        if (flag)
            g->flag[g->flags++] = next;
        else
            g->value[g->values++] = next;
    }
    for (int i = 0; i < ROOTS; i++)
        roots[i] = wg_expand(i ? g->value[VALUES - ROOTS - 1 - 3 * i] : g->flag[g->flags - 1], g->shape);
    cr_assert(!wg_failed(ctx), "%s", wg_error(ctx));
}

static double *read_all(growing g, bool plain, size_t *size, int *joined)
{
    wg_context *ctx = planned_context(plain);
    wg_tensor roots[ROOTS];
    grow(&g, ctx, roots);
    if (!plain) {
        planned p = planned_lay_out((wg_list){ROOTS, roots});
        *joined += count_chains(p.plan);
        planned_end(&p);
    }
    *size = (size_t)(g.rows * g.columns);
    double *all = calloc(ROOTS * *size + 1, sizeof *all);
    cr_assert(wg_eval((wg_list){ROOTS, roots}), "%s", wg_error(ctx));
    for (int i = 0; i < ROOTS; i++)
        if (!wg_read_f64(wg_cast(roots[i], WG_F64), all + (size_t)i * *size, *size))
            cr_assert_fail("%s", wg_error(ctx));
    scratch_close(ctx);
    return all;
}

static void expect_same_bits(growing g, int *joined, const char *what)
{
    size_t size;
    double *plain = read_all(g, true, &size, NULL), *fast = read_all(g, false, &size, joined);
    for (size_t i = 0; i < ROOTS * size; i++) {
        bool same = plain[i] == fast[i] ? signbit(plain[i]) == signbit(fast[i]) : isnan(plain[i]) && isnan(fast[i]);
        if (same) continue;
        cr_expect_fail("%s, seed %llu, [%d, %d]: element %zu of root %zu is %.17g, not %.17g", what,
                       (unsigned long long)g.chance, (int)g.rows, (int)g.columns, i % size, i / size, fast[i],
                       plain[i]);
        break;
    }
    free(plain);
    free(fast);
}

/* Rows shorter, longer and just as long as vectors, tiles that end anywhere. */
static void expect_chains(chains_width width, const char *what)
{
    static const int64_t columns[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257}, rows[] = {1, 2, 5, 37};
    if (!chains_choose(width)) return; /* the machine cannot */
    int joined = 0;
    uint64_t seed = 1;
    for (int type = 0; type < 2; type++)
        for (size_t r = 0; r < 4; r++)
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++, seed++) {
                growing g = {.type = type ? WG_F64 : WG_F32, .rows = rows[r], .columns = columns[c]};
                g.shape = WG_SHAPE(g.rows, g.columns);
                g.chance = seed * UINT64_C(0x9e3779b97f4a7c15);
                expect_same_bits(g, &joined, what);
            }
    if (width != CHAINS_NONE) cr_expect_gt(joined, 200, "%s: %d chains", what, joined);
    if (width == CHAINS_NONE) cr_expect_eq(joined, 0);
    chains_choose(CHAINS_UNDECIDED);
}

Test(chains, narrow_ones_give_the_bits_of_kernels)
{
    expect_chains(CHAINS_NARROW, "AVX2");
}

Test(chains, wide_ones_give_the_bits_of_kernels)
{
    expect_chains(CHAINS_WIDE, "AVX-512");
}

Test(chains, there_are_none_where_they_are_not_wanted)
{
    expect_chains(CHAINS_NONE, "without");
}

/* A tensor and its first row begin at the same address. */
static wg_tensor less_its_first_row(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(5, 7), 1), y = random_leaf(ctx, WG_SHAPE(5, 7), 2);
    return wg_add(wg_mul_scalar(wg_sub(x, wg_slice(x, 0, 0, 1)), 0.5), y);
}

Test(chains, tell_apart_what_begins_at_the_same_place)
{
    expect_as_plain(less_its_first_row, 0, "rows less the first");
}

/* ---- sums ---- */

static wg_tensor scaled_rows(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(19, 83), 1), y = random_leaf(ctx, WG_SHAPE(19, 83), 2);
    wg_tensor away = wg_sub(x, wg_mean(x, WG_KEEP(-1)));
    wg_tensor spread = wg_sum(wg_square(away), WG_KEEP(-1)), both = wg_sum(wg_mul(away, y), WG_KEEP(-1));
    wg_tensor right = wg_div(y, wg_add_scalar(spread, 1)), left = wg_mul(away, both);
    return wg_add(left, right);
}

static void expect_sums(chains_width width, const char *what)
{
    if (!chains_choose(width)) return;
    wg_context *ctx = planned_context(false);
    expect_chains_in(WG_LIST(scaled_rows(ctx)), 2, 5, what);
    scratch_close(ctx);
    expect_as_plain(scaled_rows, 1e-6, what);
    chains_choose(CHAINS_UNDECIDED);
}

Test(sums, along_rows_end_chains)
{
    expect_sums(CHAINS_NARROW, "sums with AVX2");
    expect_sums(CHAINS_WIDE, "sums with AVX-512");
}

/* ---- whole functions ---- */

Test(functions, leave_only_themselves_outside)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(64, 64), 1), y = wg_gelu(x), g = wg_grad(wg_sum(y, WG_ALL), x);
    if (chains_now() != CHAINS_NONE) expect_chains_in(WG_LIST(y, g), 2, 5, "gelu");
    scratch_close(ctx);
}

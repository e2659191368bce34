/* The cache of plans: what finds its plan again, what does not, and that it stays small. */
#include "tests/harness.h"

#include "engine/state.h"
#include "tests/planned.h"

typedef struct {
    uint64_t hits, misses;
} lookups;

static lookups before;

/* Since the last call. */
static lookups asked(wg_context *ctx)
{
    wg_stats now = wg_context_stats(ctx);
    lookups since = {now.plan_hits - before.hits, now.plan_misses - before.misses};
    before = (lookups){now.plan_hits, now.plan_misses};
    return since;
}

static void expect_asked(wg_context *ctx, uint64_t hits, uint64_t misses, const char *what)
{
    lookups since = asked(ctx);
    cr_expect(since.hits == hits && since.misses == misses, "%s: %d hits and %d misses, not %d and %d", what,
              (int)since.hits, (int)since.misses, (int)hits, (int)misses);
}

static wg_context *fresh(void)
{
    before = (lookups){0, 0};
    return planned_context(false);
}

/* y = sum exp(x scale), computed and forgotten. */
static double segment(wg_context *ctx, int64_t length, double scale)
{
    double y = wg_item(wg_sum(wg_exp(wg_mul_scalar(wg_full(ctx, WG_SHAPE(length, 3), 1), scale)), WG_ALL));
    wg_clear(ctx);
    return y;
}

Test(cache, the_same_structure_hits)
{
    wg_context *ctx = fresh();
    segment(ctx, 4, 2);
    expect_asked(ctx, 0, 1, "the first time");
    for (int k = 0; k < 5; k++) {
        double y = segment(ctx, 4, k);
        cr_expect_float_eq(y, 12 * exp(k), 1e-4 * exp(k));
    }
    expect_asked(ctx, 5, 0, "other numbers");
    segment(ctx, 5, 2);
    expect_asked(ctx, 0, 1, "another shape");
    segment(ctx, 4, 2);
    segment(ctx, 5, 2);
    expect_asked(ctx, 2, 0, "both again");
    cr_expect_eq(wg_context_stats(ctx).plans, 2);
    cr_expect_gt(wg_context_stats(ctx).plan_bytes, 0);
    cr_expect(wg_context_stats(ctx).plan_seconds > 0 && wg_context_stats(ctx).plan_seconds < 10);
    scratch_close(ctx);
}

Test(cache, structure_is_more_than_ops)
{
    wg_context *ctx = fresh();
    for (int round = 0; round < 2; round++) {
        wg_tensor x = random_leaf(ctx, WG_SHAPE(4, 4), 1), y = wg_exp(x), z = wg_neg(y);
        wg_eval(WG_LIST(y, z));
        wg_clear(ctx);
        wg_eval(WG_LIST(wg_neg(wg_exp(random_leaf(ctx, WG_SHAPE(4, 4), 1)))));
        wg_clear(ctx);
        wg_eval(WG_LIST(wg_sum(random_leaf(ctx, WG_SHAPE(4, 4), 1), WG_AXES(0))));
        wg_clear(ctx);
        wg_eval(WG_LIST(wg_sum(random_leaf(ctx, WG_SHAPE(4, 4), 1), WG_AXES(1))));
        wg_clear(ctx);
        x = random_leaf(ctx, WG_SHAPE(4), 1);
        wg_eval(WG_LIST(wg_sub(x, wg_exp(x))));
        wg_clear(ctx);
        x = random_leaf(ctx, WG_SHAPE(4), 1);
        y = wg_exp(x);
        wg_eval(WG_LIST(wg_sub(y, x)));
        wg_clear(ctx);
        expect_asked(ctx, round ? 6 : 0, round ? 0 : 6, "roots, attributes, operands");
    }
    scratch_close(ctx);
}

Test(cache, parameters_are_structure_and_their_values_are_not)
{
    wg_context *ctx = fresh();
    wg_tensor a = wg_variable(ctx, "a", wg_ones(ctx, WG_SHAPE(3))),
              b = wg_variable(ctx, "b", wg_ones(ctx, WG_SHAPE(3)));
    wg_clear(ctx);
    asked(ctx);
    for (int round = 0; round < 3; round++) {
        wg_assign(a, wg_add_scalar(a, 1));
        wg_clear(ctx);
        expect_asked(ctx, round > 0, round == 0, "a");
        wg_assign(b, wg_add_scalar(b, 1));
        wg_clear(ctx);
        expect_asked(ctx, round > 0, round == 0, "b");
    }
    cr_expect_eq(wg_item(wg_sum(a, WG_ALL)), 12);
    cr_expect_eq(wg_item(wg_sum(b, WG_ALL)), 12);
    scratch_close(ctx);
}

Test(cache, a_learning_rate_may_change)
{
    wg_context *ctx = fresh();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(5), wg_init_constant(1));
    const wg_schedule *cosine = wg_schedule_cosine(ctx, 10);
    wg_optimizer *adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.1, .schedule = cosine});
    for (int k = 0; k < 6; k++) {
        wg_tensor loss = wg_sum(wg_square(w), WG_ALL);
        wg_optimizer_step(adam, loss);
        wg_item(loss);
        wg_clear(ctx);
        lookups since = asked(ctx);
        if (k > 1) cr_expect_eq(since.misses, 0, "step %d makes a plan", k);
    }
    scratch_close(ctx);
}

Test(cache, alternating_segments_both_hit)
{
    wg_context *ctx = fresh();
    for (int k = 0; k < 6; k++) {
        segment(ctx, 4 + k % 3, 1);
        segment(ctx, 40, 1);
    }
    expect_asked(ctx, 8, 4, "three lengths beside one");
    scratch_close(ctx);
}

Test(cache, forgets_what_was_not_used_for_long)
{
    enum { LENGTHS = 200 };
    wg_context *ctx = fresh();
    segment(ctx, 1, 1);
    for (int64_t k = 2; k < LENGTHS; k++) {
        segment(ctx, k, 1);
        segment(ctx, 1, 1); /* in use all the time */
        cr_expect_leq(wg_context_stats(ctx).plans, 64);
    }
    expect_asked(ctx, LENGTHS - 2, LENGTHS - 1, "one of many stays");
    segment(ctx, 2, 1);
    expect_asked(ctx, 0, 1, "the oldest is gone");
    size_t bytes = wg_context_stats(ctx).plan_bytes;
    for (int64_t k = 2; k < LENGTHS; k++) segment(ctx, k, 1);
    cr_expect_leq(wg_context_stats(ctx).plan_bytes, bytes + bytes / 10);
    scratch_close(ctx);
}

/* A plain context has no plans. */
Test(cache, plain_contexts_have_none)
{
    wg_context *ctx = planned_context(true);
    segment(ctx, 4, 1);
    wg_stats s = wg_context_stats(ctx);
    cr_expect(s.plans == 0 && s.plan_hits == 0 && s.plan_misses == 0 && s.plan_bytes == 0 && s.plan_seconds == 0);
    cr_expect_eq(wg_context_stats(NULL).plans, 0);
    scratch_close(ctx);
}

/* ---- programs ---- */

Test(programs, are_compared_in_full)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(4, 4), 1), other = random_leaf(ctx, WG_SHAPE(4, 4), 2);
    wg_tensor y[] = {
        wg_exp(x),           wg_exp(other),       wg_neg(x),           wg_sum(x, WG_AXES(0)), wg_sum(x, WG_AXES(1)),
        wg_mul_scalar(x, 2), wg_mul_scalar(x, 3), wg_scalar_div(2, x), wg_sub(x, other),      wg_sub(x, x)};
    enum { COUNT = sizeof y / sizeof *y };
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) {
            planned a = planned_build(WG_LIST(y[i])), b = planned_build(WG_LIST(y[k]));
            bool numbers = (i == 5 || i == 6) && (k == 5 || k == 6), same = i == k || (i < 2 && k < 2) || numbers;
            cr_expect_eq(program_same(&a.built, &b.built), same, "%d and %d", i, k);
            if (same) cr_expect_eq(program_hash(&a.built), program_hash(&b.built));
            planned_end(&a);
            planned_end(&b);
        }
    scratch_close(ctx);
}

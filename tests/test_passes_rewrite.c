/* The passes that rewrite programs: what is dead, simplified, computed once. */
#include "tests/harness.h"

#include "tests/planned.h"

/* ---- dead ---- */

Test(dead, items_and_leaves_vanish)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3), 1), y = random_leaf(ctx, WG_SHAPE(3), 2);
    wg_tensor both = wg_concat(WG_LIST(wg_exp(x), wg_log(y)), 0);
    planned p = planned_build(WG_LIST(both));
    program left;
    p.built.items[p.built.count - 1].flags = 0; /* nobody wants the concat; somebody wants the logarithm */
    p.built.items[find_op(&p.built, &ops_log)].flags |= ITEM_KEEP;
    cr_assert(pass_dead(&p.built, &left, &p.memory));
    cr_expect_eq(left.count, 2);
    cr_expect_eq(count_op(&left, &ops_log), 1);
    cr_expect_eq(left.operands[left.items[1].operand], 0);
    cr_expect_eq(left.source[1], p.built.source[find_op(&p.built, &ops_log)]);
    planned_end(&p);
    scratch_close(ctx);
}

/* ---- simplify ---- */

/* Ops of the rewritten program. */
static void expect_ops(wg_tensor root, const wg_op *op, int count, const char *what)
{
    planned p = planned_rewrite(WG_LIST(root));
    cr_expect_eq(count_op(&p.final, op), count, "%s: %d times %s, not %d", what, count_op(&p.final, op), op->name,
                 count);
    planned_end(&p);
}

Test(simplify, products_with_the_one_that_a_sweep_begins_with)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(4), 1);
    wg_tensor slope = wg_grad(wg_sum(wg_exp(x), WG_ALL), x); /* 1 exp x */
    expect_ops(wg_neg(slope), &ops_mul, 0, "the seed");
    expect_ops(wg_neg(wg_mul(x, wg_ones(ctx, WG_SHAPE(4)))), &ops_mul, 1, "a user's 1 may change");
    scratch_close(ctx);
}

Test(simplify, signs)
{
    wg_context *ctx = planned_context(false);
    wg_tensor a = random_leaf(ctx, WG_SHAPE(4), 1), b = random_leaf(ctx, WG_SHAPE(4), 2);
    const struct {
        wg_tensor y;
        int adds, subs;
    } cases[] = {{wg_add(a, wg_neg(b)), 0, 1},
                 {wg_add(wg_neg(b), a), 0, 1},
                 {wg_sub(a, wg_neg(b)), 1, 0},
                 {wg_sub(wg_neg(a), b), 0, 1},
                 {wg_add(wg_neg(a), wg_neg(b)), 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_ops(wg_exp(cases[i].y), &ops_add, cases[i].adds, "sums");
        expect_ops(wg_exp(cases[i].y), &ops_sub, cases[i].subs, "differences");
    }
    double x[4], y[4], z[4];
    cr_assert(wg_read_f64(a, x, 4) && wg_read_f64(b, y, 4));
    cr_assert(wg_read_f64(wg_mul_scalar(wg_add(wg_neg(b), a), 1), z, 4), "%s", wg_error(ctx));
    for (int i = 0; i < 4; i++) cr_expect_eq(z[i], (double)((float)x[i] - (float)y[i]));
    scratch_close(ctx);
}

Test(simplify, movements_that_move_nothing)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = wg_exp(random_leaf(ctx, WG_SHAPE(2, 3), 1));
    wg_tensor there = wg_reshape(wg_stop_gradient(x), WG_SHAPE(6));
    planned p = planned_rewrite(WG_LIST(wg_neg(wg_reshape(wg_exp(wg_reshape(there, WG_SHAPE(6))), WG_SHAPE(6)))));
    cr_expect_eq(count_op(&p.final, &ops_reshape), 1);
    cr_expect_eq(count_op(&p.final, &ops_stop_gradient), 0);
    planned_end(&p);
    scratch_close(ctx);
}

Test(simplify, reductions_of_one_element_are_reshapes)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3, 1, 4), 1);
    expect_ops(wg_exp(wg_sum(x, WG_AXES(1))), &ops_sum, 0, "a sum");
    expect_ops(wg_exp(wg_max(x, WG_KEEP(1))), &ops_max, 0, "a maximum");
    expect_ops(wg_exp(wg_prod(x, WG_AXES(1))), &ops_prod, 1, "products are left alone");
    expect_ops(wg_neg(wg_sum(wg_greater_scalar(x, 0), WG_AXES(1))), &ops_sum, 1, "a count has another type");
    scratch_close(ctx);
}

static wg_tensor outer_sum(wg_context *ctx)
{
    return wg_neg(wg_sum(random_leaf(ctx, WG_SHAPE(5, 3, 7), 1), WG_AXES(0, 2)));
}

static wg_tensor outer_maximum(wg_context *ctx)
{
    return wg_neg(wg_max(random_leaf(ctx, WG_SHAPE(5, 1, 3, 7), 1), WG_KEEP(0, 3)));
}

Test(simplify, outer_axes_are_reduced_one_after_the_other)
{
    wg_context *ctx = planned_context(false);
    expect_ops(outer_sum(ctx), &ops_sum, 2, "a sum");
    expect_ops(outer_maximum(ctx), &ops_max, 2, "a maximum");
    wg_tensor x = random_leaf(ctx, WG_SHAPE(5, 3, 7), 1);
    expect_ops(wg_neg(wg_sum(x, WG_AXES(1, 2))), &ops_sum, 1, "trailing axes");
    expect_ops(wg_neg(wg_sum(x, WG_AXES(0, 1))), &ops_sum, 1, "leading axes");
    expect_ops(wg_neg(wg_sum(x, WG_ALL)), &ops_sum, 1, "all axes");
    scratch_close(ctx);
    expect_as_plain(outer_sum, 1e-6, "a sum");
    expect_as_plain(outer_maximum, 0, "a maximum");
}

static wg_tensor long_sum(wg_context *ctx)
{
    return wg_neg(wg_sum(random_leaf(ctx, WG_SHAPE(2, 2 * LONGEST_ROW + 2), 1), WG_AXES(1)));
}

static wg_tensor long_maximum(wg_context *ctx)
{
    return wg_neg(wg_max(random_leaf(ctx, WG_SHAPE(2, 3, LONGEST_ROW), 1), WG_KEEP(1, 2)));
}

Test(simplify, long_rows_are_reduced_in_parts)
{
    wg_context *ctx = planned_context(false);
    expect_ops(long_sum(ctx), &ops_sum, 2, "a sum");
    expect_ops(long_maximum(ctx), &ops_max, 2, "a maximum");
    wg_clear(ctx);
    expect_ops(wg_neg(wg_sum(random_leaf(ctx, WG_SHAPE(2, LONGEST_ROW), 1), WG_AXES(1))), &ops_sum, 1, "just not long");
    scratch_close(ctx);
    expect_as_plain(long_sum, 1e-6, "a sum");
    expect_as_plain(long_maximum, 0, "a maximum");
}

/* A result has a place of its own. */
Test(simplify, what_is_kept_stays)
{
    wg_context *ctx = planned_context(false);
    wg_tensor a = random_leaf(ctx, WG_SHAPE(2, 3), 1), b = random_leaf(ctx, WG_SHAPE(2, 3), 2), x = wg_exp(a);
    wg_tensor roots[] = {wg_add(a, wg_neg(b)), wg_stop_gradient(x), wg_reshape(x, WG_SHAPE(6)),
                         wg_sum(wg_reshape(x, WG_SHAPE(2, 3, 1)), WG_AXES(2))};
    const wg_op *ops[] = {&ops_add, &ops_stop_gradient, &ops_reshape, &ops_sum};
    planned p = planned_rewrite((wg_list){4, roots});
    for (int i = 0; i < 4; i++) {
        bool kept = false;
        for (uint32_t k = 0; k < p.final.count; k++)
            kept |= p.final.items[k].op == ops[i] && p.final.items[k].flags & ITEM_KEEP;
        cr_expect(kept, "%s", ops[i]->name);
    }
    planned_end(&p);
    scratch_close(ctx);
}

/* ---- merge ---- */

Test(merge, equal_items_are_computed_once)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(2, 3), 1);
    wg_tensor a = wg_sum(wg_exp(x), WG_AXES(1)), b = wg_sum(wg_exp(x), WG_AXES(1)), c = wg_sum(wg_exp(x), WG_AXES(0));
    planned p = planned_rewrite(WG_LIST(wg_neg(a), wg_neg(b), wg_neg(c)));
    cr_expect_eq(count_op(&p.final, &ops_exp), 1);
    cr_expect_eq(count_op(&p.final, &ops_sum), 2, "other axes are other items");
    cr_expect_eq(count_op(&p.final, &ops_neg), 3, "what is kept is not merged");
    cr_expect_eq(p.made.count, 0);
    planned_end(&p);
    scratch_close(ctx);
}

Test(merge, never_what_draws_or_assigns)
{
    wg_context *ctx = planned_context(false);
    wg_tensor a = wg_uniform(ctx, WG_SHAPE(4), 0, 1), b = wg_uniform(ctx, WG_SHAPE(4), 0, 1);
    wg_tensor v = wg_variable(ctx, "v", wg_zeros(ctx, WG_SHAPE(4)));
    double first[4], second[4];
    wg_assign(v, a);
    wg_assign(v, a);
    planned p = planned_rewrite(WG_LIST(wg_neg(a), wg_neg(b)));
    int drawn = 0;
    for (uint32_t i = 0; i < p.final.count; i++) drawn += p.final.items[i].op && p.final.items[i].op->random;
    cr_expect_eq(drawn, 2);
    cr_expect_eq(count_op(&p.final, &graph_assign_op), 2);
    planned_end(&p);
    cr_assert(wg_eval(WG_LIST(a, b)) && wg_read_f64(a, first, 4) && wg_read_f64(b, second, 4));
    cr_expect_neq(first[0], second[0]);
    scratch_close(ctx);
}

Test(merge, numbers_must_be_equal)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(4), 1);
    planned p = planned_rewrite(WG_LIST(wg_mul(wg_mul_scalar(x, 2), wg_mul_scalar(x, 3))));
    cr_expect_eq(count_op(&p.final, &ops_mul), 3);
    cr_expect_eq(p.made.count, 0);
    planned_end(&p);
    p = planned_rewrite(WG_LIST(wg_mul(wg_mul_scalar(x, 2), wg_mul_scalar(x, 2))));
    cr_expect_eq(count_op(&p.final, &ops_mul), 2);
    cr_expect_eq(p.made.count, 1, "that they are is assumed");
    planned_end(&p);
    p = planned_rewrite(WG_LIST(wg_mul(wg_add_scalar(x, 0.0), wg_add_scalar(x, -0.0))));
    cr_expect_eq(count_op(&p.final, &ops_add), 2, "zeros have signs");
    planned_end(&p);
    scratch_close(ctx);
}

/* (a x) (b x) with numbers a and b. */
static double product_of(wg_context *ctx, double a, double b)
{
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(1), (const float[]){1});
    double y = wg_item(wg_mul(wg_mul_scalar(x, a), wg_mul_scalar(x, b)));
    wg_clear(ctx);
    return y;
}

Test(merge, a_broken_assumption_makes_a_second_plan)
{
    wg_context *ctx = planned_context(false);
    cr_expect_eq(product_of(ctx, 2, 2), 4);
    cr_expect_eq(product_of(ctx, 3, 3), 9);
    cr_expect_eq(wg_context_stats(ctx).plan_misses, 1);
    cr_expect_eq(product_of(ctx, 3, 5), 15);
    cr_expect_eq(wg_context_stats(ctx).plan_misses, 2);
    cr_expect_eq(product_of(ctx, 7, 7), 49);
    cr_expect_eq(product_of(ctx, 7, 2), 14);
    cr_expect_eq(wg_context_stats(ctx).plan_misses, 2, "both serve");
    scratch_close(ctx);
}

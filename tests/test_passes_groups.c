/* Grouping: what is written as many ops runs in one pass over memory. */
#include "tests/harness.h"

#include "tests/planned.h"

/* ---- the promise: compositions are one group ---- */

static wg_tensor weights_like(wg_tensor y)
{
    return random_leaf(y.context, wg_shape_of(y), 99);
}

/* y and the gradient of a weighted sum of it. */
static void expect_one_group(wg_tensor y, wg_list xs, const char *what)
{
    wg_tensor roots[8] = {y};
    cr_assert(wg_grads(wg_sum(wg_mul(y, weights_like(y)), WG_ALL), xs, roots + 1), "%s", wg_error(y.context));
    expect_steps((wg_list){1 + xs.count, roots}, 1, 0, 0, 0, what);
}

Test(one_group, softmax_and_its_gradient)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(32, 50), 1);
    expect_one_group(wg_softmax(x, -1), WG_LIST(x), "softmax");
    expect_one_group(wg_log_softmax(x, -1), WG_LIST(x), "log_softmax");
    scratch_close(ctx);
}

static wg_tensor layer_norm(wg_tensor x, wg_tensor scale, wg_tensor bias)
{
    wg_tensor away = wg_sub(x, wg_mean(x, WG_KEEP(-1)));
    wg_tensor factor = wg_rsqrt(wg_add_scalar(wg_mean(wg_square(away), WG_KEEP(-1)), 1e-5));
    return wg_add(wg_mul(wg_mul(away, factor), scale), bias);
}

Test(one_group, layer_norm_and_its_gradient)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(32, 50), 1), scale = random_leaf(ctx, WG_SHAPE(50), 2),
              bias = random_leaf(ctx, WG_SHAPE(50), 3), y = layer_norm(x, scale, bias);
    expect_one_group(y, WG_LIST(x), "layer norm by its input");
    expect_one_group(y, WG_LIST(x, scale, bias), "layer norm by its parameters, too");
    scratch_close(ctx);
}

Test(one_group, activations_and_their_gradients)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(7, 33), 1);
    expect_one_group(wg_gelu(x), WG_LIST(x), "gelu");
    expect_one_group(wg_silu(x), WG_LIST(x), "silu");
    expect_one_group(wg_softplus(x), WG_LIST(x), "softplus");
    scratch_close(ctx);
}

Test(one_group, adam)
{
    wg_context *ctx = planned_context(false);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(40, 30), wg_init_uniform(-1, 1));
    wg_optimizer *adam = wg_adam_new(ctx, "*", NULL);
    wg_tensor slope = random_leaf(ctx, WG_SHAPE(40, 30), 4);
    wg_optimizer_apply(adam, WG_LIST(slope));
    wg_clear(ctx);
    slope = random_leaf(ctx, WG_SHAPE(40, 30), 4);
    wg_optimizer_apply(adam, WG_LIST(slope));
    planned p = planned_lay_out(WG_LIST(w));
    cr_expect_eq(p.plan->step_count, 2, "one for the parameter, one for the counts of steps");
    for (uint32_t i = 0; i < p.final.count; i++)
        if (p.s.step_of[i] && p.final.items[i].size > 1)
            cr_expect_eq(p.s.step_of[i], p.s.step_of[find_op(&p.final, &ops_sub)]);
    int in_place = 0;
    for (size_t i = 0; i < p.plan->result_count; i++) in_place += p.plan->results[i].in_place != 0;
    cr_expect_eq(in_place, 3, "%d of w, m and v are written in place", in_place);
    planned_end(&p);
    scratch_close(ctx);
}

/* The gradient of a layer by its bias sums columns of what the mask of the relu lets through. */
Test(one_group, bias_gradient_and_relu_mask)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(64, 20), 1), bias = random_leaf(ctx, WG_SHAPE(20), 2);
    expect_one_group(wg_relu(wg_add(x, bias)), WG_LIST(x, bias), "relu of a biased row");
    scratch_close(ctx);
}

Test(groups, are_cut_at_transposition_and_totals)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(200, 100), 1), y = wg_exp(x);
    expect_steps(WG_LIST(wg_mul(y, wg_reshape(wg_transpose(y), WG_SHAPE(200, 100)))), 2, 0, 0, 0, "turned");
    expect_steps(WG_LIST(wg_div(y, wg_sum(y, WG_ALL))), 2, 0, 0, 0, "a total is known at the end only");
    expect_steps(WG_LIST(wg_div(y, wg_sum(y, WG_KEEP(1)))), 1, 0, 0, 0, "rows");
    expect_steps(WG_LIST(wg_div(y, wg_sum(y, WG_KEEP(0)))), 2, 0, 0, 0, "columns");
    expect_steps(WG_LIST(wg_exp(wg_matmul(y, wg_transpose(x)))), 2, 1, 0, 0, "a product between");
    scratch_close(ctx);
}

static wg_tensor turned(wg_context *ctx)
{
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(20, 20), 1));
    return wg_mul(y, wg_transpose(y));
}

static wg_tensor shifted(wg_context *ctx)
{
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(20, 20), 1));
    return wg_sub(wg_slice(y, 0, 1, WG_END), wg_slice(y, 0, 0, 19));
}

static wg_tensor by_other_rows(wg_context *ctx)
{
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(20, 20), 1));
    return wg_add(y, wg_flip(wg_sum(y, WG_KEEP(1)), 0));
}

Test(groups, do_not_serve_other_elements_from_registers)
{
    expect_as_plain(turned, 0, "turned");
    expect_as_plain(shifted, 0, "shifted");
    expect_as_plain(by_other_rows, 1e-6, "by other rows");
}

/* ---- soundness, of random programs ---- */

/* Every operand is computed before it is read, or in the same group where registers serve. */
static void expect_sound(const planned *p, uint64_t seed)
{
    const schedule *s = &p->s;
    for (uint32_t i = 0; i < p->final.count; i++) {
        reading r;
        for (uint32_t k = 0; s->step_of[i] && k < p->final.items[i].count; k++) {
            if (!schedule_read(s, i, k, &r)) continue;
            uint32_t from = s->step_of[r.view->base], at = s->step_of[i];
            cr_expect(from <= at, "seed %d: item %d reads what comes later", (int)seed, (int)i);
            if (from != at || !from) continue;
            const group *g = s->steps[at - 1].group;
            cr_expect(r.view->base < i && g && schedule_in_group(s, g, i, &r), "seed %d: item %d reads in its group",
                      (int)seed, (int)i);
        }
    }
}

/* Every computed item stands in exactly one step, which knows it. */
static void expect_complete(const planned *p, uint64_t seed)
{
    const schedule *s = &p->s;
    size_t placed = 0, computed = 0;
    for (size_t i = 0; i < s->count; i++) {
        const group *g = s->steps[i].group;
        placed += g ? g->count : 1;
        for (size_t k = 0; g && k < g->count; k++)
            cr_expect(s->step_of[g->items[k]] == i + 1 && (k == 0 || g->items[k] > g->items[k - 1]), "seed %d",
                      (int)seed);
    }
    for (uint32_t i = 0; i < p->final.count; i++) computed += s->step_of[i] != 0;
    cr_expect_eq(placed, computed, "seed %d", (int)seed);
}

Test(groups, read_nothing_that_comes_later)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        wg_context *ctx = planned_context(false);
        wg_tensor roots[RANDOM_ROOTS];
        random_graph(ctx, seed, roots);
        planned p = planned_lay_out((wg_list){RANDOM_ROOTS, roots});
        expect_sound(&p, seed);
        expect_complete(&p, seed);
        planned_end(&p);
        scratch_close(ctx);
    }
}

/* A flag for all rows, read by the own kernel of an op of row values. */
static wg_tensor chosen_rows(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(9, 3), 1), sum = wg_sum(x, WG_AXES(-1));
    wg_tensor flag = wg_less_scalar(random_leaf(ctx, WG_SHAPE(1), 2), 5);
    wg_eval(WG_LIST(flag));
    return wg_where(flag, wg_greater_scalar(sum, 0), wg_less_scalar(sum, 0));
}

Test(groups, row_values_by_an_own_kernel)
{
    expect_as_plain(chosen_rows, 0, "where of flags");
}

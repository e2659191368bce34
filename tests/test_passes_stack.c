/* The pass that turns many small products into one large one. */
#include "tests/harness.h"

#include "tests/planned.h"

/* ---- what is recorded ---- */

enum { STEPS = 6, ROWS = 3, INNER = 4, COLUMNS = 5 };

/* STEPS tensors of these shapes: slices of one, or computed from leaves of their own. */
static void record_steps(wg_context *ctx, bool sliced, int64_t rows, int64_t columns, uint64_t seed, wg_tensor *out)
{
    wg_tensor all = random_leaf(ctx, WG_SHAPE(STEPS * rows, columns), seed);
    for (int t = 0; t < STEPS; t++)
        out[t] = sliced ? wg_slice(all, 0, t * rows, (t + 1) * rows)
                        : wg_tanh(random_leaf(ctx, WG_SHAPE(rows, columns), seed + 1 + (uint64_t)t));
}

static wg_tensor added(const wg_tensor *terms, int count)
{
    wg_tensor sum = terms[0];
    for (int i = 1; i < count; i++) sum = wg_add(sum, terms[i]);
    return sum;
}

static wg_tensor turned_product(wg_tensor a, wg_tensor b)
{
    return wg_matmul_transposed(a, true, b, false);
}

/* The programs that the pass reads and writes. */
typedef struct {
    planned p;
    program after;
} stacked;

static stacked stack_of(wg_list roots)
{
    stacked s = {.p = planned_rewrite(roots)};
    program all;
    cr_assert(pass_stack(&s.p.final, &all, &s.p.memory) && pass_dead(&all, &s.after, &s.p.memory));
    return s;
}

/* How many there are of an op that it may change. */
static void expect_left(wg_list roots, const wg_op *op, int count, const char *what)
{
    stacked s = stack_of(roots);
    int found = count_op(&s.after, op);
    cr_expect_eq(found, count, "%s: %d times %s, not %d", what, found, op->name, count);
    planned_end(&s.p);
}

/* ---- products of rows ---- */

/* Products of a shared right operand with slices of one tensor, from the last to the first. */
static wg_tensor sliced_rows(wg_context *ctx)
{
    wg_tensor x[STEPS], y[STEPS], w = wg_tanh(random_leaf(ctx, WG_SHAPE(COLUMNS, INNER), 1));
    record_steps(ctx, true, ROWS, INNER, 2, x);
    for (int t = STEPS; t-- > 0;) y[t] = wg_exp(wg_matmul_transposed(x[t], false, w, true));
    return added(y, STEPS);
}

Test(stack, slices_of_one_tensor_are_multiplied_at_once)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(sliced_rows(ctx)));
    cr_expect_eq(count_op(&s.p.final, &ops_matmul), STEPS);
    cr_expect_eq(count_op(&s.after, &ops_matmul), 1);
    cr_expect_eq(s.after.items[find_op(&s.after, &ops_matmul)].shape.dim[0], STEPS * ROWS);
    cr_expect_eq(count_op(&s.after, &ops_concat), 0);
    planned_end(&s.p);
    expect_steps(WG_LIST(sliced_rows(ctx)), 2, 1, 0, 0, "a weight, a product, a group");
    scratch_close(ctx);
    expect_as_plain(sliced_rows, 1e-6, "slices");
}

/* Computed one by one, and joined afterwards: the gradient of the slices. */
static wg_tensor joined_rows(wg_context *ctx)
{
    wg_tensor x[STEPS], y[STEPS], w = random_leaf(ctx, WG_SHAPE(INNER, COLUMNS), 1);
    record_steps(ctx, false, ROWS, INNER, 2, x);
    for (int t = STEPS; t-- > 0;) y[t] = wg_unsqueeze(wg_matmul(x[t], w), 0);
    return wg_mul_scalar(wg_concat((wg_list){STEPS, y}, 0), 2);
}

Test(stack, products_that_are_joined_take_a_new_stack)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(joined_rows(ctx)));
    cr_expect_eq(count_op(&s.after, &ops_matmul), 1);
    cr_expect_eq(count_op(&s.after, &ops_concat), 2);
    cr_expect_eq(s.after.items[find_op(&s.after, &ops_concat)].count, 1, "the product instead of its slices");
    planned_end(&s.p);
    planned p = planned_lay_out(WG_LIST(joined_rows(ctx)));
    cr_expect_eq(count_steps(p.plan, STEP_PRODUCT), 1);
    cr_expect_eq(count_steps(p.plan, STEP_COPY), 0);
    planned_end(&p);
    scratch_close(ctx);
    expect_as_plain(joined_rows, 1e-6, "joined");
}

/* Each operand comes later than the product of the one before, and a view of that. */
static wg_tensor late_rows(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(ROWS, INNER), 1), w = random_leaf(ctx, WG_SHAPE(INNER, COLUMNS), 2),
              y[STEPS];
    for (int t = 0; t < STEPS; t++) {
        x = wg_tanh(wg_mul_scalar(x, 1.5));
        y[t] = wg_unsqueeze(wg_matmul(x, w), 0);
    }
    wg_tensor all = wg_concat((wg_list){STEPS, y}, 0);
    return wg_mul(all, wg_exp(wg_reshape(y[1], WG_SHAPE(ROWS, COLUMNS))));
}

Test(stack, views_of_products_wait_for_them)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(late_rows(ctx)));
    cr_expect_eq(count_op(&s.after, &ops_matmul), 1);
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(late_rows, 1e-6, "late");
}

/* Some of a longer concat, which is wider than they are. */
static wg_tensor partly_joined_rows(wg_context *ctx)
{
    wg_tensor x[STEPS], y[STEPS + 2], w = random_leaf(ctx, WG_SHAPE(INNER, COLUMNS), 1);
    record_steps(ctx, false, ROWS, INNER, 2, x);
    for (int t = 0; t < STEPS; t++) y[t + 1] = wg_matmul(x[t], w);
    y[0] = random_leaf(ctx, WG_SHAPE(2, COLUMNS), 20);
    y[STEPS + 1] = wg_exp(y[2]);
    return wg_mul_scalar(wg_concat((wg_list){STEPS + 2, y}, 0), 2);
}

Test(stack, products_inside_a_longer_concat)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(partly_joined_rows(ctx)));
    cr_expect_eq(count_op(&s.after, &ops_matmul), 1);
    cr_expect_eq(s.after.items[find_op(&s.after, &ops_concat)].count, 3);
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(partly_joined_rows, 1e-6, "partly");
}

/* Each product needs the one before: what is ready too late must not be waited for. */
static wg_tensor recurrence(wg_context *ctx)
{
    wg_tensor x[STEPS], h = wg_tanh(random_leaf(ctx, WG_SHAPE(ROWS, INNER), 9)), all[STEPS];
    wg_tensor w = random_leaf(ctx, WG_SHAPE(INNER, INNER), 1);
    record_steps(ctx, true, ROWS, INNER, 2, x);
    for (int t = 0; t < STEPS; t++) all[t] = h = wg_tanh(wg_add(x[t], wg_matmul(h, w)));
    return wg_mul_scalar(wg_concat((wg_list){STEPS, all}, 0), 2);
}

Test(stack, a_recurrence_stays)
{
    wg_context *ctx = planned_context(false);
    expect_left(WG_LIST(recurrence(ctx)), &ops_matmul, STEPS, "a recurrence");
    scratch_close(ctx);
    expect_as_plain(recurrence, 1e-6, "a recurrence");
}

/* ---- sums ---- */

static wg_tensor summed(wg_context *ctx, bool left_sliced, bool right_sliced)
{
    wg_tensor a[STEPS], b[STEPS], c[STEPS];
    record_steps(ctx, left_sliced, ROWS, INNER, 1, a);
    record_steps(ctx, right_sliced, ROWS, COLUMNS, 31, b);
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(a[STEPS - 1 - t], b[STEPS - 1 - t]);
    return added(c, STEPS);
}

static wg_tensor sliced_sum(wg_context *ctx)
{
    return summed(ctx, true, true);
}

static wg_tensor half_sliced_sum(wg_context *ctx)
{
    return summed(ctx, false, true);
}

static wg_tensor computed_sum(wg_context *ctx)
{
    return wg_neg(summed(ctx, false, false));
}

Test(stack, sums_of_products_become_one)
{
    const struct {
        recorder record;
        int concats;
        const char *what;
    } cases[] = {
        {sliced_sum, 0, "slices"}, {half_sliced_sum, 1, "slices on one side"}, {computed_sum, 2, "none stacked yet"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_context *ctx = planned_context(false);
        stacked s = stack_of(WG_LIST(cases[i].record(ctx)));
        const item *made = &s.after.items[find_op(&s.after, &ops_matmul)];
        cr_expect_eq(count_op(&s.after, &ops_matmul), 1, "%s", cases[i].what);
        cr_expect_eq(count_op(&s.after, &ops_add), 0, "%s", cases[i].what);
        cr_expect_eq(count_op(&s.after, &ops_concat), cases[i].concats, "%s", cases[i].what);
        uint32_t left = s.after.operands[made->operand];
        cr_expect_eq(s.after.items[left].shape.dim[0], STEPS * ROWS, "%s", cases[i].what);
        planned_end(&s.p);
        planned p = planned_lay_out(WG_LIST(cases[i].record(ctx)));
        cr_expect_eq(count_steps(p.plan, STEP_COPY), 0, "%s", cases[i].what);
        planned_end(&p);
        scratch_close(ctx);
        expect_as_plain(cases[i].record, 1e-6, cases[i].what);
    }
}

/* Terms that cannot be stacked stay, and so does what is read elsewhere. */
static wg_tensor mixed_sum(wg_context *ctx)
{
    wg_tensor a[STEPS], b[STEPS], c[STEPS + 3], other = random_leaf(ctx, WG_SHAPE(INNER, COLUMNS), 70);
    record_steps(ctx, true, ROWS, INNER, 1, a);
    record_steps(ctx, false, ROWS, COLUMNS, 31, b);
    c[0] = wg_exp(other);
    for (int t = 0; t < STEPS; t++) c[t + 1] = turned_product(a[t], b[t]);
    c[STEPS + 1] = turned_product(random_leaf(ctx, WG_SHAPE(2, INNER), 71), random_leaf(ctx, WG_SHAPE(2, COLUMNS), 72));
    c[STEPS + 2] = wg_sin(other);
    return wg_mul(added(c, STEPS + 3), wg_exp(added(c, 3)));
}

Test(stack, other_terms_of_a_sum_stay)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(mixed_sum(ctx)));
    /* Two of the products are in a sum that has a reader of its own; four are stacked; one cannot be. */
    cr_expect_eq(count_op(&s.p.final, &ops_matmul), STEPS + 1);
    cr_expect_eq(count_op(&s.after, &ops_matmul), STEPS + 1 - 4 + 1);
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(mixed_sum, 1e-6, "other terms");
}

/* Sums whose terms have operands that are such sums. */
static wg_tensor sum_of_sums(wg_context *ctx)
{
    wg_tensor a[STEPS], sums[STEPS];
    record_steps(ctx, true, INNER, 2, 1, a);
    for (int i = 0; i < STEPS; i++) {
        wg_tensor b[STEPS], c[STEPS], d[STEPS];
        record_steps(ctx, true, ROWS, INNER, 100 + 50 * (uint64_t)i, b);
        record_steps(ctx, true, ROWS, COLUMNS, 120 + 50 * (uint64_t)i, c);
        for (int t = 0; t < STEPS; t++) d[t] = turned_product(b[t], c[t]);
        sums[i] = turned_product(a[i], added(d, STEPS - 1));
    }
    return added(sums, STEPS);
}

Test(stack, sums_of_products_of_sums)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(sum_of_sums(ctx)));
    cr_expect_eq(count_op(&s.after, &ops_matmul), 1 + STEPS);
    cr_expect_eq(count_op(&s.after, &ops_concat), 1);
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(sum_of_sums, 1e-6, "sums of sums");
}

/* The gradient of a bias, beside that of its weight: rows are only added up at once where they are stacked anyway. */
static wg_tensor bias_sum(wg_context *ctx, bool weight)
{
    wg_tensor a[STEPS], b[STEPS], c[STEPS], d[STEPS];
    record_steps(ctx, true, ROWS, INNER, 1, a);
    record_steps(ctx, false, ROWS, COLUMNS, 31, b);
    for (int t = 0; t < STEPS; t++) {
        c[t] = turned_product(a[t], b[t]);
        d[t] = wg_sum(b[t], WG_AXES(0));
    }
    return weight ? wg_mul(added(c, STEPS), added(d, STEPS)) : wg_neg(added(d, STEPS));
}

static wg_tensor bias_and_weight(wg_context *ctx)
{
    return bias_sum(ctx, true);
}

Test(stack, sums_over_rows_follow)
{
    wg_context *ctx = planned_context(false);
    expect_left(WG_LIST(bias_sum(ctx, true)), &ops_sum, 1, "stacked for a product");
    expect_left(WG_LIST(bias_sum(ctx, false)), &ops_sum, STEPS, "not worth a stack");
    scratch_close(ctx);
    expect_as_plain(bias_and_weight, 1e-6, "a bias and a weight");
}

/* ---- what must stay ---- */

Test(stack, only_what_costs_nothing)
{
    wg_context *ctx = planned_context(false);
    wg_tensor a[STEPS], b[STEPS], c[STEPS], d[STEPS], x[STEPS], w = random_leaf(ctx, WG_SHAPE(INNER, COLUMNS), 1);
    record_steps(ctx, true, ROWS, INNER, 2, x);
    for (int t = 0; t < STEPS; t++) a[t] = wg_matmul(x[t], w);
    expect_left((wg_list){STEPS, a}, &ops_matmul, STEPS, "results have memory of their own");
    expect_left((wg_list){3, a}, &ops_matmul, 3, "few");
    for (int t = 0; t < STEPS; t++) b[t] = wg_exp(wg_matmul(wg_slice(x[t], 0, 0, ROWS - 1), w));
    expect_left(WG_LIST(added(b, STEPS)), &ops_matmul, STEPS, "gaps between the rows");
    for (int t = 0; t < STEPS; t++) b[t] = wg_matmul(x[t], w);
    expect_left(WG_LIST(wg_exp(wg_concat((wg_list){STEPS, b}, 1))), &ops_matmul, STEPS, "joined side by side");
    for (int t = 0; t < STEPS; t++) b[t] = wg_matmul(x[(t + 2) % STEPS], w);
    expect_left(WG_LIST(wg_exp(wg_concat((wg_list){STEPS, b}, 0))), &ops_matmul, 3, "joined in another order");
    record_steps(ctx, false, ROWS, COLUMNS, 31, b);
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(x[t], random_leaf(ctx, WG_SHAPE(ROWS, COLUMNS), 60));
    expect_left(WG_LIST(added(c, STEPS)), &ops_matmul, STEPS, "leaves of their own");
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(x[t], b[0]);
    expect_left(WG_LIST(added(c, STEPS)), &ops_matmul, STEPS, "one for all");
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(b[t], b[t]);
    expect_left(WG_LIST(added(c, STEPS)), &ops_matmul, STEPS, "the same on both sides");
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(x[t], b[t]);
    for (int t = 0; t < STEPS; t++) d[t] = b[STEPS - 1 - t];
    wg_tensor elsewhere = wg_exp(wg_concat((wg_list){STEPS, d}, 1));
    expect_left(WG_LIST(added(c, STEPS), elsewhere), &ops_matmul, STEPS, "inside another concat");
    expect_left(WG_LIST(added(c, STEPS), b[2]), &ops_matmul, STEPS, "one is a result");
    for (int t = 0; t < STEPS; t++) c[t] = turned_product(a[t], b[t]);
    expect_left(WG_LIST(wg_exp(added(c, STEPS))), &ops_matmul, STEPS + 1, "products inside a stack");
    for (int t = 0; t < STEPS; t++) d[t] = wg_matmul(a[t], wg_transpose(w));
    expect_left(WG_LIST(wg_exp(wg_concat((wg_list){STEPS, d}, 0))), &ops_matmul, 1 + STEPS, "slices of a product");
    wg_tensor zeros = wg_zeros(ctx, WG_SHAPE(STEPS * ROWS, INNER));
    for (int t = 0; t < STEPS; t++) d[t] = wg_exp(wg_matmul(wg_slice(zeros, 0, t * ROWS, (t + 1) * ROWS), w));
    expect_left(WG_LIST(added(d, STEPS)), &ops_matmul, STEPS, "zeros in no memory");
    scratch_close(ctx);
}

/* A sum that is complete before another operand of the same stack is there waits for it, unless it is read before. */
static wg_tensor sums_of_different_lengths(wg_context *ctx)
{
    wg_tensor x[STEPS], h[STEPS], g[STEPS], c[STEPS], d[STEPS];
    record_steps(ctx, true, ROWS, INNER, 2, x);
    record_steps(ctx, true, ROWS, INNER, 22, h);
    wg_tensor next = wg_tanh(random_leaf(ctx, WG_SHAPE(ROWS, COLUMNS), 40)), early = WG_NONE;
    for (int t = 0; t < STEPS; t++) {
        if (t == STEPS - 1) early = added(d, STEPS - 1);
        g[t] = next = wg_tanh(wg_mul_scalar(next, 1.5));
        c[t] = turned_product(x[t], g[t]);
        d[t] = turned_product(h[t], g[t]);
    }
    return wg_mul(added(c, STEPS), early);
}

Test(stack, a_sum_waits_for_a_stack)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(sums_of_different_lengths(ctx)));
    cr_expect_eq(count_op(&s.after, &ops_matmul), 2);
    cr_expect_eq(count_op(&s.after, &ops_concat), 1);
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(sums_of_different_lengths, 1e-6, "two sums");
}

/* The work of one product and the memory of all are bounded. */
Test(stack, small_products_and_little_memory)
{
    wg_context *ctx = planned_context(false);
    const struct {
        int64_t rows, inner, columns;
        int left;
        const char *what;
    } cases[] = {{128, 128, 128, 1, "just small"},
                 {129, 128, 128, STEPS, "not small"},
                 {20000, 1, 16, 1, "6 x 1.3 MB"},
                 {50000, 1, 16, STEPS, "6 x 3.2 MB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_tensor x[STEPS], y[STEPS];
        wg_tensor w = random_leaf(ctx, WG_SHAPE(cases[i].inner, cases[i].columns), 1);
        record_steps(ctx, true, cases[i].rows, cases[i].inner, 2, x);
        for (int t = 0; t < STEPS; t++) y[t] = wg_exp(wg_matmul(x[t], w));
        expect_left(WG_LIST(added(y, STEPS)), &ops_matmul, cases[i].left, cases[i].what);
    }
    scratch_close(ctx);
}

/* ---- a network ---- */

/* A cell with gates, whose states are stacked for the output; the gradient of what `which` says. */
static wg_tensor network_slope(wg_context *ctx, wg_type type, int which)
{
    enum { BATCH = 2, INPUTS = 3, HIDDEN = 4 };
    wg_tensor w[] = {random_leaf(ctx, WG_SHAPE(INPUTS, 2 * HIDDEN), 1),
                     random_leaf(ctx, WG_SHAPE(HIDDEN, 2 * HIDDEN), 2), random_leaf(ctx, WG_SHAPE(2 * HIDDEN), 3),
                     random_leaf(ctx, WG_SHAPE(STEPS, BATCH, INPUTS), 4)};
    for (int i = 0; i < 4; i++) w[i] = wg_cast(w[i], type);
    wg_tensor h = wg_cast(wg_zeros(ctx, WG_SHAPE(BATCH, HIDDEN)), type), all[STEPS];
    for (int t = 0; t < STEPS; t++) {
        wg_tensor x = wg_select(w[3], 0, t);
        /* One after the other, as what can be stacked depends on the order. */
        wg_tensor state = wg_matmul(h, w[1]), input = wg_matmul(x, w[0]), z = wg_add(wg_add(input, state), w[2]);
        wg_tensor cell = wg_tanh(wg_slice(z, 1, HIDDEN, 2 * HIDDEN)), gate = wg_sigmoid(wg_slice(z, 1, 0, HIDDEN));
        h = wg_mul(gate, cell);
        all[t] = h;
    }
    wg_tensor y = wg_sum(wg_square(wg_stack((wg_list){STEPS, all}, 0)), WG_ALL);
    wg_tensor slopes[4];
    cr_assert(wg_grads(y, (wg_list){4, w}, slopes), "%s", wg_error(ctx));
    wg_tensor flat[4];
    for (int i = 0; i < 4; i++) flat[i] = wg_reshape(slopes[i], WG_SHAPE(wg_size(slopes[i])));
    return which < 0 ? wg_concat((wg_list){4, flat}, 0) : slopes[which];
}

static wg_tensor network_f32(wg_context *ctx)
{
    return network_slope(ctx, WG_F32, -1);
}

static wg_tensor network_f64(wg_context *ctx)
{
    return network_slope(ctx, WG_F64, -1);
}

Test(stack, an_unrolled_network)
{
    wg_context *ctx = planned_context(false);
    stacked s = stack_of(WG_LIST(network_slope(ctx, WG_F32, -1)));
    /* Of all steps at once: inputs, their gradients, both weights'; of each: the state, backward but for the first, and
       the product with the zeros that the state begins with. */
    cr_expect_eq(count_op(&s.after, &ops_matmul), 4 + STEPS + STEPS - 1 + 1);
    cr_expect_eq(count_op(&s.after, &ops_sum), 1, "of the bias");
    planned_end(&s.p);
    scratch_close(ctx);
    expect_as_plain(network_f32, 1e-5, "in f32");
    expect_as_plain(network_f64, 1e-13, "in f64");
}

/* Sums are taken in an order that the program alone gives. */
Test(stack, bits_do_not_depend_on_threads)
{
    float values[2][400];
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.threads = 1 + 2 * i, .seed = 5});
        wg_tensor y = network_f32(ctx);
        size = (size_t)wg_size(y);
        cr_assert(size <= 400 && wg_read_f32(y, values[i], size), "%s", wg_error(ctx));
        scratch_close(ctx);
    }
    cr_expect_eq(memcmp(values[0], values[1], size * sizeof *values[0]), 0);
}

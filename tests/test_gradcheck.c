/* The gradient check on right gradients: it accepts them, counts kinks, tells the truth in its report, and leaves no
 * trace. */
#include "tests/scratch.h"

enum { LARGE = 20000 };

static const wg_type types[] = {WG_F32, WG_F64};

typedef struct {
    wg_tensor y, x[4];
    size_t count;
} problem;

typedef problem (*maker)(wg_context *ctx);

/* ---- problems ---- */

static problem smooth(wg_context *ctx)
{
    wg_tensor a = wg_normal(ctx, WG_SHAPE(4, 3)), b = wg_normal(ctx, WG_SHAPE(3, 5)), c = wg_normal(ctx, WG_SHAPE(5));
    wg_tensor z = wg_add(wg_tanh(wg_matmul(a, b)), wg_exp(wg_mul_scalar(c, 0.3)));
    return (problem){wg_logsumexp(z, WG_ALL), {a, b, c}, 3};
}

static problem relu_network(wg_context *ctx)
{
    wg_linear one = wg_linear_new(ctx, "one", 6, 8, NULL), two = wg_linear_new(ctx, "two", 8, 4, NULL);
    wg_tensor x = wg_normal(ctx, WG_SHAPE(5, 6)), y = wg_linear_apply(&two, wg_relu(wg_linear_apply(&one, x)));
    wg_tensor target = wg_from_i32(ctx, WG_SHAPE(5), (int32_t[]){0, 3, 1, 2, 2});
    return (problem){wg_cross_entropy(y, target, NULL), {one.weight, one.bias, two.weight, x}, 4};
}

static problem absolute(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(17));
    return (problem){wg_sum(wg_abs(wg_mul(x, wg_normal_like(x))), WG_ALL), {x}, 1};
}

static problem larger_of_two(wg_context *ctx)
{
    wg_tensor a = wg_normal(ctx, WG_SHAPE(4, 4)), b = wg_normal(ctx, WG_SHAPE(4, 4));
    return (problem){wg_sum(wg_square(wg_maximum(a, wg_minimum(wg_sin(b), a))), WG_ALL), {a, b}, 2};
}

static problem largest(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(6, 5));
    return (problem){wg_sum(wg_square(wg_max(x, WG_AXES(-1))), WG_ALL), {x}, 1};
}

static problem dropped_out(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(8, 8)), w = wg_normal(ctx, WG_SHAPE(8, 8));
    return (problem){wg_mean(wg_square(wg_dropout(wg_tanh(wg_matmul(wg_dropout(x, 0.4), w)), 0.5)), WG_ALL), {x, w}, 2};
}

static problem tiny_and_empty(wg_context *ctx)
{
    wg_tensor a = wg_normal(ctx, WG_SCALAR), b = wg_normal(ctx, WG_SHAPE(1, 1)), none = wg_normal(ctx, WG_SHAPE(0, 3));
    wg_tensor y = wg_add(wg_sum(wg_sin(wg_mul(a, b)), WG_ALL), wg_sum(wg_square(none), WG_ALL));
    return (problem){y, {a, b, none}, 3};
}

static problem large(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(LARGE));
    return (problem){wg_mean(wg_mul(wg_sin(x), wg_normal_like(x)), WG_ALL), {x}, 1};
}

/* A tensor half way, what lies before it, and the result itself. */
static problem interior(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 3)), half = wg_exp(wg_mul_scalar(x, 0.5));
    wg_tensor y = wg_sum(wg_square(wg_sub(half, x)), WG_ALL);
    return (problem){y, {half, x, y}, 3};
}

static problem unrelated(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3)), other = wg_normal(ctx, WG_SHAPE(3));
    wg_tensor y = wg_sum(wg_square(wg_add(x, wg_stop_gradient(wg_mul_scalar(x, 0)))), WG_ALL);
    return (problem){y, {x, other}, 2};
}

/* Gradients that are zero but for rounding: a softmax sums to one, and centred values to zero. */
static problem invariant(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(12)), z = wg_normal(ctx, WG_SHAPE(12));
    wg_tensor centred = wg_sub(wg_exp(z), wg_mean(wg_exp(z), WG_ALL));
    return (problem){wg_add(wg_sum(wg_softmax(x, -1), WG_ALL), wg_sum(centred, WG_ALL)), {x, z}, 2};
}

/* Elements of very different size, and a domain that ends close by. */
static problem uneven(wg_context *ctx)
{
    wg_tensor x = wg_exp(wg_mul_scalar(wg_normal(ctx, WG_SHAPE(12)), 5));
    return (problem){wg_sum(wg_log(x), WG_ALL), {x}, 1};
}

static problem second_order(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 4)), w = wg_normal(ctx, WG_SHAPE(4, 2));
    wg_tensor g = wg_grad(wg_sum(wg_tanh(wg_matmul(x, w)), WG_ALL), w);
    return (problem){wg_sum(wg_square(g), WG_ALL), {x, w}, 2};
}

/* ---- acceptance ---- */

static wg_context *context_of(wg_type type, uint64_t seed)
{
    return scratch_context_with((wg_context_options){.type = type, .seed = seed});
}

static void check_accepted(maker make, wg_type type, uint64_t seed, bool fast, const char *what)
{
    wg_context *ctx = context_of(type, seed);
    problem p = make(ctx);
    wg_gradcheck_report r =
        wg_gradcheck(p.y, (wg_list){p.count, p.x}, &(wg_gradcheck_options){.fast = fast, .seed = seed});
    cr_assert(r.complete, "%s: %s", what, wg_error(ctx));
    cr_assert_eq(r.leaf_count, p.count);
    for (size_t i = 0; i < r.leaf_count; i++) {
        const wg_gradcheck_leaf *leaf = &r.leaves[i];
        int64_t size = wg_shape_size(leaf->shape), wanted = fast || size > 256 ? 16 : size;
        cr_assert(leaf->passed, "%s, %s, seed %d: %s: norm error %g, worst %g, %d compared, %d kinks", what,
                  wg_type_name(type), (int)seed, leaf->name, leaf->norm_error, leaf->worst_error, (int)leaf->samples,
                  (int)leaf->kinks);
        if (size == 0) wanted = 0;
        cr_assert_eq(leaf->samples + leaf->kinks + leaf->blurred, wanted);
        cr_assert_leq(leaf->norm_error, 1e-6);
        cr_assert_geq(leaf->samples, wanted - wanted / 8 - 1, "%s: too many kinks: %d", what, (int)leaf->kinks);
    }
    cr_assert(r.passed, "%s", what);
    scratch_close(ctx);
}

static void accept(maker make, const char *what)
{
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++)
        for (int type = 0; type < 2; type++)
            for (int fast = 0; fast < 2; fast++) check_accepted(make, types[type], seed, fast, what);
}

Test(accepts, smooth_ones)
{
    accept(smooth, "smooth");
    accept(interior, "interior");
    accept(second_order, "second order");
}

Test(accepts, kinked_ones)
{
    accept(relu_network, "relu");
    accept(absolute, "abs");
    accept(larger_of_two, "maximum");
    accept(largest, "max");
}

Test(accepts, random_masks)
{
    accept(dropped_out, "dropout");
}

Test(accepts, sizes)
{
    accept(tiny_and_empty, "tiny and empty");
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++)
        check_accepted(large, types[seed % 2], seed, seed % 4 > 1, "large");
}

Test(accepts, gradients_of_zero)
{
    accept(unrelated, "unrelated");
    accept(invariant, "invariant");
}

Test(accepts, uneven_elements)
{
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++) check_accepted(uneven, WG_F64, seed, false, "uneven");
}

/* A loss of nearly nothing out of values of order one: rounding is the larger values', not the loss's. */
Test(accepts, a_loss_near_zero)
{
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++) {
        wg_context *ctx = context_of(WG_F64, seed);
        wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(4, 5), wg_init_normal(0.1));
        wg_tensor far = wg_one_hot(wg_from_i32(ctx, WG_SHAPE(4), (int32_t[]){0, 1, 2, 3}), 5);
        wg_tensor logits = wg_add(x, wg_mul_scalar(wg_cast(far, WG_F64), 14));
        wg_tensor loss = wg_cross_entropy(logits, wg_from_i32(ctx, WG_SHAPE(4), (int32_t[]){0, 1, 2, 3}), NULL);
        wg_gradcheck_report r = wg_gradcheck(loss, (wg_list){0, NULL}, NULL);
        cr_expect(r.passed && r.value < 1e-5, "seed %d: loss %g, norm error %g, worst %g, %d compared", (int)seed,
                  r.value, r.leaves[0].norm_error, r.leaves[0].worst_error, (int)r.leaves[0].samples);
        scratch_close(ctx);
    }
}

/* ---- the digits network ---- */

static wg_gradcheck_report check_digits(wg_tensor (*activation)(wg_tensor), int64_t hidden, int64_t inputs,
                                        int64_t batch, const wg_gradcheck_options *options)
{
    wg_context *ctx = context_of(WG_F32, 3);
    wg_linear one = wg_linear_new(ctx, "hidden", inputs, hidden, NULL);
    wg_linear two = wg_linear_new(ctx, "output", hidden, 10, NULL);
    int32_t classes[64];
    for (int i = 0; i < 64; i++) classes[i] = i * 7 % 10;
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(batch, inputs), 0, 1);
    wg_tensor y = wg_linear_apply(&two, activation(wg_linear_apply(&one, x)));
    wg_tensor loss = wg_cross_entropy(y, wg_from_i32(ctx, WG_SHAPE(batch), classes), NULL);
    wg_gradcheck_report r = wg_gradcheck(loss, (wg_list){0, NULL}, options);
    cr_assert(r.complete && r.passed, "%s", wg_error(ctx));
    cr_expect_eq(r.leaf_count, (size_t)4);
    cr_expect_float_eq(wg_item(loss), r.value, 1e-5);
    scratch_close(ctx);
    return r;
}

Test(digits, directions)
{
    wg_gradcheck_report r = check_digits(wg_relu, 256, 784, 64, &(wg_gradcheck_options){.fast = true});
    static const char *const names[] = {"hidden/weight", "hidden/bias", "output/weight", "output/bias"};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(r.leaves[i].name, names[i]);
        cr_expect_lt(r.leaves[i].norm_error, 1e-7, "%s: %g", names[i], r.leaves[i].norm_error);
        cr_expect_geq(r.leaves[i].samples, 14);
        cr_expect_eq(r.leaves[i].samples + r.leaves[i].kinks + r.leaves[i].blurred, 16);
    }
}

Test(digits, every_element_with_tanh)
{
    wg_gradcheck_report r = check_digits(wg_tanh, 16, 30, 16, &(wg_gradcheck_options){.full = 1000});
    for (size_t i = 0; i < 4; i++) {
        cr_expect_lt(r.leaves[i].norm_error, 1e-7);
        cr_expect_lt(r.leaves[i].worst_error, 1e-6, "%s: %g", r.leaves[i].name, r.leaves[i].worst_error);
        cr_expect(r.leaves[i].swept && r.leaves[i].kinks == 0);
        cr_expect_eq(r.leaves[i].samples, wg_shape_size(r.leaves[i].shape));
    }
}

/* ---- kinks ---- */

Test(kinks, are_counted)
{
    wg_context *ctx = context_of(WG_F64, 1);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(5), (double[]){1, 0, -2, 0, 1e-13});
    wg_gradcheck_report r = wg_gradcheck(wg_sum(wg_abs(x), WG_ALL), WG_LIST(x), NULL);
    cr_expect_eq(r.leaves[0].kinks, 3);
    cr_expect_eq(r.leaves[0].kinked[0], 1);
    cr_expect_eq(r.leaves[0].kinked[2], 4);
    cr_expect_eq(r.leaves[0].samples, 2);
    cr_expect(r.passed);
    r = wg_gradcheck(wg_sum(wg_abs(x), WG_ALL), WG_LIST(x), &(wg_gradcheck_options){.fast = true});
    cr_expect_eq(r.leaves[0].kinks, 16);
    cr_expect_eq(r.leaves[0].samples, 0);
    cr_expect_not(r.passed, "nothing was compared, and yet it passed");
    cr_expect(r.complete);
    scratch_close(ctx);
}

/* A value that is not a number next to a kink is no kink. */
Test(kinks, do_not_hide_what_is_not_finite)
{
    wg_context *ctx = context_of(WG_F64, 1);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(3), (double[]){1, 0, 4});
    wg_gradcheck_report r = wg_gradcheck(wg_sum(wg_sqrt(x), WG_ALL), WG_LIST(x), NULL);
    cr_expect(r.complete && !r.passed);
    cr_expect_eq(r.leaves[0].worst_sample, 1);
    cr_expect(isinf(r.leaves[0].worst_error));
    r = wg_gradcheck(wg_sum(wg_log(wg_neg(x)), WG_ALL), WG_LIST(x), NULL);
    cr_expect(r.complete && !r.passed && !isfinite(r.value));
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* ---- the report ---- */

Test(report, numbers_are_the_true_ones)
{
    wg_context *ctx = context_of(WG_F64, 0);
    static const double values[] = {0.5, -1.5, 2, 1};
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2), values);
    wg_tensor y = wg_sum(wg_mul(x, wg_square(wg_stop_gradient(x))), WG_ALL); /* says x^2, the truth is 3 x^2 */
    wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(x), &(wg_gradcheck_options){.tolerance = 1e-5, .seed = 9});
    const wg_gradcheck_leaf *leaf = &r.leaves[0];
    cr_expect(r.complete && !r.passed && !leaf->passed && leaf->swept);
    cr_expect_float_eq(r.value, 0.125 - 3.375 + 8 + 1, 1e-14);
    cr_expect_float_eq(r.tolerance, 1e-5, 0);
    cr_expect_eq(r.seed, UINT64_C(9));
    cr_expect_float_eq(leaf->norm_error, 0.5, 1e-9); /* 2 x^2 over 4 x^2 */
    cr_expect_eq(leaf->worst_sample, 2);
    cr_expect_float_eq(leaf->analytic, 4, 1e-12);
    cr_expect_float_eq(leaf->numeric, 12, 1e-8);
    cr_expect_float_eq(leaf->worst_error, 8 / (16 + 1e-3 * 4), 1e-9);
    cr_expect(strstr(leaf->name, "constant") != NULL, "%s", leaf->name);
#ifdef WG_HAVE_LIBDW
    cr_expect(strstr(leaf->name, "test_gradcheck.c") != NULL, "%s", leaf->name);
#endif
    scratch_close(ctx);
}

Test(report, prints_a_table)
{
    wg_context *ctx = context_of(WG_F64, 0);
    wg_tensor w = wg_parameter(ctx, "layer/w", WG_SHAPE(3, 2), wg_init_normal(1));
    wg_tensor z = wg_parameter(ctx, "dead", WG_SHAPE(2), wg_init_zeros());
    wg_tensor y = wg_add(wg_sum(wg_sin(w), WG_ALL), wg_sum(wg_relu(z), WG_ALL));
    wg_gradcheck_report r = wg_gradcheck(y, (wg_list){0, NULL}, NULL);
    char text[2000];
    FILE *file = fmemopen(text, sizeof text, "w");
    cr_expect(wg_gradcheck_print(&r, file));
    fclose(file);
    static const char *const words[] = {"layer/w",          "[3, 2]", "6 all",       " ok\n", "dead",
                                        "NOTHING COMPARED", "FAILED", "tolerance 1", "seed 0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect(strstr(text, words[i]) != NULL, "no \"%s\" in\n%s", words[i], text);
    cr_expect_not(wg_gradcheck_print(NULL, stderr));
    cr_expect_not(wg_gradcheck_print(&r, NULL));
    scratch_close(ctx);
}

Test(report, lists_the_worst_of_many_leaves)
{
    enum { LEAVES = 80 };
    wg_context *ctx = context_of(WG_F64, 0);
    wg_tensor x[LEAVES], y = wg_scalar(ctx, 0);
    for (int i = 0; i < LEAVES; i++) {
        x[i] = wg_full_typed(ctx, WG_F64, WG_SCALAR, 1 + i);
        y = wg_add(y, i == 70 ? wg_mul(x[i], wg_stop_gradient(x[i])) : wg_square(x[i]));
    }
    wg_gradcheck_report r = wg_gradcheck(y, (wg_list){LEAVES, x}, NULL);
    cr_expect(r.complete && !r.passed);
    cr_expect_eq(r.leaf_count, (size_t)LEAVES);
    cr_expect_eq(r.listed, (size_t)WG_GRADCHECK_LEAVES);
    int wrong = 0;
    for (size_t i = 0; i < r.listed; i++) wrong += !r.leaves[i].passed;
    cr_expect_eq(wrong, 1);
    cr_expect_gt(r.worst_error, 0.3);
    scratch_close(ctx);
}

/* Of the second order each leaf is listed once more. */
Test(report, orders)
{
    for (int t = 0; t < 2; t++) {
        wg_context *ctx = context_of(types[t], 4);
        wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 4)), w = wg_parameter(ctx, "w", WG_SHAPE(4, 2), wg_init_normal(1));
        wg_tensor y = wg_mean(wg_tanh(wg_matmul(x, w)), WG_ALL);
        uint64_t nodes = wg_context_stats(ctx).nodes, draws = wg_context_stats(ctx).draws;
        wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(w, x), &(wg_gradcheck_options){.order = 2});
        cr_expect(r.passed && r.complete, "%s", wg_error(ctx));
        cr_expect_eq(r.order, 2);
        cr_expect_eq(r.leaf_count, (size_t)4);
        for (size_t i = 0; i < 4; i++) cr_expect_eq(r.leaves[i].order, i < 2 ? 1 : 2);
        cr_expect_eq(r.leaves[2].samples, 8);
        cr_expect_float_eq(r.value, wg_item(y), 1e-6, "y itself, not what was made of it");
        cr_expect_eq(wg_context_stats(ctx).nodes, nodes);
        cr_expect_eq(wg_context_stats(ctx).draws, draws);
        cr_expect_eq(wg_gradcheck(y, WG_LIST(w), NULL).order, 1);
        cr_expect_not(wg_gradcheck(y, WG_LIST(w), &(wg_gradcheck_options){.order = 3}).complete);
        scratch_expect_error(ctx, WG_BAD_ARGUMENT, "gradcheck: the order must be 1 or 2, not 3", "order 3");
        scratch_close(ctx);
    }
}

/* The same seed gives the same samples; another one others. */
Test(report, repeats)
{
    wg_gradcheck_report r[3];
    for (int i = 0; i < 3; i++) {
        wg_context *ctx = context_of(WG_F64, 5);
        problem p = large(ctx);
        r[i] = wg_gradcheck(p.y, (wg_list){1, p.x}, &(wg_gradcheck_options){.seed = i == 2 ? 8 : 7});
        scratch_close(ctx);
    }
    cr_expect_eq(r[0].leaves[0].norm_error, r[1].leaves[0].norm_error);
    cr_expect_neq(r[0].leaves[0].norm_error, r[2].leaves[0].norm_error);
}

Test(report, mistakes)
{
    wg_context *ctx = context_of(WG_F32, 0), *other = wg_context_new(NULL);
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3)), w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(1));
    cr_expect_not(wg_gradcheck(x, WG_LIST(x), NULL).complete, "three elements");
    cr_expect(wg_failed(ctx));
    wg_recover(ctx);
    x = wg_normal(ctx, WG_SHAPE(3));
    cr_expect_not(wg_gradcheck(wg_sum(x, WG_ALL), (wg_list){0, NULL}, NULL).complete);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "no trainable parameter", "nothing to check");
    x = wg_normal(ctx, WG_SHAPE(3));
    cr_expect_not(wg_gradcheck(wg_sum(x, WG_ALL), WG_LIST(wg_scalar(other, 1)), NULL).complete);
    cr_expect_eq(wg_error_status(ctx), WG_BAD_HANDLE);
    wg_recover(ctx);
    wg_tensor before = wg_square(w);
    wg_assign(w, wg_scalar(ctx, 2));
    cr_expect_not(wg_gradcheck(before, WG_LIST(w), NULL).complete, "assigned since");
    cr_expect(wg_failed(ctx));
    wg_recover(ctx);
    cr_expect_not(wg_gradcheck(WG_NONE, WG_LIST(w), NULL).complete);
    cr_expect_not(wg_gradcheck(before, WG_LIST(w), NULL).complete, "stale");
    wg_context_free(other);
    scratch_close(ctx);
}

/* ---- no trace ---- */

typedef struct {
    double weight[24], metric;
    uint64_t draws;
} trained;

/* Ten steps with dropout, and checks in the middle of some. */
static trained train(wg_type type, bool checks)
{
    wg_context *ctx = context_of(type, 4);
    trained t;
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(4, 6), wg_init_normal(1)),
              count = wg_variable(ctx, "count", wg_scalar(ctx, 0));
    wg_optimizer *adam = wg_adam_new(ctx, "w", NULL);
    for (int i = 0; i < 10; i++) {
        wg_tensor x = wg_normal(ctx, WG_SHAPE(5, 6));
        wg_tensor loss = wg_mean(wg_square(wg_dropout(wg_matmul_transposed(x, false, w, true), 0.5)), WG_ALL);
        wg_assign(count, wg_add_scalar(count, 1));
        wg_stats before = wg_context_stats(ctx);
        if (checks && i % 3 == 0) {
            wg_gradcheck_report r = wg_gradcheck(loss, (wg_list){0, NULL}, &(wg_gradcheck_options){.fast = i % 2});
            cr_expect(r.passed, "step %d: %g %s", i, r.worst_error, wg_error(ctx));
            wg_stats after = wg_context_stats(ctx);
            cr_expect_eq(after.nodes, before.nodes);
            cr_expect_eq(after.draws, before.draws);
            cr_expect_eq(after.evaluations, before.evaluations);
        }
        wg_optimizer_step(adam, loss);
        if (i == 9) t.metric = wg_item(loss);
        wg_clear(ctx);
    }
    cr_expect_eq(wg_item(count), 10);
    t.draws = wg_context_stats(ctx).draws;
    cr_assert(wg_read_f64(w, t.weight, 24), "%s", wg_error(ctx));
    scratch_close(ctx);
    return t;
}

Test(trace, training_is_the_same_with_checks)
{
    for (int i = 0; i < 2; i++) {
        trained without = train(types[i], false), with = train(types[i], true);
        cr_expect_eq(memcmp(without.weight, with.weight, sizeof with.weight), 0);
        cr_expect_eq(without.metric, with.metric);
        cr_expect_eq(without.draws, with.draws);
    }
}

/* A pending assign is neither performed nor lost. */
Test(trace, pending_assigns_stay_pending)
{
    wg_context *ctx = context_of(WG_F64, 0);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(2));
    wg_tensor y = wg_sum(wg_square(w), WG_ALL), old = wg_mul_scalar(w, 1);
    wg_assign(w, wg_mul_scalar(w, 10));
    wg_tensor next = wg_sum(wg_square(w), WG_ALL);
    uint64_t evaluations = wg_context_stats(ctx).evaluations;
    wg_gradcheck_report r = wg_gradcheck(next, WG_LIST(w), NULL);
    cr_expect(r.passed, "%s", wg_error(ctx));
    cr_expect_float_eq(r.value, 1200, 1e-9);
    size_t bytes =
        wg_context_stats(ctx).bytes; /* the first check may have enlarged the tape; the second takes nothing */
    wg_gradcheck(next, WG_LIST(w), NULL);
    cr_expect_eq(wg_context_stats(ctx).bytes, bytes);
    cr_expect_eq(wg_context_stats(ctx).evaluations, evaluations);
    cr_assert(wg_eval(WG_LIST(y, old, next)), "%s", wg_error(ctx));
    cr_expect_eq(wg_item(y), 12);
    cr_expect_eq(wg_item(next), 1200);
    wg_clear(ctx);
    cr_expect_eq(wg_item(wg_select(w, 0, 0)), 20);
    scratch_close(ctx);
}

/* Eager mode and checked mode neither disturb the check nor are they lost by it. */
Test(trace, modes_of_the_context_come_back)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F32, .eager = true, .check_finite = true});
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(2), (float[]){1, 2});
    wg_gradcheck_report r = wg_gradcheck(wg_sum(wg_log(x), WG_ALL), WG_LIST(x), NULL);
    cr_expect(r.passed, "%s", wg_error(ctx));
    wg_log(wg_sub_scalar(x, 3));
    scratch_expect_error(ctx, WG_NOT_FINITE, "log", "checked and eager mode");
    scratch_close(ctx);
}

/* One parameter may stand on a tape as many leaves, read between assigns that rewinds have performed. */
Test(leaves, of_one_parameter_read_many_times)
{
    wg_context *ctx = context_of(WG_F64, 1);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_constant(1)), y = wg_scalar(ctx, 0);
    for (int i = 0; i < 40; i++) {
        y = wg_add(y, wg_sum(wg_square(w), WG_ALL));
        wg_eval(WG_LIST(y));
        uint64_t mark = wg_mark(ctx);
        wg_assign(w, wg_add_scalar(w, 1));
        wg_rewind(ctx, mark);
    }
    wg_gradcheck_report r = wg_gradcheck(y, (wg_list){0}, NULL);
    cr_expect(!r.passed && !r.complete, "older values are gone");
    cr_expect_eq(wg_error_status(ctx), WG_OVERWRITTEN, "%s", wg_error(ctx));
    scratch_close(ctx);
}

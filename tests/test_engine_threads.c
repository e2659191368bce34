/* The same bits from any number of threads, however small the work that they share, and whether or not they help. */
#include "tests/harness.h"

#include "engine/limits.h"
#include "engine/state.h"
#include "tests/planned.h"

#include <fenv.h>
#include <pthread.h>

enum { MOST_VALUES = 4096 };

typedef struct {
    double value[MOST_VALUES];
    size_t count;
} values;

static void note(values *v, wg_tensor x)
{
    size_t size = (size_t)wg_size(x);
    cr_assert(v->count + size <= MOST_VALUES);
    cr_assert(wg_read_f64(wg_cast(x, WG_F64), v->value + v->count, size), "%s", wg_error(x.context));
    v->count += size;
}

static wg_tensor normed(wg_tensor x, wg_tensor scale)
{
    wg_tensor away = wg_sub(x, wg_mean(x, WG_KEEP(-1)));
    return wg_mul(wg_mul(away, wg_rsqrt(wg_add_scalar(wg_mean(wg_square(away), WG_KEEP(-1)), 1e-5))), scale);
}

/* Two layers with dropout and layer norm, an LSTM's step, large sums over all, rows and columns, copies. */
static wg_tensor loss_of(wg_context *ctx, const wg_linear *hidden, const wg_linear *gates, wg_tensor scale, int day)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(72, 24), (uint64_t)day + 1), gate[4];
    wg_tensor y = normed(wg_dropout(wg_tanh(wg_linear_apply(hidden, x)), 0.3), scale);
    wg_tensor all = wg_linear_apply(gates, y);
    for (int k = 0; k < 4; k++) gate[k] = wg_slice(all, 1, 8 * k, 8 * k + 8);
    wg_tensor cell = wg_mul(wg_sigmoid(gate[0]), wg_tanh(gate[1]));
    wg_tensor h = wg_mul(wg_sigmoid(gate[2]), wg_tanh(wg_add(cell, gate[3])));
    wg_tensor large = wg_exp(wg_mul_scalar(random_leaf(ctx, WG_SHAPE(120, 200), 7), 0.1));
    wg_tensor sums = wg_add(wg_sum(wg_sum(large, WG_AXES(0)), WG_ALL), wg_sum(wg_sum(large, WG_AXES(1)), WG_ALL));
    wg_tensor turned = wg_transpose(large), pair = wg_concat(WG_LIST(turned, turned), 1);
    sums = wg_add(sums, wg_sum(wg_square(wg_sum(pair, WG_AXES(1))), WG_ALL));
    return wg_add(wg_mean(wg_square(h), WG_ALL), wg_mul_scalar(wg_add(sums, wg_sum(large, WG_ALL)), 1e-6));
}

/* Every second day all plans go alone. */
static void change_pace(wg_context *ctx, int day)
{
    const engine_state *s = state_of(ctx);
    for (size_t i = 0; i < s->count; i++) s->plans[i]->pace = (pace){.used = day % 2 ? PACE_ALONE : PACE_ALL};
}

static void train(int threads, values *seen)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.threads = threads, .seed = 3});
    wg_linear hidden = wg_linear_new(ctx, "hidden", 24, 20, NULL), gates = wg_linear_new(ctx, "gates", 20, 32, NULL);
    wg_tensor scale = wg_parameter(ctx, "scale", WG_SHAPE(20), wg_init_constant(1));
    wg_optimizer *adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.02, .clip_norm = 1});
    for (int day = 0; day < 3; day++) {
        if (!plan_always_shares) change_pace(ctx, day);
        wg_tensor loss = loss_of(ctx, &hidden, &gates, scale, day);
        wg_optimizer_step(adam, loss);
        note(seen, loss);
        wg_clear(ctx);
    }
    wg_list all = wg_parameters(ctx, "*");
    for (size_t i = 0; i < all.count; i++) note(seen, all.items[i]);
    scratch_close(ctx);
}

static void expect_same_bits(void)
{
    static const int threads[] = {2, 3, 4, 7};
    static values one, several;
    one.count = 0;
    train(1, &one);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        several.count = 0;
        train(threads[i], &several);
        cr_assert_eq(several.count, one.count);
        cr_expect(memcmp(one.value, several.value, one.count * sizeof *one.value) == 0, "%d threads", threads[i]);
    }
}

/* Two contexts at work at once with the threads of one, and a third that is freed before. */
static void *train_with(void *argument)
{
    wg_context *ctx = argument;
    static const float four[] = {1, 2, 3, 4};
    double *sum = calloc(1, sizeof *sum);
    for (int day = 0; day < 50; day++) {
        wg_tensor x = wg_exp(wg_mul_scalar(random_leaf(ctx, WG_SHAPE(300, 200), (uint64_t)day), 0.1));
        wg_tensor y = wg_matmul(wg_from_f32(ctx, WG_SHAPE(2, 2), four), wg_reshape(x, WG_SHAPE(2, 30000)));
        *sum += wg_item(wg_sum(wg_mul_scalar(y, 1e-4), WG_ALL));
        wg_clear(ctx);
    }
    return sum;
}

Test(threads, are_shared_by_contexts_that_agree)
{
    plan_always_shares = true;
    wg_context *first = scratch_context_with((wg_context_options){.threads = 3});
    wg_context *second = wg_context_new(&(wg_context_options){.threads_of = first});
    wg_context *early = wg_context_new(&(wg_context_options){.threads_of = first});
    cr_assert(second && early);
    wg_context_free(early);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, train_with, second), 0);
    void *sums[2] = {train_with(first)};
    pthread_join(thread, &sums[1]);
    cr_expect_eq(*(double *)sums[0], *(double *)sums[1]);
    free(sums[0]);
    free(sums[1]);
    wg_context_free(second);
    cr_expect_null(wg_context_new(&(wg_context_options){.threads_of = first, .threads = 2}));
    scratch_close(first);
    plan_always_shares = false;
}

Test(threads, compute_the_same_bits)
{
    expect_same_bits();
}

Test(threads, compute_the_same_bits_when_all_work_is_shared)
{
    plan_limits usual = plan_limits_now;
    plan_limits_now.shared_work = 0;
    expect_same_bits();
    plan_always_shares = true;
    expect_same_bits();
    plan_limits_now.chunk = TOTAL_BLOCK;
    expect_same_bits();
    plan_limits_now = usual;
    plan_always_shares = false;
}

/* What is cut in chunks agrees with the plain executor: elements beyond the last whole tile, rows longer than a tile,
   sums that begin anew in each chunk. */
static wg_tensor cut_flat(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(5003), 1);
    return wg_concat(WG_LIST(wg_exp(x), wg_reshape(wg_sum(wg_sin(x), WG_ALL), WG_SHAPE(1))), 0);
}

static wg_tensor cut_rows(wg_context *ctx)
{
    return wg_softmax(random_leaf(ctx, WG_SHAPE(77, 61), 1), -1);
}

static wg_tensor cut_columns(wg_context *ctx)
{
    wg_tensor x = wg_exp(random_leaf(ctx, WG_SHAPE(203, 19), 1));
    return wg_concat(WG_LIST(wg_sum(x, WG_AXES(0)), wg_max(x, WG_AXES(0)), wg_min(wg_neg(x), WG_AXES(0))), 0);
}

static wg_tensor long_rows(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3, 4099), 1);
    return wg_sub(x, wg_max(x, WG_KEEP(1)));
}

Test(chunks, agree_with_the_plain_executor)
{
    plan_limits usual = plan_limits_now, cuts[] = {usual, {.chunk = TOTAL_BLOCK}, {.chunk = 4 * TOTAL_BLOCK}};
    for (int k = 0; k < 3; k++) {
        plan_limits_now = cuts[k];
        expect_as_plain(cut_flat, 1e-5, "flat");
        expect_as_plain(cut_rows, 1e-5, "rows");
        expect_as_plain(cut_columns, 1e-5, "columns");
        expect_as_plain(long_rows, 0, "long rows");
    }
    plan_limits_now = usual;
}

/* Threads that were started under another rounding mode compute in the mode of the one that asks. */
Test(threads, take_over_the_rounding_of_the_caller)
{
    enum { SIZE = 1 << 20 };
    static float third[2][SIZE];
    for (int helped = 0; helped < 2; helped++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.threads = 1 + helped});
        for (int round = 0; round < 2; round++) {
            fesetround(round ? FE_UPWARD : FE_TONEAREST);
            wg_tensor x = wg_div_scalar(wg_add_scalar(wg_iota(ctx, WG_F32, WG_SHAPE(SIZE), 0), 1), 3);
            cr_expect(wg_read_f32(x, third[helped], SIZE), "%s", wg_error(ctx));
            wg_clear(ctx);
        }
        fesetround(FE_TONEAREST);
        scratch_close(ctx);
    }
    cr_expect_eq(memcmp(third[0], third[1], sizeof third[0]), 0);
}

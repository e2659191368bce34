/* Contexts are independent: two threads that train at the same time get what one gets alone, bit for bit. */
#include "tests/network.h"

#include <pthread.h>

enum { STEPS = 40, THREADS = 4 };

typedef struct {
    uint64_t seed;
    const wg_weights *weights;
    double losses[STEPS], values[NETWORK_VALUES];
    char error[200];
} job;

static void *train(void *argument)
{
    job *j = argument;
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = j->seed, .threads = 1});
    network net = network_new(ctx);
    for (int i = 0; i < STEPS; i++) {
        network_step step = network_record(ctx, &net, i);
        j->losses[i] = wg_item(step.loss);
        wg_clear(ctx);
    }
    size_t used = 0;
    wg_list all = wg_parameters(ctx, NULL);
    for (size_t i = 0; i < all.count; i++) {
        size_t count = (size_t)wg_size(all.items[i]);
        if (used + count <= NETWORK_VALUES) wg_read_f64(all.items[i], j->values + used, count);
        used += count;
    }
    wg_reshape(wg_ones(ctx, WG_SHAPE(3)), WG_SHAPE(2)); /* messages are each thread's own, and so are lines */
    snprintf(j->error, sizeof j->error, "%s", wg_error(ctx));
    wg_context_free(ctx);
    return NULL;
}

Test(threads, train_at_once)
{
    static job alone[THREADS], together[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        alone[i].seed = together[i].seed = (uint64_t)i / 2;
        train(&alone[i]);
    }
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&thread[i], NULL, train, &together[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        cr_expect(network_same(alone[i].values, together[i].values), "parameters of thread %d", i);
        cr_expect(memcmp(alone[i].losses, together[i].losses, sizeof alone[i].losses) == 0, "losses of thread %d", i);
        cr_expect_str_eq(alone[i].error, together[i].error);
        cr_expect(strncmp(together[i].error, "reshape: ", 9) == 0, "%s", together[i].error);
    }
    cr_expect_not(network_same(alone[0].values, alone[2].values), "two seeds");
}

/* One thread after the other may use a context; an error without one belongs to its thread. */
static void *take_over(void *argument)
{
    wg_context *ctx = argument;
    wg_tensor v = wg_variable(ctx, "v", wg_scalar(ctx, 4));
    wg_item(wg_neg(v));
    wg_item(WG_NONE);
    return wg_error_status(NULL) == WG_BAD_HANDLE ? NULL : argument;
}

Test(threads, take_turns)
{
    wg_recover(NULL);
    wg_context *ctx = wg_context_new(NULL);
    pthread_t thread;
    void *failed;
    cr_assert_eq(pthread_create(&thread, NULL, take_over, ctx), 0);
    pthread_join(thread, &failed);
    cr_expect_null(failed);
    cr_expect_eq(wg_error_status(NULL), WG_OK);
    cr_expect_eq(wg_context_stats(ctx).nodes, 3); /* full, v, neg */
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Read-only weights are shared by all threads. */
static void *infer(void *argument)
{
    job *j = argument;
    wg_context *ctx = wg_context_new(&(wg_context_options){.weights = j->weights, .threads = 1});
    wg_linear layer = wg_linear_new(ctx, "layer", 64, 64, NULL);
    for (int i = 0; i < STEPS; i++) {
        wg_tensor y = wg_linear_apply(&layer, wg_full_like(wg_ones(ctx, WG_SHAPE(8, 64)), i));
        j->losses[i] = wg_item(wg_sum(y, WG_ALL));
        wg_clear(ctx);
    }
    wg_context_free(ctx);
    return NULL;
}

Test(threads, share_weights)
{
    static job jobs[THREADS];
    pthread_t thread[THREADS];
    scratch_begin();
    wg_context *ctx = scratch_context();
    wg_linear_new(ctx, "layer", 64, 64, NULL);
    cr_assert(wg_save(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    scratch_close(ctx);
    char message[200];
    wg_weights *weights = wg_weights_open(scratch("m"), message, sizeof message);
    cr_assert_not_null(weights, "%s", message);
    for (int i = 0; i < THREADS; i++) {
        jobs[i].weights = weights;
        cr_assert_eq(pthread_create(&thread[i], NULL, infer, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    wg_weights_close(weights);
    for (int i = 1; i < THREADS; i++)
        cr_expect(memcmp(jobs[0].losses, jobs[i].losses, sizeof jobs[0].losses) == 0, "thread %d", i);
    cr_expect(jobs[0].losses[3] != 0 && isfinite(jobs[0].losses[3]));
    scratch_end();
}

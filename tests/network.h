/* A small classifier with dropout and its training, for tests that compare one run with another. */
#ifndef TESTS_NETWORK_H
#define TESTS_NETWORK_H

#include "tests/scratch.h"

enum { NETWORK_BATCH = 16, NETWORK_INPUTS = 6, NETWORK_HIDDEN = 8, NETWORK_CLASSES = 3, NETWORK_VALUES = 83 };

typedef struct {
    wg_linear hidden, output;
    wg_optimizer *adam;
} network;

typedef struct {
    wg_tensor loss, accuracy, spread; /* what is minimised, and what is watched */
} network_step;

static inline network network_new(wg_context *ctx)
{
    network net = {.hidden = wg_linear_new(ctx, "hidden", NETWORK_INPUTS, NETWORK_HIDDEN, NULL),
                   .output = wg_linear_new(ctx, "output", NETWORK_HIDDEN, NETWORK_CLASSES, NULL)};
    net.adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.02, .weight_decay = 0.01, .clip_norm = 1});
    return net;
}

static inline wg_tensor network_logits(const network *net, wg_tensor x)
{
    return wg_linear_apply(&net->output, wg_dropout(wg_tanh(wg_linear_apply(&net->hidden, x)), 0.25));
}

/* Records batch number `index`, its loss and the update. */
static inline network_step network_record(wg_context *ctx, const network *net, int index)
{
    float x[NETWORK_BATCH * NETWORK_INPUTS];
    int32_t y[NETWORK_BATCH];
    uint64_t chance = 1 + (uint64_t)index;
    for (int i = 0; i < 9; i++) scratch_random(&chance);
    for (int i = 0; i < NETWORK_BATCH * NETWORK_INPUTS; i++)
        x[i] = (float)(scratch_random(&chance) >> 40) * 0x1p-23f - 1;
    for (int i = 0; i < NETWORK_BATCH; i++) y[i] = x[i * NETWORK_INPUTS] > 0 ? x[i * NETWORK_INPUTS + 1] > 0 : 2;
    wg_tensor inputs = wg_from_f32(ctx, WG_SHAPE(NETWORK_BATCH, NETWORK_INPUTS), x);
    wg_tensor targets = wg_from_i32(ctx, WG_SHAPE(NETWORK_BATCH), y);
    wg_tensor logits = network_logits(net, inputs);
    network_step step = {wg_cross_entropy(logits, targets, NULL), wg_accuracy(logits, targets),
                         wg_norm(net->output.weight, WG_ALL)};
    wg_optimizer_step(net->adam, step.loss);
    return step;
}

/* All parameters, one after the other. */
static inline void network_read(wg_context *ctx, double values[NETWORK_VALUES])
{
    size_t used = 0;
    wg_list all = wg_parameters(ctx, "*");
    for (size_t i = 0; i < all.count; i++) {
        size_t count = (size_t)wg_size(all.items[i]);
        cr_assert(used + count <= NETWORK_VALUES && wg_read_f64(all.items[i], values + used, count), "%s",
                  wg_error(ctx));
        used += count;
    }
    cr_assert_eq(used, NETWORK_VALUES);
}

static inline bool network_same(const double a[NETWORK_VALUES], const double b[NETWORK_VALUES])
{
    return memcmp(a, b, NETWORK_VALUES * sizeof *a) == 0;
}

#endif

/* w7: a convolution of 3 x 3 from 64 to 64 channels over 32 x 32 places, batch 32, with the gradients of its inputs and
   weights under a random cotangent. */
#include "bench.h"

enum { BATCH = 32, CHANNELS = 64, SIDE = 32, KERNEL = 3, IMAGES = BATCH * CHANNELS * SIDE * SIDE };
enum { WEIGHTS = CHANNELS * CHANNELS * KERNEL * KERNEL };

static void open_convolution(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->count = 2;
    b->data[0] = bench_memory(IMAGES, sizeof(float));
    b->data[1] = bench_memory(WEIGHTS, sizeof(float));
    b->data[2] = bench_memory(IMAGES, sizeof(float));
}

static void fresh(bench *b)
{
    bench_normal(b, b->data[0], IMAGES);
    bench_normal(b, b->data[1], WEIGHTS);
    bench_normal(b, b->data[2], IMAGES);
}

static void forward(bench *b)
{
    const wg_shape images = WG_SHAPE(BATCH, CHANNELS, SIDE, SIDE);
    b->x[0] = wg_borrow_f32(b->ctx, images, b->data[0]);
    b->x[1] = wg_borrow_f32(b->ctx, WG_SHAPE(CHANNELS, CHANNELS, KERNEL, KERNEL), b->data[1]);
    b->output = wg_conv(b->x[0], b->x[1], &(wg_conv_window){.same = true});
    b->loss = wg_sum(wg_mul(b->output, wg_borrow_f32(b->ctx, images, b->data[2])), WG_ALL);
}

/* One of the three products of each place with each weight. */
#define PRODUCT (2.0 * BATCH * SIDE * SIDE * CHANNELS * CHANNELS * KERNEL * KERNEL)

const workload convolution_w7 = {
    .name = "w7",
    .summary = "convolution 3 x 3, 64 to 64 channels, 32 x 32, batch 32, forward + backward",
    .flops = 3 * PRODUCT,
    .bytes = 4.0 * (6.0 * IMAGES + 3.0 * WEIGHTS),
    .touched = 4.0 * (4.0 * IMAGES + 2.0 * WEIGHTS),
    .open = open_convolution,
    .fresh = fresh,
    .forward = forward,
    .backward = bench_gradients,
    .evaluate = bench_values,
};

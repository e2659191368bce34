/* w1: a thousand times y = y a + b on one-element tensors, forward and backward by y, a and b. */
#include "bench.h"

enum { LENGTH = 1000 };

static void open_chain(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->count = 3;
    b->data[0] = bench_memory(3, sizeof(float));
}

static void fresh(bench *b)
{
    bench_uniform(b, b->data[0], 3);
    b->data[0][1] = 1 - 0.002F * b->data[0][1];
    b->data[0][2] *= 0.002F;
}

static void forward(bench *b)
{
    for (int i = 0; i < 3; i++) b->x[i] = wg_borrow_f32(b->ctx, WG_SHAPE(1), &b->data[0][i]);
    wg_tensor y = b->x[0];
    for (int i = 0; i < LENGTH; i++) y = wg_add(wg_mul(y, b->x[1]), b->x[2]);
    b->loss = wg_sum(y, WG_ALL);
    b->output = y;
}

static jet naive(const bench *b, jet *const *x, double *output)
{
    (void)b;
    jet y = x[0][0];
    for (int i = 0; i < LENGTH; i++) y = jet_add(jet_mul(y, x[1][0]), x[2][0]);
    output[0] = y.v;
    return y;
}

const workload scalar_w1 = {
    .name = "w1",
    .summary = "chain of 1,000 y = y a + b on one element, forward + backward",
    .open = open_chain,
    .fresh = fresh,
    .forward = forward,
    .backward = bench_gradients,
    .evaluate = bench_values,
    .naive = naive,
};

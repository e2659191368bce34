/* w8_adam: one Adam update of a parameter of ten million elements by a gradient that is given. */
#include "bench.h"

enum { SIZE = 10000000 };

static void open_adam(bench *b, double learning_rate)
{
    wg_parameter(b->ctx, "w", WG_SHAPE(SIZE), wg_init_normal(1));
    b->data[0] = bench_memory(SIZE, sizeof(float));
    bench_train_open(b, learning_rate);
}

static void fresh(bench *b)
{
    bench_normal(b, b->data[0], SIZE);
}

static void forward(bench *b)
{
    b->gradient[0] = wg_borrow_f32(b->ctx, WG_SHAPE(SIZE), b->data[0]);
}

/* An element of the parameter after the update. */
static double evaluate(bench *b)
{
    return wg_item(wg_slice(b->x[0], 0, SIZE / 2, SIZE / 2 + 1));
}

const workload adam_w8 = {
    .name = "w8_adam",
    .summary = "Adam update of 10,000,000 parameters by a given gradient",
    .bytes = 7 * 4.0 * SIZE, /* reads gradient, parameter and two moments, writes all but the gradient */
    .touched = 4 * 4.0 * SIZE,
    .open = open_adam,
    .fresh = fresh,
    .forward = forward,
    .update = bench_adam,
    .evaluate = evaluate,
};

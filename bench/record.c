/* What recording costs: graphs of four kinds, of some hundreds of forward nodes each, recorded, differentiated and
   cleared, but not evaluated. */
#include "bench.h"

enum { ROUNDS = 50, ROWS = 64, COLUMNS = 256 };

static void open_scalars(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->count = 2;
    b->data[0] = bench_memory(2, sizeof(float));
}

static void open_matrices(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->count = 3;
    b->data[0] = bench_memory(ROWS * COLUMNS, sizeof(float));
    b->data[1] = bench_memory(COLUMNS * COLUMNS, sizeof(float));
    b->data[2] = bench_memory(COLUMNS, sizeof(float));
}

static void fresh_scalars(bench *b)
{
    bench_uniform(b, b->data[0], 2);
}

/* Nothing is computed in a timed step, so that all but a few values may stay 0. */
static void fresh_matrices(bench *b)
{
    bench_uniform(b, b->data[0], 1);
    bench_uniform(b, b->data[1], 1);
    bench_uniform(b, b->data[2], 1);
}

static void leaves(bench *b)
{
    b->x[0] = wg_borrow_f32(b->ctx, WG_SHAPE(ROWS, COLUMNS), b->data[0]);
    b->x[1] = wg_borrow_f32(b->ctx, WG_SHAPE(COLUMNS, COLUMNS), b->data[1]);
    b->x[2] = wg_borrow_f32(b->ctx, WG_SHAPE(COLUMNS), b->data[2]);
}

/* Nothing is computed; the number of nodes stands for a result. */
static double recorded(bench *b)
{
    return wg_failed(b->ctx) ? NAN : (double)wg_context_stats(b->ctx).nodes;
}

static void scalar_chain(bench *b)
{
    for (int i = 0; i < 2; i++) b->x[i] = wg_borrow_f32(b->ctx, WG_SCALAR, &b->data[0][i]);
    wg_tensor y = b->x[0];
    for (int i = 0; i < 5 * ROUNDS; i++) y = wg_add(wg_mul(y, b->x[1]), b->x[0]);
    b->loss = y;
}

static void map(bench *b)
{
    leaves(b);
    wg_tensor y = b->x[0];
    for (int i = 0; i < ROUNDS; i++) {
        wg_tensor z = wg_tanh(wg_mul(y, b->x[0]));
        z = wg_mul(wg_sub(z, y), wg_sigmoid(z));
        y = wg_add(wg_exp(wg_neg(wg_square(z))), wg_square(wg_sub(y, z)));
    }
    b->loss = wg_sum(y, WG_ALL);
}

static void layers(bench *b)
{
    leaves(b);
    wg_tensor y = b->x[0];
    for (int i = 0; i < ROUNDS; i++) y = wg_relu(wg_add(wg_matmul(y, b->x[1]), b->x[2]));
    b->loss = wg_sum(y, WG_ALL);
}

static void reduce(bench *b)
{
    leaves(b);
    wg_tensor y = b->x[0];
    for (int i = 0; i < ROUNDS; i++) {
        y = wg_sub(y, wg_sum(wg_mul(y, b->x[2]), WG_KEEP(-1)));
        y = wg_mul(y, wg_sum(y, WG_AXES(0)));
    }
    b->loss = wg_sum(y, WG_ALL);
}

/* ---- dispatch: groups that have nothing to do with one another ---- */

enum { GROUPS = 200, SMALL = 8 * 16 };

static void open_small(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->data[0] = bench_memory(GROUPS * SMALL, sizeof(float));
}

static void fresh_small(bench *b)
{
    bench_normal(b, b->data[0], GROUPS * SMALL);
}

static void dispatch(bench *b)
{
    wg_tensor total = WG_NONE;
    for (int i = 0; i < GROUPS; i++) {
        wg_tensor x = wg_borrow_f32(b->ctx, WG_SHAPE(8, 16), &b->data[0][i * SMALL]);
        wg_tensor sum = wg_sum(wg_mul(wg_abs(x), x), WG_ALL);
        total = i ? wg_add(total, sum) : sum;
    }
    b->loss = total;
}

static jet naive_dispatch(const bench *b, jet *const *x, double *output)
{
    (void)x, (void)output;
    double total = 0;
    for (int i = 0; i < GROUPS * SMALL; i++) total += fabs((double)b->data[0][i]) * (double)b->data[0][i];
    return jet_of(total);
}

#define PHASES .backward = bench_gradients, .evaluate = recorded

const workload record_scalar = {
    .name = "record_scalar",
    .summary = "recording: multiplications and additions of single numbers",
    .open = open_scalars,
    .fresh = fresh_scalars,
    .forward = scalar_chain,
    PHASES,
};

const workload record_map = {
    .name = "record_map",
    .summary = "recording: element-wise ops on [64, 256]",
    .open = open_matrices,
    .fresh = fresh_matrices,
    .forward = map,
    PHASES,
};

const workload record_layer = {
    .name = "record_layer",
    .summary = "recording: matmul, bias and relu",
    .open = open_matrices,
    .fresh = fresh_matrices,
    .forward = layers,
    PHASES,
};

const workload record_reduce = {
    .name = "record_reduce",
    .summary = "recording: sums over either axis, broadcast back",
    .open = open_matrices,
    .fresh = fresh_matrices,
    .forward = reduce,
    PHASES,
};

const workload dispatch_groups = {
    .name = "dispatch",
    .summary = "evaluating 200 groups of two kernels on [8, 16], and one of 199 additions",
    .dispatches = true,
    .open = open_small,
    .fresh = fresh_small,
    .forward = dispatch,
    .evaluate = bench_item,
    .naive = naive_dispatch,
};

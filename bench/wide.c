/* w8: softmax, layer norm, GELU, sigmoid and sum of [4096, 1024], forward and backward under a random cotangent; all
   are compositions, but sigmoid and sum. */
#include "bench.h"

enum { ROWS = 4096, COLUMNS = 1024, SIZE = ROWS * COLUMNS };

static void open_wide(bench *b, double learning_rate)
{
    (void)learning_rate;
    b->count = 1;
    b->data[0] = bench_memory(SIZE, sizeof(float));
    b->data[1] = bench_memory(SIZE, sizeof(float));
}

static void fresh(bench *b)
{
    bench_normal(b, b->data[0], SIZE);
    bench_normal(b, b->data[1], SIZE);
}

static wg_tensor leaf(bench *b)
{
    return b->x[0] = wg_borrow_f32(b->ctx, WG_SHAPE(ROWS, COLUMNS), b->data[0]);
}

/* The number whose gradient is the backward pass under the cotangent. Its own value is nobody's wish. */
static void with_cotangent(bench *b, wg_tensor y)
{
    b->output = y;
    b->loss = wg_sum(wg_mul(y, wg_borrow_f32(b->ctx, WG_SHAPE(ROWS, COLUMNS), b->data[1])), WG_ALL);
}

/* What the naive forms share: notes y, adds its part of the loss. */
static void put(const bench *b, int i, jet y, jet *loss, double *output)
{
    output[i] = y.v;
    *loss = jet_add(*loss, jet_scale(y, (double)b->data[1][i]));
}

/* ---- softmax ---- */

static void softmax(bench *b)
{
    with_cotangent(b, wg_softmax(leaf(b), -1));
}

static jet naive_softmax(const bench *b, jet *const *x, double *output)
{
    jet loss = jet_of(0);
    for (int r = 0; r < ROWS; r++) {
        jet e[COLUMNS], sum = jet_of(0);
        for (int c = 0; c < COLUMNS; c++) {
            e[c] = jet_exp(x[0][r * COLUMNS + c]);
            sum = jet_add(sum, e[c]);
        }
        jet share = jet_power(sum, -1);
        for (int c = 0; c < COLUMNS; c++) put(b, r * COLUMNS + c, jet_mul(e[c], share), &loss, output);
    }
    return loss;
}

/* ---- layer norm ---- */

static void open_layernorm(bench *b, double learning_rate)
{
    open_wide(b, learning_rate);
    b->count = 3;
    b->data[2] = bench_memory(COLUMNS, sizeof(float));
    b->data[3] = bench_memory(COLUMNS, sizeof(float));
}

static void fresh_layernorm(bench *b)
{
    fresh(b);
    bench_uniform(b, b->data[2], COLUMNS);
    bench_normal(b, b->data[3], COLUMNS);
}

static void layernorm(bench *b)
{
    wg_tensor x = leaf(b);
    b->x[1] = wg_borrow_f32(b->ctx, WG_SHAPE(COLUMNS), b->data[2]);
    b->x[2] = wg_borrow_f32(b->ctx, WG_SHAPE(COLUMNS), b->data[3]);
    wg_tensor centred = wg_sub(x, wg_mean(x, WG_KEEP(-1)));
    wg_tensor scale = wg_rsqrt(wg_add_scalar(wg_mean(wg_square(centred), WG_KEEP(-1)), 1e-5));
    with_cotangent(b, wg_add(wg_mul(wg_mul(centred, scale), b->x[1]), b->x[2]));
}

static jet naive_layernorm(const bench *b, jet *const *x, double *output)
{
    jet loss = jet_of(0);
    for (int r = 0; r < ROWS; r++) {
        const jet *row = &x[0][r * COLUMNS];
        jet mean = jet_of(0), variance = jet_of(0);
        for (int c = 0; c < COLUMNS; c++) mean = jet_add(mean, jet_scale(row[c], 1.0 / COLUMNS));
        for (int c = 0; c < COLUMNS; c++) {
            jet centred = jet_sub(row[c], mean);
            variance = jet_add(variance, jet_scale(jet_mul(centred, centred), 1.0 / COLUMNS));
        }
        jet scale = jet_power(jet_add(variance, jet_of(1e-5)), -0.5);
        for (int c = 0; c < COLUMNS; c++) {
            jet y = jet_mul(jet_mul(jet_sub(row[c], mean), scale), x[1][c]);
            put(b, r * COLUMNS + c, jet_add(y, x[2][c]), &loss, output);
        }
    }
    return loss;
}

/* ---- element-wise ---- */

static const double root = 0.7978845608028654; /* sqrt(2 / pi) */

static void gelu(bench *b)
{
    wg_tensor x = leaf(b);
    wg_tensor inside = wg_add(x, wg_mul_scalar(wg_mul(wg_square(x), x), 0.044715));
    wg_tensor gate = wg_add_scalar(wg_tanh(wg_mul_scalar(inside, root)), 1);
    with_cotangent(b, wg_mul(wg_mul_scalar(x, 0.5), gate));
}

static jet naive_gelu(const bench *b, jet *const *x, double *output)
{
    jet loss = jet_of(0);
    for (int i = 0; i < SIZE; i++) {
        jet z = x[0][i], cube = jet_mul(jet_mul(z, z), z);
        jet gate = jet_add(jet_tanh(jet_scale(jet_add(z, jet_scale(cube, 0.044715)), root)), jet_of(1));
        put(b, i, jet_mul(jet_scale(z, 0.5), gate), &loss, output);
    }
    return loss;
}

static void sigmoid(bench *b)
{
    with_cotangent(b, wg_sigmoid(leaf(b)));
}

static jet naive_sigmoid(const bench *b, jet *const *x, double *output)
{
    jet loss = jet_of(0);
    for (int i = 0; i < SIZE; i++) put(b, i, jet_sigmoid(x[0][i]), &loss, output);
    return loss;
}

/* ---- sum ---- */

static void sum(bench *b)
{
    wg_tensor cotangent = wg_borrow_f32(b->ctx, WG_SCALAR, b->data[1]);
    b->output = wg_sum(leaf(b), WG_ALL);
    b->loss = wg_mul(b->output, cotangent);
}

static jet naive_sum(const bench *b, jet *const *x, double *output)
{
    jet total = jet_of(0);
    for (int i = 0; i < SIZE; i++) total = jet_add(total, x[0][i]);
    output[0] = total.v;
    return jet_scale(total, (double)b->data[1][0]);
}

/* Traffic in passes over the tensor: x, y, the cotangent and the gradient, and y or x again on the way back. */
#define WIDE(passes) .bytes = (passes)*4.0 * SIZE, .touched = 4 * 4.0 * SIZE
#define PHASES .backward = bench_gradients, .evaluate = bench_values

const workload row_softmax = {
    .name = "w8_softmax",
    .summary = "softmax of [4096, 1024] over the last axis, forward + backward",
    WIDE(5),
    .open = open_wide,
    .fresh = fresh,
    .forward = softmax,
    .naive = naive_softmax,
    PHASES,
};

const workload row_layernorm = {
    .name = "w8_layernorm",
    .summary = "layer norm of [4096, 1024] with scale and shift, forward + backward",
    WIDE(5),
    .open = open_layernorm,
    .fresh = fresh_layernorm,
    .forward = layernorm,
    .naive = naive_layernorm,
    PHASES,
};

const workload map_gelu = {
    .name = "w8_gelu",
    .summary = "GELU in its tanh form on [4096, 1024], forward + backward",
    WIDE(5),
    .open = open_wide,
    .fresh = fresh,
    .forward = gelu,
    .naive = naive_gelu,
    PHASES,
};

const workload map_sigmoid = {
    .name = "w8_sigmoid",
    .summary = "sigmoid on [4096, 1024], forward + backward",
    WIDE(5),
    .open = open_wide,
    .fresh = fresh,
    .forward = sigmoid,
    .naive = naive_sigmoid,
    PHASES,
};

const workload map_sum = {
    .name = "w8_sum",
    .summary = "sum of [4096, 1024], forward + backward",
    WIDE(2),
    .open = open_wide,
    .fresh = fresh,
    .forward = sum,
    .naive = naive_sum,
    PHASES,
};

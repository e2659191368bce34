/* w2, w3: a training step of a relu network with cross-entropy and Adam. w10: a Hessian-vector product through the
   network of w3. */
#include "bench.h"

#include <stdlib.h>

enum { MAX_LAYERS = 4 };

typedef struct {
    int batch, layers, size[MAX_LAYERS + 1];
} network;

static const network iris = {30, 4, {4, 256, 256, 256, 3}}, digits = {64, 3, {784, 512, 256, 10}};

static const network *network_of(const bench *b)
{
    return b->what == &mlp_w2 ? &iris : &digits;
}

static void open_network(bench *b, double learning_rate)
{
    const network *n = network_of(b);
    for (int i = 0; i < n->layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer%d", i);
        wg_linear_new(b->ctx, name, n->size[i], n->size[i + 1], NULL);
    }
    b->data[0] = bench_memory((size_t)(n->batch * n->size[0]), sizeof(float));
    b->index[0] = bench_memory((size_t)n->batch, sizeof(int32_t));
    bench_train_open(b, learning_rate);
}

static void fresh(bench *b)
{
    const network *n = network_of(b);
    bench_normal(b, b->data[0], (size_t)(n->batch * n->size[0]));
    bench_index(b, b->index[0], (size_t)n->batch, n->size[n->layers]);
}

static void forward(bench *b)
{
    const network *n = network_of(b);
    wg_tensor h = wg_borrow_f32(b->ctx, WG_SHAPE(n->batch, n->size[0]), b->data[0]);
    wg_tensor target = wg_borrow_i32(b->ctx, WG_SHAPE(n->batch), b->index[0]);
    for (int i = 0; i < n->layers; i++) {
        h = wg_linear_apply(&(wg_linear){b->x[2 * i], b->x[2 * i + 1]}, h);
        if (i + 1 < n->layers) h = wg_relu(h);
    }
    b->loss = wg_cross_entropy(h, target, NULL);
}

static jet naive(const bench *b, jet *const *x, double *output)
{
    (void)output;
    const network *n = network_of(b);
    jet *h = malloc((size_t)(n->batch * n->size[0]) * sizeof *h);
    for (int i = 0; i < n->batch * n->size[0]; i++) h[i] = jet_of((double)b->data[0][i]);
    for (int i = 0; i < n->layers; i++) {
        int count = n->batch * n->size[i + 1];
        jet *next = malloc((size_t)count * sizeof *next);
        jet_dense(h, x[2 * i], x[2 * i + 1], next, n->batch, n->size[i], n->size[i + 1], 1);
        for (int k = 0; k < count && i + 1 < n->layers; k++) next[k] = jet_relu(next[k]);
        free(h);
        h = next;
    }
    jet loss = jet_cross_entropy(h, b->index[0], n->batch, n->size[n->layers]);
    free(h);
    return loss;
}

/* ---- w10 ---- */

static void open_product(bench *b, double learning_rate)
{
    open_network(b, learning_rate);
    for (size_t i = 0; i < b->count; i++) b->direction[i] = bench_memory((size_t)wg_size(b->x[i]), sizeof(float));
}

static void fresh_product(bench *b)
{
    fresh(b);
    for (size_t i = 0; i < b->count; i++) bench_normal(b, b->direction[i], (size_t)wg_size(b->x[i]));
}

static void product(bench *b)
{
    wg_tensor v[BENCH_LEAVES];
    for (size_t i = 0; i < b->count; i++) v[i] = wg_borrow_f32(b->ctx, wg_shape_of(b->x[i]), b->direction[i]);
    wg_hvps(b->loss, (wg_list){b->count, b->x}, (wg_list){b->count, v}, b->gradient);
}

/* What stands for the gradient is H v, whose inner product with v is the second derivative along v. */
static jet naive_product(const bench *b, jet *const *x, double *output)
{
    jet loss = naive(b, x, output);
    return (jet){loss.v, loss.dd, 0};
}

/* ---- what a step takes: parameters P and activations A, in bytes. FLOPs are 2 m n k for each product, three products
   a layer but two in the first; traffic is 10 passes over P (Adam's included) and 5 over A. ---- */

#define W2_P (4.0 * (4 * 256 + 2 * 256 * 256 + 256 * 3 + 3 * 256 + 3))
#define W2_A (4.0 * 30 * (4 + 3 * 256 + 3))
#define W3_P (4.0 * (784 * 512 + 512 * 256 + 256 * 10 + 512 + 256 + 10))
#define W3_A (4.0 * 64 * (784 + 512 + 256 + 10))

#define TRAINING                                                                                                 \
    .open = open_network, .fresh = fresh, .forward = forward, .backward = bench_gradients, .update = bench_adam, \
    .evaluate = bench_item, .naive = naive

const workload mlp_w2 = {
    .name = "w2",
    .summary = "MLP 4-256-256-256-3, relu, batch 30, cross-entropy, Adam",
    .flops = 2.0 * 30 * (2 * 4 * 256 + 3 * (2 * 256 * 256 + 256 * 3)),
    .bytes = 10 * W2_P + 5 * W2_A,
    .touched = 4 * W2_P + 2 * W2_A,
    TRAINING,
};

const workload mlp_w3 = {
    .name = "w3",
    .summary = "MLP 784-512-256-10, relu, batch 64, cross-entropy, Adam",
    .flops = 2.0 * 64 * (2 * 784 * 512 + 3 * (512 * 256 + 256 * 10)),
    .bytes = 10 * W3_P + 5 * W3_A,
    .touched = 4 * W3_P + 2 * W3_A,
    TRAINING,
};

/* Pearlmutter's least: 1 + 2 + 2 products a layer going forward and for the weights, 3 for what is passed back. */
const workload mlp_w10 = {
    .name = "w10",
    .summary = "Hessian-vector product through the network of w3, by double backward",
    .flops = 2.0 * 64 * (3 * 784 * 512 + 8 * (512 * 256 + 256 * 10)),
    .bytes = 6 * W3_P,
    .touched = 3 * W3_P,
    .open = open_product,
    .fresh = fresh_product,
    .forward = forward,
    .backward = product,
    .evaluate = bench_values,
    .naive = naive_product,
};

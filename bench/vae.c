/* w9: a training step of a variational autoencoder, 784-400-(20, 20)-400-784, batch 128: binary cross-entropy plus the
   divergence from a standard normal distribution, Adam. */
#include "bench.h"

#include <stdlib.h>

enum { PIXELS = 784, HIDDEN = 400, CODE = 20, BATCH = 128 };

enum { ENCODER, MEAN, LOGVAR, DECODER, PICTURE }; /* layers: weight and bias at 2 i and 2 i + 1 */

static void open_vae(bench *b, double learning_rate)
{
    wg_linear_new(b->ctx, "encoder", PIXELS, HIDDEN, NULL);
    wg_linear_new(b->ctx, "mean", HIDDEN, CODE, NULL);
    wg_linear_new(b->ctx, "logvar", HIDDEN, CODE, NULL);
    wg_linear_new(b->ctx, "decoder", CODE, HIDDEN, NULL);
    wg_linear_new(b->ctx, "picture", HIDDEN, PIXELS, NULL);
    b->data[0] = bench_memory(BATCH * PIXELS, sizeof(float));
    bench_train_open(b, learning_rate);
}

static void fresh(bench *b)
{
    bench_uniform(b, b->data[0], BATCH * PIXELS);
}

static wg_tensor dense(const bench *b, int layer, wg_tensor x)
{
    return wg_linear_apply(&(wg_linear){b->x[2 * layer], b->x[2 * layer + 1]}, x);
}

static void forward(bench *b)
{
    wg_tensor x = wg_borrow_f32(b->ctx, WG_SHAPE(BATCH, PIXELS), b->data[0]);
    wg_tensor h = wg_relu(dense(b, ENCODER, x));
    wg_tensor mean = dense(b, MEAN, h), logvar = dense(b, LOGVAR, h);
    wg_tensor noise = wg_normal_like(mean);
    wg_tensor code = wg_add(mean, wg_mul(noise, wg_exp(wg_mul_scalar(logvar, 0.5))));
    wg_tensor logits = dense(b, PICTURE, wg_relu(dense(b, DECODER, code)));
    wg_tensor cross = wg_sum(wg_sub(wg_softplus(logits), wg_mul(logits, x)), WG_ALL);
    wg_tensor inside = wg_sub(wg_sub(wg_add_scalar(logvar, 1), wg_square(mean)), wg_exp(logvar));
    wg_tensor divergence = wg_mul_scalar(wg_sum(inside, WG_ALL), -0.5);
    b->loss = wg_div_scalar(wg_add(cross, divergence), BATCH);
    b->output = noise;
}

static jet naive(const bench *b, jet *const *x, double *output)
{
    static jet picture[BATCH * PIXELS], h[BATCH * HIDDEN], mean[BATCH * CODE], logvar[BATCH * CODE], code[BATCH * CODE],
        logits[BATCH * PIXELS];
    static float noise[BATCH * CODE];
    wg_read_f32(b->output, noise, BATCH * CODE); /* the draw itself is not the bench's to check */
    for (int i = 0; i < BATCH * CODE; i++) output[i] = (double)noise[i];
    for (int i = 0; i < BATCH * PIXELS; i++) picture[i] = jet_of((double)b->data[0][i]);
    jet_dense(picture, x[0], x[1], h, BATCH, PIXELS, HIDDEN, 1);
    for (int i = 0; i < BATCH * HIDDEN; i++) h[i] = jet_relu(h[i]);
    jet_dense(h, x[2], x[3], mean, BATCH, HIDDEN, CODE, 1);
    jet_dense(h, x[4], x[5], logvar, BATCH, HIDDEN, CODE, 1);
    jet loss = jet_of(0);
    for (int i = 0; i < BATCH * CODE; i++) {
        jet spread = jet_exp(jet_scale(logvar[i], 0.5));
        code[i] = jet_add(mean[i], jet_scale(spread, (double)noise[i]));
        jet inside = jet_sub(jet_sub(jet_add(logvar[i], jet_of(1)), jet_mul(mean[i], mean[i])), jet_exp(logvar[i]));
        loss = jet_sub(loss, jet_scale(inside, 0.5));
    }
    jet_dense(code, x[6], x[7], h, BATCH, CODE, HIDDEN, 1);
    for (int i = 0; i < BATCH * HIDDEN; i++) h[i] = jet_relu(h[i]);
    jet_dense(h, x[8], x[9], logits, BATCH, HIDDEN, PIXELS, 1);
    for (int i = 0; i < BATCH * PIXELS; i++) {
        jet softplus = jet_log(jet_add(jet_of(1), jet_exp(logits[i])));
        loss = jet_add(loss, jet_sub(softplus, jet_mul(logits[i], picture[i])));
    }
    return jet_scale(loss, 1.0 / BATCH);
}

#define PRODUCTS (2.0 * PIXELS * HIDDEN + 3.0 * HIDDEN * CODE)
#define PARAMETERS (PRODUCTS + HIDDEN + 2 * CODE + HIDDEN + PIXELS)
#define ACTIVATIONS (BATCH * (3.0 * PIXELS + 2.0 * HIDDEN + 3.0 * CODE))

const workload vae_w9 = {
    .name = "w9",
    .summary = "VAE 784-400-(20, 20)-400-784, batch 128, cross-entropy + divergence, Adam",
    .flops = 2.0 * BATCH * (3 * PRODUCTS - PIXELS * HIDDEN),
    .bytes = 4 * (10 * PARAMETERS + 5 * ACTIVATIONS),
    .touched = 4 * (4 * PARAMETERS + 2 * ACTIVATIONS),
    .open = open_vae,
    .fresh = fresh,
    .forward = forward,
    .backward = bench_gradients,
    .update = bench_adam,
    .evaluate = bench_item,
    .naive = naive,
};

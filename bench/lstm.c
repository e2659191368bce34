/* w5_cell: a character LSTM whose cell is composed of primitives and unrolled in time, with cross-entropy and Adam. */
#include "bench.h"

#include <stdlib.h>

enum { SYMBOLS = 64, EMBEDDING = 64, HIDDEN = 128, GATES = 4 * HIDDEN, STEPS = 64, BATCH = 16 };

enum { TABLE, INPUT, RECURRENT, BIAS, OUTPUT, OUTPUT_BIAS }; /* places in b->x */

static void open_lstm(bench *b, double learning_rate)
{
    double k = 1 / sqrt((double)HIDDEN);
    wg_init init = wg_init_uniform(-k, k);
    wg_parameter(b->ctx, "embedding", WG_SHAPE(SYMBOLS, EMBEDDING), wg_init_normal(1));
    wg_parameter(b->ctx, "input", WG_SHAPE(EMBEDDING, GATES), init);
    wg_parameter(b->ctx, "recurrent", WG_SHAPE(HIDDEN, GATES), init);
    wg_parameter(b->ctx, "bias", WG_SHAPE(GATES), wg_init_zeros());
    wg_linear_new(b->ctx, "output", HIDDEN, SYMBOLS, NULL);
    for (int i = 0; i < 2; i++) b->index[i] = bench_memory((size_t)(STEPS * BATCH), sizeof(int32_t));
    bench_train_open(b, learning_rate);
}

static void fresh(bench *b)
{
    for (int i = 0; i < 2; i++) bench_index(b, b->index[i], (size_t)(STEPS * BATCH), SYMBOLS);
}

/* One step of the cell: the gates in the order input, forget, output, candidate. */
static void cell(const bench *b, wg_tensor symbol, wg_tensor *h, wg_tensor *c)
{
    wg_tensor z = wg_add(wg_add(wg_matmul(symbol, b->x[INPUT]), wg_matmul(*h, b->x[RECURRENT])), b->x[BIAS]);
    wg_tensor gate[4];
    wg_split(z, 1, 4, gate);
    *c = wg_add(wg_mul(wg_sigmoid(gate[1]), *c), wg_mul(wg_sigmoid(gate[0]), wg_tanh(gate[3])));
    *h = wg_mul(wg_sigmoid(gate[2]), wg_tanh(*c));
}

static void forward(bench *b)
{
    wg_tensor symbols = wg_borrow_i32(b->ctx, WG_SHAPE(STEPS, BATCH), b->index[0]);
    wg_tensor target = wg_borrow_i32(b->ctx, WG_SHAPE(STEPS, BATCH), b->index[1]);
    wg_tensor embedded = wg_gather(b->x[TABLE], symbols, 0);
    wg_tensor h = wg_zeros(b->ctx, WG_SHAPE(BATCH, HIDDEN)), c = h, all[STEPS];
    for (int t = 0; t < STEPS; t++) {
        cell(b, wg_select(embedded, 0, t), &h, &c);
        all[t] = h;
    }
    wg_linear output = {b->x[OUTPUT], b->x[OUTPUT_BIAS]};
    b->loss = wg_cross_entropy(wg_linear_apply(&output, wg_stack((wg_list){STEPS, all}, 0)), target, NULL);
}

static jet naive(const bench *b, jet *const *x, double *unused)
{
    (void)unused;
    static jet symbol[BATCH * EMBEDDING], h[BATCH * HIDDEN], c[BATCH * HIDDEN], z[BATCH * GATES], zh[BATCH * GATES],
        logits[BATCH * SYMBOLS];
    jet loss = jet_of(0);
    for (int i = 0; i < BATCH * HIDDEN; i++) h[i] = c[i] = jet_of(0);
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < BATCH * EMBEDDING; i++)
            symbol[i] = x[TABLE][b->index[0][t * BATCH + i / EMBEDDING] * EMBEDDING + i % EMBEDDING];
        jet_dense(symbol, x[INPUT], x[BIAS], z, BATCH, EMBEDDING, GATES, 0);
        jet_dense(h, x[RECURRENT], NULL, zh, BATCH, HIDDEN, GATES, 0);
        for (int i = 0; i < BATCH * HIDDEN; i++) {
            jet gate[4];
            for (int k = 0; k < 4; k++) {
                int at = i / HIDDEN * GATES + k * HIDDEN + i % HIDDEN;
                gate[k] = jet_add(z[at], zh[at]);
            }
            c[i] = jet_add(jet_mul(jet_sigmoid(gate[1]), c[i]), jet_mul(jet_sigmoid(gate[0]), jet_tanh(gate[3])));
            h[i] = jet_mul(jet_sigmoid(gate[2]), jet_tanh(c[i]));
        }
        jet_dense(h, x[OUTPUT], x[OUTPUT_BIAS], logits, BATCH, HIDDEN, SYMBOLS, 1);
        loss = jet_add(loss, jet_cross_entropy(logits, &b->index[1][t * BATCH], BATCH, SYMBOLS));
    }
    return jet_scale(loss, 1.0 / STEPS);
}

#define PARAMETERS (SYMBOLS * EMBEDDING + (EMBEDDING + HIDDEN + 1) * GATES + (HIDDEN + 1) * SYMBOLS)
#define PRODUCTS (EMBEDDING * GATES + HIDDEN * GATES + HIDDEN * SYMBOLS) /* multiply-adds for one symbol */
#define ACTIVATIONS (EMBEDDING + 4 * GATES + 4 * HIDDEN + SYMBOLS)       /* for one symbol */

const workload lstm_w5 = {
    .name = "w5_cell",
    .summary = "character LSTM from primitives: 64 symbols, hidden 128, 64 steps, batch 16, Adam",
    .flops = 3 * 2.0 * PRODUCTS * STEPS * BATCH,
    .bytes = 4.0 * (10.0 * PARAMETERS + 5.0 * ACTIVATIONS * STEPS * BATCH),
    .touched = 4.0 * (4.0 * PARAMETERS + ACTIVATIONS * STEPS * BATCH),
    .open = open_lstm,
    .fresh = fresh,
    .forward = forward,
    .backward = bench_gradients,
    .update = bench_adam,
    .evaluate = bench_item,
    .naive = naive,
};

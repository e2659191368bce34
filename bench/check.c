/* Whether a workload computes what it says: one step at its full size against the naive loss in f64, and three updates
   against Adam written out. */
#include "bench.h"

#include <stdlib.h>

enum { STEPS = 3 };

static const double rate = 1e-2;

typedef struct {
    bench b;
    int step;
    float *x[BENCH_LEAVES], *gradient[BENCH_LEAVES]; /* before the step, and of it */
    double *first[BENCH_LEAVES], *second[BENCH_LEAVES];
    FILE *complaints;
} checker;

static bool fail(const checker *c, const char *what, double found, double expected)
{
    fprintf(c->complaints, "%s: %s in step %d is %.9g, should be %.9g\n", c->b.what->name, what, c->step, found,
            expected);
    return false;
}

/* ---- the loss ---- */

/* Numbers along a direction: the workload's own, or a random one, which is returned. */
static float *make_jets(checker *c, size_t i, jet *jets)
{
    size_t size = (size_t)wg_size(c->b.x[i]);
    float *direction = c->b.direction[i];
    if (!direction) {
        direction = bench_memory(size, sizeof(float));
        bench_normal(&c->b, direction, size);
    }
    for (size_t k = 0; k < size; k++) jets[k] = (jet){(double)c->x[i][k], (double)direction[k], 0};
    return direction;
}

static bool check_output(const checker *c, const double *expected)
{
    size_t size = (size_t)wg_size(c->b.output);
    float *found = bench_memory(size, sizeof(float));
    bool fine = wg_read_f32(c->b.output, found, size);
    for (size_t k = 0; k < size && fine; k++) {
        double scale = size == 1 ? 100 : 1; /* a sum of many has their rounding */
        if (!(fabs((double)found[k] - expected[k]) <= 1e-5 * (scale + fabs(expected[k]))))
            fine = fail(c, "an element of the output", (double)found[k], expected[k]);
    }
    free(found);
    return fine;
}

static bool check_loss(checker *c)
{
    jet *jets[BENCH_LEAVES] = {NULL};
    double slope = 0, spread = 0;
    for (size_t i = 0; i < c->b.count; i++) {
        size_t size = (size_t)wg_size(c->b.x[i]);
        jets[i] = bench_memory(size, sizeof(jet));
        float *direction = make_jets(c, i, jets[i]);
        for (size_t k = 0; k < size; k++) {
            double term = (double)c->gradient[i][k] * (double)direction[k];
            slope += term;
            spread += term * term;
        }
        if (direction != c->b.direction[i]) free(direction);
    }
    size_t outputs = c->b.output.context ? (size_t)wg_size(c->b.output) : 0;
    double *expected = bench_memory(outputs, sizeof(double));
    double loss = wg_item(c->b.loss);
    jet naive = c->b.what->naive(&c->b, jets, expected);
    bool fine = true;
    spread = sqrt(spread) + 1e-2 * fabs(naive.d);
    if (!(fabs(loss - naive.v) <= 1e-4 * fabs(naive.v) + 1e-5 * spread)) fine = fail(c, "the loss", loss, naive.v);
    if (!(fabs(slope - naive.d) <= 2e-4 * spread)) fine = fail(c, "the slope along a direction", slope, naive.d);
    if (outputs && !check_output(c, expected)) fine = false;
    for (size_t i = 0; i < c->b.count; i++) free(jets[i]);
    free(expected);
    return fine;
}

/* ---- the update ---- */

static bool check_update(checker *c)
{
    double bias1 = 1 - pow(0.9, c->step), bias2 = 1 - pow(0.999, c->step);
    for (size_t i = 0; i < c->b.count; i++) {
        size_t size = (size_t)wg_size(c->b.x[i]);
        float *now = bench_memory(size, sizeof(float));
        bool fine = wg_read_f32(c->b.x[i], now, size);
        for (size_t k = 0; k < size && fine; k++) {
            double g = (double)c->gradient[i][k];
            double m = c->first[i][k] = 0.9 * c->first[i][k] + 0.1 * g;
            double v = c->second[i][k] = 0.999 * c->second[i][k] + 0.001 * g * g;
            double expected = (double)c->x[i][k] - rate * (m / bias1) / (sqrt(v / bias2) + 1e-8);
            if (!(fabs((double)now[k] - expected) <= 1e-3 * rate + 1e-6 * fabs(expected)))
                fine = fail(c, "an element after the update", (double)now[k], expected);
        }
        free(now);
        if (!fine) return false;
    }
    return true;
}

/* ---- one step ---- */

static bool check_step(checker *c)
{
    bench *b = &c->b;
    const workload *w = b->what;
    w->fresh(b);
    w->forward(b);
    if (w->backward) w->backward(b);
    for (size_t i = 0; i < b->count; i++) {
        size_t size = (size_t)wg_size(b->x[i]);
        if (c->step == 1) {
            c->x[i] = bench_memory(size, sizeof(float));
            c->gradient[i] = bench_memory(size, sizeof(float));
            c->first[i] = bench_memory(w->update ? size : 0, sizeof(double));
            c->second[i] = bench_memory(w->update ? size : 0, sizeof(double));
        }
        wg_read_f32(b->x[i], c->x[i], size);
    }
    /* Evaluated together with the update, as in a timed step. */
    if (w->update) w->update(b);
    wg_tensor wanted[BENCH_LEAVES + 2];
    size_t count = 0;
    if (w->naive) wanted[count++] = b->loss;
    if (w->naive && b->output.context) wanted[count++] = b->output;
    for (size_t i = 0; i < b->count; i++) wanted[count++] = b->gradient[i];
    bool fine = wg_eval((wg_list){count, wanted});
    for (size_t i = 0; i < b->count; i++)
        fine = wg_read_f32(b->gradient[i], c->gradient[i], (size_t)wg_size(b->gradient[i])) && fine;
    if (fine && w->naive) fine = check_loss(c);
    if (fine && w->update) fine = check_update(c);
    wg_clear(b->ctx);
    return fine;
}

bool bench_check(const workload *what, int threads, FILE *complaints)
{
    checker c = {.b = {.what = what, .random = 77}, .complaints = complaints};
    c.b.ctx = wg_context_new(&(wg_context_options){.seed = 5, .threads = threads});
    what->open(&c.b, rate);
    bool fine = true;
    for (c.step = 1; c.step <= (what->update ? STEPS : 1) && fine; c.step++) fine = check_step(&c);
    return wg_context_close(c.b.ctx, complaints) == 0 && fine;
}

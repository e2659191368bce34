/* What a workload is, to the program that times it.

   A step is: fresh random leaves (not timed), record the forward part, record the gradients, record the update,
   evaluate and read, clear. Each phase is a function of the workload's, so that each can be timed for itself. */
#ifndef WENGERT_BENCH_H
#define WENGERT_BENCH_H

#include "jet.h"

#include <wengert/wengert.h>

enum { BENCH_LEAVES = 16, BENCH_DATA = 4 };

typedef struct workload workload;

/* One workload in one context. */
typedef struct {
    const workload *what;
    wg_context *ctx;
    uint64_t random;
    /* Fresh values, borrowed by the step's leaves. */
    float *data[BENCH_DATA];
    int32_t *index[BENCH_DATA];
    /* What is differentiated: parameters, or leaves of the step; and the gradients. */
    size_t count;
    wg_tensor x[BENCH_LEAVES], gradient[BENCH_LEAVES];
    /* The loss is what the gradients are of; it is read if it is the result, else `output` is. */
    wg_tensor loss, output;
    wg_optimizer *adam;
    /* Directions for a Hessian-vector product. */
    float *direction[BENCH_LEAVES];
} bench;

struct workload {
    const char *name, *summary;
    /* The useful work of one step, from which its roofline is computed: arithmetic, memory traffic, and the size of all
       that is touched, which decides the level of memory. 0: no roofline. */
    double flops, bytes, touched;
    /* Its evaluation is nothing but small groups: their cost is that of dispatching. */
    bool dispatches;
    /* Makes parameters and buffers. */
    void (*open)(bench *b, double learning_rate);
    /* New random values in the buffers. */
    void (*fresh)(bench *b);
    void (*forward)(bench *b);
    void (*backward)(bench *b); /* NULL: there is none */
    void (*update)(bench *b);   /* NULL: there is none */
    /* Computes what a program would want of this step and reads it. The result changes with the leaves. */
    double (*evaluate)(bench *b);
    /* The loss in plain loops, with two derivatives along one direction; fills `output` (NULL if there is none) with
       what b->output should be. NULL: the loss is not checked. */
    jet (*naive)(const bench *b, jet *const *x, double *output);
};

/* ---- for workloads ---- */

/* Memory that lives as long as the program. */
void *bench_memory(size_t count, size_t size);
/* Uniform in [0, 1), and roughly normal with mean 0 and variance 1: fast, not good. */
void bench_uniform(bench *b, float *values, size_t count);
void bench_normal(bench *b, float *values, size_t count);
void bench_index(bench *b, int32_t *values, size_t count, int32_t limit);

/* The usual phases of training: gradients of the loss by all of b->x, an Adam step, the loss's value. */
void bench_train_open(bench *b, double learning_rate);
void bench_gradients(bench *b);
void bench_adam(bench *b);
double bench_item(bench *b);
/* Evaluates b->output and all gradients; reads one element of each. */
double bench_values(bench *b);

extern const workload scalar_w1, mlp_w2, mlp_w3, mlp_w10, lstm_w5, row_softmax, row_layernorm, map_gelu, map_sigmoid,
    map_sum, adam_w8, convolution_w7, vae_w9, record_scalar, record_map, record_layer, record_reduce, dispatch_groups,
    per_example_loop, per_example_graph, per_example_scan, per_example_wide;

/* ---- for the program ---- */

/* Compares a step with the naive loss and a naive Adam; says what is wrong. */
bool bench_check(const workload *what, int threads, FILE *complaints);

/* Calls of malloc and its like in the whole process so far; -1 where they cannot be counted. */
long long bench_allocations(void);

/* The machine's ceilings now: the best rate of several short loops in so many threads. */
double ceiling_flops(int threads);
double ceiling_bandwidth(int threads, double touched);

#endif

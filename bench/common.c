/* What the workloads share: memory, fast random numbers, the phases of training. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

void *bench_memory(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes ? bytes : 64);
    if (!memory) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    memset(memory, 0, bytes);
    return memory;
}

/* ---- random numbers ---- */

/* splitmix64 (Steele, Lea and Flood 2014) */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void bench_uniform(bench *b, float *values, size_t count)
{
    uint64_t state = b->random;
    for (size_t i = 0; i < count; i++) values[i] = (float)(next(&state) >> 40) * 0x1p-24F;
    b->random = state;
}

/* The sum of four uniform numbers of 16 bits each, scaled. */
void bench_normal(bench *b, float *values, size_t count)
{
    uint64_t state = b->random;
    for (size_t i = 0; i < count; i++) {
        uint64_t z = next(&state);
        int32_t sum =
            (int32_t)(z & 0xffff) + (int32_t)(z >> 16 & 0xffff) + (int32_t)(z >> 32 & 0xffff) + (int32_t)(z >> 48);
        values[i] = (float)(sum - 2 * 0xffff) * (1.7320508F / 65536);
    }
    b->random = state;
}

void bench_index(bench *b, int32_t *values, size_t count, int32_t limit)
{
    for (size_t i = 0; i < count; i++) values[i] = (int32_t)(next(&b->random) % (uint64_t)limit);
}

/* ---- phases ---- */

void bench_train_open(bench *b, double learning_rate)
{
    wg_list all = wg_parameters(b->ctx, NULL);
    b->count = all.count;
    for (size_t i = 0; i < all.count && i < BENCH_LEAVES; i++) b->x[i] = all.items[i];
    b->adam = wg_adam_new(b->ctx, NULL, &(wg_adam_options){.learning_rate = learning_rate});
}

void bench_gradients(bench *b)
{
    wg_grads(b->loss, (wg_list){b->count, b->x}, b->gradient);
}

void bench_adam(bench *b)
{
    wg_optimizer_apply(b->adam, (wg_list){b->count, b->gradient});
}

double bench_item(bench *b)
{
    return wg_item(b->loss);
}

double bench_values(bench *b)
{
    wg_tensor wanted[BENCH_LEAVES + 1];
    size_t count = 0;
    if (b->output.context) wanted[count++] = b->output;
    for (size_t i = 0; i < b->count; i++) wanted[count++] = b->gradient[i];
    if (!wg_eval((wg_list){count, wanted})) return NAN;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const float *values = wg_values_f32(wanted[i]);
        if (!values) return NAN;
        sum += (double)values[wg_size(wanted[i]) / 2];
    }
    return sum;
}

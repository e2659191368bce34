/* Matrices with gaps and guards, for the tests of the engine's matrix product. */
#ifndef TESTS_MATRICES_H
#define TESTS_MATRICES_H

#include "engine/product.h"
#include "tests/harness.h"

typedef struct extents {
    int64_t rows, columns, inner, batch;
} extents;

/* A matrix, or a batch of them, with a guard of untouchable elements before, after and between the rows. */
typedef struct matrix {
    wg_type type;
    int64_t rows, columns, batch, elements;
    product_stride stride;
    void *memory, *data;
} matrix;

enum { GUARD = 16, SENTINEL = 1000003 };

static inline double load(const matrix *m, int64_t i)
{
    return m->type == WG_F32 ? (double)((float *)m->memory)[i] : ((double *)m->memory)[i];
}

static inline void store(const matrix *m, int64_t i, double value)
{
    if (m->type == WG_F32)
        ((float *)m->memory)[i] = (float)value;
    else
        ((double *)m->memory)[i] = value;
}

static inline int64_t place(const matrix *m, int64_t item, int64_t row, int64_t column)
{
    return GUARD + item * m->stride.batch + row * m->stride.row + column * m->stride.column;
}

/* `gap` elements between rows, or columns where transposed, and as many between matrices; `shared`: one matrix. */
static inline matrix matrix_new(wg_type type, int64_t rows, int64_t columns, int64_t batch, bool transposed, int gap,
                                bool shared)
{
    size_t size = type == WG_F32 ? 4 : 8;
    int64_t step = (transposed ? rows : columns) + gap, one = step * (transposed ? columns : rows) + gap;
    matrix m = {.type = type, .rows = rows, .columns = columns, .batch = shared ? 1 : batch};
    m.stride = transposed ? (product_stride){1, step, shared ? 0 : one} : (product_stride){step, 1, shared ? 0 : one};
    m.elements = 2 * GUARD + m.batch * one;
    m.memory = malloc((size_t)m.elements * size);
    m.data = (char *)m.memory + GUARD * size;
    for (int64_t i = 0; i < m.elements; i++) store(&m, i, SENTINEL);
    return m;
}

/* Integers of -4 .. 4, or, with a scale that is none, numbers whose sums depend on the order. */
static inline void fill(const matrix *m, uint64_t seed, double scale)
{
    for (int64_t b = 0; b < m->batch; b++)
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t c = 0; c < m->columns; c++) {
                uint64_t bits = (seed + (uint64_t)(b * 1000003 + r * 1009 + c)) * UINT64_C(0x9e3779b97f4a7c15);
                store(m, place(m, b, r, c), (double)((int64_t)((bits >> 40) % 9) - 4) * scale);
            }
}

static inline product product_of(const matrix *a, const matrix *b, const matrix *c, bool accumulate)
{
    return (product){c->type, c->rows, c->columns, a->columns, c->batch, a->stride, b->stride, c->stride, accumulate};
}

/* Runs all tasks, from the first to the last or the other way. */
static inline void run_all(const product_plan *plan, const matrix *a, const matrix *b, const matrix *c, bool backwards)
{
    void *scratch = aligned_alloc(64, plan->scratch / 64 * 64 + 64);
    memset(scratch, 0xff, plan->scratch); /* NaN: nothing may be taken from there */
    for (int64_t i = 0; i < plan->tasks; i++)
        product_run(plan, backwards ? plan->tasks - 1 - i : i, a->data, b->data, c->data, scratch);
    free(scratch);
}

#endif

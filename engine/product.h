/* The matrix product of the planned engine: c = a b or c += a b, batched, cut into tasks that any threads may run in
   any order. The cuts, and with them the order in which every element of c is summed, follow from the shape, the type,
   the instruction set and the path alone, never from the number of threads. */
#ifndef ENGINE_PRODUCT_H
#define ENGINE_PRODUCT_H

#include <wengert/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counted in elements. A batch stride of 0: the same matrix for all. */
typedef struct product_stride {
    int64_t row, column, batch;
} product_stride;

typedef struct product {
    wg_type type;                        /* WG_F32 or WG_F64 */
    int64_t rows, columns, inner, batch; /* a: [rows, inner], b: [inner, columns], c: [rows, columns] */
    product_stride a, b, c;
    bool accumulate;
} product;

/* Whether the strides can be served: of a and of b, one of row and column is 1 and the other at least the extent that
   it steps over; of c, column is 1. The stride along an axis of extent 1 (or 0) is never looked at. Matrices of c must
   not overlap, nor c overlap a or b. */
bool product_supported(const product *shape);

/* From the fastest to the one that always works. */
typedef enum product_path { PRODUCT_XSMM, PRODUCT_BLAS, PRODUCT_PLAIN } product_path;

/* What the environment's WG_PRODUCT asks for ("xsmm", "blas", "plain"); without it, the fastest. Read once. */
product_path product_path_wanted(void);

typedef struct product_cut {
    int64_t parts, size, last; /* all parts but the last have the size */
} product_cut;

typedef struct product_operand {
    int64_t step, batch; /* step: from row to row, or from column to column where transposed */
    bool transposed;
} product_operand;

/* A supported product made ready to run: tasks and scratch are for the caller, the rest is the product's own. */
typedef struct product_plan {
    int64_t tasks;  /* 0: there is nothing to do */
    size_t scratch; /* bytes that each running task needs for itself, 64-byte aligned */
    product shape;
    product_path path;
    bool swapped; /* the columns of c are computed as rows, and turned back by a transposition */
    bool packed;  /* the right operand is copied to a panel */
    product_operand left, right;
    int64_t c_step; /* from row to row of c */
    product_cut rows, columns, depth;
    int64_t units, group;                  /* blocks of c, and how many of them make a task */
    struct product_code *code[2][2][2][2]; /* the last part of rows? of columns? a later part of depth? the last? */
} product_plan;

/* Takes `best` or, where it cannot be had, the next path. Looks up or makes the machine code; what can run runs without
   locks and without memory of its own. */
void product_prepare(const product *shape, product_path best, product_plan *plan);
void product_release(product_plan *plan);

/* Runs task 0 <= task < tasks. All tasks must run once; those of one product may run at the same time. */
void product_run(const product_plan *plan, int64_t task, const void *a, const void *b, void *c, void *scratch);

#endif

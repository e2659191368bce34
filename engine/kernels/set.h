/* The vector kernels of one instruction set. Each of sse2.c, avx2.c and avx512.c fills one in; select.c chooses. Tests
   name the one they want. */
#ifndef ENGINE_KERNELS_SET_H
#define ENGINE_KERNELS_SET_H

#include "engine/kernels/kernels.h"

/* By the type of the operands, then by which operand is one number for each row: 0 none, 1 the first, 2 the second. */
typedef struct kernel_row {
    const wg_op *op;
    tile_kernel kernel[WG_TYPES][3], precise; /* precise: see kernel_find_precise */
} kernel_row;

/* By the first op, which of its operands is one number for each row, the second op, and whether its other operand is.
 */
enum { PAIR_add, PAIR_sub, PAIR_mul, PAIR_square, PAIR_FIRSTS };
enum { THEN_add, THEN_mul, THEN_sum, THEN_sub, THEN_sub_from, THEN_div, THEN_div_from, PAIR_SECONDS };
typedef tile_kernel pair_table[PAIR_FIRSTS][3][PAIR_SECONDS][2];

enum kernel_reduction { REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCTIONS };

typedef struct kernel_set {
    const char *name;
    const kernel_row *rows;
    size_t count;
    tile_kernel where[WG_TYPES][8];       /* by the type of the choices, then by the bits of `single` */
    tile_kernel cast[WG_TYPES][WG_TYPES]; /* from, to */
    tile_kernel row_reduction[WG_TYPES][REDUCTIONS], column_reduction[WG_TYPES][REDUCTIONS];
    const pair_table *pairs[WG_TYPES];
} kernel_set;

extern const kernel_set kernels_sse2, kernels_avx2, kernels_avx512;

/* The set of that name; NULL: there is none, or this machine lacks the instructions. */
const kernel_set *kernel_set_named(const char *name);

tile_kernel kernel_set_find(const kernel_set *set, const wg_op *op, const wg_type *types, wg_type result,
                            unsigned single);
tile_kernel kernel_set_find_precise(const kernel_set *set, const wg_op *op, wg_type type);
tile_kernel kernel_set_find_pair(const kernel_set *set, const wg_op *first, const wg_op *second, wg_type type,
                                 unsigned single, bool swapped);
tile_kernel kernel_set_row_reduction(const kernel_set *set, const wg_op *op, wg_type type);
tile_kernel kernel_set_column_reduction(const kernel_set *set, const wg_op *op, wg_type type);

/* What a kernel walks over: a tile without gaps is one flat row. `operands` has a bit for each that it reads. */
typedef struct tile_walk {
    int64_t rows, columns;
} tile_walk;

static inline tile_walk tile_walk_of(const tile *t, unsigned operands, unsigned single)
{
    bool flat = t->out_step == t->columns;
    for (unsigned k = 0; k < 3; k++)
        if (operands >> k & 1) flat &= t->step[k] == (single >> k & 1 ? 0 : t->columns);
    if (t->columns <= 0) return (tile_walk){0, 0};
    return flat ? (tile_walk){t->rows > 0, t->rows * t->columns} : (tile_walk){t->rows, t->columns};
}

#endif

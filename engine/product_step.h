/* A matmul of a program as products that run over strided operands. */
#ifndef ENGINE_PRODUCT_STEP_H
#define ENGINE_PRODUCT_STEP_H

#include "engine/product.h"
#include "engine/view.h"

/* Products at regular distances: one for each index of the outer axes. */
typedef struct product_loop {
    product one;
    int64_t a_offset, b_offset, c_offset; /* of the first, in elements of the bases */
    int rank;
    int64_t dim[WG_MAX_RANK], a[WG_MAX_RANK], b[WG_MAX_RANK], c[WG_MAX_RANK];
} product_loop;

/* Whether the item is a matmul or a multiply_add, and the operand where its matrices begin. */
bool is_product(const item *it);
static inline uint32_t product_first(const item *it)
{
    return it->count - 2;
}

/* Whether the matrices of this operand (one of the last two), lying so, can be multiplied without a copy. */
bool product_reads(const program *p, const item *matmul, uint32_t place, const view *v);
/* Likewise for matrices of the result. */
bool product_writes(const item *matmul, const view *v);
/* How the matmul of such operands into such a result runs. */
product_loop product_loop_of(const program *p, const item *matmul, const view *a, const view *b, const view *c);

#endif

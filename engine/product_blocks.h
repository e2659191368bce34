/* The fast path of the matrix product: blocks of it, by machine code made for them. */
#ifndef ENGINE_PRODUCT_BLOCKS_H
#define ENGINE_PRODUCT_BLOCKS_H

#include "engine/product.h"

/* Completes a plan that has its shape and operands; false, and nothing changed, where another path has to do. */
bool product_blocks_prepare(product_plan *plan);
void product_blocks_release(product_plan *plan);
void product_blocks_run(const product_plan *plan, int64_t task, const void *a, const void *b, void *c, void *scratch);

#endif

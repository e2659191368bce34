/* Machine code for blocks of matrix products, written by the generator of libxsmm and kept for the whole process. */
#ifndef ENGINE_PRODUCT_CODE_H
#define ENGINE_PRODUCT_CODE_H

#include <wengert/types.h>

#include <stdbool.h>
#include <stdint.h>

/* out = left right, or out += left right. left is [rows, depth], or [depth, rows] where transposed; right is
   [depth, columns]; out is [rows, columns]. Steps lead from row to row. */
typedef struct product_block {
    int64_t rows, columns, depth;
    int64_t left_step, right_step, out_step;
    wg_type type;
    bool left_transposed, accumulate;
} product_block;

typedef struct product_code {
    void (*run)(const void *right, const void *left, void *out);
    product_block block;
    size_t bytes;
    int64_t users;
    struct product_code *next;
} product_code;

/* Whether this processor has the instructions. */
bool product_code_usable(void);
/* How many numbers of the type one instruction multiplies. */
int64_t product_code_lanes(wg_type type);

/* The code for a block; NULL where it cannot be made (too long strides, no executable memory). Drop what was got. */
product_code *product_code_get(const product_block *block);
void product_code_drop(product_code *code);

/* To be called on a thread that ran code, before it goes on with other arithmetic. */
void product_code_leave(void);

#endif

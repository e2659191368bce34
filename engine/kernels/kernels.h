/* Vector kernels: one op on one tile, for each element type and instruction set. What the instructions of a fused group
   call.

   A tile is rows x columns elements. Element (r, c) of operand k lies at in[k] + r step[k] + c, counted in elements of
   its type; of an operand that is one number for each row (a C scalar has step 0), at in[k] + r step[k]. The result
   lies at out + r out_step + c. It may be the same memory as an operand of the same type and steps, or else none of
   it. All kernels give the bits that the op's own kernel gives. Bools are bytes, 0 or 1. */
#ifndef ENGINE_KERNELS_KERNELS_H
#define ENGINE_KERNELS_KERNELS_H

#include <wengert/op.h>

typedef struct tile {
    int64_t rows, columns;
    void *out;
    int64_t out_step;
    const void *in[3];
    int64_t step[3];
} tile;

typedef void (*tile_kernel)(const tile *);

/* The kernel of an element-wise row, of where or of cast. `types`: of the operands, and of the result; bit k of
   `single`: operand k is one number for each row (not all operands: then the rows are the elements). NULL: there is
   none; the op's own kernel serves. */
tile_kernel kernel_find(const wg_op *op, const wg_type *operand_types, wg_type result, unsigned single);
/* What takes its place with the option `precise`, `single` being 0: the bits are those of op->precise. NULL: nothing
   does. */
tile_kernel kernel_find_precise(const wg_op *op, wg_type type);

/* Two ops in one: second(first(in 0, in 1), in 2), or with `swapped` second(in 2, first(in 0, in 1)), all f32;
   the second may be a sum along rows, which writes as kernel_row_reduction's does and has no in 2. Of a unary first op
   in 1 is not looked at. Bit k of `single`: in k is one number for each row (not in 0 and in 1). The value between is
   rounded to the type, so that the bits are those of two kernels. NULL: there is none. */
tile_kernel kernel_find_pair(const wg_op *first, const wg_op *second, wg_type type, unsigned single, bool swapped);

/* Reductions of f32 and f64 by sum, max and min; NULL for other ops and types. Along rows: out[r out_step] becomes the
   row's; blocked, so that the error of a sum grows with the logarithm of its length. */
tile_kernel kernel_row_reduction(const wg_op *op, wg_type type);
/* Along columns: out[c] becomes the combination of itself with all rows. Sums are f64 whatever the type (out is an
   array of double); max and min have the type of the operand. */
tile_kernel kernel_column_reduction(const wg_op *op, wg_type type);

/* One element: out = op(left, right), all of this type (but bools that comparisons give); right is not looked at by
   unary ops. `precise`: the option of that name. NULL: there is none. */
typedef void (*single_kernel)(void *out, const void *left, const void *right);
single_kernel kernel_single(const wg_op *op, wg_type type, bool precise);
/* A copy of one element of so many bytes. */
single_kernel kernel_single_copy(size_t element);

/* What this process runs on: "sse2", "avx2" or "avx512"; WG_ISA in the environment may choose a lesser one. */
const char *kernel_instruction_set(void);

#endif

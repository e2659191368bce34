/* Transposition of blocks of matrices, with AVX2: for code that has made sure of it. */
#ifndef ENGINE_TRANSPOSE_H
#define ENGINE_TRANSPOSE_H

#include <wengert/types.h>

#include <stdint.h>

/* out[c out_step + r] = in[r in_step + c] for all r < rows and c < columns; WG_F32 or WG_F64. */
void transpose(wg_type type, int64_t rows, int64_t columns, const void *in, int64_t in_step, void *out,
               int64_t out_step);

#endif

/* Transposition of blocks of matrices, in vector registers where there are such. */
#ifndef ENGINE_TRANSPOSE_H
#define ENGINE_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

/* out[c out_step + r] = in[r in_step + c] for all r < rows and c < columns, of elements of 1, 4 or 8 bytes. */
void transpose(size_t element, int64_t rows, int64_t columns, const void *in, int64_t in_step, void *out,
               int64_t out_step);

#endif

/* Square tiles are turned in vector registers. A tile at the edge is moved back until it fits, and does some elements
   again; what is narrower than a tile goes element by element. */
#include "engine/transpose.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_TILES
#endif

#ifdef HAVE_TILES

#define AVX2 __attribute__((target("avx2")))

typedef float f32x4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float f32x8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double f64x2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef double f64x4 __attribute__((vector_size(32), aligned(8), may_alias));

/* 4 elements of row r beside 4 of row r + 4. */
AVX2 static inline f32x8 pair_f32(const float *row, int64_t step)
{
    return __builtin_shufflevector(*(const f32x4 *)row, *(const f32x4 *)(row + 4 * step), 0, 1, 2, 3, 4, 5, 6, 7);
}

/* 4 columns of 8 rows: what lies in both halves of the vectors is turned alike. */
AVX2 static inline void turn_f32(const float *in, int64_t in_step, float *out, int64_t out_step)
{
    f32x8 a = pair_f32(in, in_step), b = pair_f32(in + in_step, in_step);
    f32x8 c = pair_f32(in + 2 * in_step, in_step), d = pair_f32(in + 3 * in_step, in_step);
    f32x8 ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    f32x8 cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
    f32x8 AB = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    f32x8 CD = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    *(f32x8 *)out = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13);
    *(f32x8 *)(out + out_step) = __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    *(f32x8 *)(out + 2 * out_step) = __builtin_shufflevector(AB, CD, 0, 1, 8, 9, 4, 5, 12, 13);
    *(f32x8 *)(out + 3 * out_step) = __builtin_shufflevector(AB, CD, 2, 3, 10, 11, 6, 7, 14, 15);
}

AVX2 static inline void tile_f32(const float *in, int64_t in_step, float *out, int64_t out_step)
{
    turn_f32(in, in_step, out, out_step);
    turn_f32(in + 4, in_step, out + 4 * out_step, out_step);
}

AVX2 static inline f64x4 pair_f64(const double *row, int64_t step)
{
    return __builtin_shufflevector(*(const f64x2 *)row, *(const f64x2 *)(row + 2 * step), 0, 1, 2, 3);
}

AVX2 static inline void turn_f64(const double *in, int64_t in_step, double *out, int64_t out_step)
{
    f64x4 a = pair_f64(in, in_step), b = pair_f64(in + in_step, in_step);
    *(f64x4 *)out = __builtin_shufflevector(a, b, 0, 4, 2, 6);
    *(f64x4 *)(out + out_step) = __builtin_shufflevector(a, b, 1, 5, 3, 7);
}

AVX2 static inline void tile_f64(const double *in, int64_t in_step, double *out, int64_t out_step)
{
    turn_f64(in, in_step, out, out_step);
    turn_f64(in + 2, in_step, out + 2 * out_step, out_step);
}

/* Two tiles side by side fill whole cache lines of what is written. */
#define TRANSPOSE(name, T, SIDE)                                                                                 \
    AVX2 static void transpose_##name(int64_t rows, int64_t columns, const T *in, int64_t in_step, T *out,       \
                                      int64_t out_step)                                                          \
    {                                                                                                            \
        if (rows < SIDE || columns < SIDE) {                                                                     \
            for (int64_t r = 0; r < rows; r++)                                                                   \
                for (int64_t c = 0; c < columns; c++) out[c * out_step + r] = in[r * in_step + c];               \
            return;                                                                                              \
        }                                                                                                        \
        int64_t last_row = rows - SIDE, last_column = columns - SIDE;                                            \
        for (int64_t r = 0; r < rows; r += 2 * SIDE)                                                             \
            for (int64_t c = 0; c < columns; c += SIDE) {                                                        \
                int64_t column = c < last_column ? c : last_column;                                              \
                int64_t row = r < last_row ? r : last_row, next = row + SIDE < last_row ? row + SIDE : last_row; \
                tile_##name(in + row * in_step + column, in_step, out + column * out_step + row, out_step);      \
                tile_##name(in + next * in_step + column, in_step, out + column * out_step + next, out_step);    \
            }                                                                                                    \
    }

TRANSPOSE(f32, float, 8)
TRANSPOSE(f64, double, 4)

#endif

/* ---- where there are no such vectors ---- */

/* Blocks whose lines stay in the first-level cache, read and written. */
#define TURN_ELEMENTS(T)                                                                                           \
    static void turn_##T(int64_t rows, int64_t columns, const T *in, int64_t in_step, T *out, int64_t out_step)    \
    {                                                                                                              \
        enum { SIDE = 32 };                                                                                        \
        for (int64_t c = 0; c < columns; c += SIDE)                                                                \
            for (int64_t r = 0; r < rows; r++)                                                                     \
                for (int64_t k = c; k < columns && k < c + SIDE; k++) out[k * out_step + r] = in[r * in_step + k]; \
    }

TURN_ELEMENTS(uint8_t)
TURN_ELEMENTS(uint32_t)
TURN_ELEMENTS(uint64_t)

void transpose(size_t element, int64_t rows, int64_t columns, const void *in, int64_t in_step, void *out,
               int64_t out_step)
{
#ifdef HAVE_TILES
    if (element >= 4 && __builtin_cpu_supports("avx2")) {
        if (element == 4)
            transpose_f32(rows, columns, in, in_step, out, out_step);
        else
            transpose_f64(rows, columns, in, in_step, out, out_step);
        return;
    }
#endif
    if (element == 1)
        turn_uint8_t(rows, columns, in, in_step, out, out_step);
    else if (element == 4)
        turn_uint32_t(rows, columns, in, in_step, out, out_step);
    else
        turn_uint64_t(rows, columns, in, in_step, out, out_step);
}

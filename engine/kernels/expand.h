/* Expands all kernels of one instruction set: included by sse2.c, avx2.c and avx512.c, which define SET (the name of
   its kernel_set), SET_NAME, BYTES (of a vector) and what their processor has: F32_INTRINSIC and F64_INTRINSIC,
   F32_SLEEF and F64_SLEEF; F32_MASKED, F64_MASKED, F32_COMPARE and F64_COMPARE. */
#include "engine/kernels/set.h"
#include "ops/rows.h"
#include "ops/scalar.h"

#include <string.h>

#define ALWAYS_INLINE __attribute__((always_inline))
/* What a short loop fills stays in registers. clang unrolls it by itself. */
#ifdef __clang__
#define UNROLLED(times)
#else
#define PRAGMA(text) _Pragma(#text)
#define UNROLLED(times) PRAGMA(GCC unroll times)
#endif

#define T double
#define BITS uint64_t
#define SIGNED int64_t
#define m(name) f64v_##name
#define s(name) f64_##name
#ifdef F64_INTRINSIC
#define INTRINSIC F64_INTRINSIC
#define SLEEF F64_SLEEF
#endif
#ifdef F64_MASKED
#define MASKED F64_MASKED
#define MASKED_COMPARE F64_COMPARE
#define MASK __mmask8
#endif
#include "engine/kernels/expand_type.h"

#define T float
#define BITS uint32_t
#define SIGNED int32_t
#define m(name) f32v_##name
#define s(name) f32_##name
#define IS_F32
#ifdef F32_INTRINSIC
#define INTRINSIC F32_INTRINSIC
#define SLEEF F32_SLEEF
#endif
#ifdef F32_MASKED
#define MASKED F32_MASKED
#define MASKED_COMPARE F32_COMPARE
#define MASK __mmask16
#endif
#include "engine/kernels/expand_type.h"

#include "engine/kernels/loops.h"

/* ---- the table ---- */

#define VARIANTS_1(prefix, name) \
    {                            \
        prefix##name##_tile_0    \
    }
#define VARIANTS_2(prefix, name)                                            \
    {                                                                       \
        prefix##name##_tile_0, prefix##name##_tile_1, prefix##name##_tile_2 \
    }
#define ENTRY_FLOAT(name, operands, precise) \
    {&ops_##name, {[WG_F32] = VARIANTS_##operands(f32v_, name), [WG_F64] = VARIANTS_##operands(f64v_, name)}, precise},
#define ENTRY_NUMBER ENTRY_FLOAT
#define ENTRY_LOGIC(name, operands, precise) {&ops_##name, {[WG_BOOL] = VARIANTS_##operands(, name)}, precise},
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    ENTRY_##types(name, 1, IF_PRECISE(types, result, ulp, f32v_##name##_precise_tile_0))
#define BINARY(name, types, ...) ENTRY_##types(name, 2, NULL)

static const kernel_row rows[] = {
#include "ops/elementwise.def"
};

#undef UNARY
#undef BINARY

#define WHERE_KERNELS(prefix)                                                                                         \
    {                                                                                                                 \
        prefix##where_tile_0, prefix##where_tile_1, prefix##where_tile_2, prefix##where_tile_3, prefix##where_tile_4, \
            prefix##where_tile_5, prefix##where_tile_6                                                                \
    }
#define REDUCTION_KERNELS(prefix, along)                              \
    {                                                                 \
        prefix##sum_##along, prefix##max_##along, prefix##min_##along \
    }

const kernel_set SET = {
    .name = SET_NAME,
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .where = {[WG_F32] = WHERE_KERNELS(f32v_), [WG_F64] = WHERE_KERNELS(f64v_)},
    .cast = {[WG_F32] = {[WG_F64] = cast_f32_to_f64},
             [WG_F64] = {[WG_F32] = cast_f64_to_f32},
             [WG_I32] = {[WG_F32] = cast_i32_to_f32, [WG_F64] = cast_i32_to_f64},
             [WG_I64] = {[WG_F32] = cast_i64_to_f32, [WG_F64] = cast_i64_to_f64},
             [WG_BOOL] = {[WG_F32] = cast_bool_to_f32, [WG_F64] = cast_bool_to_f64}},
    .row_reduction = {[WG_F32] = REDUCTION_KERNELS(f32v_, rows), [WG_F64] = REDUCTION_KERNELS(f64v_, rows)},
    .column_reduction = {[WG_F32] = REDUCTION_KERNELS(f32v_, columns), [WG_F64] = REDUCTION_KERNELS(f64v_, columns)},
    .pairs = {[WG_F32] = &f32v_pairs},
};

/* Element-wise ops on one element: for groups of single numbers, where a vector kernel would spend its time on finding
   out that there is nothing to do. From the same rows, and so with the same bits. */
#include "engine/kernels/kernels.h"

#include "ops/rows.h"
#include "ops/scalar.h"

#include <stddef.h>
#include <string.h>

#define RESULT_SAME(T) T
#define RESULT_BOOL(T) bool
#define SINGLE_UNARY(name, type, T, result, value)                            \
    static void name##_##type(void *out, const void *left, const void *right) \
    {                                                                         \
        T x = *(const T *)left;                                               \
        (void)right;                                                          \
        *(RESULT_##result(T) *)out = (RESULT_##result(T))(value);             \
    }
#define SINGLE_BINARY(name, type, T, result, value)                           \
    static void name##_##type(void *out, const void *left, const void *right) \
    {                                                                         \
        T a = *(const T *)left, b = *(const T *)right;                        \
        *(RESULT_##result(T) *)out = (RESULT_##result(T))(value);             \
    }

/* ---- f32 and f64; rows for bools have none ---- */

#define UNARY_FLOAT SINGLE_UNARY
#define UNARY_NUMBER SINGLE_UNARY
#define UNARY_LOGIC(name, type, T, result, value)
#define BINARY_FLOAT SINGLE_BINARY
#define BINARY_NUMBER SINGLE_BINARY
#define BINARY_LOGIC(name, type, T, result, value)

#define m(function) f32_##function
#define UNARY(name, types, result, value, ...) UNARY_##types(name, f32, float, result, value)
#define BINARY(name, types, result, scalar, value, ...) BINARY_##types(name, f32, float, result, value)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef m

#define m(function) f64_##function
#define UNARY(name, types, result, value, ...) UNARY_##types(name, f64, double, result, value)
#define BINARY(name, types, result, scalar, value, ...) BINARY_##types(name, f64, double, result, value)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef m

/* f32 from f64, rounded once */
#define SINGLE_PRECISE(name)                                                   \
    static void name##_precise(void *out, const void *left, const void *right) \
    {                                                                          \
        double x = (double)*(const float *)left, y;                            \
        name##_f64(&y, &x, right);                                             \
        *(float *)out = (float)y;                                              \
    }
#define UNARY(name, types, result, ...) FOR_PRECISE(types, result, SINGLE_PRECISE(name))
#define BINARY(...)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

/* ---- the table ---- */

typedef struct row {
    const wg_op *op;
    single_kernel f32, f64, precise;
} row;

#define ROW_FLOAT(name, precise) {&ops_##name, name##_f32, name##_f64, precise},
#define ROW_NUMBER ROW_FLOAT
#define ROW_LOGIC(name, precise)
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    ROW_##types(name, IF_PRECISE(types, result, ulp, name##_precise))
#define BINARY(name, types, ...) ROW_##types(name, NULL)

static const row rows[] = {
#include "ops/elementwise.def"
};

single_kernel kernel_single(const wg_op *op, wg_type type, bool precise)
{
    size_t i = 0;
    while (i < sizeof rows / sizeof *rows && rows[i].op != op) i++;
    if (i == sizeof rows / sizeof *rows || (type != WG_F32 && type != WG_F64)) return NULL;
    if (type == WG_F64) return rows[i].f64;
    return precise && rows[i].precise ? rows[i].precise : rows[i].f32;
}

#define SINGLE_COPY(bytes)                                                   \
    static void copy_##bytes(void *out, const void *left, const void *right) \
    {                                                                        \
        (void)right;                                                         \
        memcpy(out, left, bytes);                                            \
    }

SINGLE_COPY(1)
SINGLE_COPY(4)
SINGLE_COPY(8)

single_kernel kernel_single_copy(size_t element)
{
    return element == 1 ? copy_1 : element == 4 ? copy_4 : copy_8;
}

/* The scalar functions that rows are made of, for each element type: those of ops/vector_math.h at width one, and SLEEF
   with at most 1 ULP, in its variant without fused multiply-add, which gives the same bits on every machine. */
#ifndef OPS_SCALAR_H
#define OPS_SCALAR_H

#include "ops/wrap.h"

#include <math.h>
#include <sleef.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- vectors of width one ---- */

#define WIDTH_ONE(prefix, T, BITS, suffix)                   \
    static inline BITS prefix##_bits(T x)                    \
    {                                                        \
        union {                                              \
            T number;                                        \
            BITS bits;                                       \
        } both = {.number = x};                              \
        return both.bits;                                    \
    }                                                        \
    static inline T prefix##_of_bits(BITS x)                 \
    {                                                        \
        union {                                              \
            BITS bits;                                       \
            T number;                                        \
        } both = {.bits = x};                                \
        return both.number;                                  \
    }                                                        \
    static inline T prefix##_all(T x)                        \
    {                                                        \
        return x;                                            \
    }                                                        \
    static inline T prefix##_if_less(T a, T b, T yes, T no)  \
    {                                                        \
        return a < b ? yes : no;                             \
    }                                                        \
    static inline T prefix##_if_equal(T a, T b, T yes, T no) \
    {                                                        \
        return a == b ? yes : no;                            \
    }                                                        \
    static inline T prefix##_smaller(T a, T b)               \
    {                                                        \
        return a < b ? a : b;                                \
    }                                                        \
    static inline T prefix##_larger(T a, T b)                \
    {                                                        \
        return a > b ? a : b;                                \
    }                                                        \
    static inline T prefix##_sqrt(T x)                       \
    {                                                        \
        return sqrt##suffix(x);                              \
    }

WIDTH_ONE(f32, float, uint32_t, f)
WIDTH_ONE(f64, double, uint64_t, )

#define M bool
#define V float
#define T float
#define U uint32_t
#define BITS uint32_t
#define m(name) f32_##name
#define IS_F32
#include "ops/vector_math.h"
#undef IS_F32
#undef V
#undef T
#undef U
#undef BITS
#undef m

#define V double
#define T double
#define U uint64_t
#define BITS uint64_t
#define m(name) f64_##name
#include "ops/vector_math.h"
#undef V
#undef T
#undef U
#undef BITS
#undef m
#undef M

/* ---- SLEEF's ---- */

#define SCALAR_SLEEF_F32(name, function)              \
    static inline float f32_##name(float x)           \
    {                                                 \
        return Sleef_cinz_##function##f1_u10purec(x); \
    }
#define SCALAR_SLEEF_F64(name, function)              \
    static inline double f64_##name(double x)         \
    {                                                 \
        return Sleef_cinz_##function##d1_u10purec(x); \
    }
#define SCALAR_SLEEF(name, function) SCALAR_SLEEF_F32(name, function) SCALAR_SLEEF_F64(name, function)

SCALAR_SLEEF_F64(sleef_exp, exp)
SCALAR_SLEEF_F64(expm1, expm1)
SCALAR_SLEEF_F64(log, log)
SCALAR_SLEEF_F64(sleef_log1p, log1p)
SCALAR_SLEEF(sin, sin)
SCALAR_SLEEF(cos, cos)
SCALAR_SLEEF_F32(tan, tan)
SCALAR_SLEEF_F64(sleef_tan, tan)
SCALAR_SLEEF(asin, asin)
SCALAR_SLEEF(acos, acos)
SCALAR_SLEEF(atan, atan)
SCALAR_SLEEF(sleef_sinh, sinh)
SCALAR_SLEEF(sleef_cosh, cosh)
SCALAR_SLEEF_F64(tanh, tanh)
SCALAR_SLEEF_F64(erf, erf)

/* ---- where SLEEF is further off at the ends of its range than inside ---- */

/* e^x 2^-64 power_of_two for x near 709, where e^x may be beyond the largest number: 64 log 2 is taken off in two
   parts, the first of which has zeros enough at its end for an exact difference. */
static inline double f64_exp_high(double x, double power_of_two)
{
    double low = f64_sleef_exp(x - 0x1.62e42fefa38p+5);
    return (low - low * 0x1.ef35793c7673p-39) * power_of_two;
}

static inline double f64_exp(double x)
{
    return x > 709.7827 && x < 710 ? f64_exp_high(x, 0x1p64) : f64_sleef_exp(x);
}

static inline float f32_sinh(float x)
{
    return fabsf(x) > 88 ? (float)f64_sleef_sinh((double)x) : f32_sleef_sinh(x);
}

static inline double f64_sinh(double x)
{
    return fabs(x) > 709 && fabs(x) < 711 ? copysign(f64_exp_high(fabs(x), 0x1p63), x) : f64_sleef_sinh(x);
}

static inline float f32_cosh(float x)
{
    return fabsf(x) > 88 ? (float)f64_sleef_cosh((double)x) : f32_sleef_cosh(x);
}

static inline double f64_cosh(double x)
{
    return fabs(x) > 709 && fabs(x) < 711 ? f64_exp_high(fabs(x), 0x1p63) : f64_sleef_cosh(x);
}

static inline double f64_tan(double x)
{
    return fabs(x) < 0x1p-28 ? x : f64_sleef_tan(x);
}

static inline double f64_log1p(double x)
{
    return fabs(x) < 0x1p-54 ? x : x > 0x1p60 ? f64_log(x) : f64_sleef_log1p(x);
}

/* Rounded once, too: SLEEF's own for f32 loses digits where the result is denormal. */
static inline float f32_wide_atan2(float a, float b)
{
    return (float)Sleef_cinz_atan2d1_u10purec((double)a, (double)b);
}

/* SLEEF's overflows a little early. */
static inline double f64_wide_pow(double a, double b)
{
    double y = Sleef_cinz_powd1_u10purec(a, b);
    if (!isinf(y) || !isfinite(a) || !isfinite(b) || a == 0) return y;
    double root = Sleef_cinz_powd1_u10purec(fabs(a), b / 2);
    return copysign(root * root, y);
}

#define SCALAR_FLOAT(prefix, T, suffix, sleef_pow, sleef_atan2)                                  \
    static inline T prefix##_pow(T a, T b)                                                       \
    {                                                                                            \
        return sleef_pow(a, b);                                                                  \
    }                                                                                            \
    static inline T prefix##_atan2(T a, T b)                                                     \
    {                                                                                            \
        return sleef_atan2(a, b);                                                                \
    }                                                                                            \
    /* fmod is exact, so only the sign is to be mended */                                        \
    static inline T prefix##_remainder(T a, T b)                                                 \
    {                                                                                            \
        T r = fmod##suffix(a, b);                                                                \
        if (r == 0) return copysign##suffix(r, b);                                               \
        return (r < 0) != (b < 0) ? r + b : r;                                                   \
    }                                                                                            \
    /* a whole number as an integer, for comparing pieces: the ends stand for all beyond them */ \
    static inline int64_t prefix##_index(T x)                                                    \
    {                                                                                            \
        return !(x > (T)-9e18) ? INT64_MIN : x > (T)9e18 ? INT64_MAX : (int64_t)x;               \
    }                                                                                            \
    static inline int64_t prefix##_quotient(T a, T b)                                            \
    {                                                                                            \
        return prefix##_index(floor##suffix(a / b));                                             \
    }

SCALAR_FLOAT(f32, float, f, Sleef_cinz_powf1_u10purec, f32_wide_atan2)
SCALAR_FLOAT(f64, double, , f64_wide_pow, Sleef_cinz_atan2d1_u10purec)

/* Integers wrap around (the library is compiled with -fwrapv), and nothing traps. */
#define SCALAR_INTEGER(prefix, T)                        \
    WRAPS static inline T prefix##_abs(T x)              \
    {                                                    \
        return x < 0 ? -x : x;                           \
    }                                                    \
    static inline T prefix##_sign(T x)                   \
    {                                                    \
        return (T)((x > 0) - (x < 0));                   \
    }                                                    \
    static inline T prefix##_maximum(T a, T b)           \
    {                                                    \
        return a > b ? a : b;                            \
    }                                                    \
    static inline T prefix##_minimum(T a, T b)           \
    {                                                    \
        return a < b ? a : b;                            \
    }                                                    \
    WRAPS static inline T prefix##_remainder(T a, T b)   \
    {                                                    \
        if (b == 0 || b == -1) return 0;                 \
        T r = a % b;                                     \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r; \
    }

SCALAR_INTEGER(i32, int32_t)
SCALAR_INTEGER(i64, int64_t)

#endif

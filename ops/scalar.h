/* The scalar functions that rows are made of, for each element type: SLEEF with at most 1 ULP, in its variant without
   fused multiply-add, which gives the same bits on every machine. */
#ifndef OPS_SCALAR_H
#define OPS_SCALAR_H

#include <math.h>
#include <sleef.h>
#include <stdbool.h>
#include <stdint.h>

#define SCALAR_SLEEF(name, function)                  \
    static inline float f32_##name(float x)           \
    {                                                 \
        return Sleef_cinz_##function##f1_u10purec(x); \
    }                                                 \
    static inline double f64_##name(double x)         \
    {                                                 \
        return Sleef_cinz_##function##d1_u10purec(x); \
    }

SCALAR_SLEEF(exp, exp)
SCALAR_SLEEF(expm1, expm1)
SCALAR_SLEEF(log, log)
SCALAR_SLEEF(log1p, log1p)
SCALAR_SLEEF(sin, sin)
SCALAR_SLEEF(cos, cos)
SCALAR_SLEEF(tan, tan)
SCALAR_SLEEF(asin, asin)
SCALAR_SLEEF(acos, acos)
SCALAR_SLEEF(atan, atan)
SCALAR_SLEEF(sinh, sinh)
SCALAR_SLEEF(cosh, cosh)
SCALAR_SLEEF(tanh, tanh)
SCALAR_SLEEF(erf, erf)

/* Rounded to f32 once, from a value that is right to many more digits: 1 ULP without a correction step. */
static inline float f32_rsqrt(float x)
{
    return (float)(1 / sqrt((double)x));
}

static inline double f64_rsqrt(double x)
{
    return 1 / sqrt(x);
}

static inline double f64_sigmoid(double x)
{
    return 1 / (1 + f64_exp(-x));
}

static inline float f32_sigmoid(float x)
{
    return (float)f64_sigmoid((double)x);
}

#define SCALAR_FLOAT(prefix, T, suffix, sleef_pow, sleef_atan2)                                  \
    static inline T prefix##_sqrt(T x)                                                           \
    {                                                                                            \
        return sqrt##suffix(x);                                                                  \
    }                                                                                            \
    static inline T prefix##_abs(T x)                                                            \
    {                                                                                            \
        return fabs##suffix(x);                                                                  \
    }                                                                                            \
    static inline T prefix##_floor(T x)                                                          \
    {                                                                                            \
        return floor##suffix(x);                                                                 \
    }                                                                                            \
    static inline T prefix##_ceil(T x)                                                           \
    {                                                                                            \
        return ceil##suffix(x);                                                                  \
    }                                                                                            \
    static inline T prefix##_round(T x)                                                          \
    {                                                                                            \
        return rint##suffix(x);                                                                  \
    }                                                                                            \
    static inline bool prefix##_is_finite(T x)                                                   \
    {                                                                                            \
        return isfinite(x);                                                                      \
    }                                                                                            \
    static inline T prefix##_sign(T x)                                                           \
    {                                                                                            \
        return isnan(x) ? x : (T)((x > 0) - (x < 0));                                            \
    }                                                                                            \
    static inline T prefix##_maximum(T a, T b)                                                   \
    {                                                                                            \
        return isnan(a) || a > b ? a : b;                                                        \
    }                                                                                            \
    static inline T prefix##_minimum(T a, T b)                                                   \
    {                                                                                            \
        return isnan(a) || a < b ? a : b;                                                        \
    }                                                                                            \
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

SCALAR_FLOAT(f32, float, f, Sleef_cinz_powf1_u10purec, Sleef_cinz_atan2f1_u10purec)
SCALAR_FLOAT(f64, double, , Sleef_cinz_powd1_u10purec, Sleef_cinz_atan2d1_u10purec)

/* Integers wrap around (the library is compiled with -fwrapv), and nothing traps. */
#define SCALAR_INTEGER(prefix, T)                        \
    static inline T prefix##_abs(T x)                    \
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
    static inline T prefix##_remainder(T a, T b)         \
    {                                                    \
        if (b == 0 || b == -1) return 0;                 \
        T r = a % b;                                     \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r; \
    }

SCALAR_INTEGER(i32, int32_t)
SCALAR_INTEGER(i64, int64_t)

#endif

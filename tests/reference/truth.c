/* The truth of each element-wise row. */
#include "tests/reference/truth.h"

#include <string.h>

/* ---- what libm does not have ---- */

#define TRUTH1(name, value)                           \
    static long double name##_truthl(long double x)   \
    {                                                 \
        return value;                                 \
    }                                                 \
    static double name##_truth(double x)              \
    {                                                 \
        return (double)name##_truthl((long double)x); \
    }
#define TRUTH2(name, value)                                           \
    static long double name##_truthl(long double a, long double b)    \
    {                                                                 \
        return value;                                                 \
    }                                                                 \
    static double name##_truth(double a, double b)                    \
    {                                                                 \
        return (double)name##_truthl((long double)a, (long double)b); \
    }

TRUTH1(neg, copysignl(x, signbit(x) ? 1.0L : -1.0L))
TRUTH1(sign, isnan(x) || x == 0 ? fabsl(x) : copysignl(1, x))
TRUTH1(square, x *x)
TRUTH1(rsqrt, 1 / sqrtl(x))
TRUTH1(reciprocal, 1 / x)
TRUTH1(sigmoid, x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)))
TRUTH1(logical_not, x != 0 ? 0 : 1)
TRUTH1(is_finite, x - x == 0)

/* NumPy's maximum and minimum: a NaN wins. */
static long double larger(long double a, long double b)
{
    return isnan(a) || isnan(b) ? (long double)NAN : fmaxl(a, b);
}

static long double smaller(long double a, long double b)
{
    return isnan(a) || isnan(b) ? (long double)NAN : fminl(a, b);
}

/* NumPy's remainder has the sign of b, its zeros too; by way of the IEEE remainder, which is exact. */
static long double floored_remainder(long double a, long double b)
{
    long double r = remainderl(a, b);
    if (r == 0) return copysignl(0, b);
    return signbit(r) != signbit(b) ? r + b : r;
}

/* glibc's powl takes -2^63 for an odd number on x86; zeros and infinities are the same in double. */
static double pow_truth(double a, double b)
{
    return pow(a, b);
}

static long double pow_truthl(long double a, long double b)
{
    return a == 0 || isinf(a) ? (long double)pow((double)a, (double)b) : powl(a, b);
}

TRUTH2(add, a + b)
TRUTH2(sub, a - b)
TRUTH2(mul, a *b)
TRUTH2(div, a / b)
TRUTH2(maximum, larger(a, b))
TRUTH2(minimum, smaller(a, b))
TRUTH2(remainder, floored_remainder(a, b))
TRUTH2(equal, a == b)
TRUTH2(not_equal, !(a == b))
TRUTH2(less, isless(a, b))
TRUTH2(less_equal, islessequal(a, b))
TRUTH2(greater, isgreater(a, b))
TRUTH2(greater_equal, isgreaterequal(a, b))
TRUTH2(logical_and, a *b != 0)
TRUTH2(logical_or, a + b != 0)

/* ---- the table ---- */

#define LIBM1(name_)                                                           \
    {                                                                          \
        .name = #name_, .apply1 = wg_##name_, .f1 = name_, .f1_long = name_##l \
    }
#define LIBM1_AS(name_, function, ...)                                                            \
    {                                                                                             \
        .name = #name_, .apply1 = wg_##name_, .f1 = function, .f1_long = function##l, __VA_ARGS__ \
    }
#define OWN1(name_, ...)                                                                                  \
    {                                                                                                     \
        .name = #name_, .apply1 = wg_##name_, .f1 = name_##_truth, .f1_long = name_##_truthl, __VA_ARGS__ \
    }
#define OWN2(name_, ...)                                                                                  \
    {                                                                                                     \
        .name = #name_, .apply2 = wg_##name_, .f2 = name_##_truth, .f2_long = name_##_truthl, __VA_ARGS__ \
    }
#define LIBM2(name_, ...)                                                                   \
    {                                                                                       \
        .name = #name_, .apply2 = wg_##name_, .f2 = name_, .f2_long = name_##l, __VA_ARGS__ \
    }
#define RIGHT(name_) .right = wg_##name_##_scalar
#define BOTH(name_) .right = wg_##name_##_scalar, .left = wg_scalar_##name_

static const truth table[] = {
    OWN1(neg, .integers = true),
    LIBM1_AS(abs, fabs, .integers = true),
    OWN1(sign, .integers = true, .zero_gradient = true),
    OWN1(square, .integers = true),
    LIBM1(exp),
    LIBM1(expm1),
    LIBM1(log),
    LIBM1(log1p),
    LIBM1(sqrt),
    OWN1(rsqrt, .zero_gradient = false),
    OWN1(reciprocal, .zero_gradient = false),
    LIBM1(sin),
    LIBM1(cos),
    LIBM1(tan),
    LIBM1(asin),
    LIBM1(acos),
    LIBM1(atan),
    LIBM1(sinh),
    LIBM1(cosh),
    LIBM1(tanh),
    LIBM1(erf),
    OWN1(sigmoid, .zero_gradient = false),
    LIBM1_AS(floor, floor, .zero_gradient = true),
    LIBM1_AS(ceil, ceil, .zero_gradient = true),
    LIBM1_AS(round, nearbyint, .zero_gradient = true),
    OWN1(logical_not, .to_bool = true, .logic = true),
    OWN1(is_finite, .to_bool = true),
    OWN2(add, .integers = true, RIGHT(add)),
    OWN2(sub, .integers = true, BOTH(sub)),
    OWN2(mul, .integers = true, RIGHT(mul)),
    OWN2(div, BOTH(div)),
    OWN2(pow, BOTH(pow)),
    LIBM2(atan2, BOTH(atan2)),
    OWN2(maximum, .integers = true, RIGHT(maximum)),
    OWN2(minimum, .integers = true, RIGHT(minimum)),
    OWN2(remainder, .integers = true, BOTH(remainder)),
    OWN2(equal, .integers = true, .to_bool = true, RIGHT(equal)),
    OWN2(not_equal, .integers = true, .to_bool = true, RIGHT(not_equal)),
    OWN2(less, .integers = true, .to_bool = true, BOTH(less)),
    OWN2(less_equal, .integers = true, .to_bool = true, BOTH(less_equal)),
    OWN2(greater, .integers = true, .to_bool = true, BOTH(greater)),
    OWN2(greater_equal, .integers = true, .to_bool = true, BOTH(greater_equal)),
    OWN2(logical_and, .to_bool = true, .logic = true),
    OWN2(logical_or, .to_bool = true, .logic = true),
};

size_t truth_count(void)
{
    return sizeof table / sizeof *table;
}

const truth *truth_at(size_t index)
{
    return &table[index];
}

const truth *truth_of(const char *name)
{
    for (size_t i = 0; i < truth_count(); i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

/* ---- units of the last place ---- */

double ulp_f32(float got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (got == 0 && !signbit(got) != !signbit(want)) return INFINITY;
    double g = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
    double t = fabs(want) > 0x1p128 ? copysign(0x1p128, want) : want;
    int exponent;
    frexp(t, &exponent);
    if (t == 0 || exponent < FLT_MIN_EXP) exponent = FLT_MIN_EXP;
    if (exponent > FLT_MAX_EXP) exponent = FLT_MAX_EXP;
    return ldexp(fabs(g - t), FLT_MANT_DIG - exponent);
}

double ulp_f64(double got, long double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (got == 0 && !signbit(got) != !signbit(want)) return INFINITY;
    long double g = isinf(got) ? copysignl(0x1p1024L, (long double)got) : (long double)got;
    long double t = fabsl(want) > 0x1p1024L ? copysignl(0x1p1024L, want) : want;
    int exponent;
    frexpl(t, &exponent);
    if (t == 0 || exponent < DBL_MIN_EXP) exponent = DBL_MIN_EXP;
    if (exponent > DBL_MAX_EXP) exponent = DBL_MAX_EXP;
    return (double)ldexpl(fabsl(g - t), DBL_MANT_DIG - exponent);
}

bool long_double_is_wider(void)
{
    volatile long double one = 1, tiny = 0x1p-60L;
    return LDBL_MAX_EXP > DBL_MAX_EXP && one + tiny != one;
}

/* The functions that rows are made of, written once for vectors of any width. Included once for each, with these
   defined: V, the vector; T and BITS, its element and the unsigned integer of the same size; U, a vector of those; M,
   what a comparison gives; m, the prefix of the functions; IS_F32, if T is float. Width one, where V is T,
   serves ops/scalar.h, and the vector kernels of engine/kernels the others. All widths give the same bits: the same
   operations in the same order, none of them fused. No include guard: that is the point.

   What each width has of its own stands before the inclusion: m(bits) and m(of_bits), which reinterpret; m(all)(c), c
   in all places; m(select)(c, a, b), a where c holds, else b; m(smaller)(a, b), that is a < b ? a : b, and m(larger)(a,
   b), a > b ? a : b, both b where one is NaN; m(sqrt). Who has instructions for them also defines SCALE(x, k), x 2^k
   for whole k, NEAREST(x), the nearest whole number, and LOG_ENDS(y, x): they give the bits of what stands here for
   them.

   The f32 forms have coefficients of our own: minimax fits of the relative error, by least squares with Lawson's
   weights against mpmath with 40 digits, rounded to f32 one after the other, the lowest first, fitting the rest anew
   each time. tools/accuracy.sh tells how far each is from the truth. */

#define SIGN_BIT ((BITS)1 << (8 * sizeof(T) - 1))
/* From here on floats are whole numbers. */
#define WHOLE_FROM (sizeof(T) == sizeof(float) ? (T)0x1p23 : (T)0x1p52)

static inline V m(exp_below)(V x); /* for x <= 0 */

static inline V m(abs)(V x)
{
    return m(of_bits)(m(bits)(x) & ~SIGN_BIT);
}

static inline V m(copy_sign)(V magnitude, V sign)
{
    return m(of_bits)((m(bits)(magnitude) & ~SIGN_BIT) | (m(bits)(sign) & SIGN_BIT));
}

static inline V m(sign)(V x)
{
    V zero_or_nan = m(if_equal)(x, m(all)(0), m(all)(0), x);
    return m(if_less)(m(all)(0), x, m(all)(1), m(if_less)(x, m(all)(0), m(all)(-1), zero_or_nan));
}

/* The sum has no place for a fraction. */
static inline V m(round)(V x)
{
    V size = m(abs)(x), whole = (size + WHOLE_FROM) - WHOLE_FROM;
    return m(if_less)(size, m(all)(WHOLE_FROM), m(copy_sign)(whole, x), x);
}

static inline V m(floor)(V x)
{
    V near = m(round)(x);
    return m(if_less)(x, near, near - 1, near);
}

static inline V m(ceil)(V x)
{
    V near = m(round)(x);
    return m(if_less)(near, x, m(copy_sign)(near + 1, x), near);
}

static inline M m(is_finite)(V x)
{
    return m(abs)(x) < (T)INFINITY;
}

/* Of equal ones and beside a NaN these give the second operand; a NaN that is the first one wins. */
static inline V m(maximum)(V a, V b)
{
    return m(if_equal)(a, a, m(larger)(a, b), a);
}

static inline V m(minimum)(V a, V b)
{
    return m(if_equal)(a, a, m(smaller)(a, b), a);
}

static inline V m(rsqrt)(V x)
{
    return 1 / m(sqrt)(x);
}

/* The power never overflows, so that small results keep their digits; what rounding takes from the divisor is made up
   for afterwards. */
static inline V m(sigmoid)(V x)
{
    V power = m(exp_below)(m(of_bits)(m(bits)(x) | SIGN_BIT)), sum = power + 1, lost = power - (sum - 1);
    V y = m(if_less)(x, m(all)(0), power, m(all)(1)) / sum;
    return y - y * lost;
}

#ifdef IS_F32

/* c0 + c1 x + c2 x^2 + c3 x^3. Sums that do not wait for one another keep the processor busy. */
static inline V m(cubic)(V x, V square, T c0, T c1, T c2, T c3)
{
    return (c1 * x + c0) + square * (c3 * x + c2);
}

/* x as a multiple of log 2, rounded: a sum so large has no place for a fraction. The low bits of *shifted, which
   NEAREST has no use for, are that and bias. */
static inline V m(exp_whole)(V x, T bias, V *shifted)
{
#ifdef NEAREST
    *shifted = m(all)(bias);
    return (V)NEAREST(x * 0x1.715476p+0f);
#else
    *shifted = x * 0x1.715476p+0f + (0x1.8p+23f + bias);
    return *shifted - (0x1.8p+23f + bias);
#endif
}

/* x = k log 2 + rest, |rest| < 0.35; *power is 2^k unit, for a power of two. The first part of log 2 has zeros enough
   at its end for exact products; *lost is what rounding took from the rest. */
static inline V m(exp_rest)(V x, T unit, V *power, V *lost)
{
    V shifted, k = m(exp_whole)(x, unit < 1 ? 126 : 127, &shifted), exact = x - k * 0x1.62e4p-1f;
    V small = k * 0x1.7f7d1cp-20f, rest = exact - small;
#ifdef SCALE
    *power = (V)SCALE(m(all)(unit), k);
#else
    *power = m(of_bits)(m(bits)(shifted) << 23);
#endif
    *lost = (exact - rest) - small;
    return rest;
}

/* e^x for x from -104 to 89. 2^k comes in two factors, of which each is in range; a NaN meets factors of any kind and
   stays one. */
static inline V m(exp_inside)(V x)
{
    V shifted, k = m(exp_whole)(x, 254, &shifted), r = (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f, square = r * r;
    V p = (0x1.555492p-3f * r + 0x1.fffffcp-2f) +
          square * ((0x1.1239aap-7f * r + 0x1.5558b8p-5f) + square * 0x1.6a4508p-10f);
    V y = (square * p + r) + 1;
#ifdef SCALE
    return (V)SCALE(y, k);
#else
    U both = m(bits)(shifted), half = both >> 1;
    return y * m(of_bits)(half << 23) * m(of_bits)((both - half) << 23);
#endif
}

static inline V m(exp)(V x)
{
    return m(exp_inside)(m(larger)(m(all)(-104), m(smaller)(m(all)(89), x)));
}

static inline V m(exp_below)(V x)
{
    return m(exp_inside)(m(larger)(m(all)(-104), x));
}

/* Half of 2^k p + (2^k - 1) is in range also where 2^k is not. */
static inline V m(expm1)(V x)
{
    V power, lost, inside = m(larger)(m(all)(-18), m(smaller)(m(all)(89), x));
    V r = m(exp_rest)(inside, 0.5f, &power, &lost), square = r * r;
    V p = m(cubic)(r, square, 0.5f, 0x1.555554p-3f, 0x1.5554f8p-5f, 0x1.1112d4p-7f);
    p = p + square * square * (0x1.9e7c8cp-13f * r + 0x1.6d3a66p-10f);
    V half = power * (square * p + lost + r) + (power - 0.5f);
    return m(if_less)(m(abs)(x), m(all)(0x1p-25f), x, half + half);
}

/* log((1 + f) 2^exponent) for |f| < 0.34. */
static inline V m(log_near)(V f, V exponent)
{
    V square = f * f, fourth = square * square;
    V low = m(cubic)(f, square, 0x1.555506p-2f, -0x1.fffefap-3f, 0x1.99d05p-3f, -0x1.559c66p-3f);
    V high = m(cubic)(f, square, 0x1.1ed562p-3f, -0x1.f332b8p-4f, 0x1.1e6ccap-3f, -0x1.07c48ap-3f);
    V tail = square * (f * (low + fourth * high) - 0.5f) + exponent * 0x1.7f7d1cp-20f;
    return (f + tail) + exponent * 0x1.62e4p-1f;
}

/* x = mantissa 2^(exponent + bias) with the mantissa from 2/3 to 4/3: adding 1/3 to it carries where it is larger. 2^23
   stands among the bits of a whole number; `above` is 2^23 + 127 + bias. */
static inline V m(log_mantissa)(V x, V above, V *exponent)
{
    U carried = m(bits)(x) + 0x555555u;
    *exponent = m(of_bits)((carried >> 23) | 0x4b000000u) - above;
    return m(of_bits)((carried & 0x7fffffu) + 0x3f2aaaabu);
}

/* y where x is positive and finite, else the logarithm of 0, of a negative number, of infinity or NaN. */
static inline V m(log_ends)(V y, V x)
{
#ifdef LOG_ENDS
    return (V)LOG_ENDS(y, x);
#else
    y = m(if_less)(x, m(all)(INFINITY), y, x);
    y = m(if_equal)(x, m(all)(0), m(all)(-INFINITY), y);
    return m(if_less)(x, m(all)(0), m(all)(-NAN), y);
#endif
}

static inline V m(log)(V x)
{
    V least = m(all)(0x1p-126f), exponent; /* the least number that is not denormal */
    V above = m(if_less)(x, least, m(all)(0x1p23f + 150), m(all)(0x1p23f + 127));
    V mantissa = m(log_mantissa)(m(if_less)(x, least, x * 0x1p23f, x), above, &exponent);
    V y = m(log_near)(mantissa - 1, exponent);
    return m(log_ends)(y, x);
}

/* From 1 + x; what rounding took from it goes to the mantissa. Its scale is kept 2^30 too large: always a normal
 * number. */
static inline V m(log1p)(V x)
{
    V sum = x + 1, exponent;
    V mantissa = m(log_mantissa)(sum, m(all)(0x1p23f + 127), &exponent);
    V scale = m(of_bits)(m(bits)((0x1p23f + 157) - exponent) << 23);
    V lost = m(if_less)(x, m(all)(0x1p25f), x - (sum - 1), m(all)(0)) * 0x1p-30f * scale;
    V y = m(log_near)((mantissa - 1) + lost, exponent);
    return m(if_less)(m(abs)(x), m(all)(0x1p-25f), x, m(log_ends)(y, sum));
}

/* d / (2 - d) with d = 1 - e^(-2|x|), exact near 0; from 9.02 on it is 1. */
static inline V m(tanh)(V x)
{
    V power, lost, size = m(smaller)(m(all)(9.02f), m(abs)(x));
    V r = m(exp_rest)(size * -2, 1, &power, &lost), square = r * r;
    V p = (0x1.5554b4p-3f * r + 0x1.fffffep-2f) +
          square * ((0x1.12256cp-7f * r + 0x1.5556f2p-5f) + square * 0x1.6b9ce8p-10f);
    V d = (1 - power) - power * (square * p + r);
    return m(copy_sign)(d / (2 - d), x);
}

/* Below 1 the series x + x P(x^2); above, 1 - 1 / R(|x|)^8, where every error counts eight times. From 3.93 on it is 1.
 */
static inline V m(erf)(V x)
{
    V size = m(smaller)(m(all)(4), m(abs)(x)), z = x * x, z2 = z * z;
    V p = m(cubic)(z, z2, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2ce6p-4f, -0x1.b7f71ap-6f);
    p = p + z2 * z2 * ((0x1.53f224p-8f - 0x1.a3515ep-11f * z) + z2 * 0x1.4771fep-14f);
    V r = 0x1.1f419p-11f * size - 0x1.0990f6p-8f;
    r = r * size + 0x1.26e67ep-6f;
    r = r * size - 0x1.141764p-5f;
    r = r * size + 0x1.3264bcp-4f;
    r = r * size + 0x1.8ca7aep-5f;
    r = r * size + 0x1.471aacp-3f;
    r = r * size + 0x1.fe254p-1f;
    r = r * r;
    r = r * r;
    return m(if_less)(size, m(all)(1), x + x * p, m(copy_sign)(1 - 1 / (r * r), x));
}

#else

static inline V m(exp)(V x);

static inline V m(exp_below)(V x)
{
    return m(exp)(x);
}

#endif

#undef SIGN_BIT
#undef WHOLE_FROM

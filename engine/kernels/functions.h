/* The functions of rows that ops/vector_math.h does not write: SLEEF's vector functions, which give the bits of its
   scalar ones, and the scalar functions s(name) of ops/scalar.h element by element: where ops/scalar.h mends SLEEF,
   where SLEEF has no vectors for this processor, and for the rest. Included once for each type, after lanes.h; IS_F32
   as there. */

#define BY_ELEMENT_1(name)                                       \
    static V m(name##_by_element)(V x)                           \
    {                                                            \
        for (int i = 0; i < m(lanes); i++) x[i] = s(name)(x[i]); \
        return x;                                                \
    }
#define BY_ELEMENT_2(name)                                             \
    static V m(name##_by_element)(V a, V b)                            \
    {                                                                  \
        for (int i = 0; i < m(lanes); i++) a[i] = s(name)(a[i], b[i]); \
        return a;                                                      \
    }

/* `mended` holds at least where the scalar function is not SLEEF's. */
#ifdef SLEEF
#define FROM_SLEEF_1(name, mended)                          \
    BY_ELEMENT_1(name)                                      \
    static inline V m(name)(V x)                            \
    {                                                       \
        if (m(any)(mended)) return m(name##_by_element)(x); \
        return (V)SLEEF(name)(x);                           \
    }
#define FROM_SLEEF_2(name)            \
    static inline V m(name)(V a, V b) \
    {                                 \
        return (V)SLEEF(name)(a, b);  \
    }
#else
#define FROM_SLEEF_1(name, mended)      \
    BY_ELEMENT_1(name)                  \
    static inline V m(name)(V x)        \
    {                                   \
        return m(name##_by_element)(x); \
    }
#define FROM_SLEEF_2(name)                 \
    BY_ELEMENT_2(name)                     \
    static inline V m(name)(V a, V b)      \
    {                                      \
        return m(name##_by_element)(a, b); \
    }
#endif
#define NOWHERE ((M){0})

FROM_SLEEF_1(sin, NOWHERE)
FROM_SLEEF_1(cos, NOWHERE)
FROM_SLEEF_1(asin, NOWHERE)
FROM_SLEEF_1(acos, NOWHERE)
FROM_SLEEF_1(atan, NOWHERE)

#ifdef IS_F32

FROM_SLEEF_1(tan, NOWHERE)
FROM_SLEEF_1(sinh, m(abs)(x) > 88)
FROM_SLEEF_1(cosh, m(abs)(x) > 88)
FROM_SLEEF_2(pow)

/* Both halves of a vector in f64, and the way back. */
static inline void m(widen)(V x, f64v_vector *wide)
{
    m(narrow) half[2];
    memcpy(half, &x, sizeof x);
    for (int k = 0; k < 2; k++) wide[k] = __builtin_convertvector(half[k], f64v_vector);
}

static inline V m(round_to)(const f64v_vector *wide)
{
    m(narrow) half[2];
    V x;
    for (int k = 0; k < 2; k++) half[k] = __builtin_convertvector(wide[k], m(narrow));
    memcpy(&x, half, sizeof x);
    return x;
}

/* Rounded once, from f64: see f32_wide_atan2. */
static inline V m(atan2)(V a, V b)
{
    f64v_vector left[2], right[2];
    m(widen)(a, left);
    m(widen)(b, right);
    for (int k = 0; k < 2; k++) left[k] = f64v_atan2(left[k], right[k]);
    return m(round_to)(left);
}

#else

FROM_SLEEF_1(exp, x > 709)
FROM_SLEEF_1(expm1, NOWHERE)
FROM_SLEEF_1(log, NOWHERE)
FROM_SLEEF_1(log1p, (m(abs)(x) < 0x1p-54) | (x > 0x1p60))
FROM_SLEEF_1(tan, m(abs)(x) < 0x1p-28)
FROM_SLEEF_1(sinh, m(abs)(x) > 709)
FROM_SLEEF_1(cosh, m(abs)(x) > 709)
FROM_SLEEF_1(tanh, NOWHERE)
FROM_SLEEF_1(erf, NOWHERE)
FROM_SLEEF_2(atan2)

BY_ELEMENT_2(pow)
static inline V m(pow)(V a, V b)
{
#ifdef SLEEF
    V y = (V)SLEEF(pow)(a, b);
    if (!m(any)(m(abs)(y) == (T)INFINITY)) return y;
#endif
    return m(pow_by_element)(a, b);
}

#endif

BY_ELEMENT_2(remainder)
static inline V m(remainder)(V a, V b)
{
    return m(remainder_by_element)(a, b);
}

#undef BY_ELEMENT_1
#undef BY_ELEMENT_2
#undef FROM_SLEEF_1
#undef FROM_SLEEF_2
#undef NOWHERE

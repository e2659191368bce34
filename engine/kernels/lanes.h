/* What ops/vector_math.h wants of a vector, for vectors of more than one element. Included once for each type, with T,
   BITS, SIGNED (integers of its size), BYTES (of a vector) and m defined. INTRINSIC(name) is the processor's own
   instruction; without it the compiler finds one, or none. MASKED(name) is one that takes a mask of AVX-512. */

enum { m(lanes) = BYTES / sizeof(T) };

typedef T m(vector) __attribute__((vector_size(BYTES)));
typedef T m(unaligned) __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));
typedef BITS m(whole) __attribute__((vector_size(BYTES)));
typedef SIGNED m(mask) __attribute__((vector_size(BYTES)));
typedef T m(narrow) __attribute__((vector_size(BYTES / sizeof(double) * sizeof(T)))); /* as many as a vector has f64 */
typedef int32_t m(words) __attribute__((vector_size(BYTES / sizeof(T) * 4)));
typedef int16_t m(shorts) __attribute__((vector_size(BYTES / sizeof(T) * 2)));
typedef int8_t m(bytes) __attribute__((vector_size(BYTES / sizeof(T))));

#define V m(vector)
#define U m(whole)
#define M m(mask)
#define LANES ((int64_t)m(lanes))

static inline U m(bits)(V x)
{
    return (U)x;
}

static inline V m(of_bits)(U x)
{
    return (V)x;
}

static inline V m(all)(T x)
{
    return x - (V){0};
}

/* yes where the mask is all ones, no where it is all zeros */
static inline V m(choose)(M mask, V yes, V no)
{
    return (V)((mask & (M)yes) | (~mask & (M)no));
}

static inline bool m(any)(M mask)
{
    uint64_t word[BYTES / 8], any = 0;
    memcpy(word, &mask, BYTES);
    for (size_t i = 0; i < BYTES / 8; i++) any |= word[i];
    return any != 0;
}

#ifdef MASKED
static inline V m(if_less)(V a, V b, V yes, V no)
{
    return (V)MASKED(mask_blend)(MASKED_COMPARE(a, b, _CMP_LT_OQ), no, yes);
}

static inline V m(if_equal)(V a, V b, V yes, V no)
{
    return (V)MASKED(mask_blend)(MASKED_COMPARE(a, b, _CMP_EQ_OQ), no, yes);
}
#else
static inline V m(if_less)(V a, V b, V yes, V no)
{
    return m(choose)(a < b, yes, no);
}

static inline V m(if_equal)(V a, V b, V yes, V no)
{
    return m(choose)(a == b, yes, no);
}
#endif

/* The table tells by the kind of x what stands there: itself for NaN, -infinity for 0, y for what is positive,
   infinity, NaN for what is negative. */
#if defined(MASKED) && defined(IS_F32)
#define SCALE(x, k) MASKED(scalef)(x, k)
#define NEAREST(x) MASKED(roundscale)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define LOG_ENDS(y, x) MASKED(fixupimm)(y, x, (__m512i)((U){0} + 0x03530411u), 0)
#endif

#ifdef INTRINSIC
static inline V m(smaller)(V a, V b)
{
    return (V)INTRINSIC(min)(a, b);
}

static inline V m(larger)(V a, V b)
{
    return (V)INTRINSIC(max)(a, b);
}

static inline V m(sqrt)(V x)
{
    return (V)INTRINSIC(sqrt)(x);
}
#else
static inline V m(smaller)(V a, V b)
{
    return m(if_less)(a, b, a, b);
}

static inline V m(larger)(V a, V b)
{
    return m(if_less)(b, a, a, b);
}

static inline V m(sqrt)(V x)
{
    for (int i = 0; i < m(lanes); i++) x[i] = s(sqrt)(x[i]);
    return x;
}
#endif

/* ---- memory ---- */

static inline V m(load)(const T *from)
{
    return *(const m(unaligned) *)from;
}

static inline void m(store)(T *to, V x)
{
    *(m(unaligned) *)to = x;
}

static inline M m(load_flags)(const bool *from)
{
    m(bytes) flags;
    memcpy(&flags, from, sizeof flags);
    return __builtin_convertvector(flags, M) != 0;
}

/* By halves, which compilers know instructions for. */
static inline void m(store_flags)(bool *to, M mask)
{
#ifdef MASKED
    m(bytes) flags = __builtin_convertvector(mask, m(bytes)) & 1;
#else
    m(shorts) shorts = __builtin_convertvector(__builtin_convertvector(mask, m(words)), m(shorts));
    m(bytes) flags = __builtin_convertvector(shorts, m(bytes)) & 1;
#endif
    memcpy(to, &flags, sizeof flags);
}

/* Of the first `count` elements only, fewer than a vector has. The others are 1, where every function is at ease. */
#ifdef MASKED
static inline V m(load_part)(const T *from, int64_t count)
{
    return (V)MASKED(mask_loadu)(m(all)(1), (MASK)((1u << count) - 1), from);
}

static inline void m(store_part)(T *to, V x, int64_t count)
{
    MASKED(mask_storeu)(to, (MASK)((1u << count) - 1), x);
}
#else
static inline V m(load_part)(const T *from, int64_t count)
{
    V x = m(all)(1);
    T part[m(lanes)];
    memcpy(part, &x, sizeof x);
    for (int64_t i = 0; i < count; i++) part[i] = from[i];
    return m(load)(part);
}

static inline void m(store_part)(T *to, V x, int64_t count)
{
    T part[m(lanes)];
    m(store)(part, x);
    for (int64_t i = 0; i < count; i++) to[i] = part[i];
}
#endif

static inline M m(load_part_flags)(const bool *from, int64_t count)
{
    bool part[m(lanes)] = {false};
    for (int64_t i = 0; i < count; i++) part[i] = from[i];
    return m(load_flags)(part);
}

static inline void m(store_part_flags)(bool *to, M mask, int64_t count)
{
    bool part[m(lanes)];
    m(store_flags)(part, mask);
    for (int64_t i = 0; i < count; i++) to[i] = part[i];
}

/* The last vector of a row. If the row has room for it, it overlaps the one before; so it is loaded before the result,
   which may stand in the same place, is stored. */
static inline V m(load_last)(const T *row, int64_t columns)
{
    return columns < LANES ? m(load_part)(row, columns) : m(load)(row + columns - LANES);
}

static inline void m(store_last)(T *row, V x, int64_t columns)
{
    if (columns < LANES)
        m(store_part)(row, x, columns);
    else
        m(store)(row + columns - LANES, x);
}

static inline M m(load_last_flags)(const bool *row, int64_t columns)
{
    return columns < LANES ? m(load_part_flags)(row, columns) : m(load_flags)(row + columns - LANES);
}

static inline void m(store_last_flags)(bool *row, M mask, int64_t columns)
{
    if (columns < LANES)
        m(store_part_flags)(row, mask, columns);
    else
        m(store_flags)(row + columns - LANES, mask);
}

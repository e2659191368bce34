/* Sums, largest and smallest of a tile's rows and columns: included once for each type, after its functions. Sums are
   taken in f64, of vectors of it: a vector of T fills one or two. */

#define WIDE f64v_vector
#define WIDE_LANES ((int64_t)f64v_lanes)

static inline m(narrow) m(load_narrow)(const T *from)
{
    m(narrow) x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline WIDE m(load_wide)(const T *from)
{
    return __builtin_convertvector(m(load_narrow)(from), WIDE);
}

/* ---- along rows ---- */

enum { m(sum_limit) = 1024 };

/* Of no more than sum_limit elements. */
typedef double m(block_sum)(const T *left, const T *right, int64_t count);

/* Pairwise, by halves, down to a block. */
static double m(sum_halves)(const T *left, const T *right, int64_t count, unsigned single, m(block_sum) * block)
{
    if (count <= m(sum_limit)) return block(left, right, count);
    int64_t half = (count / 2 + m(sum_limit) - 1) / m(sum_limit) * m(sum_limit);
    const T *left_half = single & 1 ? left : left + half, *right_half = single & 2 ? right : right + half;
    return m(sum_halves)(left, right, half, single, block) +
           m(sum_halves)(left_half, right_half, count - half, single, block);
}

static __attribute__((noinline)) void m(sum_walk)(const tile *t, unsigned reads, unsigned single, m(block_sum) * block)
{
    const T *left = t->in[0], *right = t->in[reads >> 1 & 1];
    T *out = t->out;
    for (int64_t r = 0; r < t->rows; r++) {
        out[r * t->out_step] = (T)(t->columns <= m(sum_limit) ? block(left, right, t->columns)
                                                              : m(sum_halves)(left, right, t->columns, single, block));
        left += t->step[0];
        right += t->step[reads >> 1 & 1];
    }
}

/* Sums of a value made of a and b, of which `single` tells whether one is a number for each row; there is a partial sum
   for every lane of four vectors. */
#define SUM_ALONG_ROWS(name, reads, single, value)                                                             \
    static inline WIDE m(name##_wide)(const T *left, const T *right, m(narrow) one)                            \
    {                                                                                                          \
        m(narrow) a = single == 1 ? one : m(load_narrow)(left), b = single == 2 ? one : m(load_narrow)(right); \
        (void)b;                                                                                               \
        return __builtin_convertvector(value, WIDE);                                                           \
    }                                                                                                          \
    static double m(name##_of)(const T *left, const T *right, int64_t count)                                   \
    {                                                                                                          \
        WIDE sum[4] = {{0}};                                                                                   \
        m(narrow) one = (single == 1 ? *left : single == 2 ? *right : 0) - (m(narrow)){0};                     \
        double lane[f64v_lanes], rest = 0;                                                                     \
        int64_t i = 0;                                                                                         \
        for (; i + 4 * WIDE_LANES <= count; i += 4 * WIDE_LANES) UNROLLED(4)                                   \
        for (int k = 0; k < 4; k++)                                                                            \
            sum[k] += m(name##_wide)(left + i + k * WIDE_LANES, right + i + k * WIDE_LANES, one);              \
        for (; i + WIDE_LANES <= count; i += WIDE_LANES) sum[0] += m(name##_wide)(left + i, right + i, one);   \
        for (; i < count; i++) {                                                                               \
            T a = left[single == 1 ? 0 : i], b = right[single == 2 ? 0 : i];                                   \
            (void)b;                                                                                           \
            rest += (double)(value);                                                                           \
        }                                                                                                      \
        f64v_store(lane, (sum[0] + sum[1]) + (sum[2] + sum[3]));                                               \
        for (int width = f64v_lanes / 2; width > 0; width /= 2)                                                \
            for (int k = 0; k < width; k++) lane[k] += lane[k + width];                                        \
        return lane[0] + rest;                                                                                 \
    }                                                                                                          \
    static void m(name##_rows)(const tile *t)                                                                  \
    {                                                                                                          \
        m(sum_walk)(t, reads, single, m(name##_of));                                                           \
    }

SUM_ALONG_ROWS(sum, 1, 0, a)

/* ---- along columns ---- */

static void m(sum_columns)(const tile *t)
{
    const T *in = t->in[0];
    double *out = t->out;
    int64_t c = 0;
    for (; c + 4 * WIDE_LANES <= t->columns; c += 4 * WIDE_LANES) {
        WIDE sum[4];
        UNROLLED(4) for (int k = 0; k < 4; k++) sum[k] = f64v_load(out + c + k * WIDE_LANES);
        for (int64_t r = 0; r < t->rows; r++)
            UNROLLED(4) for (int k = 0; k < 4; k++) sum[k] += m(load_wide)(in + r * t->step[0] + c + k * WIDE_LANES);
        UNROLLED(4) for (int k = 0; k < 4; k++) f64v_store(out + c + k * WIDE_LANES, sum[k]);
    }
    for (; c + WIDE_LANES <= t->columns; c += WIDE_LANES) {
        WIDE sum = f64v_load(out + c);
        for (int64_t r = 0; r < t->rows; r++) sum += m(load_wide)(in + r * t->step[0] + c);
        f64v_store(out + c, sum);
    }
    for (; c < t->columns; c++)
        for (int64_t r = 0; r < t->rows; r++) out[c] += (double)in[r * t->step[0] + c];
}

/* ---- the largest and the smallest: `better` is maximum or minimum, which let NaN win; `none` is better than nothing
 * ---- */

#define EXTREME(name, better, none)                                                                                 \
    static T m(name##_of)(const T *in, int64_t count)                                                               \
    {                                                                                                               \
        V best[4];                                                                                                  \
        T lane[m(lanes)], last = none;                                                                              \
        int64_t i = 0;                                                                                              \
        UNROLLED(4) for (int k = 0; k < 4; k++) best[k] = m(all)(none);                                             \
        for (; i + 4 * LANES <= count; i += 4 * LANES)                                                              \
            UNROLLED(4) for (int k = 0; k < 4; k++) best[k] = m(better)(best[k], m(load)(in + i + k * LANES));      \
        for (; i + LANES <= count; i += LANES) best[0] = m(better)(best[0], m(load)(in + i));                       \
        for (; i < count; i++) last = s(better)(last, in[i]);                                                       \
        m(store)(lane, m(better)(m(better)(best[0], best[1]), m(better)(best[2], best[3])));                        \
        for (int k = 0; k < m(lanes); k++) last = s(better)(last, lane[k]);                                         \
        return last;                                                                                                \
    }                                                                                                               \
    static void m(name##_rows)(const tile *t)                                                                       \
    {                                                                                                               \
        const T *in = t->in[0];                                                                                     \
        T *out = t->out;                                                                                            \
        for (int64_t r = 0; r < t->rows; r++) out[r * t->out_step] = m(name##_of)(in + r * t->step[0], t->columns); \
    }                                                                                                               \
    static void m(name##_columns)(const tile *t)                                                                    \
    {                                                                                                               \
        const T *in = t->in[0];                                                                                     \
        T *out = t->out;                                                                                            \
        int64_t c = 0;                                                                                              \
        for (; c + LANES <= t->columns; c += LANES) {                                                               \
            V best = m(load)(out + c);                                                                              \
            for (int64_t r = 0; r < t->rows; r++) best = m(better)(best, m(load)(in + r * t->step[0] + c));         \
            m(store)(out + c, best);                                                                                \
        }                                                                                                           \
        for (; c < t->columns; c++)                                                                                 \
            for (int64_t r = 0; r < t->rows; r++) out[c] = s(better)(out[c], in[r * t->step[0] + c]);               \
    }

EXTREME(max, maximum, -(T)INFINITY)
EXTREME(min, minimum, (T)INFINITY)

#undef EXTREME

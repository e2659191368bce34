/* Two ops in one: the element-wise pairs of kernel_find_pair, and those that end in a sum of rows. Included for a
   type after its reductions. A pair is a first op, which of its operands is one number for each row, a second
   op, and whether its other operand is one number for each row. What the second op reads is rounded to T, since
   nothing is contracted: the bits are those of two kernels. */

/* The operands are a and b, the result x; READS_ has a bit for each operand. */
#define VALUE_OF_add a + b
#define VALUE_OF_sub a - b
#define VALUE_OF_mul a *b
#define VALUE_OF_square a *a
#define READS_add 3
#define READS_sub 3
#define READS_mul 3
#define READS_square 1
#define THEN_VALUE_OF_add x + c
#define THEN_VALUE_OF_sub x - c
#define THEN_VALUE_OF_sub_from c - x
#define THEN_VALUE_OF_mul x *c
#define THEN_VALUE_OF_div x / c
#define THEN_VALUE_OF_div_from c / x

/* X(first, single, second, last) and for sums S(first, single) */
#define PAIRS_OF(X, S, first, single) \
    X(first, single, add, 0)          \
    X(first, single, add, 1)          \
    X(first, single, sub, 0)          \
    X(first, single, sub, 1)          \
    X(first, single, sub_from, 0)     \
    X(first, single, sub_from, 1) X(first, single, mul, 0) X(first, single, mul, 1) S(first, single)
#define PAIRS_DIV(X, first, single) \
    X(first, single, div, 0) X(first, single, div, 1) X(first, single, div_from, 0) X(first, single, div_from, 1)
#define PAIRS(X, S)        \
    PAIRS_OF(X, S, add, 0) \
    PAIRS_OF(X, S, add, 2) \
    PAIRS_OF(X, S, mul, 0) \
    PAIRS_OF(X, S, mul, 2) \
    PAIRS_OF(X, S, sub, 0) \
    PAIRS_OF(X, S, sub, 1) PAIRS_OF(X, S, sub, 2) PAIRS_OF(X, S, square, 0) PAIRS_DIV(X, mul, 0) PAIRS_DIV(X, mul, 2)
/* which are those with single 2, their operands exchanged */
#define PAIRS_EXCHANGED(X, S) PAIRS_OF(X, S, add, 1) PAIRS_OF(X, S, mul, 1) PAIRS_DIV(X, mul, 1)
#define PAIR_ENTRY(first, single, second, last) \
    [PAIR_##first][single][THEN_##second][last] = m(first##_##single##_##second##_##last),
#define PAIR_SUM_ENTRY(first, single) [PAIR_##first][single][THEN_sum][0] = m(first##_##single##_sum_rows),

static __attribute__((noinline)) tile_walk pair_walk_of(const tile *t, unsigned reads, unsigned single)
{
    return tile_walk_of(t, reads, single);
}

static __attribute__((noinline)) tile exchanged(const tile *t)
{
    return (tile){
        t->rows, t->columns, t->out, t->out_step, {t->in[1], t->in[0], t->in[2]}, {t->step[1], t->step[0], t->step[2]}};
}

/* The last vector of a row, as in lanes.h, and what is done where rows are narrower than a vector: without masks, each
   is widened to one. True: it was done. */
#ifdef MASKED
#define PAIR_LOAD_LAST m(load_last)
#define PAIR_STORE_LAST m(store_last)
#define PAIR_NARROW(...) false
#else
#define PAIR_LOAD_LAST(row, columns) m(load)((row) + (columns)-LANES)
#define PAIR_STORE_LAST(row, x, columns) m(store)((row) + (columns)-LANES, x)
#define PAIR_NARROW m(pair_narrow)

static __attribute__((noinline)) bool m(pair_narrow)(const tile *t, tile_walk w, unsigned reads, tile_kernel kernel)
{
    if (w.columns >= LANES) return false;
    T part[4][m(lanes)];
    for (int64_t r = 0; r < w.rows; r++) {
        tile one = {1, LANES, part[3], LANES, {NULL}, {LANES, LANES, LANES}};
        for (unsigned k = 0; k < 3; k++) {
            if (!(reads >> k & 1)) continue;
            const T *row = (const T *)t->in[k] + r * t->step[k];
            bool single = reads >> (k + 3) & 1;
            if (!single) m(store)(part[k], m(load_part)(row, w.columns));
            one.in[k] = single ? row : part[k];
            if (single) one.step[k] = 0;
        }
        kernel(&one);
        m(store_part)((T *)t->out + r * t->out_step, m(load)(part[3]), w.columns);
    }
    return true;
}
#endif

/* A C scalar or a number for each row is read before the row, which may overwrite it. */
#define PAIR(first, single, second, last)                                                                    \
    static inline V m(first##_##single##_##second##_##last##_value)(V a, V b, V c)                           \
    {                                                                                                        \
        V x = VALUE_OF_##first;                                                                              \
        (void)b;                                                                                             \
        return THEN_VALUE_OF_##second;                                                                       \
    }                                                                                                        \
    static void m(first##_##single##_##second##_##last)(const tile *t)                                       \
    {                                                                                                        \
        enum { READS = READS_##first | 4, SINGLE = single | last << 2, B = (READS_##first & 2) != 0 };       \
        tile_walk w = pair_walk_of(t, READS, SINGLE);                                                        \
        if (PAIR_NARROW(t, w, READS | SINGLE << 3, m(first##_##single##_##second##_##last))) return;         \
        const T *left = t->in[0], *right = t->in[B], *other = t->in[2];                                      \
        T *out = t->out;                                                                                     \
        int64_t whole = w.columns - w.columns % LANES;                                                       \
        for (; w.rows > 0; w.rows--) {                                                                       \
            V one = m(all)(single == 1 ? *left : single == 2 ? *right : 0), its = m(all)(last ? *other : 0); \
            V a = single == 1 ? one : PAIR_LOAD_LAST(left, w.columns);                                       \
            V b = !B ? a : single == 2 ? one : PAIR_LOAD_LAST(right, w.columns);                             \
            V c = last ? its : PAIR_LOAD_LAST(other, w.columns);                                             \
            V rest = m(first##_##single##_##second##_##last##_value)(a, b, c);                               \
            for (int64_t i = 0; i < whole; i += LANES) {                                                     \
                a = single == 1 ? one : m(load)(left + i);                                                   \
                b = !B ? a : single == 2 ? one : m(load)(right + i);                                         \
                c = last ? its : m(load)(other + i);                                                         \
                m(store)(out + i, m(first##_##single##_##second##_##last##_value)(a, b, c));                 \
            }                                                                                                \
            if (whole < w.columns) PAIR_STORE_LAST(out, rest, w.columns);                                    \
            left += t->step[0], right += t->step[B], other += t->step[2], out += t->out_step;                \
        }                                                                                                    \
    }
#define PAIR_SUM(first, single) SUM_ALONG_ROWS(first##_##single##_sum, READS_##first, single, VALUE_OF_##first)

PAIRS(PAIR, PAIR_SUM)

#define PAIR_EXCHANGED(first, single, second, last)                    \
    static void m(first##_##single##_##second##_##last)(const tile *t) \
    {                                                                  \
        tile other = exchanged(t);                                     \
        m(first##_2_##second##_##last)(&other);                        \
    }
#define PAIR_SUM_EXCHANGED(first, single)                     \
    static void m(first##_##single##_sum_rows)(const tile *t) \
    {                                                         \
        tile other = exchanged(t);                            \
        m(first##_2_sum_rows)(&other);                        \
    }
PAIRS_EXCHANGED(PAIR_EXCHANGED, PAIR_SUM_EXCHANGED)

static const pair_table m(pairs) = {PAIRS(PAIR_ENTRY, PAIR_SUM_ENTRY) PAIRS_EXCHANGED(PAIR_ENTRY, PAIR_SUM_ENTRY)};

#undef PAIR
#undef PAIR_LOAD_LAST
#undef PAIR_STORE_LAST
#undef PAIR_NARROW
#undef PAIR_EXCHANGED
#undef PAIR_SUM_EXCHANGED
#undef PAIR_SUM

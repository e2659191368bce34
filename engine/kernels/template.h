/* Expands the float rows of ops/elementwise.def, and where, into kernels: included once for each type, after its lanes
   and functions. A row's value is the expression of the table, with vectors for x, a and b. No include guard. */

/* What a row's value is, and how it reaches memory. */
#define VALUE_SAME V
#define VALUE_BOOL M
#define OUT_SAME T
#define OUT_BOOL bool
#define STORE_SAME m(store)
#define STORE_BOOL m(store_flags)
#define STORE_LAST_SAME m(store_last)
#define STORE_LAST_BOOL m(store_last_flags)

#define KERNEL_UNARY(name, result, value)                                                                         \
    static inline VALUE_##result m(name##_value)(V x)                                                             \
    {                                                                                                             \
        return value;                                                                                             \
    }                                                                                                             \
    static void m(name##_tile_0)(const tile *t)                                                                   \
    {                                                                                                             \
        tile_walk w = tile_walk_of(t, 1, 0);                                                                      \
        const T *in = t->in[0];                                                                                   \
        OUT_##result *out = t->out;                                                                               \
        for (; w.rows > 0; w.rows--, in += t->step[0], out += t->out_step) {                                      \
            V last = m(load_last)(in, w.columns);                                                                 \
            int64_t whole = w.columns - w.columns % LANES;                                                        \
            for (int64_t c = 0; c < whole; c += LANES) STORE_##result(out + c, m(name##_value)(m(load)(in + c))); \
            if (whole < w.columns) STORE_LAST_##result(out, m(name##_value)(last), w.columns);                    \
        }                                                                                                         \
    }

/* A C scalar or a number for each row is read before the row, which may overwrite it. */
#define KERNEL_BINARY(name, result, value)                                                                      \
    static inline VALUE_##result m(name##_value)(V a, V b)                                                      \
    {                                                                                                           \
        return value;                                                                                           \
    }                                                                                                           \
    ALWAYS_INLINE static inline void m(name##_tile)(const tile *t, unsigned single)                             \
    {                                                                                                           \
        tile_walk w = tile_walk_of(t, 3, single);                                                               \
        const T *left = t->in[0], *right = t->in[1];                                                            \
        OUT_##result *out = t->out;                                                                             \
        for (; w.rows > 0; w.rows--, left += t->step[0], right += t->step[1], out += t->out_step) {             \
            V one = m(all)(single == 1 ? *left : single == 2 ? *right : 0);                                     \
            V last_left = single == 1 ? one : m(load_last)(left, w.columns);                                    \
            V last_right = single == 2 ? one : m(load_last)(right, w.columns);                                  \
            int64_t whole = w.columns - w.columns % LANES;                                                      \
            for (int64_t c = 0; c < whole; c += LANES) {                                                        \
                V a = single == 1 ? one : m(load)(left + c), b = single == 2 ? one : m(load)(right + c);        \
                STORE_##result(out + c, m(name##_value)(a, b));                                                 \
            }                                                                                                   \
            if (whole < w.columns) STORE_LAST_##result(out, m(name##_value)(last_left, last_right), w.columns); \
        }                                                                                                       \
    }                                                                                                           \
    static void m(name##_tile_0)(const tile *t)                                                                 \
    {                                                                                                           \
        m(name##_tile)(t, 0);                                                                                   \
    }                                                                                                           \
    static void m(name##_tile_1)(const tile *t)                                                                 \
    {                                                                                                           \
        m(name##_tile)(t, 1);                                                                                   \
    }                                                                                                           \
    static void m(name##_tile_2)(const tile *t)                                                                 \
    {                                                                                                           \
        m(name##_tile)(t, 2);                                                                                   \
    }

#define UNARY_FLOAT KERNEL_UNARY
#define UNARY_NUMBER KERNEL_UNARY
#define UNARY_LOGIC(name, result, value)
#define BINARY_FLOAT KERNEL_BINARY
#define BINARY_NUMBER KERNEL_BINARY
#define BINARY_LOGIC(name, result, value)
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) UNARY_##types(name, result, value)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    BINARY_##types(name, result, value)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

/* For the option `precise`: the row's value in f64, rounded once. */
#ifdef IS_F32
#define KERNEL_PRECISE(name)                                                \
    static inline V m(name##_from_f64)(V x)                                 \
    {                                                                       \
        f64v_vector wide[2];                                                \
        m(widen)(x, wide);                                                  \
        for (int k = 0; k < 2; k++) wide[k] = f64v_##name##_value(wide[k]); \
        return m(round_to)(wide);                                           \
    }                                                                       \
    KERNEL_UNARY(name##_precise, SAME, m(name##_from_f64)(x))
#define UNARY(name, types, result, ...) FOR_PRECISE(types, result, KERNEL_PRECISE(name))
#define BINARY(...)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef KERNEL_PRECISE
#endif

#undef UNARY_FLOAT
#undef UNARY_NUMBER
#undef UNARY_LOGIC
#undef BINARY_FLOAT
#undef BINARY_NUMBER
#undef BINARY_LOGIC
#undef KERNEL_UNARY
#undef KERNEL_BINARY
#undef VALUE_SAME
#undef VALUE_BOOL
#undef OUT_SAME
#undef OUT_BOOL
#undef STORE_SAME
#undef STORE_BOOL
#undef STORE_LAST_SAME
#undef STORE_LAST_BOOL

/* ---- where ---- */

ALWAYS_INLINE static inline void m(where_tile)(const tile *t, unsigned single)
{
    tile_walk w = tile_walk_of(t, 7, single);
    const bool *flag = t->in[0];
    const T *yes = t->in[1], *no = t->in[2];
    T *out = t->out;
    for (; w.rows > 0; w.rows--, flag += t->step[0], yes += t->step[1], no += t->step[2], out += t->out_step) {
        M mask = (M){0} - (SIGNED)(single & 1 ? *flag : 0);
        V one = m(all)(single & 2 ? *yes : 0), other = m(all)(single & 4 ? *no : 0);
        M last_mask = single & 1 ? mask : m(load_last_flags)(flag, w.columns);
        V last_yes = single & 2 ? one : m(load_last)(yes, w.columns);
        V last_no = single & 4 ? other : m(load_last)(no, w.columns);
        int64_t whole = w.columns - w.columns % LANES;
        for (int64_t c = 0; c < whole; c += LANES) {
            V a = single & 2 ? one : m(load)(yes + c), b = single & 4 ? other : m(load)(no + c);
            m(store)(out + c, m(choose)(single & 1 ? mask : m(load_flags)(flag + c), a, b));
        }
        if (whole < w.columns) m(store_last)(out, m(choose)(last_mask, last_yes, last_no), w.columns);
    }
}

#define WHERE(single)                                 \
    static void m(where_tile_##single)(const tile *t) \
    {                                                 \
        m(where_tile)(t, single);                     \
    }
WHERE(0)
WHERE(1)
WHERE(2)
WHERE(3)
WHERE(4)
WHERE(5)
WHERE(6)
#undef WHERE

/* Kernels of which the compiler makes vectors by itself: bools and casts to floats. */

/* Elements do not depend on one another, though the result may overwrite an operand. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* ---- bools ---- */

#define LOGIC_UNARY(name, value)                                             \
    static void name##_tile_0(const tile *t)                                 \
    {                                                                        \
        tile_walk w = tile_walk_of(t, 1, 0);                                 \
        const bool *in = t->in[0];                                           \
        bool *out = t->out;                                                  \
        for (; w.rows > 0; w.rows--, in += t->step[0], out += t->out_step) { \
            INDEPENDENT                                                      \
            for (int64_t c = 0; c < w.columns; c++) {                        \
                bool x = in[c];                                              \
                out[c] = (value);                                            \
            }                                                                \
        }                                                                    \
    }

#define LOGIC_BINARY_OF(name, single, a_value, b_value, value)                                      \
    static void name##_tile_##single(const tile *t)                                                 \
    {                                                                                               \
        tile_walk w = tile_walk_of(t, 3, single);                                                   \
        const bool *left = t->in[0], *right = t->in[1];                                             \
        bool *out = t->out;                                                                         \
        for (; w.rows > 0; w.rows--, left += t->step[0], right += t->step[1], out += t->out_step) { \
            const bool one = single == 1 ? *left : *right;                                          \
            (void)one;                                                                              \
            INDEPENDENT                                                                             \
            for (int64_t c = 0; c < w.columns; c++) {                                               \
                bool a = a_value, b = b_value;                                                      \
                out[c] = (value);                                                                   \
            }                                                                                       \
        }                                                                                           \
    }
#define LOGIC_BINARY(name, value)                      \
    LOGIC_BINARY_OF(name, 0, left[c], right[c], value) \
    LOGIC_BINARY_OF(name, 1, one, right[c], value)     \
    LOGIC_BINARY_OF(name, 2, left[c], one, value)

#define UNARY_FLOAT(name, value)
#define UNARY_NUMBER(name, value)
#define UNARY_LOGIC LOGIC_UNARY
#define BINARY_FLOAT(name, value)
#define BINARY_NUMBER(name, value)
#define BINARY_LOGIC LOGIC_BINARY
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) UNARY_##types(name, value)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    BINARY_##types(name, value)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef UNARY_FLOAT
#undef UNARY_NUMBER
#undef UNARY_LOGIC
#undef BINARY_FLOAT
#undef BINARY_NUMBER
#undef BINARY_LOGIC

/* ---- casts: the result is never the operand's memory, as their types differ ---- */

#define CAST(from, From, to, To)                                           \
    static void cast_##from##_to_##to(const tile *t)                       \
    {                                                                      \
        tile_walk w = tile_walk_of(t, 1, 0);                               \
        const From *restrict in = t->in[0];                                \
        To *restrict out = t->out;                                         \
        for (; w.rows > 0; w.rows--, in += t->step[0], out += t->out_step) \
            for (int64_t c = 0; c < w.columns; c++) out[c] = (To)in[c];    \
    }

CAST(f64, double, f32, float)
CAST(i32, int32_t, f32, float)
CAST(i64, int64_t, f32, float)
CAST(bool, bool, f32, float)
CAST(f32, float, f64, double)
CAST(i32, int32_t, f64, double)
CAST(i64, int64_t, f64, double)
CAST(bool, bool, f64, double)

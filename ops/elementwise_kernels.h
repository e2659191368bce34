/* Expands the rows of elementwise.def into kernels for one element type: included once for each, with T (the type), P
   (its prefix) and m (its functions) defined, and IS_FLOAT, IS_NUMBER or IS_LOGIC. No include guard: that is the point.

   An operand of rank 0 beside larger ones is a C scalar: it serves all elements, by a step of 0. */

#define JOIN_NAMES(a, b) a##_##b
#define JOIN(a, b) JOIN_NAMES(a, b)
#define RESULT_SAME T
#define RESULT_BOOL bool

#define KERNEL_UNARY(name, result, value)                  \
    WRAPS static void JOIN(name, P)(const wg_call *call)   \
    {                                                      \
        const T *in = call->inputs[0].data;                \
        RESULT_##result *out = call->output->data;         \
        int64_t size = wg_shape_size(call->output->shape); \
        for (int64_t i = 0; i < size; i++) {               \
            T x = in[i];                                   \
            out[i] = (RESULT_##result)(value);             \
        }                                                  \
    }

#define KERNEL_BINARY(name, result, value)                                                               \
    WRAPS static void JOIN(name, P)(const wg_call *call)                                                 \
    {                                                                                                    \
        const T *left = call->inputs[0].data, *right = call->inputs[1].data;                             \
        RESULT_##result *out = call->output->data;                                                       \
        int64_t size = wg_shape_size(call->output->shape);                                               \
        int64_t left_step = call->inputs[0].shape.rank > 0, right_step = call->inputs[1].shape.rank > 0; \
        for (int64_t i = 0; i < size; i++) {                                                             \
            T a = left[i * left_step], b = right[i * right_step];                                        \
            out[i] = (RESULT_##result)(value);                                                           \
        }                                                                                                \
    }

#define BRANCH_UNARY(name, piece)                                            \
    static void JOIN(name##_branch, P)(const wg_call *call, int64_t *branch) \
    {                                                                        \
        const T *in = call->inputs[0].data;                                  \
        int64_t size = wg_shape_size(call->output->shape);                   \
        for (int64_t i = 0; i < size; i++) {                                 \
            T x = in[i];                                                     \
            (void)x;                                                         \
            branch[i] = piece;                                               \
        }                                                                    \
    }

#define BRANCH_BINARY(name, piece)                                                                       \
    static void JOIN(name##_branch, P)(const wg_call *call, int64_t *branch)                             \
    {                                                                                                    \
        const T *left = call->inputs[0].data, *right = call->inputs[1].data;                             \
        int64_t size = wg_shape_size(call->output->shape);                                               \
        int64_t left_step = call->inputs[0].shape.rank > 0, right_step = call->inputs[1].shape.rank > 0; \
        for (int64_t i = 0; i < size; i++) {                                                             \
            T a = left[i * left_step], b = right[i * right_step];                                        \
            (void)a, (void)b;                                                                            \
            branch[i] = piece;                                                                           \
        }                                                                                                \
    }

/* Rows whose types do not include T expand to nothing. Only f64 compares branches: that is what checkers replay in. */
#ifdef IS_FLOAT
#define UNARY_FLOAT KERNEL_UNARY
#define BINARY_FLOAT KERNEL_BINARY
#else
#define UNARY_FLOAT(name, result, value)
#define BINARY_FLOAT(name, result, value)
#endif
#ifdef IS_NUMBER
#define UNARY_NUMBER KERNEL_UNARY
#define BINARY_NUMBER KERNEL_BINARY
#else
#define UNARY_NUMBER(name, result, value)
#define BINARY_NUMBER(name, result, value)
#endif
#ifdef IS_LOGIC
#define UNARY_LOGIC KERNEL_UNARY
#define BINARY_LOGIC KERNEL_BINARY
#else
#define UNARY_LOGIC(name, result, value)
#define BINARY_LOGIC(name, result, value)
#endif

#define SMOOTH 0
#define PIECE(value) (value)
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) UNARY_##types(name, result, value)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    BINARY_##types(name, result, value)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

#ifdef IS_CHECKED
#define PIECES_UNARY_FLOAT BRANCH_UNARY
#define PIECES_UNARY_NUMBER BRANCH_UNARY
#define PIECES_UNARY_LOGIC(name, piece)
#define PIECES_BINARY_FLOAT BRANCH_BINARY
#define PIECES_BINARY_NUMBER BRANCH_BINARY
#define PIECES_BINARY_LOGIC(name, piece)
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) PIECES_UNARY_##types(name, piece)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    PIECES_BINARY_##types(name, piece)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef PIECES_UNARY_FLOAT
#undef PIECES_UNARY_NUMBER
#undef PIECES_UNARY_LOGIC
#undef PIECES_BINARY_FLOAT
#undef PIECES_BINARY_NUMBER
#undef PIECES_BINARY_LOGIC
#endif

#undef SMOOTH
#undef PIECE
#undef UNARY_FLOAT
#undef UNARY_NUMBER
#undef UNARY_LOGIC
#undef BINARY_FLOAT
#undef BINARY_NUMBER
#undef BINARY_LOGIC
#undef KERNEL_UNARY
#undef KERNEL_BINARY
#undef BRANCH_UNARY
#undef BRANCH_BINARY
#undef RESULT_SAME
#undef RESULT_BOOL
#undef JOIN
#undef JOIN_NAMES

/* Everything that follows from the rows of elementwise.def: kernels, gradients, ops, builders. */
#include "ops/builder.h"
#include "ops/rows.h"
#include "ops/scalar.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

/* ---- kernels ---- */

#define T float
#define P f32
#define m(name) f32_##name
#define IS_FLOAT
#define IS_NUMBER
#include "ops/elementwise_kernels.h"
#undef T
#undef P
#undef m

#define T double
#define P f64
#define m(name) f64_##name
#define IS_CHECKED
#include "ops/elementwise_kernels.h"
#undef IS_CHECKED
#undef IS_FLOAT
#undef T
#undef P
#undef m

#define T int32_t
#define P i32
#define m(name) i32_##name
#include "ops/elementwise_kernels.h"
#undef T
#undef P
#undef m

#define T int64_t
#define P i64
#define m(name) i64_##name
#include "ops/elementwise_kernels.h"
#undef IS_NUMBER
#undef T
#undef P
#undef m

#define T bool
#define P bool_
#define m(name) name
#define IS_LOGIC
#include "ops/elementwise_kernels.h"
#undef IS_LOGIC
#undef T
#undef P
#undef m

/* f32 from f64, rounded once. */
#define PRECISE_UNARY(name, value)                         \
    static void name##_precise(const wg_call *call)        \
    {                                                      \
        const float *in = call->inputs[0].data;            \
        float *out = call->output->data;                   \
        int64_t size = wg_shape_size(call->output->shape); \
        for (int64_t i = 0; i < size; i++) {               \
            double x = (double)in[i];                      \
            out[i] = (float)(value);                       \
        }                                                  \
    }
#define m(name) f64_##name
#define UNARY(name, types, result, value, ...) FOR_PRECISE(types, result, PRECISE_UNARY(name, value))
#define BINARY(...)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef m

/* ---- shape and type rules ---- */

enum accepted { ACCEPT_FLOAT, ACCEPT_NUMBER, ACCEPT_LOGIC };

static const char *type_fault(wg_type type, enum accepted accepted)
{
    bool number = type_is_float(type) || type_is_integer(type);
    if (accepted == ACCEPT_FLOAT && !type_is_float(type)) return "works on floats";
    if (accepted == ACCEPT_NUMBER && !number) return "works on floats and integers";
    if (accepted == ACCEPT_LOGIC && type != WG_BOOL) return "works on bools";
    return NULL;
}

/* All operands have one type and one shape; a C scalar (rank 0) fits any. */
static bool infer_elementwise(const wg_call *call, enum accepted accepted, bool to_bool, char *message, size_t size)
{
    const wg_array *first = &call->inputs[0], *last = &call->inputs[call->count - 1];
    const wg_array *wide = last->shape.rank > first->shape.rank ? last : first;
    const char *fault = type_fault(first->type, accepted);
    if (fault) return refuse_types(call, message, size, "%s, not %s", fault, wg_type_name(first->type));
    *call->output = (wg_array){to_bool ? WG_BOOL : first->type, wide->shape, NULL};
    for (size_t i = 0; i < call->count; i++) {
        const wg_array *x = &call->inputs[i];
        if (x->type != first->type) return refuse_types(call, message, size, "element types differ");
        if (x->shape.rank && !wg_shape_equal(x->shape, wide->shape)) return refuse(message, size, "shapes differ");
    }
    return true;
}

#define TO_BOOL_SAME false
#define TO_BOOL_BOOL true
#define INFER(types, result)                                                              \
    static bool infer_##types##_##result(const wg_call *call, char *message, size_t size) \
    {                                                                                     \
        return infer_elementwise(call, ACCEPT_##types, TO_BOOL_##result, message, size);  \
    }

INFER(FLOAT, SAME)
INFER(NUMBER, SAME)
INFER(FLOAT, BOOL)
INFER(NUMBER, BOOL)
INFER(LOGIC, BOOL)

/* ---- gradients ---- */

/* The cotangent where a > b, half of it where they are equal. */
static wg_tensor larger_takes(wg_tensor g, wg_tensor a, wg_tensor b)
{
    wg_tensor shared = wg_where(wg_equal(a, b), wg_mul_scalar(g, 0.5), wg_zeros_like(g));
    return wg_where(wg_greater(a, b), g, shared);
}

/* b a^(b - 1), and 0 where both are 0; elsewhere b = 0 is no special case, because d/db of this does not vanish there
 */
static wg_tensor pow_gradient_base(wg_tensor g, wg_tensor a, wg_tensor b)
{
    wg_tensor both = wg_logical_and(wg_equal_scalar(a, 0), wg_equal_scalar(b, 0));
    wg_tensor safe = wg_where(both, wg_full_like(a, 1), a);
    return wg_mul(g, wg_mul(wg_pow(safe, wg_sub_scalar(b, 1)), b));
}

/* a^b log a; the log sees only positive numbers, and is multiplied by nothing infinite elsewhere */
static wg_tensor pow_gradient_exponent(wg_tensor g, wg_tensor a, wg_tensor y)
{
    wg_tensor positive = wg_greater_scalar(a, 0);
    wg_tensor safe = wg_where(positive, a, wg_full_like(a, 1)), power = wg_where(positive, y, wg_zeros_like(y));
    return wg_mul(g, wg_mul(power, wg_log(safe)));
}

/* side / (a^2 + b^2), and 0 where both are 0 */
static wg_tensor angle_gradient(wg_tensor g, wg_tensor side, wg_tensor a, wg_tensor b)
{
    wg_tensor left = wg_square(a), squares = wg_add(left, wg_square(b)), origin = wg_equal_scalar(squares, 0);
    wg_tensor safe = wg_where(origin, wg_full_like(squares, 1), squares);
    return wg_where(origin, wg_zeros_like(g), wg_div(wg_mul(g, side), safe));
}

#define ZERO WG_NONE
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    static void name##_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)          \
    {                                                                               \
        wg_tensor x = graph_operand_of(y, graph_node_of(y), 0);                     \
        (void)x, (void)g;                                                           \
        gradients[0] = gradient;                                                    \
    }
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    static void name##_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)                                 \
    {                                                                                                      \
        const node *n = graph_node_of(y);                                                                  \
        wg_tensor a = graph_operand_of(y, n, 0), b = graph_operand_of(y, n, 1);                            \
        (void)a, (void)b, (void)g;                                                                         \
        if (graph_wanted(y, 0)) gradients[0] = gradient_a;                                                 \
        if (graph_wanted(y, 1)) gradients[1] = gradient_b;                                                 \
    }
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

/* ---- ops ---- */

#define KERNELS_FLOAT(name)                          \
    {                                                \
        [WG_F32] = name##_f32, [WG_F64] = name##_f64 \
    }
#define KERNELS_NUMBER(name)                                                                       \
    {                                                                                              \
        [WG_F32] = name##_f32, [WG_F64] = name##_f64, [WG_I32] = name##_i32, [WG_I64] = name##_i64 \
    }
#define KERNELS_LOGIC(name)      \
    {                            \
        [WG_BOOL] = name##_bool_ \
    }
#define BRANCH_FLOAT(name, piece) ((piece) ? name##_branch_f64 : NULL)
#define BRANCH_NUMBER(name, piece) ((piece) ? name##_branch_f64 : NULL)
#define BRANCH_LOGIC(name, piece) NULL
#define SMOOTH 0
#define PIECE(value) 1

#define ROW(name_, types, result, operands, precise_, piece, low_, high_, ulp_, summary_) \
    static wg_tensor name_##_sample(wg_context *ctx);                                     \
    const wg_op ops_##name_ = {                                                           \
        .name = #name_,                                                                   \
        .summary = summary_,                                                              \
        .arity = operands,                                                                \
        .row_wise = true,                                                                 \
        .elementwise = true,                                                              \
        .predicate = TO_BOOL_##result,                                                    \
        .infer = infer_##types##_##result,                                                \
        .kernel = KERNELS_##types(name_),                                                 \
        .precise = precise_,                                                              \
        .vjp = name_##_vjp,                                                               \
        .branch = BRANCH_##types(name_, piece),                                           \
        .sample = name_##_sample,                                                         \
        .numerics = {low_, high_, ulp_},                                                  \
    };
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    ROW(name, types, result, 1, IF_PRECISE(types, result, ulp, name##_precise), piece, low, high, ulp, summary)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    ROW(name, types, result, 2, NULL, piece, low, high, ulp, summary)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

/* ---- builders ---- */

#define SCALAR_FORM_NONE(name)
#define SCALAR_FORM_COMMUTES(name)                                         \
    wg_tensor wg_##name##_scalar(wg_tensor x, double scalar)               \
    {                                                                      \
        return ops_binary_scalar(&ops_##name, x, scalar, false, OPS_SITE); \
    }
#define SCALAR_FORM_BOTH(name)                                            \
    SCALAR_FORM_COMMUTES(name)                                            \
    wg_tensor wg_scalar_##name(double scalar, wg_tensor x)                \
    {                                                                     \
        return ops_binary_scalar(&ops_##name, x, scalar, true, OPS_SITE); \
    }
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    wg_tensor wg_##name(wg_tensor x)                                                \
    {                                                                               \
        return ops_unary(&ops_##name, x, OPS_SITE);                                 \
    }
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    wg_tensor wg_##name(wg_tensor a, wg_tensor b)                                                          \
    {                                                                                                      \
        return ops_binary(&ops_##name, a, b, OPS_SITE);                                                    \
    }                                                                                                      \
    SCALAR_FORM_##scalar(name)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY

/* ---- samples ---- */

#define DRAW_FLOAT(ctx, low, high) wg_uniform(ctx, WG_SHAPE(3, 5), low, high)
#define DRAW_NUMBER DRAW_FLOAT
#define DRAW_LOGIC(ctx, low, high) wg_bernoulli(ctx, WG_SHAPE(3, 5), 0.5)
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    static wg_tensor name##_sample(wg_context *ctx)                                 \
    {                                                                               \
        return wg_##name(DRAW_##types(ctx, low, high));                             \
    }
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    static wg_tensor name##_sample(wg_context *ctx)                                                        \
    {                                                                                                      \
        wg_tensor a = DRAW_##types(ctx, low, high);                                                        \
        return wg_##name(a, DRAW_##types(ctx, low, high));                                                 \
    }
#include "ops/elementwise.def"

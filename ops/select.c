/* Conversions and choices: cast, where, stop_gradient. */
#include "graph/append.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <wengert/functions.h>

#include <math.h>
#include <string.h>

/* ---- cast ---- */

static bool infer_cast(const wg_call *call, char *message, size_t size)
{
    wg_type type = call->output->type;
    call->output->shape = call->inputs[0].shape;
    if (type > WG_DEFAULT && type < WG_TYPES) return true;
    return refuse_types(call, message, size, "there is no element type %d", (int)type);
}

/* Floats to integers: towards zero, the ends for what lies beyond them, 0 for NaN. */
static int64_t saturate(double x, double low, double high)
{
    if (isnan(x)) return 0;
    if (x <= low) return low <= -0x1p63 ? INT64_MIN : (int64_t)low;
    if (x >= high) return high >= 0x1p63 ? INT64_MAX : (int64_t)high;
    return (int64_t)x;
}

#define FROM_FLOAT_f32(x) (float)(x)
#define FROM_FLOAT_f64(x) (double)(x)
#define FROM_FLOAT_i32(x) (int32_t) saturate((double)(x), INT32_MIN, INT32_MAX)
#define FROM_FLOAT_i64(x) saturate((double)(x), -0x1p63, 0x1p63)
#define FROM_FLOAT_bool(x) ((x) != 0)
#define FROM_FLOAT_u8(x) (uint8_t) saturate((double)(x), 0, 255)
#define FROM_WHOLE_f32(x) (float)(x)
#define FROM_WHOLE_f64(x) (double)(x)
#define FROM_WHOLE_i32(x) (int32_t)(x)
#define FROM_WHOLE_i64(x) (int64_t)(x)
#define FROM_WHOLE_bool(x) ((x) != 0)
#define FROM_WHOLE_u8(x) (uint8_t)(x)

#define CAST_TO(kind, type, name, To)                                            \
    case type: {                                                                 \
        To *out = call->output->data;                                            \
        for (int64_t i = 0; i < size; i++) out[i] = FROM_##kind##_##name(in[i]); \
        break;                                                                   \
    }
#define CAST(from, kind, From)                             \
    static void cast_##from(const wg_call *call)           \
    {                                                      \
        const From *in = call->inputs[0].data;             \
        int64_t size = wg_shape_size(call->output->shape); \
        switch (call->output->type) {                      \
            CAST_TO(kind, WG_F32, f32, float)              \
            CAST_TO(kind, WG_F64, f64, double)             \
            CAST_TO(kind, WG_I32, i32, int32_t)            \
            CAST_TO(kind, WG_I64, i64, int64_t)            \
            CAST_TO(kind, WG_BOOL, bool, bool)             \
            CAST_TO(kind, WG_U8, u8, uint8_t)              \
        default:                                           \
            break;                                         \
        }                                                  \
    }

CAST(f32, FLOAT, float)
CAST(f64, FLOAT, double)
CAST(i32, WHOLE, int32_t)
CAST(i64, WHOLE, int64_t)
CAST(bool, WHOLE, bool)
CAST(u8, WHOLE, uint8_t)

static void cast_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    gradients[0] = wg_cast(g, wg_type_of(graph_operand(y, 0)));
}

static wg_tensor cast_sample(wg_context *ctx)
{
    return wg_cast(wg_uniform(ctx, WG_SHAPE(3, 4), -4, 4), wg_default_type(ctx) == WG_F32 ? WG_F64 : WG_F32);
}

const wg_op ops_cast = {
    .name = "cast",
    .summary = "another element type",
    .arity = 1,
    .row_wise = true,
    .infer = infer_cast,
    .kernel = {[WG_F32] = cast_f32,
               [WG_F64] = cast_f64,
               [WG_I32] = cast_i32,
               [WG_I64] = cast_i64,
               [WG_BOOL] = cast_bool,
               [WG_U8] = cast_u8},
    .vjp = cast_vjp,
    .sample = cast_sample,
    .numerics = {-4, 4, 0.5},
};

wg_tensor wg_cast(wg_tensor x, wg_type type)
{
    WG_ENTRY(x.context);
    if (type == WG_DEFAULT) type = wg_default_type(x.context);
    if (wg_type_of(x) == type) return graph_now(x, "cast");
    return ops_one(&ops_cast, x, NULL, type, NULL);
}

/* ---- where ---- */

static bool infer_where(const wg_call *call, char *message, size_t size)
{
    const wg_array *in = call->inputs;
    *call->output = (wg_array){in[1].type, in[1].shape, NULL};
    if (in[0].type != WG_BOOL)
        return refuse_types(call, message, size, "the condition must be bool, not %s", wg_type_name(in[0].type));
    if (in[1].type != in[2].type) return refuse_types(call, message, size, "the two choices differ in type");
    return (wg_shape_equal(in[0].shape, in[1].shape) && wg_shape_equal(in[1].shape, in[2].shape)) ||
           refuse(message, size, "shapes differ");
}

static void where_kernel(const wg_call *call)
{
    const bool *condition = call->inputs[0].data;
    const char *a = call->inputs[1].data, *b = call->inputs[2].data;
    char *out = call->output->data;
    size_t element = wg_type_size(call->output->type);
    int64_t size = wg_shape_size(call->output->shape);
    for (int64_t i = 0; i < size; i++, a += element, b += element, out += element)
        memcpy(out, condition[i] ? a : b, element);
}

/* Of nodes of one shape. */
static inline wg_tensor append_where(wg_context *ctx, uint32_t number, uint32_t condition, uint32_t a, uint32_t b,
                                     const node *like)
{
    return append_quick(
        ctx, number,
        &(node){
            .op = &ops_where, .input = {condition, a, b}, .shape = like->shape, .type = like->type, .input_count = 3});
}

static void where_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = y.context;
    const node *n = graph_node_of(y);
    wg_tensor condition = graph_tensor(ctx, n->input[0]), zero = wg_zeros_like(g);
    for (size_t i = 1; i <= 2; i++) {
        uint32_t number;
        wg_tensor a = i == 1 ? g : zero, b = i == 1 ? zero : g;
        if (!graph_wanted(y, i)) continue;
        bool quick = graph_ok(ctx) && append_is_quick(ctx, NULL, &number);
        gradients[i] =
            quick ? append_where(ctx, number, condition.id, a.id, b.id, graph_node_of(g)) : wg_where(condition, a, b);
    }
}

static wg_tensor where_sample(wg_context *ctx)
{
    wg_tensor a = wg_uniform(ctx, WG_SHAPE(3, 4), -4, 4), b = wg_uniform(ctx, WG_SHAPE(3, 4), -4, 4);
    return wg_where(wg_bernoulli(ctx, WG_SHAPE(3, 4), 0.5), a, b);
}

const wg_op ops_where = {
    .name = "where",
    .summary = "a where the condition holds, else b",
    .arity = 3,
    .row_wise = true,
    .infer = infer_where,
    .kernel = {[WG_BOOL] = where_kernel},
    .vjp = where_vjp,
    .sample = where_sample,
    .numerics = {-4, 4, 0},
};

static __attribute__((noinline)) wg_tensor where_other(wg_tensor condition, wg_tensor a, wg_tensor b, void *site)
{
    wg_context *ctx = condition.context ? condition.context : a.context ? a.context : b.context;
    WG_ENTRY_FROM(ctx, site);
    uint32_t ids[3];
    if (!graph_resolve_list(WG_LIST(condition, a, b), "where", &ctx, ids)) return graph_poison(ctx);
    if (!ops_broadcast(ctx, "where", ids, 3)) return graph_poison(ctx);
    const node *left = graph_node(ctx, ids[1]), *right = graph_node(ctx, ids[2]);
    graph_record record = {.op = &ops_where, .count = 3, .inputs = ids};
    if (graph_node(ctx, ids[0])->type != WG_BOOL || left->type != right->type) return graph_apply(ctx, &record);
    record.type = (wg_type)left->type; /* shapes agree by now, so that nothing is left to infer */
    record.interned_shape = left->shape;
    return graph_append(ctx, &record);
}

wg_tensor wg_where(wg_tensor condition, wg_tensor a, wg_tensor b)
{
    wg_context *ctx = condition.context;
    const node *choice = graph_live(condition), *left, *right;
    uint32_t number;
    bool quick = choice && a.context == ctx && graph_live_two(a, b, &left, &right) && choice->type == WG_BOOL &&
                 left->type == right->type && choice->shape == left->shape && left->shape == right->shape &&
                 append_is_quick(ctx, OPS_SITE, &number);
    if (!quick) return where_other(condition, a, b, OPS_SITE);
    return append_where(ctx, number, condition.id, a.id, b.id, left);
}

/* ---- stop_gradient ---- */

static wg_tensor stop_gradient_sample(wg_context *ctx)
{
    return wg_stop_gradient(wg_uniform(ctx, WG_SHAPE(3, 4), -4, 4));
}

const wg_op ops_stop_gradient = {
    .name = "stop_gradient",
    .summary = "the value of x as a constant",
    .arity = 1,
    .row_wise = true,
    .alias = true,
    .infer = infer_same,
    .sample = stop_gradient_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_stop_gradient(wg_tensor x)
{
    WG_ENTRY(x.context);
    return ops_one(&ops_stop_gradient, x, NULL, WG_DEFAULT, NULL);
}

/* Tensors out of nothing: filled with a number, counting, random. Their type and shape are given, not inferred. */
#include "base/philox.h"
#include "graph/append.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <wengert/functions.h>

static bool infer_given(const wg_call *call, char *message, size_t size)
{
    wg_type type = call->output->type;
    if (type > WG_DEFAULT && type < WG_TYPES) return true;
    return refuse_types(call, message, size, "there is no element type %d", (int)type);
}

/* ---- full ---- */

#define FILL(name, T)                                                          \
    static void fill_##name(const wg_call *call)                               \
    {                                                                          \
        T *out = call->output->data, value = *(const T *)call->inputs[0].data; \
        int64_t size = wg_shape_size(call->output->shape);                     \
        for (int64_t i = 0; i < size; i++) out[i] = value;                     \
    }

FILL(f32, float)
FILL(f64, double)
FILL(i32, int32_t)
FILL(i64, int64_t)
FILL(bool, bool)
FILL(u8, uint8_t)

static wg_tensor full_sample(wg_context *ctx)
{
    return wg_full(ctx, WG_SHAPE(2, 3), 1.5);
}

const wg_op ops_full = {
    .name = "full",
    .summary = "a tensor filled with one number",
    .infer = infer_given,
    .kernel = {[WG_F32] = fill_f32,
               [WG_F64] = fill_f64,
               [WG_I32] = fill_i32,
               [WG_I64] = fill_i64,
               [WG_BOOL] = fill_bool,
               [WG_U8] = fill_u8},
    .sample = full_sample,
};

static wg_tensor full(wg_context *ctx, wg_type type, const wg_shape *shape, uint32_t interned_shape, double value)
{
    static const uint32_t no_node = 0;
    graph_record record = {.op = &ops_full,
                           .count = 1,
                           .inputs = &no_node,
                           .type = type,
                           .shape = shape,
                           .interned_shape = interned_shape,
                           .scalar = value,
                           .scalar_operand = 1};
    bool known = !shape && type_is_float(type); /* any number is one of a float type */
    return known ? graph_append(ctx, &record) : graph_apply(ctx, &record);
}

wg_tensor wg_full_typed(wg_context *ctx, wg_type type, wg_shape shape, double value)
{
    WG_ENTRY(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "full: the context is NULL");
    return full(ctx, type == WG_DEFAULT ? ctx->options.type : type, &shape, 0, value);
}

wg_tensor wg_full(wg_context *ctx, wg_shape shape, double value)
{
    WG_ENTRY(ctx);
    return wg_full_typed(ctx, WG_DEFAULT, shape, value);
}

wg_tensor wg_scalar(wg_context *ctx, double value)
{
    WG_ENTRY(ctx);
    return wg_full_typed(ctx, WG_DEFAULT, WG_SCALAR, value);
}

wg_tensor wg_zeros(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return wg_full_typed(ctx, WG_DEFAULT, shape, 0);
}

wg_tensor wg_ones(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return wg_full_typed(ctx, WG_DEFAULT, shape, 1);
}

static __attribute__((noinline)) wg_tensor full_like_other(wg_tensor x, double value, void *site)
{
    WG_ENTRY_FROM(x.context, site);
    uint32_t id = graph_resolve(x, "full_like");
    if (!id) return graph_poison(x.context);
    return full(x.context, (wg_type)graph_node(x.context, id)->type, NULL, graph_node(x.context, id)->shape, value);
}

static wg_tensor full_like(wg_tensor x, double value, void *site)
{
    uint32_t number;
    const node *n = graph_live(x);
    bool known = n && type_is_float((wg_type)n->type); /* of which any number is one */
    if (!known || !append_is_quick(x.context, site, &number)) return full_like_other(x, value, site);
    return append_quick(x.context, number,
                        &(node){.op = &ops_full,
                                .shape = n->shape,
                                .type = n->type,
                                .input_count = 1,
                                .scalar_operand = 1,
                                .scalar = value});
}

wg_tensor wg_full_like(wg_tensor x, double value)
{
    return full_like(x, value, OPS_SITE);
}

wg_tensor wg_zeros_like(wg_tensor x)
{
    return full_like(x, 0, OPS_SITE);
}

/* ---- iota ---- */

static bool infer_iota(const wg_call *call, char *message, size_t size)
{
    int64_t axis = call->attributes->integer[0];
    if (!type_is_float(call->output->type) && !type_is_integer(call->output->type))
        return refuse_types(call, message, size, "counts in floats and integers");
    if (axis >= 0 && axis < call->output->shape.rank) return true;
    return refuse(message, size, "axis %lld is out of range for rank %d", (long long)axis, call->output->shape.rank);
}

#define IOTA(name, T)                                                                          \
    static void iota_##name(const wg_call *call)                                               \
    {                                                                                          \
        T *out = call->output->data;                                                           \
        shape_split s = shape_around(&call->output->shape, (int)call->attributes->integer[0]); \
        for (int64_t o = 0; o < s.outer; o++)                                                  \
            for (int64_t i = 0; i < s.length; i++)                                             \
                for (int64_t k = 0; k < s.inner; k++) *out++ = (T)i;                           \
    }

IOTA(f32, float)
IOTA(f64, double)
IOTA(i32, int32_t)
IOTA(i64, int64_t)

static wg_tensor iota_sample(wg_context *ctx)
{
    return wg_iota(ctx, WG_I64, WG_SHAPE(2, 4), 1);
}

const wg_op ops_iota = {
    .name = "iota",
    .summary = "the place along one axis: 0, 1, 2, ...",
    .infer = infer_iota,
    .kernel = {[WG_F32] = iota_f32, [WG_F64] = iota_f64, [WG_I32] = iota_i32, [WG_I64] = iota_i64},
    .sample = iota_sample,
};

wg_tensor wg_iota(wg_context *ctx, wg_type type, wg_shape shape, int axis)
{
    WG_ENTRY(ctx);
    int index = axis;
    shape_axis(&shape, axis, &index);
    return ops_create(ctx, &ops_iota, type, shape, &(wg_attributes){.integer = {index}});
}

wg_tensor wg_linspace(wg_context *ctx, double low, double high, int64_t count)
{
    WG_ENTRY(ctx);
    wg_tensor place = wg_iota(ctx, WG_DEFAULT, WG_SHAPE(count), 0);
    if (count < 2) return wg_add_scalar(place, low);
    /* from both ends, so that each end is met exactly */
    wg_tensor rising = wg_add_scalar(wg_mul_scalar(place, (high - low) / (double)(count - 1)), low);
    wg_tensor left = wg_scalar_sub((double)(count - 1), place);
    wg_tensor falling = wg_scalar_sub(high, wg_mul_scalar(left, (high - low) / (double)(count - 1)));
    return wg_where(wg_less_scalar(place, (double)count / 2), rising, falling);
}

/* ---- random numbers ---- */

/* The stream is the number of the draw, kept in real[0] (exact up to 2^53); the seed lies in real[1] and real[2]. Block
   i of the stream serves elements 4 i to 4 i + 3 in f32 and 2 i to 2 i + 1 in f64. */
static uint64_t seed_of(const wg_attributes *a)
{
    return (uint64_t)a->real[1] | (uint64_t)a->real[2] << 32;
}

static void random_f32(const wg_call *call)
{
    float *out = call->output->data;
    int64_t size = wg_shape_size(call->output->shape);
    uint64_t seed = seed_of(call->attributes), draw = (uint64_t)call->attributes->real[0];
    for (int64_t i = 0; i < size; i += 4) {
        philox_block block = philox_at(seed, draw, (uint64_t)i / 4);
        for (int64_t k = 0; k < 4 && i + k < size; k++) out[i + k] = (float)(block.word[k] >> 8) * 0x1p-24f;
    }
}

static void random_f64(const wg_call *call)
{
    double *out = call->output->data;
    int64_t size = wg_shape_size(call->output->shape);
    uint64_t seed = seed_of(call->attributes), draw = (uint64_t)call->attributes->real[0];
    for (int64_t i = 0; i < size; i += 2) {
        philox_block block = philox_at(seed, draw, (uint64_t)i / 2);
        for (int64_t k = 0; k < 2 && i + k < size; k++) {
            uint64_t bits = (uint64_t)block.word[2 * k + 1] << 32 | block.word[2 * k];
            out[i + k] = (double)(bits >> 11) * 0x1p-53;
        }
    }
}

static bool infer_random(const wg_call *call, char *message, size_t size)
{
    return type_is_float(call->output->type) || refuse_types(call, message, size, "draws f32 and f64");
}

static wg_tensor random_uniform_sample(wg_context *ctx)
{
    return wg_random_uniform(ctx, WG_DEFAULT, WG_SHAPE(3, 4));
}

const wg_op ops_random_uniform = {
    .name = "random_uniform",
    .summary = "uniform in [0, 1), by Philox 4x32-10",
    .random = true,
    .infer = infer_random,
    .kernel = {[WG_F32] = random_f32, [WG_F64] = random_f64},
    .sample = random_uniform_sample,
};

wg_tensor wg_random_uniform(wg_context *ctx, wg_type type, wg_shape shape)
{
    WG_ENTRY(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "random_uniform: the context is NULL");
    uint64_t seed = ctx->options.seed;
    wg_attributes a = {.real = {(double)ctx->draws, (double)(uint32_t)seed, (double)(seed >> 32)}};
    wg_tensor x = ops_create(ctx, &ops_random_uniform, type, shape, &a);
    if (x.id) ctx->draws++;
    return x;
}

wg_tensor wg_uniform(wg_context *ctx, wg_shape shape, double low, double high)
{
    WG_ENTRY(ctx);
    return wg_add_scalar(wg_mul_scalar(wg_random_uniform(ctx, WG_DEFAULT, shape), high - low), low);
}

wg_tensor wg_uniform_like(wg_tensor x, double low, double high)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "uniform_like")) return graph_poison(x.context);
    wg_tensor u = wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x));
    return wg_add_scalar(wg_mul_scalar(u, high - low), low);
}

/* 1 - u lies in (0, 1], so the logarithm is finite */
static wg_tensor box_muller(wg_context *ctx, wg_type type, wg_shape shape)
{
    static const double two_pi = 6.283185307179586;
    wg_tensor u = wg_random_uniform(ctx, type, shape), v = wg_random_uniform(ctx, type, shape);
    wg_tensor radius = wg_sqrt(wg_mul_scalar(wg_log1p(wg_neg(u)), -2));
    return wg_mul(radius, wg_cos(wg_mul_scalar(v, two_pi)));
}

wg_tensor wg_normal(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return box_muller(ctx, WG_DEFAULT, shape);
}

wg_tensor wg_normal_like(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "normal_like")) return graph_poison(x.context);
    return box_muller(x.context, wg_type_of(x), wg_shape_of(x));
}

wg_tensor wg_bernoulli(wg_context *ctx, wg_shape shape, double probability)
{
    WG_ENTRY(ctx);
    number_buffer number;
    if (!(probability >= 0 && probability <= 1))
        return graph_fail(ctx, WG_BAD_ARGUMENT, "bernoulli: the probability %s is not in [0, 1]",
                          number_text(probability, 6, &number));
    return wg_less_scalar(wg_random_uniform(ctx, WG_DEFAULT, shape), probability);
}

/* Tensors out of nothing: filled with a number, counting, random. Their type and shape are given, not inferred. */
#include "base/philox.h"
#include "graph/append.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <wengert/functions.h>

#include <float.h>
#include <math.h>

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

/* How many of start, start + step, ... lie before stop. Where the quotient is whole but for the rounding of the three,
   it is whole: 1, 1.1, 1.2 are all before 1.3. -1 if the count does not exist. */
static int64_t count_before(double start, double stop, double step)
{
    double count = (stop - start) / step, nearest = nearbyint(count);
    double rounding = 2 * DBL_EPSILON * ((fabs(start) + fabs(stop)) / fabs(step) + fabs(count));
    if (!isfinite(start) || !isfinite(stop) || !isfinite(step) || !(fabs(count) < 0x1p53)) return -1;
    count = fabs(count - nearest) <= rounding ? nearest : ceil(count);
    return count > 0 ? (int64_t)count : 0;
}

/* Whether an integer type holds the first and the last of them, and the step. */
static bool holds_whole(wg_type type, double start, double last, double step)
{
    double end = type == WG_I32 ? 0x1p31 : 0x1p63;
    bool inside = start >= -end && start < end && last >= -end && last < end && fabs(step) < end;
    return inside && start == nearbyint(start) && step == nearbyint(step);
}

wg_tensor wg_arange(wg_context *ctx, wg_type type, double start, double stop, double step)
{
    WG_ENTRY(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "arange: the context is NULL");
    if (type == WG_DEFAULT) type = ctx->options.type;
    number_buffer a, b, c;
    int64_t count = step == 0 ? -1 : count_before(start, stop, step);
    double last = count > 0 ? start + (double)(count - 1) * step : start;
    if (count < 0 || (type_is_integer(type) && !holds_whole(type, start, last, step)))
        return graph_fail(ctx, WG_BAD_ARGUMENT, "arange: %s does not count from %s to %s by %s", wg_type_name(type),
                          number_text(start, 6, &a), number_text(stop, 6, &b), number_text(step, 6, &c));
    if (type != WG_F32 && type != WG_F64 && !type_is_integer(type))
        return graph_fail(ctx, WG_BAD_TYPE, "arange: counts in floats and integers, not %s", wg_type_name(type));
    wg_type wide = type == WG_F32 ? WG_F64 : type; /* rounded once */
    wg_tensor place = wg_iota(ctx, wide, WG_SHAPE(count), 0);
    return wg_cast(wg_add_scalar(wg_mul_scalar(place, step), start), type);
}

bool wg_meshgrid(wg_list axes, wg_tensor *grids)
{
    wg_context *ctx = graph_context_of(axes);
    WG_ENTRY(ctx);
    uint32_t ids[WG_MAX_RANK];
    wg_shape shape = {.rank = (int)axes.count};
    for (size_t i = 0; grids && i < axes.count; i++) grids[i] = graph_poison(ctx);
    if (axes.count == 0 || axes.count > WG_MAX_RANK || !grids) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "meshgrid: needs 1 to %d vectors, and room for as many grids", WG_MAX_RANK);
        return false;
    }
    if (!graph_resolve_list(axes, "meshgrid", &ctx, ids)) return false;
    for (int i = 0; i < shape.rank; i++) {
        const wg_shape *vector = graph_shape_at(ctx, ids[i]);
        shape_buffer buffer;
        if (vector->rank != 1) {
            graph_fail(ctx, WG_BAD_SHAPE, "meshgrid: operand %d is no vector: %s", i, shape_text(*vector, &buffer));
            return false;
        }
        shape.dim[i] = vector->dim[0];
    }
    for (int i = 0; i < shape.rank; i++) {
        wg_shape upright = {.rank = shape.rank - i, .dim = {shape.dim[i], 1, 1, 1, 1, 1, 1, 1}};
        grids[i] = wg_expand(wg_reshape(graph_tensor(ctx, ids[i]), upright), shape);
    }
    return graph_ok(ctx);
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

/* gather and its adjoint scatter_add. integer = axis, and for scatter_add the axis' length and the index' rank. */
#include "ops/builder.h"
#include "ops/rows.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

#include <string.h>

/* Places `inner` in the place of one axis of `outer`. */
static bool replace_axis(const wg_shape *outer, int64_t axis, const wg_shape *inner, wg_shape *result)
{
    *result = (wg_shape){0};
    if (outer->rank - 1 + inner->rank > WG_MAX_RANK) return false;
    for (int i = 0; i < axis; i++) result->dim[result->rank++] = outer->dim[i];
    for (int i = 0; i < inner->rank; i++) result->dim[result->rank++] = inner->dim[i];
    for (int i = (int)axis + 1; i < outer->rank; i++) result->dim[result->rank++] = outer->dim[i];
    return true;
}

static int64_t index_at(const wg_array *index, int64_t i)
{
    return index->type == WG_I32 ? ((const int32_t *)index->data)[i] : ((const int64_t *)index->data)[i];
}

/* The place that index i names; 0, and a fault, if it lies outside. */
static int64_t place_of(const wg_call *call, int64_t i, int64_t length)
{
    int64_t place = index_at(&call->inputs[1], i);
    if (place >= 0 && place < length) return place;
    if (!call->fault[0])
        snprintf(call->fault, WG_FAULT_SIZE, "index %lld is out of range for an axis of length %lld", (long long)place,
                 (long long)length);
    return -1;
}

/* ---- gather ---- */

static bool infer_gather(const wg_call *call, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0], *index = &call->inputs[1];
    int64_t axis = call->attributes->integer[0];
    call->output->type = x->type;
    if (!type_is_integer(index->type))
        return refuse_types(call, message, size, "the index must be i32 or i64, not %s", wg_type_name(index->type));
    if (axis < 0 || axis >= x->shape.rank) return refuse(message, size, "axis %lld is out of range", (long long)axis);
    return replace_axis(&x->shape, axis, &index->shape, &call->output->shape) ||
           refuse(message, size, "the rank would exceed %d", WG_MAX_RANK);
}

static void gather_kernel(const wg_call *call)
{
    shape_split s = shape_around(&call->inputs[0].shape, (int)call->attributes->integer[0]);
    size_t row = (size_t)s.inner * wg_type_size(call->output->type);
    int64_t count = wg_shape_size(call->inputs[1].shape);
    const char *in = call->inputs[0].data;
    char *out = call->output->data;
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t i = 0; i < count; i++, out += row) {
            int64_t place = place_of(call, i, s.length);
            if (place < 0) return;
            memcpy(out, in + (size_t)(o * s.length + place) * row, row);
        }
}

static void gather_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    int axis = (int)wg_attributes_of(y).integer[0];
    gradients[0] = wg_scatter_add(g, graph_operand(y, 1), axis, wg_dim(graph_operand(y, 0), axis));
}

static wg_tensor sample_index(wg_context *ctx)
{
    static const int32_t places[] = {2, 0, 2, 1};
    return wg_from_i32(ctx, WG_SHAPE(2, 2), places);
}

static wg_tensor gather_sample(wg_context *ctx)
{
    return wg_gather(wg_uniform(ctx, WG_SHAPE(2, 3, 2), -4, 4), sample_index(ctx), 1);
}

const wg_op ops_gather = {
    .name = "gather",
    .summary = "the elements at some places of an axis",
    .arity = 2,
    .infer = infer_gather,
    .kernel = {[WG_F32] = gather_kernel,
               [WG_F64] = gather_kernel,
               [WG_I32] = gather_kernel,
               [WG_I64] = gather_kernel,
               [WG_BOOL] = gather_kernel,
               [WG_U8] = gather_kernel},
    .vjp = gather_vjp,
    .sample = gather_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_gather(wg_tensor x, wg_tensor index, int axis)
{
    wg_context *ctx = x.context ? x.context : index.context;
    WG_ENTRY(ctx);
    int place;
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(x, index), "gather", &ctx, ids) || !ops_axis(x, "gather", axis, &place))
        return graph_poison(ctx);
    return wg_apply(&ops_gather, WG_LIST(x, index), &(wg_attributes){.integer = {place}});
}

/* ---- scatter_add ---- */

static bool infer_scatter_add(const wg_call *call, char *message, size_t size)
{
    const wg_array *updates = &call->inputs[0], *index = &call->inputs[1];
    int64_t axis = call->attributes->integer[0], length = call->attributes->integer[1];
    wg_shape out = {0};
    bool fits = axis >= 0 && axis <= WG_MAX_RANK && length >= 0 && axis + index->shape.rank <= updates->shape.rank;
    for (int i = 0; fits && i < index->shape.rank; i++) fits = updates->shape.dim[axis + i] == index->shape.dim[i];
    fits = fits && updates->shape.rank - index->shape.rank + 1 <= WG_MAX_RANK;
    for (int i = 0; fits && i <= updates->shape.rank; i++) {
        if (i == axis) out.dim[out.rank++] = length;
        if (i < updates->shape.rank && (i < axis || i >= axis + index->shape.rank))
            out.dim[out.rank++] = updates->shape.dim[i];
    }
    *call->output = (wg_array){updates->type, out, NULL};
    if (!type_is_integer(index->type))
        return refuse_types(call, message, size, "the index must be i32 or i64, not %s", wg_type_name(index->type));
    if (!type_is_float(updates->type) && !type_is_integer(updates->type))
        return refuse_types(call, message, size, "adds floats and integers, not %s", wg_type_name(updates->type));
    if (length < 0) return refuse(message, size, "the length %lld is negative", (long long)length);
    if (updates->shape.rank - index->shape.rank + 1 > WG_MAX_RANK)
        return refuse(message, size, "the rank would exceed %d", WG_MAX_RANK);
    return fits || refuse(message, size, "the index' axes do not stand at axis %lld of the updates", (long long)axis);
}

#define SCATTER(name, T)                                                                       \
    WRAPS static void scatter_##name(const wg_call *call)                                      \
    {                                                                                          \
        shape_split s = shape_around(&call->output->shape, (int)call->attributes->integer[0]); \
        int64_t count = wg_shape_size(call->inputs[1].shape);                                  \
        const T *in = call->inputs[0].data;                                                    \
        T *out = call->output->data;                                                           \
        memset(out, 0, (size_t)wg_shape_size(call->output->shape) * sizeof(T));                \
        for (int64_t o = 0; o < s.outer; o++)                                                  \
            for (int64_t i = 0; i < count; i++, in += s.inner) {                               \
                int64_t place = place_of(call, i, s.length);                                   \
                if (place < 0) return;                                                         \
                T *row = out + (o * s.length + place) * s.inner;                               \
                for (int64_t k = 0; k < s.inner; k++) row[k] += in[k];                         \
            }                                                                                  \
    }

SCATTER(f32, float)
SCATTER(f64, double)
SCATTER(i32, int32_t)
SCATTER(i64, int64_t)

static void scatter_add_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    gradients[0] = wg_gather(g, graph_operand(y, 1), (int)wg_attributes_of(y).integer[0]);
}

static wg_tensor scatter_add_sample(wg_context *ctx)
{
    return wg_scatter_add(wg_uniform(ctx, WG_SHAPE(2, 2, 2, 3), -4, 4), sample_index(ctx), 1, 4);
}

const wg_op ops_scatter_add = {
    .name = "scatter_add",
    .summary = "zeros with updates added at some places of an axis",
    .arity = 2,
    .infer = infer_scatter_add,
    .kernel = {[WG_F32] = scatter_f32, [WG_F64] = scatter_f64, [WG_I32] = scatter_i32, [WG_I64] = scatter_i64},
    .vjp = scatter_add_vjp,
    .sample = scatter_add_sample,
    .numerics = {-4, 4, -1},
};

wg_tensor wg_scatter_add(wg_tensor updates, wg_tensor index, int axis, int64_t length)
{
    WG_ENTRY(updates.context);
    int place = axis < 0 ? axis + wg_shape_of(updates).rank - wg_shape_of(index).rank + 1 : axis;
    return wg_apply(&ops_scatter_add, WG_LIST(updates, index), &(wg_attributes){.integer = {place, length}});
}

wg_tensor wg_one_hot(wg_tensor index, int64_t classes)
{
    WG_ENTRY(index.context);
    if (!graph_resolve(index, "one_hot")) return graph_poison(index.context);
    wg_shape shape = wg_shape_of(index);
    if (shape.rank == WG_MAX_RANK)
        return graph_fail(index.context, WG_BAD_SHAPE, "one_hot: the rank would exceed %d", WG_MAX_RANK);
    if (!type_is_integer(wg_type_of(index)))
        return graph_fail(index.context, WG_BAD_TYPE, "one_hot: the index must be i32 or i64, not %s",
                          wg_type_name(wg_type_of(index)));
    wg_tensor places = wg_iota(index.context, wg_type_of(index), WG_SHAPE(classes), 0);
    return wg_equal(wg_unsqueeze(index, -1), places);
}

/* gather and its adjoint scatter_add. integer = axis, and for scatter_add the axis' length; the last one says whether
   the index goes along: it has all axes of the tensor, and names a place for each element instead of for whole slices.
 */
#include "ops/builder.h"
#include "ops/rows.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

#include <string.h>

enum { ALONG = 2 }; /* which integer */

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

/* Whether two shapes have the same axes but for one. */
static bool agree_beside(const wg_shape *a, const wg_shape *b, int64_t axis)
{
    bool agree = a->rank == b->rank;
    for (int i = 0; agree && i < a->rank; i++) agree = i == axis || a->dim[i] == b->dim[i];
    return agree;
}

/* The index as it meets each of `outer` blocks, in [length, inner]. Along the axis it has elements for each block, and
   each is for one element of a row; else it is the same for all blocks, and each is for a row. */
typedef struct index_walk {
    shape_split split; /* of the tensor that is indexed */
    int64_t count;     /* of places in a block */
    int64_t row;       /* elements that go with one index */
    bool along;
} index_walk;

static index_walk index_of(const wg_call *call, const wg_shape *indexed)
{
    const int64_t *a = call->attributes->integer;
    const wg_shape *index = &call->inputs[1].shape;
    index_walk w = {shape_around(indexed, (int)a[0]), 0, 1, a[ALONG] != 0};
    w.count = w.along ? index->dim[a[0]] * w.split.inner : wg_shape_size(*index);
    w.row = w.along ? 1 : w.split.inner;
    return w;
}

/* Where the elements that go with index i of a block lie; -1, and a fault, if it is out of range. */
static int64_t row_of(const wg_call *call, const index_walk *w, int64_t block, int64_t i)
{
    int64_t place = place_of(call, w->along ? block * w->count + i : i, w->split.length);
    if (place < 0) return -1;
    return (block * w->split.length + place) * w->split.inner + (w->along ? i % w->split.inner : 0);
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
    if (call->attributes->integer[ALONG]) {
        call->output->shape = index->shape;
        return agree_beside(&x->shape, &index->shape, axis) ||
               refuse(message, size, "the axes beside %lld differ", (long long)axis);
    }
    return replace_axis(&x->shape, axis, &index->shape, &call->output->shape) ||
           refuse(message, size, "the rank would exceed %d", WG_MAX_RANK);
}

static void gather_kernel(const wg_call *call)
{
    index_walk w = index_of(call, &call->inputs[0].shape);
    size_t element = wg_type_size(call->output->type), row = (size_t)w.row * element;
    const char *in = call->inputs[0].data;
    char *out = call->output->data;
    for (int64_t o = 0; o < w.split.outer; o++)
        for (int64_t i = 0; i < w.count; i++, out += row) {
            int64_t from = row_of(call, &w, o, i);
            if (from < 0) return;
            memcpy(out, in + (size_t)from * element, row);
        }
}

static void gather_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    int axis = (int)a[0];
    wg_tensor index = graph_operand(y, 1);
    int64_t length = wg_dim(graph_operand(y, 0), axis);
    gradients[0] = a[ALONG] ? wg_scatter_add_along(g, index, axis, length) : wg_scatter_add(g, index, axis, length);
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

/* The shape that x and an index have in common but for an axis; false if there is none. */
static bool common_beside(const wg_shape *x, const wg_shape *index, int axis, wg_shape *common)
{
    *common = *x;
    bool fits = x->rank == index->rank;
    for (int i = 0; fits && i < x->rank; i++) {
        if (common->dim[i] == 1) common->dim[i] = index->dim[i];
        fits = i == axis || index->dim[i] == 1 || index->dim[i] == common->dim[i];
    }
    return fits;
}

/* A tensor in that shape, its own length along the axis kept. */
static wg_tensor spread_beside(wg_tensor x, const wg_shape *common, int axis)
{
    wg_shape shape = *common;
    shape.dim[axis] = wg_dim(x, axis);
    return wg_expand(x, shape);
}

/* Brings two operands together beside the axis. False after an error. */
static bool meet_beside(wg_tensor *x, wg_tensor *index, const char *who, int axis, int *place)
{
    wg_context *ctx = x->context;
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(*x, *index), who, &ctx, ids) || !ops_axis(*x, who, axis, place)) return false;
    const wg_shape a = wg_shape_of(*x), b = wg_shape_of(*index);
    wg_shape common;
    if (!common_beside(&a, &b, *place, &common)) {
        shape_buffer first, second;
        return graph_fail(ctx, WG_BAD_SHAPE,
                          "%s: an index of as many axes is wanted, equal or 1 beside axis %d: %s x %s", who, *place,
                          shape_text(a, &first), shape_text(b, &second))
            .id;
    }
    *x = spread_beside(*x, &common, *place);
    *index = spread_beside(*index, &common, *place);
    return true;
}

wg_tensor wg_take_along(wg_tensor x, wg_tensor index, int axis)
{
    wg_context *ctx = x.context ? x.context : index.context;
    WG_ENTRY(ctx);
    int place;
    if (!meet_beside(&x, &index, "take_along", axis, &place)) return graph_poison(ctx);
    return wg_apply(&ops_gather, WG_LIST(x, index), &(wg_attributes){.integer = {place, [ALONG] = 1}});
}

/* ---- scatter_add ---- */

/* What both kinds of index must be. */
static bool check_scatter(const wg_call *call, char *message, size_t size)
{
    wg_type updates = call->inputs[0].type, index = call->inputs[1].type;
    int64_t length = call->attributes->integer[1];
    if (!type_is_integer(index))
        return refuse_types(call, message, size, "the index must be i32 or i64, not %s", wg_type_name(index));
    if (!type_is_float(updates) && !type_is_integer(updates))
        return refuse_types(call, message, size, "adds floats and integers, not %s", wg_type_name(updates));
    return length >= 0 || refuse(message, size, "the length %lld is negative", (long long)length);
}

static bool infer_scatter_along(const wg_call *call, char *message, size_t size)
{
    const wg_array *updates = &call->inputs[0], *index = &call->inputs[1];
    int64_t axis = call->attributes->integer[0];
    *call->output = (wg_array){updates->type, updates->shape, NULL};
    if (!check_scatter(call, message, size)) return false;
    if (axis < 0 || axis >= updates->shape.rank || !wg_shape_equal(updates->shape, index->shape))
        return refuse(message, size, "updates and index must have one shape, with an axis %lld", (long long)axis);
    call->output->shape.dim[axis] = call->attributes->integer[1];
    return true;
}

static bool infer_scatter_add(const wg_call *call, char *message, size_t size)
{
    const wg_array *updates = &call->inputs[0], *index = &call->inputs[1];
    int64_t axis = call->attributes->integer[0], length = call->attributes->integer[1];
    if (call->attributes->integer[ALONG]) return infer_scatter_along(call, message, size);
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
    if (!check_scatter(call, message, size)) return false;
    if (updates->shape.rank - index->shape.rank + 1 > WG_MAX_RANK)
        return refuse(message, size, "the rank would exceed %d", WG_MAX_RANK);
    return fits || refuse(message, size, "the index' axes do not stand at axis %lld of the updates", (long long)axis);
}

#define SCATTER(name, T)                                                        \
    WRAPS static void scatter_##name(const wg_call *call)                       \
    {                                                                           \
        index_walk w = index_of(call, &call->output->shape);                    \
        const T *in = call->inputs[0].data;                                     \
        T *out = call->output->data;                                            \
        memset(out, 0, (size_t)wg_shape_size(call->output->shape) * sizeof(T)); \
        for (int64_t o = 0; o < w.split.outer; o++)                             \
            for (int64_t i = 0; i < w.count; i++, in += w.row) {                \
                int64_t to = row_of(call, &w, o, i);                            \
                if (to < 0) return;                                             \
                for (int64_t k = 0; k < w.row; k++) out[to + k] += in[k];       \
            }                                                                   \
    }

SCATTER(f32, float)
SCATTER(f64, double)
SCATTER(i32, int32_t)
SCATTER(i64, int64_t)

static void scatter_add_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    wg_tensor index = graph_operand(y, 1);
    gradients[0] = a[ALONG] ? wg_take_along(g, index, (int)a[0]) : wg_gather(g, index, (int)a[0]);
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

wg_tensor wg_scatter_add_along(wg_tensor updates, wg_tensor index, int axis, int64_t length)
{
    wg_context *ctx = updates.context ? updates.context : index.context;
    WG_ENTRY(ctx);
    int place;
    if (!meet_beside(&updates, &index, "scatter_add_along", axis, &place)) return graph_poison(ctx);
    return wg_apply(&ops_scatter_add, WG_LIST(updates, index), &(wg_attributes){.integer = {place, length, 1}});
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

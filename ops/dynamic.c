/* dynamic_slice and dynamic_update: parts of one axis whose place is a tensor, so that one plan serves all places.
   integer = axis, and for dynamic_slice the length. */
#include "ops/movement.h"
#include "ops/rows.h"

#include <wengert/functions.h>

/* ---- where ---- */

/* Whether `start` is one whole number and an axis has room for `length`; else the reason. */
static bool fits(const wg_call *call, size_t start, int64_t length, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0], *from = &call->inputs[start];
    int64_t axis = call->attributes->integer[0];
    if (!type_is_integer(from->type))
        return refuse_types(call, message, size, "the start must be i32 or i64, not %s", wg_type_name(from->type));
    if (wg_shape_size(from->shape) != 1) return refuse(message, size, "the start must be one number");
    if (axis < 0 || axis >= x->shape.rank) return refuse(message, size, "axis %lld is out of range", (long long)axis);
    if (length >= 0 && length <= x->shape.dim[axis]) return true;
    return refuse(message, size, "%lld elements do not lie in axis %lld", (long long)length, (long long)axis);
}

/* The first place; -1, and a fault, if the part does not lie inside. */
static int64_t first_of(const wg_call *call, size_t start, int64_t length)
{
    const wg_array *from = &call->inputs[start];
    int64_t whole = call->inputs[0].shape.dim[call->attributes->integer[0]];
    int64_t first = from->type == WG_I32 ? *(const int32_t *)from->data : *(const int64_t *)from->data;
    if (first >= 0 && first <= whole - length) return first;
    snprintf(call->fault, WG_FAULT_SIZE, "start %lld is out of range for %lld elements of an axis of length %lld",
             (long long)first, (long long)length, (long long)whole);
    return -1;
}

static wg_tensor sample_start(wg_context *ctx)
{
    static const int64_t start = 1;
    return wg_from_i64(ctx, WG_SCALAR, &start);
}

/* ---- dynamic_slice ---- */

static bool infer_dynamic_slice(const wg_call *call, char *message, size_t size)
{
    const int64_t *a = call->attributes->integer;
    *call->output = (wg_array){call->inputs[0].type, call->inputs[0].shape, NULL};
    if (!fits(call, 1, a[1], message, size)) return false;
    call->output->shape.dim[a[0]] = a[1];
    return true;
}

static void dynamic_slice_kernel(const wg_call *call)
{
    const int64_t *a = call->attributes->integer;
    shape_split s = shape_around(&call->inputs[0].shape, (int)a[0]);
    size_t row = (size_t)s.inner * wg_type_size(call->output->type), part = (size_t)a[1] * row;
    int64_t first = first_of(call, 1, a[1]);
    if (first < 0 || part == 0) return;
    const char *in = (const char *)call->inputs[0].data + (size_t)first * row;
    char *out = call->output->data;
    for (int64_t o = 0; o < s.outer; o++, in += (size_t)s.length * row, out += part) memcpy(out, in, part);
}

static void dynamic_slice_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    int axis = (int)*ops_integers(y);
    gradients[0] = wg_dynamic_update(wg_zeros_like(graph_operand(y, 0)), g, graph_operand(y, 1), axis);
}

static wg_tensor dynamic_slice_sample(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 4, 3), -4, 4);
    return wg_dynamic_slice(x, sample_start(ctx), 1, 2);
}

const wg_op ops_dynamic_slice = {
    .name = "dynamic_slice",
    .summary = "a part of one axis that begins at a place which is a tensor",
    .arity = 2,
    .infer = infer_dynamic_slice,
    .kernel = ALL_TYPES(dynamic_slice_kernel),
    .vjp = dynamic_slice_vjp,
    .sample = dynamic_slice_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_dynamic_slice(wg_tensor x, wg_tensor start, int axis, int64_t length)
{
    wg_context *ctx = x.context ? x.context : start.context;
    WG_ENTRY(ctx);
    int place;
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(x, start), "dynamic_slice", &ctx, ids) ||
        !ops_axis(x, "dynamic_slice", axis, &place))
        return graph_poison(ctx);
    return wg_apply(&ops_dynamic_slice, WG_LIST(x, start), &(wg_attributes){.integer = {place, length}});
}

/* ---- dynamic_update ---- */

static bool infer_dynamic_update(const wg_call *call, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0], *update = &call->inputs[1];
    int64_t axis = call->attributes->integer[0];
    bool there = axis >= 0 && axis < update->shape.rank, alike = update->shape.rank == x->shape.rank;
    *call->output = (wg_array){x->type, x->shape, NULL};
    if (update->type != x->type) return refuse_types(call, message, size, "element types differ");
    if (!fits(call, 2, there ? update->shape.dim[axis] : 0, message, size)) return false;
    for (int i = 0; alike && i < x->shape.rank; i++) alike = i == axis || x->shape.dim[i] == update->shape.dim[i];
    return alike ||
           refuse(message, size, "the update's axes other than %lld are not those of the tensor", (long long)axis);
}

static void dynamic_update_kernel(const wg_call *call)
{
    int64_t axis = call->attributes->integer[0], length = call->inputs[1].shape.dim[axis];
    shape_split s = shape_around(&call->output->shape, (int)axis);
    size_t row = (size_t)s.inner * wg_type_size(call->output->type), whole = (size_t)s.length * row;
    size_t part = (size_t)length * row;
    int64_t first = first_of(call, 2, length);
    if (first < 0 || whole == 0) return;
    const char *in = call->inputs[1].data;
    char *out = call->output->data;
    memcpy(out, call->inputs[0].data, (size_t)s.outer * whole);
    out += (size_t)first * row;
    for (int64_t o = 0; part && o < s.outer; o++, in += part, out += whole) memcpy(out, in, part);
}

static void dynamic_update_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    int axis = (int)*ops_integers(y);
    wg_tensor update = graph_operand(y, 1), start = graph_operand(y, 2);
    if (graph_wanted(y, 0)) gradients[0] = wg_dynamic_update(g, wg_zeros_like(update), start, axis);
    if (graph_wanted(y, 1)) gradients[1] = wg_dynamic_slice(g, start, axis, wg_dim(update, axis));
}

static wg_tensor dynamic_update_sample(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 4, 3), -4, 4), update = wg_uniform(ctx, WG_SHAPE(2, 2, 3), -4, 4);
    return wg_dynamic_update(x, update, sample_start(ctx), 1);
}

const wg_op ops_dynamic_update = {
    .name = "dynamic_update",
    .summary = "a tensor with a part replaced that begins at a place which is a tensor",
    .arity = 3,
    .infer = infer_dynamic_update,
    .kernel = ALL_TYPES(dynamic_update_kernel),
    .vjp = dynamic_update_vjp,
    .sample = dynamic_update_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_dynamic_update(wg_tensor x, wg_tensor update, wg_tensor start, int axis)
{
    wg_context *ctx = x.context ? x.context : update.context ? update.context : start.context;
    WG_ENTRY(ctx);
    int place;
    uint32_t ids[3];
    if (!graph_resolve_list(WG_LIST(x, update, start), "dynamic_update", &ctx, ids) ||
        !ops_axis(x, "dynamic_update", axis, &place))
        return graph_poison(ctx);
    return wg_apply(&ops_dynamic_update, WG_LIST(x, update, start), &(wg_attributes){.integer = {place}});
}

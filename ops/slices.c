/* Parts of one axis: slice, and pad, which puts a part back among zeros. */
#include "ops/movement.h"
#include "ops/rows.h"

#include <wengert/functions.h>

static wg_tensor draw(wg_context *ctx)
{
    return wg_uniform(ctx, WG_SHAPE(2, 3, 4), -4, 4);
}

/* ---- slice: integer = axis, start, step, length ---- */

static bool infer_slice(const wg_call *call, char *message, size_t size)
{
    const int64_t *a = call->attributes->integer;
    const wg_shape *in = &call->inputs[0].shape;
    *call->output = (wg_array){call->inputs[0].type, *in, NULL};
    bool fits = a[0] >= 0 && a[0] < in->rank && a[1] >= 0 && a[2] >= 1 && a[3] >= 0;
    if (fits && a[3] > 0) fits = a[1] < in->dim[a[0]] && a[3] - 1 <= (in->dim[a[0]] - 1 - a[1]) / a[2];
    if (!fits) return refuse(message, size, "the slice does not lie inside the axis");
    call->output->shape.dim[a[0]] = a[3];
    return true;
}

static void slice_kernel(const wg_call *call)
{
    const int64_t *a = call->attributes->integer;
    strided_walk walk = walk_of(&call->output->shape, &call->inputs[0].shape);
    walk.offset = a[1] * walk.stride[a[0]];
    walk.stride[a[0]] *= a[2];
    copy_in(call, walk);
}

static void slice_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    int axis = (int)a[0];
    int64_t start = a[1], step = a[2], length = a[3];
    int64_t covered = length ? (length - 1) * step + 1 : 0;
    gradients[0] = wg_pad(g, axis, start, wg_dim(graph_operand(y, 0), axis) - start - covered, step - 1);
}

static wg_tensor slice_sample(wg_context *ctx)
{
    return wg_slice_step(draw(ctx), 2, 0, WG_END, 2);
}

const wg_op ops_slice = {
    .name = "slice",
    .summary = "a part of one axis",
    .arity = 1,
    .infer = infer_slice,
    .kernel = ALL_TYPES(slice_kernel),
    .vjp = slice_vjp,
    .sample = slice_sample,
    .numerics = {-4, 4, 0},
};

/* Which elements start, stop and step name: so many, from the lowest one on, so far apart. False if they do not lie
   inside the axis. */
static bool slice_of(int64_t length, int64_t start, int64_t stop, int64_t step, int64_t *low, int64_t *apart,
                     int64_t *count)
{
    bool back = step < 0;
    int64_t first = start < 0 ? start + length : start;
    int64_t end = stop == WG_END ? (back ? -1 : length) : stop < 0 ? stop + length : stop;
    bool inside = back ? end >= -1 && first < length && end <= first : first >= 0 && end <= length && first <= end;
    if (!inside) return false;
    int64_t distance = back ? first - end : end - first;
    *apart = !back ? step : step == INT64_MIN ? INT64_MAX : -step;
    *count = distance ? (distance - 1) / *apart + 1 : 0;
    if (*count <= 1) *apart = 1; /* so that strides do not overflow */
    *low = !back ? first : *count ? first - (*count - 1) * *apart : 0;
    return true;
}

wg_tensor wg_slice_step(wg_tensor x, int axis, int64_t start, int64_t stop, int64_t step)
{
    WG_ENTRY(x.context);
    int index;
    int64_t low, apart, count;
    wg_context *ctx = x.context;
    uint32_t id = graph_resolve(x, "slice");
    if (!id || !ops_axis(graph_tensor(ctx, id), "slice", axis, &index)) return graph_poison(ctx);
    if (step == 0) return graph_fail(ctx, WG_BAD_ARGUMENT, "slice: step 0 goes nowhere");
    int64_t length = graph_shape_at(ctx, id)->dim[index];
    if (!slice_of(length, start, stop, step, &low, &apart, &count)) {
        shape_buffer buffer;
        if (stop == WG_END) stop = step < 0 ? -length - 1 : length;
        return graph_fail(ctx, WG_BAD_SHAPE, "slice: [%lld, %lld)%s does not lie inside axis %d of %s",
                          (long long)start, (long long)stop, step < 0 ? ", backwards," : "", axis,
                          shape_text(*graph_shape_at(ctx, id), &buffer));
    }
    wg_tensor part = graph_tensor(ctx, id);
    if (low != 0 || count != length)
        part = ops_one_integers(ctx, &ops_slice, id, 4, (const int64_t[]){index, low, apart, count});
    return step < 0 && count > 1 ? wg_flip(part, index) : part;
}

wg_tensor wg_slice(wg_tensor x, int axis, int64_t start, int64_t stop)
{
    WG_ENTRY(x.context);
    return wg_slice_step(x, axis, start, stop, 1);
}

/* ---- pad: integer = axis, low, high, interior ---- */

static bool infer_pad(const wg_call *call, char *message, size_t size)
{
    const int64_t *a = call->attributes->integer;
    const wg_shape *in = &call->inputs[0].shape;
    *call->output = (wg_array){call->inputs[0].type, *in, NULL};
    bool fits = a[0] >= 0 && a[0] < in->rank && a[1] >= 0 && a[2] >= 0 && a[3] >= 0;
    int64_t length = fits ? in->dim[a[0]] : 0, gaps;
    fits = fits && !__builtin_mul_overflow(length ? length - 1 : 0, a[3], &gaps) &&
           !__builtin_add_overflow(length, gaps, &length) && !__builtin_add_overflow(length, a[1], &length) &&
           !__builtin_add_overflow(length, a[2], &length);
    if (!fits)
        return refuse(message, size, "paddings of %lld, %lld and %lld do not fit", (long long)a[1], (long long)a[2],
                      (long long)a[3]);
    call->output->shape.dim[a[0]] = length;
    return true;
}

static void pad_kernel(const wg_call *call)
{
    const int64_t *a = call->attributes->integer;
    size_t element = wg_type_size(call->output->type);
    shape_split from = shape_around(&call->inputs[0].shape, (int)a[0]);
    shape_split to = shape_around(&call->output->shape, (int)a[0]);
    int64_t pieces = a[3] ? from.length : 1; /* what stays together */
    size_t piece = (size_t)((a[3] ? 1 : from.length) * from.inner) * element, apart = piece * (size_t)(a[3] + 1);
    const char *in = call->inputs[0].data;
    memset(call->output->data, 0, (size_t)wg_shape_size(call->output->shape) * element);
    for (int64_t o = 0; piece && o < to.outer; o++) {
        char *out = (char *)call->output->data + (size_t)((o * to.length + a[1]) * to.inner) * element;
        for (int64_t i = 0; i < pieces; i++, in += piece, out += apart) memcpy(out, in, piece);
    }
}

static void pad_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    int axis = (int)a[0];
    int64_t low = a[1], step = a[3] + 1, length = wg_dim(graph_operand(y, 0), axis);
    int64_t covered = length ? (length - 1) * step + 1 : 0;
    gradients[0] = wg_slice_step(g, axis, low, low + covered, step);
}

static wg_tensor pad_sample(wg_context *ctx)
{
    return wg_pad(draw(ctx), 1, 1, 2, 1);
}

const wg_op ops_pad = {
    .name = "pad",
    .summary = "zeros before, after and between along one axis",
    .arity = 1,
    .infer = infer_pad,
    .kernel = ALL_TYPES(pad_kernel),
    .vjp = pad_vjp,
    .sample = pad_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_pad(wg_tensor x, int axis, int64_t low, int64_t high, int64_t interior)
{
    WG_ENTRY(x.context);
    int index;
    wg_context *ctx = x.context;
    uint32_t id = graph_resolve(x, "pad");
    if (!id || !ops_axis(graph_tensor(ctx, id), "pad", axis, &index)) return graph_poison(ctx);
    bool apart = interior != 0 && (interior < 0 || graph_shape_at(ctx, id)->dim[index] > 1);
    if (low == 0 && high == 0 && !apart) return graph_tensor(ctx, id);
    return ops_one_integers(ctx, &ops_pad, id, 4, (const int64_t[]){index, low, high, interior});
}

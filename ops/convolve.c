/* Recording convolutions: where windows lie, and whether they fit. */
#include "ops/convolution.h"

#include "graph/shape.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <string.h>

/* How windows lie along one axis. */
typedef struct axis_window {
    int64_t stride, dilation, low, high;
} axis_window;

/* What an operation knows of one axis: -1 is to be found. */
typedef struct axis_lengths {
    int64_t x, y, w;
} axis_lengths;

static bool read_axis(wg_context *ctx, const char *who, const wg_conv_window *window, int axis, axis_window *out)
{
    *out = (axis_window){.stride = window->stride[axis] ? window->stride[axis] : 1,
                         .dilation = window->dilation[axis] ? window->dilation[axis] : 1,
                         .low = window->low[axis],
                         .high = window->high[axis]};
    const struct {
        const char *name;
        int64_t value, least;
    } parts[] = {
        {"stride", out->stride, 1}, {"dilation", out->dilation, 1}, {"low", out->low, 0}, {"high", out->high, 0}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].value < parts[i].least || parts[i].value > INT32_MAX)
            graph_fail(ctx, WG_BAD_ARGUMENT, "%s: %s[%d] is %lld", who, parts[i].name, axis, (long long)parts[i].value);
    return graph_ok(ctx);
}

/* The elements that a window spans. */
static int64_t span_of(const axis_window *at, int64_t kernel)
{
    return kernel > INT32_MAX ? INT64_MAX / 2 : at->dilation * (kernel - 1) + 1;
}

/* How many windows lie along an axis of length x. */
static int64_t windows_along(const axis_window *at, int64_t x, int64_t kernel)
{
    int64_t room = x + at->low + at->high - span_of(at, kernel);
    return room < 0 ? 0 : room / at->stride + 1;
}

/* Pads so that there are ceil(x / stride) windows, the odd zero at the end. */
static void pad_to_same(axis_window *at, int64_t x, int64_t kernel)
{
    int64_t count = (x + at->stride - 1) / at->stride, zeros = (count - 1) * at->stride + span_of(at, kernel) - x;
    if (zeros < 0 || count == 0) zeros = 0;
    at->low = zeros / 2;
    at->high = zeros - at->low;
}

/* The length of x where it is not given: the smallest, or with `same` as many as the strides cover. */
static int64_t least_input(const axis_window *at, const axis_lengths *lengths, bool same)
{
    int64_t least =
        same ? lengths->y * at->stride : (lengths->y - 1) * at->stride + span_of(at, lengths->w) - at->low - at->high;
    return least < 0 ? 0 : least;
}

/* Completes the lengths of one axis and checks that they belong together. */
static bool fit_axis(wg_context *ctx, const char *who, bool same, int axis, axis_window *at, axis_lengths *lengths)
{
    if (lengths->w < 1) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: the kernel has length %lld along spatial axis %d", who,
                   (long long)lengths->w, axis);
        return false;
    }
    if (lengths->x < 0) lengths->x = least_input(at, lengths, same);
    if (same) pad_to_same(at, lengths->x, lengths->w);
    int64_t count = windows_along(at, lengths->x, lengths->w);
    if (lengths->y < 0 && count == 0 && !(same && lengths->x == 0))
        graph_fail(ctx, WG_BAD_SHAPE,
                   "%s: a kernel of length %lld with dilation %lld spans %lld elements, spatial axis %d has %lld with "
                   "its padding",
                   who, (long long)lengths->w, (long long)at->dilation, (long long)span_of(at, lengths->w), axis,
                   (long long)(lengths->x + at->low + at->high));
    if (lengths->y >= 0 && lengths->y != count)
        graph_fail(ctx, WG_BAD_SHAPE,
                   "%s: spatial axis %d of length %lld has %lld windows of a kernel of %lld, not %lld", who, axis,
                   (long long)lengths->x, (long long)count, (long long)lengths->w, (long long)lengths->y);
    lengths->y = count;
    return graph_ok(ctx);
}

/* Which of the three lengths an op gives. */
typedef enum part { PART_X, PART_Y, PART_W } part;

static int64_t spatial(const wg_shape *shape, int axis)
{
    return shape && axis < shape->rank ? shape->dim[axis] : -1;
}

/* The op on a and b; x, y and w are the spatial lengths of the three tensors as far as they are known. */
static wg_tensor convolve(const wg_op *op, wg_tensor a, wg_tensor b, const wg_conv_window *window, part gives,
                          const wg_shape *x, const wg_shape *y, const wg_shape *w)
{
    static const wg_conv_window usual = {.groups = 0};
    wg_context *ctx = a.context ? a.context : b.context;
    wg_attributes attributes = {.integer = {0}};
    int axes = wg_shape_of(a).rank - 2;
    bool plausible =
        axes >= 1 && axes <= CONV_AXES && wg_shape_of(b).rank == axes + 2; /* else the shape rule refuses */
    if (!window) window = &usual;
    attributes.integer[CONV_GROUPS] = window->groups ? window->groups : 1;
    for (int i = 0; plausible && i < axes; i++) {
        axis_window at;
        axis_lengths lengths = {spatial(x, i), spatial(y, i), spatial(w, i)};
        if (!read_axis(ctx, op->name, window, i, &at) || !fit_axis(ctx, op->name, window->same, i, &at, &lengths))
            return graph_poison(ctx);
        attributes.integer[CONV_STRIDE + i] = at.stride;
        attributes.integer[CONV_DILATION + i] = at.dilation;
        attributes.integer[CONV_LOW + i] = at.low;
        attributes.integer[CONV_LENGTH + i] = gives == PART_X ? lengths.x : gives == PART_Y ? lengths.y : lengths.w;
    }
    return wg_apply(op, WG_LIST(a, b), &attributes);
}

/* The shape without batch and channels. */
static wg_shape spatial_shape(wg_tensor x)
{
    wg_shape shape = wg_shape_of(x), inner = {.rank = shape.rank > 2 ? shape.rank - 2 : 0};
    memcpy(inner.dim, shape.dim + 2, (size_t)inner.rank * sizeof *inner.dim);
    return inner;
}

/* Whether both operands are there, and lengths given by the caller are as many as there are axes. */
static bool check_given(const wg_op *op, wg_tensor a, wg_tensor b, const wg_shape *given)
{
    uint32_t ids[2];
    wg_context *ctx = a.context ? a.context : b.context;
    if (!graph_resolve_two(a, b, op->name, &ctx, ids)) return false;
    bool fits = !given || given->rank == wg_shape_of(a).rank - 2;
    if (!fits)
        graph_fail(ctx, WG_BAD_SHAPE, "%s: %d lengths are given for %d spatial axes", op->name, given->rank,
                   wg_shape_of(a).rank - 2);
    return fits;
}

wg_tensor wg_conv(wg_tensor x, wg_tensor weight, const wg_conv_window *window)
{
    wg_context *ctx = x.context ? x.context : weight.context;
    WG_ENTRY(ctx);
    if (!check_given(&ops_conv, x, weight, NULL)) return graph_poison(ctx);
    wg_shape of_x = spatial_shape(x), of_w = spatial_shape(weight);
    return convolve(&ops_conv, x, weight, window, PART_Y, &of_x, NULL, &of_w);
}

wg_tensor wg_conv_transpose(wg_tensor y, wg_tensor weight, wg_shape size, const wg_conv_window *window)
{
    wg_context *ctx = y.context ? y.context : weight.context;
    WG_ENTRY(ctx);
    const wg_shape *given = size.rank ? &size : NULL;
    if (!check_given(&ops_conv_transpose, y, weight, given)) return graph_poison(ctx);
    wg_shape of_y = spatial_shape(y), of_w = spatial_shape(weight);
    return convolve(&ops_conv_transpose, y, weight, window, PART_X, given, &of_y, &of_w);
}

wg_tensor wg_conv_filter(wg_tensor x, wg_tensor y, wg_shape kernel, const wg_conv_window *window)
{
    wg_context *ctx = x.context ? x.context : y.context;
    WG_ENTRY(ctx);
    if (!check_given(&ops_conv_filter, x, y, &kernel)) return graph_poison(ctx);
    wg_shape of_x = spatial_shape(x), of_y = spatial_shape(y);
    return convolve(&ops_conv_filter, x, y, window, PART_W, &of_x, &of_y, &kernel);
}

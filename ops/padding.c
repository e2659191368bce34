/* Padding with something else than zeros, composed of slices, flips, expands and a concat: so the gradient of what is
   repeated adds up where it comes from. */
#include "ops/builder.h"

#include <wengert/functions.h>

/* `length` places of one number beside x. */
static wg_tensor constant(wg_tensor x, int axis, int64_t length, double value)
{
    wg_shape shape = wg_shape_of(x);
    shape.dim[axis] = length;
    return wg_full_typed(x.context, wg_type_of(x), shape, value);
}

static wg_tensor repeated(wg_tensor x, int axis, int64_t place, int64_t length)
{
    wg_shape shape = wg_shape_of(x);
    shape.dim[axis] = length;
    return wg_expand(wg_slice(x, axis, place, place + 1), shape);
}

/* What stands before x, or behind it. */
static wg_tensor beside(wg_tensor x, int axis, bool before, int64_t width, wg_pad_mode mode, double value)
{
    int64_t length = wg_dim(x, axis);
    switch (mode) {
    case WG_PAD_REFLECT:
        return before ? wg_slice_step(x, axis, width, 0, -1)
                      : wg_flip(wg_slice(x, axis, length - 1 - width, length - 1), axis);
    case WG_PAD_REPLICATE:
        return repeated(x, axis, before ? 0 : length - 1, width);
    case WG_PAD_CIRCULAR:
        return before ? wg_slice(x, axis, length - width, WG_END) : wg_slice(x, axis, 0, width);
    default:
        return constant(x, axis, width, value);
    }
}

/* The most that may stand on either side. */
static int64_t widest(wg_pad_mode mode, int64_t length)
{
    switch (mode) {
    case WG_PAD_REFLECT:
        return length > 0 ? length - 1 : 0;
    case WG_PAD_CIRCULAR:
        return length;
    case WG_PAD_REPLICATE:
        return length > 0 ? INT64_MAX : 0;
    default:
        return INT64_MAX;
    }
}

static bool check(wg_tensor x, int axis, int64_t low, int64_t high, wg_pad_mode mode)
{
    static const char *const names[] = {"constant", "reflect", "replicate", "circular"};
    if ((unsigned)mode > WG_PAD_CIRCULAR)
        return graph_fail(x.context, WG_BAD_ARGUMENT, "pad: there is no mode %d", (int)mode).id;
    int64_t most = widest(mode, graph_shape_of(x)->dim[axis]);
    if (low >= 0 && high >= 0 && low <= most && high <= most) return true;
    shape_buffer buffer;
    graph_fail(x.context, WG_BAD_SHAPE, "pad: %lld before and %lld behind do not suit the mode %s along axis %d of %s",
               (long long)low, (long long)high, names[mode], axis, shape_text(*graph_shape_of(x), &buffer));
    if (mode == WG_PAD_REFLECT) graph_hint(x.context, "what is mirrored must be shorter than the axis");
    if (mode == WG_PAD_CIRCULAR) graph_hint(x.context, "the axis goes round once at most");
    return false;
}

wg_tensor wg_pad_with(wg_tensor x, int axis, int64_t low, int64_t high, wg_pad_mode mode, double value)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "pad", axis, &index) || !check(x, index, low, high, mode)) return graph_poison(x.context);
    wg_tensor parts[3];
    size_t count = 0;
    if (low) parts[count++] = beside(x, index, true, low, mode, value);
    parts[count++] = graph_now(x, "pad");
    if (high) parts[count++] = beside(x, index, false, high, mode, value);
    return count == 1 ? parts[0] : wg_concat((wg_list){count, parts}, index);
}

wg_tensor wg_pad_axes(wg_tensor x, wg_axes axes, const int64_t *low, const int64_t *high, wg_pad_mode mode,
                      double value)
{
    WG_ENTRY(x.context);
    uint32_t set;
    if (!ops_axes(x, "pad", axes, &set)) return graph_poison(x.context);
    int count = axes.count < 0 ? wg_shape_of(x).rank : axes.count;
    if (count && (!low || !high)) return graph_fail(x.context, WG_BAD_ARGUMENT, "pad: the paddings are NULL");
    wg_tensor y = graph_now(x, "pad");
    for (int i = 0; i < count; i++) y = wg_pad_with(y, axes.count < 0 ? i : axes.axis[i], low[i], high[i], mode, value);
    return y;
}

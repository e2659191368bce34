/* Poolings, composed: the extreme ones of pool_index and gather, averages of sums, axis by axis. */
#include "ops/pool.h"

#include <wengert/functions.h>

/* ---- largest and smallest ---- */

static wg_tensor pool_extreme(wg_tensor x, const char *who, const wg_pool_options *options, bool smallest)
{
    wg_tensor places = pool_places(x, who, options, smallest);
    return places.id ? wg_gather(wg_reshape(x, WG_SHAPE(wg_size(x))), places, 0) : places;
}

wg_tensor wg_max_pool(wg_tensor x, const wg_pool_options *options)
{
    WG_ENTRY(x.context);
    return pool_extreme(x, "max_pool", options, false);
}

wg_tensor wg_min_pool(wg_tensor x, const wg_pool_options *options)
{
    WG_ENTRY(x.context);
    return pool_extreme(x, "min_pool", options, true);
}

/* ---- averages ---- */

enum { MOST_SLICES = 16 };

/* The sums over the windows along one axis: of small ones, the slices of all their first elements, of all their second
   ones and so on, which the engine adds up in one pass. */
static wg_tensor sum_windows(wg_tensor x, int axis, const pool_axis *w)
{
    int64_t covered = (w->count - 1) * w->stride + 1;
    if (w->size > MOST_SLICES)
        return wg_sum(wg_unfold(x, axis, w->size, w->stride, w->dilation), WG_AXES((int8_t)(axis + 1)));
    wg_tensor sum = wg_slice_step(x, axis, 0, covered, w->stride);
    for (int64_t i = w->dilation; i < pool_reach(w); i += w->dilation) {
        wg_tensor next = wg_slice_step(x, axis, i, i + covered, w->stride);
        sum = wg_add(sum, next);
    }
    return sum;
}

/* The same with padding before the axis; what a window has beyond the end counts as 0. */
static wg_tensor sums_along(wg_tensor x, int axis, const pool_axis *w, int64_t low)
{
    int64_t length = wg_dim(x, axis), covered = (w->count - 1) * w->stride + pool_reach(w);
    int64_t high = covered > low + length ? covered - low - length : 0;
    return sum_windows(wg_pad(x, axis, low, high, 0), axis, w);
}

/* How many elements of each window along an axis count, in a shape that broadcasts; WG_NONE if all do. */
static wg_tensor counts_along(wg_tensor x, int axis, const pool_axis *w, int64_t high, bool count_padding)
{
    int64_t length = wg_dim(x, axis), covered = (w->count - 1) * w->stride + pool_reach(w);
    int64_t counted = count_padding ? w->low + length + high : length, low = count_padding ? 0 : w->low;
    if (low == 0 && covered <= counted) return WG_NONE;
    wg_shape shape = {.rank = wg_shape_of(x).rank - axis, .dim = {w->count, 1, 1}};
    wg_tensor ones = wg_full_typed(x.context, wg_type_of(x), WG_SHAPE(counted), 1);
    return wg_reshape(sums_along(ones, 0, w, low), shape);
}

wg_tensor wg_average_pool(wg_tensor x, const wg_pool_options *options)
{
    WG_ENTRY(x.context);
    pool_axis windows[POOL_AXES];
    if (!want_float(x, "average_pool") || !pool_windows(x, "average_pool", options, windows))
        return graph_poison(x.context);
    wg_tensor sums = x, counts = WG_NONE;
    double all = 1;
    for (int i = 0; i < wg_shape_of(x).rank - 2; i++) {
        wg_tensor some = counts_along(x, i + 2, &windows[i], options->high[i], options->count_padding);
        sums = sums_along(sums, i + 2, &windows[i], windows[i].low);
        if (!some.context)
            all *= (double)windows[i].size;
        else
            counts = counts.context ? wg_mul(counts, some) : some;
    }
    return counts.context ? wg_div(sums, wg_mul_scalar(counts, all)) : wg_div_scalar(sums, all);
}

wg_tensor wg_global_average_pool(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "global_average_pool")) return graph_poison(x.context);
    wg_axes spatial = {0};
    for (int i = 2; i < wg_shape_of(x).rank; i++) spatial.axis[spatial.count++] = (int8_t)i;
    if (spatial.count == 0)
        return graph_fail(x.context, WG_BAD_SHAPE,
                          "global_average_pool: examples, channels and spatial axes are wanted");
    return wg_mean(x, spatial);
}

/* ---- averages of windows that fill an axis ---- */

/* Window i goes from i length / count, rounded down, to (i + 1) length / count, rounded up: its elements, and repeated
   ones that are masked out up to the size of the largest. In f64, where all these numbers are exact. */
static wg_tensor adapt_unevenly(wg_tensor x, int axis, int64_t count)
{
    wg_context *ctx = x.context;
    wg_shape wide = wg_shape_of(x);
    double length = (double)wide.dim[axis], windows = (double)count;
    int64_t most = (wide.dim[axis] + count - 2) / count + 1;
    wg_tensor number = wg_iota(ctx, WG_F64, WG_SHAPE(count, 1), 0);
    wg_tensor first = wg_floor(wg_div_scalar(wg_mul_scalar(number, length), windows));
    wg_tensor end = wg_ceil(wg_div_scalar(wg_mul_scalar(wg_add_scalar(number, 1), length), windows));
    wg_tensor place = wg_add(first, wg_iota(ctx, WG_F64, WG_SHAPE(1, most), 1)), inside = wg_less(place, end);
    wg_tensor elements = wg_gather(x, wg_cast(wg_where(inside, place, first), WG_I64), axis);
    wide = (wg_shape){.rank = wide.rank - axis + 1, .dim = {count, most, 1, 1, 1}};
    elements = wg_where(wg_reshape(inside, wide), elements, wg_zeros_like(elements));
    wide = (wg_shape){.rank = wide.rank - 1, .dim = {count, 1, 1, 1}};
    wg_tensor sizes = wg_cast(wg_reshape(wg_sub(end, first), wide), wg_type_of(x));
    return wg_div(wg_sum(elements, WG_AXES((int8_t)(axis + 1))), sizes);
}

static wg_tensor adapt(wg_tensor x, int axis, int64_t count)
{
    wg_shape shape = wg_shape_of(x), cut = {.rank = shape.rank + 1};
    if (shape.dim[axis] % count != 0) return adapt_unevenly(x, axis, count);
    for (int i = 0; i < cut.rank; i++) cut.dim[i] = shape.dim[i <= axis ? i : i - 1];
    cut.dim[axis] = count;
    cut.dim[axis + 1] = shape.dim[axis] / count;
    return wg_mean(wg_reshape(x, cut), WG_AXES((int8_t)(axis + 1)));
}

wg_tensor wg_adaptive_average_pool(wg_tensor x, wg_shape windows)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "adaptive_average_pool")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x);
    bool fits = windows.rank >= 1 && windows.rank <= POOL_AXES && shape.rank == windows.rank + 2;
    for (int i = 0; fits && i < windows.rank; i++)
        fits = windows.dim[i] >= 1 && windows.dim[i] <= INT32_MAX && shape.dim[i + 2] >= 1;
    if (!fits) {
        shape_buffer a, b;
        return graph_fail(x.context, WG_BAD_SHAPE, "adaptive_average_pool: no windows %s over the spatial axes of %s",
                          shape_text(windows, &a), shape_text(shape, &b));
    }
    wg_tensor y = x;
    for (int i = 0; i < windows.rank; i++) y = adapt(y, i + 2, windows.dim[i]);
    return y;
}

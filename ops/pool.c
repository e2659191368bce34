/* Windows over spatial axes, and pool_index: the place of the largest or smallest element in each. integer = size,
   stride, low padding, dilation and count of the windows along each of 3 spatial axes; the last: whether smallest. */
#include "ops/pool.h"

#include "ops/extreme.h"
#include "ops/rows.h"

#include <wengert/functions.h>

/* ---- windows ---- */

/* Elements of a window that begins at `start` and lie in the padding before the axis. */
static int64_t taps_before(const pool_axis *axis, int64_t start)
{
    return start < 0 ? (axis->dilation - 1 - start) / axis->dilation : 0;
}

static bool is_inside(const pool_axis *axis, int64_t window, int64_t length)
{
    int64_t start = window * axis->stride - axis->low, before = taps_before(axis, start);
    return before < axis->size && start + before * axis->dilation < length;
}

/* A window that lies wholly in the padding; -1: none does. If the first length + 1 have an element inside, two of them
   begin at the same distance from the elements' raster: so do all but, perhaps, those at the end. */
static int64_t window_outside(const pool_axis *axis, int64_t length)
{
    for (int64_t i = 0; i < axis->count && i <= length; i++)
        if (!is_inside(axis, i, length)) return i;
    return is_inside(axis, axis->count - 1, length) ? -1 : axis->count - 1;
}

/* Whether a number is from `least` to what products of two such do not overflow. */
static bool in_range(int64_t number, int64_t least)
{
    return number >= least && number <= INT32_MAX;
}

static bool is_axis(const pool_axis *axis)
{
    return in_range(axis->size, 1) && in_range(axis->stride, 1) && in_range(axis->low, 0) &&
           in_range(axis->dilation, 1) && in_range(axis->count, 1);
}

/* How many windows an axis of this length has with padding behind it; 0: none. */
static int64_t count_windows(const pool_axis *axis, int64_t length, int64_t high, bool ceil_mode)
{
    int64_t room = axis->low + length + high - pool_reach(axis);
    if (room < 0 && !(ceil_mode && room + axis->stride > 0)) return 0;
    if (!ceil_mode) return room / axis->stride + 1;
    int64_t count = (room + axis->stride - 1) / axis->stride + 1;
    return (count - 1) * axis->stride >= length + axis->low ? count - 1 : count; /* it begins inside */
}

static wg_tensor fail_axis(wg_tensor x, const char *who, int i, const char *reason)
{
    shape_buffer buffer;
    return graph_fail(x.context, WG_BAD_SHAPE, "%s: %s along spatial axis %d of %s", who, reason, i,
                      shape_text(*graph_shape_of(x), &buffer));
}

bool pool_windows(wg_tensor x, const char *who, const wg_pool_options *options, pool_axis windows[POOL_AXES])
{
    if (!graph_resolve(x, who)) return false;
    x = graph_now(x, who);
    const wg_shape shape = wg_shape_of(x);
    if (!options) return graph_fail(x.context, WG_BAD_ARGUMENT, "%s: the options say how large windows are", who).id;
    if (shape.rank < 3 || shape.rank > 2 + POOL_AXES) {
        shape_buffer buffer;
        return graph_fail(x.context, WG_BAD_SHAPE, "%s: examples, channels and 1 to 3 spatial axes are wanted, not %s",
                          who, shape_text(shape, &buffer))
            .id;
    }
    for (int i = 0; i < shape.rank - 2; i++) {
        int64_t size = options->size[i], stride = options->stride[i], dilation = options->dilation[i];
        windows[i] = (pool_axis){size, stride ? stride : size, options->low[i], dilation ? dilation : 1, 1};
        if (!is_axis(&windows[i]) || !in_range(options->high[i], 0))
            return fail_axis(x, who, i, "a size, stride, padding or dilation is out of range").id;
        windows[i].count = count_windows(&windows[i], shape.dim[i + 2], options->high[i], options->ceil_mode);
        if (!windows[i].count) return fail_axis(x, who, i, "a window is longer than what it moves over").id;
        if (window_outside(&windows[i], shape.dim[i + 2]) >= 0)
            return fail_axis(x, who, i, "a window lies wholly in the padding").id;
    }
    return true;
}

/* ---- pool_index ---- */

enum { POOL_INTEGERS = 5, SMALLEST = POOL_AXES * POOL_INTEGERS };

static pool_axis axis_at(const wg_attributes *attributes, int i)
{
    const int64_t *a = attributes->integer + i * POOL_INTEGERS;
    return (pool_axis){a[0], a[1], a[2], a[3], a[4]};
}

static bool infer_pool_index(const wg_call *call, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0];
    *call->output = (wg_array){WG_I64, x->shape, NULL};
    if (!type_is_float(x->type) && !type_is_integer(x->type))
        return refuse_types(call, message, size, "works on floats and integers, not %s", wg_type_name(x->type));
    if (x->shape.rank < 3 || x->shape.rank > 2 + POOL_AXES)
        return refuse(message, size, "1 to 3 spatial axes are wanted");
    for (int i = 0; i < x->shape.rank - 2; i++) {
        pool_axis axis = axis_at(call->attributes, i);
        if (!is_axis(&axis) || window_outside(&axis, x->shape.dim[i + 2]) >= 0)
            return refuse(message, size, "a window lies outside spatial axis %d", i);
        call->output->shape.dim[i + 2] = axis.count;
    }
    return true;
}

/* The elements of one window inside an axis: from `first` on, every `step`th before `end`. */
typedef struct taps {
    int64_t first, end, step;
} taps;

static taps taps_of(const pool_axis *axis, int64_t window, int64_t length)
{
    int64_t start = window * axis->stride - axis->low, reach = start + pool_reach(axis);
    int64_t first = start + taps_before(axis, start) * axis->dilation;
    return (taps){first, reach < length ? reach : length, axis->dilation};
}

/* Spatial axes that x does not have are of length 1, before those it has. */
typedef struct pooling {
    pool_axis axis[POOL_AXES];
    int64_t length[POOL_AXES], planes;
} pooling;

static pooling pooling_of(const wg_call *call)
{
    const wg_shape *in = &call->inputs[0].shape;
    int missing = 2 + POOL_AXES - in->rank;
    pooling p = {.planes = in->dim[0] * in->dim[1]};
    for (int i = 0; i < POOL_AXES; i++) {
        p.axis[i] = i < missing ? (pool_axis){1, 1, 0, 1, 1} : axis_at(call->attributes, i - missing);
        p.length[i] = i < missing ? 1 : in->dim[2 + i - missing];
    }
    return p;
}

/* The place in the input, of which a plane begins at `plane`, of the element beyond all others. */
#define BEST(name, T, comparison)                                                                           \
    static int64_t name(const T *in, const int64_t *length, int64_t plane, taps deep, taps high, taps wide) \
    {                                                                                                       \
        int64_t place = -1;                                                                                 \
        T best = 0;                                                                                         \
        for (int64_t d = deep.first; d < deep.end; d += deep.step)                                          \
            for (int64_t h = high.first; h < high.end; h += high.step) {                                    \
                int64_t row = plane + (d * length[1] + h) * length[2];                                      \
                for (int64_t w = wide.first; w < wide.end; w += wide.step) {                                \
                    T x = in[row + w];                                                                      \
                    if (place >= 0 && !BEYOND(x, best, comparison)) continue;                               \
                    best = x;                                                                               \
                    place = row + w;                                                                        \
                }                                                                                           \
            }                                                                                               \
        return place;                                                                                       \
    }

#define POOL(type, T)                                                                                  \
    BEST(largest_##type, T, >)                                                                         \
    BEST(smallest_##type, T, <)                                                                        \
    static void pool_##type(const wg_call *call)                                                       \
    {                                                                                                  \
        const pooling p = pooling_of(call);                                                            \
        bool smallest = call->attributes->integer[SMALLEST] != 0;                                      \
        const T *in = call->inputs[0].data;                                                            \
        int64_t *out = call->output->data, plane = p.length[0] * p.length[1] * p.length[2];            \
        for (int64_t i = 0; i < p.planes; i++)                                                         \
            for (int64_t d = 0; d < p.axis[0].count; d++) {                                            \
                taps deep = taps_of(&p.axis[0], d, p.length[0]);                                       \
                for (int64_t h = 0; h < p.axis[1].count; h++) {                                        \
                    taps high = taps_of(&p.axis[1], h, p.length[1]);                                   \
                    for (int64_t w = 0; w < p.axis[2].count; w++) {                                    \
                        taps wide = taps_of(&p.axis[2], w, p.length[2]);                               \
                        *out++ = smallest ? smallest_##type(in, p.length, i * plane, deep, high, wide) \
                                          : largest_##type(in, p.length, i * plane, deep, high, wide); \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
    }

POOL(f32, float)
POOL(f64, double)
POOL(i32, int32_t)
POOL(i64, int64_t)

static double pool_flops(const wg_call *call)
{
    double flops = (double)wg_shape_size(call->output->shape);
    for (int i = 0; i < call->inputs[0].shape.rank - 2; i++) flops *= (double)axis_at(call->attributes, i).size;
    return flops;
}

static wg_tensor pool_index_sample(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 2, 5, 4), -4, 4);
    return wg_pool_index(x, &(wg_pool_options){.size = {3, 2}, .stride = {2, 2}, .low = {1, 0}}, false);
}

const wg_op ops_pool_index = {
    .name = "pool_index",
    .summary = "the place of the first largest or smallest element in each window",
    .arity = 1,
    .infer = infer_pool_index,
    .kernel = {[WG_F32] = pool_f32, [WG_F64] = pool_f64, [WG_I32] = pool_i32, [WG_I64] = pool_i64},
    .flops = pool_flops,
    .sample = pool_index_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor pool_places(wg_tensor x, const char *who, const wg_pool_options *options, bool smallest)
{
    pool_axis windows[POOL_AXES] = {{0}};
    if (!pool_windows(x, who, options, windows)) return graph_poison(x.context);
    wg_attributes attributes = {.integer = {[SMALLEST] = smallest}};
    for (int i = 0; i < graph_shape_of(x)->rank - 2; i++) {
        const int64_t numbers[] = {windows[i].size, windows[i].stride, windows[i].low, windows[i].dilation,
                                   windows[i].count};
        for (int k = 0; k < POOL_INTEGERS; k++) attributes.integer[i * POOL_INTEGERS + k] = numbers[k];
    }
    return ops_one(&ops_pool_index, x, &attributes, WG_DEFAULT, NULL);
}

wg_tensor wg_pool_index(wg_tensor x, const wg_pool_options *windows, bool smallest)
{
    WG_ENTRY(x.context);
    return pool_places(x, "pool_index", windows, smallest);
}

/* Windows along one axis: unfold, and its adjoint fold. integer = axis, size, step, dilation; of fold axis, step,
   dilation, length. */
#include "ops/movement.h"
#include "ops/rows.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

/* How many windows an axis has; 0: not one fits. */
static int64_t windows_in(int64_t length, int64_t size, int64_t step, int64_t dilation)
{
    int64_t reach;
    if (size < 1 || step < 1 || dilation < 1 || __builtin_mul_overflow(size - 1, dilation, &reach)) return 0;
    return reach < length ? (length - 1 - reach) / step + 1 : 0;
}

/* Records one of the two; distances that are not gone are made small, so that strides do not overflow. */
static wg_tensor record(wg_context *ctx, const wg_op *op, uint32_t id, int64_t length, int64_t size, int64_t step,
                        int64_t dilation, int axis)
{
    if (step > length && length > 0) step = length;
    if (size == 1 && dilation > 0) dilation = 1;
    const int64_t unfolds[] = {axis, size, step, dilation}, folds[] = {axis, step, dilation, length};
    return ops_one_integers(ctx, op, id, 4, op == &ops_unfold ? unfolds : folds);
}

static bool refuse_numbers(char *message, size_t message_size, int64_t size, int64_t step, int64_t dilation)
{
    return refuse(message, message_size, "size %lld, step %lld and dilation %lld must all be positive", (long long)size,
                  (long long)step, (long long)dilation);
}

/* ---- unfold ---- */

static bool infer_unfold(const wg_call *call, char *message, size_t size)
{
    const int64_t *a = call->attributes->integer;
    const wg_shape *in = &call->inputs[0].shape;
    wg_shape *out = &call->output->shape;
    *call->output = (wg_array){call->inputs[0].type, *in, NULL};
    if (a[0] < 0 || a[0] >= in->rank) return refuse(message, size, "axis %lld is out of range", (long long)a[0]);
    if (in->rank == WG_MAX_RANK) return refuse(message, size, "the rank would exceed %d", WG_MAX_RANK);
    if (a[1] < 1 || a[2] < 1 || a[3] < 1) return refuse_numbers(message, size, a[1], a[2], a[3]);
    int64_t count = windows_in(in->dim[a[0]], a[1], a[2], a[3]);
    if (!count)
        return refuse(message, size, "a window of %lld elements, dilated by %lld, is longer than axis %lld",
                      (long long)a[1], (long long)a[3], (long long)a[0]);
    out->rank++;
    for (int i = in->rank; i > a[0] + 1; i--) out->dim[i] = in->dim[i - 1];
    out->dim[a[0]] = count;
    out->dim[a[0] + 1] = a[1];
    return true;
}

static void unfold_kernel(const wg_call *call)
{
    const int64_t *a = call->attributes->integer;
    int64_t stride[WG_MAX_RANK];
    contiguous_strides(&call->inputs[0].shape, stride);
    strided_walk walk = walk_of(&call->output->shape, &call->output->shape);
    for (int i = 0; i < walk.rank; i++) walk.stride[i] = stride[i <= a[0] ? i : i - 1];
    walk.stride[a[0]] *= a[2];
    walk.stride[a[0] + 1] *= a[3];
    copy_in(call, walk);
}

static void unfold_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    int axis = (int)a[0];
    gradients[0] = wg_fold(g, axis, a[2], a[3], wg_dim(graph_operand(y, 0), axis));
}

static wg_tensor unfold_sample(wg_context *ctx)
{
    return wg_unfold(wg_uniform(ctx, WG_SHAPE(2, 9, 2), -4, 4), 1, 3, 2, 2);
}

const wg_op ops_unfold = {
    .name = "unfold",
    .summary = "windows along one axis",
    .arity = 1,
    .infer = infer_unfold,
    .kernel = ALL_TYPES(unfold_kernel),
    .vjp = unfold_vjp,
    .sample = unfold_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_unfold(wg_tensor x, int axis, int64_t size, int64_t step, int64_t dilation)
{
    WG_ENTRY(x.context);
    int index;
    uint32_t id = graph_resolve(x, "unfold");
    if (!id || !ops_axis(x, "unfold", axis, &index)) return graph_poison(x.context);
    return record(x.context, &ops_unfold, id, wg_dim(x, index), size, step, dilation, index);
}

/* ---- fold ---- */

static bool infer_fold(const wg_call *call, char *message, size_t size)
{
    const int64_t *a = call->attributes->integer;
    const wg_array *in = &call->inputs[0];
    wg_shape *out = &call->output->shape;
    *call->output = (wg_array){in->type, in->shape, NULL};
    if (!type_is_float(in->type) && !type_is_integer(in->type))
        return refuse_types(call, message, size, "adds floats and integers, not %s", wg_type_name(in->type));
    if (a[0] < 0 || a[0] + 1 >= in->shape.rank)
        return refuse(message, size, "windows are two axes, which do not stand at axis %lld", (long long)a[0]);
    int64_t count = in->shape.dim[a[0]], elements = in->shape.dim[a[0] + 1];
    if (elements < 1 || a[1] < 1 || a[2] < 1) return refuse_numbers(message, size, elements, a[1], a[2]);
    int64_t fitting = windows_in(a[3], elements, a[1], a[2]);
    if (count == 0 || fitting != count)
        return refuse(message, size, "an axis of length %lld has %lld such windows, not %lld", (long long)a[3],
                      (long long)fitting, (long long)count);
    out->rank--;
    for (int i = (int)a[0] + 1; i < out->rank; i++) out->dim[i] = in->shape.dim[i + 1];
    out->dim[a[0]] = a[3];
    return true;
}

/* Window by window, so that the order of additions is always the same. */
#define FOLD(name, T)                                                                                \
    WRAPS static void fold_##name(const wg_call *call)                                               \
    {                                                                                                \
        const int64_t *a = call->attributes->integer;                                                \
        shape_split s = shape_around(&call->output->shape, (int)a[0]);                               \
        int64_t count = call->inputs[0].shape.dim[a[0]], size = call->inputs[0].shape.dim[a[0] + 1]; \
        const T *in = call->inputs[0].data;                                                          \
        T *out = call->output->data;                                                                 \
        memset(out, 0, (size_t)wg_shape_size(call->output->shape) * sizeof(T));                      \
        for (int64_t o = 0; o < s.outer; o++, out += s.length * s.inner)                             \
            for (int64_t w = 0; w < count; w++)                                                      \
                for (int64_t i = 0; i < size; i++, in += s.inner) {                                  \
                    T *row = out + (w * a[1] + i * a[2]) * s.inner;                                  \
                    for (int64_t k = 0; k < s.inner; k++) row[k] += in[k];                           \
                }                                                                                    \
    }

FOLD(f32, float)
FOLD(f64, double)
FOLD(i32, int32_t)
FOLD(i64, int64_t)

static void fold_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    int axis = (int)a[0];
    gradients[0] = wg_unfold(g, axis, wg_dim(graph_operand(y, 0), axis + 1), a[1], a[2]);
}

static double fold_flops(const wg_call *call)
{
    return (double)wg_shape_size(call->inputs[0].shape);
}

static wg_tensor fold_sample(wg_context *ctx)
{
    return wg_fold(wg_uniform(ctx, WG_SHAPE(2, 3, 3, 2), -4, 4), 1, 2, 1, 8);
}

const wg_op ops_fold = {
    .name = "fold",
    .summary = "windows put back along one axis, overlapping elements added",
    .arity = 1,
    .infer = infer_fold,
    .kernel = {[WG_F32] = fold_f32, [WG_F64] = fold_f64, [WG_I32] = fold_i32, [WG_I64] = fold_i64},
    .vjp = fold_vjp,
    .flops = fold_flops,
    .sample = fold_sample,
    .numerics = {-4, 4, -1},
};

wg_tensor wg_fold(wg_tensor windows, int axis, int64_t step, int64_t dilation, int64_t length)
{
    WG_ENTRY(windows.context);
    wg_context *ctx = windows.context;
    uint32_t id = graph_resolve(windows, "fold");
    if (!id) return graph_poison(ctx);
    int place = axis < 0 ? axis + graph_shape_at(ctx, id)->rank - 1 : axis;
    int64_t size = place >= 0 && place < WG_MAX_RANK ? wg_dim(windows, place + 1) : 0;
    return record(ctx, &ops_fold, id, length, size, step, dilation, place);
}

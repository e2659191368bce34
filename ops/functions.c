/* Everyday functions, composed. They record primitives and nothing else. */
#include "ops/builder.h"

#include <wengert/functions.h>

/* ---- reductions ---- */

/* How many elements of x meet in each result. */
static double count_over(wg_tensor x, uint32_t set)
{
    const wg_shape *shape = graph_shape_of(x);
    double count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (set >> i & 1) count *= (double)shape->dim[i];
    return count;
}

static bool want_float(wg_tensor x, const char *who)
{
    if (!graph_resolve(x, who)) return false;
    if (type_is_float(wg_type_of(x))) return true;
    graph_fail(x.context, WG_BAD_TYPE, "%s: works on floats, not %s", who, wg_type_name(wg_type_of(x)));
    graph_hint(x.context, "convert with wg_cast");
    return false;
}

wg_tensor wg_mean(wg_tensor x, wg_axes axes)
{
    WG_ENTRY(x.context);
    uint32_t set;
    if (!want_float(x, "mean") || !ops_axes(x, "mean", axes, &set)) return graph_poison(x.context);
    return wg_div_scalar(wg_sum(x, axes), count_over(x, set));
}

wg_tensor wg_var(wg_tensor x, wg_axes axes, double correction)
{
    WG_ENTRY(x.context);
    uint32_t set;
    if (!want_float(x, "var") || !ops_axes(x, "var", axes, &set)) return graph_poison(x.context);
    wg_axes kept = axes;
    kept.keep = true;
    wg_tensor away = wg_sub(x, wg_mean(x, kept));
    return wg_div_scalar(wg_sum(wg_square(away), axes), count_over(x, set) - correction);
}

/* At 0 the square root has no derivative; where keeps its infinity away from both branches. */
wg_tensor wg_norm(wg_tensor x, wg_axes axes)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "norm")) return graph_poison(x.context);
    wg_tensor squares = wg_sum(wg_square(x), axes);
    wg_tensor zero = wg_equal_scalar(squares, 0), one = wg_full_like(squares, 1);
    return wg_where(zero, wg_zeros_like(squares), wg_sqrt(wg_where(zero, one, squares)));
}

/* The largest over axes, kept, as a constant; 0 where it is infinite, so that x - shift is never inf - inf, and where
   there is none. */
static wg_tensor shift_of(wg_tensor x, wg_axes axes)
{
    axes.keep = true;
    if (wg_size(x) == 0) return wg_stop_gradient(wg_sum(x, axes));
    wg_tensor largest = wg_stop_gradient(wg_max(x, axes));
    return wg_where(wg_is_finite(largest), largest, wg_zeros_like(largest));
}

wg_tensor wg_logsumexp(wg_tensor x, wg_axes axes)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "logsumexp")) return graph_poison(x.context);
    wg_tensor shift = shift_of(x, axes);
    wg_tensor total = wg_sum(wg_exp(wg_sub(x, shift)), axes);
    return wg_add(wg_log(total), wg_reshape(shift, wg_shape_of(total)));
}

static wg_axes one_axis(int axis)
{
    return (wg_axes){.count = 1, .keep = true, .axis = {(int8_t)axis}};
}

wg_tensor wg_softmax(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!want_float(x, "softmax") || !ops_axis(x, "softmax", axis, &index)) return graph_poison(x.context);
    wg_tensor powers = wg_exp(wg_sub(x, shift_of(x, one_axis(index))));
    return wg_mul(powers, wg_reciprocal(wg_sum(powers, one_axis(index)))); /* one division a row */
}

wg_tensor wg_log_softmax(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!want_float(x, "log_softmax") || !ops_axis(x, "log_softmax", axis, &index)) return graph_poison(x.context);
    wg_tensor shifted = wg_sub(x, shift_of(x, one_axis(index)));
    return wg_sub(shifted, wg_log(wg_sum(wg_exp(shifted), one_axis(index))));
}

/* ---- activations ---- */

wg_tensor wg_relu(wg_tensor x)
{
    WG_ENTRY(x.context);
    return wg_where(wg_less_equal_scalar(x, 0), wg_zeros_like(x), x); /* so that a NaN stays one */
}

wg_tensor wg_leaky_relu_slope(wg_tensor x, double slope)
{
    WG_ENTRY(x.context);
    return wg_where(wg_less_equal_scalar(x, 0), wg_mul_scalar(x, slope), x);
}

wg_tensor wg_leaky_relu(wg_tensor x)
{
    WG_ENTRY(x.context);
    return wg_leaky_relu_slope(x, 0.01);
}

/* max(x, 0) + log(1 + exp(-|x|)), by where, so that all derivatives at 0 are right, too */
wg_tensor wg_softplus(wg_tensor x)
{
    WG_ENTRY(x.context);
    wg_tensor positive = wg_greater_scalar(x, 0);
    wg_tensor away = wg_where(positive, wg_neg(x), x);
    return wg_add(wg_where(positive, x, wg_zeros_like(x)), wg_log1p(wg_exp(away)));
}

wg_tensor wg_gelu(wg_tensor x)
{
    WG_ENTRY(x.context);
    wg_tensor phi = wg_mul_scalar(wg_add_scalar(wg_erf(wg_mul_scalar(x, 0.70710678118654752)), 1), 0.5);
    return wg_mul(x, phi);
}

wg_tensor wg_silu(wg_tensor x)
{
    WG_ENTRY(x.context);
    return wg_mul(x, wg_sigmoid(x));
}

/* ---- shapes ---- */

wg_tensor wg_flatten(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "flatten")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x);
    int64_t rows = shape.rank ? shape.dim[0] : 1, columns = 1;
    for (int i = 1; i < shape.rank; i++) columns *= shape.dim[i];
    return wg_reshape(x, WG_SHAPE(rows, columns));
}

wg_tensor wg_transpose(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "transpose")) return graph_poison(x.context);
    wg_axes order = {.count = (int8_t)wg_shape_of(x).rank};
    if (order.count < 2) return graph_fail(x.context, WG_BAD_SHAPE, "transpose: needs two axes at least");
    for (int i = 0; i < order.count; i++) order.axis[i] = (int8_t)i;
    order.axis[order.count - 1] = (int8_t)(order.count - 2);
    order.axis[order.count - 2] = (int8_t)(order.count - 1);
    return wg_permute(x, order);
}

wg_tensor wg_squeeze(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "squeeze", axis, &index)) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x), out = {0};
    if (shape.dim[index] != 1)
        return graph_fail(x.context, WG_BAD_SHAPE, "squeeze: axis %d has length %lld, not 1", axis,
                          (long long)shape.dim[index]);
    for (int i = 0; i < shape.rank; i++)
        if (i != index) out.dim[out.rank++] = shape.dim[i];
    return wg_reshape(x, out);
}

wg_tensor wg_unsqueeze(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "unsqueeze")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x), out = {0};
    int index = axis < 0 ? axis + shape.rank + 1 : axis;
    if (index < 0 || index > shape.rank || shape.rank == WG_MAX_RANK)
        return graph_fail(x.context, WG_BAD_SHAPE, "unsqueeze: no new axis %d fits into rank %d", axis, shape.rank);
    for (int i = 0; i <= shape.rank; i++)
        out.dim[out.rank++] = i < index ? shape.dim[i] : i == index ? 1 : shape.dim[i - 1];
    return wg_reshape(x, out);
}

wg_tensor wg_select(wg_tensor x, int axis, int64_t index)
{
    WG_ENTRY(x.context);
    int place;
    if (!ops_axis(x, "select", axis, &place)) return graph_poison(x.context);
    int64_t length = wg_dim(x, place), wanted = index < 0 ? index + length : index;
    if (wanted < 0 || wanted >= length)
        return graph_fail(x.context, WG_BAD_SHAPE, "select: %lld is out of range for an axis of length %lld",
                          (long long)index, (long long)length);
    return wg_squeeze(wg_slice(x, place, wanted, wanted + 1), place);
}

wg_tensor wg_stack(wg_list tensors, int axis)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    if (!ctx || tensors.count == 0) return wg_concat(tensors, axis);
    wg_tensor *rows = memory_new(&ctx->memory, tensors.count, sizeof *rows);
    if (!rows) return graph_fail_memory(ctx, tensors.count * sizeof *rows);
    for (size_t i = 0; i < tensors.count; i++) rows[i] = wg_unsqueeze(tensors.items[i], axis);
    wg_tensor y = wg_concat((wg_list){tensors.count, rows}, axis);
    memory_release(&ctx->memory, rows);
    return y;
}

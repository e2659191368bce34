/* Statistics over axes, composed: they record primitives and nothing else. */
#include "ops/builder.h"
#include "ops/compose.h"

#include <wengert/functions.h>

/* How many elements of x meet in each result. */
static double count_over(wg_tensor x, uint32_t set)
{
    const wg_shape *shape = graph_shape_of(x);
    double count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (set >> i & 1) count *= (double)shape->dim[i];
    return count;
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
    double divisor = count_over(x, set) - correction;
    return wg_div_scalar(wg_sum(wg_square(away), axes), divisor < 0 ? 0 : divisor);
}

wg_tensor wg_std(wg_tensor x, wg_axes axes, double correction)
{
    WG_ENTRY(x.context);
    uint32_t set;
    if (!want_float(x, "std") || !ops_axes(x, "std", axes, &set)) return graph_poison(x.context);
    return root_of(wg_var(x, axes, correction));
}

wg_tensor wg_norm(wg_tensor x, wg_axes axes)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "norm")) return graph_poison(x.context);
    return root_of(wg_sum(wg_square(x), axes));
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

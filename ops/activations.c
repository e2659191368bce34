/* Activations, composed: they record primitives and nothing else. Pieces are chosen by where, whose untaken branch is
   kept finite, so that neither NaN nor a wrong derivative comes out of it. */
#include "ops/builder.h"
#include "ops/compose.h"

#include <wengert/functions.h>

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

wg_tensor wg_gelu_tanh(wg_tensor x)
{
    /* x (1 + tanh u) / 2 = x sigmoid(2 u), which loses no digits where x < 0. Beyond 30 sigmoid is 0 or 1 in all types,
       and the square of x cannot overflow. */
    static const double twice = 1.5957691216057308; /* 2 sqrt(2 / pi) */
    WG_ENTRY(x.context);
    if (!want_float(x, "gelu_tanh")) return graph_poison(x.context);
    wg_tensor inside = wg_clip(x, -30, 30);
    wg_tensor cubic = wg_mul(inside, wg_add_scalar(wg_mul_scalar(wg_square(inside), twice * 0.044715), twice));
    return wg_mul(x, wg_sigmoid(cubic));
}

wg_tensor wg_mish(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "mish")) return graph_poison(x.context);
    return wg_mul(x, wg_tanh(wg_softplus(x)));
}

wg_tensor wg_log_sigmoid(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "log_sigmoid")) return graph_poison(x.context);
    return wg_neg(wg_softplus(wg_neg(x)));
}

wg_tensor wg_elu_alpha(wg_tensor x, double alpha)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "elu")) return graph_poison(x.context);
    wg_tensor positive = wg_greater_scalar(x, 0);
    wg_tensor below = wg_where(positive, wg_zeros_like(x), x);
    return wg_where(positive, x, wg_mul_scalar(wg_expm1(below), alpha));
}

wg_tensor wg_elu(wg_tensor x)
{
    WG_ENTRY(x.context);
    return wg_elu_alpha(x, 1);
}

wg_tensor wg_selu(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "selu")) return graph_poison(x.context);
    return wg_mul_scalar(wg_elu_alpha(x, 1.6732632423543773), 1.0507009873554805);
}

wg_tensor wg_softsign(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "softsign")) return graph_poison(x.context);
    wg_tensor finite = wg_clip(x, -1e30, 1e30); /* the value is 1 long before */
    return wg_div(finite, wg_add_scalar(wg_abs(finite), 1));
}

/* x between low and high, these beyond; flat at both ends, as relu is at 0. */
static wg_tensor ramp(wg_tensor x, double low, double high)
{
    wg_tensor above = wg_where(wg_less_equal_scalar(x, low), wg_full_like(x, low), x);
    return wg_where(wg_greater_equal_scalar(x, high), wg_full_like(x, high), above);
}

wg_tensor wg_hard_tanh(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "hard_tanh")) return graph_poison(x.context);
    return ramp(x, -1, 1);
}

wg_tensor wg_hard_sigmoid(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "hard_sigmoid")) return graph_poison(x.context);
    return wg_div_scalar(wg_add_scalar(ramp(x, -3, 3), 3), 6);
}

wg_tensor wg_hard_swish(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "hard_swish")) return graph_poison(x.context);
    wg_tensor inside = ramp(x, -3, 3);
    wg_tensor bend = wg_div_scalar(wg_mul(inside, wg_add_scalar(inside, 3)), 6);
    return wg_where(wg_greater_equal_scalar(x, 3), x, bend);
}

wg_tensor wg_glu(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!want_float(x, "glu") || !ops_axis(x, "glu", axis, &index)) return graph_poison(x.context);
    int64_t length = wg_dim(x, index);
    if (length % 2 != 0)
        return graph_fail(x.context, WG_BAD_SHAPE, "glu: axis %d has length %lld, which has no two halves", axis,
                          (long long)length);
    wg_tensor gate = wg_sigmoid(wg_slice(x, index, length / 2, length));
    return wg_mul(wg_slice(x, index, 0, length / 2), gate);
}

/* Functions of single numbers, composed so that they keep their digits: they record primitives and nothing else. */
#include "ops/builder.h"
#include "ops/compose.h"

#include <wengert/functions.h>

#include <math.h>

/* An infinite end does not bind, and is left out: integers have none, and contexts that look for them mind. */
wg_tensor wg_clip(wg_tensor x, double low, double high)
{
    WG_ENTRY(x.context);
    number_buffer a, b;
    if (!graph_resolve(x, "clip")) return graph_poison(x.context);
    if (!(low <= high))
        return graph_fail(x.context, WG_BAD_ARGUMENT, "clip: %s to %s is no interval", number_text(low, 6, &a),
                          number_text(high, 6, &b));
    wg_type type = wg_type_of(x);
    if (!type_is_float(type) && !type_is_integer(type))
        return graph_fail(x.context, WG_BAD_TYPE, "clip: works on floats and integers, not %s", wg_type_name(type));
    wg_tensor y = graph_now(x, "clip");
    if (low > -INFINITY) y = wg_where(wg_less_scalar(x, low), wg_full_like(x, low), y);
    if (high < INFINITY) y = wg_where(wg_greater_scalar(x, high), wg_full_like(x, high), y);
    return y;
}

/* ---- powers and logarithms ---- */

wg_tensor wg_exp2(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "exp2")) return graph_poison(x.context);
    return wg_scalar_pow(2, x); /* exp(x log 2) would multiply the error of x log 2 by x */
}

wg_tensor wg_log2(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "log2")) return graph_poison(x.context);
    return wg_mul_scalar(wg_log(x), 1.4426950408889634);
}

wg_tensor wg_log10(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "log10")) return graph_poison(x.context);
    return wg_mul_scalar(wg_log(x), 0.43429448190325183);
}

/* ---- inverse hyperbolic functions ---- */

/* log 2 x where x is so large that 1 beside its square is lost in f64; its square might overflow in f32. */
static const double large = 1e8, log_2 = 0.69314718055994531;

/* With a = |x|: log1p(a + a^2 / (1 + sqrt(1 + a^2))), a taken out so that zeros keep their sign. */
wg_tensor wg_asinh(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "asinh")) return graph_poison(x.context);
    wg_tensor negative = wg_less_scalar(x, 0), one = wg_full_like(x, 1);
    wg_tensor a = wg_where(negative, wg_neg(x), x), is_large = wg_greater_scalar(a, large);
    wg_tensor small = wg_where(is_large, one, a);
    wg_tensor root = wg_sqrt(wg_add_scalar(wg_square(small), 1));
    wg_tensor grown = wg_add_scalar(wg_div(small, wg_add_scalar(root, 1)), 1);
    wg_tensor far = wg_add_scalar(wg_log(wg_where(is_large, a, one)), log_2);
    wg_tensor y = wg_where(is_large, far, wg_log1p(wg_mul(small, grown)));
    return wg_where(negative, wg_neg(y), y);
}

/* With t = x - 1: log1p(t + sqrt(t) sqrt(t + 2)), exact near 1, NaN below. */
wg_tensor wg_acosh(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "acosh")) return graph_poison(x.context);
    wg_tensor is_large = wg_greater_scalar(x, large), two = wg_full_like(x, 2);
    wg_tensor t = wg_sub_scalar(wg_where(is_large, two, x), 1);
    wg_tensor root = wg_mul(wg_sqrt(t), wg_sqrt(wg_add_scalar(t, 2)));
    wg_tensor far = wg_add_scalar(wg_log(wg_where(is_large, x, two)), log_2);
    return wg_where(is_large, far, wg_log1p(wg_add(t, root)));
}

/* Both terms have the sign of x: nothing cancels. */
wg_tensor wg_atanh(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "atanh")) return graph_poison(x.context);
    return wg_mul_scalar(wg_sub(wg_log1p(x), wg_log1p(wg_neg(x))), 0.5);
}

/* ---- others ---- */

/* Scaled by the larger one, whose own derivative cancels: the scale is a constant. */
wg_tensor wg_hypot(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_two(a, b, "hypot", &ctx, ids) || !want_float(a, "hypot") || !want_float(b, "hypot"))
        return graph_poison(ctx);
    wg_tensor larger = wg_stop_gradient(wg_maximum(wg_abs(a), wg_abs(b)));
    wg_tensor usable = wg_logical_and(wg_is_finite(larger), wg_greater_scalar(larger, 0));
    wg_tensor scale = wg_where(usable, larger, wg_full_like(larger, 1));
    wg_tensor squares = wg_square(wg_div(a, scale));
    return wg_mul(scale, root_of(wg_add(squares, wg_square(wg_div(b, scale)))));
}

/* Numerator and denominator of erfinv(x) / x as a function of w = -log(1 - x^2) (Giles 2010 shows how smooth it is
   there): within 2e-17 for all x of f64, all positive, so that no digits cancel. By tools/fit_erfinv.py. */
static const double erfinv_above[] = {
    0.886226925452758,     0.36230012314826665,   0.10898678693202976,    0.02345530380722132,
    0.003963887439083399,  0.0005412534545775261, 6.0587633408606606e-05, 5.619580763345307e-06,
    4.353878466013306e-07, 2.830425080919163e-08, 1.5297948251029917e-09, 6.556466448432855e-11,
    2.373784031016102e-12, 6.080033291297668e-14, 3.799347516172614e-16,  2.393494768934993e-19,
};
static const double erfinv_below[] = {
    1.0,
    0.1470125233974957,
    0.0714585942888143,
    0.008477667345002058,
    0.0018539105935150549,
    0.00017183521233466326,
    2.186981350265509e-05,
    1.5349205103844924e-06,
    1.2633782735199712e-07,
    6.5953224359992955e-09,
    3.5321486598205035e-10,
    1.241521488850722e-11,
    4.4072061415261696e-13,
    5.973091837244293e-15,
    1.4264847787856668e-17,
};

/* The polynomial whose coefficients are given from the constant one on. */
static wg_tensor polynomial(wg_tensor x, const double *coefficients, int count)
{
    wg_tensor y = wg_full_like(x, coefficients[count - 1]);
    for (int i = count - 1; i-- > 0;) y = wg_add_scalar(wg_mul(y, x), coefficients[i]);
    return y;
}

/* In f64 also for f32, which is rounded once. At -1 and 1, where w is infinite, x / 0. */
wg_tensor wg_erfinv(wg_tensor x)
{
    enum { ABOVE = sizeof erfinv_above / sizeof *erfinv_above, BELOW = sizeof erfinv_below / sizeof *erfinv_below };
    WG_ENTRY(x.context);
    if (!want_float(x, "erfinv")) return graph_poison(x.context);
    wg_tensor wide = wg_cast(x, WG_F64), zero = wg_zeros_like(wide), one = wg_full_like(wide, 1);
    wg_tensor end = wg_equal_scalar(wg_abs(wide), 1), inside = wg_where(end, zero, wide);
    wg_tensor rest = wg_mul(wg_scalar_sub(1, inside), wg_add_scalar(inside, 1)); /* 1 - x^2 would lose its digits */
    wg_tensor w = wg_neg(wg_log(rest));
    wg_tensor above = polynomial(w, erfinv_above, ABOVE), below = polynomial(w, erfinv_below, BELOW);
    wg_tensor y = wg_mul(inside, wg_div(above, below));
    return wg_cast(wg_where(end, wg_div(wide, wg_where(end, zero, one)), y), wg_type_of(x));
}

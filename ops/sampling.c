/* Random numbers of many distributions, composed of uniform ones. Each draw takes the next number: operands are
   recorded one by one, in an order that no compiler chooses. */
#include "ops/builder.h"
#include "ops/compose.h"

#include <wengert/functions.h>

#include <math.h>

wg_tensor wg_uniform(wg_context *ctx, wg_shape shape, double low, double high)
{
    WG_ENTRY(ctx);
    return wg_add_scalar(wg_mul_scalar(wg_random_uniform(ctx, WG_DEFAULT, shape), high - low), low);
}

wg_tensor wg_uniform_like(wg_tensor x, double low, double high)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "uniform_like")) return graph_poison(x.context);
    wg_tensor u = wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x));
    return wg_add_scalar(wg_mul_scalar(u, high - low), low);
}

/* 1 - u lies in (0, 1], so the logarithm is finite */
static wg_tensor box_muller(wg_context *ctx, wg_type type, wg_shape shape)
{
    static const double two_pi = 6.283185307179586;
    wg_tensor u = wg_random_uniform(ctx, type, shape), v = wg_random_uniform(ctx, type, shape);
    wg_tensor radius = wg_sqrt(wg_mul_scalar(wg_log1p(wg_neg(u)), -2));
    return wg_mul(radius, wg_cos(wg_mul_scalar(v, two_pi)));
}

wg_tensor wg_normal(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return box_muller(ctx, WG_DEFAULT, shape);
}

wg_tensor wg_normal_like(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "normal_like")) return graph_poison(x.context);
    return box_muller(x.context, wg_type_of(x), wg_shape_of(x));
}

wg_tensor wg_bernoulli(wg_context *ctx, wg_shape shape, double probability)
{
    WG_ENTRY(ctx);
    number_buffer number;
    if (!(probability >= 0 && probability <= 1))
        return graph_fail(ctx, WG_BAD_ARGUMENT, "bernoulli: the probability %s is not in [0, 1]",
                          number_text(probability, 6, &number));
    return wg_less_scalar(wg_random_uniform(ctx, WG_DEFAULT, shape), probability);
}

/* ---- truncated normal ---- */

/* By the inverse distribution function, in f64: z = sqrt(2) erfinv(t), t even between erf(low / sqrt(2)) and that of
   high. Beyond 8 deviations t would be -1 or 1, where z is infinite. */
static wg_tensor truncated_normal(wg_context *ctx, wg_type type, wg_shape shape, double low, double high)
{
    static const double root_half = 0.70710678118654752, root_two = 1.4142135623730951, far = 8;
    number_buffer a, b;
    double from = erf(fmax(low, -far) * root_half), to = erf(fmin(high, far) * root_half);
    if (!(low < high && to - from >= 1e-9))
        return graph_fail(ctx, WG_BAD_ARGUMENT, "truncated_normal: between %s and %s lies nothing that could be drawn",
                          number_text(low, 6, &a), number_text(high, 6, &b));
    wg_tensor u = wg_random_uniform(ctx, WG_F64, shape);
    wg_tensor z = wg_mul_scalar(wg_erfinv(wg_add_scalar(wg_mul_scalar(u, to - from), from)), root_two);
    return wg_clip(wg_cast(z, type), fmax(low, -far), fmin(high, far)); /* some ULP might step over an end */
}

wg_tensor wg_truncated_normal(wg_context *ctx, wg_shape shape, double low, double high)
{
    WG_ENTRY(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "truncated_normal: the context is NULL");
    return truncated_normal(ctx, wg_default_type(ctx), shape, low, high);
}

wg_tensor wg_truncated_normal_like(wg_tensor x, double low, double high)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "truncated_normal_like")) return graph_poison(x.context);
    return truncated_normal(x.context, wg_type_of(x), wg_shape_of(x), low, high);
}

/* ---- exponential and Gumbel ---- */

/* 1 - u lies in (0, 1], so the logarithm is finite */
static wg_tensor exponential(wg_tensor uniform)
{
    return wg_neg(wg_log1p(wg_neg(uniform)));
}

wg_tensor wg_exponential(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return exponential(wg_random_uniform(ctx, WG_DEFAULT, shape));
}

wg_tensor wg_exponential_like(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "exponential_like")) return graph_poison(x.context);
    return exponential(wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x)));
}

/* -log of an exponential one. A u of 0, which would make it infinite, counts as half of the next one. */
static wg_tensor gumbel(wg_tensor uniform)
{
    double half = wg_type_of(uniform) == WG_F32 ? 0x1p-25 : 0x1p-54;
    return wg_neg(wg_log(exponential(wg_maximum_scalar(uniform, half))));
}

wg_tensor wg_gumbel(wg_context *ctx, wg_shape shape)
{
    WG_ENTRY(ctx);
    return gumbel(wg_random_uniform(ctx, WG_DEFAULT, shape));
}

wg_tensor wg_gumbel_like(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "gumbel_like")) return graph_poison(x.context);
    return gumbel(wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x)));
}

/* ---- classes ---- */

wg_tensor wg_categorical(wg_tensor logits)
{
    WG_ENTRY(logits.context);
    if (!want_float(logits, "categorical")) return graph_poison(logits.context);
    if (wg_shape_of(logits).rank == 0 || wg_dim(logits, -1) == 0) {
        shape_buffer buffer;
        return graph_fail(logits.context, WG_BAD_SHAPE, "categorical: there are no classes: %s",
                          shape_text(wg_shape_of(logits), &buffer));
    }
    return wg_argmax(wg_add(logits, wg_gumbel_like(logits)), -1);
}

/* Two of the numbers are equal with a probability of count^2 / 2^54. */
wg_tensor wg_permutation(wg_context *ctx, int64_t count)
{
    WG_ENTRY(ctx);
    return wg_argsort(wg_random_uniform(ctx, WG_F64, WG_SHAPE(count)), 0, false, -1);
}

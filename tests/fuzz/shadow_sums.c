/* The bounds of sums and products, where errors come from: what the order of the terms may do, and what the errors of
   the operands do. Largest and smallest are exact but for the sign of a zero. */
#include "tests/fuzz/shadow.h"

#include <math.h>
#include <string.h>

static wg_tensor applied(const char *name, wg_tensor x, const wg_attributes *at)
{
    return wg_apply(row_named(name), WG_LIST(x), at);
}

/* Terms that meet in each element of a reduction. */
static double terms_of(wg_tensor x, wg_tensor y)
{
    return wg_size(y) ? (double)wg_size(x) / (double)wg_size(y) : 0;
}

static shadow sum_of(wg_tensor y, const shadow *in, const wg_attributes *at)
{
    double terms = terms_of(in->x, y);
    wg_tensor error = wg_add(applied("sum", shadow_error(in), at),
                             shadow_slack(applied("sum", wg_abs(in->x), at), 8 + 2 * log2(terms + 1)));
    return (shadow){y, error, false};
}

/* Partial products may leave the range of numbers in one order and not in another: unknown where they could. */
static shadow prod_of(wg_tensor y, const shadow *in, const wg_attributes *at)
{
    double limit = wg_type_of(y) == WG_F32 ? 1e36 : 1e300;
    wg_tensor size = wg_abs(in->x), one = wg_full_like(size, 1);
    wg_tensor upper = applied("prod", wg_add(size, shadow_error(in)), at);
    wg_tensor spread = wg_sub(upper, applied("prod", size, at));
    wg_tensor largest = applied("prod", wg_maximum(size, one), at);
    wg_tensor smallest = applied("prod", wg_minimum(wg_where(wg_equal_scalar(size, 0), one, size), one), at);
    wg_tensor inside = wg_logical_and(wg_less_scalar(largest, limit), wg_greater_scalar(smallest, 1 / limit));
    wg_tensor error = wg_add(wg_mul_scalar(spread, 2), shadow_slack(upper, 16 + 4 * terms_of(in->x, y)));
    return (shadow){y, wg_where(inside, error, wg_full_like(error, (double)NAN)), false};
}

static shadow extreme_of(wg_tensor y, const shadow *in, const wg_attributes *at)
{
    wg_tensor zero = shadow_where(wg_equal_scalar(y, 0), shadow_slack(y, 1));
    if (in->exact) return (shadow){y, zero, false};
    return (shadow){y, wg_maximum(zero, applied("max", in->error, at)), false};
}

/* Unknown where a second place comes close to the first. */
static shadow place_of(const wg_op *op, wg_tensor y, const shadow *in, const wg_attributes *at)
{
    wg_attributes kept = *at;
    kept.integer[1] = true;
    wg_tensor x = strcmp(op->name, "argmin") == 0 ? wg_neg(in->x) : in->x;
    wg_tensor best = applied("max", wg_sub(x, in->error), &kept);
    wg_tensor close = wg_greater_equal(wg_add(x, in->error), best);
    wg_tensor doubtful = wg_not_equal_scalar(applied("sum", close, at), 1);
    return (shadow){y, wg_logical_and(applied("any", shadow_touched(in), at), doubtful), false};
}

/* Terms that meet in each element of a product, on average. */
static double terms_of_product(const wg_op *op, wg_tensor y, const shadow *in, const wg_attributes *at)
{
    wg_array operands[2], result = {wg_type_of(y), wg_shape_of(y), NULL};
    for (int i = 0; i < 2; i++) operands[i] = (wg_array){wg_type_of(in[i].x), wg_shape_of(in[i].x), NULL};
    wg_call call = {.count = 2, .inputs = operands, .output = &result, .attributes = at};
    return wg_size(y) ? op->flops(&call) / 2 / (double)wg_size(y) : 0;
}

/* |a| |b| with the errors of both, and what the order of the terms may do. */
static shadow product_of(const wg_op *op, wg_tensor y, const shadow *in, const wg_attributes *at)
{
    wg_tensor a = wg_abs(in[0].x), b = wg_abs(in[1].x);
    double terms = terms_of_product(op, y, in, at);
    wg_tensor error = shadow_slack(wg_apply(op, WG_LIST(a, b), at), 8 + terms / 8);
    if (!in[0].exact) {
        wg_tensor wide = wg_add(b, shadow_error(&in[1]));
        error = wg_add(error, wg_apply(op, WG_LIST(in[0].error, wide), at));
    }
    if (!in[1].exact) error = wg_add(error, wg_apply(op, WG_LIST(a, in[1].error), at));
    return (shadow){y, wg_mul_scalar(error, 1.01), false};
}

static shadow scatter_of(const wg_op *op, wg_tensor y, const shadow *in, const wg_attributes *at)
{
    if (!in[1].exact) return shadow_unknown(y);
    if (!is_float(y)) {
        if (in[0].exact) return shadow_exact(y);
        wg_tensor hits = wg_apply(op, WG_LIST(wg_cast(in[0].error, WG_I32), in[1].x), at);
        return (shadow){y, wg_not_equal_scalar(hits, 0), false};
    }
    wg_tensor sizes = wg_apply(op, WG_LIST(wg_abs(in[0].x), in[1].x), at);
    wg_tensor error = wg_apply(op, WG_LIST(shadow_error(&in[0]), in[1].x), at);
    return (shadow){y, wg_add(error, shadow_slack(sizes, 8 + (double)wg_size(in[1].x) / 8)), false};
}

/* As scatter_of, of what adds up in one operand. */
static shadow fold_of(const wg_op *op, wg_tensor y, const shadow *in, const wg_attributes *at)
{
    if (in->exact) return shadow_exact(y); /* in the same order everywhere */
    if (!is_float(y)) {
        wg_tensor hits = wg_apply(op, WG_LIST(wg_cast(in->error, WG_I32)), at);
        return (shadow){y, wg_not_equal_scalar(hits, 0), false};
    }
    wg_tensor sizes = wg_apply(op, WG_LIST(wg_abs(in->x)), at), error = wg_apply(op, WG_LIST(in->error), at);
    double terms = (double)wg_size(in->x);
    return (shadow){y, wg_add(wg_mul_scalar(error, 1.01), shadow_slack(sizes, 8 + terms / 8)), false};
}

/* Of integers and bools: unknown where one term is. */
static shadow whole_of(wg_tensor y, const shadow *in, const wg_attributes *at)
{
    return in->exact ? shadow_exact(y) : (shadow){y, applied("any", in->error, at), false};
}

bool shadow_sums(const wg_op *op, wg_tensor y, const shadow *in, shadow *out)
{
    static const char *const products[] = {"matmul", "conv", "conv_transpose", "conv_filter"};
    static const char *const reductions[] = {"sum", "prod", "max", "min", "argmax", "argmin", "any", "all"};
    wg_attributes at = wg_attributes_of(y);
    const char *name = op->name;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        if (strcmp(name, products[i]) != 0) continue;
        *out = product_of(op, y, in, &at);
        return true;
    }
    if (strcmp(name, "scatter_add") == 0) {
        *out = scatter_of(op, y, in, &at);
        return true;
    }
    if (strcmp(name, "fold") == 0 || strcmp(name, "cumsum") == 0) {
        *out = fold_of(op, y, in, &at);
        return true;
    }
    bool reduction = false;
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++) reduction |= strcmp(name, reductions[i]) == 0;
    if (!reduction) return false;
    if (!is_float(in->x))
        *out = whole_of(y, in, &at);
    else if (strcmp(name, "sum") == 0)
        *out = sum_of(y, in, &at);
    else if (strcmp(name, "prod") == 0)
        *out = prod_of(y, in, &at);
    else if (wg_type_of(y) == WG_I64)
        *out = in->exact ? shadow_exact(y) : place_of(op, y, in, &at);
    else
        *out = extreme_of(y, in, &at);
    return true;
}

/* argsort, and what is composed from it. integer = axis, whether descending, how many places. */
#include "ops/builder.h"
#include "ops/extreme.h"
#include "ops/rows.h"

#include <wengert/functions.h>

/* ---- argsort ---- */

static bool infer_argsort(const wg_call *call, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0];
    const int64_t *a = call->attributes->integer;
    *call->output = (wg_array){WG_I64, x->shape, NULL};
    if (!type_is_float(x->type) && !type_is_integer(x->type))
        return refuse_types(call, message, size, "works on floats and integers, not %s", wg_type_name(x->type));
    if (a[0] < 0 || a[0] >= x->shape.rank) return refuse(message, size, "axis %lld is out of range", (long long)a[0]);
    int64_t length = x->shape.dim[a[0]];
    if (a[2] < 0 || a[2] > length)
        return refuse(message, size, "axis %lld has %lld elements, not %lld", (long long)a[0], (long long)length,
                      (long long)a[2]);
    call->output->shape.dim[a[0]] = a[2];
    return true;
}

enum { FEW_PLACES = 16 }; /* that are sorted by insertion */

/* How often a row may be cut before it goes on by heap. */
static int deepest(int64_t count)
{
    int depth = 0;
    for (; count > 1; count /= 2) depth += 2;
    return depth;
}

#define T float
#define NAME(word) f32_##word
#include "ops/order_kernel.h"
#define T double
#define NAME(word) f64_##word
#include "ops/order_kernel.h"
#define T int32_t
#define NAME(word) i32_##word
#include "ops/order_kernel.h"
#define T int64_t
#define NAME(word) i64_##word
#include "ops/order_kernel.h"

static double argsort_flops(const wg_call *call)
{
    return (double)wg_shape_size(call->inputs[0].shape) * deepest(call->attributes->integer[2] + 1);
}

static wg_tensor argsort_sample(wg_context *ctx)
{
    return wg_argsort(wg_uniform(ctx, WG_SHAPE(2, 5, 3), -4, 4), 1, true, -1);
}

const wg_op ops_argsort = {
    .name = "argsort",
    .summary = "the places of elements in ascending or descending order",
    .arity = 1,
    .infer = infer_argsort,
    .kernel = {[WG_F32] = f32_argsort, [WG_F64] = f64_argsort, [WG_I32] = i32_argsort, [WG_I64] = i64_argsort},
    .flops = argsort_flops,
    .sample = argsort_sample,
    .numerics = {-4, 4, 0},
};

/* As wg_argsort, for somebody. */
static wg_tensor places_of(wg_tensor x, const char *who, int axis, bool descending, int64_t count)
{
    int index;
    if (!ops_axis(x, who, axis, &index)) return graph_poison(x.context);
    if (count < -1)
        return graph_fail(x.context, WG_BAD_ARGUMENT, "%s: there are no %lld places", who, (long long)count);
    int64_t length = graph_shape_of(x)->dim[index], wanted = count < 0 ? length : count;
    if (wanted > length)
        return graph_fail(x.context, WG_BAD_SHAPE, "%s: %lld elements are wanted of %lld on axis %d", who,
                          (long long)wanted, (long long)length, axis);
    return ops_one(&ops_argsort, x, &(wg_attributes){.integer = {index, descending, wanted}}, WG_DEFAULT, NULL);
}

wg_tensor wg_argsort(wg_tensor x, int axis, bool descending, int64_t count)
{
    WG_ENTRY(x.context);
    return places_of(x, "argsort", axis, descending, count);
}

/* ---- compositions ---- */

wg_tensor wg_sort(wg_tensor x, int axis, bool descending)
{
    WG_ENTRY(x.context);
    return wg_take_along(x, places_of(x, "sort", axis, descending, -1), axis);
}

wg_tensor wg_top_k(wg_tensor x, int64_t count, int axis, wg_tensor *places)
{
    WG_ENTRY(x.context);
    if (places) *places = graph_poison(x.context);
    if (count < 0) return graph_fail(x.context, WG_BAD_ARGUMENT, "top_k: there are no %lld largest", (long long)count);
    wg_tensor found = places_of(x, "top_k", axis, true, count);
    if (places) *places = found;
    return wg_take_along(x, found, axis);
}

/* Whether elements of the sorted tensor come before x, or (right) are not behind it: NaN is larger than all else. */
static wg_tensor comes_before(wg_tensor sorted, wg_tensor x, bool right)
{
    if (!right) return wg_logical_and(wg_logical_not(wg_greater_equal(sorted, x)), wg_equal(sorted, sorted));
    wg_tensor known = wg_logical_or(wg_equal(sorted, sorted), wg_not_equal(x, x));
    return wg_logical_and(wg_logical_not(wg_greater(sorted, x)), known);
}

/* Bit by bit, from the highest: log2 of the sorted length steps, each a gather and some element-wise ops. */
wg_tensor wg_searchsorted(wg_tensor sorted, wg_tensor x, bool right)
{
    wg_context *ctx = sorted.context ? sorted.context : x.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(sorted, x), "searchsorted", &ctx, ids)) return graph_poison(ctx);
    wg_type type = wg_type_of(sorted);
    if (wg_shape_of(sorted).rank != 1)
        return graph_fail(ctx, WG_BAD_SHAPE, "searchsorted: the sorted tensor must have rank 1, not %d",
                          wg_shape_of(sorted).rank);
    if (type != wg_type_of(x) || (!type_is_float(type) && !type_is_integer(type)))
        return graph_fail(ctx, WG_BAD_TYPE, "searchsorted: floats or integers of one type are wanted, not %s and %s",
                          wg_type_name(type), wg_type_name(wg_type_of(x)));
    int64_t length = wg_dim(sorted, 0), bit = 1;
    wg_tensor before = wg_full_typed(ctx, WG_I64, wg_shape_of(x), 0); /* so many are known to come before x */
    while (bit <= length / 2) bit *= 2;
    for (; length && bit > 0; bit /= 2) {
        wg_tensor more = wg_add_scalar(before, (double)bit);
        wg_tensor last = wg_sub_scalar(wg_minimum_scalar(more, (double)length), 1);
        wg_tensor fits = wg_less_equal_scalar(more, (double)length);
        wg_tensor ahead = comes_before(wg_gather(sorted, last, 0), x, right);
        before = wg_where(wg_logical_and(fits, ahead), more, before);
    }
    return before;
}

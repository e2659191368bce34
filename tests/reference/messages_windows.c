/* What windows, order, padding and places that are tensors say when they are used wrongly: see messages.c. */
#include "tests/reference/messages.h"

/* Of indices that go along, and of starts: the number that is out of range is the one that was given. */
static void wrong_places(wg_context *ctx)
{
    const int32_t outside[] = {0, 1, 3, 0};
    const int64_t four = 4, less = -1, two = 2;
    expect_error(ctx, wg_take_along(T(F32, 2, 3), T(I32, 2), 1), "take_along", WG_BAD_SHAPE,
                 "as many axes|[2, 3] x [2]");
    expect_error(ctx, wg_take_along(T(F32, 2, 3), T(I32, 3, 4), 1), "take_along", WG_BAD_SHAPE,
                 "axis 1|[2, 3] x [3, 4]");
    expect_error(ctx, wg_take_along(T(F32, 2, 3), T(I32, 2, 3), 2), "take_along", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_take_along(T(F32, 2, 3), T(F32, 2, 3), 1), "gather", WG_BAD_TYPE, "index must be|not f32");
    expect_error(ctx, wg_scatter_add_along(T(F32, 2, 3), T(I32, 2, 4), 1, 5), "scatter_add", WG_BAD_SHAPE,
                 "one shape|[2, 3]|[2, 4]");
    expect_error(ctx, wg_scatter_add_along(T(F32, 2, 3), T(I32, 3, 3), 1, 5), "scatter_add_along", WG_BAD_SHAPE,
                 "axis 1|[2, 3] x [3, 3]");
    expect_error(ctx, wg_scatter_add_along(T(F32, 2), T(I32, 2), 0, -1), "scatter_add", WG_BAD_SHAPE, "length -1");
    expect_error(ctx, wg_scatter_add_along(T(BOOL, 2), T(I32, 2), 0, 2), "scatter_add", WG_BAD_TYPE, "not bool|[2]");
    wg_tensor y = wg_take_along(T(F32, 2, 3), wg_from_i32(ctx, WG_SHAPE(2, 2), outside), 1);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "take_along evaluates an index outside");
    expect_error(ctx, WG_NONE, "gather", WG_BAD_ARGUMENT, "index 3|length 3");
    y = wg_scatter_add_along(T(F32, 2, 2), wg_from_i32(ctx, WG_SHAPE(2, 2), outside), 1, 3);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "scatter_add_along evaluates an index outside");
    expect_error(ctx, WG_NONE, "scatter_add", WG_BAD_ARGUMENT, "index 3|length 3");
    expect_error(ctx, wg_dynamic_slice(T(F32, 2, 3), T(F32, 1), 1, 2), "dynamic_slice", WG_BAD_TYPE, "not f32|[2, 3]");
    expect_error(ctx, wg_dynamic_slice(T(F32, 2, 3), T(I32, 2), 1, 2), "dynamic_slice", WG_BAD_SHAPE, "one number|[2]");
    expect_error(ctx, wg_dynamic_slice(T(F32, 2, 3), T(I32, 1), 2, 2), "dynamic_slice", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_dynamic_slice(T(F32, 2, 3), T(I32, 1), 1, 4), "dynamic_slice", WG_BAD_SHAPE,
                 "4 elements|[2, 3]");
    expect_error(ctx, wg_dynamic_slice(T(F32, 2, 3), T(I32, 1), 1, -1), "dynamic_slice", WG_BAD_SHAPE, "-1 elements");
    expect_error(ctx, wg_dynamic_update(T(F32, 2, 3), T(F64, 2, 1), T(I32, 1), 1), "dynamic_update", WG_BAD_TYPE,
                 "types differ|f64 [2, 1]");
    expect_error(ctx, wg_dynamic_update(T(F32, 2, 3), T(F32, 2, 4), T(I32, 1), 1), "dynamic_update", WG_BAD_SHAPE,
                 "4 elements|[2, 4]");
    expect_error(ctx, wg_dynamic_update(T(F32, 2, 3), T(F32, 1, 1), T(I32, 1), 1), "dynamic_update", WG_BAD_SHAPE,
                 "axes other than 1|[1, 1]");
    expect_error(ctx, wg_dynamic_update(T(F32, 2, 3), T(F32, 2), T(I32, 1), 0), "dynamic_update", WG_BAD_SHAPE,
                 "[2, 3]|[2]");
    expect_error(ctx, wg_dynamic_update(T(F32, 2, 3), T(F32, 2), T(I32, 1), 1), "dynamic_update", WG_BAD_SHAPE,
                 "[2, 3]|[2]");
    y = wg_dynamic_slice(T(F32, 2, 5), wg_from_i64(ctx, WG_SCALAR, &four), 1, 2);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "dynamic_slice evaluates a start too far");
    expect_error(ctx, WG_NONE, "dynamic_slice", WG_BAD_ARGUMENT, "start 4|2 elements|length 5");
    y = wg_dynamic_slice(T(F32, 2, 5), wg_from_i64(ctx, WG_SCALAR, &less), 1, 0);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "dynamic_slice evaluates a negative start");
    expect_error(ctx, WG_NONE, "dynamic_slice", WG_BAD_ARGUMENT, "start -1|0 elements|length 5");
    y = wg_dynamic_update(T(F32, 4), T(F32, 3), wg_from_i64(ctx, WG_SCALAR, &two), 0);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "dynamic_update evaluates a start too far");
    expect_error(ctx, WG_NONE, "dynamic_update", WG_BAD_ARGUMENT, "start 2|3 elements|length 4");
}

static void wrong_order(wg_context *ctx)
{
    expect_error(ctx, wg_cumsum(T(F32, 2, 3), 2), "cumsum", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_cumsum(T(U8, 2, 3), 1), "cumsum", WG_BAD_TYPE, "u8|[2, 3]");
    expect_error(ctx, wg_argsort(T(F32, 2, 3), -3, false, -1), "argsort", WG_BAD_SHAPE, "axis -3|[2, 3]");
    expect_error(ctx, wg_argsort(T(F32, 2, 3), 1, false, 4), "argsort", WG_BAD_SHAPE, "4 elements|of 3|axis 1");
    expect_error(ctx, wg_argsort(T(F32, 2, 3), 1, false, -2), "argsort", WG_BAD_ARGUMENT, "-2 places");
    expect_error(ctx, wg_argsort(T(BOOL, 2, 3), 1, false, -1), "argsort", WG_BAD_TYPE, "not bool|[2, 3]|wg_cast");
    expect_error(ctx, wg_apply(row_named("argsort"), WG_LIST(T(F32, 3)), &(wg_attributes){.integer = {0, 0, 4}}),
                 "argsort", WG_BAD_SHAPE, "not 4|[3]");
    expect_error(ctx, wg_sort(T(F32, 2, 3), 2, true), "sort", WG_BAD_SHAPE, "axis 2|[2, 3]");
    wg_tensor places;
    expect_error(ctx, wg_top_k(T(F32, 2, 3), 4, 1, &places), "top_k", WG_BAD_SHAPE, "4 elements|of 3");
    expect_error(ctx, wg_top_k(T(F32, 2, 3), -1, 1, &places), "top_k", WG_BAD_ARGUMENT, "-1 largest");
    reference_check(places.id == 0, "top_k leaves no places");
    expect_error(ctx, wg_searchsorted(T(F32, 2, 3), T(F32, 2), false), "searchsorted", WG_BAD_SHAPE, "rank 1, not 2");
    expect_error(ctx, wg_searchsorted(T(F32, 3), T(F64, 2), false), "searchsorted", WG_BAD_TYPE, "f32 and f64");
    expect_error(ctx, wg_searchsorted(T(BOOL, 3), T(BOOL, 2), false), "searchsorted", WG_BAD_TYPE, "bool and bool");
}

static wg_tensor pooled(wg_context *ctx, wg_pool_options how)
{
    return wg_pool_index(T(F32, 1, 1, 5, 5), &how, false);
}

static void wrong_windows(wg_context *ctx)
{
    const int64_t huge = INT64_C(1) << 62;
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, 4, 1, 1), "unfold", WG_BAD_SHAPE, "window of 4|axis 1|[2, 3]");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, 3, 1, huge), "unfold", WG_BAD_SHAPE, "longer than axis 1|[2, 3]");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, huge, 1, 4), "unfold", WG_BAD_SHAPE, "longer than axis 1|[2, 3]");
    expect_error(ctx, wg_unfold(T(F32, 2, 0), 1, 1, 1, 1), "unfold", WG_BAD_SHAPE, "longer than axis 1|[2, 0]");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, 0, 1, 1), "unfold", WG_BAD_SHAPE, "size 0|positive");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, 1, 0, 1), "unfold", WG_BAD_SHAPE, "step 0|positive");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 1, 1, 1, -1), "unfold", WG_BAD_SHAPE, "dilation -1|positive");
    expect_error(ctx, wg_unfold(T(F32, 2, 3), 2, 1, 1, 1), "unfold", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_unfold(T(F32, 1, 1, 1, 1, 1, 1, 1, 1), 0, 1, 1, 1), "unfold", WG_BAD_SHAPE,
                 "rank would exceed 8");
    expect_error(ctx, wg_fold(T(F32, 3, 2), 0, 1, 1, 5), "fold", WG_BAD_SHAPE, "length 5|4 such windows, not 3|[3, 2]");
    expect_error(ctx, wg_fold(T(F32, 3, 2), 0, 1, 1, 1), "fold", WG_BAD_SHAPE, "0 such windows");
    expect_error(ctx, wg_fold(T(F32, 0, 2), 0, 1, 1, 1), "fold", WG_BAD_SHAPE, "0 such windows");
    expect_error(ctx, wg_fold(T(F32, 3, 2), 1, 1, 1, 4), "fold", WG_BAD_SHAPE, "two axes|axis 1|[3, 2]");
    expect_error(ctx, wg_fold(T(F32, 3), 0, 1, 1, 4), "fold", WG_BAD_SHAPE, "two axes|[3]");
    expect_error(ctx, wg_fold(T(F32, 3, 2), 0, 0, 1, 4), "fold", WG_BAD_SHAPE, "step 0");
    expect_error(ctx, wg_fold(T(BOOL, 3, 2), 0, 1, 1, 4), "fold", WG_BAD_TYPE, "not bool|[3, 2]");
    expect_error(ctx, wg_pool_index(T(F32, 1, 1, 5), NULL, false), "pool_index", WG_BAD_ARGUMENT, "options");
    expect_error(ctx, wg_pool_index(T(F32, 5, 5), &(wg_pool_options){.size = {1}}, false), "pool_index", WG_BAD_SHAPE,
                 "spatial axes|[5, 5]");
    expect_error(ctx, wg_pool_index(T(BOOL, 1, 1, 5), &(wg_pool_options){.size = {1}}, false), "pool_index",
                 WG_BAD_TYPE, "not bool|[1, 1, 5]");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2}}), "pool_index", WG_BAD_SHAPE, "out of range|axis 1");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, huge}}), "pool_index", WG_BAD_SHAPE,
                 "out of range|axis 1");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 2}, .stride = {-1}}), "pool_index", WG_BAD_SHAPE,
                 "out of range|axis 0");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 2}, .low = {0, -1}}), "pool_index", WG_BAD_SHAPE,
                 "out of range|axis 1");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 2}, .high = {-1}}), "pool_index", WG_BAD_SHAPE,
                 "out of range|axis 0");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 6}}), "pool_index", WG_BAD_SHAPE,
                 "longer|axis 1|[1, 1, 5, 5]");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 2}, .low = {2}}), "pool_index", WG_BAD_SHAPE,
                 "wholly in the padding|axis 0");
    expect_error(ctx, pooled(ctx, (wg_pool_options){.size = {2, 2}, .high = {0, 3}}), "pool_index", WG_BAD_SHAPE,
                 "wholly in the padding|axis 1");
    expect_error(
        ctx,
        pooled(ctx,
               (wg_pool_options){.size = {2, 2}, .stride = {1, 1}, .low = {0, 7}, .high = {0, 7}, .dilation = {1, 7}}),
        "pool_index", WG_BAD_SHAPE, "wholly in the padding|axis 1");
    expect_error(ctx, wg_apply(row_named("pool_index"), WG_LIST(T(F32, 1, 1, 5)), NULL), "pool_index", WG_BAD_SHAPE,
                 "spatial axis 0|[1, 1, 5]");
    expect_error(ctx, wg_max_pool(T(F32, 5, 5), &(wg_pool_options){.size = {1}}), "max_pool", WG_BAD_SHAPE, "[5, 5]");
    expect_error(ctx, wg_min_pool(T(F32, 1, 1, 0), &(wg_pool_options){.size = {1}}), "min_pool", WG_BAD_SHAPE,
                 "longer|[1, 1, 0]");
    expect_error(ctx, wg_average_pool(T(I32, 1, 1, 5), &(wg_pool_options){.size = {1}}), "average_pool", WG_BAD_TYPE,
                 "not i32");
    expect_error(ctx, wg_average_pool(T(F32, 1, 1, 5), NULL), "average_pool", WG_BAD_ARGUMENT, "options");
    expect_error(ctx, wg_global_average_pool(T(F32, 2, 3)), "global_average_pool", WG_BAD_SHAPE, "spatial axes");
    expect_error(ctx, wg_adaptive_average_pool(T(F32, 1, 1, 5), WG_SHAPE(0)), "adaptive_average_pool", WG_BAD_SHAPE,
                 "[0]|[1, 1, 5]");
    expect_error(ctx, wg_adaptive_average_pool(T(F32, 1, 1, 5), WG_SHAPE(2, 2)), "adaptive_average_pool", WG_BAD_SHAPE,
                 "[2, 2]|[1, 1, 5]");
    expect_error(ctx, wg_adaptive_average_pool(T(F32, 1, 1, 0), WG_SHAPE(2)), "adaptive_average_pool", WG_BAD_SHAPE,
                 "[2]|[1, 1, 0]");
}

static void wrong_padding(wg_context *ctx)
{
    const int64_t one[] = {1};
    expect_error(ctx, wg_pad_with(T(F32, 2, 3), 1, 3, 0, WG_PAD_REFLECT, 0), "pad", WG_BAD_SHAPE,
                 "3 before|reflect|axis 1|[2, 3]|shorter than the axis");
    expect_error(ctx, wg_pad_with(T(F32, 2, 3), 1, 0, 4, WG_PAD_CIRCULAR, 0), "pad", WG_BAD_SHAPE,
                 "4 behind|circular|[2, 3]|once");
    expect_error(ctx, wg_pad_with(T(F32, 2, 0), 1, 0, 1, WG_PAD_REPLICATE, 0), "pad", WG_BAD_SHAPE,
                 "1 behind|replicate|[2, 0]");
    expect_error(ctx, wg_pad_with(T(F32, 2, 3), 1, -1, 1, WG_PAD_CONSTANT, 0), "pad", WG_BAD_SHAPE,
                 "-1 before|constant");
    expect_error(ctx, wg_pad_with(T(F32, 2, 3), 2, 1, 1, WG_PAD_CONSTANT, 0), "pad", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_pad_with(T(F32, 2, 3), 1, 1, 1, (wg_pad_mode)9, 0), "pad", WG_BAD_ARGUMENT, "mode 9");
    expect_error(ctx, wg_pad_with(T(I32, 2, 3), 1, 1, 1, WG_PAD_CONSTANT, 0.5), "full", WG_BAD_TYPE, "0.5|i32");
    expect_error(ctx, wg_pad_axes(T(F32, 2, 3), WG_AXES(0, 0), one, one, WG_PAD_CONSTANT, 0), "pad", WG_BAD_SHAPE,
                 "twice");
    expect_error(ctx, wg_pad_axes(T(F32, 2, 3), WG_AXES(0), NULL, one, WG_PAD_CONSTANT, 0), "pad", WG_BAD_ARGUMENT,
                 "NULL");
    expect_error(ctx, wg_slice_step(T(F32, 2, 3), 1, 0, 1, -1), "slice", WG_BAD_SHAPE,
                 "[0, 1), backwards|axis 1|[2, 3]");
    expect_error(ctx, wg_slice_step(T(F32, 2, 3), 1, 3, WG_END, -1), "slice", WG_BAD_SHAPE,
                 "[3, -4), backwards|[2, 3]");
}

Test(messages, windows_order_and_places)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wrong_places(ctx);
    wrong_order(ctx);
    wrong_windows(ctx);
    wrong_padding(ctx);
    reference_end(ctx, "messages of windows");
}

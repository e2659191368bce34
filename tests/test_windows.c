/* Windows, pooling, order, padding and dynamic places: beside PyTorch (golden/windows.txt), in plans, and with handles
   that are none. */
#include "tests/golden/golden.h"
#include "tests/scratch.h"

static const char path[] = "tests/golden/windows.txt";

/* ---- golden values ---- */

static void fill(int64_t to[3], const golden_entry *e, int row)
{
    for (int i = 0; i < 3; i++) to[i] = (int64_t)e->values[3 * row + i];
}

static wg_pool_options options_of(const golden_entry *e)
{
    wg_pool_options o = {.ceil_mode = e->values[12] != 0, .count_padding = e->values[13] != 0};
    fill(o.size, e, 0);
    fill(o.stride, e, 1);
    fill(o.low, e, 2);
    fill(o.high, e, 2);
    fill(o.dilation, e, 3);
    return o;
}

/* The same values, NaN and infinities too. */
static void expect_same(wg_tensor got, const golden_entry *want)
{
    size_t size = (size_t)wg_shape_size(want->shape);
    double *values = malloc(size * sizeof *values + 1);
    if (wg_type_of(got) == WG_I64) got = wg_cast(got, WG_F64);
    cr_assert(wg_shape_equal(wg_shape_of(got), want->shape), "%s: the shape differs; %s", want->name,
              wg_error(got.context));
    cr_expect(wg_read_f64(got, values, size), "%s", wg_error(got.context));
    for (size_t i = 0; i < size; i++)
        cr_expect(values[i] == want->values[i] || (isnan(values[i]) && isnan(want->values[i])),
                  "%s: element %zu is %g, not %g", want->name, i, values[i], want->values[i]);
    free(values);
}

/* sum(y * (1, 2, 3, ...)) by x. */
static wg_tensor slope_of(wg_tensor y, wg_tensor x)
{
    wg_tensor count = wg_add_scalar(wg_iota(y.context, wg_type_of(y), WG_SHAPE(wg_size(y)), 0), 1);
    return wg_grad(wg_sum(wg_mul(wg_reshape(y, WG_SHAPE(wg_size(y))), count), WG_ALL), x);
}

Test(golden, pools)
{
    golden_open(path);
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int k = 0; k < 40; k++) {
            wg_context *ctx = scratch_context_with((wg_context_options){.type = type});
            wg_pool_options o = options_of(golden("max.%d.options", k));
            wg_tensor x = golden_tensor(ctx, golden("max.%d.x", k)), y = wg_max_pool(x, &o);
            expect_same(y, golden("max.%d.y", k));
            expect_same(wg_pool_index(x, &o, false), golden("max.%d.places", k));
            expect_same(slope_of(y, x), golden("max.%d.gx", k));
            expect_same(wg_neg(wg_min_pool(wg_neg(x), &o)), golden("max.%d.y", k));
            o = options_of(golden("average.%d.options", k));
            x = golden_tensor(ctx, golden("average.%d.x", k));
            y = wg_average_pool(x, &o);
            golden_expect(y, golden("average.%d.y", k));
            golden_expect(slope_of(y, x), golden("average.%d.gx", k));
            scratch_close(ctx);
        }
}

Test(golden, adaptive_pools)
{
    golden_open(path);
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    for (int k = 0; k < 4; k++) {
        const golden_entry *want = golden("adaptive.%d.y", k);
        wg_shape windows = {.rank = want->shape.rank - 2};
        for (int i = 0; i < windows.rank; i++) windows.dim[i] = want->shape.dim[i + 2];
        golden_expect(wg_adaptive_average_pool(golden_tensor(ctx, golden("adaptive.%d.x", k)), windows), want);
    }
    scratch_close(ctx);
}

Test(golden, order)
{
    golden_open(path);
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    for (int k = 0; k < 6; k++) {
        wg_tensor x = golden_tensor(ctx, golden("order.%d.x", k));
        expect_same(wg_argsort(x, -1, false, -1), golden("order.%d.ascending", k));
        expect_same(wg_argsort(x, -1, true, -1), golden("order.%d.descending", k));
        expect_same(wg_top_k(x, 3, -1, NULL), golden("order.%d.top", k));
    }
    wg_tensor x = golden_tensor(ctx, golden("search.x")), sorted = golden_tensor(ctx, golden("search.sorted"));
    expect_same(wg_searchsorted(sorted, x, false), golden("search.left"));
    expect_same(wg_searchsorted(sorted, x, true), golden("search.right"));
    scratch_close(ctx);
}

Test(golden, paddings)
{
    static const char *const names[] = {"constant", "reflect", "replicate", "circular"};
    static const int64_t low[] = {3, 2}, high[] = {1, 0};
    golden_open(path);
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor x = golden_tensor(ctx, golden("pad.x"));
    for (int mode = 0; mode < 4; mode++)
        expect_same(wg_pad_axes(x, WG_AXES(-1, -2), low, high, (wg_pad_mode)mode, 9), golden("pad.%s", names[mode]));
    scratch_close(ctx);
}

/* ---- plans ---- */

/* A cache of keys that grows by one row a step, and what has been cached is read: one plan for all places. */
Test(plans, do_not_depend_on_where_a_part_begins)
{
    enum { PLACES = 1000, WIDTH = 3 };
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F32});
    wg_tensor cache = wg_variable(ctx, "cache", wg_zeros(ctx, WG_SHAPE(PLACES, WIDTH)));
    wg_clear(ctx);
    uint64_t plans = 0;
    for (int64_t t = 0; t < PLACES; t++) {
        wg_tensor place = wg_from_i64(ctx, WG_SCALAR, &t), row = wg_full(ctx, WG_SHAPE(1, WIDTH), (double)t + 0.5);
        wg_tensor longer = wg_dynamic_update(cache, row, place, 0);
        wg_assign(cache, longer);
        wg_tensor before = wg_maximum_scalar(wg_sub_scalar(place, 1), 0);
        wg_tensor read = wg_sum(wg_dynamic_slice(longer, before, 0, 2), WG_ALL);
        double want = t ? WIDTH * (2 * (double)t) : WIDTH * 0.5;
        cr_assert_eq(wg_item(read), want, "place %d: %g, not %g; %s", (int)t, wg_item(read), want, wg_error(ctx));
        wg_clear(ctx);
        if (t == 3) plans = wg_context_stats(ctx).plan_misses;
    }
    cr_expect_eq(wg_context_stats(ctx).plan_misses, plans, "%d plans more",
                 (int)(wg_context_stats(ctx).plan_misses - plans));
    cr_expect_eq(wg_item(wg_sum(cache, WG_ALL)), WIDTH * (PLACES * (PLACES - 1) / 2 + PLACES * 0.5));
    scratch_close(ctx);
}

/* ---- handles that are none ---- */

/* All that takes a tensor, by one that may be none. */
static void call_all(wg_tensor x, wg_tensor *out, size_t *count)
{
    static const int64_t one[] = {1, 1};
    const wg_pool_options pool = {.size = {1}};
    const wg_tensor all[] = {wg_unfold(x, 0, 1, 1, 1),
                             wg_fold(x, 0, 1, 1, 1),
                             wg_pool_index(x, &pool, false),
                             wg_max_pool(x, &pool),
                             wg_min_pool(x, NULL),
                             wg_average_pool(x, &pool),
                             wg_adaptive_average_pool(x, WG_SHAPE(1)),
                             wg_global_average_pool(x),
                             wg_cumsum(x, 0),
                             wg_argsort(x, 0, false, -1),
                             wg_sort(x, 0, true),
                             wg_top_k(x, 1, 0, NULL),
                             wg_searchsorted(x, x, false),
                             wg_take_along(x, x, 0),
                             wg_scatter_add_along(x, x, 0, 1),
                             wg_dynamic_slice(x, x, 0, 1),
                             wg_dynamic_update(x, x, x, 0),
                             wg_pad_with(x, 0, 1, 1, WG_PAD_CIRCULAR, 0),
                             wg_pad_axes(x, WG_AXES(0), one, one, WG_PAD_CONSTANT, 0),
                             wg_slice_step(x, 0, -1, WG_END, -1)};
    *count = sizeof all / sizeof *all;
    memcpy(out, all, sizeof all);
}

Test(handles, that_are_none)
{
    wg_context *ctx = scratch_context();
    wg_tensor stale = wg_ones(ctx, WG_SHAPE(1, 1, 2)), out[32];
    size_t count;
    wg_clear(ctx);
    const wg_tensor none[] = {WG_NONE, {ctx, 0, 0}, stale};
    for (int i = 0; i < 3; i++) {
        call_all(none[i], out, &count);
        for (size_t k = 0; k < count; k++) cr_expect_eq(out[k].id, 0, "handle %d, call %zu", i, k);
        wg_context *holder = none[i].context;
        cr_expect_eq(wg_error_status(holder), WG_BAD_HANDLE, "handle %d: %s", i, wg_error(holder));
        wg_recover(holder);
    }
    wg_tensor x = wg_ones(ctx, WG_SHAPE(1, 1, 2));
    cr_expect_eq(wg_reshape(x, WG_SHAPE(7)).id, 0);
    char first[200];
    snprintf(first, sizeof first, "%s", wg_error(ctx));
    call_all(x, out, &count);
    for (size_t k = 0; k < count; k++) cr_expect_eq(out[k].id, 0, "in a failed context, call %zu", k);
    cr_expect_str_eq(wg_error(ctx), first);
    wg_recover(ctx);
    scratch_close(ctx);
}

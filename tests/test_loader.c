/* Walking data sets: each example once in a pass, in an order that the seed decides. */
#include "tests/scratch.h"

/* Examples [count, 1] whose value is their number, with the label 1000 + number. */
static wg_dataset *numbered(wg_context *ctx, int64_t count)
{
    float *x = malloc((size_t)count * sizeof *x);
    int32_t *y = malloc((size_t)count * sizeof *y);
    for (int64_t i = 0; i < count; i++) {
        x[i] = (float)i;
        y[i] = (int32_t)(1000 + i);
    }
    wg_dataset *data = wg_dataset_from(wg_from_f32(ctx, WG_SHAPE(count, 1), x), wg_from_i32(ctx, WG_SHAPE(count), y));
    free(x);
    free(y);
    wg_clear(ctx);
    return data;
}

/* Walks one pass, noting the order; the number of batches. */
static int64_t walk(wg_context *ctx, wg_loader *loader, float *order, int64_t *examples)
{
    wg_batch batch;
    int64_t batches = 0;
    *examples = 0;
    while (wg_loader_next(loader, &batch)) {
        int64_t rows = wg_dim(batch.x, 0);
        const float *x = wg_values_f32(batch.x);
        const int32_t *y = wg_values_i32(batch.y);
        cr_assert(x && y, "%s", wg_error(ctx));
        cr_expect_eq(batch.index, batches);
        cr_expect_eq(batch.restart, batches == 0);
        for (int64_t i = 0; i < rows; i++) cr_assert_eq((float)y[i], 1000 + x[i], "x and y part");
        for (int64_t i = 0; i < batch.size; i++) order[(*examples)++] = x[i];
        batches++;
        wg_clear(ctx);
    }
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    return batches;
}

static void expect_each_once(const float *order, int64_t count)
{
    char *seen = calloc((size_t)count, 1);
    for (int64_t i = 0; i < count; i++) {
        cr_assert(order[i] >= 0 && order[i] < (float)count);
        seen[(int64_t)order[i]]++;
    }
    int64_t once = 0;
    for (int64_t i = 0; i < count; i++) once += seen[i] == 1;
    cr_expect_eq(once, count);
    free(seen);
}

Test(loader, last_batch)
{
    static float order[3000];
    wg_context *ctx = scratch_context();
    wg_dataset *data = numbered(ctx, 3000);
    int64_t examples;
    wg_loader *keep = wg_loader_new(ctx, data, NULL);
    wg_loader *drop = wg_loader_new(ctx, data, &(wg_loader_options){.drop_last = true});
    cr_expect_eq(wg_loader_batches(keep), 94);
    cr_expect_eq(wg_loader_batches(drop), 93);
    for (int pass = 0; pass < 2; pass++) {
        cr_expect_eq(walk(ctx, keep, order, &examples), 94);
        cr_expect_eq(examples, 3000);
        for (int i = 0; i < 3000; i++) cr_assert_eq(order[i], (float)i);
        cr_expect_eq(walk(ctx, drop, order, &examples), 93);
        cr_expect_eq(examples, 2976);
    }
    scratch_close(ctx);
}

Test(loader, padding_comes_from_the_start)
{
    wg_context *ctx = scratch_context();
    wg_loader *pad = wg_loader_new(ctx, numbered(ctx, 5), &(wg_loader_options){.batch = 3, .pad_last = true});
    wg_batch batch;
    float x[3], order[5];
    int64_t examples;
    cr_expect_eq(wg_loader_batches(pad), 2);
    cr_assert(wg_loader_next(pad, &batch) && batch.size == 3);
    cr_assert(wg_loader_next(pad, &batch));
    cr_expect_eq(batch.size, 2);
    cr_assert(wg_read_f32(batch.x, x, 3));
    cr_expect(x[0] == 3 && x[1] == 4 && x[2] == 0);
    cr_expect_not(wg_loader_next(pad, &batch));
    cr_expect_null(batch.x.context);
    cr_expect_eq(walk(ctx, pad, order, &examples), 2);
    cr_expect_eq(examples, 5);
    wg_loader *wide = wg_loader_new(ctx, numbered(ctx, 2), &(wg_loader_options){.batch = 5, .pad_last = true});
    float y[5];
    cr_assert(wg_loader_next(wide, &batch) && wg_read_f32(batch.x, y, 5));
    cr_expect(y[0] == 0 && y[1] == 1 && y[2] == 0 && y[3] == 1 && y[4] == 0);
    scratch_close(ctx);
}

Test(loader, shuffles_by_seed_and_pass)
{
    enum { COUNT = 500 };
    static float order[4][COUNT];
    wg_context *ctx = scratch_context();
    wg_dataset *data = numbered(ctx, COUNT);
    int64_t examples;
    wg_loader *a = wg_loader_new(ctx, data, &(wg_loader_options){.shuffle = true, .seed = 7});
    wg_loader *b = wg_loader_new(ctx, data, &(wg_loader_options){.shuffle = true, .seed = 7, .batch = 100});
    wg_loader *c = wg_loader_new(ctx, data, &(wg_loader_options){.shuffle = true, .seed = 8});
    walk(ctx, a, order[0], &examples);
    walk(ctx, a, order[1], &examples);
    walk(ctx, b, order[2], &examples);
    walk(ctx, c, order[3], &examples);
    for (int i = 0; i < 4; i++) expect_each_once(order[i], COUNT);
    cr_expect(memcmp(order[0], order[2], sizeof order[0]) == 0, "one seed gives two orders");
    int same_pass = 0, same_seed = 0, fixed = 0;
    for (int i = 0; i < COUNT; i++) {
        same_pass += order[0][i] == order[1][i];
        same_seed += order[0][i] == order[3][i];
        fixed += order[0][i] == (float)i;
    }
    cr_expect_lt(same_pass, 20); /* one is expected */
    cr_expect_lt(same_seed, 20);
    cr_expect_lt(fixed, 20);
    walk(ctx, b, order[2], &examples);
    cr_expect(memcmp(order[1], order[2], sizeof order[1]) == 0, "second passes differ");
    scratch_close(ctx);
}

/* All 6 orders of three examples are equally frequent: chi-square with 5 degrees of freedom, 0.1 %. */
Test(loader, shuffles_evenly)
{
    enum { PASSES = 6000 };
    wg_context *ctx = scratch_context();
    wg_loader *loader = wg_loader_new(ctx, numbered(ctx, 3), &(wg_loader_options){.shuffle = true, .seed = 3});
    int count[9] = {0};
    for (int pass = 0; pass < PASSES; pass++) {
        float order[3];
        int64_t examples;
        walk(ctx, loader, order, &examples);
        count[(int)order[0] * 3 + (int)order[1]]++;
    }
    double chi = 0;
    for (int i = 0; i < 9; i++) chi += i % 4 ? (count[i] - 1000.0) * (count[i] - 1000.0) / 1000.0 : 0;
    cr_expect_lt(chi, 20.5);
    scratch_close(ctx);
}

Test(loader, repeats)
{
    wg_context *ctx = scratch_context();
    wg_loader_options options = {.batch = 4, .repeat = true, .shuffle = true};
    wg_loader *loader = wg_loader_new(ctx, numbered(ctx, 10), &options);
    wg_batch batch;
    int restarts = 0;
    float order[10];
    int64_t examples = 0;
    for (int i = 0; i < 30; i++, wg_clear(ctx)) {
        cr_assert(wg_loader_next(loader, &batch));
        cr_expect_eq(batch.index, i % 3);
        cr_expect_eq(batch.size, i % 3 == 2 ? 2 : 4);
        restarts += batch.restart;
        if (batch.restart) examples = 0;
        memcpy(order + examples, wg_values_f32(batch.x), (size_t)batch.size * sizeof *order);
        examples += batch.size;
        if (i % 3 == 2) expect_each_once(order, 10);
    }
    cr_expect_eq(restarts, 10);
    scratch_close(ctx);
}

Test(loader, batches_share_no_memory)
{
    wg_context *ctx = scratch_context();
    wg_loader *loader = wg_loader_new(ctx, numbered(ctx, 12), &(wg_loader_options){.batch = 4, .repeat = true});
    wg_batch first, second, third;
    cr_assert(wg_loader_next(loader, &first));
    uint64_t mark = wg_mark(ctx);
    cr_assert(wg_loader_next(loader, &second));
    const float *a = wg_values_f32(first.x), *b = wg_values_f32(second.x);
    cr_assert(a && b && a != b);
    cr_expect(a[0] == 0 && b[0] == 4);
    wg_rewind(ctx, mark);
    cr_assert(wg_loader_next(loader, &third)); /* may use the second one's memory, never the first one's */
    const float *c = wg_values_f32(third.x);
    cr_expect(c == b, "a slot was not given back");
    cr_expect(a[0] == 0 && a[3] == 3 && c[0] == 8);
    wg_clear(ctx);
    uint64_t allocations = 0;
    for (int i = 0; i < 20; i++, wg_clear(ctx)) {
        cr_assert(wg_loader_next(loader, &first) && wg_values_f32(first.x)[0] == (float)(4 * (i % 3)));
        if (i == 2) allocations = wg_context_stats(ctx).allocations;
    }
    cr_expect_eq(wg_context_stats(ctx).allocations, allocations, "a walk allocates");
    scratch_close(ctx);
}

Test(loader, shifts_images)
{
    enum { COUNT = 400 };
    wg_context *ctx = scratch_context();
    scratch_begin();
    unsigned char file[16 + COUNT * 9] = {0, 0, 8, 3, 0, 0, COUNT >> 8, COUNT & 255, 0, 0, 0, 3, 0, 0, 0, 3};
    for (int i = 0; i < COUNT; i++) file[16 + 9 * i + 4] = 1; /* the pixel in the middle */
    wg_dataset *data =
        wg_dataset_idx(ctx, scratch_write("x", file, sizeof file), NULL, &(wg_image_options){.scale = 2, .offset = -1});
    wg_loader *loader = wg_loader_new(ctx, data, &(wg_loader_options){.batch = COUNT, .shift = 1});
    int place[2][9] = {{0}};
    float first[COUNT * 9];
    for (int pass = 0; pass < 2; pass++) {
        wg_batch batch;
        cr_assert(wg_loader_next(loader, &batch));
        const float *x = wg_values_f32(batch.x);
        cr_expect(pass == 0 || memcmp(first, x, sizeof first) != 0, "both passes shift alike");
        memcpy(first, x, sizeof first);
        for (int i = 0; i < COUNT; i++) {
            int bright = 0;
            for (int k = 0; k < 9; k++) {
                cr_assert(x[9 * i + k] == 1 || x[9 * i + k] == -1, "a margin that is not blank");
                bright += x[9 * i + k] == 1;
                place[pass][k] += x[9 * i + k] == 1;
            }
            cr_assert_eq(bright, 1);
        }
        cr_expect_not(wg_loader_next(loader, &batch));
    }
    for (int k = 0; k < 18; k++) cr_expect(place[k / 9][k % 9] > 20, "shift %d came %d times", k, place[k / 9][k % 9]);
    scratch_close(ctx);
    scratch_end();
}

Test(loader, options_and_empty_sets)
{
    wg_context *ctx = scratch_context(), *other = wg_context_new(NULL);
    wg_dataset *data = numbered(ctx, 4), *nothing, *rest;
    cr_expect_null(wg_loader_new(ctx, data, &(wg_loader_options){.batch = -1}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "negative", "a negative batch");
    cr_expect_null(wg_loader_new(ctx, data, &(wg_loader_options){.drop_last = true, .pad_last = true}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "dropped and padded", "both ends");
    cr_expect_null(wg_loader_new(ctx, data, &(wg_loader_options){.shift = 1}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "only images", "numbers cannot be shifted");
    cr_expect_null(wg_loader_new(ctx, NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "NULL", "no data set");
    cr_expect_null(wg_loader_new(other, data, NULL));
    cr_expect_eq(wg_error_status(other), WG_BAD_ARGUMENT);
    cr_assert(wg_dataset_split(data, 0, &nothing, &rest));
    wg_batch batch;
    for (int i = 0; i < 4; i++) {
        wg_loader_options options = {.batch = 3, .repeat = i & 1, .pad_last = i & 2, .shuffle = true};
        wg_loader *loader = wg_loader_new(ctx, nothing, &options);
        cr_expect_eq(wg_loader_batches(loader), 0);
        cr_expect_not(wg_loader_next(loader, &batch));
    }
    wg_loader *none = wg_loader_new(ctx, data, &(wg_loader_options){.batch = 5, .drop_last = true, .repeat = true});
    cr_expect_not(wg_loader_next(none, &batch));
    cr_expect_not(wg_loader_next(NULL, &batch));
    cr_expect_eq(wg_loader_batches(NULL), 0);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(other);
    scratch_close(ctx);
}

Test(loader, ends_after_an_error)
{
    wg_context *ctx = scratch_context();
    wg_loader *loader = wg_loader_new(ctx, numbered(ctx, 4), &(wg_loader_options){.batch = 2, .repeat = true});
    wg_batch batch;
    cr_assert(wg_loader_next(loader, &batch));
    wg_loader_new(ctx, NULL, NULL);
    cr_expect_not(wg_loader_next(loader, &batch));
    wg_recover(ctx);
    cr_assert(wg_loader_next(loader, &batch));
    cr_expect_eq(batch.index, 1);
    scratch_close(ctx);
}

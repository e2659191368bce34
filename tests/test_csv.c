/* Text files of separated columns, and data sets as such: from tensors, in two halves. */
#include "tests/scratch.h"

enum { FLIPS = 20000, RENEW = 200 };

/* ---- right files ---- */

Test(csv, numbers_and_words)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    const char *path = scratch_text("a.csv", "width,height,kind\n1.5,-2,cat\n0.25,1e3,dog\n.5,+4.,cat\n");
    wg_dataset *data = wg_dataset_csv(ctx, path, &(wg_csv_options){.target = "kind"});
    wg_batch batch = scratch_all(ctx, data);
    expect_values(batch.x, WG_SHAPE(3, 2), (double[]){1.5, -2, 0.25, 1000, 0.5, 4});
    expect_labels(batch.y, 3, (int32_t[]){0, 1, 0});
    cr_expect_eq(wg_dataset_classes(data), 2);
    cr_expect_str_eq(wg_dataset_class(data, 0), "cat");
    cr_expect_str_eq(wg_dataset_class(data, 1), "dog");
    cr_expect_null(wg_dataset_class(data, 2));
    cr_expect_null(wg_dataset_class(data, -1));
    scratch_close(ctx);
    scratch_end();
}

/* Both halves know the classes, and give back what they share once. */
Test(csv, classes_of_both_halves)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    const char *path = scratch_text("a.csv", "x,kind\n1,cat\n2,dog\n3,cat\n4,dog\n");
    wg_dataset *all = wg_dataset_csv(ctx, path, &(wg_csv_options){.target = "kind"}), *first, *rest;
    cr_assert(wg_dataset_split(all, 0.5, &first, &rest));
    cr_expect_str_eq(wg_dataset_class(first, 1), "dog");
    cr_expect_str_eq(wg_dataset_class(rest, 0), "cat");
    expect_labels(scratch_all(ctx, rest).y, 2, (int32_t[]){0, 1});
    scratch_close(ctx);
    scratch_end();
}

Test(csv, whole_numbers_are_their_own_classes)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    const char *path = scratch_text("a.csv", "3,10\n4,2\n5,0\n");
    wg_dataset *data = wg_dataset_csv(ctx, path, &(wg_csv_options){.target = "1", .no_header = true});
    expect_labels(scratch_all(ctx, data).y, 3, (int32_t[]){10, 2, 0});
    cr_expect_eq(wg_dataset_classes(data), 11);
    cr_expect_str_eq(wg_dataset_class(data, 10), "10");
    path = scratch_text("b.csv", "3,10\n4,2\n5,02\n"); /* 02 is a word, hence all are */
    data = wg_dataset_csv(ctx, path, &(wg_csv_options){.target = "1", .no_header = true});
    expect_labels(scratch_all(ctx, data).y, 3, (int32_t[]){0, 1, 2});
    scratch_close(ctx);
    scratch_end();
}

Test(csv, regression_and_f64)
{
    scratch_begin();
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    const char *path = scratch_text("a.tsv", "price\tx\n0.1\t2\n1e300\t0.30000000000000004\n");
    wg_csv_options options = {.target = "price", .regression = true, .separator = '\t'};
    wg_batch batch = scratch_all(ctx, wg_dataset_csv(ctx, path, &options));
    expect_values(batch.x, WG_SHAPE(2, 1), (double[]){2, 0.30000000000000004});
    expect_values(batch.y, WG_SHAPE(2, 1), (double[]){0.1, 1e300});
    scratch_close(ctx);
    scratch_end();
}

Test(csv, forms_of_text)
{
    static const char *const texts[] = {
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "\xef\xbb\xbf\x61,b\n1,2\n3,4\n", /* a byte order mark before the a */
        "a,b\n1,2\n3,4\n\n \n\r\n",
        " a , b \n 1 ,\t2\n3,4 \n",
        "\"a\",\"b\"\n\"1\",\"2\"\n3,4\n",
    };
    scratch_begin();
    wg_context *ctx = scratch_context();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wg_dataset *data = wg_dataset_csv(ctx, scratch_text("a.csv", texts[i]), NULL);
        cr_assert_not_null(data, "%s: %s", texts[i], wg_error(ctx));
        expect_values(scratch_all(ctx, data).x, WG_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    }
    const char *quoted = "x,\"a, \"\"b\"\"\nc\"\n1,\"say \"\"no\"\"\"\n2,\" two,\nlines \"\n";
    wg_dataset *data = wg_dataset_csv(ctx, scratch_text("q.csv", quoted), &(wg_csv_options){.target = "a, \"b\"\nc"});
    cr_assert_not_null(data, "%s", wg_error(ctx));
    cr_expect_str_eq(wg_dataset_class(data, 0), "say \"no\"");
    cr_expect_str_eq(wg_dataset_class(data, 1), " two,\nlines ");
    data = wg_dataset_csv(ctx, scratch_text("empty.csv", "a,b\n"), NULL);
    cr_expect_not_null(data);
    cr_expect_eq(wg_dataset_size(data), 0);
    scratch_close(ctx);
    scratch_end();
}

/* Many distinct words, so that the table of classes grows; each comes twice. */
Test(csv, many_classes)
{
    enum { WORDS = 3000 };
    scratch_begin();
    wg_context *ctx = scratch_context();
    FILE *file = fopen(scratch("many.csv"), "w");
    fputs("x,word\n", file);
    for (int i = 0; i < 2 * WORDS; i++) fprintf(file, "%d,w%d\n", i, i % WORDS);
    fclose(file);
    wg_dataset *data = wg_dataset_csv(ctx, scratch("many.csv"), &(wg_csv_options){.target = "word"});
    cr_assert_eq(wg_dataset_classes(data), WORDS);
    cr_expect_str_eq(wg_dataset_class(data, WORDS - 1), "w2999");
    const int32_t *labels = wg_values_i32(scratch_all(ctx, data).y);
    cr_assert_not_null(labels);
    int wrong = 0;
    for (int i = 0; i < 2 * WORDS; i++) wrong += labels[i] != i % WORDS;
    cr_expect_eq(wrong, 0);
    scratch_close(ctx);
    scratch_end();
}

/* Skips nothing silently: where no locale with a decimal comma is installed, the harness has a build that has one. */
Test(csv, locale_does_not_matter)
{
    static const char *const locales[] = {"fr_FR.UTF-8", "de_DE.UTF-8", "fr_FR.utf8", "de_DE.utf8"};
    scratch_begin();
    char before[128];
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    for (size_t i = 0; i < sizeof locales / sizeof *locales && localeconv()->decimal_point[0] != ','; i++)
        setlocale(LC_ALL, locales[i]);
    wg_context *ctx = scratch_context();
    wg_dataset *data = wg_dataset_csv(ctx, scratch_text("a.csv", "a,b\n1.5,2.25\n"), NULL);
    expect_values(scratch_all(ctx, data).x, WG_SHAPE(1, 2), (double[]){1.5, 2.25});
    cr_expect_null(wg_dataset_csv(ctx, scratch_text("b.csv", "a;b\n1,5;2\n"), &(wg_csv_options){.separator = ';'}));
    scratch_expect_error(ctx, WG_BAD_FILE, "no number: \"1,5\"", "a decimal comma");
    scratch_close(ctx);
    setlocale(LC_ALL, before);
    scratch_end();
}

/* ---- wrong files ---- */

Test(csv, wrong_files)
{
    static const struct {
        const char *text, *target;
        wg_status status;
        const char *words;
    } cases[] = {
        {"", NULL, WG_BAD_FILE, "is empty"},
        {"\n\n", NULL, WG_BAD_FILE, "is empty"},
        {"a,b\n1,2\n3\n", NULL, WG_BAD_FILE, "line 3 has 1 fields"},
        {"a,b\n1,2\n3,4,5\n", NULL, WG_BAD_FILE, "line 3 has 3 fields"},
        {"a,b\n1,2\n\n3,4\n", NULL, WG_BAD_FILE, "line 3 has 1 fields"},
        {"a,b\n1,\n", NULL, WG_BAD_FILE, "line 2, column \"b\": is empty"},
        {"a,b\n1,2\nx,4\n", NULL, WG_BAD_FILE, "line 3, column \"a\": is no number: \"x\""},
        {"a,b\n1,0x10\n", NULL, WG_BAD_FILE, "0x10"},
        {"a,b\n1,nan\n", NULL, WG_BAD_FILE, "nan"},
        {"a,b\n1,inf\n", NULL, WG_BAD_FILE, "inf"},
        {"a,b\n1,1e39\n", NULL, WG_BAD_FILE, "too large"},
        {"a,b\n1,1e\n", NULL, WG_BAD_FILE, "1e"},
        {"a,b\n1,1 2\n", NULL, WG_BAD_FILE, "1 2"},
        {"a,b\n1,.\n", NULL, WG_BAD_FILE, "column \"b\""},
        {"a,b\n1,--1\n", NULL, WG_BAD_FILE, "--1"},
        {"a,b\n1,\"2\n", NULL, WG_BAD_FILE, "line 2: a quote that opens a field is never closed"},
        {"a,b\n1,\"2\"3\n", NULL, WG_BAD_FILE, "closes before its end"},
        {"a,\"b\n\"\n1,2\n3,x\n", NULL, WG_BAD_FILE, "line 4"},
        {"a,b\n1,2\n", "c", WG_BAD_ARGUMENT, "no column is called \"c\""},
        {"a,a\n1,2\n", "a", WG_BAD_FILE, "two columns"},
        {"a\n1\n", "a", WG_BAD_FILE, "no inputs"},
        {"a,b\n1,\n", "b", WG_BAD_FILE, "is empty"},
        {"a,b\n1,3000000000\n", "b", WG_BAD_FILE, "regression"},
    };
    scratch_begin();
    wg_context *ctx = scratch_context();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_text("bad.csv", cases[i].text);
        cr_expect_null(wg_dataset_csv(ctx, path, &(wg_csv_options){.target = cases[i].target}), "%s", cases[i].text);
        scratch_expect_error(ctx, cases[i].status, cases[i].words, cases[i].text);
    }
    cr_expect_null(wg_dataset_csv(ctx, scratch_write("zero.csv", "a\n1\0\n", 5), NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "zero byte", "a zero byte");
    cr_expect_null(wg_dataset_csv(ctx, scratch("bad.csv"), &(wg_csv_options){.separator = '5'}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "separator", "a digit as separator");
    cr_expect_null(wg_dataset_csv(ctx, scratch("bad.csv"), &(wg_csv_options){.regression = true}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "target", "a regression to nothing");
    scratch_close(ctx);
    scratch_end();
}

static const char sample[] = "a,b,kind\n1.5,-2e1,x\n2,\"3\",y\r\n4,5,\"x\"\n";

Test(csv, twenty_thousand_flips)
{
    scratch_begin();
    uint64_t state = 2;
    int read = 0;
    wg_context *ctx = NULL;
    for (int i = 0; i < FLIPS; i++) {
        if (i % RENEW == 0) {
            scratch_close(ctx);
            ctx = scratch_context();
        }
        unsigned char copy[sizeof sample - 1];
        memcpy(copy, sample, sizeof copy);
        scratch_damage(copy, sizeof copy, &state);
        wg_dataset *data =
            wg_dataset_csv(ctx, scratch_write("x", copy, sizeof copy), &(wg_csv_options){.target = "kind"});
        cr_assert_neq(data != NULL, wg_failed(ctx));
        cr_assert(!data || wg_dataset_classes(data) <= wg_dataset_size(data) || wg_dataset_size(data) == 0);
        read += data != NULL;
        wg_recover(ctx);
    }
    cr_expect(read > FLIPS / 20 && read < FLIPS / 2, "%d were read", read);
    scratch_close(ctx);
    scratch_end();
}

Test(csv, no_memory)
{
    scratch_begin();
    bool done = false;
    for (long k = 0; !done; k++) {
        cr_assert_lt(k, 100);
        wg_context *ctx = scratch_context();
        scratch_left = k;
        wg_dataset *data = wg_dataset_csv(ctx, scratch_text("x", sample), &(wg_csv_options){.target = "kind"});
        scratch_left = -1;
        done = data != NULL;
        cr_expect_eq(wg_error_status(ctx), done ? WG_OK : WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        scratch_close(ctx);
    }
    scratch_end();
}

/* ---- data sets from tensors ---- */

Test(dataset, from_tensors_and_split)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(5, 2), (double[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    wg_dataset *all = wg_dataset_from(x, wg_from_i32(ctx, WG_SHAPE(5), (int32_t[]){10, 11, 12, 13, 14}));
    wg_dataset *first, *rest, *nothing, *again;
    wg_clear(ctx); /* the values were copied */
    size_t before = wg_context_stats(ctx).bytes;
    cr_assert(wg_dataset_split(all, 0.6, &first, &rest));
    cr_expect_lt(wg_context_stats(ctx).bytes - before, (size_t)4096);
    expect_values(scratch_all(ctx, first).x, WG_SHAPE(3, 2), (double[]){0, 1, 2, 3, 4, 5});
    expect_labels(scratch_all(ctx, rest).y, 2, (int32_t[]){13, 14});
    cr_assert(wg_dataset_split(rest, 0, &nothing, &again));
    cr_expect_eq(wg_dataset_size(nothing), 0);
    expect_values(scratch_all(ctx, again).x, WG_SHAPE(2, 2), (double[]){6, 7, 8, 9});
    cr_assert(wg_dataset_split(all, 0.29, &first, NULL));
    cr_expect_eq(wg_dataset_size(first), 1);
    cr_expect_not(wg_dataset_split(all, 1.5, &first, &rest));
    cr_expect_null(first);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "[0, 1]", "a fraction beyond 1");
    cr_expect_not(wg_dataset_split(all, NAN, &first, &rest));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "[0, 1]", "no fraction");
    cr_expect_not(wg_dataset_split(NULL, 0.5, &first, &rest));
    scratch_close(ctx);
}

Test(dataset, tensors_must_fit)
{
    wg_context *ctx = scratch_context(), *other = wg_context_new(NULL);
    cr_expect_null(wg_dataset_from(wg_scalar(ctx, 1), WG_NONE));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "first axis", "a single number");
    cr_expect_null(wg_dataset_from(wg_zeros(ctx, WG_SHAPE(3, 1)), wg_zeros(ctx, WG_SHAPE(2))));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "3 inputs, but 2 targets", "different counts");
    cr_expect_null(wg_dataset_from(wg_zeros(ctx, WG_SHAPE(3, 1)), wg_zeros(other, WG_SHAPE(3))));
    scratch_expect_error(ctx, WG_BAD_HANDLE, "different contexts", "two contexts");
    wg_tensor stale = wg_zeros(ctx, WG_SHAPE(3));
    wg_clear(ctx);
    cr_expect_null(wg_dataset_from(stale, WG_NONE));
    cr_expect_eq(wg_error_status(ctx), WG_BAD_HANDLE);
    cr_expect_null(wg_dataset_from(WG_NONE, WG_NONE));
    wg_recover(NULL);
    wg_context_free(other);
    scratch_close(ctx);
}

Test(dataset, keeps_every_type)
{
    wg_context *ctx = scratch_context();
    wg_tensor truth = wg_from_bool(ctx, WG_SHAPE(2, 1), (bool[]){true, false});
    wg_tensor bytes = wg_from_u8(ctx, WG_SHAPE(2), (uint8_t[]){9, 250});
    wg_batch batch = scratch_all(ctx, wg_dataset_from(truth, bytes));
    bool truths[2];
    uint8_t numbers[2];
    cr_assert(wg_read_bool(batch.x, truths, 2) && wg_read_u8(batch.y, numbers, 2));
    cr_expect(truths[0] && !truths[1] && numbers[0] == 9 && numbers[1] == 250);
    wg_tensor wide = wg_from_i64(ctx, WG_SHAPE(1), (int64_t[]){INT64_C(1) << 40});
    int64_t value;
    cr_assert(wg_read_i64(scratch_all(ctx, wg_dataset_from(wide, WG_NONE)).x, &value, 1));
    cr_expect_eq(value, INT64_C(1) << 40);
    scratch_close(ctx);
}

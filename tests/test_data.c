/* Reading IDX files into data sets, plain and gzip-compressed, right and wrong. */
#include "tests/scratch.h"

#ifdef WG_HAVE_ZLIB
#include <zlib.h>
#endif

enum { FLIPS = 20000, RENEW = 200 };

/* Two images of 2 x 3 and their labels. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0,  0,
                                       0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 200};

/* ---- IDX ---- */

Test(idx, images_and_labels)
{
    scratch_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = type});
        wg_dataset *data = wg_dataset_idx(ctx, scratch_write("x", images, sizeof images),
                                          scratch_write("y", labels, sizeof labels), NULL);
        cr_assert_eq(wg_dataset_size(data), 2);
        wg_batch batch = scratch_all(ctx, data);
        cr_expect_eq(wg_type_of(batch.x), type);
        expect_values(batch.x, WG_SHAPE(2, 1, 2, 3), (double[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255});
        expect_labels(batch.y, 2, (int32_t[]){7, 200});
        scratch_close(ctx);
    }
    scratch_end();
}

Test(idx, scale_offset_and_ranks)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    wg_image_options options = {.scale = 0.5, .offset = -1};
    wg_batch batch = scratch_all(ctx, wg_dataset_idx(ctx, scratch_write("x", images, sizeof images), NULL, &options));
    expect_values(batch.x, WG_SHAPE(2, 1, 2, 3), (double[]){-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 126.5});
    cr_expect_null(batch.y.context);
    const unsigned char flat[] = {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 9, 8, 7};
    batch = scratch_all(ctx, wg_dataset_idx(ctx, scratch_write("flat", flat, sizeof flat), NULL, NULL));
    expect_values(batch.x, WG_SHAPE(1, 3), (double[]){9, 8, 7});
    batch = scratch_all(ctx, wg_dataset_idx(ctx, scratch_write("single", labels, sizeof labels), NULL, NULL));
    expect_values(batch.x, WG_SHAPE(2), (double[]){7, 200});
    scratch_close(ctx);
    scratch_end();
}

/* The images with one byte changed, or cut off. */
static void refuse_images(wg_context *ctx, size_t size, int at, int byte, wg_status status, const char *words)
{
    unsigned char copy[sizeof images + 1] = {0};
    memcpy(copy, images, sizeof images);
    if (at >= 0) copy[at] = (unsigned char)byte;
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("bad", copy, size), NULL, NULL));
    scratch_expect_error(ctx, status, words, words);
}

Test(idx, wrong_files)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    const size_t whole = sizeof images;
    for (size_t size = 0; size < whole; size++) refuse_images(ctx, size, -1, 0, WG_BAD_FILE, "bad: is ");
    refuse_images(ctx, whole + 1, -1, 0, WG_BAD_FILE, "1 bytes follow");
    refuse_images(ctx, whole, 0, 1, WG_BAD_FILE, "two zero bytes");
    refuse_images(ctx, whole, 1, 1, WG_BAD_FILE, "two zero bytes");
    refuse_images(ctx, whole, 2, 0x0d, WG_UNSUPPORTED, "type f32");
    refuse_images(ctx, whole, 2, 0x77, WG_BAD_FILE, "0x77");
    refuse_images(ctx, whole, 3, 0, WG_UNSUPPORTED, "0 axes");
    refuse_images(ctx, whole, 3, 4, WG_UNSUPPORTED, "4 axes");
    refuse_images(ctx, whole, 3, 2, WG_BAD_FILE, "bytes follow");
    refuse_images(ctx, whole, 4, 255, WG_BAD_FILE, "cut off");
    refuse_images(ctx, whole, 7, 3, WG_BAD_FILE, "12 values");
    refuse_images(ctx, whole, 7, 1, WG_BAD_FILE, "6 bytes follow");
    refuse_images(ctx, whole, 11, 0, WG_BAD_FILE, "axis 1 is 0");
    refuse_images(ctx, whole, 15, 4, WG_BAD_FILE, "cut off");
    const unsigned char huge[] = {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("huge", huge, sizeof huge), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "cut off", "lengths that overflow");
    scratch_close(ctx);
    scratch_end();
}

Test(idx, labels_must_fit)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    const unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3};
    scratch_write("x", images, sizeof images);
    cr_expect_null(wg_dataset_idx(ctx, scratch("x"), scratch_write("y", three, sizeof three), NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "holds 3 labels", "three labels for two images");
    cr_expect_null(wg_dataset_idx(ctx, scratch("x"), scratch("x"), NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "labels have one axis", "images as labels");
    cr_expect_null(wg_dataset_idx(ctx, scratch("none"), NULL, NULL));
    scratch_expect_error(ctx, WG_IO, "none: cannot be opened", "a missing file");
    cr_expect_null(wg_dataset_idx(ctx, NULL, NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "NULL", "no path");
    cr_expect_null(wg_dataset_idx(ctx, scratch_folder, NULL, NULL));
    scratch_expect_error(ctx, WG_IO, "cannot be read", "a folder");
    cr_expect_null(wg_dataset_idx(NULL, "x", NULL, NULL));
    scratch_close(ctx);
    scratch_end();
}

/* ---- gzip ---- */

#ifdef WG_HAVE_ZLIB

static size_t compress_images(unsigned char *packed, size_t room)
{
    z_stream stream = {0};
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)images;
    stream.avail_in = sizeof images;
    stream.next_out = packed;
    stream.avail_out = (unsigned)room;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = room - stream.avail_out;
    deflateEnd(&stream);
    return size;
}

Test(gzip, read_or_refused)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    unsigned char packed[256];
    size_t size = compress_images(packed, sizeof packed);
    wg_dataset *data = wg_dataset_idx(ctx, scratch_write("x.gz", packed, size), NULL, NULL);
    expect_values(scratch_all(ctx, data).x, WG_SHAPE(2, 1, 2, 3), (double[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255});
    for (size_t cut = 2; cut < size; cut++) {
        cr_expect_null(wg_dataset_idx(ctx, scratch_write("cut.gz", packed, cut), NULL, NULL));
        scratch_expect_error(ctx, WG_BAD_FILE, "end too early", "a compressed file cut off");
    }
    packed[size - 6] ^= 1; /* checksum */
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("sum.gz", packed, size), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "data check", "a wrong checksum");
    packed[size - 6] ^= 1;
    packed[size - 1] ^= 0x40; /* the stated size, a gigabyte more */
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("size.gz", packed, size), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "length check", "a lying size");
    cr_expect_lt(wg_context_stats(ctx).peak_bytes, (size_t)64 << 20);
    scratch_close(ctx);
    scratch_end();
}

Test(gzip, members_follow_one_another)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    unsigned char packed[512];
    size_t size = compress_images(packed, 256);
    memcpy(packed + size, packed, size);
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("two.gz", packed, 2 * size), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "28 bytes follow", "both members are read");
    packed[size] = 'x';
    cr_expect_null(wg_dataset_idx(ctx, scratch_write("tail.gz", packed, size + 1), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "gzip-compressed data", "garbage behind");
    scratch_close(ctx);
    scratch_end();
}

#else

Test(gzip, is_refused_without_zlib)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    cr_expect_null(wg_dataset_idx(ctx, scratch_text("x.gz", "\x1f\x8b\x08"), NULL, NULL));
    scratch_expect_error(ctx, WG_UNSUPPORTED, "gunzip", "a gzip file");
    scratch_close(ctx);
    scratch_end();
}

#endif

/* ---- damaged files, and no memory ---- */

Test(idx, twenty_thousand_flips)
{
    scratch_begin();
    uint64_t state = 1;
    int read = 0;
    wg_context *ctx = NULL;
    for (int i = 0; i < FLIPS; i++) {
        if (i % RENEW == 0) {
            scratch_close(ctx);
            ctx = scratch_context();
        }
        unsigned char copy[sizeof images];
        memcpy(copy, images, sizeof images);
        scratch_damage(copy, sizeof copy, &state);
        wg_dataset *data = wg_dataset_idx(ctx, scratch_write("x", copy, sizeof copy), NULL, NULL);
        cr_assert_neq(data != NULL, wg_failed(ctx));
        int64_t values = data ? wg_size(scratch_all(ctx, data).x) : 12;
        cr_assert(values >= 12 && values <= 20);
        read += data != NULL;
        wg_recover(ctx);
    }
    cr_expect(read > FLIPS / 20 && read < FLIPS / 2, "%d were read", read);
    scratch_close(ctx);
    scratch_end();
}

Test(idx, no_memory)
{
    scratch_begin();
    scratch_write("x", images, sizeof images);
    scratch_write("y", labels, sizeof labels);
    bool done = false;
    for (long k = 0; !done; k++) {
        cr_assert_lt(k, 100);
        wg_context *ctx = scratch_context();
        scratch_left = k;
        wg_dataset *data = wg_dataset_idx(ctx, scratch("x"), scratch("y"), NULL);
        scratch_left = -1;
        done = data != NULL;
        cr_expect_eq(wg_error_status(ctx), done ? WG_OK : WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        scratch_close(ctx);
    }
    scratch_end();
}

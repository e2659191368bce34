/* Sheets of images, read back byte by byte. */
#include "tests/scratch.h"

#ifdef WG_HAVE_ZLIB
#include <zlib.h>
#endif

/* Compares a file with a line of text and the pixels behind it. */
static void expect_netpbm(const char *name, const char *head, const unsigned char *pixels, size_t count)
{
    size_t size, length = strlen(head);
    unsigned char *file = scratch_read(name, &size);
    cr_assert_eq(size, length + count, "%zu bytes", size);
    cr_expect(memcmp(file, head, length) == 0);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(file[length + i], pixels[i], "pixel %zu is %d, not %d", i, file[length + i], pixels[i]);
    free(file);
}

Test(image, gray_values)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 4), (double[]){0, 1, 0.5, -3, 7, NAN, INFINITY, 1 / 255.0});
    cr_assert(wg_image_save(x, scratch("a.pgm"), 1), "%s", wg_error(ctx));
    expect_netpbm("a.pgm", "P5\n4 2\n255\n", (unsigned char[]){0, 255, 128, 0, 255, 0, 255, 1}, 8);
    wg_tensor bytes = wg_from_u8(ctx, WG_SHAPE(1, 1, 3), (uint8_t[]){0, 77, 255});
    cr_assert(wg_image_save(bytes, scratch("b.pgm"), 3), "%s", wg_error(ctx));
    expect_netpbm("b.pgm", "P5\n3 1\n255\n", (unsigned char[]){0, 77, 255}, 3);
    scratch_close(ctx);
    ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    x = wg_from_f64(ctx, WG_SHAPE(1, 2), (double[]){0.2, 0.4});
    cr_assert(wg_image_save(x, scratch("c.ppm"), 1), "%s", wg_error(ctx));
    expect_netpbm("c.ppm", "P6\n2 1\n255\n", (unsigned char[]){51, 51, 51, 102, 102, 102}, 6);
    scratch_close(ctx);
    scratch_end();
}

Test(image, sheets)
{
    enum { G = 128 };
    scratch_begin();
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_from_u8(ctx, WG_SHAPE(3, 1, 1, 2), (uint8_t[]){1, 2, 3, 4, 5, 6});
    cr_assert(wg_image_save(x, scratch("a.pgm"), 2), "%s", wg_error(ctx));
    expect_netpbm("a.pgm", "P5\n5 3\n255\n", (unsigned char[]){1, 2, G, 3, 4, G, G, G, G, G, 5, 6, G, G, G}, 15);
    cr_assert(wg_image_save(x, scratch("b.pgm"), 100), "%s", wg_error(ctx)); /* no more columns than images */
    expect_netpbm("b.pgm", "P5\n8 1\n255\n", (unsigned char[]){1, 2, G, 3, 4, G, 5, 6}, 8);
    wg_tensor colour = wg_from_u8(ctx, WG_SHAPE(3, 1, 2), (uint8_t[]){1, 2, 3, 4, 5, 6}); /* planes to pixels */
    cr_assert(wg_image_save(colour, scratch("c.ppm"), 1), "%s", wg_error(ctx));
    expect_netpbm("c.ppm", "P6\n2 1\n255\n", (unsigned char[]){1, 3, 5, 2, 4, 6}, 6);
    cr_expect_eq(scratch_files(), 3);
    scratch_close(ctx);
    scratch_end();
}

Test(image, wrong_arguments)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    static const struct {
        wg_shape shape;
        const char *name;
        int columns;
        wg_status status;
        const char *words;
    } cases[] = {
        {{2, {4, 4}}, "a.jpg", 1, WG_BAD_ARGUMENT, ".png, .pgm or .ppm"},
        {{2, {4, 4}}, "a.PGM", 1, WG_BAD_ARGUMENT, ".png, .pgm or .ppm"},
        {{2, {4, 4}}, "pgm", 1, WG_BAD_ARGUMENT, ".png, .pgm or .ppm"},
        {{2, {4, 4}}, "a.pgm", 0, WG_BAD_ARGUMENT, "column"},
        {{1, {4}}, "a.pgm", 1, WG_BAD_SHAPE, "not [4]"},
        {{5, {1, 1, 1, 4, 4}}, "a.pgm", 1, WG_BAD_SHAPE, "[1, 1, 1, 4, 4]"},
        {{3, {5, 4, 4}}, "a.pgm", 1, WG_BAD_SHAPE, "[count, 1, height, width]"},
        {{4, {5, 2, 4, 4}}, "a.pgm", 1, WG_BAD_SHAPE, "1 or 3 channels"},
        {{3, {3, 4, 4}}, "a.pgm", 1, WG_BAD_SHAPE, ".ppm or .png"},
        {{4, {0, 1, 4, 4}}, "a.pgm", 1, WG_BAD_SHAPE, "no pixels"},
        {{2, {4, 4}}, "missing/a.pgm", 1, WG_IO, "cannot be written"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_not(wg_image_save(wg_zeros(ctx, cases[i].shape), scratch(cases[i].name), cases[i].columns));
        scratch_expect_error(ctx, cases[i].status, cases[i].words, cases[i].words);
    }
    cr_expect_not(wg_image_save(wg_from_i32(ctx, WG_SHAPE(1, 1), (int32_t[]){1}), scratch("a.pgm"), 1));
    scratch_expect_error(ctx, WG_BAD_TYPE, "not i32", "whole numbers");
    cr_expect_not(wg_image_save(wg_zeros(ctx, WG_SHAPE(1, 1)), NULL, 1));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "path", "no path");
    cr_expect_not(wg_image_save(WG_NONE, scratch("a.pgm"), 1));
    wg_recover(NULL);
    cr_expect_eq(scratch_files(), 0);
    scratch_close(ctx);
    scratch_end();
}

#ifdef WG_HAVE_ZLIB

static unsigned word_at(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}

/* Checks a chunk's name and checksum; its length. */
static unsigned expect_chunk(const unsigned char *chunk, const char *name)
{
    unsigned length = word_at(chunk);
    cr_assert(memcmp(chunk + 4, name, 4) == 0);
    cr_expect_eq(word_at(chunk + 8 + length), crc32(0, chunk + 4, length + 4), "%s", name);
    return length;
}

/* Decodes the file and compares it with pixels. */
static void expect_png(const char *name, unsigned width, unsigned height, int channels, const unsigned char *pixels)
{
    size_t size;
    unsigned char *file = scratch_read(name, &size), *next = file + 8;
    cr_assert(memcmp(file, "\x89PNG\r\n\x1a\n", 8) == 0);
    cr_assert_eq(expect_chunk(next, "IHDR"), 13);
    cr_expect(word_at(next + 8) == width && word_at(next + 12) == height);
    cr_expect(memcmp(next + 16, channels == 3 ? "\x08\x02\0\0\0" : "\x08\0\0\0\0", 5) == 0);
    next += 25;
    unsigned packed = expect_chunk(next, "IDAT");
    unsigned char rows[65536];
    unsigned long count = sizeof rows;
    cr_assert_eq(uncompress(rows, &count, next + 8, packed), Z_OK);
    size_t row = (size_t)width * (size_t)channels;
    cr_assert_eq(count, (row + 1) * height);
    for (unsigned y = 0; y < height; y++) {
        cr_expect_eq(rows[y * (row + 1)], 0);
        cr_expect(memcmp(rows + y * (row + 1) + 1, pixels + y * row, row) == 0, "row %u", y);
    }
    next += 12 + packed;
    cr_expect_eq(expect_chunk(next, "IEND"), 0);
    cr_expect_eq((size_t)(next + 12 - file), size);
    free(file);
}

Test(image, png)
{
    enum { SIDE = 90 };
    static uint8_t noise[SIDE * SIDE];
    uint64_t state = 5;
    scratch_begin();
    wg_context *ctx = scratch_context();
    for (int i = 0; i < SIDE * SIDE; i++) noise[i] = (uint8_t)(scratch_random(&state) >> 32); /* cannot be compressed */
    cr_assert(wg_image_save(wg_from_u8(ctx, WG_SHAPE(SIDE, SIDE), noise), scratch("a.png"), 1), "%s", wg_error(ctx));
    expect_png("a.png", SIDE, SIDE, 1, noise);
    wg_tensor two = wg_from_u8(ctx, WG_SHAPE(2, 3, 1, 1), (uint8_t[]){1, 2, 3, 4, 5, 6});
    cr_assert(wg_image_save(two, scratch("b.png"), 1), "%s", wg_error(ctx));
    expect_png("b.png", 1, 3, 3, (unsigned char[]){1, 2, 3, 128, 128, 128, 4, 5, 6});
    scratch_close(ctx);
    scratch_end();
}

Test(image, no_memory)
{
    scratch_begin();
    bool done = false;
    for (long k = 0; !done; k++) {
        cr_assert_lt(k, 200);
        wg_context *ctx = scratch_context();
        wg_tensor x = wg_zeros(ctx, WG_SHAPE(3, 3, 20, 20));
        scratch_left = k;
        done = wg_image_save(x, scratch("a.png"), 2);
        scratch_left = -1;
        cr_expect_eq(wg_error_status(ctx), done ? WG_OK : WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        cr_expect_eq(scratch_files(), done);
        scratch_close(ctx);
    }
    scratch_end();
}

#else

Test(image, png_is_refused_without_zlib)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    cr_expect_not(wg_image_save(wg_zeros(ctx, WG_SHAPE(2, 2)), scratch("a.png"), 1));
    scratch_expect_error(ctx, WG_UNSUPPORTED, ".pgm and .ppm", "a .png file");
    cr_expect_eq(scratch_files(), 0);
    scratch_close(ctx);
    scratch_end();
}

#endif

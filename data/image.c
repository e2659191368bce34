/* Images as one sheet, like stamps, with a line of gray between them. */
#include "data/png.h"
#include "graph/graph.h"
#include "graph/shape.h"

#include <wengert/data.h>

#include <string.h>

enum { GAP = 1, GRAY = 128 };

typedef enum { FORMAT_NONE, FORMAT_PNG, FORMAT_PGM, FORMAT_PPM } image_format;

/* The tensor's values as images [count, channels, height, width]. */
typedef struct image_stack {
    wg_type type;
    int64_t count, channels, height, width;
    const void *values;
    uint8_t *copy; /* of u8 values */
} image_stack;

static image_format format_of(const char *path)
{
    static const char suffixes[][5] = {"", ".png", ".pgm", ".ppm"};
    size_t length = strlen(path);
    for (int format = FORMAT_PNG; format <= FORMAT_PPM; format++)
        if (length >= 4 && strcmp(path + length - 4, suffixes[format]) == 0) return (image_format)format;
    return FORMAT_NONE;
}

/* ---- what is to be drawn ---- */

static bool check_images(wg_context *ctx, wg_tensor images, image_format format, image_stack *stack)
{
    wg_shape shape = wg_shape_of(images);
    stack->type = wg_type_of(images);
    if (!graph_ok(ctx)) return false;
    shape_buffer text;
    int64_t dim[4] = {1, 1, 1, 1};
    for (int i = 0; i < shape.rank && shape.rank <= 4; i++) dim[4 - shape.rank + i] = shape.dim[i];
    stack->count = dim[0], stack->channels = dim[1], stack->height = dim[2], stack->width = dim[3];
    if (shape.rank < 2 || shape.rank > 4 || (stack->channels != 1 && stack->channels != 3)) {
        graph_fail(ctx, WG_BAD_SHAPE, "image: images are [count, channels, height, width] with 1 or 3 channels, not %s",
                   shape_text(shape, &text));
        if (shape.rank == 3) graph_hint(ctx, "gray images are [count, 1, height, width]");
    } else if (wg_shape_size(shape) == 0) {
        graph_fail(ctx, WG_BAD_SHAPE, "image: there are no pixels in %s", shape_text(shape, &text));
    } else if (!type_is_float(stack->type) && stack->type != WG_U8) {
        graph_fail(ctx, WG_BAD_TYPE, "image: pixels are f32, f64 or u8, not %s", wg_type_name(stack->type));
    } else if (format == FORMAT_PGM && stack->channels == 3) {
        graph_fail(ctx, WG_BAD_SHAPE, "image: a .pgm file holds gray images; for 3 channels use .ppm or .png");
    }
    return graph_ok(ctx);
}

static bool read_images(wg_context *ctx, wg_tensor images, image_stack *stack)
{
    if (!wg_eval((wg_list){1, &images})) return false;
    if (stack->type == WG_F32) stack->values = wg_values_f32(images);
    if (stack->type == WG_F64) stack->values = wg_values_f64(images);
    if (stack->type != WG_U8) return stack->values != NULL;
    size_t size = (size_t)wg_size(images);
    stack->values = stack->copy = memory_values(&ctx->memory, size);
    if (!stack->copy) graph_fail_memory(ctx, size);
    return stack->copy && wg_read_u8(images, stack->copy, size);
}

/* ---- the sheet ---- */

/* 0 to 1 becomes 0 to 255; what lies outside is clamped, and NaN is black. */
static uint8_t pixel(const image_stack *stack, size_t index)
{
    if (stack->type == WG_U8) return ((const uint8_t *)stack->values)[index];
    double value =
        stack->type == WG_F64 ? ((const double *)stack->values)[index] : (double)((const float *)stack->values)[index];
    if (!(value > 0)) return 0;
    return value < 1 ? (uint8_t)(value * 255 + 0.5) : 255;
}

/* Image `index`, its upper left corner at (left, top). A gray image on a sheet of three channels fills all three. */
static void place_image(const image_stack *stack, int64_t index, picture *sheet, int64_t left, int64_t top)
{
    size_t plane = (size_t)(stack->height * stack->width), first = (size_t)(index * stack->channels) * plane;
    for (int64_t y = 0; y < stack->height; y++)
        for (int64_t x = 0; x < stack->width; x++)
            for (int c = 0; c < sheet->channels; c++) {
                size_t from = first + (stack->channels == 3 ? (size_t)c * plane : 0) + (size_t)(y * stack->width + x);
                size_t to = (size_t)((top + y) * sheet->width + left + x) * (size_t)sheet->channels + (size_t)c;
                sheet->pixels[to] = pixel(stack, from);
            }
}

static bool make_sheet(wg_context *ctx, const image_stack *stack, int64_t columns, picture *sheet)
{
    if (columns > stack->count) columns = stack->count;
    int64_t rows = (stack->count + columns - 1) / columns;
    /* no overflow: neither is more than twice the number of pixels, which lie in memory */
    sheet->width = columns * (stack->width + GAP) - GAP;
    sheet->height = rows * (stack->height + GAP) - GAP;
    if (sheet->width > INT32_MAX / 4 || sheet->height > INT32_MAX) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "image: the sheet is too large");
        return false;
    }
    size_t size = (size_t)sheet->width * (size_t)sheet->height * (size_t)sheet->channels;
    sheet->pixels = memory_values(&ctx->memory, size);
    if (!sheet->pixels) {
        graph_fail_memory(ctx, size);
        return false;
    }
    memset(sheet->pixels, GRAY, size);
    for (int64_t i = 0; i < stack->count; i++)
        place_image(stack, i, sheet, i % columns * (stack->width + GAP), i / columns * (stack->height + GAP));
    return true;
}

/* ---- writing ---- */

/* Binary PGM or PPM: a line of text, then the pixels. */
static bool netpbm_write(memory *m, const char *path, const picture *sheet, file_fault *fault)
{
    char head[64];
    int length = snprintf(head, sizeof head, "P%c\n%lld %lld\n255\n", sheet->channels == 3 ? '6' : '5',
                          (long long)sheet->width, (long long)sheet->height);
    file_part parts[] = {{head, (size_t)length},
                         {sheet->pixels, (size_t)sheet->width * (size_t)sheet->height * (size_t)sheet->channels}};
    return file_write(m, "image", path, parts, 2, fault);
}

static bool save(wg_context *ctx, wg_tensor images, const char *path, int columns)
{
    image_format format = path ? format_of(path) : FORMAT_NONE;
    image_stack stack = {0};
    file_fault fault;
    if (format == FORMAT_NONE || columns < 1) {
        graph_fail(ctx, WG_BAD_ARGUMENT,
                   format == FORMAT_NONE ? "image: the path must end with .png, .pgm or .ppm"
                                         : "image: there must be at least one column");
        return false;
    }
    if (!check_images(ctx, images, format, &stack)) return false;
    picture sheet = {.channels = format == FORMAT_PPM ? 3 : (int)stack.channels};
    if (read_images(ctx, images, &stack) && make_sheet(ctx, &stack, columns, &sheet)) {
        bool written = format == FORMAT_PNG ? png_write(&ctx->memory, path, &sheet, &fault)
                                            : netpbm_write(&ctx->memory, path, &sheet, &fault);
        if (!written) file_report(ctx, &fault);
    }
    memory_drop(&ctx->memory, sheet.pixels);
    memory_drop(&ctx->memory, stack.copy);
    return graph_ok(ctx);
}

bool wg_image_save(wg_tensor images, const char *path, int columns)
{
    wg_context *ctx = images.context;
    WG_ENTRY(ctx);
    if (!ctx) graph_fail(NULL, WG_BAD_HANDLE, "image: the images belong to no context");
    return graph_ok(ctx) && save(ctx, images, path, columns);
}

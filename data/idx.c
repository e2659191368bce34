/* IDX, the format of MNIST: two zero bytes, element type, rank, big-endian 32-bit lengths, values. Whatever the header
   says is checked against the size of the file before it is used. */
#include "data/dataset.h"
#include "data/file.h"

enum { IDX_U8 = 8, IDX_MAX_RANK = 3, PIXELS = 256 };

typedef struct idx_file {
    const char *path;
    file_content content;
    int rank;
    int64_t dim[IDX_MAX_RANK];
    const uint8_t *values;
} idx_file;

static const char *type_name(uint8_t code)
{
    switch (code) {
    case 0x09:
        return "i8";
    case 0x0b:
        return "i16";
    case 0x0c:
        return "i32";
    case 0x0d:
        return "f32";
    case 0x0e:
        return "f64";
    default:
        return NULL;
    }
}

static bool check_magic(const idx_file *idx, const uint8_t *head, file_fault *fault)
{
    if (idx->content.size < 4 || head[0] || head[1])
        return file_fail(fault, WG_BAD_FILE, "idx: %s: is no IDX file: it must begin with two zero bytes", idx->path);
    const char *type = type_name(head[2]);
    if (type)
        return file_fail(fault, WG_UNSUPPORTED, "idx: %s: holds elements of type %s; only u8 is read", idx->path, type);
    if (head[2] != IDX_U8)
        return file_fail(fault, WG_BAD_FILE, "idx: %s: 0x%02x is no element type", idx->path, head[2]);
    if (head[3] < 1 || head[3] > IDX_MAX_RANK)
        return file_fail(fault, WG_UNSUPPORTED, "idx: %s: has %d axes; 1 to 3 are read", idx->path, head[3]);
    return true;
}

/* The lengths, and that exactly so many values follow. */
static bool check_lengths(idx_file *idx, const uint8_t *head, file_fault *fault)
{
    size_t offset = 4 + 4 * (size_t)idx->rank;
    if (idx->content.size < offset)
        return file_fail(fault, WG_BAD_FILE, "idx: %s: is cut off inside its header", idx->path);
    uint64_t there = idx->content.size - offset, stated = 1;
    bool overflow = false;
    for (int i = 0; i < idx->rank; i++) {
        const uint8_t *b = head + 4 + 4 * i;
        idx->dim[i] = (int64_t)((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
        if (i > 0 && idx->dim[i] == 0)
            return file_fail(fault, WG_BAD_FILE, "idx: %s: the length of axis %d is 0", idx->path, i);
        overflow |= __builtin_mul_overflow(stated, (uint64_t)idx->dim[i], &stated);
    }
    idx->values = head + offset;
    if (overflow || stated > there)
        return file_fail(fault, WG_BAD_FILE, "idx: %s: is cut off: %llu values are there, fewer than its header says",
                         idx->path, (unsigned long long)there);
    return stated == there || file_fail(fault, WG_BAD_FILE, "idx: %s: %llu bytes follow the last value", idx->path,
                                        (unsigned long long)(there - stated));
}

static bool idx_read(wg_context *ctx, const char *path, idx_file *idx)
{
    file_fault fault;
    *idx = (idx_file){.path = path};
    if (!file_read(&ctx->memory, "idx", path, &idx->content, &fault)) return file_report(ctx, &fault);
    const uint8_t *head = (const uint8_t *)idx->content.bytes;
    if (!check_magic(idx, head, &fault)) return file_report(ctx, &fault);
    idx->rank = head[3];
    return check_lengths(idx, head, &fault) || file_report(ctx, &fault);
}

/* ---- from bytes to values ---- */

/* What each pixel becomes. */
typedef struct pixel_map {
    double value[PIXELS];
} pixel_map;

static pixel_map map_of(const wg_image_options *options)
{
    pixel_map map;
    double scale = options && options->scale != 0 ? options->scale : 1, offset = options ? options->offset : 0;
    for (int i = 0; i < PIXELS; i++) map.value[i] = i * scale + offset;
    return map;
}

static void convert_f32(const pixel_map *map, const uint8_t *bytes, size_t count, float *values)
{
    float table[PIXELS];
    for (int i = 0; i < PIXELS; i++) table[i] = (float)map->value[i];
    for (size_t i = 0; i < count; i++) values[i] = table[bytes[i]];
}

static void convert_f64(const pixel_map *map, const uint8_t *bytes, size_t count, double *values)
{
    for (size_t i = 0; i < count; i++) values[i] = map->value[bytes[i]];
}

/* [count, height, width] becomes inputs [1, height, width]; with fewer axes, [width] or single numbers. */
static bool take_inputs(wg_context *ctx, const idx_file *idx, const wg_image_options *options, wg_dataset *content)
{
    dataset_part *inputs = &content->inputs;
    inputs->type = ctx->options.type;
    if (idx->rank == 3)
        inputs->shape = WG_SHAPE(1, idx->dim[1], idx->dim[2]);
    else if (idx->rank == 2)
        inputs->shape = WG_SHAPE(idx->dim[1]);
    content->count = idx->dim[0];
    size_t count = (size_t)content->count * (size_t)wg_shape_size(inputs->shape);
    size_t bytes = count * wg_type_size(inputs->type);
    inputs->values = memory_values(&ctx->memory, bytes);
    if (!inputs->values) {
        graph_fail_memory(ctx, bytes);
        return false;
    }
    pixel_map map = map_of(options);
    content->blank = map.value[0];
    if (inputs->type == WG_F64)
        convert_f64(&map, idx->values, count, inputs->values);
    else
        convert_f32(&map, idx->values, count, inputs->values);
    return true;
}

static bool take_targets(wg_context *ctx, const idx_file *idx, const char *inputs_path, wg_dataset *content)
{
    if (idx->rank != 1) {
        graph_fail(ctx, WG_BAD_FILE, "idx: %s: labels have one axis, not %d", idx->path, idx->rank);
        return false;
    }
    if (idx->dim[0] != content->count) {
        graph_fail(ctx, WG_BAD_FILE, "idx: %s holds %lld inputs, but %s holds %lld labels", inputs_path,
                   (long long)content->count, idx->path, (long long)idx->dim[0]);
        return false;
    }
    size_t bytes = (size_t)content->count * sizeof(int32_t);
    int32_t *labels = memory_values(&ctx->memory, bytes);
    if (!labels) {
        graph_fail_memory(ctx, bytes);
        return false;
    }
    for (int64_t i = 0; i < content->count; i++) labels[i] = idx->values[i];
    content->targets = (dataset_part){.type = WG_I32, .values = labels};
    return true;
}

wg_dataset *wg_dataset_idx(wg_context *ctx, const char *inputs, const char *targets, const wg_image_options *options)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return NULL;
    wg_dataset content = {0};
    idx_file idx;
    bool taken = idx_read(ctx, inputs, &idx) && take_inputs(ctx, &idx, options, &content);
    file_release(&ctx->memory, &idx.content);
    if (taken && targets) {
        taken = idx_read(ctx, targets, &idx) && take_targets(ctx, &idx, inputs, &content);
        file_release(&ctx->memory, &idx.content);
    }
    if (taken) return dataset_new(ctx, &content);
    dataset_drop(&ctx->memory, &content);
    return NULL;
}

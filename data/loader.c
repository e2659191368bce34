/* Walking a data set in batches. Each batch is copied into a slot, memory of the loader's that two leaves on the tape
   borrow; a slot is filled again once its leaves are gone. */
#include "base/philox.h"
#include "data/dataset.h"

#include <string.h>

/* Streams of random numbers that no drawn tensor uses: those are numbered from 0. */
#define SHUFFLE_STREAM (UINT64_C(1) << 63)
#define SHIFT_STREAM (UINT64_C(3) << 62)

typedef struct loader_slot {
    void *x, *y;
    wg_tensor borrower; /* x, the older one of the two leaves */
} loader_slot;

struct wg_loader {
    wg_context *context;
    wg_dataset *dataset;
    wg_loader_options options;
    int64_t batches; /* in one pass */
    uint64_t pass;   /* from 0 */
    int64_t index;   /* of the next batch in the pass */
    int64_t *order;  /* of the examples in this pass; NULL: as they lie */
    bool ordered;    /* `order` is that of this pass */
    loader_slot *slots;
    size_t slot_capacity, slot_count;
};

/* ---- random numbers ---- */

typedef struct random_stream {
    uint64_t seed, stream, index;
} random_stream;

static uint64_t random_bits(random_stream *random)
{
    philox_block block = philox_at(random->seed, random->stream, random->index++);
    return (uint64_t)block.word[1] << 32 | block.word[0];
}

/* Evenly distributed below n: what would favour the small numbers is thrown away. */
static uint64_t random_below(random_stream *random, uint64_t n)
{
    uint64_t surplus = (UINT64_MAX - n + 1) % n, bits;
    do bits = random_bits(random);
    while (bits < surplus);
    return bits % n;
}

/* Fisher and Yates, from the same beginning in each pass: an order depends on seed and pass alone. */
static void shuffle(wg_loader *loader)
{
    random_stream random = {loader->options.seed, SHUFFLE_STREAM | loader->pass, 0};
    int64_t count = loader->dataset->count;
    for (int64_t i = 0; i < count; i++) loader->order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)random_below(&random, (uint64_t)i + 1), kept = loader->order[i];
        loader->order[i] = loader->order[j];
        loader->order[j] = kept;
    }
}

/* ---- making ---- */

static const char *option_fault(const wg_dataset *dataset, const wg_loader_options *o)
{
    const wg_shape *shape = &dataset->inputs.shape;
    if (o->batch < 0) return "the batch must not be negative";
    if (o->drop_last && o->pad_last) return "a last batch cannot be both dropped and padded";
    if (o->shift < 0) return "the shift must not be negative";
    if (o->shift && shape->rank != 3) return "only images [channels, height, width] can be shifted";
    if (o->shift && (o->shift >= shape->dim[1] || o->shift >= shape->dim[2])) return "the shift exceeds the image";
    return NULL;
}

static void release(void *object)
{
    wg_loader *loader = object;
    memory *m = &loader->context->memory;
    for (size_t i = 0; i < loader->slot_count; i++) {
        memory_drop(m, loader->slots[i].x);
        memory_drop(m, loader->slots[i].y);
    }
    memory_release(m, loader->slots);
    memory_release(m, loader->order);
    memory_release(m, loader);
}

static wg_loader *make_loader(wg_context *ctx, wg_dataset *dataset, const wg_loader_options *options)
{
    size_t size = sizeof(wg_loader), order_size = (size_t)dataset->count * sizeof(int64_t);
    wg_loader *loader = memory_new(&ctx->memory, 1, size);
    int64_t *order = loader && options->shuffle ? memory_new(&ctx->memory, 1, order_size) : NULL;
    if (!loader || (options->shuffle && !order)) {
        graph_fail_memory(ctx, loader ? order_size : size);
        memory_release(&ctx->memory, loader);
        return NULL;
    }
    *loader = (wg_loader){.context = ctx, .dataset = dataset, .options = *options, .order = order};
    int64_t count = dataset->count, batch = options->batch;
    loader->batches = count / batch + (count % batch && !options->drop_last);
    if (graph_at_exit(ctx, release, loader)) return loader;
    release(loader);
    return NULL;
}

wg_loader *wg_loader_new(wg_context *ctx, wg_dataset *dataset, const wg_loader_options *options)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return NULL;
    wg_loader_options chosen = options ? *options : (wg_loader_options){0};
    const char *fault = !dataset                  ? "the data set is NULL"
                        : dataset->context != ctx ? "the data set belongs to another context"
                                                  : option_fault(dataset, &chosen);
    if (fault) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "loader_new: %s", fault);
        return NULL;
    }
    if (!chosen.batch) chosen.batch = 32;
    if (!chosen.seed) chosen.seed = ctx->options.seed;
    return make_loader(ctx, dataset, &chosen);
}

int64_t wg_loader_batches(const wg_loader *loader)
{
    return loader ? loader->batches : 0;
}

/* ---- slots ---- */

/* Whether a leaf of an earlier batch is still on the tape. */
static bool is_alive(wg_tensor leaf)
{
    return leaf.id && leaf.id < leaf.context->node_count && graph_node(leaf.context, leaf.id)->epoch == leaf.epoch;
}

static bool allocate_slot(wg_loader *loader, loader_slot *slot)
{
    memory *m = &loader->context->memory;
    const wg_dataset *data = loader->dataset;
    int64_t rows =
        loader->options.batch < data->count || loader->options.pad_last ? loader->options.batch : data->count;
    size_t x_size, y_size;
    if (__builtin_mul_overflow((size_t)rows, dataset_bytes(&data->inputs), &x_size)) x_size = SIZE_MAX;
    if (__builtin_mul_overflow((size_t)rows, dataset_bytes(&data->targets), &y_size)) y_size = SIZE_MAX;
    *slot = (loader_slot){.x = memory_values(m, x_size), .y = memory_values(m, y_size)};
    if (slot->x && slot->y) return true;
    graph_fail_memory(loader->context, slot->x ? y_size : x_size);
    memory_drop(m, slot->x);
    memory_drop(m, slot->y);
    return false;
}

/* A slot that no leaf borrows; NULL after running out of memory. */
static loader_slot *free_slot(wg_loader *loader)
{
    for (size_t i = 0; i < loader->slot_count; i++)
        if (!is_alive(loader->slots[i].borrower)) return &loader->slots[i];
    if (!memory_grow(&loader->context->memory, (void **)&loader->slots, &loader->slot_capacity, loader->slot_count + 1,
                     sizeof *loader->slots)) {
        graph_fail_memory(loader->context, (loader->slot_count + 1) * sizeof *loader->slots);
        return NULL;
    }
    loader_slot *slot = &loader->slots[loader->slot_count];
    if (!allocate_slot(loader, slot)) return NULL;
    loader->slot_count++;
    return slot;
}

/* ---- filling a batch ---- */

static void fill_blank(const wg_dataset *data, void *to, int64_t count)
{
    float *narrow = to;
    double *wide = to;
    if (data->inputs.type == WG_F32)
        for (int64_t i = 0; i < count; i++) narrow[i] = (float)data->blank;
    else if (data->inputs.type == WG_F64)
        for (int64_t i = 0; i < count; i++) wide[i] = data->blank;
    else
        memset(to, 0, (size_t)count * wg_type_size(data->inputs.type));
}

/* Copies an image moved by `down` and `right`; what moves in from outside is blank. */
static void shift_image(const wg_dataset *data, const char *from, char *to, int64_t down, int64_t right)
{
    const wg_shape *shape = &data->inputs.shape;
    size_t size = wg_type_size(data->inputs.type);
    int64_t height = shape->dim[1], width = shape->dim[2];
    int64_t before = right > 0 ? right : 0, behind = right < 0 ? -right : 0, kept = width - before - behind;
    for (int64_t row = 0; row < shape->dim[0] * height; row++) {
        char *line = to + (size_t)(row * width) * size;
        int64_t y = row % height - down;
        if (y < 0 || y >= height) {
            fill_blank(data, line, width);
            continue;
        }
        fill_blank(data, line, before);
        fill_blank(data, line + (size_t)(before + kept) * size, behind);
        memcpy(line + (size_t)before * size, from + (size_t)((row - down) * width + behind) * size,
               (size_t)kept * size);
    }
}

/* `place` counts the examples of this pass: it keeps the shifts independent of the size of the batch. */
static void copy_input(const wg_loader *loader, int64_t example, int64_t place, char *to)
{
    const dataset_part *part = &loader->dataset->inputs;
    size_t bytes = dataset_bytes(part);
    const char *from = (const char *)part->values + (size_t)(loader->dataset->first + example) * bytes;
    int64_t shift = loader->options.shift;
    if (!shift) {
        memcpy(to, from, bytes);
        return;
    }
    philox_block block = philox_at(loader->options.seed, SHIFT_STREAM | loader->pass, (uint64_t)place);
    uint64_t choices = 2 * (uint64_t)shift + 1;
    uint64_t down = ((uint64_t)block.word[1] << 32 | block.word[0]) % choices;
    uint64_t right = ((uint64_t)block.word[3] << 32 | block.word[2]) % choices;
    shift_image(loader->dataset, from, to, (int64_t)down - shift, (int64_t)right - shift);
}

static void copy_target(const wg_loader *loader, int64_t example, char *to)
{
    const dataset_part *part = &loader->dataset->targets;
    size_t bytes = dataset_bytes(part);
    memcpy(to, (const char *)part->values + (size_t)(loader->dataset->first + example) * bytes, bytes);
}

static void fill_slot(const wg_loader *loader, loader_slot *slot, int64_t rows)
{
    const wg_dataset *data = loader->dataset;
    size_t x_size = dataset_bytes(&data->inputs), y_size = dataset_bytes(&data->targets);
    for (int64_t row = 0; row < rows; row++) {
        int64_t place = loader->index * loader->options.batch + row;
        int64_t example = place % data->count; /* padding begins again at the start */
        if (loader->order) example = loader->order[example];
        copy_input(loader, example, place, (char *)slot->x + (size_t)row * x_size);
        if (data->targets.type) copy_target(loader, example, (char *)slot->y + (size_t)row * y_size);
    }
}

/* [rows, ...] as a leaf that borrows a slot. */
static wg_tensor lend(wg_loader *loader, const dataset_part *part, int64_t rows, void *values)
{
    wg_shape shape = {.rank = part->shape.rank + 1, .dim = {rows}};
    for (int i = 0; i < part->shape.rank; i++) shape.dim[i + 1] = part->shape.dim[i];
    return graph_constant(loader->context, part->type, shape, values, true);
}

static bool record_batch(wg_loader *loader, wg_batch *batch)
{
    int64_t size = loader->options.batch, left = loader->dataset->count - loader->index * size;
    int64_t rows = left < size && !loader->options.pad_last ? left : size;
    loader_slot *slot = free_slot(loader);
    if (!slot) return false;
    fill_slot(loader, slot, rows);
    batch->x = slot->borrower = lend(loader, &loader->dataset->inputs, rows, slot->x);
    if (loader->dataset->targets.type) batch->y = lend(loader, &loader->dataset->targets, rows, slot->y);
    batch->size = left < size ? left : size;
    batch->index = loader->index;
    batch->restart = loader->index == 0;
    return graph_ok(loader->context);
}

/* ---- walking ---- */

static void begin_next_pass(wg_loader *loader)
{
    loader->index = 0;
    loader->pass++;
    loader->ordered = false;
}

bool wg_loader_next(wg_loader *loader, wg_batch *batch)
{
    if (!batch) return false;
    *batch = (wg_batch){0};
    if (!loader) return false;
    batch->x = batch->y = graph_poison(loader->context);
    if (!graph_ok(loader->context)) return false;
    WG_ENTRY(loader->context);
    *batch = (wg_batch){0};
    if (loader->index == loader->batches) {
        begin_next_pass(loader);
        if (!loader->options.repeat || loader->batches == 0) return false;
    }
    if (loader->order && !loader->ordered) shuffle(loader);
    loader->ordered = true;
    if (!record_batch(loader, batch)) {
        batch->x = batch->y = graph_poison(loader->context);
        return false;
    }
    loader->index++;
    return true;
}

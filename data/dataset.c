/* Data sets: their life, from tensors, and in two halves. */
#include "data/dataset.h"
#include "graph/shape.h"

/* ---- life ---- */

size_t dataset_bytes(const dataset_part *part)
{
    return (size_t)wg_shape_size(part->shape) * wg_type_size(part->type);
}

void dataset_drop(memory *m, wg_dataset *content)
{
    memory_drop(m, content->inputs.values);
    memory_drop(m, content->targets.values);
    memory_drop(m, content->classes);
    content->inputs.values = content->targets.values = NULL;
    content->classes = NULL;
}

static void release(void *object)
{
    wg_dataset *dataset = object;
    memory *m = &dataset->context->memory;
    dataset_drop(m, dataset);
    memory_release(m, dataset);
}

wg_dataset *dataset_new(wg_context *ctx, const wg_dataset *content)
{
    wg_dataset copy = *content;
    wg_dataset *dataset = memory_new(&ctx->memory, 1, sizeof *dataset);
    if (!dataset) {
        graph_fail_memory(ctx, sizeof *dataset);
        dataset_drop(&ctx->memory, &copy);
        return NULL;
    }
    *dataset = copy;
    dataset->context = ctx;
    if (graph_at_exit(ctx, release, dataset)) return dataset;
    release(dataset);
    return NULL;
}

/* ---- from tensors ---- */

static bool read_values(wg_tensor x, wg_type type, void *values, size_t count)
{
    switch (type) {
    case WG_F32:
        return wg_read_f32(x, values, count);
    case WG_F64:
        return wg_read_f64(x, values, count);
    case WG_I32:
        return wg_read_i32(x, values, count);
    case WG_I64:
        return wg_read_i64(x, values, count);
    case WG_BOOL:
        return wg_read_bool(x, values, count);
    case WG_U8:
        return wg_read_u8(x, values, count);
    default:
        return false;
    }
}

/* Copies a tensor [count, ...] out. */
static bool take_part(wg_tensor x, dataset_part *part, int64_t *count)
{
    wg_context *ctx = x.context;
    wg_shape shape = wg_shape_of(x);
    part->type = wg_type_of(x);
    if (!graph_ok(ctx)) return false;
    if (shape.rank == 0) {
        graph_fail(ctx, WG_BAD_SHAPE, "dataset: inputs and targets need a first axis, the examples");
        return false;
    }
    *count = shape.dim[0];
    part->shape.rank = shape.rank - 1;
    for (int i = 1; i < shape.rank; i++) part->shape.dim[i - 1] = shape.dim[i];
    size_t bytes = (size_t)wg_shape_size(shape) * wg_type_size(part->type);
    part->values = memory_values(&ctx->memory, bytes);
    if (!part->values) graph_fail_memory(ctx, bytes);
    return part->values && read_values(x, part->type, part->values, (size_t)wg_shape_size(shape));
}

static bool take_tensors(wg_tensor inputs, wg_tensor targets, wg_dataset *content)
{
    wg_context *ctx = inputs.context;
    bool with_targets = targets.context != NULL;
    wg_tensor both[] = {inputs, targets};
    int64_t targets_count;
    if (with_targets && targets.context != ctx) {
        graph_fail(ctx, WG_BAD_HANDLE, "dataset: inputs and targets belong to different contexts");
        return false;
    }
    if (!wg_eval((wg_list){with_targets ? 2 : 1, both})) return false;
    if (!take_part(inputs, &content->inputs, &content->count)) return false;
    if (!with_targets) return true;
    if (!take_part(targets, &content->targets, &targets_count)) return false;
    if (targets_count == content->count) return true;
    graph_fail(ctx, WG_BAD_SHAPE, "dataset: %lld inputs, but %lld targets", (long long)content->count,
               (long long)targets_count);
    return false;
}

wg_dataset *wg_dataset_from(wg_tensor inputs, wg_tensor targets)
{
    wg_context *ctx = inputs.context;
    WG_ENTRY(ctx);
    if (!ctx) graph_fail(NULL, WG_BAD_HANDLE, "dataset: the inputs belong to no context");
    if (!graph_ok(ctx)) return NULL;
    wg_dataset content = {0};
    if (take_tensors(inputs, targets, &content)) return dataset_new(ctx, &content);
    dataset_drop(&ctx->memory, &content);
    return NULL;
}

/* ---- parts of a data set ---- */

static wg_dataset *range(const wg_dataset *all, int64_t first, int64_t count)
{
    wg_dataset content = *all;
    content.first += first;
    content.count = count;
    memory_share(content.inputs.values);
    if (content.targets.values) memory_share(content.targets.values);
    if (content.classes) memory_share(content.classes);
    return dataset_new(all->context, &content);
}

bool wg_dataset_split(wg_dataset *all, double fraction, wg_dataset **first, wg_dataset **rest)
{
    if (first) *first = NULL;
    if (rest) *rest = NULL;
    if (!all || !graph_ok(all->context)) return false;
    WG_ENTRY(all->context);
    if (!(fraction >= 0 && fraction <= 1)) {
        graph_fail(all->context, WG_BAD_ARGUMENT, "dataset_split: the fraction must be in [0, 1]");
        return false;
    }
    int64_t cut = (int64_t)(fraction * (double)all->count + 0.5);
    if (cut > all->count) cut = all->count;
    if (first) *first = range(all, 0, cut);
    if (rest && graph_ok(all->context)) *rest = range(all, cut, all->count - cut);
    return graph_ok(all->context);
}

int64_t wg_dataset_size(const wg_dataset *dataset)
{
    return dataset ? dataset->count : 0;
}

int64_t wg_dataset_classes(const wg_dataset *dataset)
{
    return dataset ? dataset->class_count : 0;
}

const char *wg_dataset_class(const wg_dataset *dataset, int64_t index)
{
    return dataset && index >= 0 && index < dataset->class_count ? dataset->classes[index] : NULL;
}

/* Applications beside the tape: taking them from it, varying their operands, and calling kernels where whatever they
   touch beyond their output shows. */
#include "autograd/op_check.h"
#include "base/philox.h"
#include "engine/run.h"
#include "graph/shape.h"

#include <string.h>

enum { GUARD = 64 };

/* ---- values ---- */

static void put_value(const wg_array *a, int64_t i, double value)
{
    if (a->type == WG_F32)
        ((float *)a->data)[i] = (float)value;
    else if (a->type == WG_F64)
        ((double *)a->data)[i] = value;
    else
        ((bool *)a->data)[i] = value >= 0.5;
}

static double uniform(const op_check *c, uint64_t stream, int64_t i)
{
    philox_block block = philox_at(c->home->options.seed, stream, (uint64_t)i);
    return ((double)block.word[0] + 0.5) * 0x1p-32;
}

/* ---- applications ---- */

void application_free(op_check *c, application *a)
{
    for (size_t i = 0; a->inputs && i < a->count; i++) memory_drop(&c->home->memory, a->inputs[i].data);
    memory_release(&c->home->memory, a->inputs);
    *a = (application){0};
}

/* One without values of its operands yet. */
static bool begin(op_check *c, const application *like, application *a)
{
    *a = *like;
    a->inputs = memory_new(&c->home->memory, like->count, sizeof *a->inputs);
    if (!a->inputs) graph_fail_memory(c->home, like->count * sizeof *a->inputs);
    return a->inputs != NULL;
}

/* Operand i, with room for its values. */
static bool give(op_check *c, application *a, size_t i, wg_type type, wg_shape shape)
{
    wg_array array = {type, shape, NULL};
    array.data = memory_values(&c->home->memory, application_bytes(&array));
    a->inputs[i] = array;
    if (!array.data) graph_fail_memory(c->home, application_bytes(&array));
    return array.data != NULL;
}

static bool take_scalar(op_check *c, const node *n, application *a, size_t i)
{
    wg_type type = a->count == 1 ? (wg_type)n->type : a->inputs[!i].type;
    typed_scalar value = run_scalar(type, n->scalar);
    if (!give(c, a, i, type, (wg_shape){0})) return false;
    memcpy(a->inputs[i].data, &value, wg_type_size(type));
    a->scalar = true;
    return true;
}

bool application_take(op_check *c, wg_tensor y, application *a)
{
    wg_context *ctx = c->ctx;
    size_t count;
    const node *n = graph_node(ctx, y.id);
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    application like = {.count = count,
                        .output = {(wg_type)n->type, graph_shape(ctx, n), NULL},
                        .attributes = *graph_attributes(ctx, n)};
    uint32_t *ids = memory_new(&ctx->memory, count, sizeof *ids);
    size_t computed = 0;
    for (size_t i = 0; ids && i < count; i++)
        if (inputs[i]) ids[computed++] = inputs[i];
    bool fine = ids && (computed == 0 || ctx->engine->evaluate(ctx, ids, computed)) && begin(c, &like, a);
    if (!ids) graph_fail_memory(ctx, count * sizeof *ids);
    for (size_t i = 0; fine && i < count; i++) {
        const node *in = graph_node(ctx, inputs[i]);
        if (!inputs[i]) {
            fine = take_scalar(c, n, a, i);
        } else if ((fine = give(c, a, i, (wg_type)in->type, graph_shape(ctx, in)))) {
            memcpy(a->inputs[i].data, graph_values(ctx, in), application_bytes(&a->inputs[i]));
        }
    }
    memory_release(&ctx->memory, ids);
    if (!fine) application_free(c, a);
    return fine;
}

static wg_type widened(wg_type type)
{
    return type == WG_F32 ? WG_F64 : type;
}

bool application_widen(op_check *c, const application *a, application *wide)
{
    bool fine = begin(c, a, wide);
    wide->output.type = widened(a->output.type);
    for (size_t i = 0; fine && i < a->count; i++) {
        const wg_array *from = &a->inputs[i];
        int64_t size = wg_shape_size(from->shape);
        if (!(fine = give(c, wide, i, widened(from->type), from->shape))) break;
        if (from->type != WG_F32) memcpy(wide->inputs[i].data, from->data, application_bytes(from));
        for (int64_t k = 0; from->type == WG_F32 && k < size; k++)
            ((double *)wide->inputs[i].data)[k] = (double)((const float *)from->data)[k];
    }
    if (!fine) application_free(c, wide);
    return fine;
}

bool application_vary(op_check *c, const application *a, uint64_t stream, application *other)
{
    const wg_numerics *n = &c->op->numerics;
    bool fine = begin(c, a, other);
    for (size_t i = 0; fine && i < a->count; i++) {
        const wg_array *from = &a->inputs[i];
        if (!(fine = give(c, other, i, from->type, from->shape))) break;
        memcpy(other->inputs[i].data, from->data, application_bytes(from));
        for (int64_t k = 0; type_is_float(from->type) && k < wg_shape_size(from->shape); k++) {
            double u = uniform(c, stream + i, k), x = type_element(from->type, from->data, k);
            put_value(&other->inputs[i], k,
                      n->low < n->high ? n->low + u * (n->high - n->low) : x * (0.5 + u) + u - 0.5);
        }
    }
    if (!fine) application_free(c, other);
    return fine;
}

bool application_spread(op_check *c, const application *a, int64_t size, application *other)
{
    const wg_numerics *n = &c->op->numerics;
    bool fine = begin(c, a, other);
    other->output.shape = WG_SHAPE(size);
    for (size_t i = 0; fine && i < a->count; i++) {
        if (!(fine = give(c, other, i, a->inputs[i].type, WG_SHAPE(size)))) break;
        for (int64_t k = 0; k < size; k++) {
            double u = uniform(c, 1000 + i, k);
            put_value(&other->inputs[i], k, type_is_float(a->inputs[i].type) ? n->low + u * (n->high - n->low) : u);
        }
    }
    if (!fine) application_free(c, other);
    return fine;
}

/* ---- calling kernels ---- */

void (*application_kernel(const op_check *c, const application *a))(const wg_call *)
{
    return c->op->kernel[a->count ? a->inputs[0].type : a->output.type];
}

/* Values between two guards; NULL without memory. */
static char *guarded(op_check *c, const wg_array *a, unsigned char inside, unsigned char guard)
{
    size_t bytes = application_bytes(a);
    char *block = memory_values(&c->home->memory, bytes + 2 * (size_t)GUARD);
    if (!block) {
        graph_fail_memory(c->home, bytes + 2 * (size_t)GUARD);
        return NULL;
    }
    memset(block, guard, GUARD);
    memset(block + GUARD, inside, bytes);
    if (a->data) memcpy(block + GUARD, a->data, bytes);
    memset(block + GUARD + bytes, guard, GUARD);
    return block;
}

static bool untouched(const char *guard, unsigned char byte)
{
    for (int i = 0; i < GUARD; i++)
        if ((unsigned char)guard[i] != byte) return false;
    return true;
}

/* What a kernel has done beside its duty. */
static bool check_traces(op_check *c, const application *a, char *const *blocks, unsigned char guard)
{
    for (size_t i = 0; i <= a->count; i++) {
        const wg_array *array = i < a->count ? &a->inputs[i] : &a->output;
        size_t bytes = application_bytes(array);
        char name[32] = "its output";
        if (i < a->count) snprintf(name, sizeof name, "operand %zu", i);
        if (!untouched(blocks[i], guard) || !untouched(blocks[i] + GUARD + bytes, guard)) {
            op_check_note(c, "the kernel writes before or behind %s", name);
            return false;
        }
        if (i < a->count && memcmp(blocks[i] + GUARD, array->data, bytes) != 0) {
            op_check_note(c, "the kernel changes %s", name);
            return false;
        }
    }
    return true;
}

static bool call_kernel(op_check *c, const application *a, void (*kernel)(const wg_call *), char *const *blocks,
                        wg_array *inputs, unsigned char guard)
{
    wg_array output = a->output;
    for (size_t i = 0; i < a->count; i++) {
        inputs[i] = a->inputs[i];
        inputs[i].data = blocks[i] + GUARD;
    }
    output.data = blocks[a->count] + GUARD;
    bool rows = c->op->row_wise && !c->op->elementwise;
    for (size_t i = 0; rows && i < a->count; i++) run_see_rows(&inputs[i]);
    if (rows) run_see_rows(&output);
    char fault[WG_FAULT_SIZE + GUARD];
    memset(fault, 0, sizeof fault);
    if (!run_call(c->home, c->op, kernel, &(wg_call){a->count, inputs, &output, &a->attributes, fault, NULL}))
        return false;
    fault[WG_FAULT_SIZE - 1] = '\0';
    if (fault[0]) op_check_note(c, "the kernel finds fault with the sample: %s", fault);
    return !fault[0] && check_traces(c, a, blocks, guard);
}

void *application_run(op_check *c, const application *a, void (*kernel)(const wg_call *), unsigned char junk,
                      unsigned char guard)
{
    memory *m = &c->home->memory;
    char **blocks = memory_new(m, a->count + 1, sizeof *blocks);
    wg_array *inputs = memory_new(m, a->count + 1, sizeof *inputs);
    bool fine = blocks && inputs;
    if (!fine) graph_fail_memory(c->home, (a->count + 1) * sizeof *inputs);
    for (size_t i = 0; fine && i <= a->count; i++)
        fine = (blocks[i] = guarded(c, i < a->count ? &a->inputs[i] : &a->output, junk, guard)) != NULL;
    fine = fine && call_kernel(c, a, kernel, blocks, inputs, guard);
    char *values = fine ? memory_values(m, application_bytes(&a->output)) : NULL;
    if (values) memcpy(values, blocks[a->count] + GUARD, application_bytes(&a->output));
    if (fine && !values) graph_fail_memory(c->home, application_bytes(&a->output));
    for (size_t i = 0; blocks && i <= a->count; i++) memory_drop(m, blocks[i]);
    memory_release(m, blocks);
    memory_release(m, inputs);
    return values;
}

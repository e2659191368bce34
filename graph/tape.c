/* The tape: appending nodes, and from handles to nodes. */
#include "graph/graph.h"
#include "graph/shape.h"

#include <string.h>

static const wg_attributes no_attributes;

int64_t graph_size(const wg_context *ctx, const node *n)
{
    return wg_shape_size(ctx->shapes[n->shape]);
}

size_t graph_bytes(const wg_context *ctx, const node *n)
{
    return (size_t)graph_size(ctx, n) * wg_type_size(n->type);
}

const uint32_t *graph_inputs(const wg_context *ctx, const node *n, size_t *count)
{
    if (n->input_count != NODE_MANY) {
        *count = n->input_count;
        return n->input;
    }
    *count = n->input[1];
    return ctx->inputs + n->input[0];
}

/* ---- appending ---- */

/* Makes sure that the next id has a place. */
static bool reserve_node(wg_context *ctx)
{
    if (ctx->node_count < ctx->chunks * NODE_CHUNK) return true;
    if (ctx->node_count >= PERSISTENT_BIT - NODE_CHUNK) return false;
    if (!memory_grow(&ctx->memory, (void **)&ctx->chunk, &ctx->chunk_capacity, ctx->chunks + 1, sizeof *ctx->chunk))
        return false;
    node *chunk = memory_new(&ctx->memory, NODE_CHUNK, sizeof *chunk);
    if (!chunk) return false;
    ctx->chunk[ctx->chunks++] = chunk;
    return true;
}

static bool store_inputs(wg_context *ctx, node *n, const graph_record *record)
{
    if (record->count <= NODE_INLINE_INPUTS) {
        n->input_count = (uint8_t)record->count;
        for (size_t i = 0; i < record->count; i++) n->input[i] = record->inputs[i];
        return true;
    }
    size_t offset = ctx->input_count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->inputs, &ctx->input_capacity, offset + record->count,
                     sizeof *ctx->inputs))
        return false;
    memcpy(ctx->inputs + offset, record->inputs, record->count * sizeof *ctx->inputs);
    ctx->input_count += record->count;
    n->input_count = NODE_MANY;
    n->input[0] = (uint32_t)offset;
    n->input[1] = (uint32_t)record->count;
    return true;
}

static bool store_attributes(wg_context *ctx, node *n, const wg_attributes *attributes)
{
    n->attributes = 0;
    if (!attributes) return true;
    if (ctx->attribute_count == 0) ctx->attribute_count = 1; /* 0 means none */
    if (!memory_grow(&ctx->memory, (void **)&ctx->attributes, &ctx->attribute_capacity, ctx->attribute_count + 1,
                     sizeof *ctx->attributes))
        return false;
    ctx->attributes[ctx->attribute_count] = *attributes;
    n->attributes = (uint32_t)ctx->attribute_count++;
    return true;
}

wg_tensor graph_append(wg_context *ctx, const graph_record *record)
{
    const char *reason;
    if (record->shape && !shape_valid(record->shape, record->type, &reason))
        return graph_fail(ctx, WG_BAD_SHAPE, "%s: %s", record->op->name, reason);
    if (!reserve_node(ctx)) return graph_fail_memory(ctx, NODE_CHUNK * sizeof(node));
    uint32_t id = ctx->node_count;
    node *n = graph_node(ctx, id);
    *n = (node){.op = record->op, .epoch = ctx->epoch, .type = (uint8_t)record->type, .scalar = record->scalar};
    n->scalar_operand = (uint8_t)record->scalar_operand;
    if (!store_inputs(ctx, n, record) || !store_attributes(ctx, n, record->attributes))
        return graph_fail_memory(ctx, sizeof(wg_attributes));
    n->shape = record->shape ? graph_intern_shape(ctx, record->shape) : record->interned_shape;
    if (ctx->origin) {
        n->scope = ctx->origin->scope;
        n->site = ctx->origin->site;
        n->origin = ctx->origin_id;
        n->flags = NODE_GRADIENT;
    } else {
        n->scope = ctx->scope;
        n->site = graph_intern_site(ctx, ctx->site);
    }
    if (!graph_ok(ctx)) return graph_poison(ctx);
    ctx->node_count++;
    ctx->recorded++;
    if (ctx->options.eager && !graph_is_leaf(n) && !ctx->engine->compute(ctx, id)) return graph_poison(ctx);
    return graph_tensor(ctx, id);
}

/* "name: rule: f32 [2, 3], f32 [4]", the shapes and types of all operands. */
static void fail_inference(wg_context *ctx, const wg_op *op, wg_status status, const wg_array *arrays, size_t count,
                           const char *message)
{
    char operands[ERROR_SIZE / 2];
    size_t used = 0;
    operands[0] = '\0';
    bool types_differ = false;
    for (size_t i = 1; i < count; i++) types_differ |= arrays[i].type != arrays[0].type;
    for (size_t i = 0; i < count && i < 4; i++) {
        shape_buffer buffer;
        if (i) text_append(operands, sizeof operands, &used, " x ");
        if (types_differ) text_append(operands, sizeof operands, &used, "%s ", wg_type_name(arrays[i].type));
        text_append(operands, sizeof operands, &used, "%s", shape_text(arrays[i].shape, &buffer));
    }
    if (count > 4) text_append(operands, sizeof operands, &used, " x ...");
    graph_fail(ctx, status, "%s: %s%s%s", op->name, message, used ? ": " : "", operands);
}

/* Whether a C scalar is a value of the type: silently cutting 0.5 down to 0 would help nobody. */
static bool scalar_fits(wg_type type, double value)
{
    switch (type) {
    case WG_I32:
        return value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value;
    case WG_I64:
        return value >= -0x1p63 && value < 0x1p63 && value == (double)(int64_t)value;
    case WG_U8:
        return value >= 0 && value <= UINT8_MAX && value == (double)(uint8_t)value;
    case WG_BOOL:
        return value == 0 || value == 1;
    default:
        return true;
    }
}

/* Most element-wise ops join operands of one type and one interned shape: then there is nothing to infer. */
static bool is_plain_elementwise(const wg_context *ctx, const graph_record *record)
{
    const wg_op *op = record->op;
    if (!op->elementwise || record->count > 2) return false;
    const node *first = graph_node(ctx, record->inputs[0] ? record->inputs[0] : record->inputs[1]);
    const node *last = record->count == 2 && record->inputs[1] ? graph_node(ctx, record->inputs[1]) : first;
    return first->shape == last->shape && first->type == last->type && type_is_float((wg_type)first->type) &&
           op->kernel[first->type];
}

static wg_tensor append_elementwise(wg_context *ctx, graph_record *record)
{
    const node *first = graph_node(ctx, record->inputs[0] ? record->inputs[0] : record->inputs[1]);
    record->type = record->op->predicate ? WG_BOOL : (wg_type)first->type;
    record->shape = NULL;
    record->interned_shape = first->shape;
    return graph_append(ctx, record);
}

wg_tensor graph_apply(wg_context *ctx, graph_record *record)
{
    wg_array few[8], *arrays = few;
    if (!graph_ok(ctx)) return graph_poison(ctx);
    if (is_plain_elementwise(ctx, record)) return append_elementwise(ctx, record);
    if (record->count > sizeof few / sizeof *few) {
        arrays = memory_new(&ctx->memory, record->count, sizeof *arrays);
        if (!arrays) return graph_fail_memory(ctx, record->count * sizeof *arrays);
    }
    wg_type partner = record->type; /* the type that the weak scalar takes */
    for (size_t i = 0; i < record->count; i++)
        if (record->inputs[i]) {
            const node *n = graph_node(ctx, record->inputs[i]);
            arrays[i] = (wg_array){(wg_type)n->type, ctx->shapes[n->shape], NULL};
            partner = (wg_type)n->type;
        }
    if (record->scalar_operand) {
        arrays[record->scalar_operand - 1] = (wg_array){partner, {0, {0}}, NULL};
        number_buffer number;
        if (!scalar_fits(partner, record->scalar))
            return graph_fail(ctx, WG_BAD_TYPE, "%s: the number %s is not one of %s", record->op->name,
                              number_text(record->scalar, 6, &number), wg_type_name(partner));
    }
    char message[ERROR_SIZE / 4] = "";
    wg_array output = {record->type, record->shape ? *record->shape : (wg_shape){0}, NULL};
    wg_call call = {record->count, arrays, &output, record->attributes ? record->attributes : &no_attributes, NULL};
    bool fits = record->op->infer(&call, message, sizeof message);
    wg_status status = output.type == WG_DEFAULT ? WG_BAD_TYPE : WG_BAD_SHAPE;
    if (!fits) fail_inference(ctx, record->op, status, arrays, record->count, message);
    if (arrays != few) memory_release(&ctx->memory, arrays);
    if (!fits) return graph_poison(ctx);
    record->type = output.type;
    record->shape = &output.shape;
    return graph_append(ctx, record);
}

/* ---- from handles to nodes ---- */

/* Why a handle names nothing; NULL if it does. */
static const char *handle_fault(wg_tensor x)
{
    const wg_context *ctx = x.context;
    if (!ctx) return "an operand is the zero handle";
    if (x.id == 0) return "an operand is the result of a call that failed";
    if (x.id & PERSISTENT_BIT)
        return (x.id & ~PERSISTENT_BIT) < ctx->persistent_count && x.epoch == 0 ? NULL
                                                                                : "an operand is no valid handle";
    if (x.id < ctx->node_count && graph_node(ctx, x.id)->epoch == x.epoch) return NULL;
    return "an operand is stale: wg_clear or wg_rewind has dropped it";
}

uint32_t graph_resolve(wg_tensor x, const char *who)
{
    if (x.context && !graph_ok(x.context)) return 0;
    const char *fault = handle_fault(x);
    if (fault) {
        graph_fail(x.context, WG_BAD_HANDLE, "%s: %s", who, fault);
        if (x.context && x.id != 0)
            graph_hint(x.context, "to keep a value beyond wg_clear, read it or make it a wg_variable");
        return 0;
    }
    return x.id & PERSISTENT_BIT ? graph_persistent_read(x.context, x.id & ~PERSISTENT_BIT) : x.id;
}

wg_tensor graph_now(wg_tensor x, const char *who)
{
    uint32_t id = graph_resolve(x, who);
    return id ? graph_tensor(x.context, id) : graph_poison(x.context);
}

bool graph_look(wg_tensor x, wg_shape *shape, wg_type *type)
{
    *shape = (wg_shape){0};
    *type = WG_DEFAULT;
    if (handle_fault(x)) return false;
    if (x.id & PERSISTENT_BIT) {
        const persistent *p = &x.context->persistents[x.id & ~PERSISTENT_BIT];
        *shape = p->shape;
        *type = p->type;
    } else {
        const node *n = graph_node(x.context, x.id);
        *shape = x.context->shapes[n->shape];
        *type = (wg_type)n->type;
    }
    return true;
}

wg_context *graph_context_of(wg_list list)
{
    for (size_t i = 0; list.items && i < list.count; i++)
        if (list.items[i].context) return list.items[i].context;
    return NULL;
}

bool graph_resolve_list(wg_list list, const char *who, wg_context **context, uint32_t *ids)
{
    *context = graph_context_of(list);
    if (*context) return graph_resolve_in(*context, list, who, ids);
    graph_fail(NULL, WG_BAD_HANDLE, "%s: all operands are zero handles", who);
    return false;
}

bool graph_resolve_in(wg_context *ctx, wg_list list, const char *who, uint32_t *ids)
{
    if (!graph_ok(ctx)) return false;
    if (!list.items && list.count) graph_fail(ctx, WG_BAD_ARGUMENT, "%s: the list is NULL", who);
    for (size_t i = 0; list.items && i < list.count; i++) {
        wg_tensor x = list.items[i];
        if (x.context == ctx) {
            if (!(ids[i] = graph_resolve(x, who))) return false;
        } else {
            graph_fail(ctx, WG_BAD_HANDLE,
                       x.context ? "%s: operand %zu belongs to another context" : "%s: operand %zu is the zero handle",
                       who, i);
            return false;
        }
    }
    return graph_ok(ctx);
}

/* ---- public looks at a tensor ---- */

wg_shape wg_shape_of(wg_tensor x)
{
    wg_shape shape;
    wg_type type;
    graph_look(x, &shape, &type);
    return shape;
}

wg_type wg_type_of(wg_tensor x)
{
    wg_shape shape;
    wg_type type;
    graph_look(x, &shape, &type);
    return type;
}

int64_t wg_dim(wg_tensor x, int axis)
{
    wg_shape shape;
    wg_type type;
    int index;
    return graph_look(x, &shape, &type) && shape_axis(&shape, axis, &index) ? shape.dim[index] : 0;
}

int64_t wg_size(wg_tensor x)
{
    wg_shape shape;
    wg_type type;
    return graph_look(x, &shape, &type) ? wg_shape_size(shape) : 0;
}

/* ---- public parts of an op's application ---- */

wg_tensor wg_apply(const wg_op *op, wg_list operands, const wg_attributes *attributes)
{
    wg_context *ctx = graph_context_of(operands);
    WG_ENTRY(ctx);
    if (!op || !op->infer || !op->name) return graph_fail(ctx, WG_BAD_ARGUMENT, "apply: no op, or one without infer");
    if (operands.count == 0 && op->arity < 0)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "%s: takes at least one operand", op->name);
    if (op->arity >= 0 && operands.count != (size_t)op->arity)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "%s: takes %d operands, not %zu", op->name, op->arity, operands.count);
    uint32_t few[8], *ids = few;
    if (operands.count > sizeof few / sizeof *few) {
        ids = ctx ? memory_new(&ctx->memory, operands.count, sizeof *ids) : NULL;
        if (!ids) return graph_fail_memory(ctx, operands.count * sizeof *ids);
    }
    wg_tensor y = graph_poison(ctx);
    if (graph_resolve_list(operands, op->name, &ctx, ids))
        y = graph_apply(ctx,
                        &(graph_record){.op = op, .count = operands.count, .inputs = ids, .attributes = attributes});
    if (ids != few) memory_release(&ctx->memory, ids);
    return y;
}

wg_tensor wg_input(wg_tensor y, size_t index)
{
    WG_ENTRY(y.context);
    uint32_t id = graph_resolve(y, "input");
    if (!id) return graph_poison(y.context);
    const node *n = graph_node(y.context, id);
    size_t count;
    const uint32_t *inputs = graph_inputs(y.context, n, &count);
    if (index >= count || n->op->arity == 0 || n->op == &graph_assign_op)
        return graph_fail(y.context, WG_BAD_ARGUMENT, "input: %s has no operand %zu", n->op->name, index);
    if (inputs[index]) return graph_tensor(y.context, inputs[index]);
    const node *partner = count == 1 ? n : graph_node(y.context, inputs[!index]); /* whose type the scalar takes */
    return graph_weak_scalar(y.context, (wg_type)partner->type, n->scalar);
}

wg_attributes wg_attributes_of(wg_tensor y)
{
    wg_context *ctx = y.context;
    if (handle_fault(y) || y.id & PERSISTENT_BIT) return no_attributes;
    return *graph_attributes(ctx, graph_node(ctx, y.id));
}

const wg_attributes *graph_attributes(const wg_context *ctx, const node *n)
{
    return n->attributes ? &ctx->attributes[n->attributes] : &no_attributes;
}

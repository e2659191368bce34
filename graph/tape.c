/* The tape: appending nodes, and from handles to nodes. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "graph/shape.h"

#include <string.h>

const wg_attributes graph_no_attributes;

int64_t graph_size(const wg_context *ctx, const node *n)
{
    return shape_size(&ctx->shapes[n->shape]);
}

size_t graph_bytes(const wg_context *ctx, const node *n)
{
    return (size_t)graph_size(ctx, n) * wg_type_size(n->type);
}

/* ---- appending ---- */

/* Gives the next ids places. Apart, as what is rare below: so that the usual case saves no registers. */
static __attribute__((noinline)) bool reserve_chunk(wg_context *ctx)
{
    if (ctx->node_count >= PERSISTENT_BIT - NODE_CHUNK) return false;
    if (!memory_grow(&ctx->memory, (void **)&ctx->chunk, &ctx->chunk_capacity, ctx->chunks + 1, sizeof *ctx->chunk))
        return false;
    node *chunk = memory_new(&ctx->memory, NODE_CHUNK, sizeof *chunk);
    if (!chunk) return false;
    ctx->chunk[ctx->chunks++] = chunk;
    return true;
}

/* The next node, in its place on the tape, with all but its operands and attributes; NULL after an error. */
static inline node *next_node(wg_context *ctx, const wg_op *op, wg_type type, uint32_t shape)
{
    if (ctx->node_count >= ctx->chunks * NODE_CHUNK && !reserve_chunk(ctx)) {
        graph_fail_memory(ctx, NODE_CHUNK * sizeof(node));
        return NULL;
    }
    node *n = graph_node(ctx, ctx->node_count);
    const node *origin = ctx->origin;
    n->op = op;
    n->shape = shape;
    n->attributes = 0;
    n->type = (uint8_t)type;
    n->flags = origin ? NODE_GRADIENT : 0;
    n->data = NULL;
    n->epoch = ctx->epoch;
    n->scope = origin ? origin->scope : ctx->scope;
    n->site = origin ? origin->site : graph_site(ctx, ctx->site);
    n->origin = origin ? ctx->origin_id : 0;
    return n;
}

static __attribute__((noinline)) wg_tensor compute_at_once(wg_context *ctx, uint32_t id)
{
    return graph_is_leaf(graph_node(ctx, id)) || ctx->engine->compute(ctx, id) ? graph_tensor(ctx, id)
                                                                               : graph_poison(ctx);
}

/* Makes it part of the tape. */
static inline wg_tensor take_node(wg_context *ctx)
{
    if (ctx->status != WG_OK) return graph_poison(ctx);
    uint32_t id = ctx->node_count++;
    ctx->recorded++;
    if (ctx->options.eager) return compute_at_once(ctx, id);
    return (wg_tensor){ctx, id, ctx->epoch};
}

wg_tensor graph_append_plain(wg_context *ctx, const wg_op *op, const node *like, uint32_t a, uint32_t b,
                             int scalar_operand, double scalar)
{
    node *n = next_node(ctx, op, op->predicate ? WG_BOOL : (wg_type)like->type, like->shape);
    if (!n) return graph_poison(ctx);
    n->input[0] = a;
    n->input[1] = b;
    n->input[2] = 0;
    n->input_count = (uint8_t)op->arity;
    n->scalar_operand = (uint8_t)scalar_operand;
    n->scalar = scalar;
    return take_node(ctx);
}

static __attribute__((noinline)) bool list_inputs(wg_context *ctx, node *n, const graph_record *record)
{
    size_t offset = ctx->input_count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->inputs, &ctx->input_capacity, offset + record->count,
                     sizeof *ctx->inputs))
        return false;
    memcpy(ctx->inputs + offset, record->inputs, record->count * sizeof *ctx->inputs);
    ctx->input_count += record->count;
    n->input_count = NODE_MANY;
    n->input[0] = (uint32_t)offset;
    n->input[1] = (uint32_t)record->count;
    n->input[2] = 0;
    return true;
}

static bool store_attributes(wg_context *ctx, node *n, const graph_record *record)
{
    if (ctx->attribute_count == 0) ctx->attribute_count = 1; /* 0 means none */
    if (ctx->attribute_count >= ctx->attribute_capacity &&
        !memory_grow(&ctx->memory, (void **)&ctx->attributes, &ctx->attribute_capacity, ctx->attribute_count + 1,
                     sizeof *ctx->attributes))
        return false;
    graph_fill_attributes(&ctx->attributes[ctx->attribute_count], record);
    n->attributes = (uint32_t)ctx->attribute_count++;
    return true;
}

static inline wg_tensor append(wg_context *ctx, const graph_record *record, wg_type type, uint32_t shape)
{
    node *n = next_node(ctx, record->op, type, shape);
    if (!n) return graph_poison(ctx);
    n->scalar_operand = (uint8_t)record->scalar_operand;
    n->scalar = record->scalar;
    n->input_count = (uint8_t)record->count;
    n->input[0] = record->count > 0 ? record->inputs[0] : 0;
    n->input[1] = record->count > 1 ? record->inputs[1] : 0;
    n->input[2] = record->count > 2 ? record->inputs[2] : 0;
    if ((record->count > NODE_INLINE_INPUTS && !list_inputs(ctx, n, record)) ||
        ((record->attributes || record->integer_count) && !store_attributes(ctx, n, record)))
        return graph_fail_memory(ctx, sizeof(wg_attributes));
    return take_node(ctx);
}

wg_tensor graph_append(wg_context *ctx, const graph_record *record)
{
    const char *reason;
    if (!graph_ok(ctx)) return graph_poison(ctx);
    if (!record->shape) return append(ctx, record, record->type, record->interned_shape);
    if (!shape_valid(record->shape, record->type, &reason))
        return graph_fail(ctx, WG_BAD_SHAPE, "%s: %s", record->op->name, reason);
    return append(ctx, record, record->type, graph_intern_shape(ctx, record->shape));
}

wg_tensor graph_apply(wg_context *ctx, const graph_record *record)
{
    wg_type type;
    uint32_t shape;
    return infer(ctx, record, &type, &shape) ? append(ctx, record, type, shape) : graph_poison(ctx);
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

uint32_t graph_resolve_other(wg_tensor x, const char *who)
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

/* Shape and type of what a handle names, in place; NULL for poison and worse. */
static inline const wg_shape *look(wg_tensor x, wg_type *type)
{
    *type = WG_DEFAULT;
    if (handle_fault(x)) return NULL;
    if (x.id & PERSISTENT_BIT) {
        const persistent *p = &x.context->persistents[x.id & ~PERSISTENT_BIT];
        *type = p->type;
        return &p->shape;
    }
    const node *n = graph_node(x.context, x.id);
    *type = (wg_type)n->type;
    return &x.context->shapes[n->shape];
}

bool graph_look(wg_tensor x, wg_shape *shape, wg_type *type)
{
    const wg_shape *found = look(x, type);
    *shape = found ? *found : (wg_shape){0};
    return found;
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

const wg_shape *graph_shape_of(wg_tensor x)
{
    static const wg_shape none;
    wg_type type;
    const wg_shape *shape = look(x, &type);
    return shape ? shape : &none;
}

/* ---- public looks at a tensor ---- */

wg_shape wg_shape_of(wg_tensor x)
{
    return *graph_shape_of(x);
}

wg_type wg_type_of(wg_tensor x)
{
    wg_type type;
    look(x, &type);
    return type;
}

int64_t wg_dim(wg_tensor x, int axis)
{
    int index;
    const wg_shape *shape = graph_shape_of(x);
    return shape_axis(shape, axis, &index) ? shape->dim[index] : 0;
}

int64_t wg_size(wg_tensor x)
{
    wg_type type;
    const wg_shape *shape = look(x, &type);
    return shape ? shape_size(shape) : 0;
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

/* Operands of many, scalars, and errors. */
static __attribute__((noinline)) wg_tensor input_other(wg_tensor y, size_t index, void *site)
{
    WG_ENTRY_FROM(y.context, site);
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

wg_tensor wg_input(wg_tensor y, size_t index)
{
    const node *n = graph_live(y);
    bool plain = n && n->input_count <= NODE_INLINE_INPUTS && index < n->input_count && n->input[index];
    if (plain && n->op != &graph_assign_op) return graph_tensor(y.context, n->input[index]);
    return input_other(y, index, __builtin_return_address(0));
}

wg_attributes wg_attributes_of(wg_tensor y)
{
    wg_context *ctx = y.context;
    if (handle_fault(y) || y.id & PERSISTENT_BIT) return graph_no_attributes;
    return *graph_attributes(ctx, graph_node(ctx, y.id));
}

const wg_attributes *graph_attributes(const wg_context *ctx, const node *n)
{
    return n->attributes ? &ctx->attributes[n->attributes] : &graph_no_attributes;
}

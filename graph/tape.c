/* The tape: appending nodes, and from handles to nodes. */
#include "graph/append.h"
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
    if (!ctx->options.eager) ctx->quick_limit = (uint32_t)(ctx->chunks * NODE_CHUNK);
    return true;
}

/* What stands in the way of a quick one; false after an error. */
static __attribute__((noinline)) bool make_way(wg_context *ctx, uint32_t *site)
{
    if (ctx->node_count >= ctx->chunks * NODE_CHUNK && !reserve_chunk(ctx))
        return graph_fail_memory(ctx, NODE_CHUNK * sizeof(node)).id;
    *site = ctx->origin ? 0 : graph_site(ctx, ctx->site);
    return ctx->status == WG_OK;
}

static __attribute__((noinline)) wg_tensor compute_at_once(wg_context *ctx, uint32_t id)
{
    return graph_is_leaf(graph_node(ctx, id)) || ctx->engine->compute(ctx, id) ? graph_tensor(ctx, id)
                                                                               : graph_poison(ctx);
}

/* Where the operands of many stand in the list, or where the reals do: SIZE_MAX if there is no memory. */
static __attribute__((noinline)) size_t list_inputs(wg_context *ctx, const graph_record *record)
{
    size_t offset = ctx->input_count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->inputs, &ctx->input_capacity, offset + record->count,
                     sizeof *ctx->inputs))
        return SIZE_MAX;
    memcpy(ctx->inputs + offset, record->inputs, record->count * sizeof *ctx->inputs);
    ctx->input_count += record->count;
    return offset;
}

static __attribute__((noinline)) size_t list_reals(wg_context *ctx, const wg_attributes *attributes)
{
    if (!memory_grow(&ctx->memory, (void **)&ctx->reals, &ctx->real_capacity, ctx->real_count + 1, sizeof *ctx->reals))
        return SIZE_MAX;
    ctx->reals[ctx->real_count] = *attributes;
    return ctx->real_count++;
}

static inline wg_tensor append(wg_context *ctx, const graph_record *record, const inferred *known)
{
    uint32_t site;
    node n = {.op = record->op,
              .shape = known->shape,
              .attributes = known->attributes,
              .type = (uint8_t)known->type,
              .input_count = (uint8_t)record->count,
              .scalar_operand = (uint8_t)record->scalar_operand,
              .scalar = record->scalar};
    if (ctx->status != WG_OK) return graph_poison(ctx);
    if (!append_is_quick(ctx, NULL, &site) && !make_way(ctx, &site)) return graph_poison(ctx);
    if (record->count <= NODE_INLINE_INPUTS) {
        for (size_t i = 0; i < NODE_INLINE_INPUTS; i++) n.input[i] = i < record->count ? record->inputs[i] : 0;
    } else {
        size_t offset = list_inputs(ctx, record);
        if (offset == SIZE_MAX) return graph_fail_memory(ctx, record->count * sizeof *ctx->inputs);
        n.input_count = NODE_MANY;
        n.input[0] = (uint32_t)offset;
        n.input[1] = (uint32_t)record->count;
    }
    if (known->attributes & ATTRIBUTES_REAL) {
        size_t place = list_reals(ctx, record->attributes);
        if (place == SIZE_MAX) return graph_fail_memory(ctx, sizeof *ctx->reals);
        n.real = place;
    }
    wg_tensor y = append_quick(ctx, site, &n);
    return ctx->options.eager ? compute_at_once(ctx, y.id) : y;
}

wg_tensor graph_append(wg_context *ctx, const graph_record *record)
{
    const char *reason;
    if (!graph_ok(ctx)) return graph_poison(ctx);
    if (record->shape && !shape_valid(record->shape, record->type, &reason))
        return graph_fail(ctx, WG_BAD_SHAPE, "%s: %s", record->op->name, reason);
    inferred known = {record->type, record->shape ? graph_intern_shape(ctx, record->shape) : record->interned_shape,
                      infer_attributes(ctx, record)};
    return append(ctx, record, &known);
}

wg_tensor graph_apply(wg_context *ctx, const graph_record *record)
{
    inferred known;
    return infer(ctx, record, &known) ? append(ctx, record, &known) : graph_poison(ctx);
}

/* ---- from handles to nodes ---- */

/* Why a handle names nothing; NULL if it does. */
static const char *handle_fault(wg_tensor x)
{
    const wg_context *ctx = x.context;
    if (!ctx) return "an operand is the zero handle";
    if (x.id == 0) return "an operand is the result of a call that failed";
    uint32_t id = x.id & ~PERSISTENT_BIT;
    bool named = x.id & PERSISTENT_BIT, lasting = named && x.epoch == 0;
    if (lasting ? id >= ctx->persistent_count : id == 0) return "an operand is no valid handle";
    if (lasting || (id < ctx->node_count && graph_node(ctx, id)->epoch == x.epoch)) return NULL;
    return "an operand is stale: wg_clear or wg_rewind has dropped it";
}

const node *graph_weak(wg_tensor x)
{
    if (!(x.id & PERSISTENT_BIT) || x.epoch == 0) return NULL;
    const node *n = graph_live((wg_tensor){x.context, x.id & ~PERSISTENT_BIT, x.epoch});
    return n && n->scalar_operand ? n : NULL;
}

/* The type that the C scalar among a node's operands takes. */
static wg_type type_of_weak(const wg_context *ctx, const node *n)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    return (wg_type)(count == 1 ? n : graph_node(ctx, inputs[n->scalar_operand == 1]))->type;
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
    if (!(x.id & PERSISTENT_BIT)) return x.id;
    if (x.epoch == 0) return graph_persistent_read(x.context, x.id & ~PERSISTENT_BIT);
    const node *n = graph_node(x.context, x.id & ~PERSISTENT_BIT);
    return graph_weak_scalar(x.context, type_of_weak(x.context, n), n->scalar).id;
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
    if (x.id & PERSISTENT_BIT && x.epoch) {
        static const wg_shape scalar;
        *type = type_of_weak(x.context, graph_node(x.context, x.id & ~PERSISTENT_BIT));
        return &scalar;
    }
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

const wg_shape *graph_shape_of_other(wg_tensor x)
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

/* Whether the op can be applied to so many operands. */
static bool check_op(wg_context *ctx, const wg_op *op, size_t count)
{
    if (!op || !op->infer || !op->name)
        graph_fail(ctx, WG_BAD_ARGUMENT, "apply: no op, or one without a name or infer");
    else if (op->arity >= 0 && count != (size_t)op->arity)
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: takes %d operands, not %zu", op->name, op->arity, count);
    else if (count == 0)
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: takes at least one operand", op->name);
    else
        return graph_ok(ctx) || !ctx;
    return false;
}

static bool has_kernel(wg_context *ctx, const wg_op *op, uint32_t first)
{
    wg_type type = (wg_type)graph_node(ctx, first)->type;
    if (op->alias || op->kernel[type]) return true;
    graph_fail(ctx, WG_UNSUPPORTED, "%s: there is no kernel for %s", op->name, wg_type_name(type));
    return false;
}

/* The attributes of a random op: with the number of the draw, and the seed in two halves. */
static wg_attributes with_draw(const wg_context *ctx, const wg_attributes *attributes)
{
    wg_attributes a = attributes ? *attributes : graph_no_attributes;
    a.real[0] = (double)ctx->draws;
    a.real[1] = (double)(uint32_t)ctx->options.seed;
    a.real[2] = (double)(ctx->options.seed >> 32);
    return a;
}

static wg_tensor apply(const wg_op *op, wg_list operands, const wg_attributes *attributes, uint32_t *ids)
{
    wg_context *ctx;
    wg_attributes drawn;
    inferred known;
    if (!graph_resolve_list(operands, op->name, &ctx, ids)) return graph_poison(ctx);
    if (op->random) {
        drawn = with_draw(ctx, attributes);
        attributes = &drawn;
    }
    graph_record record = {.op = op, .count = operands.count, .inputs = ids, .attributes = attributes};
    if (!infer(ctx, &record, &known) || !has_kernel(ctx, op, ids[0])) return graph_poison(ctx);
    wg_tensor y = append(ctx, &record, &known);
    if (op->random && y.id) ctx->draws++;
    return y;
}

wg_tensor wg_apply(const wg_op *op, wg_list operands, const wg_attributes *attributes)
{
    wg_context *ctx = graph_context_of(operands);
    WG_ENTRY(ctx);
    uint32_t few[8];
    if (!check_op(ctx, op, operands.count)) return graph_poison(ctx);
    if (!ctx || operands.count <= sizeof few / sizeof *few) return apply(op, operands, attributes, few);
    uint32_t *ids = memory_new(&ctx->memory, operands.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, operands.count * sizeof *ids);
    wg_tensor y = apply(op, operands, attributes, ids);
    memory_release(&ctx->memory, ids);
    return y;
}

static bool has_operand(const node *n, size_t index, size_t count)
{
    return index < count && n->op->arity != 0 && n->op != &graph_assign_op;
}

wg_tensor graph_operand_other(wg_tensor y, size_t index)
{
    const node *n = graph_live(y);
    size_t count = 0;
    const uint32_t *inputs = n ? graph_inputs(y.context, n, &count) : NULL;
    if (!n || !has_operand(n, index, count)) return graph_poison(y.context);
    if (!inputs[index]) return (wg_tensor){y.context, y.id | PERSISTENT_BIT, y.epoch}; /* the C scalar */
    return graph_tensor(y.context, inputs[index]);
}

wg_tensor wg_input(wg_tensor y, size_t index)
{
    wg_tensor x = graph_operand(y, index);
    if (x.id && graph_node(y.context, y.id)->op != &graph_assign_op) return x;
    WG_ENTRY(y.context);
    uint32_t id = graph_resolve(y, "input");
    if (!id) return graph_poison(y.context);
    return graph_fail(y.context, WG_BAD_ARGUMENT, "input: %s has no operand %zu", graph_node(y.context, id)->op->name,
                      index);
}

bool wg_wanted(wg_tensor y, size_t index)
{
    return graph_wanted(y, index);
}

wg_attributes wg_attributes_of(wg_tensor y)
{
    wg_context *ctx = y.context;
    if (handle_fault(y) || y.id & PERSISTENT_BIT) return graph_no_attributes;
    return *graph_attributes(ctx, graph_node(ctx, y.id));
}

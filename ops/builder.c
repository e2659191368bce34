/* Recording an application of an op: operands resolved, types and shapes brought together, broadcasting made explicit.
 */
#include "ops/builder.h"

#include "ops/rows.h"

#include <stdarg.h>

bool infer_same(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = (wg_array){call->inputs[0].type, call->inputs[0].shape, NULL};
    return true;
}

bool refuse(char *message, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, size, format, arguments);
    va_end(arguments);
    return false;
}

bool refuse_types(const wg_call *call, char *message, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, size, format, arguments);
    va_end(arguments);
    call->output->type = WG_DEFAULT;
    return false;
}

void contiguous_strides(const wg_shape *shape, int64_t stride[WG_MAX_RANK])
{
    int64_t step = 1;
    for (int i = shape->rank; i-- > 0;) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

wg_tensor ops_one(const wg_op *op, wg_tensor x, const wg_attributes *attributes, wg_type type, const wg_shape *shape)
{
    uint32_t id = graph_resolve(x, op->name);
    if (!id) return graph_poison(x.context);
    wg_tensor y = graph_apply(
        x.context,
        &(graph_record){.op = op, .count = 1, .inputs = &id, .attributes = attributes, .type = type, .shape = shape});
    if (!y.id && type == WG_DEFAULT && wg_error_status(x.context) == WG_BAD_TYPE)
        graph_hint(x.context, "convert with wg_cast");
    return y;
}

wg_tensor ops_create(wg_context *ctx, const wg_op *op, wg_type type, wg_shape shape, const wg_attributes *attributes)
{
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "%s: the context is NULL", op->name);
    if (type == WG_DEFAULT) type = ctx->options.type;
    return graph_apply(ctx, &(graph_record){.op = op, .attributes = attributes, .type = type, .shape = &shape});
}

/* ---- broadcasting ---- */

/* Widens `shape` to what it and `other` broadcast to; false if they do not. */
static bool broadcast_shape(wg_shape *shape, const wg_shape *other)
{
    wg_shape wide = {.rank = shape->rank > other->rank ? shape->rank : other->rank};
    for (int i = 1; i <= wide.rank; i++) {
        int64_t a = i <= shape->rank ? shape->dim[shape->rank - i] : 1;
        int64_t b = i <= other->rank ? other->dim[other->rank - i] : 1;
        if (a != b && a != 1 && b != 1) return false;
        wide.dim[wide.rank - i] = a == 1 ? b : a;
    }
    *shape = wide;
    return true;
}

bool ops_broadcast(wg_context *ctx, const char *who, uint32_t *ids, size_t count)
{
    bool alike = true;
    for (size_t i = 1; i < count; i++) alike &= graph_node(ctx, ids[i])->shape == graph_node(ctx, ids[0])->shape;
    if (alike) return true;
    wg_shape common = graph_shape(ctx, graph_node(ctx, ids[0]));
    for (size_t i = 1; i < count; i++) {
        wg_shape shape = graph_shape(ctx, graph_node(ctx, ids[i]));
        if (broadcast_shape(&common, &shape)) continue;
        shape_buffer a, b;
        graph_fail(ctx, WG_BAD_SHAPE, "%s: shapes do not broadcast together: %s and %s", who,
                   shape_text(graph_shape(ctx, graph_node(ctx, ids[0])), &a), shape_text(shape, &b));
        graph_hint(ctx, "lengths are compared from the last axis on and must be equal or 1");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (wg_shape_equal(graph_shape(ctx, graph_node(ctx, ids[i])), common)) continue;
        ids[i] = wg_expand(graph_tensor(ctx, ids[i]), common).id;
        if (!ids[i]) return false;
    }
    return true;
}

/* Says how to bring two element types together. */
static void hint_types(wg_context *ctx)
{
    if (wg_error_status(ctx) == WG_BAD_TYPE) graph_hint(ctx, "types never mix silently: convert one with wg_cast");
}

/* Before broadcasting, so that the message shows the operands as they were given. */
static void fail_types(wg_context *ctx, const char *who, const node *left, const node *right)
{
    shape_buffer a, b;
    graph_fail(ctx, WG_BAD_TYPE, "%s: element types differ: %s %s x %s %s", who, wg_type_name((wg_type)left->type),
               shape_text(graph_shape(ctx, left), &a), wg_type_name((wg_type)right->type),
               shape_text(graph_shape(ctx, right), &b));
    hint_types(ctx);
}

wg_tensor ops_binary(const wg_op *op, wg_tensor a, wg_tensor b)
{
    wg_context *ctx;
    uint32_t ids[2];
    if (!graph_resolve_list((wg_list){2, (const wg_tensor[]){a, b}}, op->name, &ctx, ids)) return graph_poison(ctx);
    const node *left = graph_node(ctx, ids[0]), *right = graph_node(ctx, ids[1]);
    if (right->flags & NODE_WEAK) return ops_binary_scalar(op, graph_tensor(ctx, ids[0]), right->scalar, false);
    if (left->flags & NODE_WEAK) return ops_binary_scalar(op, graph_tensor(ctx, ids[1]), left->scalar, true);
    if (left->type != right->type) {
        fail_types(ctx, op->name, left, right);
        return graph_poison(ctx);
    }
    if (!ops_broadcast(ctx, op->name, ids, 2)) return graph_poison(ctx);
    wg_tensor y = graph_apply(ctx, &(graph_record){.op = op, .count = 2, .inputs = ids});
    if (!y.id) hint_types(ctx);
    return y;
}

wg_tensor ops_binary_scalar(const wg_op *op, wg_tensor x, double scalar, bool scalar_left)
{
    uint32_t id = graph_resolve(x, op->name);
    if (!id) return graph_poison(x.context);
    uint32_t ids[2] = {scalar_left ? 0 : id, scalar_left ? id : 0};
    return graph_apply(
        x.context,
        &(graph_record){.op = op, .count = 2, .inputs = ids, .scalar = scalar, .scalar_operand = scalar_left ? 1 : 2});
}

/* ---- axes ---- */

bool ops_axis(wg_tensor x, const char *who, int axis, int *index)
{
    wg_shape shape = wg_shape_of(x);
    if (shape_axis(&shape, axis, index)) return true;
    if (!graph_resolve(x, who)) return false;
    shape_buffer buffer;
    graph_fail(x.context, WG_BAD_SHAPE, "%s: axis %d is out of range for %s", who, axis, shape_text(shape, &buffer));
    return false;
}

bool ops_axes(wg_tensor x, const char *who, wg_axes axes, uint32_t *set)
{
    *set = 0;
    if (!graph_resolve(x, who)) return false;
    wg_shape shape = wg_shape_of(x);
    if (axes.count < 0) *set = (1u << shape.rank) - 1;
    if (axes.count > WG_MAX_RANK) {
        graph_fail(x.context, WG_BAD_SHAPE, "%s: %d axes are more than there can be", who, axes.count);
        return false;
    }
    for (int i = 0; i < axes.count; i++) {
        int index;
        if (!ops_axis(x, who, axes.axis[i], &index)) return false;
        if (*set >> index & 1) {
            graph_fail(x.context, WG_BAD_SHAPE, "%s: axis %d is named twice", who, axes.axis[i]);
            return false;
        }
        *set |= 1u << index;
    }
    return true;
}

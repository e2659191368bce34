/* Recording an application of an op: operands resolved, types and shapes brought together, broadcasting made explicit.
 */
#include "ops/builder.h"

#include "graph/append.h"
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

static wg_tensor apply_one(wg_context *ctx, const graph_record *record)
{
    wg_tensor y = graph_apply(ctx, record);
    if (!y.id && record->type == WG_DEFAULT && wg_error_status(ctx) == WG_BAD_TYPE)
        graph_hint(ctx, "convert with wg_cast");
    return y;
}

wg_tensor ops_one(const wg_op *op, wg_tensor x, const wg_attributes *attributes, wg_type type, const wg_shape *shape)
{
    uint32_t id = graph_resolve(x, op->name);
    if (!id) return graph_poison(x.context);
    return apply_one(
        x.context,
        &(graph_record){.op = op, .count = 1, .inputs = &id, .attributes = attributes, .type = type, .shape = shape});
}

static __attribute__((noinline)) wg_tensor unary_other(const wg_op *op, wg_tensor x, void *site)
{
    WG_ENTRY_FROM(x.context, site);
    return ops_one(op, x, NULL, WG_DEFAULT, NULL);
}

wg_tensor ops_unary(const wg_op *op, wg_tensor x, void *site)
{
    wg_context *ctx = x.context;
    uint32_t number;
    const node *n = graph_live(x);
    if (!n || !append_is_plain(op, n, n) || !append_is_quick(ctx, site, &number)) return unary_other(op, x, site);
    return append_quick(
        ctx, number,
        &(node){.op = op, .input = {x.id}, .shape = n->shape, .type = append_type(op, n), .input_count = 1});
}

wg_tensor ops_one_integers_anew(wg_context *ctx, const wg_op *op, uint32_t id, size_t count, const int64_t *integers)
{
    return apply_one(
        ctx, &(graph_record){.op = op, .count = 1, .inputs = &id, .integer_count = count, .integers = integers});
}

wg_tensor ops_create(wg_context *ctx, const wg_op *op, wg_type type, wg_shape shape, const wg_attributes *attributes)
{
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "%s: the context is NULL", op->name);
    if (type == WG_DEFAULT) type = ctx->options.type;
    return graph_apply(ctx, &(graph_record){.op = op, .attributes = attributes, .type = type, .shape = &shape});
}

/* ---- broadcasting ---- */

/* Whether `shape` broadcasts to `wide`. */
static bool fits_into(const wg_shape *shape, const wg_shape *wide)
{
    int lead = wide->rank - shape->rank;
    bool fits = lead >= 0;
    for (int i = 0; fits && i < shape->rank; i++) fits = shape->dim[i] == 1 || shape->dim[i] == wide->dim[lead + i];
    return fits;
}

/* What two shapes broadcast to; false if they do not. */
static bool broadcast_shape(const wg_shape *left, const wg_shape *right, wg_shape *wide)
{
    *wide = (wg_shape){.rank = left->rank > right->rank ? left->rank : right->rank};
    for (int i = 1; i <= wide->rank; i++) {
        int64_t a = i <= left->rank ? left->dim[left->rank - i] : 1;
        int64_t b = i <= right->rank ? right->dim[right->rank - i] : 1;
        if (a != b && a != 1 && b != 1) return false;
        wide->dim[wide->rank - i] = a == 1 ? b : a;
    }
    return true;
}

/* Widens the interned shape `common` to what it and that of a node broadcast to. Mostly one of the two fits into the
   other. */
static bool widen(wg_context *ctx, const char *who, uint32_t *common, const node *first, const node *other)
{
    const wg_shape *left = &ctx->shapes[*common], *right = &ctx->shapes[other->shape];
    if (other->shape == *common || fits_into(right, left)) return true;
    if (fits_into(left, right)) {
        *common = other->shape;
        return true;
    }
    wg_shape wide;
    const char *reason;
    shape_buffer a, b;
    if (!broadcast_shape(left, right, &wide)) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: shapes do not broadcast together: %s and %s", who,
                   shape_text(graph_shape(ctx, first), &a), shape_text(graph_shape(ctx, other), &b));
        graph_hint(ctx, "lengths are compared from the last axis on and must be equal or 1");
    } else if (!shape_valid(&wide, (wg_type)other->type, &reason)) {
        graph_fail(ctx, WG_BAD_SHAPE, "expand: %s", reason);
    } else {
        *common = graph_intern_shape(ctx, &wide);
    }
    return graph_ok(ctx);
}

/* Nothing is left to infer: the shape is known, and that it fits. */
static inline uint32_t append_expand(wg_context *ctx, uint32_t number, uint32_t id, uint32_t interned_shape,
                                     wg_type type)
{
    return append_quick(
               ctx, number,
               &(node){
                   .op = &ops_expand, .input = {id}, .shape = interned_shape, .type = (uint8_t)type, .input_count = 1})
        .id;
}

static uint32_t expand(wg_context *ctx, uint32_t id, uint32_t interned_shape)
{
    uint32_t number;
    wg_type type = (wg_type)graph_node(ctx, id)->type;
    if (append_is_quick(ctx, NULL, &number)) return append_expand(ctx, number, id, interned_shape, type);
    graph_record record = {
        .op = &ops_expand, .count = 1, .inputs = &id, .type = type, .interned_shape = interned_shape};
    return graph_append(ctx, &record).id;
}

bool ops_broadcast(wg_context *ctx, const char *who, uint32_t *ids, size_t count)
{
    uint32_t common = graph_node(ctx, ids[0])->shape;
    bool alike = true;
    for (size_t i = 1; i < count; i++) alike &= graph_node(ctx, ids[i])->shape == common;
    if (alike) return true;
    for (size_t i = 1; i < count; i++)
        if (!widen(ctx, who, &common, graph_node(ctx, ids[0]), graph_node(ctx, ids[i]))) return false;
    for (size_t i = 0; i < count; i++) {
        if (graph_node(ctx, ids[i])->shape == common) continue;
        ids[i] = expand(ctx, ids[i], common);
        if (!ids[i]) return false;
    }
    return true;
}

bool ops_broadcast_leading(wg_context *ctx, const char *who, uint32_t ids[2])
{
    wg_shape left = *graph_shape_at(ctx, ids[0]), right = *graph_shape_at(ctx, ids[1]);
    int rank = left.rank > right.rank ? left.rank : right.rank;
    wg_shape wide_left = {.rank = rank}, wide_right = {.rank = rank};
    for (int i = 1; i <= rank; i++) {
        int64_t m = i <= left.rank ? left.dim[left.rank - i] : 1, n = i <= right.rank ? right.dim[right.rank - i] : 1;
        if (i > 2 && m != n && m != 1 && n != 1) {
            shape_buffer x, y;
            return graph_fail(ctx, WG_BAD_SHAPE, "%s: leading axes do not broadcast together: %s x %s", who,
                              shape_text(left, &x), shape_text(right, &y))
                .id;
        }
        wide_left.dim[rank - i] = i > 2 && m == 1 ? n : m;
        wide_right.dim[rank - i] = i > 2 && n == 1 ? m : n;
    }
    ids[0] = wg_expand(graph_tensor(ctx, ids[0]), wide_left).id;
    ids[1] = wg_expand(graph_tensor(ctx, ids[1]), wide_right).id;
    return graph_ok(ctx);
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

/* Operands that differ in shape, that are parameters, weak or at fault. Apart, as what is rare below: so that the usual
   case saves no registers. */
static __attribute__((noinline)) wg_tensor binary_other(const wg_op *op, wg_tensor a, wg_tensor b, void *site)
{
    wg_context *ctx = a.context ? a.context : b.context;
    uint32_t number;
    uint32_t ids[2];
    WG_ENTRY_FROM(ctx, site);
    const node *left, *right;
    bool live = graph_live_two(a, b, &left, &right), together = !live && a.context == b.context;
    const node *weak = together ? graph_weak(b) : NULL;
    if (weak) return ops_binary_scalar(op, a, weak->scalar, false, site);
    weak = together ? graph_weak(a) : NULL;
    if (weak) return ops_binary_scalar(op, b, weak->scalar, true, site);
    if (!graph_resolve_two(a, b, op->name, &ctx, ids)) return graph_poison(ctx);
    left = graph_node(ctx, ids[0]), right = graph_node(ctx, ids[1]);
    if (right->flags & NODE_WEAK) return ops_binary_scalar(op, graph_tensor(ctx, ids[0]), right->scalar, false, site);
    if (left->flags & NODE_WEAK) return ops_binary_scalar(op, graph_tensor(ctx, ids[1]), left->scalar, true, site);
    if (left->type != right->type) {
        fail_types(ctx, op->name, left, right);
        return graph_poison(ctx);
    }
    if (!ops_broadcast(ctx, op->name, ids, 2)) return graph_poison(ctx);
    left = graph_node(ctx, ids[0]), right = graph_node(ctx, ids[1]);
    if (append_is_plain(op, left, right) && append_is_quick(ctx, site, &number))
        return append_two(ctx, number, op, left, ids[0], ids[1]);
    wg_tensor y = graph_apply(ctx, &(graph_record){.op = op, .count = 2, .inputs = ids});
    if (!y.id) hint_types(ctx);
    return y;
}

/* Two shapes of which one is repeated to fill the other. */
static __attribute__((noinline)) wg_tensor binary_widened(const wg_op *op, wg_context *ctx, uint32_t a, uint32_t b,
                                                          void *site)
{
    uint32_t number;
    const node *left = graph_node(ctx, a), *right = graph_node(ctx, b);
    const wg_shape *left_shape = &ctx->shapes[left->shape], *right_shape = &ctx->shapes[right->shape];
    bool room = append_is_quick(ctx, site, &number) && ctx->node_count + 1 < ctx->quick_limit;
    if (!room || !append_is_alike(op, left, right))
        return binary_other(op, graph_tensor(ctx, a), graph_tensor(ctx, b), site);
    if (fits_into(right_shape, left_shape))
        return append_two(ctx, number, op, left, a, append_expand(ctx, number, b, left->shape, (wg_type)left->type));
    if (fits_into(left_shape, right_shape))
        return append_two(ctx, number, op, right, append_expand(ctx, number, a, right->shape, (wg_type)right->type), b);
    return binary_other(op, graph_tensor(ctx, a), graph_tensor(ctx, b), site);
}

wg_tensor ops_binary(const wg_op *op, wg_tensor a, wg_tensor b, void *site)
{
    wg_context *ctx = a.context;
    uint32_t number;
    const node *left, *right;
    if (!graph_live_two(a, b, &left, &right)) return binary_other(op, a, b, site);
    if (!append_is_plain(op, left, right) || !append_is_quick(ctx, site, &number))
        return binary_widened(op, ctx, a.id, b.id, site);
    return append_two(ctx, number, op, left, a.id, b.id);
}

static __attribute__((noinline)) wg_tensor binary_scalar_other(const wg_op *op, wg_tensor x, double scalar,
                                                               bool scalar_left, void *site)
{
    wg_context *ctx = x.context;
    WG_ENTRY_FROM(ctx, site);
    uint32_t id = graph_resolve(x, op->name);
    if (!id) return graph_poison(ctx);
    uint32_t ids[2] = {scalar_left ? 0 : id, scalar_left ? id : 0};
    return graph_apply(
        ctx,
        &(graph_record){.op = op, .count = 2, .inputs = ids, .scalar = scalar, .scalar_operand = scalar_left ? 1 : 2});
}

wg_tensor ops_binary_scalar(const wg_op *op, wg_tensor x, double scalar, bool scalar_left, void *site)
{
    wg_context *ctx = x.context;
    uint32_t number;
    const node *n = graph_live(x);
    bool plain = n && append_is_plain(op, n, n) && type_is_float((wg_type)n->type); /* of which any number is one */
    if (!plain || !append_is_quick(ctx, site, &number)) return binary_scalar_other(op, x, scalar, scalar_left, site);
    return append_quick(ctx, number,
                        &(node){.op = op,
                                .input = {scalar_left ? 0 : x.id, scalar_left ? x.id : 0},
                                .shape = n->shape,
                                .type = append_type(op, n),
                                .input_count = 2,
                                .scalar_operand = scalar_left ? 1 : 2,
                                .scalar = scalar});
}

/* An op that is told the shape of `like`. */
static inline wg_tensor one_like(const wg_op *op, wg_tensor x, uint32_t like)
{
    wg_context *ctx = x.context;
    wg_tensor y;
    if (!x.id || !graph_ok(ctx)) return graph_poison(ctx);
    graph_record record = {.op = op, .count = 1, .inputs = &x.id, .interned_shape = graph_node(ctx, like)->shape};
    if (graph_node_of(x)->shape == record.interned_shape) return x;
    return append_again(ctx, NULL, &record, &y) ? y : apply_one(ctx, &record);
}

wg_tensor ops_reshape_like(wg_tensor x, uint32_t like)
{
    return one_like(&ops_reshape, x, like);
}

wg_tensor ops_expand_like(wg_tensor x, uint32_t like)
{
    return one_like(&ops_expand, x, like);
}

/* ---- axes ---- */

/* As ops_axis, of a node. */
static bool axis_of(wg_context *ctx, uint32_t id, const char *who, int axis, int *index)
{
    if (shape_axis(graph_shape_at(ctx, id), axis, index)) return true;
    shape_buffer buffer;
    graph_fail(ctx, WG_BAD_SHAPE, "%s: axis %d is out of range for %s", who, axis,
               shape_text(*graph_shape_at(ctx, id), &buffer));
    return false;
}

bool ops_axis(wg_tensor x, const char *who, int axis, int *index)
{
    uint32_t id = graph_resolve(x, who);
    return id && axis_of(x.context, id, who, axis, index);
}

/* Says what is wrong with axes that are no set. */
static void fail_axes(wg_context *ctx, uint32_t id, const char *who, wg_axes axes)
{
    uint32_t found = 0;
    if (axes.count > WG_MAX_RANK)
        graph_fail(ctx, WG_BAD_SHAPE, "%s: %d axes are more than there can be", who, axes.count);
    for (int i = 0; i < axes.count && graph_ok(ctx); i++) {
        int index;
        if (!axis_of(ctx, id, who, axes.axis[i], &index)) return;
        if (found >> index & 1) graph_fail(ctx, WG_BAD_SHAPE, "%s: axis %d is named twice", who, axes.axis[i]);
        found |= 1u << index;
    }
}

bool ops_axes_of(wg_context *ctx, uint32_t id, const char *who, wg_axes axes, uint32_t *set)
{
    *set = 0;
    if (axes_set(graph_shape_at(ctx, id)->rank, axes, set)) return true;
    fail_axes(ctx, id, who, axes);
    return false;
}

bool ops_axes(wg_tensor x, const char *who, wg_axes axes, uint32_t *set)
{
    uint32_t id = graph_resolve(x, who);
    *set = 0;
    return id && ops_axes_of(x.context, id, who, axes, set);
}

/* ---- types ---- */

bool want_float(wg_tensor x, const char *who)
{
    if (!graph_resolve(x, who)) return false;
    if (type_is_float(wg_type_of(x))) return true;
    graph_fail(x.context, WG_BAD_TYPE, "%s: works on floats, not %s", who, wg_type_name(wg_type_of(x)));
    graph_hint(x.context, "convert with wg_cast");
    return false;
}

/* Ops that move elements and compute nothing: one strided copy serves all types and almost all of them. Parts of an
   axis are in slices.c, windows in windows.c. */
#include "ops/movement.h"
#include "ops/rows.h"

#include <wengert/functions.h>

static wg_tensor draw(wg_context *ctx)
{
    return wg_uniform(ctx, WG_SHAPE(2, 3, 4), -4, 4);
}

/* ---- reshape ---- */

static bool infer_reshape(const wg_call *call, char *message, size_t size)
{
    shape_buffer buffer;
    call->output->type = call->inputs[0].type;
    if (wg_shape_size(call->inputs[0].shape) == wg_shape_size(call->output->shape)) return true;
    return refuse(message, size, "%lld elements do not make %s", (long long)wg_shape_size(call->inputs[0].shape),
                  shape_text(call->output->shape, &buffer));
}

static void reshape_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    gradients[0] = ops_reshape_like(g, graph_node_of(y)->input[0]);
}

static wg_tensor reshape_sample(wg_context *ctx)
{
    return wg_reshape(draw(ctx), WG_SHAPE(4, -1));
}

const wg_op ops_reshape = {
    .name = "reshape",
    .summary = "the same elements in another shape",
    .arity = 1,
    .alias = true,
    .infer = infer_reshape,
    .vjp = reshape_vjp,
    .sample = reshape_sample,
    .numerics = {-4, 4, 0},
};

/* Puts what is left of so many elements in the place of -1; false, and nothing changed, if that does not come out. */
static bool infer_length(int64_t size, wg_shape *shape)
{
    int unknown = -1;
    int64_t known = 1;
    for (int i = 0; i < shape->rank && i < WG_MAX_RANK; i++) {
        if (shape->dim[i] == -1 && unknown < 0)
            unknown = i;
        else if (shape->dim[i] < 0 || __builtin_mul_overflow(known, shape->dim[i], &known))
            return false;
    }
    if (unknown < 0) return true;
    if (known == 0 || size % known != 0) return false;
    shape->dim[unknown] = size / known;
    return true;
}

wg_tensor wg_reshape(wg_tensor x, wg_shape shape)
{
    WG_ENTRY(x.context);
    wg_context *ctx = x.context;
    uint32_t id = graph_resolve(x, "reshape");
    if (!id) return graph_poison(ctx);
    const wg_shape *from = graph_shape_at(ctx, id);
    if (shape_equal(&shape, from)) return graph_tensor(ctx, id);
    if (shape.rank < 0 || shape.rank > WG_MAX_RANK || !infer_length(shape_size(from), &shape)) {
        shape_buffer a, b;
        return graph_fail(ctx, WG_BAD_SHAPE, "reshape: %s does not fit into %s", shape_text(*from, &a),
                          shape_text(shape, &b));
    }
    if (shape_equal(&shape, from)) return graph_tensor(ctx, id);
    return ops_one(&ops_reshape, graph_tensor(ctx, id), NULL, WG_DEFAULT, &shape);
}

/* ---- permute ---- */

static bool infer_permute(const wg_call *call, char *message, size_t size)
{
    const wg_shape *in = &call->inputs[0].shape;
    uint32_t seen = 0;
    *call->output = (wg_array){call->inputs[0].type, *in, NULL};
    for (int i = 0; i < in->rank; i++) {
        int64_t axis = call->attributes->integer[i];
        if (axis < 0 || axis >= in->rank || seen >> axis & 1)
            return refuse(message, size, "the order must name each axis once");
        seen |= 1u << axis;
        call->output->shape.dim[i] = in->dim[axis];
    }
    return true;
}

static void permute_kernel(const wg_call *call)
{
    int64_t stride[WG_MAX_RANK];
    contiguous_strides(&call->inputs[0].shape, stride);
    strided_walk walk = walk_of(&call->output->shape, &call->output->shape);
    for (int i = 0; i < walk.rank; i++) walk.stride[i] = stride[call->attributes->integer[i]];
    copy_in(call, walk);
}

static void permute_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *order = ops_integers(y);
    wg_axes inverse = {.count = (int8_t)graph_shape_of(y)->rank};
    for (int i = 0; i < inverse.count; i++) inverse.axis[order[i]] = (int8_t)i;
    gradients[0] = wg_permute(g, inverse);
}

static wg_tensor permute_sample(wg_context *ctx)
{
    return wg_permute(draw(ctx), WG_AXES(2, 0, 1));
}

const wg_op ops_permute = {
    .name = "permute",
    .summary = "axes in another order",
    .arity = 1,
    .infer = infer_permute,
    .kernel = ALL_TYPES(permute_kernel),
    .vjp = permute_vjp,
    .sample = permute_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_permute(wg_tensor x, wg_axes order)
{
    WG_ENTRY(x.context);
    uint32_t id = graph_resolve(x, "permute");
    if (!id) return graph_poison(x.context);
    int64_t axes[WG_MAX_RANK];
    const wg_shape *shape = graph_shape_at(x.context, id);
    if (order.count != shape->rank) {
        shape_buffer buffer;
        return graph_fail(x.context, WG_BAD_SHAPE, "permute: %d axes are named for %s", order.count,
                          shape_text(*shape, &buffer));
    }
    for (int i = 0; i < order.count; i++) {
        int index;
        if (!ops_axis(graph_tensor(x.context, id), "permute", order.axis[i], &index)) return graph_poison(x.context);
        axes[i] = index;
    }
    return ops_one_integers_anew(x.context, &ops_permute, id, (size_t)order.count, axes);
}

/* ---- expand ---- */

static bool infer_expand(const wg_call *call, char *message, size_t size)
{
    const wg_shape *in = &call->inputs[0].shape, *out = &call->output->shape;
    call->output->type = call->inputs[0].type;
    bool fits = out->rank >= in->rank;
    for (int i = 1; fits && i <= in->rank; i++)
        fits = in->dim[in->rank - i] == 1 || in->dim[in->rank - i] == out->dim[out->rank - i];
    shape_buffer buffer;
    return fits || refuse(message, size, "does not expand to %s", shape_text(*out, &buffer));
}

static void expand_kernel(const wg_call *call)
{
    const wg_shape *in = &call->inputs[0].shape, *out = &call->output->shape;
    int64_t stride[WG_MAX_RANK];
    contiguous_strides(in, stride);
    strided_walk walk = walk_of(out, out);
    for (int i = 1; i <= out->rank; i++)
        walk.stride[out->rank - i] = i > in->rank || in->dim[in->rank - i] == 1 ? 0 : stride[in->rank - i];
    copy_in(call, walk);
}

/* Sums over what was repeated: the one place where broadcasting is undone. */
static void expand_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = y.context;
    uint32_t x = graph_node_of(y)->input[0];
    const wg_shape *in = graph_shape_at(ctx, x), *out = graph_shape_at(ctx, y.id);
    int lead = out->rank - in->rank;
    uint32_t repeated = (1u << lead) - 1;
    for (int i = lead; i < out->rank; i++) repeated |= (uint32_t)(in->dim[i - lead] != out->dim[i]) << i;
    wg_tensor sum = ops_one_integers(ctx, &ops_sum, g.id, 2, (const int64_t[]){repeated, lead == 0});
    bool whole = sum.id && graph_node(ctx, sum.id)->shape == graph_node(ctx, x)->shape;
    gradients[0] = whole ? sum : ops_reshape_like(sum, x);
}

static wg_tensor expand_sample(wg_context *ctx)
{
    return wg_expand(wg_uniform(ctx, WG_SHAPE(3, 1), -4, 4), WG_SHAPE(2, 3, 4));
}

const wg_op ops_expand = {
    .name = "expand",
    .summary = "axes of length 1, and new leading ones, repeated",
    .arity = 1,
    .infer = infer_expand,
    .kernel = ALL_TYPES(expand_kernel),
    .vjp = expand_vjp,
    .sample = expand_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_expand(wg_tensor x, wg_shape shape)
{
    WG_ENTRY(x.context);
    const char *reason;
    wg_context *ctx = x.context;
    uint32_t id = graph_resolve(x, "expand");
    if (!id) return graph_poison(ctx);
    if (shape_equal(&shape, graph_shape_at(ctx, id))) return graph_tensor(ctx, id);
    if (!shape_valid(&shape, (wg_type)graph_node(ctx, id)->type, &reason))
        return graph_fail(ctx, WG_BAD_SHAPE, "expand: %s", reason);
    return ops_one(&ops_expand, graph_tensor(ctx, id), NULL, WG_DEFAULT, &shape);
}

/* ---- concat: integer = axis ---- */

static bool infer_concat(const wg_call *call, char *message, size_t size)
{
    int64_t axis = call->attributes->integer[0];
    const wg_array *first = &call->inputs[0];
    wg_shape joined = first->shape;
    call->output->type = first->type;
    if (axis < 0 || axis >= joined.rank) return refuse(message, size, "axis %lld is out of range", (long long)axis);
    for (size_t i = 1; i < call->count; i++) {
        wg_shape shape = call->inputs[i].shape;
        int64_t length = shape.rank == joined.rank ? shape.dim[axis] : 0;
        if (shape.rank == joined.rank) shape.dim[axis] = joined.dim[axis];
        if (call->inputs[i].type != first->type) return refuse_types(call, message, size, "element types differ");
        if (!wg_shape_equal(shape, joined) || __builtin_add_overflow(joined.dim[axis], length, &joined.dim[axis]))
            return refuse(message, size, "operand %zu does not fit beside those before it on axis %lld", i,
                          (long long)axis);
    }
    *call->output = (wg_array){first->type, joined, NULL};
    return true;
}

static void concat_kernel(const wg_call *call)
{
    int axis = (int)call->attributes->integer[0];
    size_t element = wg_type_size(call->output->type);
    shape_split whole = shape_around(&call->output->shape, axis);
    size_t row = (size_t)(whole.length * whole.inner) * element, place = 0;
    for (size_t i = 0; i < call->count; i++) {
        const char *in = call->inputs[i].data;
        size_t part = (size_t)(call->inputs[i].shape.dim[axis] * whole.inner) * element;
        if (!part) continue;
        for (int64_t o = 0; o < whole.outer; o++)
            memcpy((char *)call->output->data + (size_t)o * row + place, in + (size_t)o * part, part);
        place += part;
    }
}

static void concat_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    int axis = (int)*ops_integers(y);
    int64_t place = 0, whole = wg_dim(y, axis);
    for (size_t i = 0; place < whole; i++) {
        int64_t length = wg_dim(graph_operand(y, i), axis);
        if (length && graph_wanted(y, i)) gradients[i] = wg_slice(g, axis, place, place + length);
        place += length;
    }
}

static wg_tensor concat_sample(wg_context *ctx)
{
    wg_tensor a = draw(ctx), b = wg_uniform(ctx, WG_SHAPE(2, 2, 4), -4, 4), c = draw(ctx), d = draw(ctx);
    return wg_concat(WG_LIST(a, b, c, d), 1);
}

const wg_op ops_concat = {
    .name = "concat",
    .summary = "tensors joined along one axis",
    .arity = -1,
    .infer = infer_concat,
    .kernel = ALL_TYPES(concat_kernel),
    .vjp = concat_vjp,
    .sample = concat_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_concat(wg_list tensors, int axis)
{
    WG_ENTRY(graph_context_of(tensors));
    if (tensors.count == 0 || !tensors.items) return graph_fail(NULL, WG_BAD_ARGUMENT, "concat: the list is empty");
    int index = axis;
    if (tensors.items[0].context && !ops_axis(tensors.items[0], "concat", axis, &index))
        return graph_poison(tensors.items[0].context);
    return wg_apply(&ops_concat, tensors, &(wg_attributes){.integer = {index}});
}

/* ---- flip: integer = axis ---- */

static bool infer_flip(const wg_call *call, char *message, size_t size)
{
    int64_t axis = call->attributes->integer[0];
    *call->output = (wg_array){call->inputs[0].type, call->inputs[0].shape, NULL};
    if (axis >= 0 && axis < call->inputs[0].shape.rank) return true;
    return refuse(message, size, "axis %lld is out of range", (long long)axis);
}

static void flip_kernel(const wg_call *call)
{
    int64_t axis = call->attributes->integer[0];
    strided_walk walk = walk_of(&call->output->shape, &call->inputs[0].shape);
    walk.offset = (walk.dim[axis] - 1) * walk.stride[axis];
    walk.stride[axis] = -walk.stride[axis];
    copy_in(call, walk);
}

static void flip_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    gradients[0] = wg_flip(g, (int)*ops_integers(y));
}

static wg_tensor flip_sample(wg_context *ctx)
{
    return wg_flip(draw(ctx), 1);
}

const wg_op ops_flip = {
    .name = "flip",
    .summary = "one axis in reverse order",
    .arity = 1,
    .infer = infer_flip,
    .kernel = ALL_TYPES(flip_kernel),
    .vjp = flip_vjp,
    .sample = flip_sample,
    .numerics = {-4, 4, 0},
};

wg_tensor wg_flip(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "flip", axis, &index)) return graph_poison(x.context);
    return ops_one_integers_anew(x.context, &ops_flip, graph_resolve(x, "flip"), 1, (const int64_t[]){index});
}

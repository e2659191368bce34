/* Places that are tensors: dynamic_slice and dynamic_update, and indices that go along with a tensor. */
#include "tests/reference/moves.h"

/* ---- dynamic_slice, dynamic_update ---- */

typedef struct part_of_axis {
    int axis;
    int64_t start, length;
    wg_type type; /* of the start */
    int rank;     /* of the start */
} part_of_axis;

static wg_tensor start_of(wg_context *ctx, const part_of_axis *p)
{
    naive start = {.shape = {p->rank, {1, 1}}, .v = {(double)p->start}};
    return tensor_of(ctx, p->type, &start);
}

static const wg_shape shapes[] = {{3, {3, 5, 2}}, {3, {3, 0, 2}}, {1, {4}}, {3, {0, 5, 2}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Calls something with all parts of all axes of all shapes. */
static void for_parts(void (*check)(wg_shape shape, const part_of_axis *p))
{
    for (size_t k = 0; k < SHAPES; k++)
        for (int axis = -shapes[k].rank; axis < shapes[k].rank; axis++) {
            int64_t whole = shapes[k].dim[axis < 0 ? axis + shapes[k].rank : axis];
            for (int64_t length = 0; length <= whole; length++)
                for (int64_t start = 0; start + length <= whole; start++)
                    check(shapes[k],
                          &(part_of_axis){axis, start, length, start % 2 ? WG_I32 : WG_I64, (int)(length % 3)});
        }
}

static wg_tensor apply_slice(wg_tensor x, const void *how)
{
    const part_of_axis *p = how;
    return wg_dynamic_slice(x, start_of(x.context, p), p->axis, p->length);
}

static void check_slice(wg_shape shape, const part_of_axis *p)
{
    int64_t from[8];
    for (int64_t i = 0; i < p->length; i++) from[i] = p->start + i;
    moves m = moves_along(shape, p->axis, p->length, from);
    check_moves(&m, apply_slice, p, "dynamic_slice of %s", shape_name(shape));
}

void reference_dynamic_slice(void)
{
    for_parts(check_slice);
}

/* x outside the part; the update stands for what is not x. */
static wg_tensor apply_outside(wg_tensor x, const void *how)
{
    const part_of_axis *p = how;
    wg_shape part = wg_shape_of(x);
    part.dim[p->axis < 0 ? p->axis + part.rank : p->axis] = p->length;
    wg_tensor zeros = wg_full_typed(x.context, wg_type_of(x), part, 0);
    return wg_dynamic_update(x, zeros, start_of(x.context, p), p->axis);
}

/* The update in the midst of zeros. */
static wg_tensor apply_inside(wg_tensor x, const void *how)
{
    const part_of_axis *p = how;
    wg_shape whole = wg_shape_of(x);
    whole.dim[p->axis < 0 ? p->axis + whole.rank : p->axis] = 5;
    wg_tensor zeros = wg_full_typed(x.context, wg_type_of(x), whole, 0);
    return wg_dynamic_update(zeros, x, start_of(x.context, p), p->axis);
}

static void check_update(wg_shape shape, const part_of_axis *p)
{
    int64_t from[8], whole = shape.dim[p->axis < 0 ? p->axis + shape.rank : p->axis];
    for (int64_t i = 0; i < whole; i++) from[i] = i >= p->start && i < p->start + p->length ? -1 : i;
    moves m = moves_along(shape, p->axis, whole, from);
    check_moves(&m, apply_outside, p, "dynamic_update of %s", shape_name(shape));
    if (whole != 5) return;
    wg_shape part = shape;
    part.dim[p->axis < 0 ? p->axis + shape.rank : p->axis] = p->length;
    for (int64_t i = 0; i < 5; i++) from[i] = i >= p->start && i < p->start + p->length ? i - p->start : -1;
    m = moves_along(part, p->axis, 5, from);
    check_moves(&m, apply_inside, p, "dynamic_update by %s", shape_name(part));
}

void reference_dynamic_update(void)
{
    for_parts(check_update);
}

Test(dynamic, gradients)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 67;
    naive a = naive_random(WG_SHAPE(2, 5, 2), -2, 2, false, &state),
          b = naive_random(WG_SHAPE(2, 3, 2), -2, 2, false, &state);
    for (int64_t start = 0; start < 3; start++) {
        wg_tensor x = tensor_of(ctx, WG_F64, &a), u = tensor_of(ctx, WG_F64, &b);
        wg_tensor from = start_of(ctx, &(part_of_axis){1, start, 3, WG_I64, 0});
        wg_tensor y = wg_square(wg_dynamic_update(wg_square(x), wg_square(u), from, 1));
        wg_tensor loss = weighted_sum(wg_square(wg_dynamic_slice(y, from, -2, 3)), 1);
        loss = wg_add(loss, weighted_sum(y, 2));
        expect_gradcheck(loss, WG_LIST(x, u), "dynamic_update at %lld", (long long)start);
        wg_tensor both[2];
        cr_expect(wg_grads(loss, WG_LIST(x, u), both));
        wg_tensor again = wg_add(weighted_sum(both[0], 3), weighted_sum(both[1], 4));
        expect_gradcheck(again, WG_LIST(x, u), "dynamic_update at %lld, second", (long long)start);
        wg_clear(ctx);
    }
    reference_end(ctx, "gradients of dynamic slices");
}

/* ---- along ---- */

typedef struct going_along {
    int axis;
    wg_type type;
    naive index;
} going_along;

static wg_tensor apply_take(wg_tensor x, const void *how)
{
    const going_along *h = how;
    return wg_take_along(x, tensor_of(x.context, h->type, &h->index), h->axis);
}

/* Where the elements of the result lie in the operand; both broadcast beside the axis. */
static moves moves_by(wg_shape in, const naive *index, int axis)
{
    moves m = {.in = in, .out = index->shape};
    for (int i = 0; i < in.rank; i++)
        if (i != axis && m.out.dim[i] == 1) m.out.dim[i] = in.dim[i];
    for (int64_t i = 0; i < wg_shape_size(m.out); i++) {
        int64_t out[WG_MAX_RANK] = {0}, at[WG_MAX_RANK] = {0}, from[WG_MAX_RANK] = {0};
        naive_index(m.out, i, out);
        for (int a = 0; a < in.rank; a++) {
            at[a] = index->shape.dim[a] == 1 ? 0 : out[a];
            from[a] = in.dim[a] == 1 ? 0 : out[a];
        }
        from[axis] = (int64_t)index->v[naive_place(index->shape, at)];
        m.from[i] = naive_place(in, from);
    }
    return m;
}

static const wg_shape pairs[][2] = {
    {{3, {3, 4, 2}}, {3, {3, 4, 2}}}, {{3, {3, 4, 2}}, {3, {1, 1, 1}}}, {{3, {3, 4, 1}}, {3, {3, 1, 2}}},
    {{3, {3, 4, 2}}, {3, {3, 4, 0}}}, {{3, {1, 4, 2}}, {3, {5, 4, 2}}}, {{1, {6}}, {1, {9}}},
    {{2, {0, 3}}, {2, {0, 3}}},
};

/* Calls something with an index for each axis along which two shapes meet. */
static void for_indices(void (*check)(wg_shape shape, const going_along *h))
{
    uint64_t state = 71;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        for (int axis = -pairs[k][0].rank; axis < pairs[k][0].rank; axis++) {
            wg_shape in = pairs[k][0], index = pairs[k][1];
            int place = axis < 0 ? axis + in.rank : axis;
            bool meet = in.dim[place] > 0 || wg_shape_size(index) == 0;
            for (int i = 0; i < in.rank; i++)
                meet &= i == place || in.dim[i] == index.dim[i] || in.dim[i] == 1 || index.dim[i] == 1;
            if (!meet) continue;
            check(in, &(going_along){axis, k % 2 ? WG_I32 : WG_I64,
                                     naive_random(index, 0, (double)in.dim[place], true, &state)});
        }
}

static void check_take(wg_shape shape, const going_along *h)
{
    moves m = moves_by(shape, &h->index, h->axis < 0 ? h->axis + shape.rank : h->axis);
    check_moves(&m, apply_take, h, "take_along %d of %s by %s", h->axis, shape_name(shape), shape_name(h->index.shape));
}

Test(along, takes_what_the_index_names)
{
    reference_begin();
    for_indices(check_take);
    reference_end(reference_context(WG_F32), "take_along");
}

/* The updates have the shape that the index spreads to; what x is for taking, the result is here. */
static void check_scatter(wg_shape shape, const going_along *h)
{
    int axis = h->axis < 0 ? h->axis + shape.rank : h->axis;
    uint64_t state = 73;
    for (wg_type type = WG_F32; type <= WG_I64; type++) {
        for (int i = 0; i < shape.rank; i++)
            if (i != axis && shape.dim[i] == 1) shape.dim[i] = h->index.shape.dim[i];
        moves m = moves_by(shape, &h->index, axis);
        wg_context *ctx = reference_context(WG_F64);
        naive x = naive_random(m.out, -9, 9, true, &state), y = {.shape = shape};
        naive w = naive_random(shape, -1, 1, false, &state), g = {.shape = m.out};
        for (int64_t i = 0; i < naive_size(&x); i++) {
            y.v[m.from[i]] += x.v[i];
            g.v[i] = w.v[m.from[i]];
        }
        wg_tensor t = tensor_of(ctx, type, &x);
        wg_tensor got = wg_scatter_add_along(t, tensor_of(ctx, h->type, &h->index), h->axis, shape.dim[axis]);
        expect_values(got, &y, 0, "scatter_add_along %d of %s", h->axis, shape_name(shape));
        if (type == WG_F64)
            expect_values(wg_grad(wg_sum(wg_mul(got, tensor_of(ctx, type, &w)), WG_ALL), t), &g, 1e-14,
                          "gradient of scatter_add_along %d of %s", h->axis, shape_name(shape));
        cr_expect(!wg_failed(ctx), "scatter_add_along: %s", wg_error(ctx));
        wg_context_free(ctx);
    }
}

Test(along, adds_where_the_index_names)
{
    reference_begin();
    for_indices(check_scatter);
    reference_end(reference_context(WG_F32), "scatter_add_along");
}

Test(along, gradients)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 79;
    naive v = naive_random(WG_SHAPE(3, 4, 2), -2, 2, false, &state),
          places = naive_random(WG_SHAPE(3, 6, 1), 0, 4, true, &state);
    wg_tensor x = tensor_of(ctx, WG_F64, &v), index = tensor_of(ctx, WG_I64, &places);
    wg_tensor loss = weighted_sum(wg_square(wg_take_along(x, index, 1)), 1); /* some of 6 are among 4 twice */
    expect_gradcheck(loss, WG_LIST(x), "take_along");
    expect_gradcheck(weighted_sum(wg_grad(loss, x), 2), WG_LIST(x), "take_along, second");
    naive six = naive_random(WG_SHAPE(3, 6, 2), -2, 2, false, &state);
    x = tensor_of(ctx, WG_F64, &six);
    loss = weighted_sum(wg_square(wg_scatter_add_along(x, index, 1, 4)), 3);
    expect_gradcheck(loss, WG_LIST(x), "scatter_add_along");
    expect_gradcheck(weighted_sum(wg_grad(loss, x), 4), WG_LIST(x), "scatter_add_along, second");
    reference_end(ctx, "gradients along an index");
}

/* The ops that move elements, of each element type: where each element of the result comes from, by loops over indices.
   Gradients by what an adjoint is: the sum of the cotangents of all places that an element went to. */
#include "tests/reference/moves.h"

#include <stdarg.h>

void check_moves(const moves *m, mover apply, const void *how, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    wg_context *ctx = reference_context(WG_F64);
    naive x = {.shape = m->in}, y = {.shape = m->out}, g = {.shape = m->in};
    for (wg_type type = WG_F32; type <= WG_U8; type++) {
        for (int64_t i = 0; i < naive_size(&x); i++) x.v[i] = type == WG_BOOL ? i % 3 == 0 : (double)(i % 200 + 1);
        for (int64_t i = 0; i < naive_size(&y); i++) y.v[i] = m->from[i] < 0 ? 0 : x.v[m->from[i]];
        wg_tensor got = apply(tensor_of(ctx, type, &x), how);
        expect_values(got, &y, 0, "%s of %s", what, wg_type_name(type));
        reference_check(wg_type_of(got) == type, "%s of %s: type", what, wg_type_name(type));
    }
    uint64_t state = 11;
    naive w = naive_random(m->out, -1, 1, false, &state);
    for (int64_t i = 0; i < naive_size(&w); i++)
        if (m->from[i] >= 0) g.v[m->from[i]] += w.v[i];
    wg_tensor leaf = tensor_of(ctx, WG_F64, &x);
    wg_tensor slope = wg_grad(wg_sum(wg_mul(apply(leaf, how), tensor_of(ctx, WG_F64, &w)), WG_ALL), leaf);
    expect_values(slope, &g, 1e-14, "gradient of %s", what);
    cr_expect(!wg_failed(ctx), "%s: %s", what, wg_error(ctx));
    wg_context_free(ctx);
}

/* ---- reshape, permute, expand ---- */

static wg_tensor apply_reshape(wg_tensor x, const void *how)
{
    return wg_reshape(x, *(const wg_shape *)how);
}

void reference_reshape(void)
{
    static const struct {
        wg_shape in, asked, out;
    } cases[] = {
        {{2, {4, 6}}, {3, {2, -1, 4}}, {3, {2, 3, 4}}},
        {{2, {4, 6}}, {1, {24}}, {1, {24}}},
        {{0, {0}}, {3, {1, 1, 1}}, {3, {1, 1, 1}}},
        {{1, {1}}, {0, {0}}, {0, {0}}},
        {{2, {0, 3}}, {2, {3, 0}}, {2, {3, 0}}},
        {{2, {0, 3}}, {2, {5, -1}}, {2, {5, 0}}},
        {{1, {6}}, {8, {1, 1, 2, 1, 1, 3, 1, -1}}, {8, {1, 1, 2, 1, 1, 3, 1, 1}}},
        {{2, {2, 3}}, {2, {2, 3}}, {2, {2, 3}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        moves m = {.in = cases[k].in, .out = cases[k].out};
        for (int64_t i = 0; i < wg_shape_size(m.out); i++) m.from[i] = i;
        check_moves(&m, apply_reshape, &cases[k].asked, "reshape %s to %s", shape_name(m.in), shape_name(m.out));
    }
}

static wg_tensor apply_permute(wg_tensor x, const void *how)
{
    return wg_permute(x, *(const wg_axes *)how);
}

void reference_permute(void)
{
    static const struct {
        wg_shape in;
        wg_axes order;
    } cases[] = {
        {{2, {3, 5}}, {2, false, {1, 0}}},
        {{4, {2, 3, 4, 5}}, {4, false, {2, 0, 3, 1}}},
        {{4, {2, 3, 4, 5}}, {4, false, {-1, -2, -3, -4}}},
        {{4, {2, 1, 4, 1}}, {4, false, {0, 1, 2, 3}}},
        {{3, {2, 0, 3}}, {3, false, {2, 1, 0}}},
        {{0, {0}}, {0, false, {0}}},
        {{8, {1, 2, 1, 3, 1, 2, 1, 2}}, {8, false, {7, 5, 3, 1, 6, 4, 2, 0}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        moves m = {.in = cases[k].in, .out = cases[k].in};
        int axis[WG_MAX_RANK];
        for (int i = 0; i < m.in.rank; i++) {
            axis[i] = (cases[k].order.axis[i] + m.in.rank) % m.in.rank;
            m.out.dim[i] = m.in.dim[axis[i]];
        }
        for (int64_t i = 0; i < wg_shape_size(m.out); i++) {
            int64_t out[WG_MAX_RANK], in[WG_MAX_RANK];
            naive_index(m.out, i, out);
            for (int a = 0; a < m.in.rank; a++) in[axis[a]] = out[a];
            m.from[i] = naive_place(m.in, in);
        }
        check_moves(&m, apply_permute, &cases[k].order, "permute %s to %s", shape_name(m.in), shape_name(m.out));
    }
}

static wg_tensor apply_expand(wg_tensor x, const void *how)
{
    return wg_expand(x, *(const wg_shape *)how);
}

void reference_expand(void)
{
    static const wg_shape cases[][2] = {
        {{0, {0}}, {0, {0}}},       {{0, {0}}, {2, {2, 3}}},          {{1, {3}}, {2, {2, 3}}},
        {{2, {3, 1}}, {2, {3, 4}}}, {{3, {1, 3, 1}}, {3, {2, 3, 4}}}, {{2, {2, 3}}, {4, {2, 1, 2, 3}}},
        {{1, {1}}, {1, {0}}},       {{2, {1, 0}}, {2, {3, 0}}},       {{2, {1, 1}}, {8, {1, 2, 1, 2, 1, 2, 3, 2}}},
        {{2, {1, 3}}, {2, {1, 3}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        moves m = {.in = cases[k][0], .out = cases[k][1]};
        for (int64_t i = 0; i < wg_shape_size(m.out); i++) m.from[i] = naive_source(m.in, m.out, i);
        check_moves(&m, apply_expand, &m.out, "expand %s to %s", shape_name(m.in), shape_name(m.out));
    }
}

/* ---- along one axis ---- */

moves moves_along(wg_shape in, int axis, int64_t length, const int64_t *place)
{
    moves m = {.in = in, .out = in};
    axis = axis < 0 ? axis + in.rank : axis;
    m.out.dim[axis] = length;
    for (int64_t i = 0; i < wg_shape_size(m.out); i++) {
        int64_t index[WG_MAX_RANK];
        naive_index(m.out, i, index);
        index[axis] = place[index[axis]];
        m.from[i] = index[axis] < 0 ? -1 : naive_place(in, index);
    }
    return m;
}

static wg_tensor apply_slice(wg_tensor x, const void *how)
{
    const along *h = how;
    return h->c == 1 ? wg_slice(x, h->axis, h->a, h->b) : wg_slice_step(x, h->axis, h->a, h->b, h->c);
}

void reference_slice(void)
{
    const wg_shape shape = WG_SHAPE(3, 7, 2);
    static const along cases[] = {
        {1, 0, WG_END, 1},  {1, 2, 5, 1},
        {1, -3, WG_END, 1}, {-2, 1, -1, 1},
        {1, 3, 3, 1},       {1, 7, 7, 1},
        {0, 2, 3, 1},       {-1, 0, 1, 1},
        {1, 0, WG_END, 2},  {1, 1, WG_END, 3},
        {1, 2, 6, 4},       {1, -6, -1, 2},
        {1, 6, WG_END, 9},  {1, 0, 0, 2},
        {0, 0, 3, 3},       {1, 0, WG_END, 100},
        {1, 7, WG_END, 1},  {1, -1, WG_END, -1},
        {1, 6, 0, -1},      {1, 5, -6, -2},
        {1, -1, -8, -3},    {1, 3, 3, -1},
        {-2, 4, 1, -100},   {1, 2, WG_END, -1},
        {1, 0, WG_END, -5}, {0, -1, WG_END, INT64_MIN},
        {2, 1, 0, -1},      {1, 6, WG_END, -4},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        along h = cases[k];
        int64_t length = shape.dim[h.axis < 0 ? h.axis + 3 : h.axis], place[16], count = 0;
        int64_t stop = h.b == WG_END ? (h.c < 0 ? -1 : length) : h.b < 0 ? h.b + length : h.b;
        for (int64_t i = h.a < 0 ? h.a + length : h.a; h.c < 0 ? i > stop : i < stop; i += h.c) place[count++] = i;
        moves m = moves_along(shape, h.axis, count, place);
        check_moves(&m, apply_slice, &h, "slice case %zu", k);
    }
    moves empty = moves_along(WG_SHAPE(0, 2), 0, 0, NULL);
    check_moves(&empty, apply_slice, &(along){0, 0, WG_END, 2}, "slice of nothing");
    check_moves(&empty, apply_slice, &(along){0, -1, WG_END, -1}, "slice of nothing, backwards");
}

static wg_tensor apply_pad(wg_tensor x, const void *how)
{
    const along *h = how;
    return wg_pad(x, h->axis, h->a, h->b, h->c);
}

void reference_pad(void)
{
    static const wg_shape shapes[] = {{3, {2, 3, 2}}, {3, {1, 1, 2}}, {3, {2, 0, 2}}};
    static const along cases[] = {{1, 0, 0, 0}, {1, 2, 0, 0}, {-2, 0, 3, 0}, {1, 0, 0, 2},
                                  {1, 1, 2, 1}, {0, 1, 1, 3}, {-1, 0, 1, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            along h = cases[k];
            int64_t place[64], count = 0, length = shapes[s].dim[h.axis < 0 ? h.axis + 3 : h.axis];
            for (int64_t i = 0; i < h.a; i++) place[count++] = -1;
            for (int64_t i = 0; i < length; i++) {
                for (int64_t z = 0; i > 0 && z < h.c; z++) place[count++] = -1;
                place[count++] = i;
            }
            for (int64_t i = 0; i < h.b; i++) place[count++] = -1;
            moves m = moves_along(shapes[s], h.axis, count, place);
            check_moves(&m, apply_pad, &h, "pad case %zu of %s", k, shape_name(shapes[s]));
        }
}

static wg_tensor apply_flip(wg_tensor x, const void *how)
{
    return wg_flip(x, ((const along *)how)->axis);
}

void reference_flip(void)
{
    static const wg_shape shapes[] = {{3, {2, 3, 4}}, {3, {1, 3, 1}}, {3, {2, 0, 2}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int axis = -3; axis < 3; axis++) {
            int64_t length = shapes[s].dim[(axis + 3) % 3], place[8];
            for (int64_t i = 0; i < length; i++) place[i] = length - 1 - i;
            moves m = moves_along(shapes[s], axis, length, place);
            check_moves(&m, apply_flip, &(along){axis, 0, 0, 0}, "flip %d of %s", axis, shape_name(shapes[s]));
        }
}

/* ---- concat ---- */

/* x between two constants, and a list longer than a node holds itself. */
static wg_tensor apply_concat(wg_tensor x, const void *how)
{
    const along *h = how;
    wg_shape low = wg_shape_of(x), high = low;
    int axis = h->axis < 0 ? h->axis + low.rank : h->axis;
    low.dim[axis] = h->a;
    high.dim[axis] = h->b;
    wg_tensor before = wg_full_typed(x.context, wg_type_of(x), low, 0);
    wg_tensor after = wg_full_typed(x.context, wg_type_of(x), high, 0);
    wg_tensor parts[12] = {before, x, after};
    size_t count = 3;
    for (int64_t i = 0; i < h->c; i++) parts[count++] = x;
    return wg_concat((wg_list){count, parts}, h->axis);
}

void reference_concat(void)
{
    static const wg_shape shapes[] = {{3, {2, 3, 2}}, {3, {1, 1, 1}}, {3, {2, 0, 2}}};
    static const along cases[] = {{0, 1, 2, 0}, {1, 0, 0, 0}, {-1, 2, 1, 1}, {1, 1, 1, 9}, {2, 0, 3, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            along h = cases[k];
            int64_t place[64], count = 0, length = shapes[s].dim[(h.axis + 3) % 3];
            for (int64_t i = 0; i < h.a; i++) place[count++] = -1;
            for (int64_t i = 0; i < length; i++) place[count++] = i;
            for (int64_t i = 0; i < h.b; i++) place[count++] = -1;
            for (int64_t i = 0; i < h.c * length; i++) place[count++] = i % length;
            moves m = moves_along(shapes[s], h.axis, count, place);
            check_moves(&m, apply_concat, &h, "concat case %zu of %s", k, shape_name(shapes[s]));
        }
}

/* ---- gather ---- */

typedef struct indexed {
    int axis;
    wg_type type;
    naive index;
} indexed;

static wg_tensor apply_gather(wg_tensor x, const void *how)
{
    const indexed *h = how;
    return wg_gather(x, tensor_of(x.context, h->type, &h->index), h->axis);
}

/* The shape with one axis replaced by those of the index. */
static wg_shape with_index(wg_shape in, int axis, wg_shape index)
{
    wg_shape out = {0};
    for (int i = 0; i < in.rank; i++) {
        if (i != axis) out.dim[out.rank++] = in.dim[i];
        for (int k = 0; i == axis && k < index.rank; k++) out.dim[out.rank++] = index.dim[k];
    }
    return out;
}

/* The place in [outer, length, inner] that element i of the gathered tensor comes from. */
static int64_t gathered_from(wg_shape out, wg_shape in, int axis, const naive *index, int64_t i)
{
    int64_t at[WG_MAX_RANK] = {0}, from[WG_MAX_RANK] = {0};
    naive_index(out, i, at);
    int width = index->shape.rank;
    for (int a = 0; a < in.rank; a++)
        from[a] = a < axis   ? at[a]
                  : a > axis ? at[a + width - 1]
                             : (int64_t)index->v[naive_place(index->shape, at + axis)];
    return naive_place(in, from);
}

void reference_gather(void)
{
    static const wg_shape indices[] = {{0, {0}}, {1, {4}}, {2, {2, 3}}, {1, {0}}, {3, {1, 2, 1}}};
    const wg_shape shape = WG_SHAPE(3, 4, 2);
    uint64_t state = 13;
    for (int axis = -3; axis < 3; axis++)
        for (size_t k = 0; k < 2 * sizeof indices / sizeof *indices; k++) {
            int place = (axis + 3) % 3;
            indexed h = {axis, k % 2 ? WG_I32 : WG_I64,
                         naive_random(indices[k / 2], 0, (double)shape.dim[place], true, &state)};
            moves m = {.in = shape, .out = with_index(shape, place, indices[k / 2])};
            for (int64_t i = 0; i < wg_shape_size(m.out); i++)
                m.from[i] = gathered_from(m.out, shape, place, &h.index, i);
            check_moves(&m, apply_gather, &h, "gather along %d by %s", axis, shape_name(indices[k / 2]));
        }
}

void reference_scatter_add(void)
{
    static const wg_shape indices[] = {{0, {0}}, {1, {4}}, {2, {2, 3}}, {1, {0}}, {3, {1, 2, 1}}};
    const wg_shape shape = WG_SHAPE(3, 4, 2); /* of the result */
    uint64_t state = 19;
    wg_context *ctx = reference_context(WG_F64);
    for (int axis = -3; axis < 3; axis++)
        for (size_t k = 0; k < sizeof indices / sizeof *indices; k++)
            for (wg_type type = WG_F32; type <= WG_I64; type++) {
                int place = (axis + 3) % 3;
                naive index = naive_random(indices[k], 0, (double)shape.dim[place], true, &state);
                naive x = naive_random(with_index(shape, place, indices[k]), -9, 9, true, &state), y = {.shape = shape};
                naive w = naive_random(shape, -1, 1, false, &state), g = {.shape = x.shape};
                for (int64_t i = 0; i < naive_size(&x); i++) {
                    int64_t to = gathered_from(x.shape, shape, place, &index, i);
                    y.v[to] += x.v[i];
                    g.v[i] = w.v[to];
                }
                wg_tensor t = tensor_of(ctx, type, &x);
                wg_tensor got = wg_scatter_add(t, tensor_of(ctx, WG_I32, &index), axis, shape.dim[place]);
                expect_values(got, &y, 0, "scatter_add of %s along %d by %s", wg_type_name(type), axis,
                              shape_name(index.shape));
                if (type == WG_F64)
                    expect_values(wg_grad(wg_sum(wg_mul(got, tensor_of(ctx, type, &w)), WG_ALL), t), &g, 1e-14,
                                  "gradient of scatter_add along %d", axis);
                wg_clear(ctx);
            }
    cr_expect(!wg_failed(ctx), "scatter_add: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Shapes, places and matrices that functions.h composes, against naive loops: where each element comes from, for all
   types, with its gradient. */
#include "tests/reference/reference.h"

#include <stdarg.h>

/* Element i of y is element from[i] of x, or 0 where that is -1: values of each type, and the gradient of a weighted
   sum. */
typedef struct {
    wg_tensor (*apply)(wg_tensor x, const int64_t *a);
    int64_t a[4];
} motion;

static void expect_moved(const motion *m, wg_shape in, wg_shape out, const int64_t *from, const char *format, ...)
    WG_PRINTF(5, 6);
static void expect_moved(const motion *m, wg_shape in, wg_shape out, const int64_t *from, const char *format, ...)
{
    char what[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    wg_context *ctx = reference_context(WG_F32);
    uint64_t state = 29;
    for (wg_type type = WG_F32; type <= WG_U8; type++) {
        naive x = naive_random(in, 1, type == WG_BOOL ? 2 : 100, true, &state), want = {.shape = out},
              slope = {in, {0}};
        naive w = {.shape = out};
        for (int64_t i = 0; i < naive_size(&want); i++) {
            w.v[i] = (double)i + 0.5;
            if (from[i] < 0) continue;
            want.v[i] = x.v[from[i]];
            slope.v[from[i]] += w.v[i];
        }
        wg_tensor t = tensor_of(ctx, type, &x), y = m->apply(t, m->a);
        expect_values(y, &want, 0, "%s of %s %s", what, wg_type_name(type), shape_name(in));
        reference_check(wg_type_of(y) == type, "%s of %s: type", what, wg_type_name(type));
        if (type != WG_F32 && type != WG_F64) continue;
        wg_tensor loss = wg_sum(wg_mul(y, tensor_of(ctx, type, &w)), WG_ALL);
        expect_values(wg_grad(loss, t), &slope, 1e-6, "gradient of %s of %s", what, shape_name(in));
    }
    cr_expect(!wg_failed(ctx), "%s: %s", what, wg_error(ctx));
    wg_context_free(ctx);
}

static const wg_shape shapes[] = {{0, {0}},    {1, {5}},    {1, {1}},       {2, {3, 4}},      {2, {4, 4}},
                                  {2, {1, 3}}, {2, {0, 3}}, {3, {2, 3, 4}}, {4, {2, 1, 3, 2}}};
enum { SHAPES = sizeof shapes / sizeof *shapes, MOST = 4096 };

/* ---- along one axis ---- */

static wg_tensor roll(wg_tensor x, const int64_t *a)
{
    return wg_roll(x, (int)a[0], a[1]);
}

static wg_tensor repeat(wg_tensor x, const int64_t *a)
{
    return wg_repeat(x, (int)a[0], a[1]);
}

static int64_t modulo(int64_t a, int64_t n)
{
    return (a % n + n) % n;
}

Test(arrange, roll)
{
    static const int64_t shifts[] = {0, 1, -1, 2, 7, -8, INT64_MAX, INT64_MIN};
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int axis = -shapes[s].rank; axis < shapes[s].rank; axis++)
            for (int k = 0; k < 8; k++) {
                int64_t from[MOST], index[WG_MAX_RANK];
                int at = axis < 0 ? axis + shapes[s].rank : axis;
                for (int64_t i = 0; i < wg_shape_size(shapes[s]); i++) {
                    naive_index(shapes[s], i, index);
                    index[at] = modulo(index[at] - shifts[k] % shapes[s].dim[at], shapes[s].dim[at]);
                    from[i] = naive_place(shapes[s], index);
                }
                expect_moved(&(motion){roll, {axis, shifts[k]}}, shapes[s], shapes[s], from, "roll %d by %lld", axis,
                             (long long)shifts[k]);
            }
    reference_end(reference_context(WG_F32), "roll");
}

Test(arrange, repeat)
{
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int axis = -shapes[s].rank; axis < shapes[s].rank; axis++)
            for (int64_t times = 0; times < 4; times++) {
                int64_t from[MOST], index[WG_MAX_RANK];
                int at = axis < 0 ? axis + shapes[s].rank : axis;
                wg_shape out = shapes[s];
                out.dim[at] *= times;
                for (int64_t i = 0; i < wg_shape_size(out); i++) {
                    naive_index(out, i, index);
                    index[at] /= times;
                    from[i] = naive_place(shapes[s], index);
                }
                expect_moved(&(motion){repeat, {axis, times}}, shapes[s], out, from, "repeat %d %lld times", axis,
                             (long long)times);
            }
    reference_end(reference_context(WG_F32), "repeat");
}

static wg_tensor tile(wg_tensor x, const int64_t *a)
{
    wg_shape times = {.rank = (int)a[0], .dim = {a[1], a[2], a[3]}};
    return wg_tile(x, times);
}

Test(arrange, tile)
{
    static const int64_t times[][4] = {{0, 0, 0, 0}, {1, 2, 0, 0}, {1, 0, 0, 0}, {2, 1, 1, 0},
                                       {2, 3, 2, 0}, {3, 2, 1, 3}, {3, 1, 0, 2}};
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int k = 0; k < 7; k++) {
            int64_t from[MOST], index[WG_MAX_RANK];
            wg_shape in = shapes[s], out = {.rank = in.rank > times[k][0] ? in.rank : (int)times[k][0]};
            int lead = out.rank - in.rank, lead_times = out.rank - (int)times[k][0];
            for (int i = 0; i < out.rank; i++)
                out.dim[i] = (i < lead ? 1 : in.dim[i - lead]) * (i < lead_times ? 1 : times[k][1 + i - lead_times]);
            for (int64_t i = 0; i < wg_shape_size(out); i++) {
                naive_index(out, i, index);
                for (int j = 0; j < in.rank; j++) index[j] = index[j + lead] % in.dim[j];
                from[i] = naive_place(in, index);
            }
            motion m = {tile, {0}};
            memcpy(m.a, times[k], sizeof m.a);
            expect_moved(&m, in, out, from, "tile %d", k);
        }
    reference_end(reference_context(WG_F32), "tile");
}

/* ---- axes ---- */

static wg_tensor swap_axes(wg_tensor x, const int64_t *a)
{
    return wg_swap_axes(x, (int)a[0], (int)a[1]);
}

static wg_tensor move_axis(wg_tensor x, const int64_t *a)
{
    return wg_move_axis(x, (int)a[0], (int)a[1]);
}

/* The shape and the places of axes in another order: axis i of the result is axis order[i] of x. */
static wg_shape permuted(wg_shape in, const int *order, int64_t *from)
{
    int64_t index[WG_MAX_RANK], source[WG_MAX_RANK];
    wg_shape out = {.rank = in.rank};
    for (int i = 0; i < in.rank; i++) out.dim[i] = in.dim[order[i]];
    for (int64_t i = 0; i < wg_shape_size(out); i++) {
        naive_index(out, i, index);
        for (int j = 0; j < in.rank; j++) source[order[j]] = index[j];
        from[i] = naive_place(in, source);
    }
    return out;
}

Test(arrange, axes)
{
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int a = 0; a < shapes[s].rank; a++)
            for (int b = 0; b < shapes[s].rank; b++) {
                int64_t from[MOST];
                int rank = shapes[s].rank, swapped[WG_MAX_RANK], moved[WG_MAX_RANK], count = 0;
                for (int i = 0; i < rank; i++) swapped[i] = i == a ? b : i == b ? a : i;
                for (int i = 0; i < rank; i++)
                    if (i != a) moved[count++] = i;
                for (int i = count; i > b; i--) moved[i] = moved[i - 1];
                moved[b] = a;
                wg_shape out = permuted(shapes[s], swapped, from);
                expect_moved(&(motion){swap_axes, {a, b - rank}}, shapes[s], out, from, "swap_axes %d %d", a, b);
                out = permuted(shapes[s], moved, from);
                expect_moved(&(motion){move_axis, {a - rank, b}}, shapes[s], out, from, "move_axis %d %d", a, b);
            }
    reference_end(reference_context(WG_F32), "axes");
}

/* ---- matrices ---- */

static wg_tensor tril(wg_tensor x, const int64_t *a)
{
    return wg_tril(x, a[0]);
}

static wg_tensor triu(wg_tensor x, const int64_t *a)
{
    return wg_triu(x, a[0]);
}

static wg_tensor diagonal(wg_tensor x, const int64_t *a)
{
    return wg_diagonal(x, a[0]);
}

static wg_tensor diagonal_matrix(wg_tensor x, const int64_t *a)
{
    return wg_diagonal_matrix(x, a[0]);
}

static const int64_t offsets[] = {0, 1, -1, 2, -2, 3, -3, 4, -5, 100, INT64_MAX, INT64_MIN};

Test(arrange, triangles)
{
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int k = 0; k < 12; k++) {
            int64_t lower[MOST], upper[MOST], index[WG_MAX_RANK];
            int rank = shapes[s].rank;
            if (rank < 2) continue;
            for (int64_t i = 0; i < wg_shape_size(shapes[s]); i++) {
                naive_index(shapes[s], i, index);
                int64_t right = index[rank - 1] - index[rank - 2];
                lower[i] = right <= offsets[k] ? i : -1;
                upper[i] = right >= offsets[k] ? i : -1;
            }
            expect_moved(&(motion){tril, {offsets[k]}}, shapes[s], shapes[s], lower, "tril %lld",
                         (long long)offsets[k]);
            expect_moved(&(motion){triu, {offsets[k]}}, shapes[s], shapes[s], upper, "triu %lld",
                         (long long)offsets[k]);
        }
    wg_context *ctx = reference_context(WG_F32);
    naive x = {.shape = WG_SHAPE(2, 2), .v = {1, NAN, 2, 3}}, want = {.shape = x.shape, .v = {1, 0, 2, 3}};
    expect_values(wg_tril(tensor_of(ctx, WG_F32, &x), 0), &want, 0, "tril of a NaN");
    reference_end(ctx, "triangles");
}

Test(arrange, diagonals)
{
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int k = 0; k < 12; k++) {
            int64_t from[MOST], count = 0, index[WG_MAX_RANK];
            wg_shape in = shapes[s], out = in;
            if (in.rank < 2) continue;
            for (int64_t i = 0; i < wg_shape_size(in); i++) {
                naive_index(in, i, index);
                if (index[in.rank - 1] - index[in.rank - 2] == offsets[k]) from[count++] = i;
            }
            out.rank--;
            out.dim[out.rank - 1] = 0;
            for (int64_t i = 0; i < in.dim[in.rank - 2]; i++) {
                bool there = offsets[k] < 100 && offsets[k] > -100 && i + offsets[k] >= 0 &&
                             i + offsets[k] < in.dim[in.rank - 1];
                out.dim[out.rank - 1] += there;
            }
            expect_moved(&(motion){diagonal, {offsets[k]}}, in, out, from, "diagonal %lld", (long long)offsets[k]);
        }
    reference_end(reference_context(WG_F32), "diagonals");
}

Test(arrange, diagonal_matrices)
{
    reference_begin();
    for (int s = 0; s < SHAPES; s++)
        for (int64_t offset = -3; offset <= 3; offset++) {
            int64_t from[MOST], index[WG_MAX_RANK], size;
            wg_shape in = shapes[s], out = in;
            if (in.rank < 1) continue;
            size = in.dim[in.rank - 1] + (offset < 0 ? -offset : offset);
            out.dim[out.rank - 1] = out.dim[out.rank] = size;
            out.rank++;
            for (int64_t i = 0; i < wg_shape_size(out); i++) {
                naive_index(out, i, index);
                bool there = index[out.rank - 1] - index[out.rank - 2] == offset;
                if (offset < 0) index[in.rank - 1] = index[out.rank - 1];
                from[i] = there ? naive_place(in, index) : -1;
            }
            expect_moved(&(motion){diagonal_matrix, {offset}}, in, out, from, "diagonal_matrix %lld",
                         (long long)offset);
        }
    wg_context *ctx = reference_context(WG_F64);
    for (int64_t n = 0; n < 4; n++) {
        naive eye = {.shape = WG_SHAPE(n, n)};
        for (int64_t i = 0; i < n; i++) eye.v[i * n + i] = 1;
        wg_tensor y = wg_eye(ctx, n);
        expect_values(y, &eye, 0, "eye");
        reference_check(wg_type_of(y) == WG_F64 && wg_item(wg_trace(y)) == (double)n, "the trace of eye");
    }
    reference_end(ctx, "diagonal matrices");
}

Test(arrange, traces)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    for (int s = 3; s < SHAPES; s++) {
        uint64_t state = 31;
        naive x = naive_random(shapes[s], -9, 9, true, &state), want = {.shape = x.shape};
        want.shape.rank -= 2;
        for (int64_t i = 0; i < naive_size(&x); i++) {
            int64_t index[WG_MAX_RANK];
            naive_index(x.shape, i, index);
            if (index[x.shape.rank - 1] == index[x.shape.rank - 2]) want.v[naive_place(want.shape, index)] += x.v[i];
        }
        expect_values(wg_trace(tensor_of(ctx, WG_F64, &x)), &want, 0, "trace of %s", shape_name(shapes[s]));
        expect_values(wg_trace(tensor_of(ctx, WG_I32, &x)), &want, 0, "trace of whole numbers");
    }
    reference_end(ctx, "traces");
}

/* ---- arrays of tensors ---- */

/* Parts of lengths along an axis: by wg_split where they are equal, by wg_split_lengths, and joined again. */
static void expect_parts(wg_context *ctx, const naive *x, int axis, size_t count, const int64_t *lengths, bool equal)
{
    wg_tensor parts[2][8], t = tensor_of(ctx, WG_F64, x);
    int at = axis < 0 ? axis + x->shape.rank : axis;
    reference_check(wg_split_lengths(t, axis, count, lengths, parts[0]), "split_lengths: %s", wg_error(ctx));
    if (equal) reference_check(wg_split(t, axis, count, parts[1]), "split: %s", wg_error(ctx));
    for (int which = 0; which < 1 + equal; which++) {
        int64_t begin = 0;
        for (size_t k = 0; k < count; k++) {
            naive want = {.shape = x->shape};
            want.shape.dim[at] = lengths[k];
            for (int64_t i = 0; i < naive_size(&want); i++) {
                int64_t index[WG_MAX_RANK];
                naive_index(want.shape, i, index);
                index[at] += begin;
                want.v[i] = x->v[naive_place(x->shape, index)];
            }
            expect_values(parts[which][k], &want, 0, "part %zu of %zu along %d", k, count, axis);
            begin += lengths[k];
        }
        if (count) expect_values(wg_concat((wg_list){count, parts[which]}, axis), x, 0, "parts joined again");
    }
    if (count < 2 || naive_size(x) == 0) return;
    wg_tensor loss = wg_add(weighted_sum(parts[0][0], 1), weighted_sum(wg_square(parts[0][count - 1]), 2));
    expect_gradcheck(loss, WG_LIST(t), "parts along %d", axis);
}

Test(arrange, parts)
{
    static const int64_t lengths[][8] = {{6}, {3, 3}, {2, 2, 2}, {1, 1, 1, 1, 1, 1}, {1, 5}, {0, 6}, {2, 0, 3, 1}};
    static const size_t counts[] = {1, 2, 3, 6, 2, 2, 4};
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    for (int axis = -3; axis < 3; axis++)
        for (int k = 0; k < 7; k++) {
            uint64_t state = 37;
            wg_shape shape = WG_SHAPE(2, 2, 2);
            shape.dim[(axis + 3) % 3] = 6;
            naive x = naive_random(shape, -4, 4, false, &state);
            expect_parts(ctx, &x, axis, counts[k], lengths[k], k < 4);
        }
    naive none = {.shape = WG_SHAPE(2, 0)};
    expect_parts(ctx, &none, 1, 2, (const int64_t[]){0, 0}, true);
    expect_parts(ctx, &none, 1, 0, NULL, false);
    reference_end(ctx, "parts");
}

Test(arrange, unstack)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    for (int axis = -3; axis < 3; axis++) {
        uint64_t state = 43;
        naive x = naive_random(WG_SHAPE(2, 3, 4), -4, 4, false, &state);
        int at = (axis + 3) % 3;
        size_t count = (size_t)x.shape.dim[at];
        wg_tensor parts[4], t = tensor_of(ctx, WG_F64, &x);
        reference_check(wg_unstack(t, axis, count, parts), "unstack: %s", wg_error(ctx));
        expect_values(wg_stack((wg_list){count, parts}, axis), &x, 0, "stacked again along %d", axis);
        for (int64_t k = 0; k < (int64_t)count; k++) {
            naive want = {.shape = {2, {x.shape.dim[at == 0], x.shape.dim[at == 2 ? 1 : 2]}}};
            for (int64_t i = 0; i < naive_size(&want); i++) {
                int64_t rest[WG_MAX_RANK], index[WG_MAX_RANK];
                naive_index(want.shape, i, rest);
                for (int j = 0, n = 0; j < 3; j++) index[j] = j == at ? k : rest[n++];
                want.v[i] = x.v[naive_place(x.shape, index)];
            }
            expect_values(parts[k], &want, 0, "unstack %d, %lld", axis, (long long)k);
        }
    }
    reference_end(ctx, "unstack");
}

Test(arrange, meshgrid)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static const int64_t lengths[] = {2, 3, 1, 2, 1, 1, 2, 1};
    for (int rank = 1; rank <= 8; rank++) {
        wg_tensor axes[8], grids[8];
        wg_shape shape = {.rank = rank};
        for (int i = 0; i < rank; i++) {
            shape.dim[i] = lengths[i];
            axes[i] = wg_add_scalar(wg_iota(ctx, i % 2 ? WG_I64 : WG_F32, WG_SHAPE(lengths[i]), 0), i * 10);
        }
        reference_check(wg_meshgrid((wg_list){(size_t)rank, axes}, grids), "meshgrid: %s", wg_error(ctx));
        for (int k = 0; k < rank; k++) {
            naive want = {.shape = shape};
            for (int64_t i = 0; i < naive_size(&want); i++) {
                int64_t index[WG_MAX_RANK];
                naive_index(shape, i, index);
                want.v[i] = (double)(index[k] + k * 10);
            }
            expect_values(grids[k], &want, 0, "grid %d of %d", k, rank);
        }
    }
    reference_end(ctx, "meshgrid");
}

/* ---- counting ---- */

static void expect_range(wg_context *ctx, wg_type type, double start, double stop, double step, int64_t count)
{
    naive want = {.shape = WG_SHAPE(count)};
    for (int64_t i = 0; i < count; i++) want.v[i] = start + (double)i * step;
    if (type == WG_F32)
        for (int64_t i = 0; i < count; i++) want.v[i] = (double)(float)want.v[i];
    wg_tensor y = wg_arange(ctx, type, start, stop, step);
    expect_values(y, &want, type == WG_F64 ? 1e-15 : 0, "arange(%g, %g, %g)", start, stop, step);
    reference_check(wg_type_of(y) == (type == WG_DEFAULT ? WG_F32 : type), "arange: type");
}

Test(arrange, arange)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    for (wg_type type = WG_F32; type <= WG_I64; type++) {
        expect_range(ctx, type, 0, 5, 1, 5);
        expect_range(ctx, type, 2, 11, 3, 3);
        expect_range(ctx, type, 2, 12, 3, 4);
        expect_range(ctx, type, 5, 0, -2, 3);
        expect_range(ctx, type, 5, 5, 1, 0);
        expect_range(ctx, type, 5, 0, 1, 0);
        expect_range(ctx, type, -3, 2.5, 1, 6);
    }
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        expect_range(ctx, type, 0, 1, 0.1, 10);
        expect_range(ctx, type, 1, 1.3, 0.1, 3); /* 3.0000000000000004 steps */
        expect_range(ctx, type, 0.1, 0.4, 0.1, 3);
        expect_range(ctx, type, -1, 1, 0.4, 5);
        expect_range(ctx, type, 0, 1, 0.3, 4);
        expect_range(ctx, type, 1000, 1001, 1. / 3, 3);
        expect_range(ctx, type, 0, -0.5, -0.125, 4);
        expect_range(ctx, type, 1e6, 1e6 + 1e-3, 1e-4, 10);
        for (int n = 1; n < 200; n++) expect_range(ctx, type, 0.3, 0.3 + 0.7 * n, 0.7, n);
    }
    expect_range(ctx, WG_I32, INT32_MAX - 2.0, 2147483648.0, 1, 3);
    expect_range(ctx, WG_I32, INT32_MIN, 3e9, 2000000000, 3);
    expect_range(ctx, WG_I64, 4e15, 4e15 + 3, 1, 3);
    float last;
    wg_tensor many = wg_arange(ctx, WG_F32, 0, 20000001, 1); /* more than f32 can count */
    cr_expect(wg_size(many) == 20000001);
    wg_clear(ctx);
    many = wg_slice(wg_arange(ctx, WG_F32, 0.5, 17000000, 1), 0, 16999998, WG_END);
    cr_expect(wg_read_f32(wg_slice(many, 0, 1, 2), &last, 1) && last == 17000000.0f, "%.9g", (double)last);
    reference_end(ctx, "arange");
}

/* ---- products ---- */

Test(arrange, products)
{
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_I64; type++) {
        wg_context *ctx = reference_context(WG_F32);
        uint64_t state = 47;
        naive a = naive_random(WG_SHAPE(4), -5, 5, true, &state), b = naive_random(WG_SHAPE(3), -5, 5, true, &state);
        naive c = naive_random(WG_SHAPE(4), -5, 5, true, &state), outer = {.shape = WG_SHAPE(4, 3)}, dot = {.v = {0}};
        for (int i = 0; i < 12; i++) outer.v[i] = a.v[i / 3] * b.v[i % 3];
        for (int i = 0; i < 4; i++) dot.v[0] += a.v[i] * c.v[i];
        wg_tensor x = tensor_of(ctx, type, &a), y = tensor_of(ctx, type, &b), z = tensor_of(ctx, type, &c);
        expect_values(wg_outer(x, y), &outer, 0, "outer");
        expect_values(wg_dot(x, z), &dot, 0, "dot");
        naive p = naive_random(WG_SHAPE(2, 3), -5, 5, true, &state),
              q = naive_random(WG_SHAPE(3, 2), -5, 5, true, &state);
        naive kron = {.shape = WG_SHAPE(6, 6)};
        for (int i = 0; i < 36; i++) kron.v[i] = p.v[i / 6 / 3 * 3 + i % 6 / 2] * q.v[i / 6 % 3 * 2 + i % 2];
        expect_values(wg_kron(tensor_of(ctx, type, &p), tensor_of(ctx, type, &q)), &kron, 0, "kron");
        cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
        wg_context_free(ctx);
    }
    wg_context *ctx = reference_context(WG_F64);
    wg_tensor none = wg_zeros(ctx, WG_SHAPE(0)), two = wg_ones(ctx, WG_SHAPE(2));
    naive empty = {.shape = WG_SHAPE(0, 2)};
    expect_values(wg_outer(none, two), &empty, 0, "outer of none");
    reference_check(wg_item(wg_dot(none, none)) == 0, "dot of none");
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3)), y = wg_normal(ctx, WG_SHAPE(3));
    wg_tensor p = wg_normal(ctx, WG_SHAPE(2, 2)), q = wg_normal(ctx, WG_SHAPE(1, 2));
    expect_gradcheck(weighted_sum(wg_outer(x, y), 1), WG_LIST(x, y), "outer");
    expect_gradcheck(wg_square(wg_dot(x, y)), WG_LIST(x, y), "dot");
    expect_gradcheck(weighted_sum(wg_kron(p, q), 2), WG_LIST(p, q), "kron");
    reference_end(ctx, "products");
}

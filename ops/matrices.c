/* Matrices and vectors, composed: triangles, diagonals, and products that are no matrix product. */
#include "ops/builder.h"

#include <wengert/functions.h>

/* Whether x has two axes at least; their lengths. */
static bool want_matrix(wg_tensor x, const char *who, int64_t *rows, int64_t *columns)
{
    if (!graph_resolve(x, who)) return false;
    wg_shape shape = wg_shape_of(x);
    if (shape.rank < 2) graph_fail(x.context, WG_BAD_SHAPE, "%s: needs two axes at least", who);
    *rows = wg_dim(x, -2);
    *columns = wg_dim(x, -1);
    return shape.rank >= 2;
}

/* ---- triangles ---- */

/* Whether column - row <= offset: bool [rows, columns]. */
static wg_tensor below(wg_context *ctx, int64_t rows, int64_t columns, int64_t offset)
{
    if (offset < -rows) offset = -rows; /* what lies farther out makes no difference, and its sum might wrap around */
    if (offset > columns) offset = columns;
    wg_tensor row = wg_iota(ctx, WG_I64, WG_SHAPE(rows, 1), 0), column = wg_iota(ctx, WG_I64, WG_SHAPE(columns), 0);
    return wg_less_equal(column, wg_add_scalar(row, (double)offset));
}

wg_tensor wg_tril(wg_tensor x, int64_t offset)
{
    WG_ENTRY(x.context);
    int64_t rows, columns;
    if (!want_matrix(x, "tril", &rows, &columns)) return graph_poison(x.context);
    return wg_where(below(x.context, rows, columns, offset), x, wg_zeros_like(x));
}

wg_tensor wg_triu(wg_tensor x, int64_t offset)
{
    WG_ENTRY(x.context);
    int64_t rows, columns;
    if (!want_matrix(x, "triu", &rows, &columns)) return graph_poison(x.context);
    int64_t before = offset > INT64_MIN ? offset - 1 : offset;
    return wg_where(below(x.context, rows, columns, before), wg_zeros_like(x), x);
}

/* ---- diagonals: every (columns + 1)-th element of the rows one after another ---- */

wg_tensor wg_diagonal(wg_tensor x, int64_t offset)
{
    WG_ENTRY(x.context);
    int64_t rows, columns;
    if (!want_matrix(x, "diagonal", &rows, &columns)) return graph_poison(x.context);
    if (offset < -rows) offset = -rows;
    if (offset > columns) offset = columns;
    int64_t down = offset < 0 ? rows + offset : rows, right = offset > 0 ? columns - offset : columns;
    int64_t count = down < right ? down : right, start = offset < 0 ? -offset * columns : offset;
    wg_shape shape = wg_shape_of(x);
    shape.dim[--shape.rank - 1] = rows * columns;
    wg_tensor flat = wg_reshape(x, shape);
    if (count == 0) return wg_slice(flat, -1, 0, 0);
    return wg_slice_step(flat, -1, start, start + (count - 1) * (columns + 1) + 1, columns + 1);
}

wg_tensor wg_diagonal_matrix(wg_tensor x, int64_t offset)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "diagonal_matrix")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x);
    if (shape.rank == 0 || shape.rank == WG_MAX_RANK)
        return graph_fail(x.context, WG_BAD_SHAPE, "diagonal_matrix: needs 1 to %d axes, not %d", WG_MAX_RANK - 1,
                          shape.rank);
    int64_t count = shape.dim[shape.rank - 1], away = offset < 0 ? -(offset + 1) : offset, size, squared;
    if (__builtin_add_overflow(count, away, &size) || __builtin_add_overflow(size, (int64_t)(offset < 0), &size) ||
        __builtin_mul_overflow(size, size, &squared))
        return graph_fail(x.context, WG_BAD_SHAPE, "diagonal_matrix: the size overflows");
    int64_t start = count == 0 ? squared : offset < 0 ? -offset * size : offset;
    int64_t covered = count ? (count - 1) * (size + 1) + 1 : 0;
    shape.dim[shape.rank - 1] = size;
    shape.dim[shape.rank++] = size;
    return wg_reshape(wg_pad(x, -1, start, squared - start - covered, size), shape);
}

wg_tensor wg_trace(wg_tensor x)
{
    WG_ENTRY(x.context);
    int64_t rows, columns;
    if (!want_matrix(x, "trace", &rows, &columns)) return graph_poison(x.context);
    return wg_sum(wg_diagonal(x, 0), WG_AXES(-1));
}

wg_tensor wg_eye(wg_context *ctx, int64_t size)
{
    WG_ENTRY(ctx);
    if (size < 0) return graph_fail(ctx, WG_BAD_SHAPE, "eye: the length %lld is negative", (long long)size);
    return wg_diagonal_matrix(wg_ones(ctx, WG_SHAPE(size)), 0);
}

/* ---- products ---- */

/* Whether two tensors of the same context have that rank. */
static bool want_rank(wg_tensor a, wg_tensor b, const char *who, int rank)
{
    wg_context *ctx;
    uint32_t ids[2];
    shape_buffer x, y;
    if (!graph_resolve_two(a, b, who, &ctx, ids)) return false;
    if (wg_shape_of(a).rank == rank && wg_shape_of(b).rank == rank) return true;
    graph_fail(ctx, WG_BAD_SHAPE, "%s: multiplies two %s: %s x %s", who, rank == 1 ? "vectors" : "matrices",
               shape_text(wg_shape_of(a), &x), shape_text(wg_shape_of(b), &y));
    return false;
}

wg_tensor wg_outer(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    if (!want_rank(a, b, "outer", 1)) return graph_poison(ctx);
    return wg_mul(wg_unsqueeze(a, 1), b);
}

wg_tensor wg_dot(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    if (!want_rank(a, b, "dot", 1)) return graph_poison(ctx);
    if (wg_size(a) != wg_size(b))
        return graph_fail(ctx, WG_BAD_SHAPE, "dot: the lengths differ: [%lld] x [%lld]", (long long)wg_size(a),
                          (long long)wg_size(b));
    return wg_sum(wg_mul(a, b), WG_ALL);
}

wg_tensor wg_kron(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    if (!want_rank(a, b, "kron", 2)) return graph_poison(ctx);
    wg_shape left = wg_shape_of(a), right = wg_shape_of(b);
    wg_tensor blocks = wg_reshape(a, WG_SHAPE(left.dim[0], 1, left.dim[1], 1));
    wg_tensor y = wg_mul(blocks, wg_reshape(b, WG_SHAPE(right.dim[0], 1, right.dim[1])));
    return wg_reshape(y, WG_SHAPE(left.dim[0] * right.dim[0], left.dim[1] * right.dim[1]));
}

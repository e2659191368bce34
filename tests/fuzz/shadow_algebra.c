/* The bounds of linear algebra. A factorisation is one kernel for every executor, so what it makes of exact operands is
   exact; operands that are not are followed through triangular_solve and cholesky alone. */
#include "tests/fuzz/shadow.h"

#include <math.h>
#include <string.h>

/* bool [n, n]: where a column is before, at, or after its row. */
static wg_tensor places(wg_tensor x, wg_tensor (*compare)(wg_tensor rows, wg_tensor columns))
{
    int64_t n = wg_dim(x, -1);
    wg_tensor rows = wg_iota(x.context, WG_I32, WG_SHAPE(n, 1), 0),
              columns = wg_iota(x.context, WG_I32, WG_SHAPE(n), 0);
    return compare(rows, columns);
}

static wg_tensor only(wg_tensor where, wg_tensor x)
{
    return wg_where(where, x, wg_zeros_like(x));
}

static wg_tensor solved(const wg_op *op, wg_tensor a, wg_tensor b, int flags)
{
    return wg_apply(op, WG_LIST(a, b), &(wg_attributes){.integer = {flags}});
}

/* (T + dT) x' = b + db, where T x = b: (T + dT) (x' - x) = db - dT x. The inverse of a triangle is, element by element,
   at most that of the triangle whose diagonal is |.| and which is -|.| elsewhere (Higham 2002, Accuracy and Stability
   of Numerical Algorithms, theorem 8.12): solving with it bounds x' - x. Rounding is a dT of some n units. */
static shadow triangular_solve_of(const wg_op *op, wg_tensor y, const shadow *in)
{
    int flags = (int)wg_attributes_of(y).integer[0];
    bool unit = flags & WG_UNIT_DIAGONAL, transposed = flags & WG_TRANSPOSED;
    wg_tensor a = wg_abs(in[0].x), error = shadow_error(&in[0]), x = wg_abs(y), diagonal = places(a, wg_equal);
    wg_tensor inside = places(a, flags & WG_UPPER ? wg_less_equal : wg_greater_equal);
    wg_tensor strictly = wg_logical_and(inside, wg_logical_not(diagonal));
    wg_tensor size = only(inside, unit ? wg_where(diagonal, wg_full_like(a, 1), a) : a);
    wg_tensor moved = only(unit ? strictly : inside, error);
    double terms = (double)wg_dim(a, -1);
    wg_tensor right = wg_add(shadow_error(&in[1]), wg_matmul_transposed(moved, transposed, x, false));
    right = wg_add(right, shadow_slack(wg_matmul_transposed(size, transposed, x, false), 16 + 4 * terms));
    wg_tensor pivots = wg_sub(a, error);
    pivots = wg_where(wg_greater_scalar(pivots, 0), pivots, wg_full_like(pivots, (double)NAN));
    wg_tensor least = wg_where(diagonal, pivots, wg_neg(wg_add(a, error)));
    return (shadow){y, wg_mul_scalar(solved(op, least, right, flags), 1.05), false};
}

/* A + D = L (1 + E) L^T and 1 + E = (1 + F) (1 + F)^T, F lower triangular, so L moves by L F. In the Frobenius norm
   |F| <= |E| <= 1/4 follows from F = tril(E - F F^T) with half the diagonal. */
static shadow cholesky_of(const wg_op *op, wg_tensor y, const shadow *in)
{
    const wg_op *solve = row_named("triangular_solve");
    (void)op;
    wg_tensor lower = places(y, wg_greater_equal), strictly = places(y, wg_greater), size = wg_abs(y);
    wg_tensor moved = wg_add(
        shadow_error(in), shadow_slack(wg_matmul_transposed(size, false, size, true), 16 + 4 * (double)wg_dim(y, -1)));
    moved = wg_add(only(lower, moved), wg_transpose(only(strictly, moved)));
    wg_tensor one = wg_expand(wg_cast(places(y, wg_equal), wg_type_of(y)), wg_shape_of(y));
    wg_tensor inverse = wg_abs(solved(solve, y, one, 0));
    wg_tensor e = wg_matmul_transposed(wg_matmul(inverse, moved), false, inverse, true);
    wg_tensor norm = wg_sqrt(wg_sum(wg_square(e), WG_KEEP(-1, -2)));
    wg_tensor rows = wg_sqrt(wg_sum(wg_square(y), WG_KEEP(-1)));
    wg_tensor error = wg_expand(wg_mul_scalar(wg_mul(rows, norm), 2), wg_shape_of(y));
    wg_tensor close = wg_expand(wg_less_scalar(norm, 0.25), wg_shape_of(y));
    return (shadow){y, only(lower, wg_where(close, error, wg_full_like(error, (double)NAN))), false};
}

bool shadow_algebra(const wg_op *op, wg_tensor y, const shadow *in, size_t count, shadow *out)
{
    bool exact = true, solve = strcmp(op->name, "triangular_solve") == 0, cholesky = strcmp(op->name, "cholesky") == 0;
    if (!solve && !cholesky && !strstr(op->name, "_packed")) return false;
    for (size_t i = 0; i < count; i++) exact &= in[i].exact;
    if (exact)
        *out = shadow_exact(y);
    else if (solve)
        *out = triangular_solve_of(op, y, in);
    else
        *out = cholesky ? cholesky_of(op, y, in) : shadow_unknown(y);
    return true;
}

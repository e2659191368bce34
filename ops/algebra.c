/* Everyday linear algebra, composed: equations, inverses, determinants, powers. */
#include "ops/matrices.h"

#include <wengert/functions.h>
#include <wengert/linear_algebra.h>

#include <float.h>

/* ---- equations ---- */

/* Right sides as matrices: a vector becomes a column, which drop_column takes away again. */
static wg_tensor as_columns(wg_tensor b)
{
    return wg_shape_of(b).rank == 1 ? wg_unsqueeze(b, -1) : b;
}

static wg_tensor drop_column(wg_tensor x, bool vector)
{
    return vector ? wg_squeeze(x, -1) : x;
}

/* Whether both are what `who` can solve, as handles to what they mean now. */
static bool accept_system(wg_tensor *a, wg_tensor *b, const char *who, bool square)
{
    wg_context *ctx;
    uint32_t ids[2];
    if (!graph_resolve_two(*a, *b, who, &ctx, ids)) return false;
    *a = graph_tensor(ctx, ids[0]);
    *b = graph_tensor(ctx, ids[1]);
    return matrices_accept(*a, who, square) && matrices_accept_sides(*a, *b, who, wg_dim(*a, -2));
}

/* The context that an error of two operands belongs to. */
static wg_context *context_of(wg_tensor a, wg_tensor b)
{
    return a.context ? a.context : b.context;
}

wg_tensor wg_solve(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = context_of(a, b);
    WG_ENTRY(ctx);
    if (!accept_system(&a, &b, "solve", true)) return graph_poison(ctx);
    bool vector = wg_shape_of(b).rank == 1;
    wg_tensor packed = wg_lu_packed(a), factors = matrices_factors(packed), sides = as_columns(b);
    uint32_t ids[2] = {factors.id, sides.id};
    if (!graph_ok(ctx) || !ops_broadcast_leading(ctx, "solve", ids)) return graph_poison(ctx);
    wg_tensor ordered = matrices_order(graph_tensor(ctx, ids[1]), matrices_places(packed), false);
    wg_tensor half = wg_triangular_solve(factors, ordered, WG_UNIT_DIAGONAL);
    return drop_column(wg_triangular_solve(factors, half, WG_UPPER), vector);
}

wg_tensor wg_cholesky_solve(wg_tensor l, wg_tensor b)
{
    wg_context *ctx = context_of(l, b);
    WG_ENTRY(ctx);
    if (!accept_system(&l, &b, "cholesky_solve", true)) return graph_poison(ctx);
    wg_tensor half = wg_triangular_solve(l, as_columns(b), 0);
    return drop_column(wg_triangular_solve(l, half, WG_TRANSPOSED), wg_shape_of(b).rank == 1);
}

/* a = Q R, x = R^-1 Q^T b; of a wide one a^T = Q R, x = Q R^-T b. */
wg_tensor wg_lstsq(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = context_of(a, b);
    WG_ENTRY(ctx);
    if (!accept_system(&a, &b, "lstsq", false)) return graph_poison(ctx);
    bool wide = wg_dim(a, -2) < wg_dim(a, -1), vector = wg_shape_of(b).rank == 1;
    wg_tensor q, r, x, sides = as_columns(b);
    if (!wg_qr(wide ? wg_transpose(a) : a, &q, &r)) return graph_poison(ctx);
    if (wide)
        x = wg_matmul(q, wg_triangular_solve(r, sides, WG_UPPER | WG_TRANSPOSED));
    else
        x = wg_triangular_solve(r, wg_matmul_transposed(q, true, sides, false), WG_UPPER);
    return drop_column(x, vector);
}

wg_tensor wg_inv(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!matrices_accept(x, "inv", true)) return graph_poison(x.context);
    return wg_solve(x, matrices_unit(x));
}

wg_tensor wg_pinv(wg_tensor x)
{
    wg_context *ctx = x.context;
    WG_ENTRY(ctx);
    wg_tensor u, s, vt;
    if (!matrices_accept(x, "pinv", false) || !wg_svd(x, &u, &s, &vt)) return graph_poison(ctx);
    int64_t m = wg_dim(x, -2), n = wg_dim(x, -1);
    if (m == 0 || n == 0) return wg_zeros_like(wg_transpose(x));
    double eps = wg_type_of(x) == WG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    wg_tensor least = wg_mul_scalar(wg_max(s, WG_KEEP(-1)), (double)(m > n ? m : n) * eps);
    wg_tensor inverse = wg_where(wg_greater(s, least), wg_reciprocal(s), wg_zeros_like(s));
    return wg_matmul_transposed(wg_mul(vt, wg_unsqueeze(inverse, -1)), true, u, true);
}

/* ---- determinants ---- */

/* What a determinant is the product of: the diagonal of U, and the sign of the exchanges, [...]. */
static void determinant_factors(wg_tensor x, wg_tensor *diagonal, wg_tensor *sign)
{
    wg_tensor packed = wg_lu_packed(x), factors = matrices_factors(packed);
    *diagonal = wg_diagonal(factors, 0);
    *sign = wg_prod(wg_stop_gradient(wg_select(packed, -2, -1)), WG_AXES(-1));
}

wg_tensor wg_det(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!matrices_accept(x, "det", true)) return graph_poison(x.context);
    wg_tensor diagonal, sign;
    determinant_factors(x, &diagonal, &sign);
    return wg_mul(sign, wg_prod(diagonal, WG_AXES(-1)));
}

static bool slogdet(wg_tensor x, const char *who, wg_tensor *sign, wg_tensor *logarithm)
{
    if (!matrices_accept(x, who, true)) return false;
    wg_tensor diagonal, exchanges;
    determinant_factors(x, &diagonal, &exchanges);
    *sign = wg_mul(exchanges, wg_prod(wg_sign(wg_stop_gradient(diagonal)), WG_AXES(-1)));
    *logarithm = wg_sum(wg_log(wg_abs(diagonal)), WG_AXES(-1));
    return graph_ok(x.context);
}

bool wg_slogdet(wg_tensor x, wg_tensor *sign, wg_tensor *logarithm)
{
    WG_ENTRY(x.context);
    wg_tensor poison = graph_poison(x.context), found[2] = {poison, poison};
    bool fine = slogdet(x, "slogdet", &found[0], &found[1]);
    if (sign) *sign = found[0];
    if (logarithm) *logarithm = found[1];
    return fine;
}

wg_tensor wg_logdet(wg_tensor x)
{
    WG_ENTRY(x.context);
    wg_tensor sign, logarithm;
    if (!slogdet(x, "logdet", &sign, &logarithm)) return graph_poison(x.context);
    return wg_add(logarithm, wg_log(sign)); /* 0, NaN or -infinity more */
}

/* ---- products ---- */

wg_tensor wg_matrix_power(wg_tensor x, int exponent)
{
    WG_ENTRY(x.context);
    if (!matrices_fit(x, "matrix_power", true)) return graph_poison(x.context);
    if (exponent < 0) {
        graph_fail(x.context, WG_BAD_ARGUMENT, "matrix_power: the exponent %d is negative", exponent);
        graph_hint(x.context, "take the power of wg_inv(x)");
        return graph_poison(x.context);
    }
    wg_tensor square = graph_now(x, "matrix_power"), y = exponent ? WG_NONE : matrices_unit(x);
    for (; exponent; exponent /= 2) {
        if (exponent % 2) y = y.context ? wg_matmul(y, square) : square;
        if (exponent > 1) square = wg_matmul(square, square);
    }
    return y;
}

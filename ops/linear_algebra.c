/* What the gradients of linear algebra stand on: cholesky, triangular_solve, lu_packed; and what all matrix ops share.
   Rules after Giles 2008, Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
 */
#include "base/lapack.h"
#include "ops/matrices.h"
#include "ops/rows.h"

#include <wengert/functions.h>

/* ---- what is wrong with an operand ---- */

bool matrices_infer(const wg_call *call, bool square, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0];
    int rank = x->shape.rank;
    *call->output = *x;
    if (!type_is_float(x->type))
        return refuse_types(call, message, size, "works on floats, not %s", wg_type_name(x->type));
    if (rank < 2) return refuse(message, size, "needs matrices, rank 2 at least");
    int64_t rows = x->shape.dim[rank - 2], columns = x->shape.dim[rank - 1];
    if (square && rows != columns) return refuse(message, size, "needs square matrices");
    if (rows <= LAPACK_LENGTH && columns <= LAPACK_LENGTH) return true;
    return refuse(message, size, "LAPACK counts no further than %d rows or columns", LAPACK_LENGTH);
}

bool matrices_fit(wg_tensor x, const char *who, bool square)
{
    wg_context *ctx = x.context;
    if (!graph_resolve(x, who)) return false;
    char message[200];
    shape_buffer buffer;
    wg_array in = {wg_type_of(x), wg_shape_of(x), NULL}, out = in;
    if (matrices_infer(&(wg_call){1, &in, &out, NULL, NULL, NULL}, square, message, sizeof message)) return true;
    bool types = out.type == WG_DEFAULT;
    graph_fail(ctx, types ? WG_BAD_TYPE : WG_BAD_SHAPE, "%s: %s: %s", who, message, shape_text(in.shape, &buffer));
    if (types) graph_hint(ctx, "convert with wg_cast");
    return false;
}

static bool has_lapack(wg_context *ctx, const char *who)
{
#ifdef WG_HAVE_LAPACK
    (void)ctx, (void)who;
    return true;
#else
    graph_fail(ctx, WG_UNSUPPORTED, "%s: this build has no LAPACK", who);
    graph_hint(ctx, "install OpenBLAS, or LAPACK beside a CBLAS, and configure anew, not with -Dblas=none");
    return false;
#endif
}

bool matrices_accept(wg_tensor x, const char *who, bool square)
{
    return graph_resolve(x, who) && has_lapack(x.context, who) && matrices_fit(x, who, square);
}

bool matrices_accept_sides(wg_tensor a, wg_tensor b, const char *who, int64_t rows)
{
    wg_context *ctx = a.context;
    uint32_t id;
    if (!graph_resolve_in(ctx, WG_LIST(b), who, &id)) return false;
    shape_buffer x, y;
    wg_shape left = wg_shape_of(a), right = wg_shape_of(b);
    if (wg_type_of(a) != wg_type_of(b)) {
        graph_fail(ctx, WG_BAD_TYPE, "%s: element types differ: %s %s x %s %s", who, wg_type_name(wg_type_of(a)),
                   shape_text(left, &x), wg_type_name(wg_type_of(b)), shape_text(right, &y));
        graph_hint(ctx, "types never mix silently: convert one with wg_cast");
    } else if (right.rank == 0) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: the right side must be a vector or matrices, not a number", who);
    } else if (right.dim[right.rank > 1 ? right.rank - 2 : 0] != rows) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: the right side must have %lld rows: %s x %s", who, (long long)rows,
                   shape_text(left, &x), shape_text(right, &y));
    } else if (right.dim[right.rank - 1] > LAPACK_LENGTH) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: LAPACK counts no further than %d columns: %s", who, LAPACK_LENGTH,
                   shape_text(right, &y));
    }
    return graph_ok(ctx);
}

/* ---- parts ---- */

wg_tensor matrices_unit(wg_tensor x)
{
    return wg_expand(wg_cast(wg_eye(x.context, wg_dim(x, -1)), wg_type_of(x)), wg_shape_of(x));
}

wg_tensor matrices_factors(wg_tensor packed)
{
    return wg_slice(packed, -2, 0, wg_dim(packed, -1));
}

wg_tensor matrices_places(wg_tensor packed)
{
    return wg_cast(wg_select(packed, -2, wg_dim(packed, -1)), WG_I64);
}

/* All matrices' rows in one list, so that one gather serves them all. */
wg_tensor matrices_order(wg_tensor x, wg_tensor p, bool back)
{
    wg_context *ctx = x.context;
    wg_shape shape = wg_shape_of(x), places = shape;
    if (!graph_ok(ctx)) return graph_poison(ctx);
    places.rank--;
    places.dim[places.rank] = 0;
    int64_t n = shape.dim[shape.rank - 2], k = shape.dim[shape.rank - 1], count = 1;
    for (int i = 0; i < shape.rank - 2; i++) count *= shape.dim[i];
    wg_tensor begin = wg_mul_scalar(wg_iota(ctx, WG_I64, WG_SHAPE(count, 1), 0), (double)n);
    wg_tensor index = wg_add(wg_reshape(wg_expand(p, places), WG_SHAPE(count, n)), begin);
    index = wg_reshape(index, WG_SHAPE(count * n));
    wg_tensor list = wg_reshape(x, WG_SHAPE(count * n, k));
    list = back ? wg_scatter_add(list, index, 0, count * n) : wg_gather(list, index, 0);
    return wg_reshape(list, shape);
}

static double cubes(const wg_call *call)
{
    const wg_shape *shape = &call->inputs[0].shape;
    return (double)wg_shape_size(*shape) * (double)shape->dim[shape->rank - 1];
}

/* Random matrices, far from singular. */
static wg_tensor draw(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 3, 3), -1, 1);
    return wg_add(x, wg_mul_scalar(matrices_unit(x), 3));
}

/* ---- cholesky ---- */

static bool infer_cholesky(const wg_call *call, char *message, size_t size)
{
    return matrices_infer(call, true, message, size);
}

/* The lower triangle with half the diagonal. */
static wg_tensor half_lower(wg_tensor x)
{
    wg_tensor whole = wg_tril(x, 0);
    return wg_mul_scalar(wg_add(whole, wg_tril(x, -1)), 0.5);
}

/* With P the halved lower triangle of L^T g, all of x would have the gradient S = L^-T P L^-1, symmetric in the mean.
   What is read is the lower triangle, each element of which stands for two: that of S + S^T, the diagonal once. */
static void cholesky_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor p = half_lower(wg_matmul_transposed(y, true, g, false));
    wg_tensor half = wg_triangular_solve(y, p, WG_TRANSPOSED);
    wg_tensor s = wg_triangular_solve(y, wg_transpose(half), WG_TRANSPOSED);
    gradients[0] = half_lower(wg_add(s, wg_transpose(s)));
}

static double cholesky_flops(const wg_call *call)
{
    return cubes(call) / 3;
}

static wg_tensor cholesky_sample(wg_context *ctx)
{
    return wg_cholesky(draw(ctx));
}

const wg_op ops_cholesky = {
    .name = "cholesky",
    .summary = "the lower triangular L of x = L L^T",
    .arity = 1,
    .infer = infer_cholesky,
    .kernel = MATRIX_KERNEL(cholesky),
    .vjp = cholesky_vjp,
    .flops = cholesky_flops,
    .sample = cholesky_sample,
    .numerics = {0, 0, -1}, /* no range: few matrices drawn from one would do */
};

wg_tensor wg_cholesky(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!matrices_accept(x, "cholesky", true)) return graph_poison(x.context);
    return ops_one(&ops_cholesky, x, NULL, WG_DEFAULT, NULL);
}

/* ---- triangular_solve: integer = flags ---- */

static bool infer_triangular_solve(const wg_call *call, char *message, size_t size)
{
    const wg_array *a = &call->inputs[0], *b = &call->inputs[1];
    if (!matrices_infer(call, true, message, size)) return false;
    *call->output = *b;
    if (a->type != b->type) return refuse_types(call, message, size, "element types differ");
    bool fits = a->shape.rank == b->shape.rank;
    for (int i = 0; fits && i < a->shape.rank - 1; i++) fits = a->shape.dim[i] == b->shape.dim[i];
    return fits || refuse(message, size, "the right side has other leading axes or other rows");
}

/* op(a) x = b: b's gradient h solves op(a)^T h = g, and a's is the triangle of -h x^T, transposed as a is. */
static void triangular_solve_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor a = graph_operand(y, 0);
    int flags = (int)ops_integers(y)[0];
    bool wanted = graph_wanted(y, 0), transposed = flags & WG_TRANSPOSED;
    wg_tensor h = wg_triangular_solve(a, g, flags ^ WG_TRANSPOSED);
    gradients[1] = h;
    if (!wanted) return;
    wg_tensor all = wg_neg(wg_matmul_transposed(transposed ? y : h, false, transposed ? h : y, true));
    int inside = flags & WG_UNIT_DIAGONAL ? 1 : 0;
    gradients[0] = flags & WG_UPPER ? wg_triu(all, inside) : wg_tril(all, -inside);
}

static double triangular_solve_flops(const wg_call *call)
{
    return (double)wg_shape_size(call->output->shape) * (double)call->inputs[0].shape.dim[call->output->shape.rank - 1];
}

static wg_tensor triangular_solve_sample(wg_context *ctx)
{
    wg_tensor a = draw(ctx);
    return wg_triangular_solve(a, wg_uniform(ctx, WG_SHAPE(2, 3, 2), -1, 1), 0);
}

const wg_op ops_triangular_solve = {
    .name = "triangular_solve",
    .summary = "x of a x = b, a triangular",
    .arity = 2,
    .infer = infer_triangular_solve,
    .kernel = MATRIX_KERNEL(triangular_solve),
    .vjp = triangular_solve_vjp,
    .flops = triangular_solve_flops,
    .sample = triangular_solve_sample,
    .numerics = {0, 0, -1}, /* no range: few matrices drawn from one would do */
};

wg_tensor wg_triangular_solve(wg_tensor a, wg_tensor b, int flags)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_two(a, b, "triangular_solve", &ctx, ids)) return graph_poison(ctx);
    if (flags & ~(WG_UPPER | WG_TRANSPOSED | WG_UNIT_DIAGONAL))
        return graph_fail(ctx, WG_BAD_ARGUMENT,
                          "triangular_solve: the flags %d are no sum of WG_UPPER, WG_TRANSPOSED and WG_UNIT_DIAGONAL",
                          flags);
    a = graph_tensor(ctx, ids[0]);
    b = graph_tensor(ctx, ids[1]);
    if (!matrices_accept(a, "triangular_solve", true) ||
        !matrices_accept_sides(a, b, "triangular_solve", wg_dim(a, -1)))
        return graph_poison(ctx);
    bool vector = wg_shape_of(b).rank == 1;
    if (vector) ids[1] = wg_unsqueeze(b, -1).id;
    if (!ops_broadcast_leading(ctx, "triangular_solve", ids)) return graph_poison(ctx);
    wg_tensor x = graph_apply(ctx, &(graph_record){.op = &ops_triangular_solve,
                                                   .count = 2,
                                                   .inputs = ids,
                                                   .integer_count = 1,
                                                   .integers = (const int64_t[]){flags}});
    return vector ? wg_squeeze(x, -1) : x;
}

/* ---- lu_packed ---- */

static bool infer_lu(const wg_call *call, char *message, size_t size)
{
    if (!matrices_infer(call, true, message, size)) return false;
    call->output->shape.dim[call->output->shape.rank - 2] += 2;
    return true;
}

/* With x[p] = L U the gradient of x[p] is L^-T (tril(L^T g, -1) + triu(g U^T)) U^-T: g stands for that of L below the
   diagonal, for that of U from it on. The two last rows are constant around x. */
static void lu_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor factors = matrices_factors(y), both = matrices_factors(g);
    wg_tensor below = wg_tril(factors, -1), of_l = wg_tril(both, -1), of_u = wg_triu(both, 0);
    of_l = wg_add(of_l, wg_matmul_transposed(below, true, of_l, false)); /* the ones of L apart */
    of_u = wg_matmul_transposed(of_u, false, wg_triu(factors, 0), true);
    wg_tensor sum = wg_add(wg_tril(of_l, -1), wg_triu(of_u, 0));
    wg_tensor left = wg_triangular_solve(factors, sum, WG_TRANSPOSED | WG_UNIT_DIAGONAL);
    wg_tensor both_sides = wg_transpose(wg_triangular_solve(factors, wg_transpose(left), WG_UPPER));
    gradients[0] = matrices_order(both_sides, matrices_places(y), true);
}

/* The branch is the order of the rows. */
static void lu_branch(const wg_call *call, int64_t *branch)
{
    const wg_shape *shape = &call->output->shape;
    int64_t n = shape->dim[shape->rank - 1], size = wg_shape_size(*shape);
    const double *packed = call->output->data;
    for (int64_t i = 0; i < size; i++) branch[i] = i / n % (n + 2) == n ? (int64_t)packed[i] : 0;
}

static double lu_flops(const wg_call *call)
{
    return cubes(call) * 2 / 3;
}

static wg_tensor lu_packed_sample(wg_context *ctx)
{
    return wg_lu_packed(wg_flip(draw(ctx), -2)); /* so that rows are exchanged */
}

const wg_op ops_lu_packed = {
    .name = "lu_packed",
    .summary = "L, U and the order of the rows of x[p] = L U",
    .arity = 1,
    .infer = infer_lu,
    .kernel = MATRIX_KERNEL(lu),
    .scratch = MATRIX_SCRATCH(lu),
    .vjp = lu_vjp,
    .flops = lu_flops,
    .sample = lu_packed_sample,
    .branch = lu_branch,
    .numerics = {0, 0, -1}, /* no range: few matrices drawn from one would do */
};

wg_tensor wg_lu_packed(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!matrices_accept(x, "lu_packed", true)) return graph_poison(x.context);
    return ops_one(&ops_lu_packed, x, NULL, WG_DEFAULT, NULL);
}

/* Factorisations of several results. A node has one output, so a row packs them, and an ordinary function takes them
   apart: slices and reshapes, which move nothing. qr, svd and eigh have no gradient. */
#include "base/lapack.h"
#include "ops/matrices.h"
#include "ops/rows.h"

#include <wengert/functions.h>
#include <wengert/linear_algebra.h>

/* ---- rows ---- */

/* Asking for a derivative is an error: zeros would be wrong. */
static void no_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    (void)g, (void)gradients;
    graph_fail(y.context, WG_NO_GRADIENT, "%s: this factorisation has no gradient here", graph_node_of(y)->op->name);
    graph_hint(y.context,
               "wg_stop_gradient makes its results constants; wg_cholesky, wg_lu and wg_solve have gradients");
}

/* m, n and the lesser of them. */
typedef struct sides {
    int64_t m, n, k;
} sides;

static sides sides_of(const wg_shape *shape)
{
    int64_t m = shape->dim[shape->rank - 2], n = shape->dim[shape->rank - 1];
    return (sides){m, n, m < n ? m : n};
}

/* The last two axes become one; false if a side is so long that LAPACK would miscount its own memory. */
static bool infer_packed(const wg_call *call, int64_t size, bool dense, char *message, size_t message_size)
{
    wg_shape *out = &call->output->shape;
    bool fits = !dense || sides_of(out).k <= LAPACK_DENSE;
    out->rank--;
    out->dim[out->rank - 1] = size;
    out->dim[out->rank] = 0;
    return fits || refuse(message, message_size, "LAPACK counts no further than %d here", LAPACK_DENSE);
}

static bool infer_qr(const wg_call *call, char *message, size_t size)
{
    if (!matrices_infer(call, false, message, size)) return false;
    sides s = sides_of(&call->inputs[0].shape);
    return infer_packed(call, s.k * (s.m + s.n), false, message, size);
}

static bool infer_svd(const wg_call *call, char *message, size_t size)
{
    if (!matrices_infer(call, false, message, size)) return false;
    sides s = sides_of(&call->inputs[0].shape);
    return infer_packed(call, s.k * (s.m + 1 + s.n), true, message, size);
}

static bool infer_eigh(const wg_call *call, char *message, size_t size)
{
    if (!matrices_infer(call, true, message, size)) return false;
    sides s = sides_of(&call->inputs[0].shape);
    return infer_packed(call, s.n + s.n * s.n, true, message, size);
}

/* Some multiple of m n k, as Golub and Van Loan count. */
static double work(const wg_call *call, double multiple)
{
    return multiple * (double)wg_shape_size(call->inputs[0].shape) * (double)sides_of(&call->inputs[0].shape).k;
}

static double qr_flops(const wg_call *call)
{
    return work(call, 4);
}

static double svd_flops(const wg_call *call)
{
    return work(call, 14);
}

static double eigh_flops(const wg_call *call)
{
    return work(call, 9);
}

static wg_tensor draw(wg_context *ctx)
{
    return wg_uniform(ctx, WG_SHAPE(2, 3, 3), -1, 1);
}

#define SAMPLE(name)                                \
    static wg_tensor name##_sample(wg_context *ctx) \
    {                                               \
        return wg_##name(draw(ctx));                \
    }

SAMPLE(qr_packed)
SAMPLE(svd_packed)
SAMPLE(eigh_packed)

#define ROW(name_, summary_)              \
    const wg_op ops_##name_##_packed = {  \
        .name = #name_ "_packed",         \
        .summary = summary_,              \
        .arity = 1,                       \
        .infer = infer_##name_,           \
        .kernel = MATRIX_KERNEL(name_),   \
        .scratch = MATRIX_SCRATCH(name_), \
        .vjp = no_vjp,                    \
        .flops = name_##_flops,           \
        .sample = name_##_packed_sample,  \
        .numerics = {-1, 1, -1},          \
    };

ROW(qr, "Q and R of x = Q R")
ROW(svd, "U, s and V^T of x = U diag(s) V^T")
ROW(eigh, "w and V^T of the symmetric x = V diag(w) V^T")

#define PACKED(name, square)                                                    \
    wg_tensor wg_##name(wg_tensor x)                                            \
    {                                                                           \
        WG_ENTRY(x.context);                                                    \
        if (!matrices_accept(x, #name, square)) return graph_poison(x.context); \
        return ops_one(&ops_##name, x, NULL, WG_DEFAULT, NULL);                 \
    }

PACKED(qr_packed, false)
PACKED(svd_packed, false)
PACKED(eigh_packed, true)

/* ---- taking them apart ---- */

/* Numbers of each packed factorisation, from a place on, as a vector or, with rows, as a matrix. */
static wg_tensor vector_at(wg_tensor packed, int64_t begin, int64_t length)
{
    return wg_slice(packed, -1, begin, begin + length);
}

static wg_tensor matrix_at(wg_tensor packed, int64_t begin, int64_t rows, int64_t columns)
{
    wg_tensor part = vector_at(packed, begin, rows * columns);
    wg_shape shape = wg_shape_of(part);
    if (!graph_ok(packed.context)) return graph_poison(packed.context);
    shape.dim[shape.rank - 1] = rows;
    shape.dim[shape.rank++] = columns;
    return wg_reshape(part, shape);
}

/* Poison for each result, until there is something better. */
static void give_nothing(wg_context *ctx, wg_tensor *a, wg_tensor *b, wg_tensor *c)
{
    if (a) *a = graph_poison(ctx);
    if (b) *b = graph_poison(ctx);
    if (c) *c = graph_poison(ctx);
}

bool wg_lu(wg_tensor x, wg_tensor *p, wg_tensor *l, wg_tensor *u)
{
    WG_ENTRY(x.context);
    give_nothing(x.context, p, l, u);
    if (!matrices_accept(x, "lu", true)) return false;
    wg_tensor packed = wg_lu_packed(x), factors = matrices_factors(packed);
    if (p) *p = matrices_places(packed);
    if (l) *l = wg_add(wg_tril(factors, -1), matrices_unit(factors));
    if (u) *u = wg_triu(factors, 0);
    return graph_ok(x.context);
}

bool wg_qr(wg_tensor x, wg_tensor *q, wg_tensor *r)
{
    WG_ENTRY(x.context);
    give_nothing(x.context, q, r, NULL);
    if (!matrices_accept(x, "qr", false)) return false;
    sides of = sides_of(graph_shape_of(x));
    wg_tensor packed = wg_qr_packed(x);
    if (q) *q = matrix_at(packed, 0, of.m, of.k);
    if (r) *r = matrix_at(packed, of.m * of.k, of.k, of.n);
    return graph_ok(x.context);
}

bool wg_svd(wg_tensor x, wg_tensor *u, wg_tensor *s, wg_tensor *vt)
{
    WG_ENTRY(x.context);
    give_nothing(x.context, u, s, vt);
    if (!matrices_accept(x, "svd", false)) return false;
    sides of = sides_of(graph_shape_of(x));
    wg_tensor packed = wg_svd_packed(x);
    if (u) *u = matrix_at(packed, 0, of.m, of.k);
    if (s) *s = vector_at(packed, of.m * of.k, of.k);
    if (vt) *vt = matrix_at(packed, of.m * of.k + of.k, of.k, of.n);
    return graph_ok(x.context);
}

bool wg_eigh(wg_tensor x, wg_tensor *w, wg_tensor *v)
{
    WG_ENTRY(x.context);
    give_nothing(x.context, w, v, NULL);
    if (!matrices_accept(x, "eigh", true)) return false;
    int64_t n = sides_of(graph_shape_of(x)).n;
    wg_tensor packed = wg_eigh_packed(x);
    if (w) *w = vector_at(packed, 0, n);
    if (v) *v = wg_transpose(matrix_at(packed, n, n, n));
    return graph_ok(x.context);
}

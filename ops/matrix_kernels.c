/* The kernels of linear algebra: matrix by matrix through LAPACK. What it would not notice, or answer with nonsense, is
   looked for here: NaN, infinities, zeros on a diagonal. */
#include "base/lapack.h"
#include "graph/shape.h"
#include "ops/matrices.h"

#include <math.h>
#include <string.h>

/* The operand as a batch of matrices. */
typedef struct batch {
    wg_type type;
    size_t element;
    int64_t count, rows, columns, lesser;
} batch;

static batch batch_of(const wg_array *x)
{
    const wg_shape *shape = &x->shape;
    batch b = {.type = x->type, .element = wg_type_size(x->type), .count = 1};
    for (int i = 0; i < shape->rank - 2; i++) b.count *= shape->dim[i];
    b.rows = shape->dim[shape->rank - 2];
    b.columns = shape->dim[shape->rank - 1];
    b.lesser = b.rows < b.columns ? b.rows : b.columns;
    return b;
}

/* Element `index` of an array. */
static char *at(const batch *b, const void *data, int64_t index)
{
    return (char *)(uintptr_t)data + (size_t)index * b->element;
}

static double load(const batch *b, const void *data, int64_t index)
{
    return b->type == WG_F32 ? (double)((const float *)data)[index] : ((const double *)data)[index];
}

static void store(const batch *b, void *data, int64_t index, double value)
{
    if (b->type == WG_F32)
        ((float *)data)[index] = (float)value;
    else
        ((double *)data)[index] = value;
}

/* ---- faults ---- */

/* "the matrix", or "matrix [1, 0]" of a batch. */
static const char *name_of(const wg_array *x, int64_t item, char text[96])
{
    int leading = x->shape.rank - 2;
    int64_t index[WG_MAX_RANK];
    size_t used = 0;
    for (int i = leading; i-- > 0; item /= x->shape.dim[i]) index[i] = item % x->shape.dim[i];
    text_append(text, 96, &used, leading ? "matrix [" : "the matrix");
    for (int i = 0; i < leading; i++) text_append(text, 96, &used, i ? ", %lld" : "%lld", (long long)index[i]);
    if (leading) text_append(text, 96, &used, "]");
    return text;
}

/* Whether a matrix, or its lower triangle, is finite throughout. */
static bool is_finite(const wg_call *call, const batch *b, const void *x, int64_t item, bool lower)
{
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < (lower ? i + 1 : b->columns); j++) {
            double value = load(b, x, i * b->columns + j);
            if (isfinite(value)) continue;
            char name[96];
            snprintf(call->fault, WG_FAULT_SIZE, "element [%lld, %lld] of %s is %s", (long long)i, (long long)j,
                     name_of(call->inputs, item, name), isnan(value) ? "not a number" : "infinite");
            return false;
        }
    return true;
}

static void fail_convergence(const wg_call *call, int64_t item)
{
    char name[96];
    snprintf(call->fault, WG_FAULT_SIZE, "LAPACK does not converge for %s", name_of(call->inputs, item, name));
}

/* ---- cholesky ---- */

/* The order of the first leading minor that is not positive, 0 if all are: some that LAPACK does not find overflow. */
static int64_t bad_minor(const batch *b, void *l)
{
    int64_t order = lapack_cholesky(b->type, b->rows, l);
    for (int64_t i = 0; !order && i < b->rows; i++) {
        double root = load(b, l, i * b->rows + i);
        if (!(root > 0) || !isfinite(root)) order = i + 1;
    }
    return order;
}

void cholesky_kernel(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    int64_t n = b.rows;
    for (int64_t item = 0; item < b.count; item++) {
        const char *x = at(&b, call->inputs[0].data, item * n * n);
        char *l = at(&b, call->output->data, item * n * n), name[96];
        if (!is_finite(call, &b, x, item, true)) return;
        for (int64_t i = 0; i < n; i++) {
            memcpy(at(&b, l, i * n), at(&b, x, i * n), (size_t)(i + 1) * b.element);
            memset(at(&b, l, i * n + i + 1), 0, (size_t)(n - i - 1) * b.element);
        }
        int64_t order = bad_minor(&b, l);
        if (!order) continue;
        snprintf(call->fault, WG_FAULT_SIZE,
                 "%s is not positive definite: its leading minor of order %lld is not positive",
                 name_of(call->inputs, item, name), (long long)order);
        return;
    }
}

/* ---- triangular_solve ---- */

static bool is_regular(const wg_call *call, const batch *b, const void *a, int64_t item)
{
    for (int64_t i = 0; i < b->rows; i++) {
        if (load(b, a, i * b->rows + i) != 0) continue;
        char name[96];
        snprintf(call->fault, WG_FAULT_SIZE, "%s is singular: element %lld of its diagonal is 0",
                 name_of(call->inputs, item, name), (long long)i);
        return false;
    }
    return true;
}

void triangular_solve_kernel(const wg_call *call)
{
    const batch a = batch_of(&call->inputs[0]), b = batch_of(&call->inputs[1]);
    int64_t flags = call->attributes->integer[0];
    lapack_triangle system = {.n = a.rows,
                              .columns = b.columns,
                              .upper = flags & WG_UPPER,
                              .transpose = flags & WG_TRANSPOSED,
                              .unit = flags & WG_UNIT_DIAGONAL};
    size_t bytes = (size_t)(b.rows * b.columns) * b.element;
    for (int64_t item = 0; item < a.count; item++) {
        const char *matrix = at(&a, call->inputs[0].data, item * a.rows * a.rows);
        char *x = (char *)call->output->data + (size_t)item * bytes;
        if (!system.unit && !is_regular(call, &a, matrix, item)) return;
        memcpy(x, (const char *)call->inputs[1].data + (size_t)item * bytes, bytes);
        lapack_solve(a.type, &system, matrix, x);
    }
}

/* ---- lu ---- */

size_t lu_scratch(const wg_call *call)
{
    return (size_t)batch_of(call->inputs).rows * sizeof(int32_t);
}

/* Performs the exchanges on 0, 1, 2, ...; their places, and whether they were some, become two more rows. */
static void store_exchanges(const batch *b, const int32_t *pivots, void *places, void *signs)
{
    for (int64_t i = 0; i < b->rows; i++) store(b, places, i, (double)i);
    for (int64_t i = 0; i < b->rows; i++) {
        double kept = load(b, places, i);
        store(b, places, i, load(b, places, pivots[i]));
        store(b, places, pivots[i], kept);
        store(b, signs, i, pivots[i] == i ? 1 : -1);
    }
}

/* A zero on the diagonal of U is no fault. */
void lu_kernel(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    int64_t n = b.rows, size = n * n;
    for (int64_t item = 0; item < b.count; item++) {
        const char *x = at(&b, call->inputs[0].data, item * size);
        char *out = at(&b, call->output->data, item * (size + 2 * n));
        if (!is_finite(call, &b, x, item, false)) return;
        memcpy(out, x, (size_t)size * b.element);
        lapack_lu(b.type, n, out, call->scratch);
        store_exchanges(&b, call->scratch, at(&b, out, size), at(&b, out, size + n));
    }
}

/* ---- qr, svd, eigh ---- */

size_t qr_scratch(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    return lapack_qr_scratch(b.type, b.rows, b.columns);
}

void qr_kernel(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    int64_t q_size = b.rows * b.lesser, size = q_size + b.lesser * b.columns;
    for (int64_t item = 0; item < b.count; item++) {
        const char *x = at(&b, call->inputs[0].data, item * b.rows * b.columns);
        char *q = at(&b, call->output->data, item * size);
        if (!is_finite(call, &b, x, item, false)) return;
        lapack_qr(b.type, b.rows, b.columns, x, q, at(&b, q, q_size), call->scratch);
    }
}

size_t svd_scratch(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    return lapack_svd_scratch(b.type, b.rows, b.columns);
}

void svd_kernel(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    int64_t u_size = b.rows * b.lesser, size = u_size + b.lesser + b.lesser * b.columns;
    for (int64_t item = 0; item < b.count; item++) {
        const char *x = at(&b, call->inputs[0].data, item * b.rows * b.columns);
        char *u = at(&b, call->output->data, item * size), *s = at(&b, u, u_size);
        if (!is_finite(call, &b, x, item, false)) return;
        if (!lapack_svd(b.type, b.rows, b.columns, x, u, s, at(&b, s, b.lesser), call->scratch)) continue;
        fail_convergence(call, item);
        return;
    }
}

size_t eigh_scratch(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    return lapack_eigh_scratch(b.type, b.rows);
}

void eigh_kernel(const wg_call *call)
{
    const batch b = batch_of(call->inputs);
    int64_t n = b.rows;
    for (int64_t item = 0; item < b.count; item++) {
        const char *x = at(&b, call->inputs[0].data, item * n * n);
        char *w = at(&b, call->output->data, item * (n + n * n));
        if (!is_finite(call, &b, x, item, true)) return;
        if (!lapack_eigh(b.type, n, x, w, at(&b, w, n), call->scratch)) continue;
        fail_convergence(call, item);
        return;
    }
}

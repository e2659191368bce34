/* The walk over all rows of the table: each has a reference here, passes the check of ops that users' own are given,
   and has the derivatives of the true function. A row that is added without these fails. */
#include "tests/reference/reference.h"
#include "tests/reference/truth.h"

typedef struct structured {
    const char *name;
    void (*check)(void);
} structured;

static const structured references[] = {
    {"full", reference_full},
    {"iota", reference_iota},
    {"cast", reference_cast},
    {"random_uniform", reference_random_uniform},
    {"where", reference_where},
    {"stop_gradient", reference_stop_gradient},
    {"sum", reference_sum},
    {"prod", reference_prod},
    {"max", reference_max},
    {"min", reference_min},
    {"argmax", reference_argmax},
    {"argmin", reference_argmin},
    {"any", reference_any},
    {"all", reference_all},
    {"reshape", reference_reshape},
    {"permute", reference_permute},
    {"expand", reference_expand},
    {"slice", reference_slice},
    {"pad", reference_pad},
    {"concat", reference_concat},
    {"flip", reference_flip},
    {"gather", reference_gather},
    {"matmul", reference_matmul},
    {"scatter_add", reference_scatter_add},
    {"conv", reference_conv},
    {"conv_filter", reference_conv_filter},
    {"conv_transpose", reference_conv_transpose},
    {"unfold", reference_unfold},
    {"fold", reference_fold},
    {"cumsum", reference_cumsum},
    {"argsort", reference_argsort},
    {"cholesky", reference_cholesky},
    {"triangular_solve", reference_triangular_solve},
    {"lu_packed", reference_lu_packed},
    {"qr_packed", reference_qr_packed},
    {"svd_packed", reference_svd_packed},
    {"eigh_packed", reference_eigh_packed},
    {"assign", reference_assign},
    {"pool_index", reference_pool_index},
    {"dynamic_slice", reference_dynamic_slice},
    {"dynamic_update", reference_dynamic_update},
};

static const structured *reference_named(const char *name)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (strcmp(references[i].name, name) == 0) return &references[i];
    return NULL;
}

/* The op of the node that a tensor names, and how many operands it has. */
static const char *recorded_op(wg_tensor y, size_t *operands)
{
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    *operands = 0;
    if (!graph) return "";
    wg_node node = wg_graph_node(graph, wg_graph_size(graph) - 1);
    *operands = node.input_count;
    return node.op;
}

Test(walk, every_row_is_complete)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        size_t operands;
        reference_check(op->name && op->sample, "row %zu has no name or no sample", i);
        if (!op->name || !op->sample) continue;
        reference_check(row_named(op->name) == op, "%s stands twice in the table", op->name);
        bool referred = op->elementwise ? truth_of(op->name) != NULL : reference_named(op->name) != NULL;
        reference_check(referred, "%s has no reference", op->name);
        if (!row_is_there(op)) continue;
        wg_tensor y = op->sample(ctx);
        reference_check(wg_eval(WG_LIST(y)), "%s: its sample fails: %s", op->name, wg_error(ctx));
        reference_check(strcmp(recorded_op(y, &operands), op->name) == 0, "%s: its sample is another op", op->name);
        reference_check(wg_size(y) > 1, "%s: its sample is one number", op->name);
        wg_clear(ctx);
    }
    reference_end(ctx, "the table");
}

/* References whose row is gone would run unseen. */
Test(walk, every_reference_has_a_row)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        cr_expect_not_null(row_named(references[i].name), "there is no row %s", references[i].name);
    for (size_t i = 0; i < truth_count(); i++)
        cr_expect_not_null(row_named(truth_at(i)->name), "there is no row %s", truth_at(i)->name);
}

Test(walk, structured_values)
{
    reference_begin();
    long before = 0;
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const structured *s = op->elementwise ? NULL : reference_named(op->name);
        if (!s) continue;
        s->check();
        reference_check(reference_count() > before, "%s: 0 checks ran", op->name);
        before = reference_count();
    }
    reference_end(reference_context(WG_F32), "structured rows");
}

/* ---- the check of ops ---- */

/* What wg_op_check found, if it did. */
static bool passes(const wg_op *op, char *text, size_t size)
{
    wg_context *ctx = reference_context(WG_F32);
    FILE *file = tmpfile();
    bool passed = wg_op_check(ctx, op, file) && !wg_failed(ctx);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    wg_context_free(ctx);
    return passed;
}

Test(walk, every_row_passes_the_check)
{
    reference_begin();
    for (size_t i = 0; i < wg_op_count(); i++) {
        char text[400];
        if (!row_is_there(wg_op_at(i))) continue;
        reference_check(passes(wg_op_at(i), text, sizeof text), "%s", text);
    }
    reference_end(reference_context(WG_F32), "the check of ops");
}

static bool is_float(wg_tensor x)
{
    return wg_type_of(x) == WG_F32 || wg_type_of(x) == WG_F64;
}

/* A row without a VJP, or with an integer result, has the derivative 0, and nothing depends on its operands. */
static void no_derivative(wg_type type, const wg_op *op)
{
    wg_context *ctx = reference_context(type);
    size_t operands;
    wg_tensor y = op->sample(ctx);
    recorded_op(y, &operands);
    for (size_t i = 0; i < operands && !(op->vjp && is_float(y)) && strcmp(op->name, "assign") != 0; i++) {
        wg_tensor x = wg_input(y, i);
        if (!is_float(x)) continue;
        naive want = {.shape = wg_shape_of(x)};
        wg_tensor zero = wg_grad(wg_sum(wg_mul_scalar(wg_cast(y, WG_DEFAULT), 2), WG_ALL), x);
        expect_values(zero, &want, 0, "%s: the gradient of a row without one", op->name);
        reference_check(!wg_depends_on(y, x), "%s depends on its operand", op->name);
    }
    reference_end(ctx, op->name);
}

Test(walk, rows_without_a_derivative)
{
    reference_begin();
    reference_check(wg_op_count() > 0, "there are no rows");
    for (size_t i = 0; i < wg_op_count(); i++) {
        if (!row_is_there(wg_op_at(i))) continue;
        no_derivative(WG_F32, wg_op_at(i));
        no_derivative(WG_F64, wg_op_at(i));
    }
}

/* ---- against the truth's own slope ---- */

static long double slope(const truth *t, long double a, long double b, int by)
{
    long double h = 1e-5L * fmaxl(1, fabsl(by ? b : a));
    if (t->f1_long) return (t->f1_long(a + h) - t->f1_long(a - h)) / (2 * h);
    if (by) return (t->f2_long(a, b + h) - t->f2_long(a, b - h)) / (2 * h);
    return (t->f2_long(a + h, b) - t->f2_long(a - h, b)) / (2 * h);
}

/* One operand's gradient of sum(w y), compared where the truth has no kink nearby. */
static long compare_slopes(const truth *t, wg_tensor gradient, const double *a, const double *b, int by, int count)
{
    naive got = naive_of(gradient);
    long compared = 0;
    for (int i = 0; i < count; i++) {
        long double want = slope(t, (long double)a[i], (long double)b[i], by);
        if (fabsl(want) > 1e3L) continue; /* a step lies between */
        reference_check(fabs(got.v[i] - (double)want) <= 2e-7 * (1 + fabs((double)want)),
                        "%s: the derivative by operand %d at %g, %g is %.12g, not %.12Lg", t->name, by, a[i], b[i],
                        got.v[i], want);
        compared++;
    }
    return compared;
}

Test(walk, derivatives_of_the_true_functions)
{
    enum { COUNT = 400 };
    if (!long_double_is_wider()) return;
    reference_begin();
    for (size_t i = 0; i < truth_count(); i++) {
        const truth *t = truth_at(i);
        const wg_op *op = row_named(t->name);
        if (!op || t->to_bool) continue;
        wg_context *ctx = reference_context(WG_F64);
        double a[COUNT], b[COUNT];
        uint64_t state = 5;
        for (int k = 0; k < COUNT; k++) {
            a[k] = reference_uniform(&state, op->numerics.low, op->numerics.high);
            b[k] = reference_uniform(&state, op->numerics.low, op->numerics.high);
        }
        wg_tensor x = wg_from_f64(ctx, WG_SHAPE(COUNT), a), z = wg_from_f64(ctx, WG_SHAPE(COUNT), b);
        wg_tensor loss = wg_sum(t->apply1 ? t->apply1(x) : t->apply2(x, z), WG_ALL);
        long compared = compare_slopes(t, wg_grad(loss, x), a, b, 0, COUNT);
        if (t->apply2) compared += compare_slopes(t, wg_grad(loss, z), a, b, 1, COUNT);
        reference_check(compared > COUNT * 9 / 10, "%s: %ld slopes compared", t->name, compared);
        wg_context_free(ctx);
    }
    reference_end(reference_context(WG_F64), "slopes");
}

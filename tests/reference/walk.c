/* The walk over all rows of the table: each has its words, a sample and a reference here; its first and second
   derivative are right, and its VJP is linear in the cotangent. A row that is added without these fails. */
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

/* Rows whose derivative is an error; their references check that. */
static bool is_forward_only(const wg_op *op)
{
    static const char *const names[] = {"qr_packed", "svd_packed", "eigh_packed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], op->name) == 0) return true;
    return false;
}

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
        reference_check(op->name && op->name[0], "row %zu has no name", i);
        reference_check(op->summary && op->summary[0], "%s has no summary", op->name);
        reference_check(op->sample != NULL, "%s has no sample", op->name);
        reference_check(op->infer != NULL, "%s has no shape rule", op->name);
        reference_check((op->numerics.ulp >= 0 || op->numerics.ulp == -1) && op->numerics.low <= op->numerics.high,
                        "%s: its numbers", op->name);
        reference_check(row_named(op->name) == op, "%s stands twice in the table", op->name);
        bool referred = op->elementwise ? truth_of(op->name) != NULL : reference_named(op->name) != NULL;
        reference_check(referred, "%s has no reference", op->name);
        if (!op->sample || !row_is_there(op)) continue;
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

/* ---- derivatives ---- */

enum { OPERANDS = 8 };

/* The sample of a row and its float operands. */
typedef struct sampled {
    wg_tensor y, floats[OPERANDS];
    size_t count, operands;
} sampled;

static bool is_float(wg_tensor x)
{
    return wg_type_of(x) == WG_F32 || wg_type_of(x) == WG_F64;
}

static sampled sample_of(wg_context *ctx, const wg_op *op)
{
    sampled s = {.y = op->sample(ctx)};
    recorded_op(s.y, &s.operands);
    if (strcmp(op->name, "assign") == 0) return s; /* its operand is a place, not a value */
    for (size_t i = 0; i < s.operands && i < OPERANDS; i++) {
        wg_tensor x = wg_input(s.y, i);
        if (is_float(x)) s.floats[s.count++] = x;
    }
    return s;
}

static void first_and_second(wg_type type, const wg_op *op)
{
    wg_context *ctx = reference_context(type);
    sampled s = sample_of(ctx, op);
    wg_list xs = {s.count, s.floats};
    bool smooth = op->vjp && is_float(s.y);
    if (s.count == 0) {
        reference_check(!smooth || s.operands == 0, "%s has a VJP and no float operand", op->name);
    } else if (!smooth) {
        wg_tensor zero = wg_grad(wg_sum(wg_mul_scalar(wg_cast(s.y, WG_DEFAULT), 2), WG_ALL), s.floats[0]);
        naive want = {.shape = wg_shape_of(s.floats[0])};
        expect_values(zero, &want, 0, "%s: the gradient of a row without one", op->name);
        reference_check(!wg_depends_on(s.y, s.floats[0]), "%s depends on its operand", op->name);
    } else {
        wg_tensor loss = weighted_sum(s.y, 1), gradients[OPERANDS];
        expect_gradcheck(loss, xs, "%s in %s", op->name, wg_type_name(type));
        cr_expect(wg_grads(loss, xs, gradients), "%s: %s", op->name, wg_error(ctx));
        wg_tensor again = wg_scalar(ctx, 0);
        for (size_t i = 0; i < s.count; i++)
            again = wg_add(again, wg_cast(weighted_sum(gradients[i], 2 + i), WG_DEFAULT));
        expect_gradcheck(again, xs, "the gradient of %s in %s", op->name, wg_type_name(type));
    }
    cr_expect(!wg_failed(ctx), "%s: %s", op->name, wg_error(ctx));
    wg_context_free(ctx);
}

Test(walk, first_and_second_derivative)
{
    reference_begin();
    for (size_t i = 0; i < wg_op_count(); i++) {
        reference_check(wg_op_at(i)->sample != NULL, "%s has no sample", wg_op_at(i)->name);
        if (!wg_op_at(i)->sample || !row_is_there(wg_op_at(i)) || is_forward_only(wg_op_at(i))) continue;
        first_and_second(WG_F32, wg_op_at(i));
        first_and_second(WG_F64, wg_op_at(i));
    }
    reference_end(reference_context(WG_F32), "derivatives");
}

static double largest(const naive *a)
{
    double size = 0;
    for (int64_t i = 0; i < naive_size(a); i++) size = fmax(size, fabs(a->v[i]));
    return size;
}

/* vjp(a g + b h) = a vjp(g) + b vjp(h) */
static void linearity(wg_type type, const wg_op *op)
{
    static const double a = 0.75, b = -1.25;
    wg_context *ctx = reference_context(type);
    sampled s = sample_of(ctx, op);
    wg_tensor of_g[OPERANDS] = {WG_NONE}, of_h[OPERANDS] = {WG_NONE}, of_both[OPERANDS] = {WG_NONE};
    uint64_t state = 99;
    naive values = naive_random(wg_shape_of(s.y), -2, 2, false, &state);
    wg_tensor g = tensor_of(ctx, wg_type_of(s.y), &values);
    values = naive_random(wg_shape_of(s.y), -2, 2, false, &state);
    wg_tensor h = tensor_of(ctx, wg_type_of(s.y), &values);
    op->vjp(s.y, g, of_g);
    op->vjp(s.y, h, of_h);
    op->vjp(s.y, wg_add(wg_mul_scalar(g, a), wg_mul_scalar(h, b)), of_both);
    double eps = type == WG_F32 || wg_type_of(s.y) == WG_F32 ? 0x1p-23 : 0x1p-52;
    for (size_t i = 0; i < s.operands; i++) {
        bool there = of_g[i].context != NULL;
        reference_check(there == (of_h[i].context != NULL) && there == (of_both[i].context != NULL),
                        "%s: operand %zu sometimes has a gradient", op->name, i);
        if (!there) continue;
        reference_check(wg_shape_equal(wg_shape_of(of_g[i]), wg_shape_of(wg_input(s.y, i))) &&
                            wg_type_of(of_g[i]) == wg_type_of(wg_input(s.y, i)),
                        "%s: the gradient of operand %zu has another shape or type", op->name, i);
        naive left = naive_of(of_both[i]), p = naive_of(of_g[i]), q = naive_of(of_h[i]);
        double scale = fabs(a) * largest(&p) + fabs(b) * largest(&q);
        for (int64_t k = 0; k < naive_size(&left); k++)
            reference_check(fabs(left.v[k] - (a * p.v[k] + b * q.v[k])) <= 16 * eps * scale,
                            "%s in %s: operand %zu, element %lld: %g is not linear", op->name, wg_type_name(type), i,
                            (long long)k, left.v[k]);
    }
    cr_expect(!wg_failed(ctx), "%s: %s", op->name, wg_error(ctx));
    wg_context_free(ctx);
}

Test(walk, vjps_are_linear)
{
    reference_begin();
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        wg_context *ctx = reference_context(WG_F32);
        bool has = op->vjp && !is_forward_only(op) && op->sample && is_float(op->sample(ctx));
        wg_context_free(ctx);
        if (!has) continue;
        linearity(WG_F32, op);
        linearity(WG_F64, op);
    }
    reference_end(reference_context(WG_F32), "linearity");
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

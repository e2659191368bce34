/* Broadcasting of the binary rows and where, with their gradients, against loops over indices; the _scalar forms
   against the tensor forms; empty tensors and axes of length 1 through all element-wise rows. */
#include "tests/reference/reference.h"
#include "tests/reference/truth.h"

static const struct {
    wg_shape a, b;
} pairs[] = {
    {{0, {0}}, {0, {0}}},
    {{0, {0}}, {1, {3}}},
    {{2, {2, 3}}, {0, {0}}},
    {{1, {1}}, {1, {4}}},
    {{1, {4}}, {1, {1}}},
    {{2, {3, 1}}, {2, {1, 4}}},
    {{1, {4}}, {2, {3, 4}}},
    {{3, {2, 3, 4}}, {1, {4}}},
    {{3, {2, 3, 4}}, {2, {3, 1}}},
    {{3, {2, 1, 4}}, {3, {2, 3, 4}}},
    {{3, {1, 3, 1}}, {3, {2, 3, 4}}},
    {{4, {2, 1, 3, 1}}, {3, {4, 1, 2}}},
    {{5, {1, 2, 1, 1, 3}}, {2, {2, 1}}},
    {{8, {1, 2, 1, 1, 1, 1, 1, 2}}, {7, {2, 1, 2, 1, 1, 1, 1}}},
    {{1, {0}}, {1, {1}}},
    {{2, {0, 1}}, {2, {1, 3}}},
    {{3, {2, 0, 3}}, {1, {3}}},
    {{3, {2, 0, 3}}, {3, {2, 1, 3}}},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static double slope(const truth *t, double a, double b, int by)
{
    double h = 1e-5;
    if (t->to_bool) return 0;
    return by ? (t->f2(a, b + h) - t->f2(a, b - h)) / (2 * h) : (t->f2(a + h, b) - t->f2(a - h, b)) / (2 * h);
}

/* The numbers around b and -b are far from multiples: no remainder jumps there. */
static naive operand(wg_shape shape, const wg_op *op, bool logic, uint64_t *state)
{
    if (logic) return naive_random(shape, 0, 2, true, state);
    return naive_random(shape, op->numerics.low, op->numerics.high, false, state);
}

static void forward(wg_context *ctx, const truth *t, const naive *a, const naive *b, wg_type type)
{
    naive want = {.shape = naive_wide(a->shape, b->shape)};
    for (int64_t i = 0; i < naive_size(&want); i++)
        want.v[i] = t->f2(a->v[naive_source(a->shape, want.shape, i)], b->v[naive_source(b->shape, want.shape, i)]);
    wg_tensor y = t->apply2(tensor_of(ctx, type, a), tensor_of(ctx, type, b));
    expect_values(y, &want, type == WG_F32 ? 1e-6 : 1e-14, "%s of %s %s and %s", t->name, wg_type_name(type),
                  shape_name(a->shape), shape_name(b->shape));
    reference_check(wg_type_of(y) == (t->to_bool ? WG_BOOL : type), "%s of %s: type", t->name, wg_type_name(type));
}

static void gradient(wg_context *ctx, const truth *t, const naive *a, const naive *b, uint64_t *state)
{
    wg_shape wide = naive_wide(a->shape, b->shape);
    naive w = naive_random(wide, -1, 1, false, state), by_a = {.shape = a->shape}, by_b = {.shape = b->shape};
    for (int64_t i = 0; i < naive_size(&w); i++) {
        int64_t p = naive_source(a->shape, wide, i), q = naive_source(b->shape, wide, i);
        by_a.v[p] += w.v[i] * slope(t, a->v[p], b->v[q], 0);
        by_b.v[q] += w.v[i] * slope(t, a->v[p], b->v[q], 1);
    }
    wg_tensor x = tensor_of(ctx, WG_F64, a), z = tensor_of(ctx, WG_F64, b);
    wg_tensor loss = wg_sum(wg_mul(t->apply2(x, z), tensor_of(ctx, WG_F64, &w)), WG_ALL);
    expect_values(wg_grad(loss, x), &by_a, 1e-7, "%s by a of %s, b %s", t->name, shape_name(a->shape),
                  shape_name(b->shape));
    expect_values(wg_grad(loss, z), &by_b, 1e-7, "%s by b of %s, a %s", t->name, shape_name(b->shape),
                  shape_name(a->shape));
}

Test(broadcast, binary_rows)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 17;
    for (size_t i = 0; i < truth_count(); i++) {
        const truth *t = truth_at(i);
        const wg_op *op = row_named(t->name);
        if (!t->apply2 || !op) continue;
        for (int k = 0; k < 2 * PAIRS; k++) {
            wg_shape p = k < PAIRS ? pairs[k].a : pairs[k - PAIRS].b, q = k < PAIRS ? pairs[k].b : pairs[k - PAIRS].a;
            naive a = operand(p, op, t->logic, &state), b = operand(q, op, t->logic, &state);
            forward(ctx, t, &a, &b, t->logic ? WG_BOOL : WG_F64);
            if (!t->logic) forward(ctx, t, &a, &b, WG_F32);
            if (!t->logic && !t->to_bool) gradient(ctx, t, &a, &b, &state);
            wg_clear(ctx);
        }
    }
    reference_end(ctx, "broadcasting");
}

Test(broadcast, where)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 23;
    for (int k = 0; k < 3 * PAIRS; k++) {
        wg_shape p = pairs[k % PAIRS].a, q = pairs[k % PAIRS].b,
                 r = k / PAIRS == 0   ? p
                     : k / PAIRS == 1 ? q
                                      : WG_SCALAR;
        naive c = naive_random(p, 0, 2, true, &state), a = naive_random(q, -4, 4, false, &state);
        naive b = naive_random(r, -4, 4, false, &state);
        wg_shape wide = naive_wide(naive_wide(p, q), r);
        naive w = naive_random(wide, -1, 1, false, &state), want = {.shape = wide};
        naive by_a = {.shape = q}, by_b = {.shape = r};
        for (int64_t i = 0; i < naive_size(&want); i++) {
            int64_t at_a = naive_source(q, wide, i), at_b = naive_source(r, wide, i);
            bool first = c.v[naive_source(p, wide, i)] != 0;
            want.v[i] = first ? a.v[at_a] : b.v[at_b];
            *(first ? &by_a.v[at_a] : &by_b.v[at_b]) += w.v[i];
        }
        wg_tensor x = tensor_of(ctx, WG_F64, &a), z = tensor_of(ctx, WG_F64, &b);
        wg_tensor y = wg_where(tensor_of(ctx, WG_BOOL, &c), x, z);
        expect_values(y, &want, 0, "where of %s, %s, %s", shape_name(p), shape_name(q), shape_name(r));
        wg_tensor loss = wg_sum(wg_mul(y, tensor_of(ctx, WG_F64, &w)), WG_ALL);
        expect_values(wg_grad(loss, x), &by_a, 1e-14, "where by a: %s", shape_name(q));
        expect_values(wg_grad(loss, z), &by_b, 1e-14, "where by b: %s", shape_name(r));
        wg_clear(ctx);
    }
    reference_end(ctx, "where");
}

/* ---- the scalar forms ---- */

static void scalar_form(wg_context *ctx, const truth *t, wg_type type, wg_shape shape, double c, uint64_t *state)
{
    const wg_op *op = row_named(t->name);
    bool whole = type == WG_I32 || type == WG_I64;
    naive values = naive_random(shape, op->numerics.low, op->numerics.high, whole, state);
    for (int side = 0; side < (t->left ? 2 : 1); side++) {
        wg_tensor x = tensor_of(ctx, type, &values), full = wg_full_like(x, c);
        wg_tensor y = side ? t->left(c, x) : t->right(x, c), z = side ? t->apply2(full, x) : t->apply2(x, full);
        naive want = naive_of(z);
        expect_values(y, &want, 0, "%s of %s %s, scalar %s", t->name, wg_type_name(type), shape_name(shape),
                      side ? "left" : "right");
        reference_check(wg_type_of(y) == wg_type_of(z), "%s: the scalar form has another type", t->name);
        if (whole || t->to_bool) continue;
        naive slope_of = naive_of(wg_grad(weighted_sum(z, 4), x));
        wg_tensor first = wg_grad(weighted_sum(y, 4), x);
        expect_values(first, &slope_of, type == WG_F32 ? 1e-6 : 1e-14, "%s, scalar %s: gradient", t->name,
                      side ? "left" : "right");
        naive curve = naive_of(wg_grad(weighted_sum(wg_grad(weighted_sum(z, 4), x), 5), x));
        expect_values(wg_grad(weighted_sum(first, 5), x), &curve, type == WG_F32 ? 1e-5 : 1e-13,
                      "%s, scalar %s: second", t->name, side ? "left" : "right");
    }
}

Test(broadcast, scalar_forms)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 29;
    const wg_shape shapes[] = {{0, {0}}, {1, {5}}, {1, {0}}, {3, {2, 1, 3}}};
    for (size_t i = 0; i < truth_count(); i++) {
        const truth *t = truth_at(i);
        if (!t->right || !row_named(t->name)) continue;
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            for (wg_type type = WG_F32; type <= (t->integers ? WG_I64 : WG_F64); type++) {
                scalar_form(ctx, t, type, shapes[k], type <= WG_F64 ? 1.75 : 3, &state);
                scalar_form(ctx, t, type, shapes[k], type <= WG_F64 ? 0.5 : 2, &state);
                wg_clear(ctx);
            }
    }
    reference_end(ctx, "scalar forms");
}

/* ---- the smallest tensors ---- */

static void small_tensor(wg_context *ctx, const truth *t, wg_shape shape)
{
    const wg_op *op = row_named(t->name);
    uint64_t state = 41;
    naive a = operand(shape, op, t->logic, &state), want = {.shape = shape};
    for (int64_t i = 0; i < naive_size(&a); i++) want.v[i] = t->f1 ? t->f1(a.v[i]) : t->f2(a.v[i], a.v[i]);
    wg_tensor x = tensor_of(ctx, t->logic ? WG_BOOL : WG_F64, &a), y = t->apply1 ? t->apply1(x) : t->apply2(x, x);
    expect_values(y, &want, 1e-14, "%s of %s", t->name, shape_name(shape));
    if (t->to_bool) return;
    wg_tensor slope_of = wg_grad(wg_sum(y, WG_ALL), x);
    reference_check(wg_shape_equal(wg_shape_of(slope_of), shape) && wg_eval(WG_LIST(slope_of)),
                    "%s of %s: the gradient: %s", t->name, shape_name(shape), wg_error(ctx));
}

Test(broadcast, small_tensors)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    const wg_shape shapes[] = {{0, {0}}, {1, {0}}, {1, {1}}, {3, {2, 0, 3}}, {8, {1, 1, 1, 1, 1, 1, 1, 1}}};
    for (size_t i = 0; i < truth_count(); i++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            if (row_named(truth_at(i)->name)) small_tensor(ctx, truth_at(i), shapes[k]);
            wg_clear(ctx);
        }
    reference_end(ctx, "small tensors");
}

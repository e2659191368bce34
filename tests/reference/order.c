/* Cumulative sums and order along an axis: running totals, and counting who comes before whom. */
#include "tests/reference/reference.h"

static const wg_shape shapes[] = {{1, {7}},    {3, {2, 5, 3}}, {3, {2, 0, 3}}, {3, {0, 4, 2}},
                                  {2, {1, 1}}, {2, {3, 40}},   {2, {40, 3}},   {8, {1, 2, 1, 3, 1, 2, 1, 2}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* ---- cumsum ---- */

void reference_cumsum(void)
{
    uint64_t state = 43;
    wg_context *ctx = reference_context(WG_F64);
    for (size_t k = 0; k < SHAPES; k++)
        for (int axis = -shapes[k].rank; axis < shapes[k].rank; axis++)
            for (wg_type type = WG_F32; type <= WG_BOOL; type++) {
                naive x = naive_random(shapes[k], type == WG_BOOL ? 0 : -9, type == WG_BOOL ? 2 : 9, true, &state);
                naive y = x, w = naive_random(shapes[k], -1, 1, false, &state), g = w;
                int place = axis < 0 ? axis + shapes[k].rank : axis;
                for (int64_t i = 0; i < naive_size(&x); i++) {
                    int64_t at[WG_MAX_RANK];
                    naive_index(shapes[k], i, at);
                    y.v[i] = g.v[i] = 0;
                    for (int64_t own = at[place], p = 0; p < shapes[k].dim[place]; p++) {
                        at[place] = p;
                        if (p <= own) y.v[i] += x.v[naive_place(shapes[k], at)];
                        if (p >= own) g.v[i] += w.v[naive_place(shapes[k], at)];
                    }
                }
                wg_tensor t = tensor_of(ctx, type, &x), got = wg_cumsum(t, axis);
                expect_values(got, &y, 0, "cumsum of %s along %d of %s", wg_type_name(type), axis,
                              shape_name(shapes[k]));
                reference_check(wg_type_of(got) == (type <= WG_F64 ? type : WG_I64), "cumsum of %s: type",
                                wg_type_name(type));
                if (type == WG_F64)
                    expect_values(wg_grad(wg_sum(wg_mul(got, tensor_of(ctx, type, &w)), WG_ALL), t), &g, 1e-14,
                                  "gradient of cumsum along %d of %s", axis, shape_name(shapes[k]));
                wg_clear(ctx);
            }
    cr_expect(!wg_failed(ctx), "cumsum: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* A running f32 sum of a million tenths would be off by some percent. */
Test(order, long_cumulative_sums_keep_their_digits)
{
    enum { MANY = 1000000 };
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    const float *y = wg_values_f32(wg_cumsum(wg_full(ctx, WG_SHAPE(MANY), 0.1), 0));
    for (int64_t i = 0; y && i < MANY; i += 9973) {
        double want = (double)0.1f * (double)(i + 1);
        reference_check(fabs((double)y[i] - want) <= 0.6 * 0x1p-23 * want, "cumsum of %lld tenths is %.9g",
                        (long long)i + 1, (double)y[i]);
    }
    const float far[] = {1, INFINITY, 2, -INFINITY, 3};
    naive want = {.shape = WG_SHAPE(5), .v = {1, INFINITY, INFINITY, NAN, NAN}};
    expect_values(wg_cumsum(wg_from_f32(ctx, WG_SHAPE(5), far), 0), &want, 0, "cumsum of infinities");
    reference_end(ctx, "long cumulative sums");
}

/* ---- argsort ---- */

static bool is_less(double a, double b)
{
    return isnan(b) ? !isnan(a) : a < b;
}

/* The first `count` places by counting, for each element of a row, those that come before it. */
static naive ordered(const naive *x, int axis, bool descending, int64_t count)
{
    naive y = {.shape = x->shape};
    int64_t length = x->shape.dim[axis];
    y.shape.dim[axis] = count;
    for (int64_t i = 0; i < naive_size(x); i++) {
        int64_t at[WG_MAX_RANK], rank = 0;
        naive_index(x->shape, i, at);
        int64_t own = at[axis];
        for (int64_t p = 0; p < length; p++) {
            at[axis] = p;
            double a = x->v[i], b = x->v[naive_place(x->shape, at)];
            bool before = descending ? is_less(a, b) : is_less(b, a),
                 after = descending ? is_less(b, a) : is_less(a, b);
            rank += before || (!after && p < own);
        }
        at[axis] = rank;
        if (rank < count) y.v[naive_place(y.shape, at)] = (double)own;
    }
    return y;
}

/* Few different numbers, many equal ones, and NaN, infinities and both zeros. */
static naive untidy(wg_shape shape, wg_type type, uint64_t *state)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, NAN};
    naive x = naive_random(shape, -3, 3, true, state);
    for (int64_t i = 0; i < naive_size(&x) && type <= WG_F64; i++) {
        int pick = (int)reference_uniform(state, 0, 20);
        if (pick < 6) x.v[i] = odd[pick];
    }
    return x;
}

static naive taken(const naive *x, const naive *places, int axis)
{
    naive y = {.shape = places->shape};
    for (int64_t i = 0; i < naive_size(&y); i++) {
        int64_t at[WG_MAX_RANK];
        naive_index(y.shape, i, at);
        at[axis] = (int64_t)places->v[i];
        y.v[i] = x->v[naive_place(x->shape, at)];
    }
    return y;
}

static void check_order(wg_context *ctx, wg_shape shape, wg_type type, int axis, bool descending, int64_t count,
                        uint64_t *state)
{
    int place = axis < 0 ? axis + shape.rank : axis;
    naive x = untidy(shape, type, state), want = ordered(&x, place, descending, count < 0 ? shape.dim[place] : count);
    wg_tensor t = tensor_of(ctx, type, &x), got = wg_argsort(t, axis, descending, count);
    expect_values(got, &want, 0, "argsort of %s along %d of %s, %s, %lld", wg_type_name(type), axis, shape_name(shape),
                  descending ? "descending" : "ascending", (long long)count);
    reference_check(wg_type_of(got) == WG_I64, "argsort: type");
    naive values = taken(&x, &want, place);
    if (count < 0) expect_values(wg_sort(t, axis, descending), &values, 0, "sort of %s", wg_type_name(type));
    if (count >= 0 && descending) {
        wg_tensor places = WG_NONE;
        expect_values(wg_top_k(t, count, axis, &places), &values, 0, "top_k of %s", wg_type_name(type));
        expect_values(places, &want, 0, "places of top_k");
        expect_values(wg_top_k(t, count, axis, NULL), &values, 0, "top_k without places");
    }
    wg_clear(ctx);
}

void reference_argsort(void)
{
    uint64_t state = 47;
    wg_context *ctx = reference_context(WG_F64);
    for (size_t k = 0; k < SHAPES; k++)
        for (int axis = -shapes[k].rank; axis < shapes[k].rank; axis++)
            for (wg_type type = WG_F32; type <= WG_I64; type++) {
                int64_t length = shapes[k].dim[axis < 0 ? axis + shapes[k].rank : axis];
                for (int64_t count = -1; count <= length; count += length > 8 ? 11 : 1)
                    for (int descending = 0; descending < 2; descending++)
                        check_order(ctx, shapes[k], type, axis, descending, count, &state);
            }
    cr_expect(!wg_failed(ctx), "argsort: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Rows that a quicksort may find hard: in order, backwards, all equal, like the teeth of a saw, like an organ's pipes.
 */
Test(order, long_rows)
{
    enum { LENGTH = 20000, KINDS = 6 };
    static double row[LENGTH];
    static int64_t places[LENGTH];
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 53;
    for (int kind = 0; kind < KINDS; kind++)
        for (int descending = 0; descending < 2; descending++) {
            for (int i = 0; i < LENGTH; i++) {
                const double all[KINDS] = {
                    i, -i, 1, i % 7, i < LENGTH / 2 ? i : LENGTH - i, reference_uniform(&state, -1, 1)};
                row[i] = all[kind];
            }
            wg_tensor x = wg_from_f64(ctx, WG_SHAPE(LENGTH), row);
            cr_expect(wg_read_i64(wg_argsort(x, 0, descending, -1), places, LENGTH), "%s", wg_error(ctx));
            bool sorted = true;
            for (int i = 1; i < LENGTH; i++) {
                double a = row[places[i - 1]], b = row[places[i]];
                sorted &= (descending ? a > b : a < b) || (a == b && places[i - 1] < places[i]);
            }
            reference_check(sorted, "rows of kind %d are not in order", kind);
            int64_t first[100];
            cr_expect(wg_read_i64(wg_argsort(x, 0, descending, 100), first, 100), "%s", wg_error(ctx));
            reference_check(memcmp(first, places, sizeof first) == 0, "the first places of kind %d", kind);
            wg_clear(ctx);
        }
    reference_end(ctx, "long rows");
}

Test(order, gradients)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 59;
    naive v = naive_random(WG_SHAPE(3, 5, 2), -2, 2, false, &state);
    for (int axis = -3; axis < 3; axis++) {
        wg_tensor x = tensor_of(ctx, WG_F64, &v), places = WG_NONE;
        wg_tensor loss = weighted_sum(wg_square(wg_sort(x, axis, axis < 0)), 1);
        expect_gradcheck(loss, WG_LIST(x), "sort along %d", axis);
        expect_gradcheck(weighted_sum(wg_grad(loss, x), 2), WG_LIST(x), "sort along %d, second", axis);
        wg_tensor top = wg_top_k(x, 2, axis, &places);
        expect_gradcheck(weighted_sum(wg_square(top), 3), WG_LIST(x), "top_k along %d", axis);
        reference_check(!wg_depends_on(places, x), "places have no gradient");
        loss = weighted_sum(wg_square(wg_cumsum(x, axis)), 4);
        expect_gradcheck(loss, WG_LIST(x), "cumsum along %d", axis);
        expect_gradcheck(weighted_sum(wg_grad(loss, x), 5), WG_LIST(x), "cumsum along %d, second", axis);
        wg_clear(ctx);
    }
    reference_end(ctx, "gradients of order");
}

/* ---- searchsorted ---- */

Test(order, searchsorted)
{
    reference_begin();
    uint64_t state = 61;
    for (wg_type type = WG_F32; type <= WG_I64; type++)
        for (int64_t length = 0; length < 20; length++)
            for (int right = 0; right < 2; right++) {
                wg_context *ctx = reference_context(WG_F64);
                naive row = untidy(WG_SHAPE(length), type, &state), order = ordered(&row, 0, false, length);
                naive sorted = taken(&row, &order, 0), x = untidy(WG_SHAPE(3, 8), type, &state), want = x;
                for (int64_t i = 0; i < naive_size(&x); i++) {
                    want.v[i] = 0;
                    for (int64_t k = 0; k < length; k++)
                        want.v[i] += right ? !is_less(x.v[i], sorted.v[k]) : is_less(sorted.v[k], x.v[i]);
                }
                wg_tensor got = wg_searchsorted(tensor_of(ctx, type, &sorted), tensor_of(ctx, type, &x), right);
                expect_values(got, &want, 0, "searchsorted of %s among %lld, %s", wg_type_name(type), (long long)length,
                              right ? "right" : "left");
                reference_check(wg_type_of(got) == WG_I64, "searchsorted: type");
                cr_expect(!wg_failed(ctx), "searchsorted: %s", wg_error(ctx));
                wg_context_free(ctx);
            }
    reference_end(reference_context(WG_F32), "searchsorted");
}

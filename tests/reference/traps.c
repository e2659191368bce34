/* The classic traps of automatic differentiation: values, first and second derivatives where formulas say 0/0, 0 * inf
   or log 0. What is expected is what PyTorch gives, but where a comment says otherwise. */
#include "tests/reference/reference.h"

enum { MOST = 8 };
#define inf_ ((double)INFINITY)
#define nan_ ((double)NAN)

/* A function of one or two vectors, where it is tried, and what must come out: its values, the gradients of their sum,
   and the gradients of the sum of these. */
typedef struct trap {
    const char *name;
    wg_tensor (*of)(wg_tensor a, wg_tensor b);
    int count, results;
    bool two;
    double a[MOST], b[MOST], value[MOST], by_a[MOST], by_b[MOST], second_by_a[MOST], second_by_b[MOST];
    bool first_only; /* nothing is promised of the second derivative */
} trap;

#define OF(name, expression)                        \
    static wg_tensor name(wg_tensor x, wg_tensor b) \
    {                                               \
        (void)b;                                    \
        return expression;                          \
    }

OF(unsafe_log, wg_where(wg_greater_scalar(x, 0), wg_log(x), wg_zeros_like(x)))
OF(safe_log, wg_where(wg_greater_scalar(x, 0), wg_log(wg_where(wg_greater_scalar(x, 0), x, wg_full_like(x, 1))),
                      wg_zeros_like(x)))
OF(root, wg_sqrt(x))
OF(norm, wg_norm(x, WG_ALL))
OF(logsumexp, wg_logsumexp(x, WG_ALL))
OF(weighted_softmax, wg_mul(wg_softmax(x, 0), wg_add_scalar(wg_iota(x.context, wg_type_of(x), wg_shape_of(x), 0), 1)))
OF(softmax, wg_softmax(x, 0))
OF(log_softmax_rest, wg_slice(wg_log_softmax(x, 0), 0, 1, WG_END))
OF(log_softmax, wg_log_softmax(x, 0))
OF(power, wg_pow(x, b))
OF(squared, wg_pow_scalar(x, 2))
OF(to_the_half, wg_pow_scalar(x, 0.5))
OF(to_the_zeroth, wg_pow_scalar(x, 0))
OF(largest, wg_max(x, WG_ALL))
OF(larger, wg_maximum(x, b))
OF(smaller, wg_minimum(x, b))
OF(angle, wg_atan2(x, b))
OF(absolute, wg_abs(x))
OF(gathered, wg_square(wg_gather(x, wg_from_i32(x.context, WG_SHAPE(4), (const int32_t[]){0, 0, 1, 0}), 0)))
OF(reciprocal, wg_reciprocal(x))
OF(log_plus_one, wg_log1p(x))
OF(itself, wg_div(x, x))
OF(quotient, wg_div(x, b))
OF(logarithm, wg_log(x))
OF(product, wg_prod(x, WG_ALL))
OF(rectified, wg_relu(x))
OF(soft, wg_softplus(x))
OF(squashed, wg_sigmoid(x))
OF(inverse_sine, wg_asin(x))

static const trap traps[] = {
    /* 0 * inf in the branch not taken: see where's own comment for the safe form */
    {"where, unsafe", unsafe_log, 3, 3, .a = {-1, 0, 2}, .value = {0, 0, 0.69314718055994531}, .by_a = {0, nan_, 0.5},
     .second_by_a = {0, nan_, -0.25}},
    {"where, safe", safe_log, 3, 3, .a = {-1, 0, 2}, .value = {0, 0, 0.69314718055994531}, .by_a = {0, 0, 0.5},
     .second_by_a = {0, 0, -0.25}},
    {"sqrt", root, 4, 4, .a = {0, -0.0, 4, -1}, .value = {0, -0.0, 2, nan_}, .by_a = {inf_, -inf_, 0.25, nan_},
     .second_by_a = {-inf_, inf_, -0.03125, nan_}},
    /* of the second derivative PyTorch says NaN */
    {"norm", norm, 2, 1, .a = {0, 0}, .value = {0}, .by_a = {0, 0}, .second_by_a = {0, 0}},
    {"logsumexp of -inf", logsumexp, 2, 1, .a = {-inf_, -inf_}, .value = {-inf_}, .by_a = {nan_, nan_},
     .second_by_a = {nan_, nan_}},
    {"logsumexp of some -inf", logsumexp, 3, 1, .a = {-inf_, 0, 1}, .value = {1.3132616875182228},
     .by_a = {0, 0.26894142136999512, 0.73105857863000488}, .second_by_a = {0, 0, 0}},
    {"logsumexp of inf", logsumexp, 2, 1, .a = {inf_, 0}, .value = {inf_}, .by_a = {nan_, 0},
     .second_by_a = {nan_, nan_}},
    {"softmax of some -inf", weighted_softmax, 3, 3, .a = {-inf_, 0, 1},
     .value = {0, 0.53788284273999024, 2.1931757358900146}, .by_a = {0, -0.19661193324148185, 0.19661193324148185},
     .second_by_a = {0, 0, 0}},
    {"softmax of -inf", softmax, 2, 2, .a = {-inf_, -inf_}, .value = {nan_, nan_}, .by_a = {nan_, nan_},
     .second_by_a = {nan_, nan_}},
    {"log_softmax of some -inf", log_softmax_rest, 3, 2, .a = {-inf_, 0, 1},
     .value = {-1.3132616875182228, -0.31326168751822284}, .by_a = {0, 0.46211715726000979, -0.46211715726000979},
     .second_by_a = {0, 0, 0}},
    {"log_softmax of -inf", log_softmax, 2, 2, .a = {-inf_, -inf_}, .value = {nan_, nan_}, .by_a = {nan_, nan_},
     .second_by_a = {nan_, nan_}},
    /* the derivative by the exponent is 0 where PyTorch says -inf (0^-1) or NaN (a negative base): see the row */
    {"pow", power, 8, 8, true, .a = {0, 0, 0, 0, -2, -2, 0, -0.0}, .b = {0, 1, 2, -1, 3, 2, 0.5, 3},
     .value = {1, 0, 0, inf_, -8, 4, 0, -0.0}, .by_a = {0, 1, 0, -inf_, 12, -4, inf_, 0}, .first_only = true},
    {"pow of a negative base", power, 1, 1, true, .a = {-2}, .b = {0.5}, .value = {nan_}, .by_a = {nan_}, .by_b = {0},
     .first_only = true},
    {"x^2", squared, 3, 3, .a = {0, -3, -0.0}, .value = {0, 9, 0}, .by_a = {0, -6, 0}, .second_by_a = {2, 2, 2}},
    {"x^0.5", to_the_half, 1, 1, .a = {0}, .value = {0}, .by_a = {inf_}, .second_by_a = {-inf_}},
    {"x^0", to_the_zeroth, 2, 2, .a = {0, 2}, .value = {1, 1}, .by_a = {0, 0}, .second_by_a = {0, 0}},
    {"ties of max", largest, 3, 1, .a = {1, 5, 5}, .value = {5}, .by_a = {0, 0.5, 0.5}},
    /* beside a NaN nothing is chosen: PyTorch gives NaN, and 1 to both of maximum */
    {"max of NaN", largest, 3, 1, .a = {1, nan_, 3}, .value = {nan_}, .by_a = {0, 0, 0}},
    {"maximum", larger, 4, 4, true, .a = {1, 2, nan_, 3}, .b = {1, nan_, 1, 2}, .value = {1, nan_, nan_, 3},
     .by_a = {0.5, 0, 0, 1}, .by_b = {0.5, 0, 0, 0}},
    {"minimum", smaller, 3, 3, true, .a = {1, 2, nan_}, .b = {1, nan_, 1}, .value = {1, nan_, nan_},
     .by_a = {0.5, 0, 0}, .by_b = {0.5, 0, 0}},
    /* of the second derivative PyTorch says NaN */
    {"atan2", angle, 5, 5, true, .a = {0, -0.0, 0, -0.0, 0}, .b = {0, 0, -0.0, -0.0, -1},
     .value = {0, -0.0, 3.1415926535897931, -3.1415926535897931, 3.1415926535897931}, .by_a = {0, 0, 0, 0, -1},
     .second_by_a = {0, 0, 0, 0, -1}, .second_by_b = {0, 0, 0, 0, -1}},
    {"abs", absolute, 2, 2, .a = {0, -0.0}, .value = {0, 0}},
    {"gather", gathered, 3, 4, .a = {3, 4, 5}, .value = {9, 9, 16, 9}, .by_a = {18, 8, 0}, .second_by_a = {6, 2, 0}},
    {"1/x", reciprocal, 2, 2, .a = {-0.0, 0}, .value = {-inf_, inf_}, .by_a = {-inf_, -inf_},
     .second_by_a = {-inf_, inf_}},
    {"log1p", log_plus_one, 2, 2, .a = {-1, -2}, .value = {-inf_, nan_}, .by_a = {inf_, -1},
     .second_by_a = {-inf_, -1}},
    {"x/x", itself, 1, 1, .a = {0}, .value = {nan_}, .by_a = {nan_}, .second_by_a = {nan_}},
    {"0/0", quotient, 3, 3, true, .a = {0, 0, 1}, .b = {0, -0.0, 0}, .value = {nan_, nan_, inf_},
     .by_a = {inf_, -inf_, inf_}, .by_b = {nan_, nan_, -inf_}, .first_only = true},
    {"log", logarithm, 3, 3, .a = {0, -0.0, -1}, .value = {-inf_, -inf_, nan_}, .by_a = {inf_, -inf_, -1},
     .second_by_a = {-inf_, -inf_, -1}},
    {"prod of zeros", product, 3, 1, .a = {0, 0, 2}, .value = {0}, .by_a = {0, 0, 0}, .second_by_a = {2, 2, 0}},
    {"relu", rectified, 4, 4, .a = {0, -0.0, nan_, -1}, .value = {0, 0, nan_, 0}, .by_a = {0, 0, 1, 0}},
    {"softplus", soft, 5, 5, .a = {0, -1000, 1000, inf_, -inf_}, .value = {0.69314718055994531, 0, 1000, inf_, 0},
     .by_a = {0.5, 0, 1, 1, 0}, .second_by_a = {0.25, 0, 0, 0, 0}},
    {"sigmoid", squashed, 4, 4, .a = {-1000, 1000, inf_, -inf_}, .value = {0, 1, 1, 0}},
    {"asin", inverse_sine, 3, 3, .a = {1, -1, 2}, .value = {1.5707963267948966, -1.5707963267948966, nan_},
     .by_a = {inf_, inf_, nan_}, .second_by_a = {inf_, -inf_, nan_}},
};

static const char *const way_names[] = {"with plans", "node by node", "eagerly"};

static wg_context *context_of(wg_type type, int way)
{
    return wg_context_new(
        &(wg_context_options){.type = type, .seed = 1, .threads = 1, .plain = way == 1, .eager = way == 2});
}

static void expect(const trap *t, int way, wg_tensor got, const double *want, const char *what)
{
    double tolerance = wg_type_of(got) == WG_F32 ? 2e-6 : 1e-14;
    naive values = naive_of(got);
    for (int64_t i = 0; i < naive_size(&values); i++) {
        double x = values.v[i];
        bool same =
            x == want[i] || (isnan(x) && isnan(want[i])) || fabs(x - want[i]) <= tolerance * (1 + fabs(want[i]));
        reference_check(same, "%s, %s, %s: %s %lld is %g, not %g", t->name, wg_type_name(wg_type_of(got)),
                        way_names[way], what, (long long)i, x, want[i]);
    }
}

static void spring(const trap *t, wg_type type, int way)
{
    wg_context *ctx = context_of(type, way);
    wg_tensor x[2] = {wg_from_f64(ctx, WG_SHAPE(t->count), t->a), wg_from_f64(ctx, WG_SHAPE(t->count), t->b)};
    wg_list xs = {t->two ? 2 : 1, x};
    wg_tensor y = t->of(x[0], x[1]), first[2], second[2];
    reference_check(wg_size(y) == t->results, "%s: %lld results", t->name, (long long)wg_size(y));
    cr_assert(wg_grads(wg_sum(y, WG_ALL), xs, first), "%s: %s", t->name, wg_error(ctx));
    wg_tensor slope = wg_sum(first[0], WG_ALL);
    if (t->two) slope = wg_add(slope, wg_sum(first[1], WG_ALL));
    cr_assert(wg_grads(slope, xs, second), "%s: %s", t->name, wg_error(ctx));
    expect(t, way, y, t->value, "value");
    expect(t, way, first[0], t->by_a, "the derivative by a");
    if (t->two) expect(t, way, first[1], t->by_b, "the derivative by b");
    if (!t->first_only) expect(t, way, second[0], t->second_by_a, "the second derivative by a");
    if (!t->first_only && t->two) expect(t, way, second[1], t->second_by_b, "the second derivative by b");
    reference_end(ctx, t->name);
}

Test(traps, values_and_derivatives)
{
    reference_begin();
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
        for (int way = 0; way < 3; way++) {
            spring(&traps[i], WG_F64, way);
            spring(&traps[i], WG_F32, way);
        }
}

/* ---- signs of zeros ---- */

static void expect_sign(wg_tensor y, const bool *negative, const char *what)
{
    naive values = naive_of(y);
    for (int64_t i = 0; i < naive_size(&values); i++)
        reference_check(values.v[i] == 0 && signbit(values.v[i]) == negative[i], "%s: element %lld is %g", what,
                        (long long)i, values.v[i]);
}

#define SIGNS(...) ((const bool[]){__VA_ARGS__})

/* Of max and min of two zeros either may come out, as in C and IEEE 754-2008. */
Test(traps, signed_zeros)
{
    for (int way = 0; way < 3; way++)
        for (wg_type type = WG_F32; type <= WG_F64; type++) {
            reference_begin();
            wg_context *ctx = context_of(type, way);
            wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){-0.0, 0}),
                      pair = wg_reshape(x, WG_SHAPE(2, 1));
            const bool same[] = {true, false, true, false}, none[] = {false, false, false, false};
            expect_sign(wg_neg(wg_neg(x)), same, "twice negated");
            expect_sign(wg_mul_scalar(x, 1), same, "times one");
            expect_sign(wg_sqrt(x), same, "sqrt");
            expect_sign(wg_concat(WG_LIST(x, x), 0), same, "joined");
            expect_sign(wg_flip(wg_flip(pair, 0), 0), same, "flipped twice");
            expect_sign(wg_expand(pair, WG_SHAPE(2, 1)), same, "expanded");
            expect_sign(wg_floor(x), same, "floor");
            expect_sign(wg_sin(x), same, "sin");
            expect_sign(wg_where(wg_equal(x, x), x, wg_neg(x)), same, "where");
            expect_sign(wg_gather(x, wg_from_i32(ctx, WG_SHAPE(2), (const int32_t[]){0, 1}), 0), same, "gathered");
            expect_sign(wg_add_scalar(x, 0), none, "plus zero");
            expect_sign(wg_abs(x), none, "abs");
            expect_sign(wg_square(x), none, "squared");
            expect_sign(wg_relu(x), none, "relu");
            expect_sign(wg_sum(wg_concat(WG_LIST(wg_neg(wg_abs(x)), wg_neg(wg_abs(x))), 0), WG_ALL), none,
                        "a sum of -0");
            expect_sign(wg_remainder(x, wg_full_like(x, 3)), none, "remainder");
            reference_check(wg_item(wg_sum(wg_cast(wg_equal(x, wg_neg(x)), WG_F32), WG_ALL)) == 2, "-0 is not 0");
            reference_check(wg_item(wg_maximum(wg_select(x, 0, 0), wg_select(x, 0, 1))) == 0, "maximum");
            reference_end(ctx, "zeros");
        }
}

/* ---- nothing, and no number ---- */

Test(traps, of_nothing)
{
    for (int way = 0; way < 3; way++) {
        reference_begin();
        wg_context *ctx = context_of(WG_F64, way);
        wg_tensor none = wg_zeros(ctx, WG_SHAPE(0, 2)), row = wg_zeros(ctx, WG_SHAPE(2, 0));
        const naive zeros = {.shape = WG_SHAPE(2)}, ones = {.shape = WG_SHAPE(2), .v = {1, 1}};
        const naive nans = {.shape = WG_SHAPE(2), .v = {nan_, nan_}}, low = {.shape = WG_SHAPE(2), .v = {-inf_, -inf_}};
        expect_values(wg_sum(none, WG_AXES(0)), &zeros, 0, "sum");
        expect_values(wg_prod(none, WG_AXES(0)), &ones, 0, "prod");
        expect_values(wg_norm(none, WG_AXES(0)), &zeros, 0, "norm");
        expect_values(wg_mean(none, WG_AXES(0)), &nans, 0, "mean");
        expect_values(wg_var(none, WG_AXES(0), 0), &nans, 0, "var");
        expect_values(wg_logsumexp(none, WG_AXES(0)), &low, 0, "logsumexp");
        wg_tensor through[] = {wg_softmax(row, 1), wg_log_softmax(row, 1), wg_max(none, WG_AXES(1)),
                               wg_softmax(none, 1), wg_softmax(none, 0)};
        for (size_t i = 0; i < sizeof through / sizeof *through; i++) {
            wg_tensor x = i < 2 ? row : none;
            reference_check(wg_size(through[i]) == 0, "%zu: not empty", i);
            reference_check(wg_size(wg_grad(wg_sum(through[i], WG_ALL), x)) == 0, "%zu: %s", i, wg_error(ctx));
        }
        wg_tensor all = wg_logsumexp(none, WG_ALL);
        reference_check(wg_eval(WG_LIST(wg_grad(all, none), wg_grad(wg_prod(none, WG_ALL), none))), "%s",
                        wg_error(ctx));
        reference_end(ctx, "nothing");
    }
    wg_context *ctx = context_of(WG_F64, 0);
    reference_check(!wg_max(wg_zeros(ctx, WG_SHAPE(0)), WG_ALL).id, "max of nothing");
    cr_expect_not_null(strstr(wg_error(ctx), "max: there is no largest or smallest of no elements"), "%s",
                       wg_error(ctx));
    wg_context_free(ctx);
}

/* The first NaN is the place of the largest and of the smallest, as in NumPy; of equal ones it is the first. */
Test(traps, places)
{
    static const double cases[][4] = {
        {1, nan_, 3, nan_}, {2, 2, 1, 2}, {-inf_, -inf_, -inf_, -inf_}, {-0.0, 0, -0.0, 0}};
    static const int largest_at[] = {1, 0, 0, 0}, smallest_at[] = {1, 2, 0, 0};
    reference_begin();
    for (int way = 0; way < 3; way++) {
        wg_context *ctx = context_of(WG_F32, way);
        for (int i = 0; i < 4; i++) {
            wg_tensor x = wg_from_f64(ctx, WG_SHAPE(4), cases[i]);
            reference_check(wg_item(wg_argmax(x, 0)) == largest_at[i], "argmax of case %d", i);
            reference_check(wg_item(wg_argmin(x, 0)) == smallest_at[i], "argmin of case %d", i);
        }
        reference_end(ctx, "places");
    }
}

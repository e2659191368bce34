/* Gradients as graphs: of any order, through substitution, and what has none. Each op's own rule is tested elsewhere.
 */
#include "tests/scratch.h"

static wg_context *double_context(void)
{
    return scratch_context_with((wg_context_options){.type = WG_F64});
}

/* ---- orders ---- */

static wg_tensor polynomial(wg_tensor x)
{
    return wg_sub(wg_mul_scalar(wg_mul(wg_square(wg_square(x)), x), 3), wg_mul_scalar(wg_mul(x, wg_square(x)), 2));
}

static wg_tensor wave(wg_tensor x)
{
    return wg_mul(wg_exp(wg_mul_scalar(x, 0.5)), wg_sin(x));
}

static wg_tensor fraction(wg_tensor x)
{
    return wg_scalar_div(1, wg_add_scalar(wg_square(x), 1));
}

static wg_tensor power(wg_tensor x)
{
    return wg_pow(x, x);
}

/* The derivative of order n of e^(x/2) sin x is r^n e^(x/2) sin(x + n phi), with r e^(i phi) = 1/2 + i. */
static double wave_at(double x, int n)
{
    return pow(sqrt(1.25), n) * exp(x / 2) * sin(x + n * atan2(1, 0.5));
}

static double polynomial_at(double x, int n)
{
    const double orders[] = {3 * pow(x, 5) - 2 * pow(x, 3), 15 * pow(x, 4) - 6 * x * x, 60 * pow(x, 3) - 12 * x,
                             180 * x * x - 12, 360 * x};
    return orders[n];
}

static double fraction_at(double x, int n)
{
    double s = x * x + 1;
    const double orders[] = {1 / s, -2 * x / (s * s), (6 * x * x - 2) / pow(s, 3), 24 * x * (1 - x * x) / pow(s, 4),
                             24 * (5 * pow(x, 4) - 10 * x * x + 1) / pow(s, 5)};
    return orders[n];
}

/* of x^x: with l = log x + 1, y (l), y (l^2 + 1/x), ... */
static double power_at(double x, int n)
{
    double y = pow(x, x), l = log(x) + 1;
    const double orders[] = {y, y * l, y * (l * l + 1 / x), y * (pow(l, 3) + 3 * l / x - 1 / (x * x)),
                             y * (pow(l, 4) + 6 * l * l / x + (3 - 4 * l) / (x * x) + 2 / pow(x, 3))};
    return orders[n];
}

Test(orders, up_to_the_fourth)
{
    static const struct {
        const char *name;
        wg_tensor (*record)(wg_tensor x);
        double (*at)(double x, int order);
    } cases[] = {{"polynomial", polynomial, polynomial_at},
                 {"wave", wave, wave_at},
                 {"fraction", fraction, fraction_at},
                 {"power", power, power_at}};
    static const double points[] = {0.3, 1, 1.7};
    wg_context *ctx = double_context();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < sizeof points / sizeof *points; k++) {
            wg_tensor x = wg_scalar(ctx, points[k]), y = cases[i].record(x);
            for (int n = 0; n <= 4; n++) {
                double expected = cases[i].at(points[k], n), found = wg_item(y);
                cr_expect_float_eq(found, expected, 1e-11 * (1 + fabs(expected)),
                                   "%s, order %d at %g: %.15g, not %.15g", cases[i].name, n, points[k], found,
                                   expected);
                y = wg_grad(y, x);
            }
            wg_clear(ctx);
        }
    scratch_close(ctx);
}

Test(orders, hessian_of_a_product)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_scalar(ctx, 2), y = wg_scalar(ctx, 3), z = wg_mul(wg_square(x), wg_mul(y, wg_square(y)));
    wg_tensor first[2], second[2];
    cr_assert(wg_grads(z, WG_LIST(x, y), first));
    for (int i = 0; i < 2; i++) {
        cr_assert(wg_grads(first[i], WG_LIST(x, y), second));
        cr_expect_eq(wg_item(second[0]), i ? 108 : 54); /* 6 x y^2, 2 y^3 */
        cr_expect_eq(wg_item(second[1]), i ? 72 : 108); /* 6 x^2 y */
    }
    scratch_close(ctx);
}

/* Gradients by what lies in the middle, and by the result itself. */
Test(gradients, by_any_tensor)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_scalar(ctx, 2), middle = wg_square(x), y = wg_mul(middle, x);
    wg_tensor out[4];
    cr_assert(wg_grads(y, WG_LIST(x, middle, y, x), out), "%s", wg_error(ctx));
    cr_expect_eq(wg_item(out[0]), 12);
    cr_expect_eq(wg_item(out[1]), 2);
    cr_expect_eq(wg_item(out[2]), 1);
    cr_expect_eq(wg_item(out[3]), 12);
    cr_expect(wg_grads(y, (wg_list){0}, NULL));
    scratch_close(ctx);
}

Test(gradients, unreachable_ones_are_zeros)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_full(ctx, WG_SHAPE(2, 3), 2), other = wg_full(ctx, WG_SHAPE(4), 3);
    wg_tensor unused = wg_parameter(ctx, "unused", WG_SHAPE(2), wg_init_constant(1));
    wg_tensor y = wg_sum(wg_add(wg_mul(wg_stop_gradient(x), x), wg_cast(wg_cast(x, WG_I32), WG_F64)), WG_ALL);
    wg_tensor later = wg_neg(y), out[4];
    cr_assert(wg_grads(y, WG_LIST(x, other, unused, later), out), "%s", wg_error(ctx));
    const double expected[] = {2, 0, 0, 0};
    const wg_tensor xs[] = {x, other, unused, later};
    for (int i = 0; i < 4; i++) {
        cr_expect(wg_shape_equal(wg_shape_of(out[i]), wg_shape_of(xs[i])));
        cr_expect_eq(wg_type_of(out[i]), WG_F64);
        cr_expect_eq(wg_item(wg_max(out[i], WG_ALL)), expected[i]);
        cr_expect_eq(wg_item(wg_min(out[i], WG_ALL)), expected[i]);
    }
    scratch_close(ctx);
}

Test(gradients, can_be_asked_about)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_full(ctx, WG_SHAPE(3), 2), w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros());
    wg_tensor index = wg_from_i32(ctx, WG_SHAPE(1), (int32_t[]){1});
    wg_tensor y = wg_add(wg_gather(x, index, 0), w);
    cr_expect(wg_depends_on(y, x));
    cr_expect(wg_depends_on(y, w));
    cr_expect(wg_depends_on(x, x));
    cr_expect_not(wg_depends_on(x, y));
    cr_expect_not(wg_depends_on(y, index), "there is no derivative by a place");
    cr_expect_not(wg_depends_on(wg_stop_gradient(y), x));
    cr_expect_not(wg_depends_on(wg_cast(wg_cast(x, WG_I64), WG_F64), x));
    cr_expect_not(wg_depends_on(wg_where(wg_greater_scalar(x, 0), wg_full_like(x, 1), wg_full_like(x, 2)), x));
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(gradients, stop_gradient_is_a_constant)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_scalar(ctx, 3), y = wg_mul(x, wg_stop_gradient(wg_square(x)));
    cr_expect_eq(wg_item(y), 27);
    cr_expect_eq(wg_item(wg_grad(y, x)), 9);
    cr_expect_eq(wg_item(wg_grad(wg_grad(y, x), x)), 0);
    scratch_close(ctx);
}

/* A diamond of 64 doublings has 2^64 paths and 64 nodes. */
Test(gradients, shared_parts_are_swept_once)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_scalar(ctx, 1), y = x;
    for (int i = 0; i < 64; i++) y = wg_add(y, y);
    uint64_t before = wg_context_stats(ctx).recorded;
    cr_expect_eq(wg_item(wg_grad(y, x)), 0x1p64);
    cr_expect_lt(wg_context_stats(ctx).recorded - before, 200);
    scratch_close(ctx);
}

Test(gradients, that_do_not_exist)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_full(ctx, WG_SHAPE(3), 2), i = wg_from_i32(ctx, WG_SCALAR, (int32_t[]){1});
    cr_expect_eq(wg_grad(wg_exp(x), x).id, 0);
    scratch_expect_error(ctx, WG_BAD_SHAPE, "wg_sum(y, WG_ALL)", "of a vector");
    i = wg_from_i32(ctx, WG_SCALAR, (int32_t[]){1});
    cr_expect_eq(wg_grad(i, i).id, 0);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "i32", "of an integer");
    x = wg_full(ctx, WG_SHAPE(3), 2);
    i = wg_from_i32(ctx, WG_SCALAR, (int32_t[]){1});
    cr_expect_eq(wg_grad(wg_sum(wg_gather(x, i, 0), WG_ALL), i).id, 0);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "no derivative by i32", "by an integer");
    x = wg_full(ctx, WG_SHAPE(3), 2);
    cr_expect_eq(wg_grad(wg_cast(wg_sum(x, WG_ALL), WG_BOOL), x).id, 0);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "bool", "of a bool");
    scratch_close(ctx);
}

/* ---- slices ---- */

static size_t count_of(wg_tensor y, const char *op)
{
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    size_t found = 0;
    for (size_t i = 0; i < wg_graph_size(graph); i++) found += strcmp(wg_graph_node(graph, i).op, op) == 0;
    return found;
}

/* The sum of (i + 1) part_i^2 over slices [start, stop) of x; its gradient by x and its own check to second order. */
static wg_tensor gradient_of_slices(wg_tensor x, const int64_t (*ends)[2], size_t count)
{
    wg_tensor y = wg_scalar(x.context, 0), g;
    for (size_t i = 0; i < count; i++) {
        wg_tensor part = wg_square(wg_slice(x, 1, ends[i][0], ends[i][1]));
        y = wg_add(y, wg_sum(wg_mul_scalar(part, (double)i + 1), WG_ALL));
    }
    g = wg_grad(y, x);
    double values[12], wanted[12] = {0}, from[12];
    cr_assert(wg_read_f64(g, values, 12) && wg_read_f64(x, from, 12), "%s", wg_error(x.context));
    for (size_t i = 0; i < count; i++)
        for (int64_t row = 0; row < 2; row++)
            for (int64_t k = ends[i][0]; k < ends[i][1]; k++)
                wanted[row * 6 + k] += 2 * ((double)i + 1) * from[row * 6 + k];
    for (size_t i = 0; i < 12; i++) cr_expect_float_eq(values[i], wanted[i], 1e-12);
    wg_gradcheck_report report = wg_gradcheck(wg_sum(wg_square(g), WG_ALL), WG_LIST(x), NULL);
    cr_expect(report.passed);
    return g;
}

Test(slices, are_joined_where_they_do_not_overlap)
{
    static const int64_t whole[][2] = {{0, 2}, {2, 3}, {3, 6}}, mixed[][2] = {{4, 6}, {0, 1}, {2, 3}},
                         overlapping[][2] = {{0, 4}, {2, 6}, {5, 6}, {0, 2}}, single[][2] = {{1, 3}};
    wg_context *ctx = double_context();
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 6), (const double[]){1, -2, 3, 0.5, 4, -1, 2, 0, -3, 1, 1.5, 7});
    wg_tensor g = gradient_of_slices(x, whole, 3);
    cr_expect_eq(count_of(g, "concat"), 1);
    cr_expect_eq(count_of(g, "pad") + count_of(g, "full"), 1); /* the seed */
    g = gradient_of_slices(x, mixed, 3);
    cr_expect_eq(count_of(g, "concat"), 1);
    cr_expect_eq(count_of(g, "pad"), 0);
    gradient_of_slices(x, overlapping, 4);
    g = gradient_of_slices(x, single, 1);
    cr_expect_eq(count_of(g, "concat"), 0);
    cr_expect_eq(count_of(g, "pad"), 1);
    wg_context_free(ctx);
}

/* Other uses between slices, slices of two axes, and steps. */
Test(slices, beside_other_uses)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 3), (const double[]){1, -2, 3, 0.5, 4, -1});
    wg_tensor y = wg_sum(wg_square(wg_slice(x, 1, 0, 1)), WG_ALL);
    y = wg_add(y, wg_sum(wg_mul(x, wg_exp(x)), WG_ALL));
    y = wg_add(y, wg_sum(wg_square(wg_slice(x, 1, 1, 3)), WG_ALL));
    y = wg_add(y, wg_sum(wg_square(wg_slice(x, 0, 1, 2)), WG_ALL));
    y = wg_add(y, wg_sum(wg_square(wg_slice_step(x, 1, 0, 3, 2)), WG_ALL));
    cr_expect(wg_gradcheck(y, WG_LIST(x), NULL).passed, "%s", wg_error(ctx));
    cr_expect(wg_gradcheck(wg_sum(wg_square(wg_grad(y, x)), WG_ALL), WG_LIST(x), NULL).passed);
    wg_context_free(ctx);
}

/* ---- assigned parameters ---- */

Test(assigned, a_loss_of_the_old_value_is_an_error)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "net/w", WG_SCALAR, wg_init_constant(2)), loss = wg_square(w);
    wg_assign(w, wg_scalar(ctx, 5));
    cr_expect_eq(wg_grad(loss, w).id, 0);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "\"net/w\"", "a gradient by a parameter assigned since");
    loss = wg_square(w);
    wg_assign(w, wg_scalar(ctx, 5));
    wg_tensor fresh = wg_mul(w, loss); /* of both values: by the new one */
    cr_expect_eq(wg_item(wg_grad(fresh, w)), 4, "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(assigned, after_many_assigns_still_an_error)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(2)), loss = WG_NONE;
    for (int i = 0; i < 200; i++) {
        wg_assign(w, wg_scalar(ctx, i));
        if (i == 150) loss = wg_square(w);
    }
    cr_expect_eq(wg_grad(loss, w).id, 0);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "\"w\"", "the last of many values");
    scratch_close(ctx);
}

/* A check that compares nothing would pass. */
Test(assigned, a_gradient_check_of_the_old_value_is_an_error)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(2)), loss = wg_sum(wg_square(w), WG_ALL);
    wg_assign(w, wg_mul_scalar(w, 0.5));
    cr_expect(wg_gradcheck(loss, (wg_list){0}, NULL).passed, "all it depends on: %s", wg_error(ctx));
    cr_expect_not(wg_gradcheck(loss, WG_LIST(w), NULL).passed);
    scratch_expect_error(ctx, WG_NO_GRADIENT, "\"w\"", "a parameter that was assigned since");
    scratch_close(ctx);
}

/* Training by hand, twice on one tape: the second gradient goes through the update. */
Test(assigned, gradients_stop_at_the_current_value)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(2));
    for (int i = 0; i < 2; i++) wg_assign(w, wg_sub(w, wg_mul_scalar(wg_grad(wg_square(w), w), 0.25)));
    cr_expect_eq(wg_item(w), 0.5, "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* No gradient passes an assign, whether or not the tape is cleared behind it: truncation needs no call. */
Test(assigned, gradients_end_there)
{
    wg_context *ctx = double_context();
    wg_tensor v = wg_variable(ctx, "v", wg_scalar(ctx, 0));
    for (int cleared = 0; cleared < 2; cleared++) {
        wg_tensor w = wg_parameter(ctx, cleared ? "w2" : "w", WG_SCALAR, wg_init_constant(3));
        wg_assign(v, wg_square(w));
        if (cleared) wg_clear(ctx);
        wg_tensor y = wg_mul(v, w), out[2];
        cr_assert(wg_grads(y, WG_LIST(v, w), out), "%s", wg_error(ctx));
        cr_expect_eq(wg_item(out[0]), 3);
        cr_expect_eq(wg_item(out[1]), 9);
        cr_expect_not(wg_depends_on(wg_neg(v), w));
        wg_clear(ctx);
    }
    scratch_close(ctx);
}

/* ---- substitution ---- */

/* A line a x + b and its squared error over three points. */
static wg_tensor line_loss(wg_tensor a, wg_tensor b, double shift)
{
    wg_context *ctx = a.context;
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(3), (double[]){1, 2, 4});
    wg_tensor y = wg_from_f64(ctx, WG_SHAPE(3), (double[]){1 + shift, 3 + shift, 2 + shift});
    return wg_mean(wg_square(wg_sub(wg_add(wg_mul(a, x), b), y)), WG_ALL);
}

/* MAML: the loss after one step of gradient descent, and its gradient by the values before the step. */
Test(substitute, one_step_of_descent)
{
    wg_context *ctx = double_context();
    wg_tensor a = wg_parameter(ctx, "a", WG_SCALAR, wg_init_constant(0.5));
    wg_tensor b = wg_parameter(ctx, "b", WG_SCALAR, wg_init_constant(-1)), g[2], meta[2], by_hand[2];
    wg_tensor support = line_loss(a, b, 0), query = line_loss(a, b, 0.5);
    cr_assert(wg_grads(support, WG_LIST(a, b), g));
    wg_tensor fast_a = wg_sub(a, wg_mul_scalar(g[0], 0.1)), fast_b = wg_sub(b, wg_mul_scalar(g[1], 0.1));
    wg_tensor adapted = wg_substitute(query, WG_LIST(a, b), WG_LIST(fast_a, fast_b));
    wg_tensor written = line_loss(fast_a, fast_b, 0.5);
    cr_assert(wg_grads(adapted, WG_LIST(a, b), meta), "%s", wg_error(ctx));
    cr_assert(wg_grads(written, WG_LIST(a, b), by_hand));
    cr_assert(wg_eval(WG_LIST(adapted, written, meta[0], meta[1], by_hand[0], by_hand[1])), "%s", wg_error(ctx));
    cr_expect_eq(wg_item(adapted), wg_item(written));
    cr_expect(wg_item(adapted) < wg_item(query));
    for (int i = 0; i < 2; i++) cr_expect_eq(wg_item(meta[i]), wg_item(by_hand[i]));
    wg_gradcheck_report report = wg_gradcheck(adapted, WG_LIST(a, b), NULL);
    cr_expect(report.passed, "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(substitute, steps_can_be_unrolled)
{
    wg_context *ctx = double_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(1)), loss = wg_square(w), at = w;
    for (int i = 0; i < 3; i++) {
        wg_tensor here = wg_substitute(loss, WG_LIST(w), WG_LIST(at));
        at = wg_sub(at, wg_mul_scalar(wg_grad(here, at), 0.25)); /* halves it */
    }
    cr_expect_eq(wg_item(at), 0.125, "%s", wg_error(ctx));
    cr_expect_eq(wg_item(wg_grad(at, w)), 0.125);
    scratch_close(ctx);
}

/* It is the consumer of what it records again: the original is no forgotten metric. */
Test(substitute, the_original_is_not_computed)
{
    uint64_t spent[2];
    for (int original = 0; original < 2; original++) {
        wg_context *ctx = double_context();
        wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(1)), x = wg_scalar(ctx, 0.5);
        wg_tensor y = wg_exp(wg_exp(wg_exp(w)));
        wg_tensor z = original ? wg_substitute(y, WG_LIST(w), WG_LIST(x)) : wg_exp(wg_exp(wg_exp(x)));
        if (!original) y = wg_stop_gradient(w);
        wg_assign(w, wg_add_scalar(w, 1));
        uint64_t before = wg_context_stats(ctx).computed;
        cr_expect_float_eq(wg_item(z), exp(exp(exp(0.5))), 1e-12);
        spent[original] = wg_context_stats(ctx).computed - before;
        scratch_close(ctx);
    }
    cr_expect_eq(spent[1], 5, "%llu nodes, not full, three exp, add", (unsigned long long)spent[1]);
}

Test(substitute, shares_what_does_not_change)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_scalar(ctx, 2), y = wg_scalar(ctx, 3), fixed = wg_exp(y), z = wg_mul(wg_square(x), fixed);
    uint64_t before = wg_context_stats(ctx).recorded;
    wg_tensor again = wg_substitute(z, WG_LIST(x), WG_LIST(y));
    cr_expect_eq(wg_context_stats(ctx).recorded - before, 2); /* square, mul */
    cr_expect_eq(wg_input(again, 1).id, fixed.id);
    cr_expect_float_eq(wg_item(again), 9 * exp(3), 1e-12);
    wg_tensor same = wg_substitute(z, WG_LIST(wg_scalar(ctx, 1)), WG_LIST(y)); /* z does not read it */
    cr_expect_eq(same.id, z.id);
    cr_expect_eq(wg_substitute(x, WG_LIST(x), WG_LIST(y)).id, y.id);
    scratch_close(ctx);
}

Test(substitute, middles_and_swaps)
{
    wg_context *ctx = double_context();
    wg_tensor a = wg_scalar(ctx, 2), b = wg_scalar(ctx, 5), power2 = wg_square(a), y = wg_sub(power2, b);
    cr_expect_eq(wg_item(wg_substitute(y, WG_LIST(a, b), WG_LIST(b, a))), 23); /* both at once */
    cr_expect_eq(wg_item(wg_substitute(y, WG_LIST(power2), WG_LIST(b))), 0);
    wg_tensor wide = wg_concat(WG_LIST(wg_reshape(a, WG_SHAPE(1)), wg_reshape(b, WG_SHAPE(1)),
                                       wg_reshape(a, WG_SHAPE(1)), wg_reshape(b, WG_SHAPE(1))),
                               0);
    cr_expect_eq(wg_item(wg_sum(wg_substitute(wide, WG_LIST(a), WG_LIST(b)), WG_ALL)), 20);
    wg_substitute(y, WG_LIST(a), WG_LIST(wg_zeros(ctx, WG_SHAPE(1))));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "f64 [1] cannot stand for f64 []", "another shape");
    a = wg_scalar(ctx, 2);
    wg_substitute(wg_neg(a), WG_LIST(a), (wg_list){0});
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "substitute: 0 tensors for 1", "lists of two lengths");
    scratch_close(ctx);
}

/* ---- where gradient nodes come from ---- */

static int tanh_line, loss_line;

static wg_tensor layer(wg_context *ctx, const char *name, wg_tensor x)
{
    wg_scope_begin(ctx, "%s", name);
    tanh_line = __LINE__ + 1;
    wg_tensor y = wg_tanh(x);
    wg_scope_end(ctx);
    return y;
}

Test(places, gradient_nodes_carry_those_of_the_forward_node)
{
    wg_context *ctx = double_context();
    wg_tensor x = wg_full(ctx, WG_SHAPE(2), 2), h = layer(ctx, "first", x);
    wg_scope_begin(ctx, "loss");
    loss_line = __LINE__ + 1;
    wg_tensor loss = wg_sum(h, WG_ALL);
    wg_scope_end(ctx);
    wg_scope_begin(ctx, "elsewhere");
    wg_tensor g = wg_grad(loss, x);
    wg_scope_end(ctx);
    wg_graph *graph = wg_graph_new(WG_LIST(g));
    cr_assert_not_null(graph, "%s", wg_error(ctx));
    int in_first = 0, in_loss = 0;
    for (size_t i = 0; i < wg_graph_size(graph); i++) {
        wg_node n = wg_graph_node(graph, i);
        if (!n.gradient) continue;
        bool first = strcmp(n.path, "first") == 0;
        cr_expect(first || strcmp(n.path, "loss") == 0, "%s in \"%s\"", n.op, n.path);
        *(first ? &in_first : &in_loss) += 1;
#ifdef WG_HAVE_LIBDW
        cr_expect_str_eq(n.file, "test_autograd.c");
        cr_expect_eq(n.line, first ? tanh_line : loss_line, "%s at line %d", n.op, n.line);
#endif
    }
    cr_expect(in_first >= 3 && in_loss >= 2, "%d and %d", in_first, in_loss);
    scratch_close(ctx);
}

/* An error while differentiating is about the forward node. */
Test(places, an_error_in_a_gradient_names_the_forward_node)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .check_finite = true});
    wg_tensor x = wg_scalar(ctx, 0);
    wg_scope_begin(ctx, "model");
    int line = __LINE__ + 1;
    wg_tensor y = wg_sqrt(x);
    wg_scope_end(ctx);
    cr_expect_eq(wg_item(y), 0);
    cr_expect(isnan(wg_item(wg_grad(y, x))));
    cr_expect_eq(wg_error_status(ctx), WG_NOT_FINITE);
    cr_expect_not_null(strstr(wg_error(ctx), "in model"), "%s", wg_error(ctx));
    char place[64];
    snprintf(place, sizeof place, "(test_autograd.c:%d)", line);
#ifdef WG_HAVE_LIBDW
    cr_expect_not_null(strstr(wg_error(ctx), place), "%s", wg_error(ctx));
#endif
    scratch_close(ctx);
}

/* A parameter means its present value: what was recorded from the one before cannot be had by replacing it. */
Test(substitute, of_a_value_assigned_since_is_an_error)
{
    wg_context *ctx = wg_context_new(NULL);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_constant(1));
    wg_tensor loss = wg_sum(wg_square(w), WG_ALL);
    wg_assign(w, wg_mul_scalar(w, 2));
    wg_tensor y = wg_substitute(loss, WG_LIST(w), WG_LIST(wg_zeros(ctx, WG_SHAPE(2))));
    cr_expect_eq(y.id, 0);
    cr_expect_eq(wg_error_status(ctx), WG_NO_GRADIENT);
    cr_expect_not_null(strstr(wg_error(ctx), "substitute: reads the value that \"w\" had"), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Nothing is recorded for operands whose gradients nobody asks for. */
Test(wanted, only_what_is_asked_for_is_recorded)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3)), w = wg_ones(ctx, WG_SHAPE(3, 4));
    wg_tensor y = wg_matmul(x, w), loss = wg_sum(y, WG_ALL);
    cr_expect(wg_wanted(y, 0) && wg_wanted(y, 1), "outside of a sweep all are");
    uint64_t before = wg_context_stats(ctx).recorded;
    wg_grad(loss, w);
    uint64_t one = wg_context_stats(ctx).recorded - before;
    wg_grads(loss, WG_LIST(x, w), (wg_tensor[2]){WG_NONE, WG_NONE});
    cr_expect_eq(wg_context_stats(ctx).recorded - before - one, one + 1, "one product more");
    wg_tensor scaled = wg_sum(wg_div_scalar(x, 3), WG_ALL);
    before = wg_context_stats(ctx).recorded;
    wg_grad(scaled, x);
    cr_expect_eq(wg_context_stats(ctx).recorded - before, 3); /* 1, expand, div: and no scalar */
    scratch_close(ctx);
}

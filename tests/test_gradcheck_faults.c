/* The gradient check must reject wrong gradients: custom ops with one mistake each in their VJP, twenty seeds each,
   swept element by element and along random directions. */
#include "tests/scratch.h"

enum { MANY = 10000, SWEPT = 2000, WRONG_ONE = 1321 };

/* ---- a product whose VJP can be wrong ---- */

static bool infer_product(const wg_call *call, char *message, size_t size)
{
    if (!wg_shape_equal(call->inputs[0].shape, call->inputs[1].shape)) {
        snprintf(message, size, "the shapes differ");
        return false;
    }
    call->output->type = call->inputs[0].type;
    call->output->shape = call->inputs[0].shape;
    return true;
}

static void product_f32(const wg_call *call)
{
    const float *a = call->inputs[0].data, *b = call->inputs[1].data;
    float *y = call->output->data;
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = a[i] * b[i];
}

static void product_f64(const wg_call *call)
{
    const double *a = call->inputs[0].data, *b = call->inputs[1].data;
    double *y = call->output->data;
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = a[i] * b[i];
}

/* The right gradients times a factor. */
static void product_gradients(wg_tensor y, wg_tensor g, wg_tensor *out, double factor)
{
    out[0] = wg_mul_scalar(wg_mul(g, wg_input(y, 1)), factor);
    out[1] = wg_mul_scalar(wg_mul(g, wg_input(y, 0)), factor);
}

static void right(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
}

static void flipped_sign(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, -1);
}

static void one_percent(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1.01);
}

static void ten_thousandth(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1.0001);
}

static void dropped_operand(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    out[1] = WG_NONE;
}

static void shifted(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    wg_tensor first = wg_slice(out[0], -1, 0, 1), rest = wg_slice(out[0], -1, 1, WG_END);
    out[0] = wg_concat(WG_LIST(rest, first), -1);
}

static void no_number(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    out[0] = wg_mul_scalar(out[0], NAN);
}

static void infinite(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    out[1] = wg_div(out[1], wg_zeros_like(g));
}

/* Twice the gradient in one element of the last axis. */
static void one_element(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    wg_tensor place = wg_iota(y.context, WG_I64, wg_shape_of(y), wg_shape_of(y).rank - 1);
    wg_tensor wrong = wg_equal_scalar(place, (double)(wg_dim(y, -1) > WRONG_ONE ? WRONG_ONE : 1));
    out[0] = wg_where(wrong, wg_mul_scalar(out[0], 2), out[0]);
}

/* For square matrices. */
static void transposed(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    product_gradients(y, g, out, 1);
    out[0] = wg_transpose(out[0]);
}

typedef void (*vjp_rule)(wg_tensor y, wg_tensor g, wg_tensor *out);

static wg_op product_with(vjp_rule vjp)
{
    return (wg_op){.name = "product",
                   .arity = 2,
                   .infer = infer_product,
                   .vjp = vjp,
                   .kernel = {[WG_F32] = product_f32, [WG_F64] = product_f64}};
}

/* ---- matrix products ---- */

static bool infer_square(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    call->output->type = call->inputs[0].type;
    call->output->shape = call->inputs[0].shape;
    return true;
}

static void matrix_f64(const wg_call *call)
{
    const double *a = call->inputs[0].data, *b = call->inputs[1].data;
    double *y = call->output->data;
    int64_t n = call->output->shape.dim[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            y[i * n + k] = 0;
            for (int64_t j = 0; j < n; j++) y[i * n + k] += a[i * n + j] * b[j * n + k];
        }
}

static void matrix_right(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = wg_matmul_transposed(g, false, wg_input(y, 1), true);
    out[1] = wg_matmul_transposed(wg_input(y, 0), true, g, false);
}

static void matrix_forgets_a_transpose(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    matrix_right(y, g, out);
    out[0] = wg_matmul(g, wg_input(y, 1));
}

static void matrix_drops_b(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    matrix_right(y, g, out);
    out[1] = WG_NONE;
}

/* ---- the runs ---- */

/* tanh(a b) weighted and summed, a and b both leaves. */
static wg_gradcheck_report check(const wg_op *op, wg_shape shape, wg_type type, uint64_t seed, bool fast)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = type, .seed = seed});
    wg_tensor x[2] = {wg_parameter(ctx, "a", shape, wg_init_normal(1)),
                      wg_parameter(ctx, "b", shape, wg_init_normal(1))};
    wg_tensor y = wg_sum(wg_mul(wg_tanh(wg_apply(op, (wg_list){2, x}, NULL)), wg_normal(ctx, shape)), WG_ALL);
    wg_gradcheck_report r = wg_gradcheck(y, (wg_list){2, x}, &(wg_gradcheck_options){.fast = fast, .seed = seed});
    cr_expect(r.complete, "%s", wg_error(ctx));
    cr_expect_eq(r.leaf_count, (size_t)2);
    scratch_close(ctx);
    return r;
}

/* Both ways, all seeds: `wrong` says which of the two leaves must be rejected. */
static void check_all(vjp_rule vjp, wg_shape shape, wg_type type, const bool wrong[2], const char *what)
{
    wg_op op = product_with(vjp);
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++)
        for (int fast = 0; fast < 2; fast++) {
            wg_gradcheck_report r = check(&op, shape, type, seed, fast);
            cr_assert_eq(r.passed, !wrong[0] && !wrong[1], "%s: verdict %d for seed %d", what, r.passed, (int)seed);
            for (int i = 0; i < 2; i++) {
                cr_assert_eq(r.leaves[i].passed, !wrong[i], "%s, seed %d: leaf %d, norm error %g, worst %g", what,
                             (int)seed, i, r.leaves[i].norm_error, r.leaves[i].worst_error);
                cr_assert_eq(r.leaves[i].swept, !fast && wg_shape_size(shape) <= 256);
                cr_assert_eq(r.leaves[i].kinks, 0);
            }
        }
}

static const bool neither[2] = {false, false}, both[2] = {true, true}, first[2] = {true, false},
                  second[2] = {false, true};

Test(faults, the_right_rule_passes)
{
    check_all(right, WG_SHAPE(3, 4), WG_F64, neither, "right");
    check_all(right, WG_SHAPE(3, 4), WG_F32, neither, "right in f32");
    check_all(right, WG_SHAPE(1), WG_F32, neither, "one element");
}

Test(faults, scaled)
{
    check_all(flipped_sign, WG_SHAPE(3, 4), WG_F64, both, "sign");
    check_all(flipped_sign, WG_SHAPE(3, 4), WG_F32, both, "sign in f32");
    check_all(flipped_sign, WG_SCALAR, WG_F64, both, "sign of one number");
    check_all(one_percent, WG_SHAPE(3, 4), WG_F64, both, "1 %");
    check_all(one_percent, WG_SHAPE(3, 4), WG_F32, both, "1 % in f32");
    check_all(ten_thousandth, WG_SHAPE(3, 4), WG_F64, both, "1e-4");
    check_all(ten_thousandth, WG_SHAPE(3, 4), WG_F32, both, "1e-4 in f32");
}

Test(faults, dropped_shifted_transposed)
{
    check_all(dropped_operand, WG_SHAPE(3, 4), WG_F64, second, "dropped");
    check_all(shifted, WG_SHAPE(3, 4), WG_F64, first, "shifted");
    check_all(transposed, WG_SHAPE(4, 4), WG_F64, first, "transposed");
    check_all(one_element, WG_SHAPE(3, 4), WG_F64, first, "one element of each row");
}

Test(faults, not_finite)
{
    check_all(no_number, WG_SHAPE(3, 4), WG_F64, first, "NaN");
    check_all(infinite, WG_SHAPE(3, 4), WG_F64, second, "infinite");
    check_all(no_number, WG_SHAPE(300), WG_F32, first, "NaN in a large leaf");
}

Test(faults, matrix_products)
{
    static const vjp_rule rules[] = {matrix_right, matrix_forgets_a_transpose, matrix_drops_b};
    for (int k = 0; k < 3; k++)
        for (uint64_t seed = 0; seed < harness_repeats(20); seed++)
            for (int fast = 0; fast < 2; fast++) {
                wg_op op = {.name = "matrix",
                            .arity = 2,
                            .infer = infer_square,
                            .vjp = rules[k],
                            .kernel = {[WG_F64] = matrix_f64}};
                wg_gradcheck_report r = check(&op, WG_SHAPE(5, 5), WG_F64, seed, fast);
                cr_assert_eq(r.leaves[0].passed, k != 1, "rule %d, seed %d", k, (int)seed);
                cr_assert_eq(r.leaves[1].passed, k != 2, "rule %d, seed %d", k, (int)seed);
            }
}

/* One element of 10,000 is wrong by its own size. A random unit direction meets it with a share of 1/100 of the whole
   derivative: a million times the tolerance of the check over the square root of the size. So directions see every
   fault of more than about 1e-4 in one of so many elements; a sweep sees it whatever the size, and says where it is. */
Test(faults, one_of_ten_thousand)
{
    wg_op op = product_with(one_element);
    for (uint64_t seed = 0; seed < harness_repeats(20); seed++) {
        wg_gradcheck_report r = check(&op, WG_SHAPE(MANY), WG_F64, seed, seed % 2);
        cr_assert_not(r.passed, "seed %d", (int)seed);
        cr_assert(!r.leaves[0].passed && r.leaves[1].passed, "seed %d", (int)seed);
        cr_assert_not(r.leaves[0].swept);
    }
}

Test(faults, one_of_two_thousand_is_found_by_a_sweep)
{
    wg_op op = product_with(one_element);
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor a = wg_parameter(ctx, "a", WG_SHAPE(SWEPT), wg_init_normal(1)), b = wg_normal(ctx, WG_SHAPE(SWEPT));
    wg_tensor y = wg_mean(wg_sin(wg_apply(&op, WG_LIST(a, b), NULL)), WG_ALL);
    wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(a), &(wg_gradcheck_options){.full = SWEPT});
    cr_expect(r.complete && !r.passed && r.leaves[0].swept);
    cr_expect_eq(r.leaves[0].samples, SWEPT);
    cr_expect_eq(r.leaves[0].worst_sample, WRONG_ONE);
    cr_expect_float_eq(r.leaves[0].analytic / r.leaves[0].numeric, 2, 1e-4);
    scratch_close(ctx);
}

/* ---- second order ---- */

static bool infer_same(const wg_call *call, char *message, size_t size)
{
    return infer_square(call, message, size);
}

static void cube_f64(const wg_call *call)
{
    const double *x = call->inputs[0].data;
    double *y = call->output->data;
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = x[i] * x[i] * x[i];
}

static void slope_f64(const wg_call *call)
{
    const double *x = call->inputs[0].data;
    double *y = call->output->data;
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = 3 * x[i] * x[i];
}

static void slope_right(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = wg_mul_scalar(wg_mul(g, wg_input(y, 0)), 6);
}

static void slope_wrong(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = wg_mul_scalar(wg_mul(g, wg_input(y, 0)), 6.06);
}

static wg_op slope = {.name = "slope", .arity = 1, .infer = infer_same, .kernel = {[WG_F64] = slope_f64}};

static void cube_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = wg_mul(g, wg_apply(&slope, (wg_list){1, (wg_tensor[]){wg_input(y, 0)}}, NULL));
}

static const wg_op cube = {
    .name = "cube", .arity = 1, .infer = infer_same, .vjp = cube_vjp, .kernel = {[WG_F64] = cube_f64}};

/* The first derivative is right; only the gradient of the gradient shows that its own rule is not. */
Test(faults, second_order)
{
    for (int wrong = 0; wrong < 2; wrong++)
        for (uint64_t seed = 0; seed < harness_repeats(20); seed++)
            for (int fast = 0; fast < 2; fast++) {
                slope.vjp = wrong ? slope_wrong : slope_right;
                wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .seed = seed});
                wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(7), wg_init_normal(1)), v = wg_normal(ctx, WG_SHAPE(7));
                wg_tensor y = wg_sum(wg_sin(wg_apply(&cube, WG_LIST(x), NULL)), WG_ALL);
                wg_tensor along = wg_sum(wg_mul(wg_grad(y, x), v), WG_ALL);
                wg_gradcheck_options o = {.fast = fast, .seed = seed}, both_orders = o;
                both_orders.order = 2;
                wg_gradcheck_report whole = wg_gradcheck(y, WG_LIST(x), &both_orders);
                cr_assert_eq(whole.passed, !wrong, "both orders, seed %d: %g", (int)seed, whole.worst_error);
                cr_assert(whole.leaves[0].passed && whole.leaves[1].passed == !wrong);
                wg_gradcheck_report one = wg_gradcheck(y, WG_LIST(x), &o), two = wg_gradcheck(along, WG_LIST(x), &o);
                cr_assert(one.passed, "first order, seed %d: %g", (int)seed, one.worst_error);
                cr_assert_eq(two.passed, !wrong, "second order, seed %d: %g", (int)seed, two.worst_error);
                scratch_close(ctx);
            }
}

/* ---- faults at other scales ---- */

/* y and the leaf by large and small factors, and far from zero: the right rule passes, 1 % too much never does. */
Test(faults, scales)
{
    static const struct {
        double y, x, offset;
    } cases[] = {{1e-8, 1, 0},     {1e8, 1, 0}, {1, 1e-5, 0}, {1, 1e5, 0},  {1e-150, 1e-20, 0},
                 {1e150, 1e20, 0}, {1, 1, 1e4}, {1, 1, -1e7}, {1, 1, 1e10}, {1, 1, 1e12}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int wrong = 0; wrong < 2; wrong++)
            for (uint64_t seed = 0; seed < harness_repeats(20); seed++) {
                wg_op op = product_with(wrong ? one_percent : right);
                wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .seed = seed});
                wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(4, 5), wg_init_normal(cases[k].x));
                wg_tensor b = wg_normal(ctx, WG_SHAPE(4, 5));
                wg_tensor z = wg_apply(&op, (wg_list){2, (wg_tensor[]){wg_mul_scalar(w, 1 / cases[k].x), b}}, NULL);
                wg_tensor y = wg_mul_scalar(wg_add_scalar(wg_sum(wg_tanh(z), WG_ALL), cases[k].offset), cases[k].y);
                wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(w), &(wg_gradcheck_options){.fast = seed % 2});
                cr_expect(r.complete, "%s", wg_error(ctx));
                bool lost = r.leaves[0].samples == 0; /* nothing could be compared: only if y hides its last digits */
                cr_expect(!lost || fabs(cases[k].offset) >= 1e10, "case %zu: nothing compared", k);
                cr_expect_eq(r.passed, !wrong && !lost, "case %zu, wrong %d, seed %d: norm error %g, worst %g", k,
                             wrong, (int)seed, r.leaves[0].norm_error, r.leaves[0].worst_error);
                scratch_close(ctx);
            }
}

/* Layers, losses and initialisers: against PyTorch's numbers, in their statistics, and in what they are made of. */
#include "tests/golden/golden.h"
#include "tests/scratch.h"

static const wg_type types[] = {WG_F32, WG_F64};

#define GOLDEN "tests/golden/nn.txt"

static wg_context *context_of(wg_type type)
{
    golden_open(GOLDEN);
    return scratch_context_with((wg_context_options){.type = type, .seed = 7});
}

static void expect_fine(wg_context *ctx)
{
    cr_assert_not(wg_failed(ctx), "%s", wg_error(ctx));
}

/* ---- linear ---- */

/* A layer with the golden weights. */
static wg_linear golden_linear(wg_context *ctx, const char *name)
{
    bool no_bias = strcmp(name, "no_bias") == 0;
    wg_linear layer = wg_linear_new(ctx, name, 4, 5, &(wg_linear_options){.no_bias = no_bias});
    wg_assign(layer.weight, golden_tensor(ctx, golden("linear.%s.w", name)));
    if (!no_bias) wg_assign(layer.bias, golden_tensor(ctx, golden("linear.%s.b", name)));
    wg_clear(ctx);
    return layer;
}

static void check_linear(wg_context *ctx, const char *name)
{
    wg_linear layer = golden_linear(ctx, name);
    wg_tensor x = golden_tensor(ctx, golden("linear.%s.x", name)), y = wg_linear_apply(&layer, x);
    wg_tensor loss = wg_sum(wg_mul(y, golden_tensor(ctx, golden("linear.%s.c", name))), WG_ALL);
    golden_expect(y, golden("linear.%s.y", name));
    golden_expect(wg_grad(loss, x), golden("linear.%s.gx", name));
    golden_expect(wg_grad(loss, layer.weight), golden("linear.%s.gw", name));
    if (layer.bias.context) golden_expect(wg_grad(loss, layer.bias), golden("linear.%s.gb", name));
    expect_fine(ctx);
}

Test(linear, golden)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        check_linear(ctx, "rank1");
        check_linear(ctx, "rank2");
        check_linear(ctx, "rank3");
        check_linear(ctx, "no_bias");
        scratch_close(ctx);
    }
}

Test(linear, empty_batches_and_single_features)
{
    wg_context *ctx = context_of(WG_F64);
    wg_linear layer = wg_linear_new(ctx, "a", 3, 2, NULL), single = wg_linear_new(ctx, "b", 1, 1, NULL);
    wg_tensor none = wg_linear_apply(&layer, wg_zeros(ctx, WG_SHAPE(0, 3)));
    cr_expect(wg_shape_equal(wg_shape_of(none), WG_SHAPE(0, 2)));
    double gradient[6] = {1, 1, 1, 1, 1, 1};
    cr_assert(wg_read_f64(wg_grad(wg_sum(none, WG_ALL), layer.weight), gradient, 6), "%s", wg_error(ctx));
    for (int i = 0; i < 6; i++) cr_expect_eq(gradient[i], 0);
    wg_tensor y = wg_linear_apply(&single, wg_full(ctx, WG_SHAPE(1), 2.0));
    cr_expect_float_eq(wg_item(y), 2 * wg_item(single.weight) + wg_item(single.bias), 1e-15);
    expect_fine(ctx);
    scratch_close(ctx);
}

Test(linear, a_shared_layer_gets_the_sum_of_gradients)
{
    wg_context *ctx = context_of(WG_F64);
    wg_linear layer = wg_linear_new(ctx, "a", 4, 4, NULL);
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 4));
    wg_tensor one = wg_linear_apply(&layer, x), two = wg_linear_apply(&layer, one);
    wg_tensor whole = wg_grad(wg_sum(two, WG_ALL), layer.weight);
    wg_tensor upper = wg_grad(wg_sum(wg_linear_apply(&layer, wg_stop_gradient(one)), WG_ALL), layer.weight);
    wg_tensor lower = wg_matmul_transposed(wg_grad(wg_sum(two, WG_ALL), one), true, x, false);
    double distance = wg_item(wg_norm(wg_sub(whole, wg_add(upper, lower)), WG_ALL));
    cr_expect_lt(distance, 1e-12);
    expect_fine(ctx);
    scratch_close(ctx);
}

Test(linear, mistakes)
{
    wg_context *ctx = context_of(WG_F32);
    wg_linear layer = wg_linear_new(ctx, "a", 4, 5, NULL);
    wg_linear_apply(&layer, wg_zeros(ctx, WG_SHAPE(2, 3)));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "[2, 3]", "inner dimension");
    wg_linear_apply(&layer, wg_scalar(ctx, 1));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "linear", "rank 0");
    wg_linear_apply(NULL, wg_zeros(ctx, WG_SHAPE(2, 3)));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "NULL", "no layer");
    wg_linear_new(ctx, "a", 4, 5, NULL);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "a/weight", "the same name");
    wg_linear_new(ctx, "b", -1, 5, NULL);
    scratch_expect_error(ctx, WG_BAD_SHAPE, "negative", "a negative width");
    wg_linear_new(NULL, "c", 1, 1, NULL);
    cr_expect(wg_failed(NULL));
    scratch_close(ctx);
}

/* ---- losses ---- */

static const char *const reductions[] = {"mean", "sum", "none"}; /* as in wg_reduction */

/* Class numbers as i64, or as i32 for half of the cases; probabilities as they are. */
static wg_tensor golden_target(wg_context *ctx, const char *name, int64_t rank, bool narrow)
{
    const golden_entry *target = golden("cross_entropy.%s.target", name);
    wg_tensor values = golden_tensor(ctx, target);
    return target->shape.rank == rank ? values : wg_cast(values, narrow ? WG_I32 : WG_I64);
}

static void check_cross_entropy(wg_context *ctx, const char *name, double smoothing)
{
    const golden_entry *logits = golden("cross_entropy.%s.logits", name);
    for (int r = 0; r < 3; r++) {
        wg_tensor x = golden_tensor(ctx, logits), t = golden_target(ctx, name, logits->shape.rank, r == 1);
        wg_loss_options options = {.reduction = (wg_reduction)r, .label_smoothing = smoothing};
        wg_tensor y = wg_cross_entropy(x, t, &options);
        golden_expect(y, golden("cross_entropy.%s.%s.y", name, reductions[r]));
        wg_tensor c = golden_tensor(ctx, golden("cross_entropy.%s.%s.c", name, reductions[r]));
        wg_tensor whole = wg_sum(wg_mul(y, c), WG_ALL);
        golden_expect(wg_grad(whole, x), golden("cross_entropy.%s.%s.gx", name, reductions[r]));
        if (wg_type_of(t) == wg_default_type(ctx))
            golden_expect(wg_grad(whole, t), golden("cross_entropy.%s.%s.gt", name, reductions[r]));
    }
    expect_fine(ctx);
}

Test(cross_entropy, golden)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        check_cross_entropy(ctx, "index", 0);
        check_cross_entropy(ctx, "deep", 0);
        check_cross_entropy(ctx, "probability", 0);
        check_cross_entropy(ctx, "index_smooth", 0.1);
        check_cross_entropy(ctx, "deep_smooth", 0.1);
        check_cross_entropy(ctx, "probability_smooth", 0.1);
        check_cross_entropy(ctx, "extreme", 0);
        scratch_close(ctx);
    }
}

/* Where a class is impossible and its probability 0, there is no 0 times infinity. */
Test(cross_entropy, zero_probability_of_an_impossible_class)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(1, 3), (double[]){0, 0, -INFINITY});
    wg_tensor t = wg_from_f64(ctx, WG_SHAPE(1, 3), (double[]){0.25, 0.75, 0});
    wg_tensor loss = wg_cross_entropy(x, t, NULL);
    double gradient[3];
    cr_expect_float_eq(wg_item(loss), log(2), 1e-15);
    cr_assert(wg_read_f64(wg_grad(loss, x), gradient, 3), "%s", wg_error(ctx));
    cr_expect_float_eq(gradient[0], 0.25, 1e-15);
    cr_expect_float_eq(gradient[1], -0.25, 1e-15);
    cr_expect_float_eq(gradient[2], 0, 1e-15);
    scratch_close(ctx);
}

Test(cross_entropy, mistakes)
{
    wg_context *ctx = context_of(WG_F32);
    wg_tensor x = wg_zeros(ctx, WG_SHAPE(2, 3));
    wg_cross_entropy(x, wg_from_i32(ctx, WG_SHAPE(3), (int32_t[]){0, 1, 2}), NULL);
    scratch_expect_error(ctx, WG_BAD_SHAPE, "[3]", "three targets for two rows");
    x = wg_zeros(ctx, WG_SHAPE(2, 3));
    wg_cross_entropy(x, wg_zeros(ctx, WG_SHAPE(2)), NULL);
    scratch_expect_error(ctx, WG_BAD_SHAPE, "shape of the logits", "probabilities of another shape");
    x = wg_zeros(ctx, WG_SHAPE(2, 3));
    wg_tensor target = wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, 3});
    cr_expect(isnan(wg_item(wg_cross_entropy(x, target, NULL))));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "3", "class 3 of 3");
    x = wg_zeros(ctx, WG_SHAPE(2, 3));
    target = wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, -1});
    cr_expect(isnan(wg_item(wg_cross_entropy(x, target, NULL))));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "-1", "class -1");
    for (double smoothing = -0.5; smoothing < 2; smoothing += 1.5) {
        x = wg_zeros(ctx, WG_SHAPE(2, 3));
        target = wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, 1});
        wg_cross_entropy(x, target, &(wg_loss_options){.label_smoothing = smoothing});
        scratch_expect_error(ctx, WG_BAD_ARGUMENT, "label_smoothing", "smoothing outside [0, 1)");
    }
    x = wg_scalar(ctx, 1);
    wg_cross_entropy(x, wg_cast(x, WG_I32), NULL);
    cr_expect(wg_failed(ctx));
    wg_recover(ctx);
    x = wg_zeros(ctx, WG_SHAPE(2, 3));
    wg_squared_error(x, x, &(wg_loss_options){.reduction = (wg_reduction)17});
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "17", "an unknown reduction");
    scratch_close(ctx);
}

Test(squared_error, golden)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        wg_tensor x = golden_tensor(ctx, golden("squared_error.x")), t = golden_tensor(ctx, golden("squared_error.t"));
        for (int r = 0; r < 3; r++) {
            wg_tensor y = wg_squared_error(x, t, &(wg_loss_options){.reduction = (wg_reduction)r});
            golden_expect(y, golden("squared_error.%s.y", reductions[r]));
            golden_expect(wg_grad(wg_sum(y, WG_ALL), x), golden("squared_error.%s.gx", reductions[r]));
        }
        expect_fine(ctx);
        wg_squared_error(x, wg_reshape(t, WG_SHAPE(4, 3)), NULL);
        scratch_expect_error(ctx, WG_BAD_SHAPE, "[4, 3]", "another shape");
        scratch_close(ctx);
    }
}

/* Both are shape [3, 1] against [3]: broadcasting would give nine differences. */
Test(squared_error, never_broadcasts)
{
    wg_context *ctx = context_of(WG_F32);
    wg_squared_error(wg_zeros(ctx, WG_SHAPE(3, 1)), wg_zeros(ctx, WG_SHAPE(3)), NULL);
    scratch_expect_error(ctx, WG_BAD_SHAPE, "[3, 1]", "column against row");
    scratch_close(ctx);
}

Test(accuracy, counts_rows)
{
    static const float logits[] = {1, 2, 0, 5, -1, 4, 0, 0, 0, -3, -2, -1};
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        wg_tensor x = wg_from_f32(ctx, WG_SHAPE(4, 3), logits);
        wg_tensor right = wg_from_i64(ctx, WG_SHAPE(4), (int64_t[]){1, 0, 0, 2}); /* the first of equal logits */
        wg_tensor half = wg_from_i32(ctx, WG_SHAPE(4), (int32_t[]){1, 2, 0, 0});
        wg_tensor deep = wg_accuracy(wg_reshape(x, WG_SHAPE(2, 2, 3)), wg_reshape(half, WG_SHAPE(2, 2)));
        cr_expect_eq(wg_item(wg_accuracy(x, right)), 1);
        cr_expect_eq(wg_item(wg_accuracy(x, half)), 0.5);
        cr_expect_eq(wg_item(deep), 0.5);
        expect_fine(ctx);
        wg_accuracy(x, wg_from_i32(ctx, WG_SHAPE(1), (int32_t[]){1}));
        scratch_expect_error(ctx, WG_BAD_SHAPE, "accuracy", "one target for four rows");
        scratch_close(ctx);
    }
}

/* ---- dropout ---- */

Test(dropout, share_and_scale)
{
    enum { SIZE = 100000 };
    static double kept[SIZE], gradient[SIZE];
    for (int i = 0; i < 2; i++)
        for (double p = 0.1; p < 1; p += 0.4) {
            wg_context *ctx = context_of(types[i]);
            wg_tensor x = wg_ones(ctx, WG_SHAPE(SIZE)), y = wg_dropout(x, p);
            cr_assert(wg_read_f64(y, kept, SIZE), "%s", wg_error(ctx));
            cr_assert(wg_read_f64(wg_grad(wg_sum(y, WG_ALL), x), gradient, SIZE), "%s", wg_error(ctx));
            double scale = types[i] == WG_F64 ? 1 / (1 - p) : (double)(float)(1 / (1 - p)), count = 0;
            for (int k = 0; k < SIZE; k++) {
                cr_assert(kept[k] == 0 || kept[k] == scale, "%g is neither 0 nor %g", kept[k], scale);
                cr_assert_eq(gradient[k], kept[k]);
                count += kept[k] != 0;
            }
            double deviation = sqrt(SIZE * p * (1 - p));
            cr_expect_lt(fabs(count - SIZE * (1 - p)), 4.5 * deviation, "p = %g: %g are kept", p, count);
            scratch_close(ctx);
        }
}

Test(dropout, modes_and_draws)
{
    wg_context *ctx = context_of(WG_F32);
    wg_tensor x = wg_ones(ctx, WG_SHAPE(1000));
    cr_expect_eq(wg_dropout(x, 0).id, x.id);
    wg_tensor one = wg_dropout(x, 0.5), two = wg_dropout(x, 0.5);
    double apart = wg_item(wg_sum(wg_abs(wg_sub(one, two)), WG_ALL));
    cr_expect_gt(apart, 800); /* half of the elements, each by 2, save for chance */
    cr_expect_eq(wg_item(wg_sum(wg_abs(wg_sub(one, one)), WG_ALL)), 0);
    wg_mode before = wg_set_mode(ctx, WG_EVAL);
    cr_expect_eq(before, WG_TRAIN);
    uint64_t draws = wg_context_stats(ctx).draws;
    cr_expect_eq(wg_dropout(x, 0.5).id, x.id);
    cr_expect_eq(wg_context_stats(ctx).draws, draws);
    wg_set_mode(ctx, before);
    expect_fine(ctx);
    wg_dropout(x, 1);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "dropout", "probability 1");
    wg_dropout(wg_ones(ctx, WG_SHAPE(2)), -0.1);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "dropout", "a negative probability");
    wg_dropout(wg_ones(ctx, WG_SHAPE(2)), NAN);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "dropout", "no number");
    scratch_close(ctx);
}

/* ---- initialisers ---- */

typedef struct {
    double mean, deviation, low, high;
} moments;

static moments moments_of(wg_tensor x)
{
    size_t size = (size_t)wg_size(x);
    double *values = malloc(size * sizeof *values), squares = 0;
    cr_assert(wg_read_f64(x, values, size), "%s", wg_error(x.context));
    moments m = {0, 0, INFINITY, -INFINITY};
    for (size_t i = 0; i < size; i++) {
        m.mean += values[i] / (double)size;
        m.low = fmin(m.low, values[i]);
        m.high = fmax(m.high, values[i]);
    }
    for (size_t i = 0; i < size; i++) squares += (values[i] - m.mean) * (values[i] - m.mean);
    m.deviation = sqrt(squares / (double)size);
    free(values);
    return m;
}

/* Mean and deviation within 4.5 standard errors; `kurtosis` is 3 for the normal law, 1.8 for the uniform one. */
static void expect_moments(const moments *m, double deviation, double kurtosis, double size, const char *what)
{
    cr_expect_lt(fabs(m->mean), 4.5 * deviation / sqrt(size), "%s: mean %g", what, m->mean);
    cr_expect_lt(fabs(m->deviation / deviation - 1), 4.5 * sqrt((kurtosis - 1) / (4 * size)),
                 "%s: deviation %g, not %g", what, m->deviation, deviation);
}

static void check_pair(wg_context *ctx, wg_shape shape, wg_init uniform, wg_init normal, double deviation,
                       const char *what)
{
    double size = (double)wg_shape_size(shape), bound = sqrt(3) * deviation;
    wg_scope_begin(ctx, "%s", what);
    moments u = moments_of(wg_parameter(ctx, "uniform", shape, uniform));
    moments n = moments_of(wg_parameter(ctx, "normal", shape, normal));
    wg_scope_end(ctx);
    expect_moments(&u, deviation, 1.8, size, what);
    expect_moments(&n, deviation, 3, size, what);
    cr_expect_leq(u.high, bound * (1 + 1e-7), "%s: %.9g above %.9g", what, u.high, bound);
    cr_expect_geq(u.low, -bound * (1 + 1e-7), "%s: %.9g below %.9g", what, u.low, -bound);
    cr_expect_gt(u.high, bound * (1 - 20 / size), "%s: %.9g is far from %.9g", what, u.high, bound);
    cr_expect_lt(u.low, -bound * (1 - 20 / size), "%s: %.9g is far from %.9g", what, u.low, -bound);
    cr_expect_gt(n.high, 3 * deviation, "%s: no tail", what);
}

static void check_fans(wg_context *ctx, const char *name, wg_shape shape)
{
    const char *const gains[] = {"default", "tanh"};
    char what[GOLDEN_NAME];
    for (int i = 0; i < 2; i++) {
        const double *xavier = golden("xavier.%s.%s", name, gains[i])->values;
        const double *he = golden("he.%s.%s", name, gains[i])->values;
        double a = i ? xavier[0] : 0, b = i ? he[0] : 0; /* a gain of 0 means the usual one */
        snprintf(what, sizeof what, "xavier %s %s", name, gains[i]);
        check_pair(ctx, shape, wg_init_xavier_uniform(a), wg_init_xavier_normal(a), xavier[1], what);
        snprintf(what, sizeof what, "he %s %s", name, gains[i]);
        check_pair(ctx, shape, wg_init_he_uniform(b), wg_init_he_normal(b), he[1], what);
    }
}

Test(initialisers, fans)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        check_fans(ctx, "matrix", WG_SHAPE(300, 200));
        check_fans(ctx, "kernel", WG_SHAPE(40, 30, 5, 7));
        expect_fine(ctx);
        scratch_close(ctx);
    }
}

Test(initialisers, plain_ones)
{
    wg_context *ctx = context_of(WG_F64);
    check_pair(ctx, WG_SHAPE(70000), wg_init_uniform(-sqrt(3), sqrt(3)), wg_init_normal(1), 1, "plain");
    moments zero = moments_of(wg_parameter(ctx, "zero", WG_SHAPE(5), wg_init_zeros()));
    moments seven = moments_of(wg_parameter(ctx, "seven", WG_SHAPE(5), wg_init_constant(7)));
    cr_expect(zero.low == 0 && zero.high == 0 && seven.low == 7 && seven.high == 7);
    wg_linear layer = wg_linear_new(ctx, "layer", 400, 300, NULL);
    moments weight = moments_of(layer.weight), bias = moments_of(layer.bias);
    expect_moments(&weight, 0.05 / sqrt(3), 1.8, 120000, "weight of a linear layer");
    cr_expect(weight.high <= 0.05 && weight.low >= -0.05 && bias.high <= 0.05 && bias.low >= -0.05);
    cr_expect(bias.high > 0.045 && bias.low < -0.045);
    wg_parameter(ctx, "unknown", WG_SHAPE(2), (wg_init){99, 0, 0});
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "99", "an unknown initialiser");
    wg_parameter(ctx, "nothing", WG_SHAPE(0, 4), wg_init_he_normal(0));
    wg_parameter(ctx, "number", WG_SCALAR, wg_init_xavier_uniform(0));
    expect_fine(ctx);
    scratch_close(ctx);
}

/* The same seed gives the same weights, another one others; nothing stays on the tape. */
Test(initialisers, seeds)
{
    double values[3][20];
    for (int i = 0; i < 3; i++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64, .seed = i == 2 ? 4 : 3});
        wg_parameter(ctx, "other", WG_SHAPE(7), wg_init_zeros());
        cr_assert(wg_read_f64(wg_parameter(ctx, "w", WG_SHAPE(4, 5), wg_init_he_normal(0)), values[i], 20));
        wg_clear(ctx);
        cr_expect_eq(wg_context_stats(ctx).nodes, 0);
        scratch_close(ctx);
    }
    cr_expect_eq(memcmp(values[0], values[1], sizeof *values), 0);
    cr_expect_neq(memcmp(values[0], values[2], sizeof *values), 0);
}

/* ---- what they are made of ---- */

static bool is_primitive(const char *op)
{
    static const char *const leaves[] = {"constant", "parameter", "variable", "assign"};
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (strcmp(op, leaves[i]) == 0) return true;
    for (size_t i = 0; i < wg_op_count(); i++)
        if (strcmp(op, wg_op_at(i)->name) == 0) return true;
    return false;
}

/* Every node of a tensor and of its gradient stands in the table. */
static void expect_primitives(wg_tensor y, wg_tensor x, const char *what)
{
    wg_context *ctx = y.context;
    wg_tensor sum = wg_sum(y, WG_ALL), gradient = x.context ? wg_grad(sum, x) : sum;
    wg_graph *g = wg_graph_new(WG_LIST(sum, gradient));
    cr_assert_not_null(g, "%s: %s", what, wg_error(ctx));
    cr_expect_gt(wg_graph_size(g), (size_t)1, "%s", what);
    for (size_t i = 0; i < wg_graph_size(g); i++) {
        const char *op = wg_graph_node(g, i).op;
        cr_expect(is_primitive(op), "%s holds \"%s\", which is no primitive", what, op);
    }
    wg_clear(ctx);
}

Test(composition, layers_and_losses_are_primitives_alone)
{
    wg_context *ctx = context_of(WG_F32);
    wg_linear layer = wg_linear_new(ctx, "layer", 4, 3, NULL);
    for (int rank = 1; rank <= 3; rank++) {
        wg_tensor x = wg_normal(ctx, rank == 1 ? WG_SHAPE(4) : rank == 2 ? WG_SHAPE(2, 4) : WG_SHAPE(2, 2, 4));
        expect_primitives(wg_linear_apply(&layer, x), layer.weight, "linear");
    }
    wg_tensor (*const activations[])(wg_tensor) = {wg_relu,      wg_leaky_relu,   wg_softplus,   wg_gelu,
                                                   wg_silu,      wg_flatten,      wg_elu,        wg_selu,
                                                   wg_gelu_tanh, wg_mish,         wg_softsign,   wg_log_sigmoid,
                                                   wg_hard_tanh, wg_hard_sigmoid, wg_hard_swish, wg_erfinv};
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 4));
        expect_primitives(activations[i](x), x, "an activation");
    }
    wg_tensor x = wg_normal(ctx, WG_SHAPE(2, 3));
    expect_primitives(wg_dropout(x, 0.5), x, "dropout");
    for (int r = 0; r < 3; r++) {
        wg_loss_options o = {.reduction = (wg_reduction)r, .label_smoothing = 0.1};
        x = wg_normal(ctx, WG_SHAPE(2, 3));
        expect_primitives(wg_cross_entropy(x, wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, 2}), &o), x,
                          "cross_entropy");
        x = wg_normal(ctx, WG_SHAPE(2, 3));
        expect_primitives(wg_cross_entropy(x, wg_softmax(wg_normal_like(x), -1), &o), x, "cross_entropy");
        x = wg_normal(ctx, WG_SHAPE(2, 3));
        expect_primitives(wg_squared_error(x, wg_normal_like(x), &o), x, "squared_error");
    }
    x = wg_normal(ctx, WG_SHAPE(2, 3));
    expect_primitives(wg_accuracy(x, wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, 2})), WG_NONE, "accuracy");
    expect_fine(ctx);
    scratch_close(ctx);
}

/* Gradients of each example for itself: by weights that are expanded, by a scan, and by a loop. */
#include "tests/planned.h"

enum { EXAMPLES = 5, INPUTS = 6, HIDDEN = 4, CLASSES = 3, SIDE = 6, CHANNELS = 2 };

/* ---- a multilayer perceptron ---- */

typedef struct {
    wg_tensor weight[2], bias[2];
} perceptron;

static perceptron perceptron_new(wg_context *ctx)
{
    return (perceptron){{wg_parameter(ctx, "w0", WG_SHAPE(INPUTS, HIDDEN), wg_init_normal(0.5)),
                         wg_parameter(ctx, "w1", WG_SHAPE(HIDDEN, CLASSES), wg_init_normal(0.5))},
                        {wg_parameter(ctx, "b0", WG_SHAPE(HIDDEN), wg_init_normal(0.5)),
                         wg_parameter(ctx, "b1", WG_SHAPE(CLASSES), wg_init_normal(0.5))}};
}

/* x [..., rows, INPUTS] with weights [..., inputs, outputs] and biases that broadcast; the loss of all rows added up.
 */
static wg_tensor perceptron_loss(const perceptron *m, wg_tensor x, wg_tensor target)
{
    wg_tensor h = wg_tanh(wg_add(wg_matmul(x, m->weight[0]), m->bias[0]));
    wg_tensor logits = wg_add(wg_matmul(h, m->weight[1]), m->bias[1]);
    wg_tensor chosen = wg_where(wg_one_hot(target, CLASSES), wg_log_softmax(logits, -1), wg_zeros_like(logits));
    return wg_neg(wg_sum(chosen, WG_ALL));
}

/* ---- a small convolutional network ---- */

typedef struct {
    wg_tensor filter, weight; /* [CHANNELS, 1, 3, 3], [CHANNELS, CLASSES] */
} convolutional;

/* One image, or all with weights of their own: then images are channels, and groups keep them apart. */
static wg_tensor convolutional_loss(const convolutional *m, wg_tensor x, wg_tensor target, int64_t examples)
{
    wg_conv_window window = {.same = true, .groups = examples};
    wg_tensor filters = wg_reshape(m->filter, WG_SHAPE(examples * CHANNELS, 1, 3, 3));
    wg_tensor y = wg_tanh(wg_conv(wg_reshape(x, WG_SHAPE(1, examples, SIDE, SIDE)), filters, &window));
    y = wg_max_pool(y, &(wg_pool_options){.size = {2, 2}});
    wg_tensor means = wg_reshape(wg_global_average_pool(y), WG_SHAPE(examples, 1, CHANNELS));
    wg_tensor logits = wg_reshape(wg_matmul(means, m->weight), WG_SHAPE(examples, CLASSES));
    wg_tensor chosen = wg_where(wg_one_hot(target, CLASSES), wg_log_softmax(logits, -1), wg_zeros_like(logits));
    return wg_neg(wg_sum(chosen, WG_ALL));
}

/* ---- the three ways ---- */

/* A weight for each example, all the same: gradients by it are those of each example for itself. */
static wg_tensor expanded(wg_tensor w, int64_t examples)
{
    wg_shape shape = wg_shape_of(w), wide = {shape.rank + 1, {examples}};
    for (int i = 0; i < shape.rank; i++) wide.dim[i + 1] = shape.dim[i];
    return wg_expand(w, wide);
}

/* The norm of all gradients together; with `examples`, of each [examples, ...]. */
static wg_tensor norm_of(const wg_tensor *gradients, size_t count, bool each)
{
    wg_tensor sum = WG_NONE;
    for (size_t i = 0; i < count; i++) {
        wg_axes axes = WG_ALL;
        if (each) {
            axes.count = 0;
            for (int k = 1; k < wg_shape_of(gradients[i]).rank; k++) axes.axis[axes.count++] = (int8_t)k;
        }
        wg_tensor part = wg_sum(wg_square(gradients[i]), axes);
        sum = i ? wg_add(sum, part) : part;
    }
    return wg_sqrt(sum);
}

typedef struct {
    const perceptron *mlp;
    const convolutional *cnn;
} models;

/* One example of a scan: its norm. */
static void one_example(const void *user, const wg_scan_step *at)
{
    const models *m = user;
    wg_tensor x = wg_unsqueeze(at->inputs[0], 0), target = wg_unsqueeze(at->inputs[1], 0), gradients[4];
    wg_tensor loss = m->mlp ? perceptron_loss(m->mlp, x, target) : convolutional_loss(m->cnn, x, target, 1);
    const wg_list all = m->mlp ? WG_LIST(m->mlp->weight[0], m->mlp->weight[1], m->mlp->bias[0], m->mlp->bias[1])
                               : WG_LIST(m->cnn->filter, m->cnn->weight);
    if (wg_grads(loss, all, gradients)) at->outputs[0] = norm_of(gradients, all.count, false);
}

static wg_tensor by_scan(const models *m, wg_tensor x, wg_tensor target)
{
    wg_tensor norms = WG_NONE;
    wg_scan((wg_scan_body){one_example, m, 1}, (wg_list){0, NULL}, WG_LIST(x, target), NULL, NULL, &norms);
    return norms;
}

static wg_tensor by_loop(const models *m, wg_tensor x, wg_tensor target)
{
    wg_tensor each[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++) {
        wg_tensor inputs[2] = {wg_select(x, 0, i), wg_select(target, 0, i)};
        one_example(m, &(wg_scan_step){.inputs = inputs, .outputs = &each[i]});
    }
    return wg_stack((wg_list){EXAMPLES, each}, 0);
}

static wg_tensor perceptron_by_expansion(const perceptron *m, wg_tensor x, wg_tensor target)
{
    perceptron wide;
    wg_tensor gradients[4];
    for (int i = 0; i < 2; i++) {
        wide.weight[i] = expanded(m->weight[i], EXAMPLES);
        wide.bias[i] = expanded(wg_unsqueeze(m->bias[i], 0), EXAMPLES);
    }
    wg_tensor loss = perceptron_loss(&wide, wg_unsqueeze(x, 1), wg_unsqueeze(target, 1));
    wg_grads(loss, WG_LIST(wide.weight[0], wide.weight[1], wide.bias[0], wide.bias[1]), gradients);
    return norm_of(gradients, 4, true);
}

static wg_tensor convolutional_by_expansion(const convolutional *m, wg_tensor x, wg_tensor target)
{
    convolutional wide = {expanded(m->filter, EXAMPLES), expanded(m->weight, EXAMPLES)};
    wg_tensor gradients[2];
    wg_grads(convolutional_loss(&wide, x, target, EXAMPLES), WG_LIST(wide.filter, wide.weight), gradients);
    return norm_of(gradients, 2, true);
}

/* ---- the same ---- */

static void expect_equal(wg_tensor got, wg_tensor want, const char *what)
{
    double a[EXAMPLES], b[EXAMPLES];
    cr_assert(wg_read_f64(got, a, EXAMPLES) && wg_read_f64(want, b, EXAMPLES), "%s: %s", what, wg_error(got.context));
    for (int i = 0; i < EXAMPLES; i++)
        cr_expect(b[i] > 0 && fabs(a[i] - b[i]) <= 1e-13 * b[i], "%s: example %d: %g, not %g", what, i, a[i], b[i]);
}

static const int32_t classes[EXAMPLES] = {0, 2, 1, 1, 0};

Test(per_example, of_a_multilayer_perceptron)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    perceptron m = perceptron_new(ctx);
    wg_tensor x = wg_normal(ctx, WG_SHAPE(EXAMPLES, INPUTS)), target = wg_from_i32(ctx, WG_SHAPE(EXAMPLES), classes);
    wg_tensor want = by_loop(&(models){.mlp = &m}, x, target);
    expect_equal(by_scan(&(models){.mlp = &m}, x, target), want, "by a scan");
    expect_equal(perceptron_by_expansion(&m, x, target), want, "by expansion");
    scratch_close(ctx);
}

Test(per_example, of_a_convolutional_network)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    convolutional m = {wg_parameter(ctx, "filter", WG_SHAPE(CHANNELS, 1, 3, 3), wg_init_normal(0.5)),
                       wg_parameter(ctx, "weight", WG_SHAPE(CHANNELS, CLASSES), wg_init_normal(0.5))};
    wg_tensor x = wg_normal(ctx, WG_SHAPE(EXAMPLES, SIDE, SIDE)),
              target = wg_from_i32(ctx, WG_SHAPE(EXAMPLES), classes);
    wg_tensor want = by_loop(&(models){.cnn = &m}, x, target);
    expect_equal(by_scan(&(models){.cnn = &m}, x, target), want, "by a scan");
    expect_equal(convolutional_by_expansion(&m, x, target), want, "by expansion");
    scratch_close(ctx);
}

/* The gradients by expanded weights, [examples, inputs, outputs], are never in memory: only their norms are wanted. */
Test(per_example, takes_no_memory_for_gradients)
{
    enum { MANY = 16, WIDE = 64 };
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_normal(ctx, WG_SHAPE(MANY, 1, WIDE)), w = wg_normal(ctx, WG_SHAPE(WIDE, WIDE));
    wg_tensor wide = expanded(w, MANY), y = wg_tanh(wg_matmul(x, wide)),
              g = wg_grad(wg_sum(wg_square(y), WG_ALL), wide);
    planned p = planned_lay_out(WG_LIST(norm_of(&g, 1, true)));
    cr_expect_lt(p.plan->arena, MANY * WIDE * WIDE * sizeof(float) / 4, "%zu bytes", p.plan->arena);
    planned_end(&p);
    scratch_close(ctx);
}

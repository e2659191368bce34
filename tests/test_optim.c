/* Optimisers: ten steps against PyTorch's, which parameters they touch, and runs that are saved and resumed. */
#include "tests/golden/golden.h"
#include "tests/scratch.h"

#define GOLDEN "tests/golden/optim.txt"

enum { STEPS = 10, VALUES = 32 }; /* of the golden problem: 15 + 5 + 10 + 2 */

static const wg_type types[] = {WG_F32, WG_F64};

/* ---- the golden problem ---- */

typedef struct {
    wg_linear hidden, output;
} network;

static wg_context *context_of(wg_type type)
{
    golden_open(GOLDEN);
    return scratch_context_with((wg_context_options){.type = type});
}

static wg_linear golden_layer(wg_context *ctx, const char *name, int64_t inputs, int64_t outputs)
{
    wg_linear layer = wg_linear_new(ctx, name, inputs, outputs, NULL);
    wg_assign(layer.weight, golden_tensor(ctx, golden("%s.weight", name)));
    wg_assign(layer.bias, golden_tensor(ctx, golden("%s.bias", name)));
    wg_clear(ctx);
    return layer;
}

static network network_new(wg_context *ctx)
{
    return (network){golden_layer(ctx, "hidden", 3, 5), golden_layer(ctx, "output", 5, 2)};
}

static wg_tensor loss_of(const network *net)
{
    wg_context *ctx = net->hidden.weight.context;
    wg_tensor y =
        wg_linear_apply(&net->output, wg_tanh(wg_linear_apply(&net->hidden, golden_tensor(ctx, golden("x")))));
    return wg_squared_error(y, golden_tensor(ctx, golden("t")), &(wg_loss_options){.reduction = WG_SUM});
}

/* All parameters, one after the other. */
static void read_network(const network *net, double *values)
{
    wg_tensor parts[] = {net->hidden.weight, net->hidden.bias, net->output.weight, net->output.bias};
    for (int i = 0; i < 4; i++) {
        cr_assert(wg_read_f64(parts[i], values, (size_t)wg_size(parts[i])), "%s", wg_error(parts[i].context));
        values += wg_size(parts[i]);
    }
}

static void expect_fine(wg_context *ctx)
{
    cr_assert_not(wg_failed(ctx), "%s", wg_error(ctx));
}

/* Trains as PyTorch did. The norm is read in odd steps only: in the others nothing but wg_clear evaluates. */
static void check_steps(wg_context *ctx, wg_optimizer *optimizer, const network *net, const char *name, bool freezes)
{
    const golden_entry *rates = golden("%s.rates", name), *norms = golden("%s.norms", name);
    const golden_entry *trace = golden("%s.trace", name);
    for (int step = 0; step < STEPS; step++) {
        if (freezes && step == 3) cr_assert_eq(wg_freeze(ctx, "hidden/*"), 2);
        if (freezes && step == 6) cr_assert_eq(wg_unfreeze(ctx, "hidden/*"), 2);
        double rate = wg_optimizer_rate(optimizer), norm, values[VALUES];
        cr_expect_float_eq(rate, rates->values[step], 1e-15, "%s: rate %.17g in step %d", name, rate, step);
        wg_optimizer_step(optimizer, loss_of(net));
        if (step % 2) {
            norm = wg_item(wg_optimizer_gradient_norm(optimizer));
            golden_compare(&norm, norms->values + step, 1, wg_default_type(ctx), norms->name);
        }
        wg_clear(ctx);
        expect_fine(ctx);
        read_network(net, values);
        golden_compare(values, trace->values + VALUES * step, VALUES, wg_default_type(ctx), trace->name);
        wg_clear(ctx);
    }
}

typedef struct {
    int64_t cosine, warm;
} rates;

static const wg_schedule *schedule_of(wg_context *ctx, rates r)
{
    const wg_schedule *then = r.cosine ? wg_schedule_cosine(ctx, r.cosine) : NULL;
    return r.warm ? wg_schedule_warmup(ctx, r.warm, then) : then;
}

static void check_sgd(const char *name, wg_sgd_options options, rates r)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        network net = network_new(ctx);
        options.schedule = schedule_of(ctx, r);
        check_steps(ctx, wg_sgd_new(ctx, "*", &options), &net, name, strcmp(name, "sgd_frozen") == 0);
        scratch_close(ctx);
    }
}

static void check_adam(const char *name, wg_adam_options options, rates r)
{
    for (int i = 0; i < 2; i++) {
        wg_context *ctx = context_of(types[i]);
        network net = network_new(ctx);
        options.schedule = schedule_of(ctx, r);
        check_steps(ctx, wg_adam_new(ctx, NULL, &options), &net, name, false);
        scratch_close(ctx);
    }
}

Test(sgd, golden)
{
    check_sgd("sgd", (wg_sgd_options){.learning_rate = 0.02}, (rates){0});
    check_sgd("sgd_momentum", (wg_sgd_options){.learning_rate = 0.02, .momentum = 0.9}, (rates){0});
    check_sgd("sgd_dampening", (wg_sgd_options){.learning_rate = 0.02, .momentum = 0.9, .dampening = 0.3}, (rates){0});
    check_sgd("sgd_nesterov", (wg_sgd_options){.learning_rate = 0.02, .momentum = 0.9, .nesterov = true}, (rates){0});
    check_sgd("sgd_decay", (wg_sgd_options){.learning_rate = 0.02, .weight_decay = 0.1}, (rates){0});
    check_sgd("sgd_decay_on", (wg_sgd_options){.learning_rate = 0.02, .weight_decay = 0.1, .decay_on = "*weight"},
              (rates){0});
    check_sgd("sgd_clip", (wg_sgd_options){.learning_rate = 0.02, .clip_norm = 0.5}, (rates){0});
    check_sgd("sgd_all",
              (wg_sgd_options){
                  .learning_rate = 0.05, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.05, .clip_norm = 2},
              (rates){.cosine = 12});
    check_sgd("sgd_nesterov_all",
              (wg_sgd_options){
                  .learning_rate = 0.05, .momentum = 0.8, .nesterov = true, .weight_decay = 0.05, .clip_norm = 2},
              (rates){.warm = 4, .cosine = 5});
}

Test(sgd, frozen_between_steps)
{
    check_sgd("sgd_frozen", (wg_sgd_options){.learning_rate = 0.02, .momentum = 0.9}, (rates){0});
}

Test(adam, golden)
{
    check_adam("adam", (wg_adam_options){0}, (rates){0});
    check_adam("adam_fast", (wg_adam_options){.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3},
               (rates){0});
    check_adam("adam_beta1_zero", (wg_adam_options){.learning_rate = 0.02, .beta1 = WG_ZERO, .beta2 = 0.9}, (rates){0});
    check_adam("adam_coupled", (wg_adam_options){.learning_rate = 0.02, .weight_decay = 0.1, .coupled_decay = true},
               (rates){0});
    check_adam("adamw", (wg_adam_options){.learning_rate = 0.02, .weight_decay = 0.1}, (rates){0});
    check_adam("adamw_decay_on", (wg_adam_options){.learning_rate = 0.02, .weight_decay = 0.1, .decay_on = "* !*bias"},
               (rates){0});
    check_adam("adam_clip", (wg_adam_options){.learning_rate = 0.02, .clip_norm = 0.5}, (rates){0});
    check_adam("adam_cosine", (wg_adam_options){.learning_rate = 0.1}, (rates){.cosine = 10});
    check_adam("adam_warmup", (wg_adam_options){.learning_rate = 0.1}, (rates){.warm = 4});
    check_adam("adamw_all", (wg_adam_options){.learning_rate = 0.05, .weight_decay = 0.1, .clip_norm = 2},
               (rates){.warm = 3, .cosine = 6});
}

/* ---- options ---- */

/* A rate of WG_ZERO moves nothing; a momentum of WG_ZERO is none; decay by WG_ZERO is none. */
Test(options, a_true_zero)
{
    wg_context *ctx = context_of(WG_F64);
    network net = network_new(ctx);
    double before[VALUES], after[VALUES];
    read_network(&net, before);
    wg_optimizer *still[] = {wg_sgd_new(ctx, "*", &(wg_sgd_options){.learning_rate = WG_ZERO}),
                             wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = WG_ZERO, .weight_decay = 0.1})};
    for (int i = 0; i < 2; i++) {
        wg_optimizer_step(still[i], loss_of(&net));
        wg_clear(ctx);
        read_network(&net, after);
        cr_expect_eq(memcmp(before, after, sizeof before), 0);
    }
    wg_sgd_options zeros = {.learning_rate = 0.02, .momentum = WG_ZERO, .weight_decay = WG_ZERO};
    wg_clear(ctx);
    check_steps(ctx, wg_sgd_new(ctx, "*", &zeros), &net, "sgd", false);
    scratch_close(ctx);
    ctx = context_of(WG_F64);
    net = network_new(ctx);
    wg_adam_options both = {.beta1 = WG_ZERO, .beta2 = WG_ZERO, .epsilon = WG_ZERO, .learning_rate = 0.25};
    wg_optimizer *sign = wg_adam_new(ctx, "hidden/bias", &both); /* without memory each step has the rate's length */
    wg_optimizer_step(sign, loss_of(&net));
    wg_clear(ctx);
    read_network(&net, after);
    for (int i = 0; i < VALUES; i++)
        cr_expect_float_eq(fabs(after[i] - before[i]), i >= 15 && i < 20 ? 0.25 : 0, 1e-15, "element %d", i);
    expect_fine(ctx);
    scratch_close(ctx);
}

/* A weight that decays alone: w (1 - rate decay) for AdamW, whose moments of a zero gradient are zero. */
Test(options, decay_without_gradient)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(2));
    wg_tensor free = wg_parameter(ctx, "free", WG_SHAPE(3), wg_init_constant(2));
    wg_optimizer *adam =
        wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.5, .weight_decay = 0.25, .decay_on = "* !free"});
    wg_optimizer_step(adam, wg_sum(wg_mul_scalar(wg_stop_gradient(wg_add(w, free)), 3), WG_ALL));
    wg_clear(ctx);
    double values[6];
    cr_assert(wg_read_f64(w, values, 3) && wg_read_f64(free, values + 3, 3), "%s", wg_error(ctx));
    for (int i = 0; i < 6; i++) cr_expect_eq(values[i], i < 3 ? 2 * (1 - 0.125) : 2);
    scratch_close(ctx);
}

Test(options, mistakes)
{
    wg_context *ctx = context_of(WG_F32), *other = wg_context_new(NULL);
    network net = network_new(ctx);
    cr_expect_null(wg_schedule_cosine(ctx, 0));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "schedule", "no steps");
    wg_optimizer *sgd = wg_sgd_new(ctx, "nowhere*", NULL);
    wg_optimizer_step(sgd, loss_of(&net));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "nowhere", "a pattern that matches nothing");
    sgd = wg_sgd_new(ctx, "*", NULL);
    wg_optimizer_step(sgd, wg_scalar(other, 1));
    scratch_expect_error(ctx, WG_BAD_HANDLE, "another context", "a foreign loss");
    wg_optimizer_step(sgd, WG_NONE);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "zero handle", "no loss");
    wg_optimizer_step(sgd, wg_zeros(ctx, WG_SHAPE(2)));
    cr_expect(wg_failed(ctx), "a loss of two elements is taken");
    wg_recover(ctx);
    wg_tensor stale = loss_of(&net);
    wg_clear(ctx);
    wg_optimizer_step(sgd, stale);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "stale", "a stale loss");
    wg_tensor one = wg_scalar(ctx, 1);
    wg_optimizer_apply(sgd, WG_LIST(one));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "1 gradients for 4 parameters", "too few gradients");
    wg_tensor g[4] = {wg_zeros(ctx, WG_SHAPE(5, 3)), wg_zeros(ctx, WG_SHAPE(4)), wg_zeros(ctx, WG_SHAPE(2, 5)),
                      wg_zeros(ctx, WG_SHAPE(2))};
    wg_optimizer_apply(sgd, (wg_list){4, g});
    cr_expect_eq(wg_error_status(ctx), WG_BAD_SHAPE, "a gradient of a wrong shape: %s", wg_error(ctx));
    wg_recover(ctx);
    wg_optimizer_step(NULL, loss_of(&net));
    wg_optimizer_apply(NULL, WG_LIST(one));
    cr_expect_eq(wg_optimizer_rate(NULL), 0);
    cr_expect_null(wg_adam_new(NULL, "*", NULL));
    wg_optimizer_gradient_norm(NULL);
    expect_fine(ctx);
    wg_context_free(other);
    scratch_close(ctx);
}

/* The rates of a schedule by its formula, also where it ends; a second one counts from its own beginning. */
Test(options, schedules)
{
    wg_context *ctx = context_of(WG_F64);
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros());
    const wg_schedule *chain = wg_schedule_warmup(ctx, 2, wg_schedule_warmup(ctx, 1, wg_schedule_cosine(ctx, 4)));
    static const double expected[] = {0.5, 1, 1, 1, 0.8535533905932737, 0.5, 0.14644660940672627, 0, 0, 0};
    wg_optimizer *sgd = wg_sgd_new(ctx, "*", &(wg_sgd_options){.learning_rate = 3, .schedule = chain});
    double sum = 0;
    for (int step = 0; step < STEPS; step++) {
        cr_expect_float_eq(wg_optimizer_rate(sgd), 3 * expected[step], 1e-15, "step %d", step);
        sum += 3 * expected[step];
        wg_optimizer_step(sgd, wg_neg(w));
        wg_clear(ctx);
        cr_expect_float_eq(wg_item(w), sum, 1e-14);
    }
    expect_fine(ctx);
    scratch_close(ctx);
}

/* ---- which parameters ---- */

Test(selection, an_optimiser_older_than_its_parameters)
{
    wg_context *ctx = context_of(WG_F64);
    wg_optimizer *sgd = wg_sgd_new(ctx, "*", &(wg_sgd_options){.learning_rate = 0.02, .momentum = 0.9});
    network net = network_new(ctx);
    check_steps(ctx, sgd, &net, "sgd_momentum", false);
    wg_tensor late = wg_parameter(ctx, "late", WG_SCALAR, wg_init_constant(3));
    wg_optimizer_step(sgd, wg_square(late));
    wg_clear(ctx);
    cr_expect_float_eq(wg_item(late), 3 - 0.02 * 6, 1e-15);
    expect_fine(ctx);
    scratch_close(ctx);
}

/* Two optimisers in one step, each on its own part: both differentiate the loss before either update. */
Test(selection, two_optimisers_on_disjoint_patterns)
{
    wg_context *ctx = context_of(WG_F64);
    network net = network_new(ctx);
    wg_optimizer *one = wg_sgd_new(ctx, "hidden/*", &(wg_sgd_options){.learning_rate = 0.02});
    wg_optimizer *two = wg_sgd_new(ctx, "* !hidden/*", &(wg_sgd_options){.learning_rate = 0.02});
    for (int step = 0; step < STEPS; step++) {
        wg_tensor loss = loss_of(&net);
        wg_optimizer_step(one, loss);
        wg_optimizer_step(two, loss);
        wg_clear(ctx);
    }
    double values[VALUES];
    read_network(&net, values);
    golden_compare(values, golden("sgd.trace")->values + VALUES * (STEPS - 1), VALUES, WG_F64, "two optimisers");
    expect_fine(ctx);
    scratch_close(ctx);
}

/* The gradients of two halves, added by hand, are the whole step. */
Test(selection, gradients_of_the_callers_making)
{
    wg_context *ctx = context_of(WG_F64);
    network net = network_new(ctx);
    wg_optimizer *adam = wg_adam_new(ctx, "*", NULL);
    for (int step = 0; step < STEPS; step++) {
        wg_tensor loss = wg_mul_scalar(loss_of(&net), 0.5), half[4], sum[4];
        cr_assert(wg_grads(loss, wg_parameters(ctx, "*"), half));
        for (int i = 0; i < 4; i++) sum[i] = wg_add(half[i], half[i]);
        wg_optimizer_apply(adam, (wg_list){4, sum});
        wg_clear(ctx);
    }
    double values[VALUES];
    read_network(&net, values);
    golden_compare(values, golden("adam.trace")->values + VALUES * (STEPS - 1), VALUES, WG_F64, "apply");
    expect_fine(ctx);
    scratch_close(ctx);
}

Test(selection, all_frozen_is_a_step_of_nothing)
{
    wg_context *ctx = context_of(WG_F64);
    network net = network_new(ctx);
    double before[VALUES], after[VALUES];
    read_network(&net, before);
    wg_optimizer *sgd = wg_sgd_new(ctx, "*", NULL);
    cr_expect_eq(wg_freeze(ctx, NULL), 4);
    wg_optimizer_step(sgd, loss_of(&net));
    wg_clear(ctx);
    expect_fine(ctx);
    read_network(&net, after);
    cr_expect_eq(memcmp(before, after, sizeof before), 0);
    scratch_close(ctx);
}

Test(selection, only_primitives_are_recorded)
{
    wg_context *ctx = context_of(WG_F32);
    network net = network_new(ctx);
    wg_optimizer *all[] = {
        wg_sgd_new(ctx, "*", NULL),
        wg_sgd_new(ctx, "*", &(wg_sgd_options){.momentum = 0.9, .dampening = 0.1, .weight_decay = 0.1, .clip_norm = 1}),
        wg_sgd_new(ctx, "*", &(wg_sgd_options){.momentum = 0.9, .nesterov = true}),
        wg_adam_new(ctx, "*", &(wg_adam_options){.weight_decay = 0.1, .clip_norm = 1}),
        wg_adam_new(ctx, "*", &(wg_adam_options){.weight_decay = 0.1, .coupled_decay = true})};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        wg_optimizer_step(all[k], loss_of(&net));
        wg_graph *g = wg_graph_new(wg_parameters(ctx, "*"));
        cr_assert_not_null(g, "%s", wg_error(ctx));
        cr_expect_gt(wg_graph_size(g), (size_t)30);
        for (size_t i = 0; i < wg_graph_size(g); i++) {
            const char *op = wg_graph_node(g, i).op;
            bool known =
                !strcmp(op, "constant") || !strcmp(op, "parameter") || !strcmp(op, "variable") || !strcmp(op, "assign");
            for (size_t row = 0; row < wg_op_count() && !known; row++) known = strcmp(op, wg_op_at(row)->name) == 0;
            cr_expect(known, "optimiser %zu records \"%s\"", k, op);
        }
        wg_clear(ctx);
    }
    scratch_close(ctx);
}

/* ---- resuming ---- */

static const char *const names[] = {"weight", "bias"};

/* A model with dropout, and everything that an optimiser keeps. */
typedef struct {
    wg_tensor part[2];
    wg_optimizer *optimizer;
} run;

static run run_new(wg_context *ctx, bool adam)
{
    run r = {.part = {wg_parameter(ctx, names[0], WG_SHAPE(8, 6), wg_init_he_normal(0)),
                      wg_parameter(ctx, names[1], WG_SHAPE(8), wg_init_zeros())}};
    const wg_schedule *schedule = wg_schedule_warmup(ctx, 3, wg_schedule_cosine(ctx, 9));
    wg_adam_options a = {.learning_rate = 0.05, .weight_decay = 0.01, .clip_norm = 1, .schedule = schedule};
    wg_sgd_options s = {.learning_rate = 0.05, .momentum = 0.9, .dampening = 0.5, .schedule = schedule};
    r.optimizer = adam ? wg_adam_new(ctx, "*", &a) : wg_sgd_new(ctx, "*", &s);
    return r;
}

static void run_steps(const run *r, wg_context *ctx, int count)
{
    for (int i = 0; i < count; i++) {
        wg_tensor x = wg_dropout(wg_normal(ctx, WG_SHAPE(10, 6)), 0.3);
        wg_tensor y = wg_dropout(wg_tanh(wg_add(wg_matmul_transposed(x, false, r->part[0], true), r->part[1])), 0.5);
        wg_tensor loss = wg_mean(wg_square(wg_sub_scalar(y, 0.3)), WG_ALL);
        wg_optimizer_step(r->optimizer, loss);
        if (i % 2) wg_item(loss);
        wg_clear(ctx);
        expect_fine(ctx);
    }
}

static void check_resumed(wg_type type, bool adam)
{
    double whole[56], resumed[56], middle[56];
    wg_context *ctx = scratch_context_with((wg_context_options){.type = type, .seed = 5});
    run r = run_new(ctx, adam);
    run_steps(&r, ctx, 5);
    cr_assert(wg_read_f64(r.part[0], middle, 48) && wg_read_f64(r.part[1], middle + 48, 8));
    cr_assert(wg_save(ctx, scratch("half"), NULL), "%s", wg_error(ctx));
    run_steps(&r, ctx, 5);
    cr_assert(wg_read_f64(r.part[0], whole, 48) && wg_read_f64(r.part[1], whole + 48, 8));
    scratch_close(ctx);

    ctx = scratch_context_with((wg_context_options){.type = type, .seed = 5});
    wg_normal(ctx, WG_SHAPE(3)); /* another history of draws */
    wg_clear(ctx);
    r = run_new(ctx, adam);
    cr_assert(wg_load(ctx, scratch("half"), NULL), "%s", wg_error(ctx));
    run_steps(&r, ctx, 5);
    cr_assert(wg_read_f64(r.part[0], resumed, 48) && wg_read_f64(r.part[1], resumed + 48, 8));
    scratch_close(ctx);
    cr_expect_eq(memcmp(whole, resumed, sizeof whole), 0, "%s, %s: a resumed run differs", adam ? "adam" : "sgd",
                 wg_type_name(type));
    cr_expect_neq(memcmp(whole, middle, sizeof whole), 0);
}

Test(resuming, ten_steps_are_five_and_five)
{
    scratch_begin();
    for (int i = 0; i < 2; i++) {
        check_resumed(types[i], true);
        check_resumed(types[i], false);
    }
    scratch_end();
}

/* Reading the loss in every step, in every third or never, and a metric or not: the same bits. */
Test(resuming, what_is_read_changes_nothing)
{
    double values[3][48];
    for (int way = 0; way < 3; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F32, .seed = 5});
        run r = run_new(ctx, true);
        for (int i = 0; i < STEPS; i++) {
            wg_tensor y = wg_dropout(wg_matmul_transposed(wg_normal(ctx, WG_SHAPE(4, 6)), false, r.part[0], true), 0.5);
            wg_tensor loss = wg_mean(wg_square(wg_add(y, r.part[1])), WG_ALL), metric = wg_max(y, WG_ALL);
            wg_optimizer_step(r.optimizer, loss);
            if (way == 1 || (way == 2 && i % 3 == 0)) cr_expect(isfinite(wg_item(loss)));
            if (way == 1) cr_expect(isfinite(wg_item(metric)), "%s", wg_error(ctx));
            wg_clear(ctx);
        }
        cr_assert(wg_read_f64(r.part[0], values[way], 48), "%s", wg_error(ctx));
        scratch_close(ctx);
    }
    cr_expect_eq(memcmp(values[0], values[1], sizeof *values), 0);
    cr_expect_eq(memcmp(values[0], values[2], sizeof *values), 0);
}

/* Several steps recorded before anything is computed count as several. */
Test(resuming, steps_recorded_together)
{
    wg_context *ctx = context_of(WG_F64);
    network net = network_new(ctx);
    wg_optimizer *adam = wg_adam_new(ctx, "*", NULL);
    for (int step = 0; step < STEPS; step++) wg_optimizer_step(adam, loss_of(&net));
    double values[VALUES];
    read_network(&net, values);
    golden_compare(values, golden("adam.trace")->values + VALUES * (STEPS - 1), VALUES, WG_F64, "ten steps at once");
    expect_fine(ctx);
    scratch_close(ctx);
}

/* Each parameter has its own count of steps, as in PyTorch: the first one moves by the learning rate, however late. */
Test(adam, counts_steps_by_parameter)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.type = WG_F64});
    wg_tensor early = wg_parameter(ctx, "early", WG_SHAPE(2), wg_init_constant(1));
    wg_optimizer *adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.01});
    for (int i = 0; i < 50; i++) {
        wg_optimizer_step(adam, wg_sum(wg_square(early), WG_ALL));
        wg_clear(ctx);
    }
    wg_tensor late = wg_parameter(ctx, "late", WG_SHAPE(2), wg_init_constant(1));
    wg_optimizer_step(adam, wg_sum(wg_square(wg_add(early, late)), WG_ALL));
    double value[2];
    cr_assert(wg_read_f64(late, value, 2), "%s", wg_error(ctx));
    cr_expect_float_eq(value[0], 0.99, 1e-9);
    wg_context_free(ctx);
}

/* The state of an optimiser that is older than its parameters is made in the middle of a step: that performs nothing.
 */
Test(selection, two_older_than_their_parameters_on_one_tape)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.type = WG_F64});
    wg_optimizer *one = wg_adam_new(ctx, "g*", &(wg_adam_options){.learning_rate = 0.1});
    wg_optimizer *two = wg_adam_new(ctx, "d*", &(wg_adam_options){.learning_rate = 0.1});
    wg_tensor g = wg_parameter(ctx, "g", WG_SHAPE(2), wg_init_constant(1));
    wg_tensor d = wg_parameter(ctx, "d", WG_SHAPE(2), wg_init_constant(2));
    wg_tensor loss = wg_sum(wg_mul(g, d), WG_ALL);
    wg_optimizer_step(one, loss);
    wg_optimizer_step(two, wg_neg(loss));
    cr_expect_float_eq(wg_item(loss), 4, 1e-12, "%s", wg_error(ctx));
    cr_expect_float_eq(wg_item(wg_sum(g, WG_ALL)), 1.8, 1e-6);
    cr_expect_float_eq(wg_item(wg_sum(d, WG_ALL)), 4.2, 1e-6);
    wg_context_free(ctx);
}

Test(options, numbers_out_of_range)
{
    const wg_sgd_options sgd[] = {{.learning_rate = -1},
                                  {.learning_rate = NAN},
                                  {.momentum = 1},
                                  {.momentum = -3},
                                  {.weight_decay = -1},
                                  {.clip_norm = -1},
                                  {.momentum = 0.5, .dampening = 2}};
    const wg_adam_options adam[] = {{.beta1 = 1.5}, {.beta2 = -0.1}, {.epsilon = -1}, {.learning_rate = INFINITY}};
    for (size_t i = 0; i < sizeof sgd / sizeof *sgd + sizeof adam / sizeof *adam; i++) {
        wg_context *ctx = wg_context_new(NULL);
        size_t of_adam = i - sizeof sgd / sizeof *sgd;
        bool first = i < sizeof sgd / sizeof *sgd;
        cr_expect_null(first ? wg_sgd_new(ctx, "*", &sgd[i]) : wg_adam_new(ctx, "*", &adam[of_adam]), "%d", (int)i);
        cr_expect_eq(wg_error_status(ctx), WG_BAD_ARGUMENT, "%d: %s", (int)i, wg_error(ctx));
        wg_context_free(ctx);
    }
}

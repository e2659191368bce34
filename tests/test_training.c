/* Training loops that differ in what they read, print and record beside the update end with the same bits. */
#include "tests/network.h"

typedef struct run_options {
    wg_context_options context;
    int steps;
    int read_every;   /* 0: never */
    bool metrics;     /* read all metrics, loss last */
    bool logged;      /* record and print something more */
    bool never_clear; /* until the end */
    bool by_list;     /* ask for all in one evaluation */
} run_options;

/* The losses that were read, and the parameters at the end. */
typedef struct run_result {
    double losses[400], values[NETWORK_VALUES];
    uint64_t draws;
} run_result;

static void run(const run_options *o, run_result *result)
{
    wg_context *ctx = scratch_context_with(o->context);
    network net = network_new(ctx);
    FILE *log = tmpfile();
    memset(result, 0, sizeof *result);
    for (int i = 0; i < o->steps; i++) {
        network_step step = network_record(ctx, &net, i % 5);
        if (o->logged) {
            wg_tensor extra = wg_mean(wg_square(net.hidden.weight), WG_ALL);
            wg_tensor norm = wg_optimizer_gradient_norm(net.adam);
            cr_expect(wg_eval(WG_LIST(step.loss, norm)), "%s", wg_error(ctx));
            cr_expect(wg_print(extra, log, "weights"), "%s", wg_error(ctx));
            cr_expect(wg_print(norm, log, "norm"), "%s", wg_error(ctx));
        }
        if (o->by_list) cr_expect(wg_eval(WG_LIST(step.spread, step.accuracy, step.loss)), "%s", wg_error(ctx));
        if (o->metrics) {
            cr_expect(wg_item(step.accuracy) >= 0, "%s", wg_error(ctx));
            cr_expect(wg_item(step.spread) > 0, "%s", wg_error(ctx));
        }
        if (o->read_every && i % o->read_every == 0) result->losses[i] = wg_item(step.loss);
        if (!o->never_clear) wg_clear(ctx);
    }
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    network_read(ctx, result->values);
    result->draws = wg_context_stats(ctx).draws;
    fclose(log);
    scratch_close(ctx);
}

static void expect_same(const run_options *a, const run_options *b, const char *what)
{
    static run_result one, other;
    run(a, &one);
    run(b, &other);
    cr_expect(network_same(one.values, other.values), "%s: other parameters", what);
    cr_expect_eq(one.draws, other.draws);
    for (int i = 0; i < a->steps; i++)
        if (one.losses[i] != 0 && other.losses[i] != 0)
            cr_expect_eq(one.losses[i], other.losses[i], "%s: loss of step %d", what, i);
}

Test(training, learns)
{
    static run_result result;
    run(&(run_options){.steps = 300, .read_every = 1}, &result);
    cr_expect(result.losses[299] < result.losses[0] / 2, "from %g to %g", result.losses[0], result.losses[299]);
}

Test(training, printing_every_hundredth_step_loses_no_update)
{
    expect_same(&(run_options){.steps = 201, .read_every = 1}, &(run_options){.steps = 201, .read_every = 100},
                "printing every 100th step");
    expect_same(&(run_options){.steps = 20, .read_every = 1}, &(run_options){.steps = 20}, "printing nothing");
}

Test(training, a_logged_value_changes_no_bit)
{
    expect_same(&(run_options){.steps = 20, .read_every = 1},
                &(run_options){.steps = 20, .read_every = 1, .metrics = true, .logged = true}, "an extra metric");
    expect_same(&(run_options){.steps = 20, .read_every = 1}, &(run_options){.steps = 20, .logged = true}, "a print");
}

Test(training, the_order_of_reading_does_not_matter)
{
    expect_same(&(run_options){.steps = 20, .read_every = 1},
                &(run_options){.steps = 20, .read_every = 1, .metrics = true}, "metrics first");
    expect_same(&(run_options){.steps = 20, .read_every = 1},
                &(run_options){.steps = 20, .read_every = 1, .metrics = true, .by_list = true}, "all at once");
}

Test(training, many_steps_on_one_tape)
{
    expect_same(&(run_options){.steps = 20, .read_every = 1},
                &(run_options){.steps = 20, .read_every = 1, .never_clear = true}, "one tape, read");
    expect_same(&(run_options){.steps = 20, .read_every = 1}, &(run_options){.steps = 20, .never_clear = true},
                "one tape, one evaluation");
}

Test(training, eager_mode_gives_the_same_bits)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        wg_context_options lazy = {.type = type, .seed = 3, .plain = true},
                           eager = {.type = type, .seed = 3, .eager = true};
        expect_same(&(run_options){.context = lazy, .steps = 20, .read_every = 1},
                    &(run_options){.context = eager, .steps = 20, .read_every = 1}, "eager");
        expect_same(&(run_options){.context = lazy, .steps = 20, .read_every = 1},
                    &(run_options){.context = eager, .steps = 20, .read_every = 1, .metrics = true, .logged = true},
                    "eager, in another order");
        expect_same(&(run_options){.context = lazy, .steps = 20, .read_every = 7},
                    &(run_options){.context = eager, .steps = 20, .never_clear = true}, "eager, on one tape");
    }
}

Test(training, checked_mode_gives_the_same_bits)
{
    expect_same(&(run_options){.context = {.plain = true}, .steps = 10, .read_every = 1},
                &(run_options){.context = {.check_finite = true}, .steps = 10, .read_every = 1}, "check_finite");
}

Test(training, seeds_differ)
{
    static run_result one, other;
    run(&(run_options){.context = {.seed = 1}, .steps = 3}, &one);
    run(&(run_options){.context = {.seed = UINT64_C(1) << 33}, .steps = 3}, &other);
    cr_expect_not(network_same(one.values, other.values));
}

/* ---- two players ---- */

typedef struct {
    double generator, critic;
} game;

/* A critic c on c (real - g z) and a generator that raises c g z; both steps on one tape, or the tape cleared between.
 */
static game play(bool one_tape, bool read)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor g = wg_parameter(ctx, "generator/g", WG_SCALAR, wg_init_constant(0.5));
    wg_tensor c = wg_parameter(ctx, "critic/c", WG_SCALAR, wg_init_constant(0.25));
    wg_optimizer *makes = wg_sgd_new(ctx, "generator/*", &(wg_sgd_options){.learning_rate = 0.1});
    wg_optimizer *judges = wg_adam_new(ctx, "critic/*", &(wg_adam_options){.learning_rate = 0.1});
    for (int i = 0; i < 8; i++) {
        wg_tensor z = wg_random_uniform(ctx, WG_DEFAULT, WG_SHAPE(4));
        wg_tensor apart = wg_mean(wg_mul(c, wg_sub(wg_mul(z, g), wg_full_like(z, 2))), WG_ALL);
        wg_optimizer_step(judges, apart);
        if (!one_tape) wg_clear(ctx), z = wg_random_uniform(ctx, WG_DEFAULT, WG_SHAPE(4));
        if (one_tape) z = wg_random_uniform(ctx, WG_DEFAULT, WG_SHAPE(4));
        wg_tensor fooled = wg_neg(wg_mean(wg_mul(c, wg_mul(z, g)), WG_ALL)); /* sees the new critic */
        wg_optimizer_step(makes, fooled);
        if (read) cr_expect(isfinite(wg_item(fooled)), "%s", wg_error(ctx));
        if (read && one_tape) cr_expect(isfinite(wg_item(apart)), "%s", wg_error(ctx));
        wg_clear(ctx);
    }
    game result = {wg_item(g), wg_item(c)};
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
    return result;
}

Test(two_players, on_one_tape_or_two)
{
    game apart = play(false, false);
    for (int read = 0; read < 2; read++) {
        game together = play(true, read);
        cr_expect_eq(apart.generator, together.generator);
        cr_expect_eq(apart.critic, together.critic);
    }
    cr_expect(apart.critic != 0.25 && apart.generator != 0.5);
}

/* An optimiser leaves the other one's parameters alone. */
Test(two_players, each_moves_its_own)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = wg_parameter(ctx, "a", WG_SCALAR, wg_init_constant(1));
    wg_tensor b = wg_parameter(ctx, "b", WG_SCALAR, wg_init_constant(1));
    wg_optimizer *first = wg_sgd_new(ctx, "a", &(wg_sgd_options){.learning_rate = 0.5});
    wg_optimizer_step(first, wg_mul(a, b));
    wg_clear(ctx);
    cr_expect_eq(wg_item(a), 0.5);
    cr_expect_eq(wg_item(b), 1);
    scratch_close(ctx);
}

Test(two_steps, of_one_optimiser_on_one_tape)
{
    double found[2];
    for (int one_tape = 0; one_tape < 2; one_tape++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
        wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(2));
        wg_optimizer *adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 0.1});
        for (int i = 0; i < 5; i++) {
            wg_optimizer_step(adam, wg_square(w)); /* reads what the last step made of w */
            if (!one_tape) wg_clear(ctx);
        }
        found[one_tape] = wg_item(w);
        scratch_close(ctx);
    }
    cr_expect_eq(found[0], found[1]);
    cr_expect_lt(found[0], 1.6);
}

/* ---- noise ---- */

static void read_mask(wg_tensor dropped, double mask[64])
{
    cr_assert(wg_read_f64(dropped, mask, 64), "%s", wg_error(dropped.context));
}

Test(noise, two_steps_two_masks)
{
    wg_context *ctx = scratch_context();
    double mask[3][64];
    for (int i = 0; i < 3; i++) {
        wg_tensor x = wg_ones(ctx, WG_SHAPE(64));
        wg_tensor dropped = wg_dropout(x, 0.5), other = wg_dropout(x, 0.5);
        double second[64];
        read_mask(dropped, mask[i]);
        read_mask(other, second);
        cr_expect(memcmp(mask[i], second, sizeof second) != 0, "two layers, one mask");
        int kept = 0;
        for (int k = 0; k < 64; k++) kept += mask[i][k] != 0;
        cr_expect(kept > 10 && kept < 54, "%d kept", kept);
        wg_clear(ctx);
    }
    cr_expect(memcmp(mask[0], mask[1], sizeof *mask) && memcmp(mask[1], mask[2], sizeof *mask));
    scratch_close(ctx);
}

Test(noise, a_second_evaluation_draws_the_same)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(64)), dropped = wg_dropout(x, 0.5);
    wg_tensor total = wg_sum(dropped, WG_ALL), weighted = wg_sum(wg_mul_scalar(dropped, 3), WG_ALL);
    double first = wg_item(total), mask[64], sum = 0;
    cr_expect_eq(wg_item(weighted), 3 * first);
    read_mask(dropped, mask);
    for (int k = 0; k < 64; k++) sum += mask[k];
    cr_expect_eq(sum, first);
    wg_tensor again = wg_substitute(total, WG_LIST(x), WG_LIST(wg_full(ctx, WG_SHAPE(64), 2)));
    cr_expect_eq(wg_item(again), 2 * first);
    scratch_close(ctx);
}

/* A gradient check replays the recorded mask, and the next draw does not notice that it happened. */
Test(noise, a_gradient_check_draws_the_same_and_moves_nothing)
{
    double after[2];
    for (int check = 0; check < 2; check++) {
        wg_context *ctx = scratch_context();
        wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(12), wg_init_uniform(1, 2));
        wg_tensor seen = wg_variable(ctx, "seen", wg_scalar(ctx, 0));
        wg_assign(seen, wg_add_scalar(seen, 1));
        wg_tensor loss = wg_sum(wg_square(wg_dropout(w, 0.5)), WG_ALL);
        double value = NAN;
        if (check) {
            uint64_t nodes = wg_context_stats(ctx).nodes;
            wg_gradcheck_report report = wg_gradcheck(loss, (wg_list){0}, NULL);
            cr_expect(report.passed, "%s", wg_error(ctx));
            cr_expect_eq(wg_context_stats(ctx).nodes, nodes, "nothing stays on the tape");
            value = report.value;
        }
        double item = wg_item(loss);
        if (check) cr_expect_float_eq(value, item, 1e-5 * fabs(item));
        cr_expect_eq(wg_item(seen), 1, "a replay assigns nothing");
        after[check] = wg_item(wg_random_uniform(ctx, WG_DEFAULT, WG_SCALAR));
        scratch_close(ctx);
    }
    cr_expect_eq(after[0], after[1]);
}

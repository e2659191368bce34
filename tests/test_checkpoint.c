/* Recomputation: the same bits with less memory, random numbers and assigns included. */
#include "autograd/reverse.h"
#include "engine/state.h"
#include "tests/planned.h"

enum { DEPTH = 16, WIDTH = 64, BATCH = 32, SEGMENT = 4 };

/* ---- a deep network ---- */

typedef struct {
    wg_tensor weight[DEPTH];
    int first, count; /* the layers of a region */
    bool noisy;
} layers;

static layers layers_new(wg_context *ctx, bool noisy)
{
    layers m = {.noisy = noisy};
    for (int i = 0; i < DEPTH; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        m.weight[i] = wg_parameter(ctx, name, WG_SHAPE(WIDTH, WIDTH), wg_init_normal(0.15));
    }
    return m;
}

static wg_tensor some_layers(const void *user, wg_tensor x)
{
    const layers *m = user;
    for (int i = m->first; i < m->first + m->count; i++) {
        x = wg_tanh(wg_matmul(x, m->weight[i]));
        if (m->noisy) x = wg_dropout(x, 0.2);
    }
    return x;
}

/* The squared sum of all layers' result, in regions of some layers each; 0: without checkpoints. */
static wg_tensor deep_loss(layers *m, wg_tensor x, int region)
{
    for (int i = 0; i < DEPTH; i += m->count) {
        m->first = i;
        m->count = region ? region : DEPTH;
        x = region ? wg_checkpoint((wg_function){some_layers, m}, x) : some_layers(m, x);
    }
    return wg_mean(wg_square(x), WG_ALL);
}

static wg_tensor draw_input(wg_context *ctx)
{
    return wg_normal(ctx, WG_SHAPE(BATCH, WIDTH));
}

static size_t arena_of(wg_tensor loss, const layers *m)
{
    wg_tensor roots[DEPTH + 1];
    cr_assert(wg_grads(loss, (wg_list){DEPTH, m->weight}, roots), "%s", wg_error(loss.context));
    roots[DEPTH] = loss;
    planned p = planned_lay_out((wg_list){DEPTH + 1, roots});
    size_t bytes = p.plan->arena;
    planned_end(&p);
    return bytes;
}

/* Loss and gradients, one after the other. */
static void all_values(wg_context *ctx, bool noisy, int region, float *out)
{
    layers m = layers_new(ctx, noisy);
    wg_tensor x = draw_input(ctx), loss = deep_loss(&m, x, region), gradients[DEPTH];
    cr_assert(wg_grads(loss, (wg_list){DEPTH, m.weight}, gradients), "%s", wg_error(ctx));
    cr_assert(wg_read_f32(loss, out++, 1), "%s", wg_error(ctx));
    for (int i = 0; i < DEPTH; i++, out += WIDTH * WIDTH)
        cr_assert(wg_read_f32(gradients[i], out, WIDTH * WIDTH), "%s", wg_error(ctx));
}

Test(checkpoint, gives_the_same_bits)
{
    enum { VALUES = 1 + DEPTH * WIDTH * WIDTH };
    static float plain[VALUES], again[VALUES];
    for (int noisy = 0; noisy < 2; noisy++)
        for (int way = 0; way < 3; way++) {
            wg_context_options options = {.seed = 5, .plain = way == 1, .eager = way == 2};
            wg_context *ctx = scratch_context_with(options);
            all_values(ctx, noisy, 0, plain);
            scratch_close(ctx);
            for (int region = 1; region <= DEPTH; region *= 4) {
                ctx = scratch_context_with(options);
                all_values(ctx, noisy, region, again);
                cr_expect(memcmp(plain, again, sizeof plain) == 0, "noisy %d, way %d, regions of %d", noisy, way,
                          region);
                scratch_close(ctx);
            }
        }
}

Test(checkpoint, needs_less_memory)
{
    wg_context *ctx = scratch_context();
    layers m = layers_new(ctx, false);
    wg_tensor x = draw_input(ctx);
    const size_t value = sizeof(float) * BATCH * WIDTH;
    size_t whole = arena_of(deep_loss(&m, x, 0), &m), parts = arena_of(deep_loss(&m, x, SEGMENT), &m);
    /* all layers' values; those between regions, those of one region, and two cotangents or so */
    cr_expect(whole >= DEPTH * value && whole <= (DEPTH + 3) * value, "%zu bytes without", whole);
    cr_expect_leq(parts, (DEPTH / SEGMENT + SEGMENT + 2) * value, "%zu of %zu bytes", parts, whole);
    scratch_close(ctx);
}

/* ---- a long recurrence ---- */

enum { STEPS = 1000, STRIDE = 50, UNITS = 8, LINES = 4 };

typedef struct {
    wg_tensor inputs, x_weight, h_weight; /* [STEPS, LINES, UNITS], [UNITS, 4 UNITS] */
    int first, count;
} recurrence;

/* Long short-term memory (Hochreiter and Schmidhuber 1997); the state is [2, LINES, UNITS]. */
static wg_tensor some_steps(const void *user, wg_tensor state)
{
    const recurrence *m = user;
    wg_tensor h = wg_select(state, 0, 0), c = wg_select(state, 0, 1);
    for (int t = m->first; t < m->first + m->count; t++) {
        wg_tensor x = wg_select(m->inputs, 0, t);
        wg_tensor gates = wg_add(wg_matmul(x, m->x_weight), wg_matmul(h, m->h_weight)), gate[4];
        for (int i = 0; i < 4; i++) gate[i] = wg_slice(gates, 1, (int64_t)i * UNITS, (int64_t)(i + 1) * UNITS);
        wg_tensor kept = wg_sigmoid(wg_add_scalar(gate[0], 6)); /* so much that gradients reach the beginning */
        c = wg_add(wg_mul(kept, c), wg_mul(wg_sigmoid(gate[1]), wg_tanh(gate[2])));
        h = wg_mul(wg_sigmoid(gate[3]), wg_tanh(c));
    }
    return wg_stack(WG_LIST(h, c), 0);
}

static wg_tensor recurrent_loss(recurrence *m, wg_tensor state, int region)
{
    for (m->first = 0, m->count = region; m->first < STEPS; m->first += region)
        state = region < STEPS ? wg_checkpoint((wg_function){some_steps, m}, state) : some_steps(m, state);
    return wg_sum(wg_square(wg_select(state, 0, 0)), WG_ALL);
}

static recurrence recurrence_new(wg_context *ctx)
{
    static float values[STEPS * LINES * UNITS]; /* not drawn: the arena is to be that of the recurrence */
    for (int i = 0; i < STEPS * LINES * UNITS; i++) values[i] = (float)(i * 7919 % 1000) / 500 - 1;
    wg_tensor inputs = wg_from_f32(ctx, WG_SHAPE(STEPS, LINES, UNITS), values);
    wg_tensor x_weight = wg_parameter(ctx, "x", WG_SHAPE(UNITS, 4 * UNITS), wg_init_normal(0.3));
    return (recurrence){inputs, x_weight, wg_parameter(ctx, "h", WG_SHAPE(UNITS, 4 * UNITS), wg_init_normal(0.3)), 0,
                        0};
}

/* What is used in several regions gets the sum of their sums, which may be rounded otherwise than one long sum. */
static void expect_near(const float *a, const float *b, int count)
{
    float largest = 0, difference = 0;
    for (int i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(a[i]));
        difference = fmaxf(difference, fabsf(a[i] - b[i]));
    }
    cr_expect(difference <= 1e-5f * largest, "%g of %g", (double)difference, (double)largest);
}

Test(checkpoint, of_a_long_recurrence)
{
    enum { STATE = 2 * LINES * UNITS, WEIGHT = UNITS * 4 * UNITS };
    static float by_state[2][STATE], by_weight[2][WEIGHT];
    size_t arena[2];
    for (int way = 0; way < 2; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.seed = 3});
        recurrence m = recurrence_new(ctx);
        wg_tensor state = wg_normal(ctx, WG_SHAPE(2, LINES, UNITS));
        wg_tensor loss = recurrent_loss(&m, state, way ? STRIDE : STEPS), found[3] = {WG_NONE, WG_NONE, loss};
        cr_assert(wg_grads(loss, WG_LIST(state, m.h_weight), found), "%s", wg_error(ctx));
        cr_assert(wg_eval((wg_list){3, found}) && wg_read_f32(found[0], by_state[way], STATE) &&
                      wg_read_f32(found[1], by_weight[way], WEIGHT),
                  "%s", wg_error(ctx));
        arena[way] = ctx->engine_state->arena_bytes;
        scratch_close(ctx);
    }
    cr_expect(memcmp(by_state[0], by_state[1], sizeof *by_state) == 0 && by_state[0][STATE - 1] != 0);
    expect_near(by_weight[0], by_weight[1], WEIGHT);
    cr_expect_lt(arena[1] * 10, arena[0], "%zu of %zu bytes", arena[1], arena[0]);
}

/* ---- what is in a region ---- */

static wg_tensor noisy_wave(const void *user, wg_tensor x)
{
    wg_tensor w = *(const wg_tensor *)user;
    return wg_mul(wg_sin(wg_mul(x, w)), wg_exp(wg_mul(w, wg_uniform_like(x, 0, 1))));
}

static wg_tensor two_waves(const void *user, wg_tensor x)
{
    return wg_square(wg_checkpoint((wg_function){noisy_wave, user}, wg_checkpoint((wg_function){noisy_wave, user}, x)));
}

/* Regions in regions; derivatives of both orders, by x and by what the function reads beside it. */
Test(checkpoint, within_one_another_and_differentiated_twice)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3, 4)), w = wg_normal(ctx, WG_SHAPE(3, 4)), gradients[2];
    wg_tensor y = wg_sum(wg_checkpoint((wg_function){two_waves, &w}, x), WG_ALL);
    wg_gradcheck_report first = wg_gradcheck(y, WG_LIST(x, w), NULL);
    cr_expect(first.passed, "worst error %g; %s", first.worst_error, wg_error(ctx));
    cr_assert(wg_grads(y, WG_LIST(x, w), gradients));
    wg_tensor slope = wg_sum(wg_mul(gradients[0], wg_cos(gradients[1])), WG_ALL);
    wg_gradcheck_report second = wg_gradcheck(slope, WG_LIST(x, w), NULL);
    cr_expect(second.passed, "worst error %g; %s", second.worst_error, wg_error(ctx));
    scratch_close(ctx);
}

static wg_tensor counted_mean(const void *user, wg_tensor x)
{
    const wg_tensor *running = user;
    wg_tensor mean = wg_mean(x, WG_AXES(0));
    wg_assign(*running, wg_add(*running, mean));
    return wg_mul(wg_square(wg_sub(x, mean)), *running);
}

Test(checkpoint, assigns_once)
{
    const double values[] = {1, 2, 3, 6};
    for (int way = 0; way < 3; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.plain = way == 1, .eager = way == 2});
        wg_tensor running = wg_variable(ctx, "running", wg_full(ctx, WG_SHAPE(2), 10));
        wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2, 2), values);
        wg_tensor y = wg_sum(wg_checkpoint((wg_function){counted_mean, &running}, x), WG_ALL), g = wg_grad(y, x);
        wg_tensor x2 = wg_from_f64(ctx, WG_SHAPE(2, 2), values);
        wg_tensor g2 = wg_grad(wg_sum(counted_mean(&running, x2), WG_ALL), x2); /* 14, 18 after it */
        double with[4], without[4], now[2];
        cr_assert(wg_eval(WG_LIST(g, g2)), "%s", wg_error(ctx));
        cr_assert(wg_read_f64(g, with, 4) && wg_read_f64(g2, without, 4) && wg_read_f64(running, now, 2));
        cr_expect(now[0] == 14 && now[1] == 18, "assigned %g, %g", now[0], now[1]);
        cr_expect(with[0] != without[0], "the running mean has moved between");
        cr_expect_float_eq(with[0], -1 * 2 * 12, 1e-5, "%g: no derivative leads through an assign", with[0]);
        cr_expect_float_eq(without[0], -1 * 2 * 14, 1e-5, "%g", without[0]);
        scratch_close(ctx);
    }
}

enum { FACTORS = 5 };

typedef struct {
    wg_tensor factor[FACTORS];
    int64_t size;
} factors;

/* What it returns has a value already. */
static wg_tensor known_product(const void *user, wg_tensor x)
{
    const factors *m = user;
    static float values[1000];
    for (int i = 0; i < FACTORS; i++) x = wg_mul(x, m->factor[i]);
    cr_expect(wg_read_f32(x, values, (size_t)m->size), "%s", wg_error(x.context));
    return x;
}

/* A plan of nothing but the end of a region, which many operands lead to. */
Test(checkpoint, of_what_is_computed)
{
    static float found[1000];
    const int64_t sizes[] = {1, 3, 1000};
    for (int i = 0; i < 3; i++) {
        wg_context *ctx = scratch_context();
        factors m = {.size = sizes[i]};
        for (int turn = 0; turn < 3; turn++) {
            for (int k = 0; k < FACTORS; k++) m.factor[k] = wg_full(ctx, WG_SHAPE(m.size), k == 2 ? turn : 1);
            wg_tensor x = wg_full(ctx, WG_SHAPE(m.size), 3);
            wg_tensor y = wg_checkpoint((wg_function){known_product, &m}, x);
            cr_assert(wg_read_f32(y, found, (size_t)m.size), "%s", wg_error(ctx));
            for (int64_t k = 0; k < m.size; k++) cr_expect_eq(found[k], 3.0f * (float)turn, "%g", (double)found[k]);
            wg_clear(ctx);
        }
        scratch_close(ctx);
    }
}

static wg_tensor leaking_wave(const void *user, wg_tensor x)
{
    wg_tensor *inner = *(wg_tensor *const *)user;
    *inner = wg_sin(x);
    return wg_mul(*inner, x);
}

/* The gradient recomputes what the function has recorded: by that there would be none, without a word. */
Test(checkpoint, refuses_derivatives_by_what_is_recorded_in_it)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3)), inner, *place = &inner;
    wg_tensor y = wg_checkpoint((wg_function){leaking_wave, &place}, x), sum = wg_sum(wg_mul(y, inner), WG_ALL);
    cr_expect(isfinite(wg_item(wg_sum(wg_grad(wg_sum(inner, WG_ALL), x), WG_ALL))));
    cr_expect(isfinite(wg_item(wg_sum(wg_grad(sum, x), WG_ALL))) && isfinite(wg_item(wg_sum(wg_grad(sum, y), WG_ALL))),
              "%s", wg_error(ctx));
    cr_expect_eq(wg_grad(sum, inner).id, 0);
    cr_expect_not_null(strstr(wg_error(ctx), "recorded in the function of a checkpoint"), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

static wg_tensor itself(const void *user, wg_tensor x)
{
    (void)user;
    return x;
}

static wg_tensor nothing(const void *user, wg_tensor x)
{
    (void)user, (void)x;
    return WG_NONE;
}

static wg_tensor some_noise(const void *user, wg_tensor x)
{
    (void)user;
    return wg_exp(wg_normal_like(x));
}

Test(checkpoint, of_little)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_normal(ctx, WG_SHAPE(3)), empty = wg_normal(ctx, WG_SHAPE(0, 3));
    cr_expect_eq(wg_checkpoint((wg_function){itself, NULL}, x).id, x.id);
    wg_tensor noise = wg_checkpoint((wg_function){some_noise, NULL}, x);
    cr_expect_eq(wg_item(wg_sum(wg_grad(wg_sum(noise, WG_ALL), x), WG_ALL)), 0);
    wg_tensor y = wg_checkpoint((wg_function){noisy_wave, &empty}, empty);
    cr_expect_eq(wg_size(wg_grad(wg_sum(y, WG_ALL), empty)), 0);
    cr_expect_eq(wg_checkpoint((wg_function){itself, NULL}, WG_NONE).id, 0);
    cr_expect_eq(wg_checkpoint((wg_function){nothing, NULL}, x).id, 0);
    cr_expect_not_null(strstr(wg_error(ctx), "checkpoint: the function returned no tensor"), "%s", wg_error(ctx));
    wg_recover(ctx);
    cr_expect_eq(wg_checkpoint((wg_function){NULL, NULL}, wg_ones(ctx, WG_SHAPE(2))).id, 0);
    cr_expect_not_null(strstr(wg_error(ctx), "checkpoint: the function is NULL"), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* As every row of the table does. */
Test(checkpoint, barriers_pass_the_check_of_ops)
{
    wg_context *ctx = scratch_context();
    cr_expect(wg_op_check(ctx, &autograd_barrier_op, NULL), "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* ---- time ---- */

static void expect_in_time(wg_tensor root, const char *what)
{
    planned p = planned_lay_out(WG_LIST(root));
    cr_expect(schedule_in_time(&p.s, &p.memory), "%s", what);
    planned_end(&p);
}

static wg_tensor largest(const void *user, wg_tensor x)
{
    wg_tensor *inner = *(wg_tensor *const *)user;
    return *inner = wg_max(wg_sigmoid(x), WG_KEEP(0));
}

static wg_tensor wave(const void *user, wg_tensor x)
{
    return wg_sin(wg_mul(x, *(const wg_tensor *)user));
}

static wg_tensor slope_of_wave(const void *user, wg_tensor x)
{
    wg_tensor y = wg_checkpoint((wg_function){wave, user}, x);
    return wg_grad(wg_sum(y, WG_ALL), x);
}

/* What is computed again is computed late: neither do steps move away from those that wait for them, nor does it count
   as waiting what waits for a number. */
Test(checkpoint, computes_again_when_the_cotangent_is_there)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_sort(wg_normal(ctx, WG_SHAPE(4)), 0, true), inner, *place = &inner;
    wg_tensor y = wg_checkpoint((wg_function){largest, &place}, x),
              slope = wg_grad(wg_mean(wg_mul(y, inner), WG_ALL), x);
    expect_in_time(slope, "a region whose value is read");
    expect_in_time(wg_grad(wg_sum(slope, WG_ALL), x), "its gradient of second order");
    wg_tensor rate = wg_sum(wg_normal(ctx, WG_SHAPE(7000)), WG_ALL), v = wg_variable(ctx, "v", wg_scalar(ctx, 1));
    wg_tensor z = wg_checkpoint((wg_function){slope_of_wave, &v}, rate);
    expect_in_time(wg_vjp(z, rate, wg_add(v, v)), "a region with a gradient in it");
    scratch_close(ctx);
}

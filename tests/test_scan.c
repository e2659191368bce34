/* Recurrences as one node, against the same steps written out one after the other. */
#include "tests/scratch.h"

enum { UNITS = 3, LINES = 2 };

/* ---- a cell with all that a body may have ---- */

typedef struct {
    wg_tensor weight; /* [UNITS, UNITS] */
    double factor;    /* a C scalar */
    bool noisy;
} cell;

/* Two carries, two sequences, two outputs; the step's number takes part. */
static void cell_step(const void *user, const wg_scan_step *at)
{
    const cell *m = user;
    wg_tensor h = at->carries[0], c = at->carries[1];
    wg_tensor place = wg_cast(at->step, wg_type_of(h));
    wg_tensor z = wg_add(wg_matmul(h, m->weight), wg_mul_scalar(at->inputs[0], m->factor));
    at->next[1] = wg_add(wg_mul(wg_sigmoid(z), c), wg_gather(at->inputs[0], at->inputs[1], 0));
    wg_tensor scale = wg_add_scalar(wg_mul_scalar(place, 0.01), 1);
    at->next[0] = wg_tanh(wg_mul(at->next[1], scale));
    if (m->noisy) at->next[0] = wg_mul(at->next[0], wg_uniform_like(h, 0.5, 1.5));
    at->outputs[0] = wg_square(at->next[0]);
    at->outputs[1] = wg_sum(at->next[1], WG_AXES(-1));
}

typedef struct {
    wg_tensor h, c, x, rows; /* rows: i32 [steps, LINES] */
    cell cell;
} problem;

static problem problem_new(wg_context *ctx, int64_t steps, bool noisy)
{
    int32_t rows[64 * LINES];
    for (int i = 0; i < 64 * LINES; i++) rows[i] = (i * 5 / 3) % LINES;
    problem p = {.cell.factor = 0.7, .cell.noisy = noisy};
    p.h = wg_normal(ctx, WG_SHAPE(LINES, UNITS));
    p.c = wg_normal(ctx, WG_SHAPE(LINES, UNITS));
    p.x = wg_normal(ctx, WG_SHAPE(steps, LINES, UNITS));
    p.cell.weight = wg_mul_scalar(wg_normal(ctx, WG_SHAPE(UNITS, UNITS)), 0.5);
    p.rows = wg_from_i32(ctx, WG_SHAPE(steps, LINES), rows);
    return p;
}

/* One number that feels all results. */
static wg_tensor total_of(const wg_tensor *last, const wg_tensor *outputs)
{
    wg_tensor a = wg_sum(wg_sin(last[0]), WG_ALL), b = wg_sum(wg_mul(last[1], last[0]), WG_ALL);
    wg_tensor place = wg_iota(last[0].context, WG_DEFAULT, wg_shape_of(outputs[0]), 0);
    wg_tensor c = wg_sum(wg_mul(outputs[0], wg_cos(place)), WG_ALL);
    wg_tensor d = wg_sum(wg_square(outputs[1]), WG_ALL);
    return wg_add(wg_add(a, b), wg_add(c, wg_mul_scalar(d, 0.1)));
}

static wg_tensor scanned(const problem *p, const wg_scan_options *options)
{
    wg_tensor last[2], outputs[2];
    wg_scan((wg_scan_body){cell_step, &p->cell, 2}, WG_LIST(p->h, p->c), WG_LIST(p->x, p->rows), options, last,
            outputs);
    return total_of(last, outputs);
}

/* The definition. */
static wg_tensor unrolled(const problem *p, const wg_scan_options *o)
{
    wg_context *ctx = p->h.context;
    wg_tensor carries[2] = {p->h, p->c}, first[64], second[64], next[2], outputs[2];
    int64_t steps = wg_dim(p->x, 0);
    for (int64_t s = 0; s < steps; s++) {
        int64_t t = o->reverse ? steps - 1 - s : s;
        wg_tensor inputs[2] = {wg_select(p->x, 0, t), wg_select(p->rows, 0, t)};
        wg_tensor number = wg_full_typed(ctx, WG_I64, WG_SCALAR, (double)t);
        cell_step(&p->cell, &(wg_scan_step){number, carries, inputs, next, outputs});
        if (o->mask.context) {
            wg_tensor line = wg_select(o->mask, 0, t), wide = wg_unsqueeze(line, -1);
            for (int i = 0; i < 2; i++) next[i] = wg_where(wide, next[i], carries[i]);
            outputs[0] = wg_where(wide, outputs[0], wg_zeros_like(outputs[0]));
            outputs[1] = wg_where(line, outputs[1], wg_zeros_like(outputs[1]));
        }
        memcpy(carries, next, sizeof carries);
        first[t] = outputs[0];
        second[t] = outputs[1];
    }
    wg_tensor all[2] = {wg_stack((wg_list){(size_t)steps, first}, 0), wg_stack((wg_list){(size_t)steps, second}, 0)};
    return total_of(carries, all);
}

static void expect_same(wg_tensor a, wg_tensor b, double tolerance, const char *what)
{
    double difference = wg_item(wg_max(wg_abs(wg_sub(a, b)), WG_ALL)), size = wg_item(wg_max(wg_abs(b), WG_ALL));
    cr_expect(difference <= tolerance * (1 + size), "%s: %g of %g; %s", what, difference, size, wg_error(a.context));
}

/* Values, gradients, and the gradients of their squares. */
static void compare(wg_tensor a, wg_tensor b, const problem *p, const char *what)
{
    const wg_list xs = WG_LIST(p->h, p->c, p->x, p->cell.weight);
    wg_tensor of_a[4], of_b[4], twice_a[4], twice_b[4], square_a = wg_square(a), square_b = wg_square(b);
    expect_same(a, b, 1e-13, what);
    cr_assert(wg_grads(a, xs, of_a) && wg_grads(b, xs, of_b), "%s: %s", what, wg_error(a.context));
    for (int i = 0; i < 4; i++) {
        expect_same(of_a[i], of_b[i], 1e-12, what);
        square_a = wg_add(square_a, wg_sum(wg_square(of_a[i]), WG_ALL));
        square_b = wg_add(square_b, wg_sum(wg_square(of_b[i]), WG_ALL));
    }
    cr_assert(wg_grads(square_a, xs, twice_a) && wg_grads(square_b, xs, twice_b), "%s: %s", what, wg_error(a.context));
    for (int i = 0; i < 4; i++) expect_same(twice_a[i], twice_b[i], 1e-11, what);
}

Test(scan, is_the_same_as_its_steps)
{
    static const struct {
        int64_t steps, chunk;
        bool reverse;
    } cases[] = {{1, 0, false}, {5, 0, false}, {6, 2, false}, {6, 2, true},
                 {7, 3, false}, {7, 3, true},  {7, 1, false}, {5, 9, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int way = 0; way < 3; way++) {
            char what[64];
            snprintf(what, sizeof what, "case %zu, way %d", i, way);
            wg_context *ctx =
                scratch_context_with((wg_context_options){.type = WG_F64, .plain = way == 1, .eager = way == 2});
            problem p = problem_new(ctx, cases[i].steps, false);
            wg_scan_options options = {.chunk = cases[i].chunk, .reverse = cases[i].reverse};
            compare(scanned(&p, &options), unrolled(&p, &options), &p, what);
            cr_expect(!wg_failed(ctx), "%s: %s", what, wg_error(ctx));
            scratch_close(ctx);
        }
}

Test(scan, leaves_masked_lines_as_they_are)
{
    const bool lines[] = {true, true, true, true, true, false, true, false, false, false}, steps[] = {1, 0, 1, 1, 0};
    for (int way = 0; way < 4; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
        problem p = problem_new(ctx, 5, false);
        wg_scan_options options = {.reverse = way & 1, .chunk = 2};
        options.mask = way & 2 ? wg_from_bool(ctx, WG_SHAPE(5), steps) : wg_from_bool(ctx, WG_SHAPE(5, LINES), lines);
        compare(scanned(&p, &options), unrolled(&p, &options), &p, "masked");
        scratch_close(ctx);
    }
}

/* ---- derivatives ---- */

Test(scan, has_derivatives_of_both_orders)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int noisy = 0; noisy < 2; noisy++) {
            wg_context *ctx = scratch_context_with((wg_context_options){.type = type});
            problem p = problem_new(ctx, 5, noisy);
            wg_tensor y = scanned(&p, &(wg_scan_options){.chunk = 2});
            wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(p.h, p.c, p.x, p.cell.weight), NULL);
            cr_expect(r.passed, "%s, noisy %d: worst error %g; %s", wg_type_name(type), noisy, r.worst_error,
                      wg_error(ctx));
            wg_tensor slope = wg_sum(wg_square(wg_grad(y, p.cell.weight)), WG_ALL);
            r = wg_gradcheck(slope, WG_LIST(p.h, p.x, p.cell.weight), NULL);
            cr_expect(r.passed, "%s, noisy %d, second order: worst error %g; %s", wg_type_name(type), noisy,
                      r.worst_error, wg_error(ctx));
            scratch_close(ctx);
        }
}

/* ---- random numbers ---- */

static void draw_step(const void *user, const wg_scan_step *at)
{
    (void)user;
    at->next[0] = wg_add(at->carries[0], wg_uniform(at->step.context, WG_SHAPE(4), 0, 1));
    at->outputs[0] = wg_uniform(at->step.context, WG_SHAPE(4), 0, 1);
}

/* All numbers differ: of steps, of parts of a step, of what is drawn afterwards. In chunks and in one, all are the
 * same. */
Test(scan, draws_anew_in_each_step)
{
    enum { STEPS = 10, DRAWN = 4 * STEPS };
    float drawn[2][DRAWN + 8], sum[4];
    for (int way = 0; way < 2; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.seed = 4, .plain = way});
        wg_tensor last, outputs;
        wg_scan_options options = {.steps = STEPS, .chunk = way ? 10 : 4};
        cr_assert(wg_scan((wg_scan_body){draw_step, NULL, 1}, WG_LIST(wg_zeros(ctx, WG_SHAPE(4))), (wg_list){0, NULL},
                          &options, &last, &outputs),
                  "%s", wg_error(ctx));
        wg_tensor after = wg_uniform(ctx, WG_SHAPE(4), 0, 1);
        cr_assert(wg_read_f32(outputs, drawn[way], DRAWN) && wg_read_f32(after, drawn[way] + DRAWN, 4) &&
                  wg_read_f32(last, sum, 4));
        cr_expect(sum[0] > 0.2f * STEPS && sum[0] < 0.8f * STEPS && sum[0] != sum[1]);
        scratch_close(ctx);
    }
    for (int i = 0; i < DRAWN + 4; i++)
        for (int k = 0; k < i; k++) cr_expect_neq(drawn[0][i], drawn[0][k], "%d and %d", i, k);
    cr_expect(memcmp(drawn[0], drawn[1], (DRAWN + 4) * sizeof **drawn) == 0);
}

/* ---- one node, one plan ---- */

static void long_step(const void *user, const wg_scan_step *at)
{
    const cell *m = user;
    wg_tensor z = wg_add(wg_matmul(at->carries[0], m->weight), at->inputs[0]);
    at->next[0] = wg_tanh(wg_mul_scalar(z, m->factor));
}

enum { WIDTH = 8, BATCH = 4 };

/* Long short-term memory; the weights stand for both, [2 WIDTH, 4 WIDTH]. */
static void lstm_step(const void *user, const wg_scan_step *at)
{
    const cell *m = user;
    wg_tensor both = wg_concat(WG_LIST(at->inputs[0], at->carries[0]), 1), gate[4];
    wg_split(wg_matmul(both, m->weight), 1, 4, gate);
    wg_tensor kept = wg_mul(wg_sigmoid(wg_add_scalar(gate[0], m->factor)), at->carries[1]);
    at->next[1] = wg_add(kept, wg_mul(wg_sigmoid(gate[1]), wg_tanh(gate[2])));
    at->next[0] = wg_mul(wg_sigmoid(gate[3]), wg_tanh(at->next[1]));
}

/* The nodes that training an LSTM takes, forward and backward, the plans made after the first step, and the most
   memory. */
static uint64_t train_long(int64_t steps, int times, uint64_t *misses, size_t *bytes)
{
    wg_context *ctx = scratch_context();
    cell m = {.weight = wg_parameter(ctx, "w", WG_SHAPE(2 * WIDTH, 4 * WIDTH), wg_init_normal(0.2))};
    uint64_t nodes = 0;
    for (int i = 0; i < times; i++) {
        wg_tensor x = wg_normal(ctx, WG_SHAPE(steps, BATCH, WIDTH)), h = wg_zeros(ctx, WG_SHAPE(BATCH, WIDTH)), last[2];
        m.factor = 0.9 + 0.01 * i; /* a number that changes makes no new body */
        cr_assert(wg_scan((wg_scan_body){lstm_step, &m, 0}, WG_LIST(h, h), WG_LIST(x), NULL, last, NULL), "%s",
                  wg_error(ctx));
        wg_tensor g = wg_grad(wg_sum(wg_square(last[0]), WG_ALL), m.weight);
        wg_assign(m.weight, wg_sub(m.weight, wg_mul_scalar(g, 0.01)));
        nodes = wg_context_stats(ctx).nodes;
        cr_expect(isfinite(wg_item(wg_sum(g, WG_ALL))), "%s", wg_error(ctx));
        wg_clear(ctx);
        if (i == 0) *misses = wg_context_stats(ctx).plan_misses;
    }
    *misses = wg_context_stats(ctx).plan_misses - *misses;
    *bytes = wg_context_stats(ctx).peak_bytes;
    scratch_close(ctx);
    return nodes;
}

Test(scan, takes_as_many_nodes_for_any_number_of_steps)
{
    uint64_t misses;
    size_t few, many;
    uint64_t nodes = train_long(100, 3, &misses, &few);
    cr_expect_eq(misses, 0, "%llu plans made anew", (unsigned long long)misses);
    cr_expect_eq(train_long(10000, 1, &misses, &many), nodes);
    cr_expect_lt(nodes, 100, "%llu nodes", (unsigned long long)nodes);
    /* the inputs, and about the square root of the steps' carries */
    cr_expect_lt(many, 2 * 10000 * BATCH * WIDTH * sizeof(float) + (2 << 20), "%zu bytes", many);
}

/* ---- what a body may read ---- */

typedef struct {
    wg_context *ctx;
    wg_tensor fresh, outer, parameter;
} surroundings;

static wg_tensor doubled(const void *user, wg_tensor x)
{
    (void)user;
    return wg_mul_scalar(wg_tanh(x), 2);
}

/* Parameters first read here, constants made here, functions of functions, another scan. */
static void inner_step(const void *user, const wg_scan_step *at)
{
    const surroundings *s = user;
    at->next[0] = wg_mul(at->carries[0], wg_add(s->outer, s->parameter));
}

static void rich_step(const void *user, const wg_scan_step *at)
{
    const surroundings *s = user;
    wg_tensor constant = wg_from_f64(s->ctx, WG_SHAPE(2), (const double[]){0.5, 0.25}), inner;
    wg_tensor x = wg_checkpoint((wg_function){doubled, NULL}, wg_add(at->carries[0], constant));
    surroundings within = *s;
    within.outer = wg_mul(x, s->outer);
    wg_scan((wg_scan_body){inner_step, &within, 0}, WG_LIST(x), (wg_list){0, NULL}, &(wg_scan_options){.steps = 3},
            &inner, NULL);
    at->next[0] = wg_sin(inner);
}

Test(scan, reads_what_is_around_it)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    surroundings s = {.ctx = ctx, .outer = wg_uniform(ctx, WG_SHAPE(2), 0.2, 0.5)};
    s.parameter = wg_parameter(ctx, "p", WG_SHAPE(2), wg_init_constant(0.3));
    wg_tensor h = wg_normal(ctx, WG_SHAPE(2)), last, carry = h;
    cr_assert(wg_scan((wg_scan_body){rich_step, &s, 0}, WG_LIST(h), (wg_list){0, NULL},
                      &(wg_scan_options){.steps = 6, .chunk = 2}, &last, NULL),
              "%s", wg_error(ctx));
    for (int t = 0; t < 6; t++) {
        wg_tensor constant = wg_from_f64(ctx, WG_SHAPE(2), (const double[]){0.5, 0.25});
        wg_tensor x = doubled(NULL, wg_add(carry, constant)), y = x;
        for (int i = 0; i < 3; i++) y = wg_mul(y, wg_add(wg_mul(x, s.outer), s.parameter));
        carry = wg_sin(y);
    }
    expect_same(last, carry, 1e-14, "values");
    wg_tensor a[3], b[3];
    cr_assert(wg_grads(wg_sum(last, WG_ALL), WG_LIST(h, s.outer, s.parameter), a), "%s", wg_error(ctx));
    cr_assert(wg_grads(wg_sum(carry, WG_ALL), WG_LIST(h, s.outer, s.parameter), b), "%s", wg_error(ctx));
    for (int i = 0; i < 3; i++) expect_same(a[i], b[i], 1e-13, "gradients");
    wg_tensor total = wg_add(wg_sum(wg_square(a[1]), WG_ALL), wg_sum(wg_square(a[2]), WG_ALL));
    wg_tensor other = wg_add(wg_sum(wg_square(b[1]), WG_ALL), wg_sum(wg_square(b[2]), WG_ALL));
    cr_assert(wg_grads(total, WG_LIST(h, s.outer, s.parameter), a), "%s", wg_error(ctx));
    cr_assert(wg_grads(other, WG_LIST(h, s.outer, s.parameter), b), "%s", wg_error(ctx));
    for (int i = 0; i < 3; i++) expect_same(a[i], b[i], 1e-12, "gradients of gradients");
    wg_gradcheck_report r = wg_gradcheck(total, WG_LIST(h, s.outer, s.parameter), NULL);
    cr_expect(r.passed, "worst error %g; %s", r.worst_error, wg_error(ctx));
    scratch_close(ctx);
}

static void nested_step(const void *user, const wg_scan_step *at)
{
    wg_tensor inner;
    wg_scan((wg_scan_body){inner_step, user, 0}, WG_LIST(wg_tanh(at->carries[0])), (wg_list){0, NULL},
            &(wg_scan_options){.steps = 2}, &inner, NULL);
    at->next[0] = wg_add(inner, at->carries[0]);
}

/* A scan in a scan is the same in each training step, whatever was drawn before. */
Test(scan, within_a_scan_makes_no_new_plans)
{
    wg_context *ctx = scratch_context();
    surroundings s = {.ctx = ctx, .parameter = wg_parameter(ctx, "p", WG_SHAPE(2), wg_init_constant(0.3))};
    uint64_t misses = 0;
    for (int i = 0; i < 4; i++) {
        wg_tensor h = wg_uniform(ctx, WG_SHAPE(2), 0, 1), last;
        s.outer = wg_square(h);
        cr_assert(wg_scan((wg_scan_body){nested_step, &s, 0}, WG_LIST(h), (wg_list){0, NULL},
                          &(wg_scan_options){.steps = 4}, &last, NULL));
        wg_tensor g = wg_grad(wg_sum(last, WG_ALL), s.parameter);
        cr_expect(isfinite(wg_item(wg_sum(g, WG_ALL))), "%s", wg_error(ctx));
        wg_clear(ctx);
        if (i == 1) misses = wg_context_stats(ctx).plan_misses;
    }
    cr_expect_eq(wg_context_stats(ctx).plan_misses, misses);
    scratch_close(ctx);
}

/* ---- what is refused ---- */

typedef enum { SETS_NOTHING, OTHER_SHAPE, OTHER_TYPE, INTEGERS, ASSIGNS, READS, NO_ROOM, MISTAKES } mistake;

typedef struct {
    mistake which;
    wg_tensor variable;
} mistaken;

static void mistaken_step(const void *user, const wg_scan_step *at)
{
    const mistaken *m = user;
    wg_tensor x = at->carries[0];
    at->next[0] = m->which == SETS_NOTHING  ? WG_NONE
                  : m->which == OTHER_SHAPE ? wg_concat(WG_LIST(x, x), 0)
                  : m->which == OTHER_TYPE  ? wg_cast(x, WG_F64)
                                            : wg_exp(x);
    at->outputs[0] = m->which == INTEGERS  ? wg_argmax(x, 0)
                     : m->which == NO_ROOM ? wg_reshape(x, WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 3))
                                           : wg_sum(x, WG_ALL);
    if (m->which == ASSIGNS) wg_assign(m->variable, x);
    if (m->which == READS) wg_item(at->outputs[0]);
}

Test(scan, refuses_what_makes_no_sense)
{
    static const char *const words[MISTAKES] = {
        "scan: the body has not set next carry 0",
        "scan: carry 0 is f32 [3], the body makes it f32 [6]",
        "scan: carry 0 is f32 [3], the body makes it f64 [3]",
        "scan: carries and outputs must be floats of one type, output 0 is i64",
        "scan: nothing can be assigned in a step",
        "it has a value only while the scan runs",
        "scan: output 0 has rank 8, which leaves no axis for the steps",
    };
    for (int i = 0; i < MISTAKES; i++) {
        wg_context *ctx = scratch_context();
        mistaken m = {(mistake)i, wg_variable(ctx, "v", wg_zeros(ctx, WG_SHAPE(3)))};
        wg_tensor last, output, h = wg_ones(ctx, WG_SHAPE(3));
        cr_expect_not(wg_scan((wg_scan_body){mistaken_step, &m, 1}, WG_LIST(h), (wg_list){0, NULL},
                              &(wg_scan_options){.steps = 4}, &last, &output));
        cr_expect(last.id == 0 && output.id == 0);
        cr_expect_not_null(strstr(wg_error(ctx), words[i]), "%d: %s", i, wg_error(ctx));
        wg_recover(ctx);
        cr_expect_eq(wg_item(wg_sum(m.variable, WG_ALL)), 0, "and nothing is lost");
        scratch_close(ctx);
    }
}

static void expect_refused(wg_context *ctx, wg_list carries, wg_list sequences, wg_scan_options options,
                           const char *text)
{
    wg_tensor last[2], output;
    cell m = {.weight = wg_ones(ctx, WG_SHAPE(8, 8)), .factor = 1};
    cr_expect_not(wg_scan((wg_scan_body){long_step, &m, 0}, carries, sequences, &options, last, &output));
    cr_expect_not_null(strstr(wg_error(ctx), text), "\"%s\" does not say \"%s\"", wg_error(ctx), text);
    wg_recover(ctx);
}

Test(scan, checks_what_it_is_given)
{
    wg_context *ctx = scratch_context();
    const wg_list none = {0, NULL};
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), none, (wg_scan_options){.steps = 0},
                   "no number of steps");
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), none, (wg_scan_options){.steps = -1}, "scan: -1 steps");
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), WG_LIST(wg_ones(ctx, WG_SHAPE(3, 4, 8))),
                   (wg_scan_options){.steps = 4}, "sequence 0 is [3, 4, 8], there are 4 steps");
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), WG_LIST(wg_scalar(ctx, 1)),
                   (wg_scan_options){.chunk = 0}, "sequence 0 is []");
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), WG_LIST(wg_ones(ctx, WG_SHAPE(3, 4, 8))),
                   (wg_scan_options){.chunk = -1}, "chunks of -1 steps");
    wg_tensor mask = wg_ones(ctx, WG_SHAPE(3));
    expect_refused(ctx, WG_LIST(wg_ones(ctx, WG_SHAPE(4, 8))), WG_LIST(wg_ones(ctx, WG_SHAPE(3, 4, 8))),
                   (wg_scan_options){.mask = mask}, "the mask must be bool, not f32");
    expect_refused(ctx, WG_LIST(WG_NONE), none, (wg_scan_options){.steps = 1}, "");
    scratch_close(ctx);
    cr_expect_not(wg_scan((wg_scan_body){long_step, NULL, 0}, WG_LIST(WG_NONE), none, NULL, NULL, NULL));
}

/* No steps: the carries as they are, outputs without any, gradients that pass through. */
Test(scan, of_no_steps)
{
    wg_context *ctx = scratch_context();
    cell m = {.weight = wg_ones(ctx, WG_SHAPE(3, 3)), .factor = 1};
    wg_tensor h = wg_normal(ctx, WG_SHAPE(2, 3)), last[2], outputs[2], x = wg_zeros(ctx, WG_SHAPE(0, 2, 3));
    wg_tensor rows = wg_from_i32(ctx, WG_SHAPE(0, 2), NULL), g[3];
    cr_assert(wg_scan((wg_scan_body){cell_step, &m, 2}, WG_LIST(h, h), WG_LIST(x, rows), NULL, last, outputs), "%s",
              wg_error(ctx));
    expect_same(last[0], h, 0, "the carry");
    cr_expect(wg_shape_equal(wg_shape_of(outputs[1]), WG_SHAPE(0, 2)));
    cr_assert(wg_grads(wg_sum(last[0], WG_ALL), WG_LIST(h, m.weight, x), g), "%s", wg_error(ctx));
    cr_expect(wg_item(wg_sum(g[0], WG_ALL)) == 6 && wg_item(wg_sum(g[1], WG_ALL)) == 0 && wg_size(g[2]) == 0, "%s",
              wg_error(ctx));
    scratch_close(ctx);
}

static void looking_up(const void *user, const wg_scan_step *at)
{
    at->next[0] = wg_add(at->carries[0], wg_gather(*(const wg_tensor *)user, at->inputs[0], 0));
}

/* A fault in one step names it. */
Test(scan, says_in_which_step_a_fault_was)
{
    for (int plain = 0; plain < 2; plain++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.plain = plain});
        wg_tensor table = wg_ones(ctx, WG_SHAPE(4)), last;
        wg_tensor places = wg_from_i32(ctx, WG_SHAPE(5), (const int32_t[]){0, 3, 1, 9, 2});
        cr_assert(wg_scan((wg_scan_body){looking_up, &table, 0}, WG_LIST(wg_scalar(ctx, 0)), WG_LIST(places), NULL,
                          &last, NULL));
        cr_expect(isnan(wg_item(last)));
        cr_expect_not_null(strstr(wg_error(ctx), "in step 3, gather: index 9 is out of range"), "%s", wg_error(ctx));
        wg_recover(ctx);
        table = wg_ones(ctx, WG_SHAPE(4)), places = wg_from_i32(ctx, WG_SHAPE(5), (const int32_t[]){0, 3, 1, 0, 2});
        cr_assert(wg_scan((wg_scan_body){looking_up, &table, 0}, WG_LIST(wg_scalar(ctx, 0)), WG_LIST(places), NULL,
                          &last, NULL));
        cr_expect_eq(wg_item(last), 5, "%s", wg_error(ctx));
        scratch_close(ctx);
    }
}

/* Bodies that come and go do not pile up. */
Test(scan, forgets_bodies)
{
    wg_context *ctx = scratch_context();
    size_t bytes = 0;
    for (int i = 1; i <= 400; i++) {
        wg_tensor last, w = wg_ones(ctx, WG_SHAPE(1 + i % 150, 1 + i % 150)),
                        h = wg_ones(ctx, WG_SHAPE(2, 1 + i % 150));
        cell m = {.weight = w, .factor = 0.1};
        wg_tensor x = wg_zeros(ctx, WG_SHAPE(2, 2, 1 + i % 150));
        cr_assert(wg_scan((wg_scan_body){long_step, &m, 0}, WG_LIST(h), WG_LIST(x), NULL, &last, NULL));
        cr_expect(isfinite(wg_item(wg_sum(last, WG_ALL))), "%s", wg_error(ctx));
        wg_clear(ctx);
        if (i == 200) bytes = wg_context_stats(ctx).bytes;
    }
    cr_expect_leq(wg_context_stats(ctx).bytes, bytes + bytes / 4);
    scratch_close(ctx);
}

/* ---- memory ---- */

/* A bit of everything; false at the first error. */
static bool run_all(wg_context *ctx)
{
    problem p = problem_new(ctx, 5, true);
    wg_tensor y = scanned(&p, &(wg_scan_options){.chunk = 2}), h = wg_normal(ctx, WG_SHAPE(3));
    wg_tensor z = wg_checkpoint((wg_function){doubled, NULL}, h), g[3];
    return wg_grads(wg_add(y, wg_sum(z, WG_ALL)), WG_LIST(p.cell.weight, p.x, h), g) &&
           wg_eval(WG_LIST(g[0], g[1], g[2]));
}

Test(scan, may_run_out_of_memory_at_any_call)
{
    bool fine = false;
    for (long k = 0; !fine && k < 4000; k += 1 + k / 40) {
        wg_context *ctx = scratch_context();
        scratch_left = k;
        fine = run_all(ctx);
        scratch_left = -1;
        cr_expect_eq(wg_error_status(ctx), fine ? WG_OK : WG_OUT_OF_MEMORY, "call %ld: %s", k, wg_error(ctx));
        wg_recover(ctx);
        cr_expect(run_all(ctx), "call %ld: %s", k, wg_error(ctx));
        scratch_close(ctx);
    }
    cr_expect(fine);
}

/* Memory: what lies inside what, what lives when, and what is written over. */
#include "tests/harness.h"

#include "tests/planned.h"

/* ---- inside ---- */

/* Gates computed apart and joined, as in a recurrent cell. */
static wg_tensor gates(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(4, 6), 1), gate[3];
    for (int k = 0; k < 3; k++) gate[k] = wg_matmul(x, random_leaf(ctx, WG_SHAPE(6, 5), 2 + (uint64_t)k));
    wg_tensor all = wg_concat(WG_LIST(wg_tanh(gate[0]), gate[1], wg_sigmoid(gate[2])), 1);
    return wg_neg(all);
}

static wg_tensor time_steps(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3, 4), 1), h = wg_tanh(x), seen[4];
    for (int k = 0; k < 4; k++) seen[k] = h = wg_tanh(wg_mul_scalar(h, 2));
    return wg_neg(wg_stack((wg_list){4, seen}, 0));
}

static wg_tensor nested(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3, 4), 1);
    wg_tensor inner = wg_concat(WG_LIST(wg_exp(x), wg_tanh(x)), 1);
    wg_tensor outer = wg_concat(WG_LIST(inner, wg_concat(WG_LIST(wg_sin(x), wg_cos(x)), 1)), 0);
    return wg_neg(outer);
}

/* A product reads one operand's matrices, argmax wants all in a row. */
static wg_tensor read_in_a_row(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(3, 4), 1), y = wg_exp(x);
    return wg_add(wg_neg(wg_concat(WG_LIST(y, wg_tanh(x)), 1)), wg_cast(wg_max(wg_argmax(y, 1), WG_ALL), WG_F32));
}

static wg_tensor twice(wg_context *ctx)
{
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(3, 4), 1));
    return wg_neg(wg_concat(WG_LIST(y, y), 0));
}

static wg_tensor turned(wg_context *ctx)
{
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(3, 4), 1));
    return wg_neg(wg_concat(WG_LIST(wg_transpose(y), wg_transpose(wg_sin(y))), 1));
}

static int copies(recorder record)
{
    wg_context *ctx = planned_context(false);
    planned p = planned_lay_out(WG_LIST(record(ctx)));
    int count = count_steps(p.plan, STEP_COPY);
    planned_end(&p);
    scratch_close(ctx);
    return count;
}

Test(inside, operands_are_written_in_their_place)
{
    cr_expect_eq(copies(gates), 0);
    cr_expect_eq(copies(time_steps), 0);
    cr_expect_eq(copies(nested), 0);
    cr_expect_eq(copies(turned), 2, "what is turned is copied");
    expect_as_plain(gates, 1e-6, "gates");
    expect_as_plain(time_steps, 0, "time steps");
    expect_as_plain(nested, 0, "nested");
    expect_as_plain(turned, 0, "turned");
}

Test(inside, not_where_a_reader_cannot_follow)
{
    cr_expect_eq(copies(read_in_a_row), 1);
    cr_expect_eq(copies(twice), 1, "it can be in one place only");
    expect_as_plain(read_in_a_row, 0, "read in a row");
    expect_as_plain(twice, 0, "twice");
}

Test(inside, results_keep_a_block_of_their_own)
{
    wg_context *ctx = planned_context(false);
    wg_tensor y = wg_exp(random_leaf(ctx, WG_SHAPE(3, 4), 1)), joined = wg_concat(WG_LIST(y, wg_neg(y)), 0);
    expect_steps(WG_LIST(wg_neg(joined), y), 2, 0, 0, 1, "an operand that is kept");
    scratch_close(ctx);
}

/* ---- the arena ---- */

/* Whether two items that are alive at once share bytes. */
static bool overlap(const planned *p, uint32_t a, uint32_t b)
{
    const storage *m = &p->m;
    int64_t end_a = m->offset[a] + (int64_t)storage_bytes(&p->final.items[a]);
    int64_t end_b = m->offset[b] + (int64_t)storage_bytes(&p->final.items[b]);
    bool alive = m->first[a] <= m->last[b] && m->first[b] <= m->last[a];
    return alive && m->offset[a] < end_b && m->offset[b] < end_a;
}

/* Each item lives from the step that computes it to the last that reads it. */
static void expect_alive(const planned *p, uint64_t seed)
{
    for (uint32_t i = 0; i < p->final.count; i++) {
        reading r;
        for (uint32_t k = 0; p->s.step_of[i] && k < p->final.items[i].count; k++) {
            if (!schedule_read(&p->s, i, k, &r) || !p->s.step_of[r.view->base]) continue;
            uint32_t at = p->s.step_of[i] - 1, owner = p->m.home[r.view->base].base;
            if (p->s.step_of[r.view->base] == at + 1 && p->s.steps[at].group) continue;
            cr_expect(p->m.kind[r.view->base] != STORED_NOT, "seed %d", (int)seed);
            if (p->m.kind[owner] != STORED_ARENA) continue;
            cr_expect(p->m.first[owner] < at && p->m.last[owner] >= at, "seed %d: item %d", (int)seed, (int)i);
        }
    }
}

Test(arena, never_holds_two_things_in_one_place)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        wg_context *ctx = planned_context(false);
        wg_tensor roots[RANDOM_ROOTS];
        random_graph(ctx, seed, roots);
        planned p = planned_lay_out((wg_list){RANDOM_ROOTS, roots});
        for (uint32_t a = 0; a < p.final.count; a++)
            for (uint32_t b = a + 1; b < p.final.count; b++)
                if (p.m.kind[a] == STORED_ARENA && p.m.kind[b] == STORED_ARENA)
                    cr_expect_not(overlap(&p, a, b), "seed %d: items %d and %d", (int)seed, (int)a, (int)b);
        expect_alive(&p, seed);
        cr_expect(p.m.arena >= p.m.bound);
        planned_end(&p);
        scratch_close(ctx);
    }
}

/* No placement can do with less than what is alive at once. */
static void expect_tight(wg_list roots, const char *what)
{
    planned p = planned_lay_out(roots);
    cr_expect_eq(p.plan->arena, p.plan->arena_bound, "%s: %zu bytes, not %zu", what, p.plan->arena,
                 p.plan->arena_bound);
    planned_end(&p);
}

static wg_tensor lstm(wg_context *ctx, wg_tensor weight, int steps)
{
    wg_tensor h = wg_zeros(ctx, WG_SHAPE(8, 16)), c = h;
    for (int t = 0; t < steps; t++) {
        wg_tensor x = random_leaf(ctx, WG_SHAPE(8, 16), 50 + (uint64_t)t);
        wg_tensor all = wg_matmul_transposed(wg_concat(WG_LIST(x, h), 1), false, weight, true), gate[4];
        for (int k = 0; k < 4; k++) gate[k] = wg_slice(all, 1, 16 * k, 16 * k + 16);
        c = wg_add(wg_mul(wg_sigmoid(gate[0]), c), wg_mul(wg_sigmoid(gate[1]), wg_tanh(gate[2])));
        h = wg_mul(wg_sigmoid(gate[3]), wg_tanh(c));
    }
    return wg_mean(wg_square(h), WG_ALL);
}

Test(arena, is_as_small_as_can_be)
{
    wg_context *ctx = planned_context(false);
    wg_linear hidden = wg_linear_new(ctx, "hidden", 20, 30, NULL), output = wg_linear_new(ctx, "output", 30, 10, NULL);
    wg_tensor inputs = random_leaf(ctx, WG_SHAPE(16, 20), 1), goal = random_leaf(ctx, WG_SHAPE(16, 10), 2), slopes[5];
    wg_tensor y = wg_linear_apply(&output, wg_relu(wg_linear_apply(&hidden, inputs)));
    slopes[0] = wg_squared_error(y, goal, NULL);
    wg_list weights = WG_LIST(hidden.weight, hidden.bias, output.weight, output.bias);
    cr_assert(wg_grads(slopes[0], weights, slopes + 1));
    expect_tight((wg_list){5, slopes}, "two layers and their gradients");
    wg_tensor weight = wg_parameter(ctx, "weight", WG_SHAPE(64, 32), wg_init_uniform(-1, 1));
    wg_tensor loss = lstm(ctx, weight, 4), x = random_leaf(ctx, WG_SHAPE(30, 40), 1);
    expect_tight(WG_LIST(loss), "four steps of an LSTM");
    expect_tight(WG_LIST(loss, wg_grad(loss, weight)), "its gradient");
    expect_tight(WG_LIST(wg_matmul(wg_softmax(x, -1), wg_transpose(x))), "softmax");
    scratch_close(ctx);
}

/* ---- in place ---- */

/* Results that may be written where a persistent tensor lies. */
static int in_place(wg_tensor root)
{
    planned p = planned_lay_out(WG_LIST(root));
    int count = 0;
    for (size_t i = 0; i < p.plan->result_count; i++) count += p.plan->results[i].in_place != 0;
    planned_end(&p);
    return count;
}

static wg_tensor variable(wg_context *ctx, const char *name)
{
    wg_tensor v = wg_variable(ctx, name, random_leaf(ctx, WG_SHAPE(6, 6), 3));
    wg_clear(ctx);
    return v;
}

Test(in_place, where_nothing_reads_the_old_value_later)
{
    wg_context *ctx = planned_context(false);
    wg_tensor v = variable(ctx, "v"), one = wg_scalar(ctx, 1);
    wg_assign(v, wg_mul_scalar(v, 0.5));
    cr_expect_eq(in_place(one), 1);
    wg_recover(ctx);
    wg_tensor old = wg_stop_gradient(v);
    wg_assign(v, wg_matmul(old, old));
    cr_expect_eq(in_place(wg_scalar(ctx, 1)), 0, "a product");
    wg_recover(ctx);
    old = wg_stop_gradient(v);
    wg_assign(v, wg_exp(old));
    cr_expect_eq(in_place(wg_matmul(old, wg_exp(old))), 0, "a later step reads it");
    wg_recover(ctx);
    wg_assign(v, wg_add(v, wg_transpose(v)));
    cr_expect_eq(in_place(wg_scalar(ctx, 1)), 0, "other elements are read, too");
    wg_recover(ctx);
    wg_assign(v, wg_sub(v, wg_sum(v, WG_KEEP(0))));
    cr_expect_eq(in_place(wg_scalar(ctx, 1)), 1, "a group before it has read all");
    wg_recover(ctx);
    wg_assign(v, wg_neg(v));
    wg_assign(v, wg_exp(v));
    cr_expect_eq(in_place(wg_scalar(ctx, 1)), 0, "two assigns");
    wg_recover(ctx);
    wg_assign(v, wg_neg(v));
    wg_tensor index = wg_from_i32(ctx, WG_SHAPE(1), (const int32_t[]){0});
    cr_expect_eq(in_place(wg_gather(wg_exp(random_leaf(ctx, WG_SHAPE(6), 1)), index, 0)), 0, "a later step may fail");
    scratch_close(ctx);
}

static double element(wg_tensor v)
{
    return wg_item(wg_max(v, WG_ALL));
}

/* Pointers that the program holds, and other tensors, keep the old value. */
Test(in_place, not_what_somebody_looks_at)
{
    wg_context *ctx = planned_context(false);
    wg_tensor v = wg_variable(ctx, "v", wg_full(ctx, WG_SHAPE(300), 1));
    wg_clear(ctx);
    const float *seen = wg_values_f32(v);
    for (int k = 0; k < 3; k++) {
        wg_assign(v, wg_add_scalar(v, 1));
        cr_expect_eq(element(v), k + 2);
        cr_expect_eq(seen[7], 1);
    }
    wg_clear(ctx);
    wg_tensor copy = wg_variable(ctx, "copy", wg_zeros(ctx, WG_SHAPE(300)));
    wg_assign(copy, v);
    wg_clear(ctx);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_clear(ctx);
    cr_expect_eq(element(copy), 4);
    cr_expect_eq(element(v), 5);
    wg_tensor old = wg_stop_gradient(v);
    wg_assign(v, wg_add_scalar(v, 1));
    cr_assert(wg_eval(WG_LIST(v, old)), "%s", wg_error(ctx));
    cr_expect_eq(wg_values_f32(old)[5], 5, "asked for with it");
    cr_expect_eq(wg_values_f32(v)[5], 6);
    scratch_close(ctx);
}

/* A value that is not in the table leaves everything as it was, whatever was computed before it. */
Test(in_place, a_failed_evaluation_changes_nothing)
{
    wg_context *ctx = planned_context(false);
    wg_tensor v = wg_variable(ctx, "v", wg_full(ctx, WG_SHAPE(300), 1));
    wg_tensor table = wg_variable(ctx, "table", wg_full(ctx, WG_SHAPE(300), 1));
    wg_clear(ctx);
    for (int32_t at = 0; at < 400; at += 300) { /* the second one is outside */
        wg_tensor index = wg_from_i32(ctx, WG_SHAPE(1), &at);
        wg_assign(v, wg_add_scalar(v, 1));
        wg_assign(table, wg_mul_scalar(wg_add(table, wg_gather(table, index, 0)), 2));
        wg_clear(ctx);
        cr_expect_eq(wg_failed(ctx), at == 300);
    }
    wg_recover(ctx);
    cr_expect_eq(element(v), 2);
    cr_expect_eq(element(table), 4);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_clear(ctx);
    cr_expect_eq(element(v), 3);
    scratch_close(ctx);
}

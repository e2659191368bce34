/* What an assign means: when it is performed, who sees which value, and what is said when a value is gone. */
#include "tests/scratch.h"

static uint64_t computed(wg_context *ctx)
{
    return wg_context_stats(ctx).computed;
}

static wg_tensor variable(wg_context *ctx, const char *name, double value)
{
    return wg_variable(ctx, name, wg_scalar(ctx, value));
}

/* ---- when ---- */

Test(assigns, are_roots_of_every_evaluation)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1), w = variable(ctx, "w", 5);
    uint64_t before = wg_context_stats(ctx).evaluations;
    wg_assign(v, wg_add_scalar(v, 1));
    wg_assign(w, wg_mul(w, v));
    cr_expect_eq(wg_context_stats(ctx).evaluations, before, "recording computes nothing");
    cr_expect_eq(wg_item(wg_scalar(ctx, 7)), 7);
    uint64_t spent = computed(ctx);
    cr_expect_eq(wg_item(v), 2);
    cr_expect_eq(wg_item(w), 10);
    cr_expect_eq(computed(ctx), spent, "both were performed before");
    scratch_close(ctx);
}

Test(assigns, are_performed_by_clear)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1);
    for (int i = 0; i < 10; i++) {
        wg_assign(v, wg_add_scalar(v, 1));
        wg_clear(ctx);
    }
    cr_expect_eq(wg_item(v), 11);
    cr_expect_eq(wg_context_stats(ctx).clears, 10);
    scratch_close(ctx);
}

/* What nobody will ever read is not computed by wg_clear. */
Test(assigns, clear_computes_nothing_else)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1);
    wg_exp(wg_exp(v));
    wg_assign(v, wg_add_scalar(v, 1));
    uint64_t spent = computed(ctx);
    wg_clear(ctx);
    cr_expect_eq(computed(ctx) - spent, 1);
    scratch_close(ctx);
}

Test(assigns, are_dropped_by_recover_and_free)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1);
    wg_assign(v, wg_scalar(ctx, 2));
    wg_reshape(wg_zeros(ctx, WG_SHAPE(3)), WG_SHAPE(2));
    cr_expect(wg_failed(ctx));
    wg_clear(ctx);
    cr_expect(wg_failed(ctx), "the error outlives wg_clear");
    wg_recover(ctx);
    cr_expect_eq(wg_item(v), 1);
    wg_assign(v, wg_scalar(ctx, 2));
    scratch_close(ctx);
}

/* An evaluation that fails has changed nothing. */
Test(assigns, all_or_none)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.check_finite = true});
    wg_tensor v = variable(ctx, "v", 1), w = variable(ctx, "w", 1), x = wg_scalar(ctx, -1);
    wg_assign(v, wg_scalar(ctx, 2));
    wg_assign(w, wg_log(x));
    cr_expect(isnan(wg_item(v)));
    scratch_expect_error(ctx, WG_NOT_FINITE, "log", "a NaN");
    cr_expect_eq(wg_item(v), 1);
    cr_expect_eq(wg_item(w), 1);
    scratch_close(ctx);
}

Test(assigns, variables_are_computed_at_once)
{
    wg_context *ctx = scratch_context();
    float values[2] = {1, 2};
    wg_tensor v = wg_variable(ctx, "v", wg_sum(wg_borrow_f32(ctx, WG_SHAPE(2), values), WG_ALL));
    values[0] = 100;
    cr_expect_eq(wg_item(v), 3);
    wg_clear(ctx);
    cr_expect_eq(wg_item(v), 3);
    wg_tensor copy = wg_variable(ctx, "copy", v); /* a variable's value is its own */
    wg_assign(v, wg_scalar(ctx, 9));
    cr_expect_eq(wg_item(copy), 3);
    cr_expect_eq(wg_item(v), 9);
    scratch_close(ctx);
}

/* ---- which value ---- */

Test(bindings, a_handle_means_the_current_one)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1);
    wg_tensor first = wg_mul_scalar(v, 10);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_tensor second = wg_mul_scalar(v, 10);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_tensor third = wg_mul_scalar(v, 10);
    cr_assert(wg_eval(WG_LIST(third, first, second)), "%s", wg_error(ctx));
    cr_expect_eq(wg_item(first), 10);
    cr_expect_eq(wg_item(second), 20);
    cr_expect_eq(wg_item(third), 30);
    cr_expect_eq(wg_item(v), 3);
    wg_clear(ctx);
    cr_expect_eq(wg_item(v), 3);
    scratch_close(ctx);
}

/* Ops that have nothing to do still give what the variable was when they were recorded. */
Test(bindings, unchanged_results_do_not_follow_the_variable)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.mode = WG_EVAL});
    wg_tensor v = wg_variable(ctx, "v", wg_full(ctx, WG_SHAPE(2), 1));
    wg_tensor same[] = {wg_reshape(v, WG_SHAPE(2)), wg_cast(v, WG_F32),
                        wg_expand(v, WG_SHAPE(2)),  wg_slice(v, 0, 0, WG_END),
                        wg_pad(v, 0, 0, 0, 0),      wg_dropout(v, 0.5),
                        wg_dropout(v, 0),           wg_substitute(v, (wg_list){0}, (wg_list){0}),
                        wg_stop_gradient(v),        wg_substitute(v, WG_LIST(v), WG_LIST(v)),
                        wg_concat(WG_LIST(v), 0),   wg_flip(v, 0)};
    enum { COUNT = sizeof same / sizeof *same };
    wg_tensor old[COUNT];
    for (int i = 0; i < COUNT; i++) old[i] = wg_mul_scalar(same[i], 10);
    wg_assign(v, wg_full(ctx, WG_SHAPE(2), 2));
    wg_tensor later[COUNT];
    for (int i = 0; i < COUNT; i++) later[i] = wg_mul_scalar(same[i], 10);
    for (int i = 0; i < COUNT; i++) {
        cr_expect_eq(wg_item(wg_max(later[i], WG_ALL)), 10, "result %d follows the variable: %s", i, wg_error(ctx));
        cr_expect_eq(wg_item(wg_max(old[i], WG_ALL)), 10);
    }
    scratch_close(ctx);
}

Test(bindings, a_value_asked_for_by_an_old_handle)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1), old = wg_input(wg_neg(v), 0);
    wg_assign(v, wg_scalar(ctx, 2));
    cr_expect_eq(wg_item(old), 1, "%s", wg_error(ctx));
    cr_expect_eq(wg_item(v), 2);
    cr_expect_eq(wg_item(old), 1);
    scratch_close(ctx);
}

/* The rewind drops the assign, but what it did stays: silence would be a gradient of zeros. */
Test(bindings, a_gradient_by_what_was_assigned_behind_a_mark_is_an_error)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 3), y = wg_square(v);
    uint64_t mark = wg_mark(ctx);
    wg_assign(v, wg_scalar(ctx, 5));
    wg_rewind(ctx, mark);
    cr_expect_eq(wg_item(y), 9, "%s", wg_error(ctx));
    wg_grad(y, v);
    cr_expect_eq(wg_error_status(ctx), WG_NO_GRADIENT);
    cr_expect(strstr(wg_error(ctx), "reads the value that \"v\" had before it was assigned"), "%s", wg_error(ctx));
    wg_recover(ctx);
    cr_expect_eq(wg_item(wg_grad(wg_square(v), v)), 10, "%s", wg_error(ctx));
    wg_clear(ctx);
    cr_expect_eq(wg_item(wg_grad(wg_square(v), v)), 10, "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(bindings, two_assigns_to_one_variable)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 1);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_assign(v, wg_mul_scalar(v, 10));
    wg_clear(ctx);
    cr_expect_eq(wg_item(v), 20);
    wg_assign(v, wg_scalar(ctx, 1));
    wg_assign(v, wg_scalar(ctx, 2));
    cr_expect_eq(wg_item(v), 2);
    scratch_close(ctx);
}

Test(bindings, swap)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = variable(ctx, "a", 1), b = variable(ctx, "b", 2);
    for (int i = 0; i < 3; i++) {
        wg_tensor was = wg_stop_gradient(a);
        wg_assign(a, b);
        wg_assign(b, was);
        if (i == 1) wg_item(a);
        wg_clear(ctx);
    }
    cr_expect_eq(wg_item(a), 2);
    cr_expect_eq(wg_item(b), 1);
    wg_assign(a, b);
    wg_assign(b, a); /* sees the new a */
    cr_expect_eq(wg_item(a), 1);
    cr_expect_eq(wg_item(b), 1);
    scratch_close(ctx);
}

Test(bindings, shared_values_do_not_leak)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = wg_variable(ctx, "a", wg_full(ctx, WG_SHAPE(4), 1));
    wg_tensor b = wg_variable(ctx, "b", wg_full(ctx, WG_SHAPE(2, 2), 2));
    wg_assign(b, wg_reshape(a, WG_SHAPE(2, 2)));
    wg_clear(ctx);
    wg_assign(a, wg_add_scalar(a, 10));
    wg_clear(ctx);
    cr_expect_eq(wg_item(wg_max(b, WG_ALL)), 1);
    wg_assign(b, wg_neg(b));
    wg_clear(ctx);
    cr_expect_eq(wg_item(wg_max(a, WG_ALL)), 11);
    cr_expect_eq(wg_item(wg_max(b, WG_ALL)), -1);
    wg_assign(a, a);
    wg_clear(ctx);
    cr_expect_eq(wg_item(wg_min(a, WG_ALL)), 11);
    scratch_close(ctx);
}

/* A pointer to values outlives the update of what it points to. */
Test(bindings, pointers_to_values_last_until_clear)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(8), wg_init_constant(1));
    const float *first = wg_values_f32(w);
    cr_assert_not_null(first, "%s", wg_error(ctx));
    wg_assign(w, wg_add_scalar(w, 1));
    const float *second = wg_values_f32(w);
    wg_assign(w, wg_add_scalar(w, 1));
    const float *third = wg_values_f32(w);
    for (int i = 0; i < 20; i++) wg_item(wg_sum(wg_full(ctx, WG_SHAPE(8), -i), WG_ALL)); /* takes free blocks */
    for (int i = 0; i < 8; i++) cr_expect(first[i] == 1 && second[i] == 2 && third[i] == 3);
    wg_clear(ctx);
    cr_expect_eq(wg_values_f32(w)[7], 3);
    scratch_close(ctx);
}

/* ---- what comes along, and what is gone ---- */

typedef struct {
    wg_tensor w;
    wg_optimizer *sgd;
    wg_tensor loss, metric;
} step;

/* Records one step of gradient descent on (w - 1)^2 with a metric that nothing consumes. */
static step record_step(wg_context *ctx)
{
    step s = {.w = wg_parameter(ctx, "net/w", WG_SCALAR, wg_init_constant(3))};
    s.sgd = wg_sgd_new(ctx, "*", &(wg_sgd_options){.learning_rate = 0.25});
    s.loss = wg_square(wg_add_scalar(s.w, -1));
    s.metric = wg_mul_scalar(wg_abs(s.w), 100);
    wg_optimizer_step(s.sgd, s.loss);
    return s;
}

Test(metrics, come_along_with_the_update)
{
    wg_context *ctx = scratch_context();
    step s = record_step(ctx);
    cr_expect_eq(wg_item(s.loss), 4);
    uint64_t spent = computed(ctx);
    cr_expect_eq(wg_item(s.metric), 300, "of before the update: %s", wg_error(ctx));
    cr_expect_eq(computed(ctx), spent, "reading it is free");
    cr_expect_eq(wg_item(s.w), 2);
    scratch_close(ctx);
}

Test(metrics, come_along_whatever_is_read_first)
{
    wg_context *ctx = scratch_context();
    step s = record_step(ctx);
    cr_expect_eq(wg_item(s.w), 2);
    cr_expect_eq(wg_item(s.metric), 300, "%s", wg_error(ctx));
    cr_expect_eq(wg_item(s.loss), 4);
    scratch_close(ctx);
}

Test(metrics, recorded_after_the_update_see_the_new_value)
{
    wg_context *ctx = scratch_context();
    step s = record_step(ctx);
    wg_tensor after = wg_mul_scalar(wg_abs(s.w), 100);
    cr_expect_eq(wg_item(s.metric), 300);
    cr_expect_eq(wg_item(after), 200);
    cr_expect_eq(wg_item(wg_mul_scalar(s.w, 10)), 20);
    scratch_close(ctx);
}

/* A value in the middle of the loss is consumed, so it does not come along. */
Test(overwritten, is_an_error_that_names_the_parameter)
{
    wg_context *ctx = scratch_context();
    step s = record_step(ctx);
    wg_tensor middle = wg_input(s.loss, 0);
    cr_expect_eq(wg_item(s.loss), 4);
    cr_expect(isnan(wg_item(middle)));
    cr_expect_eq(wg_error_status(ctx), WG_OVERWRITTEN);
    cr_expect_not_null(strstr(wg_error(ctx), "\"net/w\""), "%s", wg_error(ctx));
    scratch_expect_error(ctx, WG_OVERWRITTEN, "wg_eval(WG_LIST(", "a value that is gone");
    cr_expect_eq(wg_item(s.w), 2, "the update is not lost");
    scratch_close(ctx);
}

Test(overwritten, asking_for_all_at_once_works)
{
    wg_context *ctx = scratch_context();
    step s = record_step(ctx);
    wg_tensor middle = wg_input(s.loss, 0);
    cr_assert(wg_eval(WG_LIST(s.loss, middle)), "%s", wg_error(ctx));
    uint64_t spent = computed(ctx);
    cr_expect_eq(wg_item(middle), 2);
    cr_expect_eq(wg_item(s.loss), 4);
    cr_expect_eq(computed(ctx), spent);
    scratch_close(ctx);
}

/* Asked for before the step, a value has been computed and kept: no error. */
Test(overwritten, what_was_computed_before_stays)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 3), y = wg_mul_scalar(v, 2), z = wg_add_scalar(y, 1);
    cr_expect_eq(wg_item(y), 6);
    wg_assign(v, wg_scalar(ctx, 0));
    wg_item(v);
    cr_expect_eq(wg_item(y), 6);
    cr_expect_eq(wg_item(z), 7);
    cr_expect_eq(wg_item(wg_add_scalar(y, 2)), 8);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(overwritten, new_uses_of_an_old_value_are_errors_too)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = variable(ctx, "v", 3), y = wg_mul_scalar(v, 2);
    wg_neg(y);
    wg_assign(v, wg_scalar(ctx, 0));
    wg_item(v);
    wg_tensor w = variable(ctx, "w", 0);
    wg_assign(w, wg_exp(y)); /* an update that cannot be computed */
    wg_clear(ctx);
    scratch_expect_error(ctx, WG_OVERWRITTEN, "\"v\"", "an assign of a value that is gone");
    cr_expect_eq(wg_item(w), 0);
    scratch_close(ctx);
}

Test(evaluating, a_list_computes_shared_parts_once)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_exp(wg_scalar(ctx, 1)), y = wg_neg(x), z = wg_square(x);
    uint64_t spent = computed(ctx), evaluations = wg_context_stats(ctx).evaluations;
    wg_tensor all[40];
    for (int i = 0; i < 40; i++) all[i] = i % 2 ? y : z;
    cr_assert(wg_eval((wg_list){40, all}), "%s", wg_error(ctx));
    cr_expect_eq(computed(ctx) - spent, 4); /* full, exp, neg, square */
    cr_expect_eq(wg_context_stats(ctx).evaluations - evaluations, 1);
    cr_expect_float_eq(wg_item(y), -2.718281828, 1e-6);
    cr_expect_float_eq(wg_item(z), 7.389056099, 2e-6);
    cr_expect_eq(computed(ctx) - spent, 4);
    scratch_close(ctx);
}

Test(evaluating, dead_nodes_are_not_computed)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_scalar(ctx, 1);
    for (int i = 0; i < 50; i++) wg_exp(x);
    uint64_t spent = computed(ctx);
    cr_expect_eq(wg_item(wg_neg(x)), -1);
    cr_expect_eq(computed(ctx) - spent, 2);
    scratch_close(ctx);
}

/* What an error looked at does not stay marked for the next evaluation. */
Test(overwritten, an_error_leaves_no_marks)
{
    for (int plain = 0; plain < 2; plain++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.plain = plain});
        wg_tensor a = wg_variable(ctx, "a", wg_scalar(ctx, 1)), b = wg_variable(ctx, "b", wg_scalar(ctx, 2));
        wg_clear(ctx);
        for (int round = 0; round < 2; round++) {
            wg_tensor other = wg_scalar(ctx, 3), old = wg_neg(a);
            wg_assign(a, b);
            wg_assign(b, old);
            cr_expect(wg_eval(WG_LIST(other)), "%s", wg_error(ctx));
            cr_expect_not(wg_eval(WG_LIST(old)));
            cr_expect_eq(wg_error_status(ctx), WG_OVERWRITTEN);
            wg_recover(ctx);
        }
        scratch_close(ctx);
    }
}

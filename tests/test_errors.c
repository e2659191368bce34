/* The first error sticks, names the C line that recorded the op, and reads well. */
#include "tests/scratch.h"

#include <signal.h>

/* ---- sticking ---- */

Test(errors, the_first_one_stays)
{
    wg_context *ctx = scratch_context();
    cr_expect_str_eq(wg_error(ctx), "");
    cr_expect_eq(wg_error_status(ctx), WG_OK);
    wg_tensor x = wg_ones(ctx, WG_SHAPE(3)), bad = wg_reshape(x, WG_SHAPE(2));
    char first[300];
    snprintf(first, sizeof first, "%s", wg_error(ctx));
    uint64_t recorded = wg_context_stats(ctx).recorded, evaluations = wg_context_stats(ctx).evaluations;
    float values[3] = {7, 7, 7};
    wg_tensor y = wg_add(wg_exp(bad), x);
    wg_gather(x, x, 9);
    cr_expect(isnan(wg_item(y)));
    cr_expect(isnan(wg_item(wg_sum(x, WG_ALL))));
    cr_expect_not(wg_read_f32(x, values, 3));
    cr_expect_eq(values[0], 7);
    cr_expect_not(wg_eval(WG_LIST(x)));
    cr_expect_null(wg_values_f32(x));
    cr_expect_eq(wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros()).id, 0);
    wg_clear(ctx);
    cr_expect(wg_failed(ctx));
    cr_expect_str_eq(wg_error(ctx), first);
    cr_expect_eq(wg_context_stats(ctx).recorded, recorded);
    cr_expect_eq(wg_context_stats(ctx).evaluations, evaluations);
    wg_recover(ctx);
    cr_expect_str_eq(wg_error(ctx), "");
    cr_expect_eq(wg_context_stats(ctx).nodes, 0);
    cr_expect_eq(wg_item(wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros())), 0);
    scratch_close(ctx);
}

Test(errors, close_prints_and_says_what_main_returns)
{
    for (int bad = 0; bad < 2; bad++) {
        wg_context *ctx = scratch_context();
        char expected[400] = "", text[400] = "";
        if (bad) wg_reshape(wg_ones(ctx, WG_SHAPE(3)), WG_SHAPE(2));
        if (bad) snprintf(expected, sizeof expected, "%s\n", wg_error(ctx));
        FILE *file = tmpfile();
        cr_expect_eq(wg_context_close(ctx, file), bad);
        cr_expect_eq(scratch_held, 0);
        rewind(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        cr_expect_str_eq(text, expected);
        fclose(file);
    }
}

static volatile sig_atomic_t stops;

static void count_stop(int number)
{
    (void)number;
    stops++;
}

Test(errors, can_stop_in_a_debugger)
{
    stops = 0;
    void (*before)(int) = signal(SIGTRAP, count_stop);
    wg_context *ctx = scratch_context_with((wg_context_options){.break_on_error = true});
    wg_tensor bad = wg_reshape(wg_ones(ctx, WG_SHAPE(3)), WG_SHAPE(2));
    cr_expect_eq(stops, 1);
    wg_exp(bad);
    wg_reshape(bad, WG_SHAPE(9));
    cr_expect_eq(stops, 1, "the first error only");
    scratch_close(ctx);
    signal(SIGTRAP, before);
}

/* ---- texts ---- */

/* Compares the whole message; `place` is how the path stands in it, NULL if there is none. */
static void expect_message(wg_context *ctx, wg_status status, const char *rule, const char *path, int line,
                           const char *hint)
{
    char place[100], expected[1200];
    cr_expect_eq(wg_error_status(ctx), status, "status %d: %s", (int)wg_error_status(ctx), wg_error(ctx));
#ifdef WG_HAVE_LIBDW
    snprintf(place, sizeof place, path ? "in %s (test_errors.c:%d)" : "at %stest_errors.c:%d", path ? path : "", line);
    snprintf(expected, sizeof expected, "%s\n  recorded %s%s%s", rule, place, hint ? "; " : "", hint ? hint : "");
    cr_expect_str_eq(wg_error(ctx), expected, "got \"%s\",\nnot \"%s\"", wg_error(ctx), expected);
#else
    (void)line, (void)expected;
    snprintf(place, sizeof place, "in %s", path ? path : "");
    cr_expect(strncmp(wg_error(ctx), rule, strlen(rule)) == 0, "%s", wg_error(ctx));
    cr_expect(!path || strstr(wg_error(ctx), place), "%s", wg_error(ctx));
    cr_expect(!hint || strstr(wg_error(ctx), hint), "%s", wg_error(ctx));
#endif
    wg_recover(ctx);
}

Test(messages, of_shapes)
{
    int line;
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(32, 784)), w = wg_ones(ctx, WG_SHAPE(100, 784));
    line = __LINE__ + 1;
    wg_matmul(x, w);
    expect_message(ctx, WG_BAD_SHAPE, "matmul: inner dimensions differ: [32, 784] x [100, 784]", NULL, line,
                   "did you mean transpose_b? wg_matmul_transposed(a, false, b, true)");

    x = wg_ones(ctx, WG_SHAPE(32, 10)), w = wg_ones(ctx, WG_SHAPE(32));
    line = __LINE__ + 1;
    wg_add(x, w);
    expect_message(ctx, WG_BAD_SHAPE, "add: shapes do not broadcast together: [32, 10] and [32]", NULL, line,
                   "lengths are compared from the last axis on and must be equal or 1");

    x = wg_ones(ctx, WG_SHAPE(4, 6));
    line = __LINE__ + 1;
    wg_reshape(x, WG_SHAPE(5, -1));
    expect_message(ctx, WG_BAD_SHAPE, "reshape: [4, 6] does not fit into [5, -1]", NULL, line, NULL);

    wg_linear layer = wg_linear_new(ctx, "encoder", 784, 10, NULL);
    x = wg_ones(ctx, WG_SHAPE(32, 27, 28));
    line = __LINE__ + 1;
    wg_linear_apply(&layer, x);
    expect_message(ctx, WG_BAD_SHAPE, "linear: the last axis must have length 784, this is [32, 27, 28]", "encoder",
                   line, NULL);

    x = wg_ones(ctx, WG_SHAPE(32, 1, 28, 28));
    line = __LINE__ + 1;
    wg_linear_apply(&layer, x);
    expect_message(ctx, WG_BAD_SHAPE, "linear: the last axis must have length 784, this is [32, 1, 28, 28]", "encoder",
                   line, "wg_flatten makes one row of each example");

    x = wg_ones(ctx, WG_SHAPE(32, 10));
    line = __LINE__ + 1;
    wg_cross_entropy(x, wg_full_typed(ctx, WG_I32, WG_SHAPE(32, 1), 1), NULL);
    expect_message(ctx, WG_BAD_SHAPE,
                   "cross_entropy: logits f32 [32, 10] want one class each, [32] of i32 or i64, not i32 [32, 1]",
                   "cross_entropy", line, NULL);
    scratch_close(ctx);
}

Test(messages, of_types)
{
    int line;
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3)), i = wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 2);
    line = __LINE__ + 1;
    wg_mul(x, i);
    expect_message(ctx, WG_BAD_TYPE, "mul: element types differ: f32 [2, 3] x i32 [3]", NULL, line,
                   "types never mix silently: convert one with wg_cast");

    i = wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 2);
    line = __LINE__ + 1;
    wg_exp(i);
    expect_message(ctx, WG_BAD_TYPE, "exp: works on floats, not i32: [3]", NULL, line, "convert with wg_cast");

    i = wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 2);
    line = __LINE__ + 1;
    wg_mean(i, WG_ALL);
    expect_message(ctx, WG_BAD_TYPE, "mean: works on floats, not i32", NULL, line, "convert with wg_cast");
    scratch_close(ctx);
}

Test(messages, of_life)
{
    int line;
    wg_context *ctx = scratch_context();
    wg_tensor old = wg_ones(ctx, WG_SHAPE(3));
    wg_clear(ctx);
    line = __LINE__ + 1;
    wg_sum(old, WG_ALL);
    expect_message(ctx, WG_BAD_HANDLE, "sum: an operand is stale: wg_clear or wg_rewind has dropped it", NULL, line,
                   "to keep a value beyond wg_clear, read it or make it a wg_variable");

    old = wg_ones(ctx, WG_SHAPE(3));
    line = __LINE__ + 1;
    wg_item(old);
    expect_message(ctx, WG_BAD_SHAPE, "item: a tensor of one element is wanted, not [3]", NULL, line,
                   "wg_read_f32 and the like read whole tensors");

    line = __LINE__ + 1;
    wg_tensor loss = wg_exp(wg_ones(ctx, WG_SHAPE(3)));
    wg_grad(loss, loss);
    expect_message(ctx, WG_BAD_SHAPE, "exp: grad: the gradient of one number is wanted, this is [3]", NULL, line,
                   "reduce it first: wg_sum(y, WG_ALL) or wg_mean(y, WG_ALL)");

    wg_tensor v = wg_variable(ctx, "net/state", wg_scalar(ctx, 1));
    line = __LINE__ + 1;
    wg_tensor y = wg_exp(v);
    wg_neg(y);
    wg_assign(v, wg_scalar(ctx, 2));
    wg_item(v);
    wg_item(y);
    expect_message(ctx, WG_OVERWRITTEN,
                   "exp: would have to be computed from the value that \"net/state\" had before it was assigned", NULL,
                   line, "ask for all that you need in one evaluation: wg_eval(WG_LIST(loss, norm))");
    scratch_close(ctx);
}

Test(messages, of_values)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.check_finite = true});
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(3), (float[]){1, 0, -1});
    wg_scope_begin(ctx, "decoder");
    wg_tensor y = wg_log(x);
    int line = __LINE__ - 1;
    wg_scope_end(ctx);
    wg_item(wg_sum(y, WG_ALL));
    expect_message(ctx, WG_NOT_FINITE, "log: element 1 of the result is infinite", "decoder", line, NULL);

    x = wg_from_f32(ctx, WG_SHAPE(3), (float[]){1, 2, 3});
    y = wg_gather(x, wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){0, 3}), 0);
    line = __LINE__ - 1;
    wg_item(wg_sum(y, WG_ALL));
    expect_message(ctx, WG_BAD_ARGUMENT, "gather: index 3 is out of range for an axis of length 3", NULL, line, NULL);
    scratch_close(ctx);
}

Test(messages, of_the_memory_limit)
{
    for (int cleared = 0; cleared < 2; cleared++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.memory_limit = 4 << 20});
        for (int i = 0; i < 2 && cleared; i++) wg_item(wg_scalar(ctx, 1)), wg_clear(ctx);
        wg_tensor x = wg_ones(ctx, WG_SHAPE(1000));
        int steps = 0;
        while (!wg_failed(ctx) && steps++ < 1000000) x = wg_add_scalar(x, 1); /* the tape alone */
        cr_expect_eq(wg_error_status(ctx), WG_OUT_OF_MEMORY, "after %d steps: %s", steps, wg_error(ctx));
        cr_expect_not_null(strstr(wg_error(ctx), "memory limit: "), "%s", wg_error(ctx));
        cr_expect_not_null(strstr(wg_error(ctx), cleared
                                                     ? "nodes have been recorded since the last wg_clear"
                                                     : "wg_clear has never been called: the tape grows until it is"),
                           "%s", wg_error(ctx));
        cr_expect_leq(wg_context_stats(ctx).peak_bytes, 4 << 20);
        wg_recover(ctx);
        cr_expect_eq(wg_item(wg_sum(wg_ones(ctx, WG_SHAPE(1000)), WG_ALL)), 1000, "%s", wg_error(ctx));
        scratch_close(ctx);
    }
}

/* ---- places ---- */

#ifdef WG_HAVE_LIBDW
static int helper_line, layer_line;

/* Something to do after the call, so that it is no jump out of the helper. */
static wg_tensor noted(wg_tensor x)
{
    static volatile uint32_t last;
    uint32_t before = last;
    last = x.id;
    return before == UINT32_MAX ? WG_NONE : x;
}

static wg_tensor helper(wg_tensor x)
{
    helper_line = __LINE__ + 1;
    wg_tensor y = wg_log(x);
    return noted(y);
}

typedef struct {
    wg_linear inner;
} block;

static wg_tensor block_apply(const block *b, wg_tensor x)
{
    wg_tensor h = wg_tanh(x);
    layer_line = __LINE__ + 1;
    wg_tensor y = wg_linear_apply(&b->inner, h);
    return noted(y);
}

/* The lines that the nodes of a graph name for an op. */
static void expect_line(wg_tensor y, const char *op, int line)
{
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    int found = 0;
    for (size_t i = 0; i < wg_graph_size(graph); i++) {
        wg_node n = wg_graph_node(graph, i);
        if (strcmp(n.op, op) != 0 || n.gradient) continue;
        cr_expect_str_eq(n.file, "test_errors.c");
        cr_expect_eq(n.line, line, "%s at line %d, not %d", op, n.line, line);
        found++;
    }
    cr_expect(found > 0, "no %s", op);
}

Test(places, are_the_caller_s)
{
    wg_context *ctx = scratch_context();
    block b = {wg_linear_new(ctx, "inner", 3, 2, NULL)};
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3));
    wg_tensor y = noted(helper(x));
    expect_line(y, "log", helper_line);
    y = noted(block_apply(&b, x));
    expect_line(y, "matmul", layer_line);
    expect_line(y, "add", layer_line);
    wg_tensor s = noted(wg_softmax(y, -1)); /* composed of many, recorded here */
    expect_line(s, "reciprocal", __LINE__ - 1);
    expect_line(s, "exp", __LINE__ - 2);
    scratch_close(ctx);
}

Test(places, of_errors_in_helpers)
{
    wg_context *ctx = scratch_context();
    block b = {wg_linear_new(ctx, "inner", 3, 2, NULL)};
    char place[64];
    noted(helper(wg_full_typed(ctx, WG_I64, WG_SHAPE(2), 1)));
    snprintf(place, sizeof place, "recorded at test_errors.c:%d", helper_line);
    scratch_expect_error(ctx, WG_BAD_TYPE, place, "a call in a helper");
    noted(block_apply(&b, wg_ones(ctx, WG_SHAPE(2, 5))));
    snprintf(place, sizeof place, "recorded in inner (test_errors.c:%d)", layer_line);
    scratch_expect_error(ctx, WG_BAD_SHAPE, place, "a call in a layer");
    scratch_close(ctx);
}
#endif

/* Without a context there is one error for each thread; a new context that fails replaces what was there. */
Test(errors, of_a_context_that_cannot_be_made)
{
    wg_tensor nothing = WG_NONE;
    wg_add(nothing, nothing);
    cr_expect_null(wg_context_new(&(wg_context_options){.threads = -1}));
    cr_expect_not_null(strstr(wg_error(NULL), "threads"), "%s", wg_error(NULL));
    wg_recover(NULL);
}

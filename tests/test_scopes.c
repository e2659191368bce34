/* Scopes and the names they make; patterns that select by name; modes. */
#include "tests/scratch.h"

/* The path that a node recorded now would have. */
static const char *path_now(wg_context *ctx)
{
    wg_graph *graph = wg_graph_new(WG_LIST(wg_scalar(ctx, 1)));
    return graph ? wg_graph_node(graph, 0).path : "?";
}

Test(scopes, nest_to_paths)
{
    wg_context *ctx = scratch_context();
    cr_expect_str_eq(path_now(ctx), "");
    wg_scope_begin(ctx, "block%d", 2);
    wg_scope_begin(ctx, "attention");
    cr_expect_str_eq(path_now(ctx), "block2/attention");
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_zeros());
    cr_expect_str_eq(wg_name(w), "block2/attention/w");
    wg_clear(ctx);
    cr_expect_str_eq(path_now(ctx), "block2/attention", "wg_clear closes no scope");
    wg_scope_end(ctx);
    cr_expect_str_eq(path_now(ctx), "block2");
    wg_scope_end(ctx);
    cr_expect_str_eq(path_now(ctx), "");
    wg_scope_begin(ctx, "a/b"); /* one call, one scope */
    cr_expect_str_eq(path_now(ctx), "a.b");
    wg_scope_end(ctx);
    cr_expect_str_eq(path_now(ctx), "");
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(scopes, one_too_many_ends)
{
    wg_context *ctx = scratch_context();
    wg_scope_begin(ctx, "a");
    wg_scope_end(ctx);
    wg_scope_end(ctx);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "scope_end: no scope is open", "an end too many");
    scratch_close(ctx);
}

/* An error in the middle of a model does not leave its scopes open, nor close others. */
Test(scopes, stay_balanced_over_an_error)
{
    wg_context *ctx = scratch_context();
    wg_scope_begin(ctx, "outer");
    wg_scope_begin(ctx, "inner");
    wg_reshape(wg_zeros(ctx, WG_SHAPE(3)), WG_SHAPE(2));
    wg_scope_begin(ctx, "after the error");
    wg_scope_end(ctx);
    wg_scope_end(ctx);
    cr_expect(wg_failed(ctx));
    wg_recover(ctx);
    cr_expect_str_eq(path_now(ctx), "outer");
    wg_reshape(wg_zeros(ctx, WG_SHAPE(3)), WG_SHAPE(2));
    wg_scope_begin(ctx, "lost");
    wg_recover(ctx);
    wg_scope_end(ctx); /* of "lost" */
    cr_expect_str_eq(path_now(ctx), "outer");
    wg_scope_end(ctx);
    cr_expect_str_eq(path_now(ctx), "");
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_scope_begin(ctx, "%s", "");
    wg_scope_end(ctx);
    wg_recover(ctx);
    wg_scope_end(ctx);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "scope_end: no scope is open", "after a scope without a name");
    scratch_close(ctx);
}

Test(scopes, bad_names)
{
    static char text[700];
    wg_context *ctx = scratch_context();
    memset(text, 'x', sizeof text - 1);
    wg_scope_begin(ctx, "%s", "");
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "scope_begin: a scope needs a name of 1 to 511 characters", "no name");
    wg_scope_end(ctx);
    wg_recover(ctx);
    wg_scope_begin(ctx, "%s", text);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "scope_begin: a scope needs a name of 1 to 511 characters",
                         "a long name");
    wg_scope_end(ctx);
    wg_recover(ctx);
    wg_parameter(ctx, text, WG_SCALAR, wg_init_zeros());
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "parameter: needs a name, of at most 510 characters", "a long name");
    text[510] = '\0';
    cr_expect_eq(strlen(wg_name(wg_parameter(ctx, text, WG_SCALAR, wg_init_zeros()))), 510);
    wg_parameter(ctx, text, WG_SCALAR, wg_init_zeros());
    cr_expect_eq(wg_error_status(ctx), WG_BAD_ARGUMENT);
    cr_expect_not_null(strstr(wg_error(ctx), text), "the name fits into the message");
    wg_recover(ctx);
    scratch_close(ctx);
}

/* Deeper than any path is long: nodes get what fits, parameters an error. */
Test(scopes, very_deep)
{
    wg_context *ctx = scratch_context();
    for (int i = 0; i < 3000; i++) wg_scope_begin(ctx, "s");
    cr_expect_lt(strlen(path_now(ctx)), 512);
    wg_exp(wg_full_typed(ctx, WG_I32, WG_SCALAR, 1));
    cr_expect_lt(strlen(wg_error(ctx)), 2048);
    scratch_expect_error(ctx, WG_BAD_TYPE, "in s/s/s", "an error far down");
    wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros());
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "with its scopes", "a parameter far down");
    for (int i = 0; i < 3000; i++) wg_scope_end(ctx);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    cr_expect_str_eq(path_now(ctx), "");
    scratch_close(ctx);
}

Test(scopes, layers_carry_the_path_of_their_parameters)
{
    wg_context *ctx = scratch_context();
    wg_scope_begin(ctx, "encoder");
    wg_linear layer = wg_linear_new(ctx, "first", 3, 2, NULL);
    wg_scope_end(ctx);
    wg_scope_begin(ctx, "somewhere");
    wg_tensor y = wg_linear_apply(&layer, wg_ones(ctx, WG_SHAPE(4, 3)));
    cr_expect_str_eq(path_now(ctx), "somewhere");
    wg_scope_end(ctx);
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    wg_node last = wg_graph_node(graph, wg_graph_size(graph) - 1);
    cr_expect_str_eq(last.path, "encoder/first");
    cr_expect_str_eq(wg_name(layer.weight), "encoder/first/weight");
    scratch_close(ctx);
}

/* ---- names ---- */

Test(names, are_unique)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "net/w", WG_SCALAR, wg_init_constant(3));
    wg_scope_begin(ctx, "net");
    wg_tensor again = wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros());
    cr_expect_eq(again.id, 0);
    wg_scope_end(ctx);
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "parameter: there is a parameter or variable named \"net/w\" already",
                         "a name twice");
    wg_variable(ctx, "net/w", wg_scalar(ctx, 1));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "variable: there is a parameter or variable named \"net/w\" already",
                         "a variable of that name");
    cr_expect_eq(wg_item(w), 3);
    cr_expect_eq(wg_parameters(ctx, NULL).count, 1);
    scratch_close(ctx);
}

static int count(wg_context *ctx, const char *pattern)
{
    wg_list all = wg_parameters(ctx, pattern);
    int found = wg_failed(ctx) ? -1 : (int)all.count;
    wg_recover(ctx);
    return found;
}

Test(names, patterns)
{
    static const struct {
        const char *pattern;
        int count;
    } cases[] = {{NULL, 6},
                 {"*", 6},
                 {"enc/*", 4},
                 {"enc/a/*", 2},
                 {"*/weight", 3},
                 {"head", -1},
                 {"head/*", 2},
                 {"!head/*", 4},
                 {"* !*/bias", 3},
                 {"*/bias head/*", 4},
                 {"enc/? ", -1},
                 {"enc/?/weight", 2},
                 {"", -1},
                 {" ", -1},
                 {"!*", -1},
                 {"nothing", -1},
                 {"[eh]*", 6},
                 {"  enc/*  ", 4},
                 {"!", 6},
                 {"ENC/*", -1},
                 {"*/weight !enc/*", 1},
                 {"* !* head/bias", 1}};
    wg_context *ctx = scratch_context();
    for (int i = 0; i < 3; i++) {
        if (i < 2) wg_scope_begin(ctx, "enc");
        wg_linear_new(ctx, i == 0 ? "a" : i == 1 ? "b" : "head", 2, 2, NULL);
        if (i < 2) wg_scope_end(ctx);
    }
    wg_variable(ctx, "count", wg_scalar(ctx, 0)); /* is no parameter */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(count(ctx, cases[i].pattern), cases[i].count, "\"%s\" selects %d, not %d",
                     cases[i].pattern ? cases[i].pattern : "NULL", count(ctx, cases[i].pattern), cases[i].count);
    wg_parameters(ctx, "decoder/*");
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "parameters: no parameter matches \"decoder/*\"", "a misspelt pattern");
    static char text[4000];
    memset(text, '*', sizeof text - 1);
    cr_expect_eq(count(ctx, text), -1);
    wg_freeze(ctx, "x");
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "freeze: no parameter matches \"x\"", "freezing nothing");
    wg_unfreeze(ctx, "x");
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "unfreeze: no parameter matches \"x\"", "unfreezing nothing");
    scratch_close(ctx);
}

Test(names, frozen_parameters_stay)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = wg_parameter(ctx, "a", WG_SCALAR, wg_init_constant(1));
    wg_tensor b = wg_parameter(ctx, "b", WG_SCALAR, wg_init_constant(1));
    wg_optimizer *sgd = wg_sgd_new(ctx, NULL, &(wg_sgd_options){.learning_rate = 0.5});
    cr_expect_eq(wg_freeze(ctx, "a"), 1);
    cr_expect_eq(wg_parameters(ctx, NULL).count, 1);
    wg_optimizer_step(sgd, wg_mul(a, b));
    wg_clear(ctx);
    cr_expect_eq(wg_item(a), 1);
    cr_expect_eq(wg_item(b), 0.5);
    cr_expect_eq(wg_unfreeze(ctx, NULL), 2);
    wg_optimizer_step(sgd, wg_mul(a, b));
    wg_clear(ctx);
    cr_expect_eq(wg_item(a), 0.75);
    cr_expect_eq(wg_item(b), 0);
    scratch_close(ctx);
}

/* ---- modes ---- */

Test(modes, are_read_while_recording)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(400));
    cr_expect_eq(wg_get_mode(ctx), WG_TRAIN);
    wg_tensor noisy = wg_dropout(x, 0.5);
    cr_expect_eq(wg_set_mode(ctx, WG_EVAL), WG_TRAIN);
    wg_tensor plain = wg_dropout(x, 0.5);
    cr_expect_eq(wg_set_mode(ctx, WG_TRAIN), WG_EVAL);
    cr_expect_eq(wg_item(wg_max(noisy, WG_ALL)), 2);
    cr_expect_eq(wg_item(wg_min(noisy, WG_ALL)), 0);
    cr_expect_eq(wg_item(wg_max(plain, WG_ALL)), 1);
    cr_expect_eq(wg_item(wg_min(plain, WG_ALL)), 1);
    wg_reshape(x, WG_SHAPE(3));
    cr_expect_eq(wg_set_mode(ctx, WG_EVAL), WG_TRAIN, "also of a failed context, so that it can be put back");
    cr_expect_eq(wg_get_mode(ctx), WG_EVAL);
    wg_recover(ctx);
    scratch_close(ctx);
}

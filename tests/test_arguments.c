/* NULL for every pointer, context and object, and numbers that no tensor can have: errors, never crashes. */
#include "tests/scratch.h"

#include <limits.h>

#define WRONG_RANKS                           \
    (const int[])                             \
    {                                         \
        -1, WG_MAX_RANK + 1, INT_MIN, INT_MAX \
    }

/* ---- NULL contexts and objects ---- */

static void expect_poison(wg_tensor x, const char *what)
{
    cr_expect(!x.id, "%s gave a tensor", what);
}

#define EXPECT_POISON(expression) expect_poison(expression, #expression)

/* What a program does after wg_context_new has failed: all accepted, nothing done, and the reason stays. */
Test(null, context)
{
    wg_recover(NULL);
    cr_assert_null(wg_context_new(&(wg_context_options){.type = WG_I32}));
    cr_expect_eq(wg_error_status(NULL), WG_BAD_ARGUMENT);
    char reason[200];
    snprintf(reason, sizeof reason, "%s", wg_error(NULL));
    cr_expect_str_eq(reason, "context_new: the default type must be f32 or f64");

    wg_context *ctx = NULL;
    const float f32 = 0;
    const double f64 = 0;
    const int32_t i32 = 0;
    const int64_t i64 = 0;
    const uint8_t u8 = 0;
    const bool truth = false;
    EXPECT_POISON(wg_scalar(ctx, 1));
    EXPECT_POISON(wg_zeros(ctx, WG_SCALAR));
    EXPECT_POISON(wg_ones(ctx, WG_SCALAR));
    EXPECT_POISON(wg_full(ctx, WG_SCALAR, 1));
    EXPECT_POISON(wg_full_typed(ctx, WG_I32, WG_SCALAR, 1));
    EXPECT_POISON(wg_linspace(ctx, 0, 1, 3));
    EXPECT_POISON(wg_iota(ctx, WG_I32, WG_SHAPE(3), 0));
    EXPECT_POISON(wg_random_uniform(ctx, WG_F32, WG_SHAPE(3)));
    EXPECT_POISON(wg_uniform(ctx, WG_SHAPE(3), 0, 1));
    EXPECT_POISON(wg_normal(ctx, WG_SHAPE(3)));
    EXPECT_POISON(wg_bernoulli(ctx, WG_SHAPE(3), 0.5));
    EXPECT_POISON(wg_truncated_normal(ctx, WG_SHAPE(3), -1, 1));
    EXPECT_POISON(wg_exponential(ctx, WG_SHAPE(3)));
    EXPECT_POISON(wg_gumbel(ctx, WG_SHAPE(3)));
    EXPECT_POISON(wg_arange(ctx, WG_F32, 0, 3, 1));
    EXPECT_POISON(wg_eye(ctx, 3));
    EXPECT_POISON(wg_from_f32(ctx, WG_SCALAR, &f32));
    EXPECT_POISON(wg_from_f64(ctx, WG_SCALAR, &f64));
    EXPECT_POISON(wg_from_i32(ctx, WG_SCALAR, &i32));
    EXPECT_POISON(wg_from_i64(ctx, WG_SCALAR, &i64));
    EXPECT_POISON(wg_from_u8(ctx, WG_SCALAR, &u8));
    EXPECT_POISON(wg_from_bool(ctx, WG_SCALAR, &truth));
    EXPECT_POISON(wg_borrow_f32(ctx, WG_SCALAR, &f32));
    EXPECT_POISON(wg_borrow_f64(ctx, WG_SCALAR, &f64));
    EXPECT_POISON(wg_borrow_i32(ctx, WG_SCALAR, &i32));
    EXPECT_POISON(wg_borrow_i64(ctx, WG_SCALAR, &i64));
    EXPECT_POISON(wg_borrow_u8(ctx, WG_SCALAR, &u8));
    EXPECT_POISON(wg_parameter(ctx, "w", WG_SCALAR, wg_init_zeros()));
    EXPECT_POISON(wg_variable(ctx, "v", WG_NONE));
    EXPECT_POISON(wg_linear_new(ctx, "layer", 2, 3, NULL).weight);
    cr_expect_eq(wg_parameters(ctx, "*").count, 0);
    cr_expect_eq(wg_freeze(ctx, "*"), 0);
    cr_expect_eq(wg_unfreeze(ctx, "*"), 0);
    cr_expect_null(wg_sgd_new(ctx, "*", NULL));
    cr_expect_null(wg_adam_new(ctx, "*", NULL));
    cr_expect_null(wg_schedule_cosine(ctx, 3));
    cr_expect_null(wg_schedule_warmup(ctx, 3, NULL));
    cr_expect_not(wg_save(ctx, "/nowhere/m", NULL));
    cr_expect_not(wg_load(ctx, "/nowhere/m", NULL));
    cr_expect_null(wg_dataset_idx(ctx, "x", "y", NULL));
    cr_expect_null(wg_dataset_csv(ctx, "x", NULL));
    cr_expect_null(wg_loader_new(ctx, NULL, NULL));
    wg_scope_begin(ctx, "a");
    wg_scope_end(ctx);
    wg_clear(ctx);
    wg_rewind(ctx, wg_mark(ctx));
    cr_expect_eq(wg_mark(ctx), 0);
    cr_expect_eq(wg_set_mode(ctx, WG_EVAL), WG_TRAIN);
    cr_expect_eq(wg_get_mode(ctx), WG_TRAIN);
    cr_expect_eq(wg_default_type(ctx), WG_F32);
    cr_expect_eq(wg_context_stats(ctx).bytes, 0);
    cr_expect(wg_failed(ctx));
    cr_expect_str_eq(wg_error(ctx), reason, "the first reason stays");
    wg_context_free(ctx);
    FILE *errors = tmpfile();
    char line[200] = "";
    cr_expect_eq(wg_context_close(ctx, errors), 1);
    rewind(errors);
    cr_expect(fgets(line, sizeof line, errors) && strncmp(line, reason, strlen(reason)) == 0, "printed \"%s\"", line);
    fclose(errors);
    wg_recover(ctx);
    cr_expect_str_eq(wg_error(ctx), "");
}

Test(null, objects)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2)), out;
    cr_expect_not(wg_eval((wg_list){0}));
    cr_expect_not(wg_eval((wg_list){2, NULL}));
    cr_expect_not(wg_eval(WG_LIST(WG_NONE)));
    cr_expect(isnan(wg_item(WG_NONE)));
    cr_expect_not(wg_read_f32(WG_NONE, NULL, 0));
    cr_expect_not(wg_read_f64(WG_NONE, NULL, 0));
    cr_expect_not(wg_read_i32(WG_NONE, NULL, 0));
    cr_expect_not(wg_read_i64(WG_NONE, NULL, 0));
    cr_expect_not(wg_read_bool(WG_NONE, NULL, 0));
    cr_expect_not(wg_read_u8(WG_NONE, NULL, 0));
    cr_expect_null(wg_values_f32(WG_NONE));
    cr_expect_null(wg_values_f64(WG_NONE));
    cr_expect_null(wg_values_i32(WG_NONE));
    cr_expect_null(wg_values_i64(WG_NONE));
    cr_expect_not(wg_print(WG_NONE, stdout, "x"));
    cr_expect_not(wg_print(WG_NONE, NULL, NULL));
    cr_expect_null(wg_name(WG_NONE));
    cr_expect_eq(wg_shape_of(WG_NONE).rank, 0);
    cr_expect_eq(wg_type_of(WG_NONE), WG_DEFAULT);
    cr_expect_eq(wg_dim(WG_NONE, 0), 0);
    cr_expect_eq(wg_size(WG_NONE), 0);
    wg_assign(WG_NONE, WG_NONE);
    cr_expect_not(wg_grads(WG_NONE, (wg_list){0}, NULL));
    cr_expect_not(wg_grads(WG_NONE, WG_LIST(WG_NONE), &out));
    cr_expect_not(wg_vjps((wg_list){0}, (wg_list){0}, (wg_list){0}, NULL));
    cr_expect_not(wg_hvps(WG_NONE, (wg_list){1, NULL}, (wg_list){1, NULL}, NULL));
    EXPECT_POISON(wg_jvps(WG_NONE, (wg_list){0}, (wg_list){0}));
    EXPECT_POISON(wg_jvps(x, (wg_list){2, NULL}, (wg_list){2, NULL}));
    wg_recover(ctx);
    x = wg_ones(ctx, WG_SHAPE(2));
    EXPECT_POISON(wg_jacobian(WG_NONE, WG_NONE));
    EXPECT_POISON(wg_hessian(WG_NONE, WG_NONE));
    cr_expect_not(wg_depends_on(WG_NONE, WG_NONE));
    EXPECT_POISON(wg_substitute(WG_NONE, (wg_list){1, NULL}, (wg_list){1, NULL}));
    EXPECT_POISON(wg_concat((wg_list){0}, 0));
    EXPECT_POISON(wg_concat((wg_list){3, NULL}, 0));
    EXPECT_POISON(wg_stack((wg_list){0}, 0));
    EXPECT_POISON(wg_stack((wg_list){3, NULL}, 0));
    EXPECT_POISON(wg_einsum(NULL, (wg_list){0}));
    EXPECT_POISON(wg_einsum("i", (wg_list){3, NULL}));
    EXPECT_POISON(wg_einsum("i,i", WG_LIST(WG_NONE, WG_NONE)));
    cr_expect_not(wg_meshgrid((wg_list){0}, NULL));
    cr_expect_not(wg_meshgrid((wg_list){3, NULL}, NULL));
    cr_expect_not(wg_split(WG_NONE, 0, 3, NULL));
    cr_expect_not(wg_split_lengths(WG_NONE, 0, 3, NULL, NULL));
    cr_expect_not(wg_unstack(WG_NONE, 0, 3, NULL));
    EXPECT_POISON(wg_apply(NULL, WG_LIST(WG_NONE), NULL));
    EXPECT_POISON(wg_apply(NULL, (wg_list){3, NULL}, NULL));
    EXPECT_POISON(wg_apply(wg_op_at(0), (wg_list){1, NULL}, NULL));
    EXPECT_POISON(wg_input(WG_NONE, 0));
    cr_expect_eq(wg_attributes_of(WG_NONE).integer[0], 0);
    cr_expect_null(wg_op_at(wg_op_count()));
    cr_expect_null(wg_op_at(SIZE_MAX));
    cr_expect_not(wg_lu(WG_NONE, &out, NULL, NULL));
    cr_expect_not(wg_qr(WG_NONE, NULL, &out));
    cr_expect_not(wg_svd(WG_NONE, NULL, NULL, NULL));
    cr_expect_not(wg_eigh(WG_NONE, NULL, NULL));
    cr_expect_not(wg_slogdet(WG_NONE, &out, NULL));
    EXPECT_POISON(out);
    EXPECT_POISON(wg_linear_apply(NULL, WG_NONE));
    EXPECT_POISON(wg_linear_apply(&(wg_linear){0}, WG_NONE));
    cr_expect_not(wg_gradcheck(WG_NONE, (wg_list){0}, NULL).passed);
    cr_expect_not(wg_gradcheck_print(NULL, stdout));
    cr_expect_not(wg_gradcheck_print(&(wg_gradcheck_report){0}, NULL));
    cr_expect_null(wg_graph_new((wg_list){0}));
    cr_expect_null(wg_graph_new((wg_list){2, NULL}));
    cr_expect_null(wg_graph_new(WG_LIST(WG_NONE)));
    cr_expect_eq(wg_graph_size(NULL), 0);
    cr_expect_str_eq(wg_graph_node(NULL, 0).op, "");
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

Test(null, objects_of_training)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2));
    wg_batch batch;
    wg_dataset *a, *b;
    cr_expect_not(wg_draw((wg_list){0}, "x.dot", NULL));
    cr_expect_not(wg_draw((wg_list){2, NULL}, NULL, NULL));
    cr_expect_not(wg_draw_dot((wg_list){2, NULL}, stdout, NULL));
    cr_expect_not(wg_draw_dot(WG_LIST(WG_NONE), NULL, NULL));
    wg_optimizer_step(NULL, x);
    wg_optimizer_apply(NULL, WG_LIST(x));
    cr_expect_eq(wg_optimizer_rate(NULL), 0);
    EXPECT_POISON(wg_optimizer_gradient_norm(NULL));
    cr_expect_null(wg_dataset_from(WG_NONE, WG_NONE));
    cr_expect_not(wg_dataset_split(NULL, 0.5, &a, &b));
    cr_expect_eq(wg_dataset_size(NULL), 0);
    cr_expect_eq(wg_dataset_classes(NULL), 0);
    wg_dataset_class(NULL, 0);
    cr_expect_not(wg_loader_next(NULL, &batch));
    cr_expect_not(wg_loader_next(NULL, NULL));
    cr_expect_eq(wg_loader_batches(NULL), 0);
    cr_expect_null(wg_weights_open(NULL, NULL, 0));
    wg_weights_close(NULL);
    cr_expect_not(wg_image_save(WG_NONE, NULL, 0));
    cr_expect_str_eq(wg_type_name((wg_type)-1), "?");
    cr_expect_eq(wg_type_size((wg_type)99), 0);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_recover(NULL);
    scratch_close(ctx);
}

/* One call of a good context with a bad pointer, and what it must say. */
#define EXPECT_ERROR(expression, status, words)                \
    do {                                                       \
        cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));    \
        (void)(expression);                                    \
        scratch_expect_error(ctx, status, words, #expression); \
    } while (0)

static wg_tensor vector(wg_context *ctx)
{
    return wg_ones(ctx, WG_SHAPE(3));
}

Test(null, pointers_beside_a_good_context)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_zeros());
    wg_optimizer *sgd = wg_sgd_new(ctx, NULL, NULL);
    wg_tensor out;
    EXPECT_ERROR(wg_from_f32(ctx, WG_SHAPE(2), NULL), WG_BAD_ARGUMENT, "from_f32: the values are NULL");
    EXPECT_ERROR(wg_from_f64(ctx, WG_SHAPE(2), NULL), WG_BAD_ARGUMENT, "from_f64: the values are NULL");
    EXPECT_ERROR(wg_from_bool(ctx, WG_SCALAR, NULL), WG_BAD_ARGUMENT, "from_bool: the values are NULL");
    EXPECT_ERROR(wg_borrow_i64(ctx, WG_SCALAR, NULL), WG_BAD_ARGUMENT, "borrow_i64: the values are NULL");
    EXPECT_ERROR(wg_parameter(ctx, NULL, WG_SHAPE(2), wg_init_zeros()), WG_BAD_ARGUMENT, "needs a name");
    EXPECT_ERROR(wg_parameter(ctx, "", WG_SHAPE(2), wg_init_zeros()), WG_BAD_ARGUMENT, "needs a name");
    EXPECT_ERROR(wg_variable(ctx, NULL, wg_scalar(ctx, 1)), WG_BAD_ARGUMENT, "variable: needs a name");
    EXPECT_ERROR(wg_variable(ctx, "v", WG_NONE), WG_BAD_HANDLE, "variable: ");
    EXPECT_ERROR(wg_linear_new(ctx, NULL, 2, 3, NULL).weight, WG_BAD_ARGUMENT, "name");
    EXPECT_ERROR(wg_linear_apply(NULL, vector(ctx)), WG_BAD_ARGUMENT, "linear: the layer is NULL");
    EXPECT_ERROR(wg_assign(w, WG_NONE), WG_BAD_HANDLE, "assign: the value belongs to no context");
    EXPECT_ERROR(wg_assign(vector(ctx), w), WG_BAD_HANDLE, "assign: the target is neither parameter nor variable");
    EXPECT_ERROR(wg_eval((wg_list){2, (wg_tensor[]){w, WG_NONE}}), WG_BAD_HANDLE, "eval: operand 1 is the zero handle");
    EXPECT_ERROR(wg_read_f32(w, NULL, 3), WG_BAD_ARGUMENT, "read_f32");
    EXPECT_ERROR(wg_read_i64(w, NULL, 3), WG_BAD_ARGUMENT, "read_i64");
    EXPECT_ERROR(wg_print(w, NULL, "w"), WG_BAD_ARGUMENT, "print: the file is NULL");
    EXPECT_ERROR(wg_grads(wg_sum(w, WG_ALL), WG_LIST(w), NULL), WG_BAD_ARGUMENT, "grads: NULL");
    EXPECT_ERROR(wg_grads(wg_sum(w, WG_ALL), (wg_list){1, NULL}, &out), WG_BAD_ARGUMENT, "grads: NULL");
    EXPECT_ERROR(wg_grads(wg_sum(w, WG_ALL), WG_LIST(WG_NONE), &out), WG_BAD_HANDLE,
                 "grad: operand 0 is the zero handle");
    EXPECT_ERROR(wg_vjps(WG_LIST(w), (wg_list){1, NULL}, WG_LIST(w), &out), WG_BAD_ARGUMENT, "vjp: ");
    EXPECT_ERROR(wg_jvps(w, WG_LIST(w), (wg_list){1, NULL}), WG_BAD_ARGUMENT, "jvp: 1 tangents for 1 tensors");
    EXPECT_ERROR(wg_jvp(w, w, WG_NONE), WG_BAD_HANDLE, "jvp: operand 0 is the zero handle");
    EXPECT_ERROR(wg_hvps(wg_sum(w, WG_ALL), WG_LIST(w), WG_LIST(w), NULL), WG_BAD_ARGUMENT, "hvps: NULL");
    EXPECT_ERROR(wg_jacobian(w, WG_NONE), WG_BAD_HANDLE, "jacobian: operand 0 is the zero handle");
    EXPECT_ERROR(wg_substitute(w, (wg_list){1, NULL}, WG_LIST(w)), WG_BAD_ARGUMENT, "substitute: the list is NULL");
    EXPECT_ERROR(wg_substitute(w, WG_LIST(w), (wg_list){1, NULL}), WG_BAD_ARGUMENT, "substitute: the list is NULL");
    EXPECT_ERROR(wg_einsum(NULL, WG_LIST(w)), WG_BAD_ARGUMENT, "einsum: the formula is empty");
    EXPECT_ERROR(wg_einsum("i,i", WG_LIST(w, WG_NONE)), WG_BAD_HANDLE, "einsum: operand 1 is the zero handle");
    EXPECT_ERROR(wg_split(w, 0, 3, NULL), WG_BAD_ARGUMENT, "split: NULL");
    EXPECT_ERROR(wg_meshgrid(WG_LIST(w), NULL), WG_BAD_ARGUMENT, "meshgrid: ");
    EXPECT_ERROR(wg_apply(NULL, WG_LIST(w), NULL), WG_BAD_ARGUMENT, "apply: no op");
    EXPECT_ERROR(wg_apply(&(wg_op){.name = "mine"}, WG_LIST(w), NULL), WG_BAD_ARGUMENT,
                 "apply: no op, or one without a name or infer");
    EXPECT_ERROR(wg_draw(WG_LIST(w), NULL, NULL), WG_BAD_ARGUMENT, "draw");
    EXPECT_ERROR(wg_draw_dot(WG_LIST(w), NULL, NULL), WG_BAD_ARGUMENT, "draw: the file is NULL");
    EXPECT_ERROR(wg_optimizer_step(sgd, WG_NONE), WG_BAD_HANDLE, "optimizer: the loss is the zero handle");
    EXPECT_ERROR(wg_optimizer_apply(sgd, (wg_list){1, NULL}), WG_BAD_ARGUMENT, "optimizer: ");
    EXPECT_ERROR(wg_optimizer_apply(sgd, WG_LIST(WG_NONE)), WG_BAD_HANDLE, "zero handle");
    EXPECT_ERROR(wg_gradcheck(wg_sum(w, WG_ALL), (wg_list){1, NULL}, NULL).passed, WG_BAD_ARGUMENT, "gradcheck: ");
    EXPECT_ERROR(wg_scope_begin(ctx, NULL), WG_BAD_ARGUMENT, "scope_begin: ");
    EXPECT_ERROR(wg_image_save(vector(ctx), NULL, 1), WG_BAD_ARGUMENT, "");
    cr_expect_not(wg_context_close(ctx, NULL));
    cr_expect_eq(scratch_held, 0);
}

/* ---- shapes ---- */

Test(shapes, ranks_that_do_not_exist)
{
    wg_context *ctx = scratch_context();
    float value = 0;
    for (int i = 0; i < 4; i++) {
        wg_shape shape = {.rank = WRONG_RANKS[i], .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
        EXPECT_ERROR(wg_zeros(ctx, shape), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_from_f32(ctx, shape, &value), WG_BAD_SHAPE, "from_f32: the rank must be 0 to 8");
        EXPECT_ERROR(wg_borrow_f32(ctx, shape, &value), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_random_uniform(ctx, WG_F32, shape), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_iota(ctx, WG_F32, shape, 0), WG_BAD_SHAPE, "iota: ");
        EXPECT_ERROR(wg_iota(ctx, WG_F32, shape, -1), WG_BAD_SHAPE, "iota: ");
        EXPECT_ERROR(wg_normal(ctx, shape), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_truncated_normal(ctx, shape, -1, 1), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_gumbel(ctx, shape), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_tile(vector(ctx), shape), WG_BAD_ARGUMENT, "tile: ");
        EXPECT_ERROR(wg_reshape(vector(ctx), shape), WG_BAD_SHAPE, "reshape: ");
        EXPECT_ERROR(wg_expand(vector(ctx), shape), WG_BAD_SHAPE, "expand: the rank must be 0 to 8");
        EXPECT_ERROR(wg_parameter(ctx, "w", shape, wg_init_zeros()), WG_BAD_SHAPE, "the rank must be 0 to 8");
        EXPECT_ERROR(wg_parameter(ctx, "w", shape, wg_init_he_normal(0)), WG_BAD_SHAPE, "the rank must be 0 to 8");
        cr_expect_eq(wg_shape_size(shape), 1);
        cr_expect(wg_shape_equal(shape, shape));
    }
    wg_shape eight = {.rank = 8, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
    EXPECT_ERROR(wg_unsqueeze(wg_zeros(ctx, eight), 0), WG_BAD_SHAPE, "unsqueeze: ");
    EXPECT_ERROR(wg_one_hot(wg_full_typed(ctx, WG_I32, eight, 0), 3), WG_BAD_SHAPE, "one_hot: the rank would exceed 8");
    EXPECT_ERROR(wg_gather(wg_zeros(ctx, eight), wg_full_typed(ctx, WG_I32, WG_SHAPE(2, 2), 0), 0), WG_BAD_SHAPE,
                 "gather: the rank would exceed 8");
    EXPECT_ERROR(wg_scatter_add(wg_zeros(ctx, eight), wg_full_typed(ctx, WG_I32, WG_SCALAR, 0), 0, 2), WG_BAD_SHAPE,
                 "scatter_add: ");
    EXPECT_ERROR(wg_stack(WG_LIST(wg_zeros(ctx, eight)), 0), WG_BAD_SHAPE, "unsqueeze: ");
    scratch_close(ctx);
}

Test(shapes, negative_lengths)
{
    wg_context *ctx = scratch_context();
    float value = 0;
    const int64_t lengths[] = {-1, -2, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        wg_shape shape = WG_SHAPE(2, lengths[i]);
        EXPECT_ERROR(wg_zeros(ctx, shape), WG_BAD_SHAPE, "full: a length is negative");
        EXPECT_ERROR(wg_from_f32(ctx, shape, &value), WG_BAD_SHAPE, "from_f32: a length is negative: [2, -");
        EXPECT_ERROR(wg_expand(vector(ctx), shape), WG_BAD_SHAPE, "expand: a length is negative");
        EXPECT_ERROR(wg_linspace(ctx, 0, 1, lengths[i]), WG_BAD_SHAPE, "a length is negative");
        EXPECT_ERROR(wg_parameter(ctx, "w", shape, wg_init_xavier_normal(0)), WG_BAD_SHAPE, "a length is negative");
        EXPECT_ERROR(wg_linear_new(ctx, "l", lengths[i], 2, NULL).weight, WG_BAD_SHAPE, "a length is negative");
        EXPECT_ERROR(wg_linear_new(ctx, "m", 2, lengths[i], NULL).weight, WG_BAD_SHAPE, "a length is negative");
        EXPECT_ERROR(wg_pad(vector(ctx), 0, lengths[i], 0, 0), WG_BAD_SHAPE, "pad: ");
        EXPECT_ERROR(wg_pad(vector(ctx), 0, 0, 0, lengths[i]), WG_BAD_SHAPE, "pad: ");
        EXPECT_ERROR(wg_one_hot(wg_full_typed(ctx, WG_I32, WG_SHAPE(2), 0), lengths[i]), WG_BAD_SHAPE, "negative");
        EXPECT_ERROR(wg_scatter_add(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 0), 0, lengths[i]),
                     WG_BAD_SHAPE, "scatter_add: ");
        EXPECT_ERROR(wg_unfold(vector(ctx), 0, lengths[i], 1, 1), WG_BAD_SHAPE, "unfold: ");
        EXPECT_ERROR(wg_unfold(vector(ctx), 0, 1, lengths[i], 1), WG_BAD_SHAPE, "unfold: ");
        EXPECT_ERROR(wg_unfold(vector(ctx), 0, 1, 1, lengths[i]), WG_BAD_SHAPE, "unfold: ");
        EXPECT_ERROR(wg_fold(wg_unfold(vector(ctx), 0, 1, 1, 1), 0, lengths[i], 1, 3), WG_BAD_SHAPE, "fold: ");
        EXPECT_ERROR(wg_fold(wg_unfold(vector(ctx), 0, 1, 1, 1), 0, 1, 1, lengths[i]), WG_BAD_SHAPE, "fold: ");
        EXPECT_ERROR(wg_pad_with(vector(ctx), 0, lengths[i], 0, WG_PAD_REFLECT, 0), WG_BAD_SHAPE, "pad: ");
        EXPECT_ERROR(wg_pad_with(vector(ctx), 0, 0, lengths[i], WG_PAD_CONSTANT, 0), WG_BAD_SHAPE, "pad: ");
        EXPECT_ERROR(wg_dynamic_slice(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SCALAR, 0), 0, lengths[i]),
                     WG_BAD_SHAPE, "dynamic_slice: ");
        EXPECT_ERROR(wg_scatter_add_along(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 0), 0, lengths[i]),
                     WG_BAD_SHAPE, "scatter_add: ");
        EXPECT_ERROR(wg_top_k(vector(ctx), lengths[i], 0, NULL), WG_BAD_ARGUMENT, "top_k: ");
        if (i) EXPECT_ERROR(wg_argsort(vector(ctx), 0, false, lengths[i]), WG_BAD_ARGUMENT, "argsort: ");
    }
    EXPECT_ERROR(wg_reshape(vector(ctx), WG_SHAPE(-2, 3)), WG_BAD_SHAPE, "reshape: [3] does not fit into [-2, 3]");
    EXPECT_ERROR(wg_reshape(vector(ctx), WG_SHAPE(-1, -1)), WG_BAD_SHAPE, "reshape: [3] does not fit into [-1, -1]");
    EXPECT_ERROR(wg_reshape(wg_zeros(ctx, WG_SHAPE(0)), WG_SHAPE(0, -1)), WG_BAD_SHAPE, "reshape: ");
    scratch_close(ctx);
}

/* Sizes of which no computer has the memory are errors when recorded; others that no allocator gives, when computed. */
Test(shapes, sizes_that_overflow)
{
    const int64_t large = INT64_C(1) << 31, huge = INT64_C(1) << 62;
    wg_context *ctx = scratch_context();
    float value = 0;
    wg_shape many = {.rank = 8, .dim = {large, large, large, large, large, large, large, large}};
    EXPECT_ERROR(wg_zeros(ctx, WG_SHAPE(huge)), WG_BAD_SHAPE, "full: the size overflows");
    EXPECT_ERROR(wg_zeros(ctx, WG_SHAPE(0, huge, huge)), WG_BAD_SHAPE, "full: the size overflows");
    EXPECT_ERROR(wg_zeros(ctx, many), WG_BAD_SHAPE, "full: the size overflows");
    EXPECT_ERROR(wg_full_typed(ctx, WG_U8, WG_SHAPE(INT64_MAX), 0), WG_BAD_SHAPE, "full: the size overflows");
    EXPECT_ERROR(wg_from_f32(ctx, WG_SHAPE(huge), &value), WG_BAD_SHAPE, "from_f32: the size overflows");
    EXPECT_ERROR(wg_borrow_f32(ctx, WG_SHAPE(large, large), &value), WG_BAD_SHAPE, "borrow_f32: the size overflows");
    EXPECT_ERROR(wg_iota(ctx, WG_I32, WG_SHAPE(huge), 0), WG_BAD_SHAPE, "iota: the size overflows");
    EXPECT_ERROR(wg_expand(vector(ctx), WG_SHAPE(large, large, 3)), WG_BAD_SHAPE, "expand: the size overflows");
    EXPECT_ERROR(wg_reshape(vector(ctx), WG_SHAPE(huge, 4, -1)), WG_BAD_SHAPE, "reshape: ");
    EXPECT_ERROR(wg_pad(vector(ctx), 0, INT64_MAX, 2, 0), WG_BAD_SHAPE, "pad: ");
    EXPECT_ERROR(wg_pad(vector(ctx), 0, huge, 0, 0), WG_BAD_SHAPE, "pad: ");
    EXPECT_ERROR(wg_pad(vector(ctx), 0, 0, 0, INT64_MAX), WG_BAD_SHAPE, "pad: ");
    EXPECT_ERROR(wg_linspace(ctx, 0, 1, huge), WG_BAD_SHAPE, "the size overflows");
    EXPECT_ERROR(wg_one_hot(wg_full_typed(ctx, WG_I32, WG_SHAPE(8), 0), huge), WG_BAD_SHAPE, "the size overflows");
    EXPECT_ERROR(wg_scatter_add(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 0), 0, huge), WG_BAD_SHAPE,
                 "scatter_add: the size overflows");
    EXPECT_ERROR(wg_parameter(ctx, "w", WG_SHAPE(huge), wg_init_zeros()), WG_BAD_SHAPE, "the size overflows");
    wg_tensor row = wg_zeros(ctx, WG_SHAPE(1, large)), column = wg_zeros(ctx, WG_SHAPE(large, 1));
    EXPECT_ERROR(wg_add(row, column), WG_BAD_SHAPE, "the size overflows");
    row = wg_zeros(ctx, WG_SHAPE(1, large)), column = wg_zeros(ctx, WG_SHAPE(large, 1));
    EXPECT_ERROR(wg_matmul(column, row), WG_BAD_SHAPE, "the size overflows");
    column = wg_zeros(ctx, WG_SHAPE(huge / 32, 1));
    EXPECT_ERROR(wg_concat(WG_LIST(column, column, column, column, column), 0), WG_BAD_SHAPE, "the size overflows");
    EXPECT_ERROR(wg_item(wg_sum(wg_zeros(ctx, WG_SHAPE(INT64_C(1) << 50)), WG_ALL)), WG_OUT_OF_MEMORY, "out of memory");
    scratch_close(ctx);
}

Test(shapes, axes_out_of_range)
{
    wg_context *ctx = scratch_context();
    const int wrong[] = {1, -2, 127, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) {
        int axis = wrong[i];
        EXPECT_ERROR(wg_argmax(vector(ctx), axis), WG_BAD_SHAPE, "argmax: axis ");
        EXPECT_ERROR(wg_softmax(vector(ctx), axis), WG_BAD_SHAPE, "softmax: axis ");
        EXPECT_ERROR(wg_slice(vector(ctx), axis, 0, 1), WG_BAD_SHAPE, "slice: axis ");
        EXPECT_ERROR(wg_pad(vector(ctx), axis, 1, 1, 0), WG_BAD_SHAPE, "pad: axis ");
        EXPECT_ERROR(wg_flip(vector(ctx), axis), WG_BAD_SHAPE, "flip: axis ");
        EXPECT_ERROR(wg_unfold(vector(ctx), axis, 1, 1, 1), WG_BAD_SHAPE, "unfold: axis ");
        EXPECT_ERROR(wg_fold(wg_unfold(vector(ctx), 0, 1, 1, 1), axis, 1, 1, 3), WG_BAD_SHAPE, "fold: ");
        EXPECT_ERROR(wg_cumsum(vector(ctx), axis), WG_BAD_SHAPE, "cumsum: axis ");
        EXPECT_ERROR(wg_argsort(vector(ctx), axis, false, -1), WG_BAD_SHAPE, "argsort: axis ");
        EXPECT_ERROR(wg_sort(vector(ctx), axis, false), WG_BAD_SHAPE, "sort: axis ");
        EXPECT_ERROR(wg_top_k(vector(ctx), 1, axis, NULL), WG_BAD_SHAPE, "top_k: axis ");
        EXPECT_ERROR(wg_pad_with(vector(ctx), axis, 1, 1, WG_PAD_REFLECT, 0), WG_BAD_SHAPE, "pad: axis ");
        EXPECT_ERROR(wg_take_along(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 0), axis), WG_BAD_SHAPE,
                     "take_along: axis ");
        EXPECT_ERROR(wg_dynamic_slice(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SCALAR, 0), axis, 1), WG_BAD_SHAPE,
                     "dynamic_slice: axis ");
        EXPECT_ERROR(wg_dynamic_update(vector(ctx), vector(ctx), wg_full_typed(ctx, WG_I32, WG_SCALAR, 0), axis),
                     WG_BAD_SHAPE, "dynamic_update: axis ");
        EXPECT_ERROR(wg_concat(WG_LIST(vector(ctx), vector(ctx)), axis), WG_BAD_SHAPE, "concat: axis ");
        EXPECT_ERROR(wg_gather(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SCALAR, 0), axis), WG_BAD_SHAPE,
                     "gather: axis ");
        EXPECT_ERROR(wg_select(vector(ctx), axis, 0), WG_BAD_SHAPE, "select: axis ");
        EXPECT_ERROR(wg_squeeze(vector(ctx), axis), WG_BAD_SHAPE, "squeeze: axis ");
        EXPECT_ERROR(wg_iota(ctx, WG_I32, WG_SHAPE(3), axis), WG_BAD_SHAPE, "iota: axis ");
        cr_expect_eq(wg_dim(vector(ctx), axis), 0);
        wg_axes axes = {.count = 1, .axis = {(int8_t)(i < 3 ? axis : 100 * (i - 4))}};
        if (axes.axis[0] != 0) EXPECT_ERROR(wg_sum(vector(ctx), axes), WG_BAD_SHAPE, "sum: axis ");
        if (axis != 1 && axis != -2) EXPECT_ERROR(wg_unsqueeze(vector(ctx), axis), WG_BAD_SHAPE, "unsqueeze: ");
        if (axis != 1 && axis != -2) EXPECT_ERROR(wg_stack(WG_LIST(vector(ctx)), axis), WG_BAD_SHAPE, "unsqueeze: ");
        if (axis != 1)
            EXPECT_ERROR(wg_scatter_add(vector(ctx), wg_full_typed(ctx, WG_I32, WG_SHAPE(3), 0), axis, 2), WG_BAD_SHAPE,
                         "scatter_add: ");
    }
    EXPECT_ERROR(wg_sum(vector(ctx), WG_AXES(0, 0)), WG_BAD_SHAPE, "sum: axis 0 is named twice");
    EXPECT_ERROR(wg_sum(vector(ctx), (wg_axes){.count = 100}), WG_BAD_SHAPE, "sum: ");
    EXPECT_ERROR(wg_mean(vector(ctx), WG_AXES(0, -1)), WG_BAD_SHAPE, "mean: axis -1 is named twice");
    EXPECT_ERROR(wg_permute(vector(ctx), (wg_axes){.count = 100}), WG_BAD_SHAPE, "permute: ");
    EXPECT_ERROR(wg_permute(vector(ctx), WG_ALL), WG_BAD_SHAPE, "permute: ");
    EXPECT_ERROR(wg_permute(wg_zeros(ctx, WG_SHAPE(2, 2)), WG_AXES(1, 1)), WG_BAD_SHAPE, "permute: ");
    EXPECT_ERROR(wg_slice(vector(ctx), 0, INT64_MIN, 1), WG_BAD_SHAPE, "slice: ");
    EXPECT_ERROR(wg_slice(vector(ctx), 0, 1, INT64_MIN), WG_BAD_SHAPE, "slice: ");
    EXPECT_ERROR(wg_slice(vector(ctx), 0, 0, INT64_MAX - 1), WG_BAD_SHAPE, "slice: ");
    EXPECT_ERROR(wg_slice(vector(ctx), 0, 2, 1), WG_BAD_SHAPE, "slice: [2, 1) does not lie inside axis 0 of [3]");
    EXPECT_ERROR(wg_select(vector(ctx), 0, 3), WG_BAD_SHAPE, "select: 3 is out of range for an axis of length 3");
    EXPECT_ERROR(wg_select(vector(ctx), 0, INT64_MIN), WG_BAD_SHAPE, "select: ");
    EXPECT_ERROR(wg_transpose(vector(ctx)), WG_BAD_SHAPE, "transpose: needs two axes at least");
    EXPECT_ERROR(wg_squeeze(vector(ctx), 0), WG_BAD_SHAPE, "squeeze: axis 0 has length 3, not 1");
    scratch_close(ctx);
}

/* ---- numbers and options ---- */

Test(options, of_contexts)
{
    static void *(*const allocate)(void *, size_t) = scratch_allocate;
    const wg_context_options wrong[] = {{.type = WG_I64},
                                        {.type = (wg_type)77},
                                        {.mode = (wg_mode)5},
                                        {.threads = -1},
                                        {.allocator = {allocate, NULL, NULL}}};
    const char *const says[] = {"the default type must be f32 or f64", "the default type must be f32 or f64",
                                "the mode must be WG_TRAIN or WG_EVAL", "threads must not be negative",
                                "an allocator needs both allocate and release"};
    for (int i = 0; i < 5; i++) {
        wg_recover(NULL);
        cr_expect_null(wg_context_new(&wrong[i]));
        cr_expect_eq(wg_error_status(NULL), WG_BAD_ARGUMENT);
        cr_expect_not_null(strstr(wg_error(NULL), says[i]), "%s", wg_error(NULL));
    }
    wg_recover(NULL);
    cr_expect_null(wg_context_new(&(wg_context_options){.memory_limit = 100}));
    cr_expect_eq(wg_error_status(NULL), WG_OUT_OF_MEMORY);
    cr_expect_not_null(strstr(wg_error(NULL), "limit"), "%s", wg_error(NULL));
    wg_recover(NULL);
}

Test(options, of_calls)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_zeros());
    EXPECT_ERROR(wg_set_mode(ctx, (wg_mode)9), WG_BAD_ARGUMENT, "set_mode: the mode must be");
    EXPECT_ERROR(wg_full_typed(ctx, (wg_type)99, WG_SCALAR, 0), WG_BAD_TYPE, "full: ");
    EXPECT_ERROR(wg_cast(vector(ctx), (wg_type)99), WG_BAD_TYPE, "cast: ");
    EXPECT_ERROR(wg_iota(ctx, WG_BOOL, WG_SHAPE(3), 0), WG_BAD_TYPE, "iota: counts in floats and integers");
    EXPECT_ERROR(wg_random_uniform(ctx, WG_I32, WG_SHAPE(3)), WG_BAD_TYPE, "random_uniform: draws f32 and f64");
    EXPECT_ERROR(wg_bernoulli(ctx, WG_SHAPE(3), 1.5), WG_BAD_ARGUMENT,
                 "bernoulli: the probability 1.5 is not in [0, 1]");
    EXPECT_ERROR(wg_bernoulli(ctx, WG_SHAPE(3), NAN), WG_BAD_ARGUMENT, "bernoulli: ");
    EXPECT_ERROR(wg_dropout(vector(ctx), 1), WG_BAD_ARGUMENT, "dropout: the probability 1 is not in [0, 1)");
    EXPECT_ERROR(wg_dropout(vector(ctx), NAN), WG_BAD_ARGUMENT, "dropout: ");
    EXPECT_ERROR(wg_parameter(ctx, "p", WG_SCALAR, (wg_init){.kind = 99}), WG_BAD_ARGUMENT, "unknown initialiser 99");
    EXPECT_ERROR(wg_squared_error(w, w, &(wg_loss_options){.reduction = (wg_reduction)7}), WG_BAD_ARGUMENT,
                 "unknown reduction 7");
    EXPECT_ERROR(wg_cross_entropy(w, w, &(wg_loss_options){.label_smoothing = 1}), WG_BAD_ARGUMENT,
                 "cross_entropy: label_smoothing 1 is not in [0, 1)");
    EXPECT_ERROR(wg_schedule_cosine(ctx, 0), WG_BAD_ARGUMENT, "schedule: 0 steps");
    EXPECT_ERROR(wg_schedule_warmup(ctx, -5, NULL), WG_BAD_ARGUMENT, "schedule: -5 steps");
    EXPECT_ERROR(wg_input(wg_neg(w), 1), WG_BAD_ARGUMENT, "input: neg has no operand 1");
    EXPECT_ERROR(wg_input(w, 0), WG_BAD_ARGUMENT, "input: parameter has no operand 0");
    EXPECT_ERROR(wg_input(vector(ctx), 0), WG_BAD_ARGUMENT, "input: full has no operand 0");
    EXPECT_ERROR(wg_apply(wg_op_at(0), (wg_list){0, NULL}, NULL).id + wg_item(wg_reshape(w, WG_SHAPE(1))), WG_BAD_SHAPE,
                 "");
    EXPECT_ERROR(wg_optimizer_apply(wg_sgd_new(ctx, "w", NULL), WG_LIST(w, w)), WG_BAD_ARGUMENT,
                 "optimizer: 2 gradients for 1 parameters");
    EXPECT_ERROR(wg_optimizer_step(wg_sgd_new(ctx, "nothing*", NULL), wg_sum(w, WG_ALL)), WG_BAD_ARGUMENT,
                 "no parameter matches \"nothing*\"");
    EXPECT_ERROR(wg_optimizer_step(wg_adam_new(ctx, "w", NULL), w), WG_BAD_SHAPE, "reduce it first");
    wg_recover(NULL);
    scratch_close(ctx);
}

Test(options, reading)
{
    wg_context *ctx = scratch_context();
    float f32[4];
    int32_t i32[4];
    EXPECT_ERROR(wg_item(vector(ctx)), WG_BAD_SHAPE, "item: a tensor of one element is wanted, not [3]");
    EXPECT_ERROR(wg_item(wg_zeros(ctx, WG_SHAPE(0))), WG_BAD_SHAPE, "item: a tensor of one element is wanted, not [0]");
    EXPECT_ERROR(wg_read_f32(vector(ctx), f32, 2), WG_BAD_SHAPE, "read_f32: room for 2 elements, the tensor is [3]");
    EXPECT_ERROR(wg_read_f32(vector(ctx), f32, 4), WG_BAD_SHAPE, "read_f32: room for 4 elements, the tensor is [3]");
    EXPECT_ERROR(wg_read_i32(vector(ctx), i32, 3), WG_BAD_TYPE, "read_i32: the tensor is f32, not i32");
    EXPECT_ERROR(wg_read_f32(wg_full_typed(ctx, WG_I64, WG_SHAPE(3), 1), f32, 3), WG_BAD_TYPE,
                 "read_f32: the tensor is i64, not f32");
    EXPECT_ERROR(wg_values_f64(vector(ctx)), WG_BAD_TYPE, "values_f64: the tensor is f32, not f64");
    cr_expect_eq(wg_item(wg_full_typed(ctx, WG_BOOL, WG_SHAPE(1, 1), 1)), 1);
    cr_expect(wg_read_f32(wg_zeros(ctx, WG_SHAPE(0, 5)), NULL, 0), "%s", wg_error(ctx));
    scratch_close(ctx);
}

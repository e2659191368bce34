/* What each op says when it is used wrongly: the status, a text that begins with the op's name and holds the shapes,
   and a hint where the cause can be guessed. Every row of the table has its wrong calls here. */
#include "tests/reference/messages.h"
#include "tests/reference/truth.h"

void expect_error(wg_context *ctx, wg_tensor y, const char *op, wg_status status, const char *words)
{
    char begin[64], list[256];
    const char *text = wg_error(ctx);
    snprintf(begin, sizeof begin, "%s: ", op);
    reference_check(wg_failed(ctx) && y.id == 0, "%s: no error, \"%s\" was to be said", op, words);
    reference_check(wg_error_status(ctx) == status, "%s: status %d, not %d: %s", op, (int)wg_error_status(ctx),
                    (int)status, text);
    reference_check(strncmp(text, begin, strlen(begin)) == 0, "%s: the text begins otherwise: %s", op, text);
    snprintf(list, sizeof list, "%s", words);
    for (char *word = strtok(list, "|"); word; word = strtok(NULL, "|"))
        reference_check(strstr(text, word) != NULL, "%s: \"%s\" does not say \"%s\"", op, text, word);
    wg_recover(ctx);
}

wg_tensor message_tensor(wg_context *ctx, wg_type type, wg_shape shape)
{
    return wg_full_typed(ctx, type, shape, 1);
}

/* ---- element-wise rows ---- */

static void wrong_elementwise(wg_context *ctx, const truth *t)
{
    wg_type good = t->logic ? WG_BOOL : WG_F32, bad = t->logic ? WG_F32 : WG_BOOL;
    for (int i = 0; i < (t->integers ? 2 : 4); i++) {
        wg_type type = i == 0 ? bad : i == 1 ? WG_U8 : i == 2 ? WG_I32 : WG_I64;
        wg_tensor x = message_tensor(ctx, type, WG_SHAPE(2, 3));
        expect_error(ctx, t->apply1 ? t->apply1(x) : t->apply2(x, x), t->name, WG_BAD_TYPE,
                     type == WG_U8 ? "works on |, not u8|[2, 3]" : "works on |, not |[2, 3]");
    }
    if (t->apply1) return;
    expect_error(ctx, t->apply2(message_tensor(ctx, good, WG_SHAPE(2, 3)), message_tensor(ctx, good, WG_SHAPE(4, 3))),
                 t->name, WG_BAD_SHAPE, "do not broadcast|[2, 3]|[4, 3]|last axis");
    expect_error(ctx, t->apply2(message_tensor(ctx, good, WG_SHAPE(5)), message_tensor(ctx, good, WG_SHAPE(5, 2))),
                 t->name, WG_BAD_SHAPE, "[5]|[5, 2]");
    if (!t->logic)
        expect_error(ctx, t->apply2(T(F32, 2), T(F64, 2)), t->name, WG_BAD_TYPE, "types differ|f32|f64|[2]|wg_cast");
    if (t->right) expect_error(ctx, t->right(T(BOOL, 2, 3), 1), t->name, WG_BAD_TYPE, "not bool|[2, 3]");
    wg_tensor x = t->apply1 ? t->apply1(WG_NONE) : t->apply2(WG_NONE, message_tensor(ctx, good, WG_SHAPE(2)));
    expect_error(ctx, x, t->name, WG_BAD_HANDLE, "zero handle");
}

Test(messages, elementwise)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    for (size_t i = 0; i < truth_count(); i++) wrong_elementwise(ctx, truth_at(i));
    reference_end(ctx, "element-wise messages");
}

/* ---- structured rows ---- */

static const wg_axes far = {1, false, {3}}, below = {1, false, {-4}}, twice = {2, false, {1, -2}};

static void wrong_axes(wg_context *ctx, wg_tensor (*apply)(wg_tensor, wg_axes), const char *name, wg_type good,
                       wg_type bad)
{
    wg_tensor x = message_tensor(ctx, good, WG_SHAPE(2, 3, 4));
    expect_error(ctx, apply(x, far), name, WG_BAD_SHAPE, "axis 3|[2, 3, 4]");
    x = message_tensor(ctx, good, WG_SHAPE(2, 3, 4));
    expect_error(ctx, apply(x, below), name, WG_BAD_SHAPE, "axis -4|[2, 3, 4]");
    x = message_tensor(ctx, good, WG_SHAPE(2, 3, 4));
    expect_error(ctx, apply(x, twice), name, WG_BAD_SHAPE, "twice");
    expect_error(ctx, apply(message_tensor(ctx, bad, WG_SHAPE(2, 3)), WG_ALL), name, WG_BAD_TYPE, "[2, 3]");
}

static void wrong_reductions(wg_context *ctx)
{
    wrong_axes(ctx, wg_sum, "sum", WG_F32, WG_U8);
    wrong_axes(ctx, wg_prod, "prod", WG_F32, WG_BOOL);
    wrong_axes(ctx, wg_max, "max", WG_F64, WG_BOOL);
    wrong_axes(ctx, wg_min, "min", WG_I32, WG_U8);
    wrong_axes(ctx, wg_any, "any", WG_BOOL, WG_F32);
    wrong_axes(ctx, wg_all, "all", WG_BOOL, WG_I64);
    expect_error(ctx, wg_max(T(F32, 3, 0), WG_AXES(1)), "max", WG_BAD_SHAPE, "no elements|[3, 0]");
    expect_error(ctx, wg_min(T(F32, 0), WG_ALL), "min", WG_BAD_SHAPE, "no elements|[0]");
    expect_error(ctx, wg_argmax(T(F32, 2, 3), 2), "argmax", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_argmax(T(BOOL, 2, 3), 0), "argmax", WG_BAD_TYPE, "not bool|[2, 3]");
    expect_error(ctx, wg_argmin(T(F32, 2, 3), -3), "argmin", WG_BAD_SHAPE, "axis -3|[2, 3]");
    expect_error(ctx, wg_argmin(T(F32, 2, 0), 1), "argmin", WG_BAD_SHAPE, "no elements|[2, 0]");
    expect_error(ctx, wg_argmin(T(U8, 2), 0), "argmin", WG_BAD_TYPE, "not u8|[2]");
}

static void wrong_movement(wg_context *ctx)
{
    expect_error(ctx, wg_reshape(T(F32, 2, 3), WG_SHAPE(4, 2)), "reshape", WG_BAD_SHAPE, "[2, 3]|[4, 2]");
    expect_error(ctx, wg_reshape(T(F32, 2, 3), WG_SHAPE(4, -1)), "reshape", WG_BAD_SHAPE, "[2, 3]|[4, -1]");
    expect_error(ctx, wg_reshape(T(F32, 2, 3), WG_SHAPE(-1, -1)), "reshape", WG_BAD_SHAPE, "[2, 3]|[-1, -1]");
    expect_error(ctx, wg_reshape(T(F32, 0, 3), WG_SHAPE(0, -1)), "reshape", WG_BAD_SHAPE, "[0, 3]|[0, -1]");
    expect_error(ctx, wg_reshape(T(F32, 2), (wg_shape){.rank = 9}), "reshape", WG_BAD_SHAPE, "[2]");
    expect_error(ctx, wg_permute(T(F32, 2, 3), WG_AXES(0)), "permute", WG_BAD_SHAPE, "[2, 3]");
    expect_error(ctx, wg_permute(T(F32, 2, 3), WG_AXES(1, 1)), "permute", WG_BAD_SHAPE, "once|[2, 3]");
    expect_error(ctx, wg_permute(T(F32, 2, 3), WG_AXES(0, 2)), "permute", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_expand(T(F32, 2, 3), WG_SHAPE(2, 4)), "expand", WG_BAD_SHAPE, "[2, 3]|[2, 4]");
    expect_error(ctx, wg_expand(T(F32, 2, 3), WG_SHAPE(3)), "expand", WG_BAD_SHAPE, "[2, 3]|[3]");
    expect_error(ctx, wg_expand(T(F32, 1), WG_SHAPE(INT64_MAX, 2)), "expand", WG_BAD_SHAPE, "overflows");
    expect_error(ctx, wg_expand(T(F32, 1), WG_SHAPE(-1)), "expand", WG_BAD_SHAPE, "negative");
    expect_error(ctx, wg_slice(T(F32, 2, 3), 2, 0, 1), "slice", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_slice(T(F32, 2, 3), 1, 0, 4), "slice", WG_BAD_SHAPE, "[0, 4)|axis 1|[2, 3]");
    expect_error(ctx, wg_slice(T(F32, 2, 3), 1, 2, 1), "slice", WG_BAD_SHAPE, "[2, 1)|[2, 3]");
    expect_error(ctx, wg_slice(T(F32, 2, 3), 1, -4, 1), "slice", WG_BAD_SHAPE, "[-4, 1)|[2, 3]");
    expect_error(ctx, wg_slice_step(T(F32, 2, 3), 1, 0, 2, 0), "slice", WG_BAD_ARGUMENT, "step 0");
    expect_error(ctx, wg_pad(T(F32, 2, 3), -3, 1, 1, 0), "pad", WG_BAD_SHAPE, "axis -3|[2, 3]");
    expect_error(ctx, wg_pad(T(F32, 2, 3), 0, -1, 1, 0), "pad", WG_BAD_SHAPE, "-1|[2, 3]");
    expect_error(ctx, wg_pad(T(F32, 2, 3), 0, INT64_MAX, 1, 0), "pad", WG_BAD_SHAPE, "[2, 3]");
    expect_error(ctx, wg_concat(WG_LIST(T(F32, 2, 3), T(F32, 2, 4)), 0), "concat", WG_BAD_SHAPE,
                 "[2, 3]|[2, 4]|axis 0");
    expect_error(ctx, wg_concat(WG_LIST(T(F32, 2, 3), T(F32, 2)), 0), "concat", WG_BAD_SHAPE, "[2, 3]|[2]");
    expect_error(ctx, wg_concat(WG_LIST(T(F32, 2), T(F64, 2)), 0), "concat", WG_BAD_TYPE, "f32|f64|[2]");
    expect_error(ctx, wg_concat(WG_LIST(T(F32, 2), T(F32, 2)), 1), "concat", WG_BAD_SHAPE, "axis 1|[2]");
    expect_error(ctx, wg_flip(T(F32, 2, 3), 2), "flip", WG_BAD_SHAPE, "axis 2|[2, 3]");
    reference_check(wg_concat((wg_list){0, NULL}, 0).id == 0 && wg_error_status(NULL) == WG_BAD_ARGUMENT &&
                        strncmp(wg_error(NULL), "concat: ", 8) == 0,
                    "concat of nothing: %s", wg_error(NULL));
    wg_recover(NULL);
}

static void wrong_indexing(wg_context *ctx)
{
    const int32_t inside[] = {0, 1}, outside[] = {0, 3}, negative[] = {-1, 0};
    expect_error(ctx, wg_gather(T(F32, 2, 3), wg_from_i32(ctx, WG_SHAPE(2), inside), 2), "gather", WG_BAD_SHAPE,
                 "axis 2|[2, 3]");
    expect_error(ctx, wg_gather(T(F32, 2, 3), T(F32, 2), 1), "gather", WG_BAD_TYPE,
                 "index must be i32 or i64|not f32|[2]");
    expect_error(ctx, wg_gather(T(F32, 1, 1, 1, 1, 1), T(I32, 1, 1, 1, 1, 1), 1), "gather", WG_BAD_SHAPE,
                 "rank|[1, 1, 1, 1, 1]");
    wg_tensor y = wg_gather(T(F32, 2, 3), wg_from_i32(ctx, WG_SHAPE(2), outside), 1);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "gather evaluates an index outside");
    expect_error(ctx, WG_NONE, "gather", WG_BAD_ARGUMENT, "index 3|length 3");
    y = wg_gather(T(F32, 2, 3), wg_from_i32(ctx, WG_SHAPE(2), negative), 1);
    reference_check(y.id && isnan(wg_item(wg_sum(y, WG_ALL))), "gather evaluates a negative index");
    expect_error(ctx, WG_NONE, "gather", WG_BAD_ARGUMENT, "index -1|length 3");
    y = wg_scatter_add(T(F32, 2), wg_from_i32(ctx, WG_SHAPE(2), outside), 0, 3);
    reference_check(y.id && !wg_eval(WG_LIST(y)), "scatter_add evaluates an index outside");
    expect_error(ctx, WG_NONE, "scatter_add", WG_BAD_ARGUMENT, "index 3|length 3");
    expect_error(ctx, wg_scatter_add(T(F32, 4, 3), wg_from_i32(ctx, WG_SHAPE(2), inside), 0, 3), "scatter_add",
                 WG_BAD_SHAPE, "axis 0|[4, 3]|[2]");
    expect_error(ctx, wg_scatter_add(T(F32, 2), T(I32, 2), 1, 3), "scatter_add", WG_BAD_SHAPE, "axis 1|[2]");
    expect_error(ctx, wg_scatter_add(T(F32, 2), T(I32, 2), 0, -1), "scatter_add", WG_BAD_SHAPE, "[2]");
    expect_error(ctx, wg_scatter_add(T(F32, 2), T(F32, 2), 0, 3), "scatter_add", WG_BAD_TYPE,
                 "index must be|not f32|[2]");
    expect_error(ctx, wg_scatter_add(T(BOOL, 2), T(I32, 2), 0, 3), "scatter_add", WG_BAD_TYPE, "not bool|[2]");
}

static void wrong_products(wg_context *ctx)
{
    expect_error(ctx, wg_matmul(T(F32, 32, 784), T(F32, 100, 10)), "matmul", WG_BAD_SHAPE,
                 "inner dimensions differ|[32, 784] x [100, 10]");
    expect_error(ctx, wg_matmul(T(F32, 32, 784), T(F32, 10, 784)), "matmul", WG_BAD_SHAPE,
                 "inner dimensions differ|[32, 784] x [10, 784]|did you mean transpose_b");
    expect_error(ctx, wg_matmul(T(F32, 784, 32), T(F32, 784, 10)), "matmul", WG_BAD_SHAPE, "did you mean transpose_a");
    expect_error(ctx, wg_matmul(T(F32, 3, 2, 4), T(F32, 2, 4, 5)), "matmul", WG_BAD_SHAPE,
                 "leading axes|[3, 2, 4]|[2, 4, 5]");
    expect_error(ctx, wg_matmul(T(F32, 3, 2, 4), T(F32, 5, 6)), "matmul", WG_BAD_SHAPE, "[3, 2, 4]|[5, 6]");
    expect_error(ctx, wg_matmul(T(F32, 2, 3), T(F64, 3, 2)), "matmul", WG_BAD_TYPE,
                 "types differ|f32 [2, 3]|f64 [3, 2]|wg_cast");
    expect_error(ctx, wg_matmul(T(I32, 2, 3), T(I32, 3, 2)), "matmul", WG_BAD_TYPE, "not i32|[2, 3] x [3, 2]");
    expect_error(ctx, wg_matmul(wg_scalar(ctx, 1), T(F32, 3, 2)), "matmul", WG_BAD_SHAPE, "rank|[]|[3, 2]");
    expect_error(ctx, wg_matmul_transposed(T(F32, 3), true, T(F32, 3, 2), false), "matmul", WG_BAD_SHAPE,
                 "rank|[3]|[3, 2]");
    expect_error(ctx, wg_matmul(T(F32, 4), T(F32, 3)), "matmul", WG_BAD_SHAPE, "inner dimensions differ|[4] x [3]");
}

#define WINDOW(...) (&(wg_conv_window){__VA_ARGS__})

static void wrong_convolutions(wg_context *ctx)
{
    wg_tensor none = WG_NONE;
    expect_error(ctx, wg_conv(none, T(F32, 1, 1, 3), NULL), "conv", WG_BAD_HANDLE, "zero handle");
    expect_error(ctx, wg_conv(T(F32, 2, 3), T(F32, 2, 3), NULL), "conv", WG_BAD_SHAPE, "one to three axes|[2, 3]");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4, 4), T(F32, 1, 1, 3), NULL), "conv", WG_BAD_SHAPE, "equal rank|[1, 1, 3]");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4), T(F64, 1, 1, 3), NULL), "conv", WG_BAD_TYPE, "types differ|f32|f64");
    expect_error(ctx, wg_conv(T(I32, 1, 1, 4), T(I32, 1, 1, 3), NULL), "conv", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_conv(T(F32, 1, 3, 4), T(F32, 2, 2, 3), NULL), "conv", WG_BAD_SHAPE,
                 "take 2 channels of each group, not 3|[1, 3, 4]|[2, 2, 3]");
    expect_error(ctx, wg_conv(T(F32, 1, 3, 4), T(F32, 2, 1, 3), WINDOW(.groups = 2)), "conv", WG_BAD_SHAPE,
                 "3 input channels do not make 2 groups");
    expect_error(ctx, wg_conv(T(F32, 1, 2, 4), T(F32, 3, 1, 3), WINDOW(.groups = 2)), "conv", WG_BAD_SHAPE,
                 "3 output channels do not make 2 groups");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4), T(F32, 1, 1, 3), WINDOW(.groups = -1)), "conv", WG_BAD_SHAPE,
                 "-1 groups");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4), T(F32, 1, 1, 3), WINDOW(.stride = {-2})), "conv", WG_BAD_ARGUMENT,
                 "stride[0] is -2");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4, 4), T(F32, 1, 1, 3, 3), WINDOW(.high = {0, -1})), "conv", WG_BAD_ARGUMENT,
                 "high[1] is -1");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4, 4), T(F32, 1, 1, 1, 3), WINDOW(.dilation = {1, 2}, .low = {0, 0})),
                 "conv", WG_BAD_SHAPE, "length 3 with dilation 2 spans 5 elements|axis 1 has 4");
    expect_error(ctx, wg_conv(T(F32, 1, 1, 4), T(F32, 1, 1, 0), NULL), "conv", WG_BAD_SHAPE, "kernel has length 0");
    expect_error(ctx, wg_conv_transpose(T(F32, 1, 2, 4), T(F32, 3, 1, 3), WG_SCALAR, NULL), "conv_transpose",
                 WG_BAD_SHAPE, "take 3 channels, not 2");
    expect_error(ctx, wg_conv_transpose(T(F32, 1, 2, 4), T(F32, 2, 1, 3), WG_SHAPE(7), NULL), "conv_transpose",
                 WG_BAD_SHAPE, "length 7 has 5 windows of a kernel of 3, not 4");
    expect_error(ctx, wg_conv_transpose(T(F32, 1, 2, 4), T(F32, 2, 1, 3), WG_SHAPE(6, 6), NULL), "conv_transpose",
                 WG_BAD_SHAPE, "2 lengths are given for 1 spatial axes");
    expect_error(ctx, wg_conv_filter(T(F32, 1, 1, 6), T(F32, 2, 1, 4), WG_SHAPE(3), NULL), "conv_filter", WG_BAD_SHAPE,
                 "differ in number|[1, 1, 6]|[2, 1, 4]");
    expect_error(ctx, wg_conv_filter(T(F32, 1, 1, 6), T(F32, 1, 1, 4), WG_SHAPE(2), NULL), "conv_filter", WG_BAD_SHAPE,
                 "length 6 has 5 windows of a kernel of 2, not 4");
}

/* All that takes square matrices of floats, and what factors any. */
static void wrong_factored(wg_context *ctx)
{
    static const struct {
        const char *name;
        wg_tensor (*apply)(wg_tensor x);
        bool square;
    } takes[] = {{"cholesky", wg_cholesky, true},
                 {"lu_packed", wg_lu_packed, true},
                 {"qr_packed", wg_qr_packed, false},
                 {"svd_packed", wg_svd_packed, false},
                 {"eigh_packed", wg_eigh_packed, true},
                 {"inv", wg_inv, true},
                 {"pinv", wg_pinv, false},
                 {"det", wg_det, true},
                 {"logdet", wg_logdet, true}};
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
        const char *name = takes[i].name;
        expect_error(ctx, takes[i].apply(T(I32, 3, 3)), name, WG_BAD_TYPE, "floats, not i32|[3, 3]|wg_cast");
        expect_error(ctx, takes[i].apply(T(F32, 3)), name, WG_BAD_SHAPE, "rank 2|[3]");
        expect_error(ctx, takes[i].apply(wg_scalar(ctx, 2)), name, WG_BAD_SHAPE, "rank 2|[]");
        if (takes[i].square) expect_error(ctx, takes[i].apply(T(F32, 2, 3, 4)), name, WG_BAD_SHAPE, "square|[2, 3, 4]");
    }
}

static void wrong_systems(wg_context *ctx)
{
    static const struct {
        const char *name;
        wg_tensor (*apply)(wg_tensor a, wg_tensor b);
        bool square;
    } takes[] = {{"solve", wg_solve, true}, {"cholesky_solve", wg_cholesky_solve, true}, {"lstsq", wg_lstsq, false}};
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
        const char *name = takes[i].name;
        expect_error(ctx, takes[i].apply(T(F32, 3, 3), T(F64, 3, 1)), name, WG_BAD_TYPE,
                     "f32 [3, 3]|f64 [3, 1]|wg_cast");
        expect_error(ctx, takes[i].apply(T(F32, 3, 3), T(F32, 2, 3)), name, WG_BAD_SHAPE, "3 rows|[3, 3] x [2, 3]");
        expect_error(ctx, takes[i].apply(T(F32, 3, 3), T(F32, 4)), name, WG_BAD_SHAPE, "3 rows|[4]");
        expect_error(ctx, takes[i].apply(T(F32, 3, 3), wg_scalar(ctx, 1)), name, WG_BAD_SHAPE, "not a number");
        expect_error(ctx, takes[i].apply(T(F32, 9), T(F32, 9)), name, WG_BAD_SHAPE, "rank 2|[9]");
        if (takes[i].square)
            expect_error(ctx, takes[i].apply(T(F32, 4, 3), T(F32, 4)), name, WG_BAD_SHAPE, "square|[4, 3]");
    }
    expect_error(ctx, wg_solve(T(F32, 2, 3, 3), T(F32, 4, 3, 1)), "solve", WG_BAD_SHAPE,
                 "leading axes do not broadcast|[2, 3, 3]|[4, 3, 1]");
    expect_error(ctx, wg_triangular_solve(T(F32, 2, 3, 3), T(F32, 4, 3, 1), 0), "triangular_solve", WG_BAD_SHAPE,
                 "leading axes do not broadcast|[2, 3, 3] x [4, 3, 1]");
    expect_error(ctx, wg_triangular_solve(T(F32, 3, 3), T(F64, 3, 1), 0), "triangular_solve", WG_BAD_TYPE,
                 "f32 [3, 3]|f64 [3, 1]|wg_cast");
    expect_error(ctx, wg_triangular_solve(T(F32, 3, 2), T(F32, 3, 1), 0), "triangular_solve", WG_BAD_SHAPE,
                 "square|[3, 2]");
    expect_error(ctx, wg_triangular_solve(T(F32, 3, 3), T(F32, 1, 2, 1), 0), "triangular_solve", WG_BAD_SHAPE,
                 "3 rows");
    expect_error(ctx, wg_triangular_solve(T(F32, 3, 3), T(F32, 3, 16777217), 0), "triangular_solve", WG_BAD_SHAPE,
                 "no further than 16777216 columns");
    expect_error(ctx, wg_triangular_solve(T(F32, 3, 3), T(F32, 3, 1), 8), "triangular_solve", WG_BAD_ARGUMENT,
                 "flags 8|WG_UPPER");
    expect_error(ctx, wg_apply(row_named("triangular_solve"), WG_LIST(T(F32, 3, 3), T(F32, 2, 3, 1)), NULL),
                 "triangular_solve", WG_BAD_SHAPE, "other leading axes|[3, 3] x [2, 3, 1]");
    expect_error(ctx, wg_apply(row_named("triangular_solve"), WG_LIST(T(F32, 3, 3), T(F64, 3, 1)), NULL),
                 "triangular_solve", WG_BAD_TYPE, "types differ");
}

/* Functions of several results: poison for each. */
static void wrong_factors(wg_context *ctx)
{
    wg_tensor a = T(F32, 2), b = a, c = a;
    expect_error(ctx, wg_lu(T(F32, 2, 3), &a, &b, &c) ? a : WG_NONE, "lu", WG_BAD_SHAPE, "square|[2, 3]");
    reference_check(!a.id && !b.id && !c.id, "lu: no poison");
    a = b = T(F32, 2);
    expect_error(ctx, wg_qr(T(I64, 2, 3), &a, &b) ? a : WG_NONE, "qr", WG_BAD_TYPE, "not i64|[2, 3]");
    reference_check(!a.id && !b.id, "qr: no poison");
    a = b = c = T(F32, 2);
    expect_error(ctx, wg_svd(T(F32, 3), &a, &b, &c) ? a : WG_NONE, "svd", WG_BAD_SHAPE, "rank 2|[3]");
    reference_check(!a.id && !b.id && !c.id, "svd: no poison");
    a = b = T(F32, 2);
    expect_error(ctx, wg_eigh(T(F32, 4, 2, 3), &a, &b) ? a : WG_NONE, "eigh", WG_BAD_SHAPE, "square|[4, 2, 3]");
    reference_check(!a.id && !b.id, "eigh: no poison");
    a = b = T(F32, 2);
    expect_error(ctx, wg_slogdet(T(F32, 3, 2), &a, &b) ? a : WG_NONE, "slogdet", WG_BAD_SHAPE, "square|[3, 2]");
    reference_check(!a.id && !b.id, "slogdet: no poison");
}

static void wrong_powers(wg_context *ctx)
{
    expect_error(ctx, wg_matrix_power(T(F32, 2, 3), 2), "matrix_power", WG_BAD_SHAPE, "square|[2, 3]");
    expect_error(ctx, wg_matrix_power(T(I32, 3, 3), 2), "matrix_power", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_matrix_power(T(F32, 3, 3), -1), "matrix_power", WG_BAD_ARGUMENT, "exponent -1|wg_inv");
}

static void wrong_creation(wg_context *ctx)
{
    expect_error(ctx, wg_full(ctx, WG_SHAPE(2, -1), 0), "full", WG_BAD_SHAPE, "negative");
    expect_error(ctx, wg_full(ctx, (wg_shape){.rank = 9}, 0), "full", WG_BAD_SHAPE, "rank");
    expect_error(ctx, wg_full_typed(ctx, WG_I32, WG_SHAPE(2), 3e9), "full", WG_BAD_TYPE, "3e+09|i32");
    expect_error(ctx, wg_iota(ctx, WG_F32, WG_SHAPE(2, 3), 2), "iota", WG_BAD_SHAPE, "axis 2");
    expect_error(ctx, wg_iota(ctx, WG_F32, WG_SCALAR, 0), "iota", WG_BAD_SHAPE, "axis 0");
    expect_error(ctx, wg_iota(ctx, WG_BOOL, WG_SHAPE(2), 0), "iota", WG_BAD_TYPE, "counts in");
    expect_error(ctx, wg_random_uniform(ctx, WG_I32, WG_SHAPE(2)), "random_uniform", WG_BAD_TYPE, "f32 and f64");
    expect_error(ctx, wg_random_uniform(ctx, WG_F32, WG_SHAPE(-2)), "random_uniform", WG_BAD_SHAPE, "negative");
    expect_error(ctx, wg_cast(T(F32, 2, 3), WG_TYPES), "cast", WG_BAD_TYPE, "no element type|[2, 3]");
    expect_error(ctx, wg_where(T(F32, 2, 3), T(F32, 2, 3), T(F32, 2, 3)), "where", WG_BAD_TYPE,
                 "condition must be bool|not f32|[2, 3]");
    expect_error(ctx, wg_where(T(BOOL, 2), T(F32, 2), T(F64, 2)), "where", WG_BAD_TYPE, "f32|f64|[2]");
    expect_error(ctx, wg_where(T(BOOL, 2), T(F32, 3), T(F32, 2)), "where", WG_BAD_SHAPE, "do not broadcast|[2]|[3]");
    expect_error(ctx, wg_stop_gradient((wg_tensor){ctx, 0, 0}), "stop_gradient", WG_BAD_HANDLE, "failed");
    wg_tensor v = wg_variable(ctx, "v", T(F32, 2, 3));
    wg_assign(v, T(F32, 3, 2));
    expect_error(ctx, WG_NONE, "assign", WG_BAD_SHAPE, "\"v\"|[2, 3]|[3, 2]");
    wg_assign(v, T(F64, 2, 3));
    expect_error(ctx, WG_NONE, "assign", WG_BAD_TYPE, "f32|f64");
    wg_assign(T(F32, 2), T(F32, 2));
    expect_error(ctx, WG_NONE, "assign", WG_BAD_HANDLE, "neither parameter nor variable");
}

static void wrong_functions(wg_context *ctx)
{
    expect_error(ctx, wg_mean(T(I32, 2, 3), WG_ALL), "mean", WG_BAD_TYPE, "not i32|wg_cast");
    expect_error(ctx, wg_mean(T(F32, 2, 3), WG_AXES(2)), "mean", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_var(T(F32, 2, 3), WG_AXES(0, 0), 0), "var", WG_BAD_SHAPE, "twice");
    expect_error(ctx, wg_norm(T(BOOL, 2), WG_ALL), "norm", WG_BAD_TYPE, "not bool");
    expect_error(ctx, wg_logsumexp(T(I64, 2), WG_ALL), "logsumexp", WG_BAD_TYPE, "not i64");
    expect_error(ctx, wg_softmax(T(F32, 2, 3), 2), "softmax", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_log_softmax(T(F32, 2, 3), -3), "log_softmax", WG_BAD_SHAPE, "axis -3|[2, 3]");
    expect_error(ctx, wg_transpose(T(F32, 3)), "transpose", WG_BAD_SHAPE, "two axes");
    expect_error(ctx, wg_squeeze(T(F32, 2, 3), 1), "squeeze", WG_BAD_SHAPE, "axis 1|length 3");
    expect_error(ctx, wg_unsqueeze(T(F32, 2, 3), 4), "unsqueeze", WG_BAD_SHAPE, "axis 4|rank 2");
    expect_error(ctx, wg_unsqueeze(T(F32, 1, 1, 1, 1, 1, 1, 1, 1), 0), "unsqueeze", WG_BAD_SHAPE, "rank 8");
    expect_error(ctx, wg_select(T(F32, 2, 3), 1, 3), "select", WG_BAD_SHAPE, "3 is out of range|length 3");
    expect_error(ctx, wg_one_hot(T(F32, 2), 3), "one_hot", WG_BAD_TYPE, "not f32");
    expect_error(ctx, wg_bernoulli(ctx, WG_SHAPE(2), 2), "bernoulli", WG_BAD_ARGUMENT, "probability 2");
    expect_error(ctx, wg_bernoulli(ctx, WG_SHAPE(2), (double)NAN), "bernoulli", WG_BAD_ARGUMENT, "[0, 1]");
}

/* One message of a function that writes an array: nothing is left in it. */
static void expect_no_parts(wg_context *ctx, bool done, const wg_tensor *parts, const char *op, wg_status status,
                            const char *words)
{
    reference_check(!done && !parts[0].id && !parts[1].id, "%s gives parts", op);
    expect_error(ctx, WG_NONE, op, status, words);
}

static void wrong_arrangements(wg_context *ctx)
{
    wg_tensor p[2] = {WG_NONE, WG_NONE};
    const int64_t three[] = {1, 2}, negative[] = {-1, 5};
    expect_no_parts(ctx, wg_split(T(F32, 5, 2), 0, 2, p), p, "split", WG_BAD_SHAPE,
                    "axis 0|[5, 2]|2 equal parts|wg_split_lengths");
    expect_no_parts(ctx, wg_split(T(F32, 5), 0, 0, p), p, "split", WG_BAD_SHAPE, "0 equal parts");
    expect_no_parts(ctx, wg_split(T(F32, 5), 1, 2, p), p, "split", WG_BAD_SHAPE, "axis 1|[5]");
    expect_no_parts(ctx, wg_split(T(F32, 4), 0, 2, NULL), p, "split", WG_BAD_ARGUMENT, "NULL");
    expect_no_parts(ctx, wg_split_lengths(T(F32, 4), 0, 2, three, p), p, "split_lengths", WG_BAD_SHAPE,
                    "do not add up|axis 0|[4]");
    expect_no_parts(ctx, wg_split_lengths(T(F32, 4), 0, 2, negative, p), p, "split_lengths", WG_BAD_SHAPE, "add up");
    expect_no_parts(ctx, wg_split_lengths(T(F32, 4), 0, 2, NULL, p), p, "split_lengths", WG_BAD_ARGUMENT, "add up");
    expect_no_parts(ctx, wg_unstack(T(F32, 3, 2), -2, 2, p), p, "unstack", WG_BAD_SHAPE,
                    "axis -2|length 3|room for 2 tensors");
    expect_no_parts(ctx, wg_meshgrid(WG_LIST(T(F32, 3), T(F32, 2, 2)), p), p, "meshgrid", WG_BAD_SHAPE,
                    "operand 1|no vector|[2, 2]");
    expect_no_parts(ctx, wg_meshgrid(WG_LIST(T(F32, 3), T(F32, 2)), NULL), p, "meshgrid", WG_BAD_ARGUMENT, "room");
    expect_error(ctx, wg_tile(T(F32, 2), WG_SHAPE(-1)), "tile", WG_BAD_ARGUMENT, "[-1] are no repetitions");
    expect_error(ctx, wg_tile(T(F32, 2), (wg_shape){.rank = 9}), "tile", WG_BAD_ARGUMENT, "no repetitions");
    expect_error(ctx, wg_tile(T(F32, 2), WG_SHAPE(INT64_MAX)), "tile", WG_BAD_SHAPE, "overflows");
    expect_error(ctx, wg_repeat(T(F32, 2), 0, -1), "repeat", WG_BAD_ARGUMENT, "-1 times");
    expect_error(ctx, wg_repeat(T(F32, 2), 0, INT64_MAX), "repeat", WG_BAD_ARGUMENT, "times");
    expect_error(ctx, wg_repeat(T(F32, 2), 1, 2), "repeat", WG_BAD_SHAPE, "axis 1|[2]");
    expect_error(ctx, wg_repeat(T(F32, 1), 0, INT64_MAX), "expand", WG_BAD_SHAPE, "overflows");
    expect_error(ctx, wg_roll(T(F32, 2), -2, 1), "roll", WG_BAD_SHAPE, "axis -2|[2]");
    expect_error(ctx, wg_swap_axes(T(F32, 2, 3), 0, 2), "swap_axes", WG_BAD_SHAPE, "axis 2|[2, 3]");
    expect_error(ctx, wg_move_axis(T(F32, 2, 3), 0, -3), "move_axis", WG_BAD_SHAPE, "axis -3|[2, 3]");
}

static void wrong_matrices(wg_context *ctx)
{
    expect_error(ctx, wg_tril(T(F32, 3), 0), "tril", WG_BAD_SHAPE, "two axes");
    expect_error(ctx, wg_triu(T(F32, 3), 0), "triu", WG_BAD_SHAPE, "two axes");
    expect_error(ctx, wg_diagonal(T(F32, 3), 0), "diagonal", WG_BAD_SHAPE, "two axes");
    expect_error(ctx, wg_trace(T(F32, 3)), "trace", WG_BAD_SHAPE, "two axes");
    expect_error(ctx, wg_diagonal_matrix(wg_scalar(ctx, 1), 0), "diagonal_matrix", WG_BAD_SHAPE, "1 to 7 axes, not 0");
    expect_error(ctx, wg_diagonal_matrix(T(F32, 1, 1, 1, 1, 1, 1, 1, 1), 0), "diagonal_matrix", WG_BAD_SHAPE, "not 8");
    expect_error(ctx, wg_diagonal_matrix(T(F32, 2), INT64_MIN), "diagonal_matrix", WG_BAD_SHAPE, "overflows");
    expect_error(ctx, wg_diagonal_matrix(T(F32, 2), INT64_MAX), "diagonal_matrix", WG_BAD_SHAPE, "overflows");
    expect_error(ctx, wg_diagonal_matrix(T(F32, 2), INT64_C(3000000000)), "pad", WG_BAD_SHAPE, "");
    expect_error(ctx, wg_eye(ctx, -1), "eye", WG_BAD_SHAPE, "-1 is negative");
    expect_error(ctx, wg_outer(T(F32, 2), T(F32, 2, 2)), "outer", WG_BAD_SHAPE, "two vectors|[2] x [2, 2]");
    expect_error(ctx, wg_dot(T(F32, 2, 2), T(F32, 2)), "dot", WG_BAD_SHAPE, "two vectors|[2, 2] x [2]");
    expect_error(ctx, wg_dot(T(F32, 1), T(F32, 2)), "dot", WG_BAD_SHAPE, "lengths differ|[1] x [2]");
    expect_error(ctx, wg_kron(T(F32, 2), T(F32, 2, 2)), "kron", WG_BAD_SHAPE, "two matrices|[2] x [2, 2]");
}

static void wrong_ranges(wg_context *ctx)
{
    expect_error(ctx, wg_arange(ctx, WG_F32, 0, 1, 0), "arange", WG_BAD_ARGUMENT, "f32|from 0 to 1 by 0");
    expect_error(ctx, wg_arange(ctx, WG_F32, 0, 1, (double)NAN), "arange", WG_BAD_ARGUMENT, "by nan");
    expect_error(ctx, wg_arange(ctx, WG_F32, 0, INFINITY, 1), "arange", WG_BAD_ARGUMENT, "to inf");
    expect_error(ctx, wg_arange(ctx, WG_F32, 0, 1, 1e-300), "arange", WG_BAD_ARGUMENT, "by 1e-300");
    expect_error(ctx, wg_arange(ctx, WG_I32, 0.5, 4, 1), "arange", WG_BAD_ARGUMENT, "i32|from 0.5");
    expect_error(ctx, wg_arange(ctx, WG_I64, 0, 4, 0.5), "arange", WG_BAD_ARGUMENT, "i64|by 0.5");
    expect_error(ctx, wg_arange(ctx, WG_I32, 2147483646, 2147483650, 1), "arange", WG_BAD_ARGUMENT, "i32");
    expect_error(ctx, wg_arange(ctx, WG_BOOL, 0, 1, 1), "arange", WG_BAD_TYPE, "not bool");
    expect_error(ctx, wg_arange(ctx, WG_F32, 0, 1e15, 1e-1), "arange", WG_BAD_ARGUMENT, "f32");
    expect_error(ctx, wg_truncated_normal(ctx, WG_SHAPE(2), 1, 1), "truncated_normal", WG_BAD_ARGUMENT,
                 "between 1 and 1");
    expect_error(ctx, wg_truncated_normal(ctx, WG_SHAPE(2), 7, INFINITY), "truncated_normal", WG_BAD_ARGUMENT, "7");
    expect_error(ctx, wg_truncated_normal(ctx, WG_SHAPE(2), (double)NAN, 1), "truncated_normal", WG_BAD_ARGUMENT,
                 "nan");
    expect_error(ctx, wg_truncated_normal_like(T(I32, 2), -1, 1), "truncated_normal_like", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_exponential_like(T(I32, 2)), "exponential_like", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_gumbel_like(T(BOOL, 2)), "gumbel_like", WG_BAD_TYPE, "not bool");
    expect_error(ctx, wg_categorical(T(I64, 2)), "categorical", WG_BAD_TYPE, "not i64");
    expect_error(ctx, wg_categorical(wg_scalar(ctx, 1)), "categorical", WG_BAD_SHAPE, "no classes|[]");
    expect_error(ctx, wg_categorical(T(F32, 2, 0)), "categorical", WG_BAD_SHAPE, "no classes|[2, 0]");
}

static void wrong_numbers(wg_context *ctx)
{
    static const struct {
        const char *name;
        wg_tensor (*apply)(wg_tensor);
    } floats[] = {{"exp2", wg_exp2},
                  {"log2", wg_log2},
                  {"log10", wg_log10},
                  {"asinh", wg_asinh},
                  {"acosh", wg_acosh},
                  {"atanh", wg_atanh},
                  {"erfinv", wg_erfinv},
                  {"elu", wg_elu},
                  {"selu", wg_selu},
                  {"log_sigmoid", wg_log_sigmoid},
                  {"gelu_tanh", wg_gelu_tanh},
                  {"mish", wg_mish},
                  {"softsign", wg_softsign},
                  {"hard_tanh", wg_hard_tanh},
                  {"hard_sigmoid", wg_hard_sigmoid},
                  {"hard_swish", wg_hard_swish},
                  {"is_nan", wg_is_nan},
                  {"is_infinite", wg_is_infinite}};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        expect_error(ctx, floats[i].apply(T(I32, 2)), floats[i].name, WG_BAD_TYPE, "floats, not i32|wg_cast");
        expect_error(ctx, floats[i].apply(T(BOOL, 2)), floats[i].name, WG_BAD_TYPE, "floats, not bool");
    }
    expect_error(ctx, wg_std(T(I32, 2), WG_ALL, 0), "std", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_std(T(F32, 2), WG_AXES(1), 0), "std", WG_BAD_SHAPE, "axis 1|[2]");
    expect_error(ctx, wg_clip(T(F32, 2), 2, 1), "clip", WG_BAD_ARGUMENT, "2 to 1 is no interval");
    expect_error(ctx, wg_clip(T(F32, 2), (double)NAN, 1), "clip", WG_BAD_ARGUMENT, "nan to 1");
    expect_error(ctx, wg_clip(T(BOOL, 2), 0, 1), "clip", WG_BAD_TYPE, "not bool");
    expect_error(ctx, wg_hypot(T(F32, 2), T(I32, 2)), "hypot", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_hypot(T(F32, 2), T(F32, 3)), "maximum", WG_BAD_SHAPE, "[2]|[3]");
    expect_error(ctx, wg_glu(T(F32, 2, 3), 1), "glu", WG_BAD_SHAPE, "axis 1|length 3|halves");
    expect_error(ctx, wg_glu(T(F32, 2), 1), "glu", WG_BAD_SHAPE, "axis 1|[2]");
    expect_error(ctx, wg_glu(T(I32, 2), 0), "glu", WG_BAD_TYPE, "not i32");
    expect_error(ctx, wg_logical_xor(T(BOOL, 2), T(F32, 2)), "logical_xor", WG_BAD_TYPE, "bool, not f32");
    expect_error(ctx, wg_is_close(T(F32, 2), T(F32, 2), -1, 0), "is_close", WG_BAD_ARGUMENT, "-1 and 0");
    expect_error(ctx, wg_all_close(T(F32, 2), T(F32, 2), 0, (double)NAN), "all_close", WG_BAD_ARGUMENT, "0 and nan");
    expect_error(ctx, wg_all_close(T(I32, 2), T(I32, 2), 0, 0), "all_close", WG_BAD_TYPE, "not i32|wg_cast");
}

Test(messages, structured)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wrong_reductions(ctx);
    wrong_movement(ctx);
    wrong_indexing(ctx);
    wrong_products(ctx);
    wrong_convolutions(ctx);
    wrong_powers(ctx);
    if (!reference_without_lapack()) {
        wrong_factored(ctx);
        wrong_systems(ctx);
        wrong_factors(ctx);
    }
    wrong_creation(ctx);
    wrong_functions(ctx);
    wrong_numbers(ctx);
    wrong_arrangements(ctx);
    wrong_matrices(ctx);
    wrong_ranges(ctx);
    reference_end(ctx, "structured messages");
}

/* A row without a wrong call above would be silent: the list of those that have one, held against the table. */
Test(messages, every_row_has_one)
{
    static const char *const structured[] = {"full",
                                             "iota",
                                             "random_uniform",
                                             "cast",
                                             "where",
                                             "stop_gradient",
                                             "sum",
                                             "prod",
                                             "max",
                                             "min",
                                             "argmax",
                                             "argmin",
                                             "any",
                                             "all",
                                             "reshape",
                                             "permute",
                                             "expand",
                                             "slice",
                                             "pad",
                                             "concat",
                                             "flip",
                                             "gather",
                                             "assign",
                                             "scatter_add",
                                             "matmul",
                                             "unfold",
                                             "fold",
                                             "cumsum",
                                             "argsort",
                                             "pool_index",
                                             "dynamic_slice",
                                             "dynamic_update",
                                             "conv",
                                             "conv_transpose",
                                             "conv_filter",
                                             "cholesky",
                                             "triangular_solve",
                                             "lu_packed",
                                             "qr_packed",
                                             "svd_packed",
                                             "eigh_packed"};
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        bool found = op->elementwise && truth_of(op->name);
        for (size_t k = 0; k < sizeof structured / sizeof *structured; k++)
            found |= strcmp(structured[k], op->name) == 0;
        cr_expect(found, "%s has no wrong call", op->name);
    }
}

/* The library's functions by signature: what an instruction's name means. Element-wise rows are not listed: they are
   found in the library's own table, so that a new row is tested without a line here; listed are their broadcasting
   builders and scalar forms. */
#include "tests/fuzz/recipe.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_OF(f)         \
    {                      \
#f,                \
        {                  \
            .pair = wg_##f \
        }                  \
    }
#define SCALAR_OF(f)         \
    {                        \
#f,                  \
        {                    \
            .scalar = wg_##f \
        }                    \
    }
#define LEFT_OF(f)         \
    {                      \
#f,                \
        {                  \
            .left = wg_##f \
        }                  \
    }
#define UNARY_OF(f)         \
    {                       \
#f,                 \
        {                   \
            .unary = wg_##f \
        }                   \
    }
#define AXIS_OF(f)         \
    {                      \
#f,                \
        {                  \
            .axis = wg_##f \
        }                  \
    }
#define AXES_OF(f)         \
    {                      \
#f,                \
        {                  \
            .axes = wg_##f \
        }                  \
    }

static wg_tensor population_variance(wg_tensor x, wg_axes axes)
{
    return wg_var(x, axes, 0);
}

static wg_tensor population_deviation(wg_tensor x, wg_axes axes)
{
    return wg_std(x, axes, 0);
}

static wg_tensor lower_triangle(wg_tensor x)
{
    return wg_tril(x, 0);
}

static const function pairs[] = {
    PAIR_OF(add),        PAIR_OF(sub),           PAIR_OF(mul),       PAIR_OF(div),         PAIR_OF(pow),
    PAIR_OF(atan2),      PAIR_OF(maximum),       PAIR_OF(minimum),   PAIR_OF(remainder),   PAIR_OF(equal),
    PAIR_OF(less),       PAIR_OF(greater),       PAIR_OF(not_equal), PAIR_OF(logical_and), PAIR_OF(logical_or),
    PAIR_OF(less_equal), PAIR_OF(greater_equal), PAIR_OF(matmul),    PAIR_OF(accuracy),
};

static const function scalars[] = {
    SCALAR_OF(add_scalar),        SCALAR_OF(sub_scalar),     SCALAR_OF(mul_scalar),           SCALAR_OF(div_scalar),
    SCALAR_OF(pow_scalar),        SCALAR_OF(atan2_scalar),   SCALAR_OF(maximum_scalar),       SCALAR_OF(minimum_scalar),
    SCALAR_OF(remainder_scalar),  SCALAR_OF(equal_scalar),   SCALAR_OF(not_equal_scalar),     SCALAR_OF(less_scalar),
    SCALAR_OF(less_equal_scalar), SCALAR_OF(greater_scalar), SCALAR_OF(greater_equal_scalar), SCALAR_OF(full_like),
    SCALAR_OF(leaky_relu_slope),  SCALAR_OF(dropout),
};

static const function lefts[] = {
    LEFT_OF(scalar_sub),        LEFT_OF(scalar_div),       LEFT_OF(scalar_pow),
    LEFT_OF(scalar_atan2),      LEFT_OF(scalar_remainder), LEFT_OF(scalar_less),
    LEFT_OF(scalar_less_equal), LEFT_OF(scalar_greater),   LEFT_OF(scalar_greater_equal),
};

static const function unaries[] = {
    UNARY_OF(relu),        UNARY_OF(leaky_relu),
    UNARY_OF(softplus),    UNARY_OF(gelu),
    UNARY_OF(silu),        UNARY_OF(flatten),
    UNARY_OF(transpose),   UNARY_OF(stop_gradient),
    UNARY_OF(normal_like), UNARY_OF(zeros_like),
    UNARY_OF(elu),         UNARY_OF(selu),
    UNARY_OF(log_sigmoid), UNARY_OF(gelu_tanh),
    UNARY_OF(mish),        UNARY_OF(softsign),
    UNARY_OF(hard_swish),  UNARY_OF(exp2),
    UNARY_OF(asinh),       UNARY_OF(erfinv),
    UNARY_OF(is_nan),      {"tril", {.unary = lower_triangle}},
    UNARY_OF(gumbel_like),
};

static const function axis_functions[] = {
    AXIS_OF(argmax),      AXIS_OF(argmin),    AXIS_OF(flip),   AXIS_OF(softmax),
    AXIS_OF(log_softmax), AXIS_OF(unsqueeze), AXIS_OF(cumsum),
};

static const function axes_functions[] = {
    AXES_OF(sum),
    AXES_OF(prod),
    AXES_OF(max),
    AXES_OF(min),
    AXES_OF(any),
    AXES_OF(all),
    AXES_OF(mean),
    AXES_OF(norm),
    AXES_OF(logsumexp),
    AXES_OF(permute),
    {"var", {.axes = population_variance}},
    {"std", {.axes = population_deviation}},
};

static const function shaped[] = {{"reshape", {.shaped = wg_reshape}}, {"expand", {.shaped = wg_expand}}};

static const function losses[] = {{"cross_entropy", {.loss = wg_cross_entropy}},
                                  {"squared_error", {.loss = wg_squared_error}}};

static wg_tensor pool_index(wg_tensor x, const wg_pool_options *options)
{
    return wg_pool_index(x, options, false);
}

static const function pools[] = {{"max_pool", {.pool = wg_max_pool}},
                                 {"min_pool", {.pool = wg_min_pool}},
                                 {"average_pool", {.pool = wg_average_pool}},
                                 {"pool_index", {.pool = pool_index}}};

wg_pool_options pool_options(const instruction *i)
{
    wg_pool_options o = {.ceil_mode = i->integer[3] & 1, .count_padding = i->integer[3] >> 1 & 1};
    for (int k = 0; k < 3; k++) {
        o.size[k] = i->integer[0];
        o.stride[k] = i->integer[1];
        o.low[k] = o.high[k] = i->integer[2];
        o.dilation[k] = 1 + (i->integer[3] >> 2 & 1);
    }
    return o;
}
static const function factors[] = {
    UNARY_OF(cholesky),    UNARY_OF(lu_packed), UNARY_OF(qr_packed), UNARY_OF(svd_packed),
    UNARY_OF(eigh_packed), UNARY_OF(inv),       UNARY_OF(det),       UNARY_OF(logdet),
};

static const function systems[] = {PAIR_OF(solve), PAIR_OF(cholesky_solve), PAIR_OF(lstsq)};

static wg_tensor conv(wg_tensor x, wg_tensor weight, wg_shape shape, const wg_conv_window *window)
{
    (void)shape;
    return wg_conv(x, weight, window);
}

static const function convs[] = {{"conv", {.conv = conv}},
                                 {"conv_transpose", {.conv = wg_conv_transpose}},
                                 {"conv_filter", {.conv = wg_conv_filter}}};

typedef struct {
    const char *name; /* of the kind, for people */
    const function *list;
    size_t count;
} family;

#define LISTED(name, list)                     \
    {                                          \
        name, list, sizeof list / sizeof *list \
    }

static const family families[KINDS] = {
    [LEAF] = {"leaf", NULL, 0},
    [BORROW] = {"borrowed leaf", NULL, 0},
    [HANDLE] = {"parameter or variable", NULL, 0},
    [FULL] = {"full", NULL, 0},
    [IOTA] = {"iota", NULL, 0},
    [RANDOM] = {"random numbers", NULL, 0},
    [ELEMENT] = {"element-wise row", NULL, 0},
    [PAIR] = LISTED("two operands", pairs),
    [SCALAR] = LISTED("scalar on the right", scalars),
    [LEFT] = LISTED("scalar on the left", lefts),
    [UNARY] = LISTED("one operand", unaries),
    [AXIS] = LISTED("along an axis", axis_functions),
    [AXES] = LISTED("over axes", axes_functions),
    [SHAPED] = LISTED("to a shape", shaped),
    [CAST] = {"cast", NULL, 0},
    [WHERE] = {"where", NULL, 0},
    [SLICE] = {"slice", NULL, 0},
    [PAD] = {"pad", NULL, 0},
    [CONCAT] = {"concat", NULL, 0},
    [GATHER] = {"gather", NULL, 0},
    [SCATTER] = {"scatter_add", NULL, 0},
    [ALONG] = {"along an index", NULL, 0},
    [UNFOLD] = {"unfold", NULL, 0},
    [FOLD] = {"fold", NULL, 0},
    [POOL] = LISTED("pool", pools),
    [ORDER] = {"order", NULL, 0},
    [DYNAMIC] = {"dynamic slice or update", NULL, 0},
    [PADDED] = {"padding by a mode", NULL, 0},
    [CONV] = LISTED("convolution", convs),
    [PRODUCT] = {"matrix product", NULL, 0},
    [LINEAR] = {"linear layer", NULL, 0},
    [FACTOR] = LISTED("matrix factored", factors),
    [SYSTEM] = LISTED("system of equations", systems),
    [TRIANGULAR] = {"triangular_solve", NULL, 0},
    [LOSS] = LISTED("loss", losses),
    [GRADIENTS] = {"gradients", NULL, 0},
    [PART] = {"one of several tensors", NULL, 0},
    [CHECKPOINT] = {"checkpoint", NULL, 0},
    [CHECKPOINT_END] = {"end of a checkpoint", NULL, 0},
    [SCAN] = {"scan", NULL, 0},
    [SCAN_END] = {"end of a scan", NULL, 0},
    [ASSIGN] = {"assign", NULL, 0},
    [READ] = {"read", NULL, 0},
    [EVAL] = {"eval", NULL, 0},
    [MARK] = {"mark", NULL, 0},
    [REWIND] = {"rewind", NULL, 0},
};

int function_count(instruction_kind kind)
{
    return (int)families[kind].count;
}

const function *function_at(instruction_kind kind, int index)
{
    return &families[kind].list[index];
}

const function *function_named(instruction_kind kind, const char *name)
{
    for (size_t i = 0; i < families[kind].count; i++)
        if (strcmp(families[kind].list[i].name, name) == 0) return &families[kind].list[i];
    fprintf(stderr, "fuzz: no function %s\n", name);
    abort();
}

const char *kind_name(instruction_kind kind)
{
    return families[kind].name;
}

const wg_op *row_named(const char *name)
{
    for (size_t i = 0; i < wg_op_count(); i++)
        if (strcmp(wg_op_at(i)->name, name) == 0) return wg_op_at(i);
    return NULL;
}

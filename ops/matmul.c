/* The matrix product, batched, either operand transposed without a copy. integer = transpose_a, transpose_b. */
#include "base/blas.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <wengert/functions.h>

#include <string.h>

/* The last two axes as the product sees them. */
typedef struct matrix {
    int64_t rows, columns;
} matrix;

static matrix matrix_of(const wg_shape *shape, bool transposed)
{
    int64_t rows = shape->dim[shape->rank - 2], columns = shape->dim[shape->rank - 1];
    return transposed ? (matrix){columns, rows} : (matrix){rows, columns};
}

static bool infer_matmul(const wg_call *call, char *message, size_t size)
{
    const wg_array *a = &call->inputs[0], *b = &call->inputs[1];
    bool transpose_a = call->attributes->integer[0], transpose_b = call->attributes->integer[1];
    if (a->type != b->type) return refuse_types(call, message, size, "element types differ");
    if (!type_is_float(a->type))
        return refuse_types(call, message, size, "multiplies floats, not %s", wg_type_name(a->type));
    *call->output = (wg_array){a->type, a->shape, NULL};
    if (a->shape.rank < 2 || b->shape.rank < 2) return refuse(message, size, "needs two operands of rank 2 or more");
    matrix left = matrix_of(&a->shape, transpose_a), right = matrix_of(&b->shape, transpose_b);
    bool same_batch = a->shape.rank == b->shape.rank;
    for (int i = 0; same_batch && i < a->shape.rank - 2; i++) same_batch = a->shape.dim[i] == b->shape.dim[i];
    call->output->shape.dim[a->shape.rank - 2] = left.rows;
    call->output->shape.dim[a->shape.rank - 1] = right.columns;
    if (left.columns != right.rows)
        return refuse(message, size, "inner dimensions differ%s%s", transpose_a ? ", a transposed" : "",
                      transpose_b ? ", b transposed" : "");
    return same_batch || refuse(message, size, "leading axes differ");
}

#define MATMUL(name, T)                                                                                             \
    static void matmul_##name(const wg_call *call)                                                                  \
    {                                                                                                               \
        bool transpose_a = call->attributes->integer[0], transpose_b = call->attributes->integer[1];                \
        matrix left = matrix_of(&call->inputs[0].shape, transpose_a), out = matrix_of(&call->output->shape, false); \
        int64_t inner = left.columns, size = out.rows * out.columns;                                                \
        int64_t batch = size ? wg_shape_size(call->output->shape) / size : 0;                                       \
        const T *a = call->inputs[0].data, *b = call->inputs[1].data;                                               \
        T *c = call->output->data;                                                                                  \
        for (int64_t i = 0; i < batch; i++)                                                                         \
            blas_product_##name(transpose_a, transpose_b, out.rows, out.columns, inner, a + i * out.rows * inner,   \
                                b + i * inner * out.columns, c + i * size);                                         \
    }

MATMUL(f32, float)
MATMUL(f64, double)

static double matmul_flops(const wg_call *call)
{
    matrix left = matrix_of(&call->inputs[0].shape, call->attributes->integer[0]);
    return 2 * (double)wg_shape_size(call->output->shape) * (double)left.columns;
}

/* y = op(a) op(b): the gradient of each operand is a product of g with the other one, transposed where needed. */
static void matmul_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_attributes at = wg_attributes_of(y);
    bool transpose_a = at.integer[0], transpose_b = at.integer[1];
    wg_tensor a = wg_input(y, 0), b = wg_input(y, 1);
    gradients[0] =
        transpose_a ? wg_matmul_transposed(b, transpose_b, g, true) : wg_matmul_transposed(g, false, b, !transpose_b);
    gradients[1] =
        transpose_b ? wg_matmul_transposed(g, true, a, transpose_a) : wg_matmul_transposed(a, !transpose_a, g, false);
}

static wg_tensor matmul_sample(wg_context *ctx)
{
    return wg_matmul(wg_uniform(ctx, WG_SHAPE(2, 3, 4), -2, 2), wg_uniform(ctx, WG_SHAPE(2, 4, 5), -2, 2));
}

const wg_op ops_matmul = {
    .name = "matmul",
    .summary = "the matrix product",
    .arity = 2,
    .infer = infer_matmul,
    .kernel = {[WG_F32] = matmul_f32, [WG_F64] = matmul_f64},
    .vjp = matmul_vjp,
    .flops = matmul_flops,
    .sample = matmul_sample,
    .numerics = {-2, 2, -1},
};

/* ---- builders ---- */

/* Repeats leading axes so that both operands have the same. */
static bool broadcast_batch(wg_tensor *a, wg_tensor *b)
{
    wg_shape left = wg_shape_of(*a), right = wg_shape_of(*b);
    int rank = left.rank > right.rank ? left.rank : right.rank;
    wg_shape wide_left = {.rank = rank}, wide_right = {.rank = rank};
    for (int i = 1; i <= rank; i++) {
        int64_t m = i <= left.rank ? left.dim[left.rank - i] : 1, n = i <= right.rank ? right.dim[right.rank - i] : 1;
        if (i > 2 && m != n && m != 1 && n != 1) return false;
        wide_left.dim[rank - i] = i > 2 && m == 1 ? n : m;
        wide_right.dim[rank - i] = i > 2 && n == 1 ? m : n;
    }
    *a = wg_expand(*a, wide_left);
    *b = wg_expand(*b, wide_right);
    return true;
}

/* Says which transposition would make the inner dimensions agree. */
static void hint_transposition(wg_tensor a, bool transpose_a, wg_tensor b, bool transpose_b)
{
    wg_context *ctx = a.context;
    if (wg_error_status(ctx) == WG_BAD_TYPE) graph_hint(ctx, "types never mix silently: convert one with wg_cast");
    if (wg_error_status(ctx) != WG_BAD_SHAPE) return;
    int inner_a = transpose_a ? -2 : -1, inner_b = transpose_b ? -1 : -2;
    if (wg_dim(a, inner_a) == wg_dim(b, -3 - inner_b))
        graph_hint(ctx, "did you mean transpose_b? wg_matmul_transposed(a, %s, b, %s)", transpose_a ? "true" : "false",
                   transpose_b ? "false" : "true");
    else if (wg_dim(a, -3 - inner_a) == wg_dim(b, inner_b))
        graph_hint(ctx, "did you mean transpose_a? wg_matmul_transposed(a, %s, b, %s)", transpose_a ? "false" : "true",
                   transpose_b ? "true" : "false");
}

wg_tensor wg_matmul_transposed(wg_tensor a, bool transpose_a, wg_tensor b, bool transpose_b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(a, b), "matmul", &ctx, ids)) return graph_poison(ctx);
    wg_shape left = wg_shape_of(a), right = wg_shape_of(b);
    wg_attributes at = {.integer = {transpose_a, transpose_b}};
    /* else the message shows the shapes as they were given */
    bool fit = left.rank >= 2 && right.rank >= 2 && wg_type_of(a) == wg_type_of(b) &&
               wg_dim(a, transpose_a ? -2 : -1) == wg_dim(b, transpose_b ? -1 : -2);
    if (fit && left.rank > 2 && right.rank == 2 && !transpose_a && wg_size(a) > 0) {
        /* one matrix for all: the rows of a in one product */
        int64_t inner = left.dim[left.rank - 1];
        wg_tensor rows = wg_reshape(a, WG_SHAPE(wg_size(a) / inner, inner));
        left.dim[left.rank - 1] = right.dim[transpose_b ? 0 : 1];
        return wg_reshape(wg_apply(&ops_matmul, WG_LIST(rows, b), &at), left);
    }
    wg_tensor wide_a = a, wide_b = b;
    if (fit && !broadcast_batch(&wide_a, &wide_b)) {
        shape_buffer x, y;
        return graph_fail(ctx, WG_BAD_SHAPE, "matmul: leading axes do not broadcast together: %s x %s",
                          shape_text(wg_shape_of(a), &x), shape_text(right, &y));
    }
    wg_tensor y = wg_apply(&ops_matmul, WG_LIST(wide_a, wide_b), &at);
    if (!y.id) hint_transposition(a, transpose_a, b, transpose_b);
    return y;
}

wg_tensor wg_matmul(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_list(WG_LIST(a, b), "matmul", &ctx, ids)) return graph_poison(ctx);
    bool row = wg_shape_of(a).rank == 1, column = wg_shape_of(b).rank == 1;
    if ((row || column) && wg_shape_of(a).rank && wg_shape_of(b).rank && wg_dim(a, -1) != wg_dim(b, column ? 0 : -2)) {
        shape_buffer x, y;
        return graph_fail(ctx, WG_BAD_SHAPE, "matmul: inner dimensions differ: %s x %s", shape_text(wg_shape_of(a), &x),
                          shape_text(wg_shape_of(b), &y));
    }
    wg_tensor y = wg_matmul_transposed(row ? wg_unsqueeze(a, 0) : a, false, column ? wg_unsqueeze(b, 1) : b, false);
    if (column) y = wg_squeeze(y, -1);
    return row ? wg_squeeze(y, column ? -1 : -2) : y;
}

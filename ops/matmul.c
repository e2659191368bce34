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

static wg_tensor multiply(wg_context *ctx, uint32_t a, bool transpose_a, uint32_t b, bool transpose_b);

/* y = op(a) op(b): the gradient of each operand is a product of g with the other one, transposed where needed. */
static void matmul_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = y.context;
    const int64_t *integers = ops_integers(y);
    bool transpose_a = integers[0], transpose_b = integers[1];
    const node *n = graph_node_of(y);
    uint32_t a = n->input[0], b = n->input[1];
    if (graph_wanted(y, 0))
        gradients[0] =
            transpose_a ? multiply(ctx, b, transpose_b, g.id, true) : multiply(ctx, g.id, false, b, !transpose_b);
    if (graph_wanted(y, 1))
        gradients[1] =
            transpose_b ? multiply(ctx, g.id, true, a, transpose_a) : multiply(ctx, a, !transpose_a, g.id, false);
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

static wg_tensor product(wg_context *ctx, const uint32_t ids[2], bool transpose_a, bool transpose_b)
{
    return graph_apply(ctx, &(graph_record){.op = &ops_matmul,
                                            .count = 2,
                                            .inputs = ids,
                                            .integer_count = 2,
                                            .integers = (const int64_t[]){transpose_a, transpose_b}});
}

/* One matrix for all: the rows of a in one product. */
static wg_tensor product_of_rows(wg_context *ctx, const uint32_t ids[2], bool transpose_b)
{
    wg_shape shape = *graph_shape_at(ctx, ids[0]);
    int64_t inner = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = graph_shape_at(ctx, ids[1])->dim[transpose_b ? 0 : 1];
    wg_tensor a = graph_tensor(ctx, ids[0]), rows = wg_reshape(a, WG_SHAPE(wg_size(a) / inner, inner));
    if (!rows.id) return rows;
    return wg_reshape(product(ctx, (const uint32_t[]){rows.id, ids[1]}, false, transpose_b), shape);
}

/* Whether two operands of one type have matrices that fit; if not, the message is to show them as they were given. */
static bool matrices_fit(const wg_context *ctx, const uint32_t ids[2], bool transpose_a, bool transpose_b)
{
    const wg_shape *left = graph_shape_at(ctx, ids[0]), *right = graph_shape_at(ctx, ids[1]);
    return left->rank >= 2 && right->rank >= 2 && graph_node(ctx, ids[0])->type == graph_node(ctx, ids[1])->type &&
           left->dim[left->rank - (transpose_a ? 2 : 1)] == right->dim[right->rank - (transpose_b ? 1 : 2)];
}

static wg_tensor matmul(wg_context *ctx, const uint32_t ids[2], bool transpose_a, bool transpose_b)
{
    const wg_shape *left = graph_shape_at(ctx, ids[0]), *right = graph_shape_at(ctx, ids[1]);
    uint32_t wide[2] = {ids[0], ids[1]};
    if ((left->rank != 2 || right->rank != 2) && matrices_fit(ctx, ids, transpose_a, transpose_b)) {
        if (right->rank == 2 && !transpose_a && shape_size(left) > 0) return product_of_rows(ctx, ids, transpose_b);
        if (!ops_broadcast_leading(ctx, "matmul", wide)) return graph_poison(ctx);
    }
    wg_tensor y = product(ctx, wide, transpose_a, transpose_b);
    if (!y.id) hint_transposition(graph_tensor(ctx, ids[0]), transpose_a, graph_tensor(ctx, ids[1]), transpose_b);
    return y;
}

/* A product of shapes that the rule has accepted before: nothing is to be broadcast or reshaped. */
static inline bool product_again(wg_context *ctx, const uint32_t ids[2], bool transpose_a, bool transpose_b, void *site,
                                 wg_tensor *y)
{
    const int64_t integers[] = {transpose_a, transpose_b};
    const graph_record record = {
        .op = &ops_matmul, .count = 2, .inputs = ids, .integer_count = 2, .integers = integers};
    return append_again(ctx, site, &record, y);
}

/* Of nodes, for rules. */
static __attribute__((noinline)) wg_tensor multiply(wg_context *ctx, uint32_t a, bool transpose_a, uint32_t b,
                                                    bool transpose_b)
{
    wg_tensor y;
    const uint32_t ids[] = {a, b};
    if (graph_ok(ctx) && product_again(ctx, ids, transpose_a, transpose_b, NULL, &y)) return y;
    return graph_ok(ctx) ? matmul(ctx, ids, transpose_a, transpose_b) : graph_poison(ctx);
}

wg_tensor wg_matmul_transposed(wg_tensor a, bool transpose_a, wg_tensor b, bool transpose_b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_two(a, b, "matmul", &ctx, ids)) return graph_poison(ctx);
    return matmul(ctx, ids, transpose_a, transpose_b);
}

/* A vector on the left is a row, on the right a column, and its axis goes again. */
static wg_tensor product_with_vector(wg_context *ctx, const uint32_t ids[2])
{
    wg_tensor a = graph_tensor(ctx, ids[0]), b = graph_tensor(ctx, ids[1]);
    const wg_shape *left = graph_shape_at(ctx, ids[0]), *right = graph_shape_at(ctx, ids[1]);
    bool row = left->rank == 1, column = right->rank == 1;
    if (left->rank && right->rank && wg_dim(a, -1) != wg_dim(b, column ? 0 : -2)) {
        shape_buffer x, y;
        return graph_fail(ctx, WG_BAD_SHAPE, "matmul: inner dimensions differ: %s x %s", shape_text(*left, &x),
                          shape_text(*right, &y));
    }
    wg_tensor y = wg_matmul_transposed(row ? wg_unsqueeze(a, 0) : a, false, column ? wg_unsqueeze(b, 1) : b, false);
    if (column) y = wg_squeeze(y, -1);
    return row ? wg_squeeze(y, column ? -1 : -2) : y;
}

static __attribute__((noinline)) wg_tensor matmul_other(wg_tensor a, wg_tensor b, void *site)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY_FROM(ctx, site);
    uint32_t ids[2];
    if (!graph_resolve_two(a, b, "matmul", &ctx, ids)) return graph_poison(ctx);
    bool vector = graph_shape_at(ctx, ids[0])->rank == 1 || graph_shape_at(ctx, ids[1])->rank == 1;
    return vector ? product_with_vector(ctx, ids) : matmul(ctx, ids, false, false);
}

wg_tensor wg_matmul(wg_tensor a, wg_tensor b)
{
    wg_tensor y;
    const node *left, *right;
    const uint32_t ids[] = {a.id, b.id};
    bool again = graph_live_two(a, b, &left, &right) && product_again(a.context, ids, false, false, OPS_SITE, &y);
    return again ? y : matmul_other(a, b, OPS_SITE);
}

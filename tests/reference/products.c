/* Matrix products against three loops: batched, broadcast, transposed, with vectors, empty; and their gradients. */
#include "tests/reference/reference.h"

/* Element (row, column) of the matrices at a place of the batch, broadcast. */
static double element(const naive *x, bool transposed, wg_shape wide, const int64_t *batch, int64_t row, int64_t column)
{
    int64_t index[WG_MAX_RANK] = {0};
    int leading = x->shape.rank - 2;
    for (int i = 0; i < leading; i++) index[i] = x->shape.dim[i] == 1 ? 0 : batch[wide.rank - 2 - leading + i];
    index[leading] = transposed ? column : row;
    index[leading + 1] = transposed ? row : column;
    return x->v[naive_place(x->shape, index)];
}

static wg_shape leading_of(wg_shape shape)
{
    shape.rank -= 2;
    return shape;
}

static naive product(const naive *a, bool ta, const naive *b, bool tb)
{
    naive y = {.shape = naive_wide(leading_of(a->shape), leading_of(b->shape))};
    const int64_t *last_a = &a->shape.dim[a->shape.rank - 2], *last_b = &b->shape.dim[b->shape.rank - 2];
    int64_t inner = last_a[ta ? 0 : 1];
    y.shape.dim[y.shape.rank++] = last_a[ta ? 1 : 0];
    y.shape.dim[y.shape.rank++] = last_b[tb ? 0 : 1];
    for (int64_t i = 0; i < naive_size(&y); i++) {
        int64_t at[WG_MAX_RANK];
        naive_index(y.shape, i, at);
        for (int64_t k = 0; k < inner; k++)
            y.v[i] += element(a, ta, y.shape, at, at[y.shape.rank - 2], k) *
                      element(b, tb, y.shape, at, k, at[y.shape.rank - 1]);
    }
    return y;
}

static wg_shape swapped(wg_shape shape)
{
    int64_t last = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = shape.dim[shape.rank - 2];
    shape.dim[shape.rank - 2] = last;
    return shape;
}

static const wg_shape matrices[][2] = {
    {{2, {2, 3}}, {2, {3, 4}}},
    {{2, {1, 1}}, {2, {1, 1}}},
    {{2, {5, 1}}, {2, {1, 6}}},
    {{3, {2, 3, 4}}, {3, {2, 4, 5}}},
    {{3, {2, 3, 4}}, {2, {4, 5}}},
    {{2, {3, 4}}, {3, {2, 4, 5}}},
    {{3, {1, 3, 4}}, {3, {5, 4, 2}}},
    {{3, {5, 3, 4}}, {3, {1, 4, 2}}},
    {{4, {2, 1, 2, 3}}, {3, {4, 3, 2}}},
    {{4, {2, 3, 1, 2}}, {4, {2, 3, 2, 2}}},
    {{2, {0, 3}}, {2, {3, 2}}},
    {{2, {2, 3}}, {2, {3, 0}}},
    {{2, {2, 0}}, {2, {0, 3}}},
    {{3, {0, 2, 3}}, {3, {0, 3, 2}}},
    {{3, {0, 2, 3}}, {2, {3, 2}}},
    {{3, {2, 0, 3}}, {2, {3, 2}}},
    {{3, {2, 2, 0}}, {2, {0, 2}}},
    {{2, {17, 19}}, {2, {19, 23}}},
    {{8, {1, 2, 1, 1, 1, 2, 2, 3}}, {4, {2, 1, 3, 2}}},
};

static void check_matrices(wg_type type, wg_shape a_shape, bool ta, wg_shape b_shape, bool tb)
{
    wg_context *ctx = reference_context(type);
    uint64_t state = 61;
    naive a = naive_random(ta ? swapped(a_shape) : a_shape, -2, 2, false, &state);
    naive b = naive_random(tb ? swapped(b_shape) : b_shape, -2, 2, false, &state);
    naive want = product(&a, ta, &b, tb);
    wg_tensor x = tensor_of(ctx, type, &a), z = tensor_of(ctx, type, &b);
    wg_tensor y = ta || tb ? wg_matmul_transposed(x, ta, z, tb) : wg_matmul(x, z);
    /* n eps sum |a b| bounds any order of summation; |a|, |b| <= 2 and n <= 19 here */
    expect_values(y, &want, (type == WG_F32 ? 0x1p-23 : 0x1p-52) * 19 * 19 * 4, "matmul of %s and %s, transposed %d %d",
                  shape_name(a.shape), shape_name(b.shape), ta, tb);
    if (naive_size(&want) && naive_size(&a) && naive_size(&b) && naive_size(&a) < 100) {
        wg_tensor loss = weighted_sum(y, 6);
        expect_gradcheck(loss, WG_LIST(x, z), "matmul of %s and %s, transposed %d %d", shape_name(a.shape),
                         shape_name(b.shape), ta, tb);
        wg_tensor gradients[2];
        cr_expect(wg_grads(loss, WG_LIST(x, z), gradients));
        wg_tensor again = wg_add(weighted_sum(gradients[0], 7), weighted_sum(gradients[1], 8));
        expect_gradcheck(again, WG_LIST(x, z), "matmul, second, of %s and %s, transposed %d %d", shape_name(a.shape),
                         shape_name(b.shape), ta, tb);
    } else {
        wg_tensor gradients[2];
        cr_expect(wg_grads(wg_sum(y, WG_ALL), WG_LIST(x, z), gradients) &&
                  wg_eval(WG_LIST(gradients[0], gradients[1])));
        reference_check(wg_shape_equal(wg_shape_of(gradients[0]), a.shape) &&
                            wg_shape_equal(wg_shape_of(gradients[1]), b.shape),
                        "matmul of %s and %s: the gradients", shape_name(a.shape), shape_name(b.shape));
    }
    cr_expect(!wg_failed(ctx), "matmul of %s and %s: %s", shape_name(a.shape), shape_name(b.shape), wg_error(ctx));
    wg_context_free(ctx);
}

/* A vector is a row on the left and a column on the right, and its axis is gone from the result. */
static void check_vectors(wg_type type)
{
    static const wg_shape cases[][3] = {
        {{1, {3}}, {1, {3}}, {0, {0}}},          {{1, {3}}, {2, {3, 4}}, {1, {4}}},
        {{2, {2, 3}}, {1, {3}}, {1, {2}}},       {{1, {3}}, {3, {2, 3, 4}}, {2, {2, 4}}},
        {{3, {5, 2, 3}}, {1, {3}}, {2, {5, 2}}}, {{1, {0}}, {2, {0, 2}}, {1, {2}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_context *ctx = reference_context(type);
        uint64_t state = 67;
        naive a = naive_random(cases[i][0], -2, 2, false, &state), b = naive_random(cases[i][1], -2, 2, false, &state);
        naive row = a, column = b;
        if (a.shape.rank == 1) row.shape = WG_SHAPE(1, a.shape.dim[0]);
        if (b.shape.rank == 1) column.shape = WG_SHAPE(b.shape.dim[0], 1);
        naive want = product(&row, false, &column, false);
        want.shape = cases[i][2];
        wg_tensor x = tensor_of(ctx, type, &a), z = tensor_of(ctx, type, &b), y = wg_matmul(x, z);
        expect_values(y, &want, type == WG_F32 ? 2e-6 : 1e-14, "matmul of %s and %s", shape_name(a.shape),
                      shape_name(b.shape));
        if (naive_size(&a))
            expect_gradcheck(weighted_sum(y, 9), WG_LIST(x, z), "matmul of %s and %s", shape_name(a.shape),
                             shape_name(b.shape));
        cr_expect(!wg_failed(ctx), "matmul: %s", wg_error(ctx));
        wg_context_free(ctx);
    }
}

void reference_matmul(void)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
            for (int transposed = 0; transposed < 4; transposed++)
                check_matrices(type, matrices[i][0], transposed & 1, matrices[i][1], transposed & 2);
        check_vectors(type);
    }
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor large = wg_matmul(wg_full(ctx, WG_SHAPE(130, 257), 0.5), wg_full(ctx, WG_SHAPE(257, 65), 2));
    reference_check(wg_item(wg_min(large, WG_ALL)) == 257 && wg_item(wg_max(large, WG_ALL)) == 257, "a larger product");
    wg_context_free(ctx);
}

/* Axes of a matmul: the last two are the matrix, those before it a batch. */
#include "engine/product_step.h"

#include "engine/passes.h"
#include "ops/rows.h"

bool is_product(const item *it)
{
    return it->op == &ops_matmul || it->op == &engine_multiply_add;
}

/* `place` is 0 or 1: the left or the right matrix. */
static bool transposed(const program *p, const item *matmul, uint32_t place)
{
    return p->attributes[matmul->attributes].integer[place] != 0;
}

/* The matrix of an operand as rows and columns of the product. */
static product_stride matrix(const view *v, const wg_shape *shape, bool transpose)
{
    int64_t row = v->stride[shape->rank - 2], column = v->stride[shape->rank - 1];
    return transpose ? (product_stride){column, row, 0} : (product_stride){row, column, 0};
}

static product shape_of(const program *p, const item *matmul)
{
    const item *a = &p->items[program_operands(p, matmul)[product_first(matmul)]];
    int rank = matmul->shape.rank;
    return (product){.type = (wg_type)matmul->type,
                     .rows = matmul->shape.dim[rank - 2],
                     .columns = matmul->shape.dim[rank - 1],
                     .inner = a->shape.dim[a->shape.rank - (transposed(p, matmul, 0) ? 2 : 1)],
                     .batch = 1,
                     .c = {matmul->shape.dim[rank - 1], 1, 0}};
}

bool product_reads(const program *p, const item *matmul, uint32_t place, const view *v)
{
    const wg_shape *shape = &p->items[program_operands(p, matmul)[place]].shape;
    place -= product_first(matmul);
    product one = shape_of(p, matmul);
    product_stride given = matrix(v, shape, transposed(p, matmul, place));
    one.a = place == 0 ? given : (product_stride){one.inner, 1, 0};
    one.b = place == 1 ? given : (product_stride){one.columns, 1, 0};
    return product_supported(&one);
}

bool product_writes(const item *matmul, const view *v)
{
    int rank = matmul->shape.rank;
    return v->stride[rank - 1] == 1 && v->stride[rank - 2] >= matmul->shape.dim[rank - 1];
}

/* Products with one right matrix, whose rows follow one another, are one product with all rows. */
static void fold_rows(product_loop *l)
{
    while (l->rank > 0) {
        int last = l->rank - 1;
        product whole = l->one;
        bool one = whole.rows == 1;
        if (one) whole.a.row = l->a[last], whole.c.row = l->c[last];
        bool follow = l->a[last] == l->one.rows * whole.a.row && l->c[last] == l->one.rows * whole.c.row;
        whole.rows *= l->dim[last];
        if (l->b[last] != 0 || !follow || !product_supported(&whole)) return;
        l->one = whole;
        l->rank--;
    }
}

product_loop product_loop_of(const program *p, const item *matmul, const view *a, const view *b, const view *c)
{
    const uint32_t *operands = program_operands(p, matmul) + product_first(matmul);
    const wg_shape *shape_a = &p->items[operands[0]].shape, *shape_b = &p->items[operands[1]].shape;
    product_loop l = {.one = shape_of(p, matmul), .a_offset = a->offset, .b_offset = b->offset, .c_offset = c->offset};
    l.one.a = matrix(a, shape_a, transposed(p, matmul, 0));
    l.one.b = matrix(b, shape_b, transposed(p, matmul, 1));
    l.one.c = matrix(c, &matmul->shape, false);
    for (int i = 0; i < matmul->shape.rank - 2; i++) {
        int64_t length = matmul->shape.dim[i];
        if (length == 1) continue;
        int last = l.rank - 1;
        bool follows = last >= 0 && l.a[last] == a->stride[i] * length && l.b[last] == b->stride[i] * length &&
                       l.c[last] == c->stride[i] * length;
        int at = follows ? last : l.rank++;
        l.dim[at] = follows ? l.dim[at] * length : length;
        l.a[at] = a->stride[i];
        l.b[at] = b->stride[i];
        l.c[at] = c->stride[i];
    }
    fold_rows(&l);
    if (l.rank > 0) {
        int last = --l.rank;
        l.one.batch = l.dim[last];
        l.one.a.batch = l.a[last];
        l.one.b.batch = l.b[last];
        l.one.c.batch = l.c[last];
    }
    return l;
}

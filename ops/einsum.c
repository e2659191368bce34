/* Einstein's summation: a formula such as "bij,bjk->bik" names the axes of tensors by letters, and says which of them
   the result has; the others are summed over.

   First each operand alone: repeated letters are diagonals, letters that nobody else has are summed. Then, two by two,
   the pair with the smallest result is multiplied, and what nobody needs any more is summed: by one matrix product,
   [batch, left, summed] x [batch, summed, right], if letters of all three kinds but the first take part. */
#include "ops/builder.h"
#include "ops/compose.h"
#include "ops/formula.h"

#include <wengert/functions.h>

#include <math.h>
#include <string.h>

/* Those that lie in a set, in order. */
static names only(const names *n, uint64_t set)
{
    names kept = {0};
    for (int i = 0; i < n->count; i++)
        if (set >> n->label[i] & 1) append(&kept, n->label[i]);
    return kept;
}

static int64_t size_of(const formula *f, const names *n)
{
    int64_t size = 1;
    for (int i = 0; i < n->count; i++) size *= f->length[n->label[i]];
    return size;
}

/* ---- one operand ---- */

/* x with its axes in another order, if it is another one. */
static named reordered(named x, const names *order)
{
    wg_axes axes = {.count = (int8_t)order->count};
    bool same = true;
    for (int i = 0; i < order->count; i++) {
        int place = 0;
        while (x.axes.label[place] != order->label[i]) place++;
        axes.axis[i] = (int8_t)place;
        same &= place == i;
    }
    return same ? x : (named){wg_permute(x.tensor, axes), *order};
}

/* x without the axes of length 1 that broadcast in its ellipsis: others have them. */
static named without_broadcast(const formula *f, named x)
{
    names kept = {0};
    wg_shape shape = wg_shape_of(x.tensor), rest = {0};
    for (int i = 0; i < x.axes.count; i++) {
        if (shape.dim[i] != f->length[x.axes.label[i]]) continue;
        append(&kept, x.axes.label[i]);
        rest.dim[rest.rank++] = shape.dim[i];
    }
    return (named){wg_reshape(x.tensor, rest), kept};
}

/* Of two axes of one name the diagonal, as the last axis; until there are none. */
static named diagonals(named x)
{
    for (int i = 0; i < x.axes.count; i++)
        for (int k = i + 1; k < x.axes.count; k++) {
            if (x.axes.label[i] != x.axes.label[k]) continue;
            names rest = {0};
            for (int j = 0; j < x.axes.count; j++)
                if (j != i && j != k) append(&rest, x.axes.label[j]);
            append(&rest, x.axes.label[i]);
            wg_tensor second_last = wg_move_axis(x.tensor, k, -1);
            return diagonals((named){wg_diagonal(wg_move_axis(second_last, i, -2), 0), rest});
        }
    return x;
}

/* x summed over the axes that are not wanted. */
static named summed_alone(named x, uint64_t wanted)
{
    wg_axes axes = {0};
    for (int i = 0; i < x.axes.count; i++)
        if (!(wanted >> x.axes.label[i] & 1)) axes.axis[axes.count++] = (int8_t)i;
    return axes.count ? (named){wg_sum(x.tensor, axes), only(&x.axes, wanted)} : x;
}

/* ---- two operands ---- */

static named too_many_axes(const formula *f, int count)
{
    graph_fail(f->ctx, WG_BAD_SHAPE, "einsum: \"%s\": a product of two operands has %d axes, more than %d", f->text,
               count, WG_MAX_RANK);
    return (named){graph_poison(f->ctx), {0}};
}

/* x as an operand of an element-wise product whose axes are `order`: length 1 where it has none. */
static wg_tensor beside(const formula *f, named x, const names *order)
{
    wg_shape shape = {.rank = order->count};
    names own = only(order, x.axes.set);
    for (int i = 0; i < order->count; i++)
        shape.dim[i] = has(&x.axes, order->label[i]) ? f->length[order->label[i]] : 1;
    return wg_reshape(reordered(x, &own).tensor, shape);
}

/* Element by element, then summed over the last axes: one pass over memory where no matrix has both rows and columns.
 */
static named product_by_element(const formula *f, named a, named b, uint64_t summed)
{
    uint64_t all = a.axes.set | b.axes.set;
    names order = only(&f->output, all), inner = only(&a.axes, summed), left, right;
    left = only(&a.axes, ~(order.set | summed));
    append_all(&order, &left);
    right = only(&b.axes, ~(order.set | summed));
    append_all(&order, &right);
    append_all(&order, &inner);
    if (order.count > WG_MAX_RANK) return too_many_axes(f, order.count);
    wg_tensor left_factor = beside(f, a, &order), right_factor = beside(f, b, &order);
    named y = {wg_mul(left_factor, right_factor), order};
    return summed_alone(y, ~summed);
}

/* x as matrices [batch, first, second], or transposed if it lies so already. */
static wg_tensor matrices(const formula *f, named x, const names *batch, const names *first, const names *second,
                          bool *transposed)
{
    names straight = *batch, turned = *batch;
    append_all(&straight, first);
    append_all(&straight, second);
    append_all(&turned, second);
    append_all(&turned, first);
    *transposed = memcmp(x.axes.label, straight.label, (size_t)straight.count) != 0 &&
                  memcmp(x.axes.label, turned.label, (size_t)turned.count) == 0;
    if (!*transposed) x = reordered(x, &straight);
    int64_t rows = size_of(f, *transposed ? second : first), columns = size_of(f, *transposed ? first : second);
    return wg_reshape(x.tensor, batch->count ? WG_SHAPE(size_of(f, batch), rows, columns) : WG_SHAPE(rows, columns));
}

/* One matrix product. The larger operand gives the order of what both have, so that it need not be moved for it. */
static named product_by_matrix(const formula *f, named a, named b, uint64_t batch_set, uint64_t summed_set)
{
    const names *lead = size_of(f, &a.axes) >= size_of(f, &b.axes) ? &a.axes : &b.axes;
    names batch = only(lead, batch_set), inner = only(lead, summed_set), order = batch;
    names left = only(&a.axes, ~(batch_set | summed_set)), right = only(&b.axes, ~(batch_set | summed_set));
    append_all(&order, &left);
    append_all(&order, &right);
    if (order.count > WG_MAX_RANK) return too_many_axes(f, order.count);
    wg_shape shape = {.rank = order.count};
    for (int i = 0; i < order.count; i++) shape.dim[i] = f->length[order.label[i]];
    bool transpose_a, transpose_b;
    wg_tensor x = matrices(f, a, &batch, &left, &inner, &transpose_a);
    wg_tensor y = matrices(f, b, &batch, &inner, &right, &transpose_b);
    return (named){wg_reshape(wg_matmul_transposed(x, transpose_a, y, transpose_b), shape), order};
}

/* Whether a letter of b alone comes first in the output, before those of a alone. */
static bool comes_first(const formula *f, const named *b, const named *a)
{
    names alone = only(&f->output, a->axes.set ^ b->axes.set);
    return alone.count && has(&b->axes, alone.label[0]);
}

static named multiplied(const formula *f, named a, named b, uint64_t wanted)
{
    uint64_t both = a.axes.set & b.axes.set, summed = both & ~wanted;
    if (!summed || (!(a.axes.set & ~both) && !(b.axes.set & ~both))) return product_by_element(f, a, b, summed);
    bool swap = comes_first(f, &b, &a);
    return product_by_matrix(f, swap ? b : a, swap ? a : b, both & wanted, summed);
}

/* ---- all of them ---- */

/* The labels that the output or another operand than two of the first n has. */
static uint64_t wanted_beside(const formula *f, size_t n, size_t i, size_t k)
{
    uint64_t wanted = f->output.set;
    for (size_t j = 0; j < n; j++)
        if (j != i && j != k) wanted |= f->operand[j].axes.set;
    return wanted;
}

/* The size of the product of two of the first n operands; infinite if it has too many axes. */
static double product_size(const formula *f, size_t n, size_t i, size_t k)
{
    uint64_t left = (f->operand[i].axes.set | f->operand[k].axes.set) & wanted_beside(f, n, i, k);
    double size = 1;
    int count = 0;
    for (int label = 0; label < LABELS; label++) {
        if (!(left >> label & 1)) continue;
        size *= (double)f->length[label];
        count++;
    }
    return count > WG_MAX_RANK ? INFINITY : size;
}

/* Of the first n operands the two whose product is smallest, the first such ones. */
static void smallest_pair(const formula *f, size_t n, size_t *first, size_t *second)
{
    double smallest = INFINITY;
    for (size_t k = 1; k < n; k++)
        for (size_t i = 0; i < k; i++) {
            double size = product_size(f, n, i, k);
            if (!(size < smallest)) continue;
            smallest = size;
            *first = i;
            *second = k;
        }
}

static wg_tensor contracted(formula *f)
{
    named *x = f->operand;
    size_t n = f->count;
    for (size_t i = 0; i < n; i++) x[i] = diagonals(without_broadcast(f, x[i]));
    for (size_t i = 0; i < n; i++) x[i] = summed_alone(x[i], wanted_beside(f, n, i, i));
    while (n > 1 && graph_ok(f->ctx)) {
        size_t i = 0, k = 1;
        smallest_pair(f, n, &i, &k);
        x[i] = multiplied(f, x[i], x[k], wanted_beside(f, n, i, k));
        for (size_t j = k; j + 1 < n; j++) x[j] = x[j + 1];
        n--;
    }
    return graph_ok(f->ctx) ? reordered(x[0], &f->output).tensor : graph_poison(f->ctx);
}

/* Whether the operands are floats of one type. */
static bool want_one_type(const formula *f)
{
    wg_type type = wg_type_of(f->operand[0].tensor);
    for (size_t k = 0; k < f->count; k++) {
        wg_type other = wg_type_of(f->operand[k].tensor);
        if (!want_float(f->operand[k].tensor, "einsum")) return false;
        if (other == type) continue;
        graph_fail(f->ctx, WG_BAD_TYPE, "einsum: \"%s\": element types differ: %s and %s", f->text, wg_type_name(type),
                   wg_type_name(other));
        graph_hint(f->ctx, "types never mix silently: convert one with wg_cast");
        return false;
    }
    return true;
}

wg_tensor wg_einsum(const char *text, wg_list operands)
{
    wg_context *ctx = graph_context_of(operands);
    WG_ENTRY(ctx);
    if (!text || !text[strspn(text, " ")]) return graph_fail(ctx, WG_BAD_ARGUMENT, "einsum: the formula is empty");
    if (operands.count == 0 || !operands.items)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "einsum: \"%s\": the list is empty", text);
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "einsum: operand 0 is the zero handle");
    formula f = {.ctx = ctx, .text = text, .at = text, .count = operands.count};
    uint32_t *ids = memory_new(&ctx->memory, operands.count, sizeof *ids);
    f.operand = memory_new(&ctx->memory, operands.count, sizeof *f.operand);
    wg_tensor y = graph_poison(ctx);
    if (!ids || !f.operand) {
        graph_fail_memory(ctx, operands.count * sizeof *f.operand);
    } else if (graph_resolve_list(operands, "einsum", &ctx, ids)) {
        for (size_t k = 0; k < f.count; k++) f.operand[k].tensor = graph_tensor(ctx, ids[k]);
        if (want_one_type(&f) && formula_read(&f)) y = contracted(&f);
    }
    memory_release(&ctx->memory, ids);
    memory_release(&ctx->memory, f.operand);
    return y;
}

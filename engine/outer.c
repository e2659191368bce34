/* Products with one term, as that of one example's gradient by a weight, are element-wise: what comes after, their norm
   say, then need not read them from memory. Sums of them are products already: see accumulate.c. */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/schedule.h"
#include "ops/rows.h"

bool has_one_term(const program *p, const item *matmul)
{
    const item *left = &p->items[program_operands(p, matmul)[0]];
    return left->shape.dim[left->shape.rank - (p->attributes[matmul->attributes].integer[0] ? 2 : 1)] == 1;
}

/* The operand of a product with one term, as a column or a row, repeated to the product's shape. */
static uint32_t spread_factor(rewriting *r, const item *product, uint32_t operand, bool column, uint32_t source)
{
    item flat = r->to->items[operand], wide = *product;
    int rank = product->shape.rank;
    flat.op = &ops_reshape;
    flat.count = 1;
    flat.scalar_operand = flat.flags = 0;
    flat.shape = product->shape;
    flat.shape.dim[column ? rank - 1 : rank - 2] = 1;
    wide.op = &ops_expand;
    wide.count = 1;
    wide.flags = 0;
    uint32_t shaped = rewriting_add(r, &flat, &operand, NULL, source);
    return shaped == NO_ITEM ? NO_ITEM : rewriting_add(r, &wide, &shaped, NULL, source);
}

/* A product with one term, as that of one row's gradient by a weight, is a b element by element, so that what comes
   after need not read it from memory. */
static uint32_t outer(rewriting *r, const item *it, uint32_t index)
{
    if (it->size == 0) return NO_ITEM;
    uint32_t operands[2] = {rewriting_operand(r, index, 0), rewriting_operand(r, index, 1)};
    if (!has_one_term(r->from, it)) return NO_ITEM;
    FIRED(outer);
    uint32_t source = r->from->source[index];
    operands[0] = spread_factor(r, it, operands[0], true, source);
    if (operands[0] != NO_ITEM) operands[1] = spread_factor(r, it, operands[1], false, source);
    if (operands[0] == NO_ITEM || operands[1] == NO_ITEM) return NO_ITEM;
    item times = *it;
    times.op = &ops_mul;
    return rewriting_add(r, &times, operands, NULL, source);
}

bool pass_outer(const program *from, program *to, bump *b)
{
    rewriting r;
    if (!rewriting_begin(&r, from, to, b)) return false;
    for (uint32_t i = 0; i < from->count && !b->failed; i++) {
        const item *it = &from->items[i];
        uint32_t found = it->op != &ops_matmul || it->flags & ITEM_KEEP ? NO_ITEM : outer(&r, it, i);
        r.map[i] = found != NO_ITEM ? found : rewriting_keep(&r, i);
    }
    return !b->failed;
}

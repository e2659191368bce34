/* Products with one term, as that of one example's gradient by a weight, are element-wise: what comes after, their norm
   say, then need not read them from memory. Sums of them are products already: see accumulate.c. */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/schedule.h"
#include "ops/rows.h"

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
    if (it->op != &ops_matmul || it->size == 0) return NO_ITEM;
    const wg_attributes *a = &r->from->attributes[it->attributes];
    uint32_t operands[2] = {rewriting_operand(r, index, 0), rewriting_operand(r, index, 1)};
    const item *left = &r->to->items[operands[0]];
    if (left->shape.dim[left->shape.rank - (a->integer[0] ? 2 : 1)] != 1) return NO_ITEM;
    FIRED(outer);
    uint32_t source = r->from->source[index];
    operands[0] = spread_factor(r, it, operands[0], true, source);
    if (operands[0] != NO_ITEM) operands[1] = spread_factor(r, it, operands[1], false, source);
    if (operands[0] == NO_ITEM || operands[1] == NO_ITEM) return NO_ITEM;
    item times = *it;
    times.op = &ops_mul;
    return rewriting_add(r, &times, operands, NULL, source);
}

/* Whether the last axis is a row of its own to what an item is computed from: something is repeated along it, or along
   others only. */
static bool has_rows(const program *p, uint32_t index, int depth)
{
    if (index == NO_ITEM) return false;
    const item *it = &p->items[index];
    if (it->op == &ops_expand) {
        const item *from = &p->items[program_operands(p, it)[0]];
        return from->size > 1 && it->shape.rank > 1 && it->shape.dim[it->shape.rank - 1] > 1;
    }
    if (depth == 0 || !it->op || !it->op->elementwise) return false;
    for (uint32_t k = 0; k < it->count; k++)
        if (has_rows(p, program_operands(p, it)[k], depth - 1)) return true;
    return false;
}

/* A reduction over several trailing axes of what has rows: first over the rows, then over their results. */
static uint32_t split_rows(rewriting *r, const item *it, uint32_t index)
{
    enum { DEEP = 3 };
    if (!is_reduction(it)) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0), set;
    const item x = r->to->items[operand];
    int last = x.shape.rank - 1;
    wg_attributes over_row = {.integer = {(int64_t)1 << (last > 0 ? last : 0), 1}};
    set = (uint32_t)r->from->attributes[it->attributes].integer[0];
    if ((x.type != WG_F32 && x.type != WG_F64) || last < 1 || !(set >> last & 1) || !(set >> (last - 1) & 1))
        return NO_ITEM;
    if (x.size == 0 || x.shape.dim[last] == 1 || x.shape.dim[last - 1] == 1 || !has_rows(r->to, operand, DEEP))
        return NO_ITEM;
    FIRED(split_rows);
    item rows = *it;
    rows.shape = x.shape;
    rows.shape.dim[last] = 1;
    rows.size = x.size / x.shape.dim[last];
    rows.flags = 0;
    uint32_t source = r->from->source[index], first = rewriting_add(r, &rows, &operand, &over_row, source);
    return first == NO_ITEM ? NO_ITEM : rewriting_add(r, it, &first, &r->from->attributes[it->attributes], source);
}

bool pass_outer(const program *from, program *to, bump *b)
{
    rewriting r;
    if (!rewriting_begin(&r, from, to, b)) return false;
    for (uint32_t i = 0; i < from->count && !b->failed; i++) {
        const item *it = &from->items[i];
        uint32_t found = NO_ITEM;
        if (it->op && !(it->flags & ITEM_KEEP))
            found = it->op == &ops_matmul ? outer(&r, it, i) : split_rows(&r, it, i);
        r.map[i] = found != NO_ITEM ? found : rewriting_keep(&r, i);
    }
    return !b->failed;
}

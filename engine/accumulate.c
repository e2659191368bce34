/* Products that are added to products: a b + c d becomes a product that adds to the first one's memory. So the
   gradients of a weight that is used at every step of a recurrence meet in one place, and no sum of them is ever read
   back. */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/product_step.h"
#include "ops/rows.h"

const wg_op engine_multiply_add = {.name = "multiply_add", .summary = "x + a b", .arity = 3};

/* The item that an operand is under another shape at most, as long as nobody else reads it. */
static uint32_t behind(const program *p, const uint32_t *uses, uint32_t index)
{
    while (uses[index] == 1 && p->items[index].op && p->items[index].op->alias)
        index = program_operands(p, &p->items[index])[0];
    return uses[index] == 1 ? index : NO_ITEM;
}

/* The product of `to` that an item of `from` has become; NO_ITEM: it is none. */
static uint32_t product_of(const rewriting *r, uint32_t index)
{
    uint32_t at = r->map[index];
    while (r->to->items[at].op && r->to->items[at].op->alias) at = program_operands(r->to, &r->to->items[at])[0];
    return is_product(&r->to->items[at]) ? at : NO_ITEM;
}

/* What stands for an addition of two products, of which the first may be a sum of products; NO_ITEM: it stays. */
static uint32_t accumulated(rewriting *r, const uint32_t *uses, uint32_t index)
{
    const program *from = r->from;
    const item *it = &from->items[index];
    if (it->op != &ops_add || it->scalar_operand) return NO_ITEM;
    uint32_t x = behind(from, uses, program_operands(from, it)[0]),
             y = behind(from, uses, program_operands(from, it)[1]);
    if (x == NO_ITEM || y == NO_ITEM || from->items[y].op != &ops_matmul) return NO_ITEM;
    uint32_t into = product_of(r, x);
    const item matmul = from->items[y];
    if (into == NO_ITEM || !wg_shape_equal(r->to->items[into].shape, matmul.shape)) return NO_ITEM;
    FIRED(accumulated);
    uint32_t operands[3] = {into, rewriting_operand(r, y, 0), rewriting_operand(r, y, 1)}, source = from->source[index];
    bool same_shape = wg_shape_equal(it->shape, matmul.shape);
    item sum = matmul, back = *it;
    sum.op = &engine_multiply_add;
    sum.count = 3;
    sum.flags = same_shape ? it->flags : 0;
    uint32_t added = rewriting_add(r, &sum, operands, &from->attributes[matmul.attributes], source);
    if (added == NO_ITEM || same_shape) return added;
    back.op = &ops_reshape;
    back.count = 1;
    return rewriting_add(r, &back, &added, NULL, source);
}

bool pass_accumulate(const program *from, program *to, bump *b)
{
    rewriting r;
    uint32_t *uses = program_uses(from, b);
    if (!rewriting_begin(&r, from, to, b) || !uses) return false;
    for (uint32_t i = 0; i < from->count && !b->failed; i++) {
        uint32_t found = accumulated(&r, uses, i);
        r.map[i] = found == NO_ITEM ? rewriting_keep(&r, i) : found;
    }
    return !b->failed;
}

/* A matrix that many products read transposed is transposed once. A recurrence multiplies by the same weight at every
   step, backward by its transpose, which the product's machine code reads less well. */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/product_step.h"
#include "ops/rows.h"

enum { MANY = 4 }; /* products that share a transposition */

typedef struct hoisting {
    rewriting r;
    uint32_t *readers; /* products that read an item of `from` as a transposed right operand */
    uint32_t *turned;  /* 1 + item of `to`: the transposed matrix */
} hoisting;

/* The item whose transpose is the right operand, if it is one matrix; a single row or column lies the same both ways.
 */
static uint32_t transposed_right(const program *p, uint32_t index)
{
    const item *it = &p->items[index];
    if (!it->op || !is_product(it) || !p->attributes[it->attributes].integer[1]) return NO_ITEM;
    uint32_t right = program_operands(p, it)[product_first(it) + 1];
    const wg_shape *shape = &p->items[right].shape;
    return shape->rank == 2 && shape->dim[0] > 1 && shape->dim[1] > 1 ? right : NO_ITEM;
}

static uint32_t turned(hoisting *h, uint32_t right)
{
    const program *from = h->r.from;
    if (h->turned[right]) return h->turned[right] - 1;
    static const wg_attributes order = {.integer = {1, 0}};
    uint32_t operand = h->r.map[right];
    item turn = from->items[right];
    turn.op = &ops_permute;
    turn.count = 1;
    turn.scalar_operand = 0;
    turn.persistent = 0;
    turn.flags = ITEM_GATHER;
    turn.shape.dim[0] = from->items[right].shape.dim[1];
    turn.shape.dim[1] = from->items[right].shape.dim[0];
    uint32_t added = rewriting_add(&h->r, &turn, &operand, &order, from->source[right]);
    h->turned[right] = added + 1;
    return added;
}

static uint32_t hoisted(hoisting *h, uint32_t index, uint32_t right)
{
    const program *from = h->r.from;
    const item *it = &from->items[index];
    FIRED(hoisted);
    uint32_t operands[3], matrix = turned(h, right);
    if (matrix == NO_ITEM) return NO_ITEM;
    for (uint32_t k = 0; k + 1 < it->count; k++) operands[k] = rewriting_operand(&h->r, index, k);
    operands[it->count - 1] = matrix;
    wg_attributes plain = from->attributes[it->attributes];
    plain.integer[1] = 0;
    return rewriting_add(&h->r, it, operands, &plain, from->source[index]);
}

bool pass_hoist(const program *from, program *to, bump *b)
{
    hoisting h = {.readers = bump_new(b, from->count, sizeof *h.readers),
                  .turned = bump_new(b, from->count, sizeof *h.turned)};
    if (!rewriting_begin(&h.r, from, to, b) || b->failed) return false;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t right = transposed_right(from, i);
        if (right != NO_ITEM) h.readers[right]++;
    }
    for (uint32_t i = 0; i < from->count && !b->failed; i++) {
        uint32_t right = transposed_right(from, i);
        bool many = right != NO_ITEM && h.readers[right] >= MANY;
        h.r.map[i] = many ? hoisted(&h, i, right) : rewriting_keep(&h.r, i);
    }
    return !b->failed;
}

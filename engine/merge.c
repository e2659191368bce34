/* Equal items become one: the same op of the same operands, attributes and number. Random items are never equal, and
   assigns have effects. That two C scalars are equal, or the reals among the attributes of users' ops, holds for this
   step only, so it is noted as an assumption, which every later use of the plan checks. */
#include "engine/passes.h"
#include "engine/planted.h"

#include <string.h>

typedef struct merging {
    rewriting r;
    const double *scalar;
    assumptions *made;
    uint32_t *slot; /* open addressing: 1 + item of `to` */
    size_t slots;
} merging;

static bool may_merge(const item *it)
{
    return it->op && !it->op->random && it->op != &graph_assign_op && !(it->flags & ITEM_KEEP);
}

/* The number that an item takes part with; fixed ones need no assumption. */
static double number(const merging *m, const item *it, uint32_t source)
{
    return !it->scalar_operand ? 0 : it->flags & ITEM_FIXED ? it->fixed : m->scalar[source];
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same(const merging *m, uint32_t index, uint32_t candidate)
{
    const program *from = m->r.from, *to = m->r.to;
    const item *a = &from->items[index], *b = &to->items[candidate];
    if (a->op != b->op || a->type != b->type || a->count != b->count || a->scalar_operand != b->scalar_operand ||
        (a->flags ^ b->flags) & ITEM_FIXED || !wg_shape_equal(a->shape, b->shape) ||
        (!PLANTED(2) &&
         memcmp(&from->attributes[a->attributes], &to->attributes[b->attributes], sizeof *from->attributes) != 0))
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (rewriting_operand(&m->r, index, i) != program_operands(to, b)[i]) return false;
    return same_bits(number(m, a, from->source[index]), number(m, b, to->source[candidate]));
}

static uint64_t hash(const merging *m, uint32_t index)
{
    const item *it = &m->r.from->items[index];
    double value = number(m, it, m->r.from->source[index]);
    uint64_t h, x;
    memcpy(&x, &value, sizeof x);
    h = (uint64_t)(uintptr_t)it->op ^ x;
    for (uint32_t i = 0; i < it->count; i++) h = (h ^ rewriting_operand(&m->r, index, i)) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

/* Whether the attributes hold reals that may be others next time; random rows are the only ones of the table that have
   some, and are not merged. */
static bool has_reals(const item *it)
{
    return it->attributes && !program_knows(it->op);
}

/* Both numbers were read from the tape: they must be equal again. */
static bool assume(merging *m, uint32_t source, uint32_t candidate)
{
    const item *it = &m->r.to->items[candidate];
    FIRED(merged);
    if ((!it->scalar_operand || it->flags & ITEM_FIXED) && !has_reals(it)) return true;
    FIRED(assumed);
    assumptions *a = m->made;
    if (!bump_grow(m->r.bump, (void **)&a->items, &a->capacity, a->count + 1, sizeof *a->items)) return false;
    a->items[a->count++] = (assumption){source, m->r.to->source[candidate]};
    return true;
}

/* The item of `to` that stands for one of `from`. */
static uint32_t merged(merging *m, uint32_t index)
{
    if (!may_merge(&m->r.from->items[index])) return rewriting_keep(&m->r, index);
    size_t at = hash(m, index) & (m->slots - 1);
    for (; m->slot[at]; at = (at + 1) & (m->slots - 1))
        if (same(m, index, m->slot[at] - 1))
            return assume(m, m->r.from->source[index], m->slot[at] - 1) ? m->slot[at] - 1 : NO_ITEM;
    uint32_t added = rewriting_keep(&m->r, index);
    m->slot[at] = added + 1;
    return added;
}

bool pass_merge(const program *from, program *to, const double *scalar, assumptions *made, bump *b)
{
    merging m = {.scalar = scalar, .made = made, .slots = 64};
    while (m.slots < from->count * (size_t)2) m.slots *= 2;
    m.slot = bump_new(b, m.slots, sizeof *m.slot);
    if (!rewriting_begin(&m.r, from, to, b) || !m.slot) return false;
    for (uint32_t i = 0; i < from->count; i++) {
        m.r.map[i] = merged(&m, i);
        if (m.r.map[i] == NO_ITEM) return false;
    }
    return true;
}

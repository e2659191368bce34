/* Simplification. Every rule keeps the bits of the result, but for the sign of a zero or the payload of a NaN that no
   rule promises, and but for sums over leading and trailing axes, which become two sums (the error stays within the
   bound of reductions). */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/schedule.h"
#include "ops/rows.h"

/* ---- recognising ---- */

/* Whether an item of `to` is the number 1 all over, by structure. */
static bool is_one(const program *to, uint32_t index)
{
    while (index != NO_ITEM && is_movement(&to->items[index])) index = program_operands(to, &to->items[index])[0];
    return index != NO_ITEM && to->items[index].op == &ops_full && to->items[index].flags & ITEM_FIXED &&
           to->items[index].fixed == 1;
}

/* The operand of an item of `to` with this op that only negates; NO_ITEM: it is none. */
static uint32_t negated(const program *to, uint32_t index)
{
    const item *it = index == NO_ITEM ? NULL : &to->items[index];
    return it && it->op == &ops_neg ? program_operands(to, it)[0] : NO_ITEM;
}

/* ---- rewriting one item: each returns what stands for it, or NO_ITEM if the rule does not apply ---- */

static uint32_t simplify_product(rewriting *r, const item *it, uint32_t index)
{
    if (it->op != &ops_mul || it->scalar_operand) return NO_ITEM;
    uint32_t a = rewriting_operand(r, index, 0), b = rewriting_operand(r, index, 1);
    uint32_t same = is_one(r->to, b) ? a : is_one(r->to, a) ? b : NO_ITEM;
    if (same != NO_ITEM) FIRED(simplify_product);
    return same;
}

/* a + -b is a - b, a - -b is a + b. */
static uint32_t simplify_sign(rewriting *r, const item *it, uint32_t index)
{
    bool sum = it->op == &ops_add;
    if ((!sum && it->op != &ops_sub) || it->scalar_operand) return NO_ITEM;
    uint32_t operands[2] = {rewriting_operand(r, index, 0), rewriting_operand(r, index, 1)};
    uint32_t plain = negated(r->to, operands[1]);
    if (plain == NO_ITEM && sum) { /* -b + a */
        plain = negated(r->to, operands[0]);
        if (plain != NO_ITEM) operands[0] = operands[1];
    }
    if (plain == NO_ITEM) return NO_ITEM;
    operands[1] = plain;
    item changed = *it;
    changed.op = sum != PLANTED(1) ? &ops_sub : &ops_add;
    FIRED(simplify_sign);
    return rewriting_add(r, &changed, operands, NULL, r->from->source[index]);
}

/* Movements that move nothing. */
static uint32_t simplify_movement(rewriting *r, const item *it, uint32_t index)
{
    if (it->op != &ops_reshape && it->op != &ops_expand && it->op != &ops_stop_gradient) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0);
    if (!wg_shape_equal(r->to->items[operand].shape, it->shape)) return NO_ITEM;
    FIRED(simplify_movement);
    return operand;
}

/* A reduction over axes of length 1 is a reshape. */
static uint32_t simplify_trivial_reduction(rewriting *r, const item *it, uint32_t index)
{
    if (!is_reduction(it)) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0);
    const item *x = &r->to->items[operand];
    if (x->size != it->size || x->type != it->type || x->size == 0) return NO_ITEM;
    item changed = *it;
    changed.op = &ops_reshape;
    FIRED(trivial_reduction);
    return rewriting_add(r, &changed, &operand, NULL, r->from->source[index]);
}

/* A reduction over leading and over trailing axes: first over the trailing ones, so that rows meet in one number each.
 */
static uint32_t split_reduction(rewriting *r, const item *it, uint32_t index)
{
    if (!is_reduction(it)) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0);
    const item x = r->to->items[operand];
    if ((x.type != WG_F32 && x.type != WG_F64) || x.size == 0) return NO_ITEM;
    const wg_attributes *a = &r->from->attributes[it->attributes];
    uint32_t set = (uint32_t)a->integer[0], trailing = 0, one = 0;
    for (int i = 0; i < x.shape.rank; i++) one |= (uint32_t)(x.shape.dim[i] == 1) << i;
    for (int i = x.shape.rank; i-- > 0 && ((set | one) >> i & 1);) trailing |= set & 1u << i;
    uint32_t leading = set & ~trailing, before = ~one & ((1u << x.shape.rank) - 1); /* what is kept and not 1 */
    before &= ~set;
    if ((leading & ~one) == 0 || (trailing & ~one) == 0 || before == 0) return NO_ITEM;
    item rows = *it;
    wg_attributes over_rows = {.integer = {trailing, 1}};
    rows.shape = x.shape;
    rows.size = x.size;
    rows.flags = 0;
    for (int i = 0; i < x.shape.rank; i++)
        if (trailing >> i & 1) {
            rows.size /= x.shape.dim[i];
            rows.shape.dim[i] = 1;
        }
    FIRED(split_reduction);
    uint32_t first = rewriting_add(r, &rows, &operand, &over_rows, r->from->source[index]);
    return first == NO_ITEM ? NO_ITEM : rewriting_add(r, it, &first, a, r->from->source[index]);
}

/* Whether the last axis is a row of its own to what an item is computed from: something is repeated along it, or along
   others only, as the factors of a product with one term are. */
static bool has_rows(const program *p, uint32_t index, int depth)
{
    if (index == NO_ITEM) return false;
    const item *it = &p->items[index];
    if (it->op == &ops_expand) {
        const item *from = &p->items[program_operands(p, it)[0]];
        return from->size > 1 && it->shape.rank > 1 && it->shape.dim[it->shape.rank - 1] > 1;
    }
    if (it->op == &ops_matmul) return has_one_term(p, it);
    if (depth == 0 || !it->op || !it->op->elementwise) return false;
    for (uint32_t k = 0; k < it->count; k++)
        if (has_rows(p, program_operands(p, it)[k], depth - 1)) return true;
    return false;
}

/* A reduction over several trailing axes of what has rows: first over the rows, then over their results. */
static uint32_t split_rows(rewriting *r, const item *it, uint32_t index)
{
    enum { DEEP = 3, SHORT = 16 }; /* sums of short rows are slow */
    if (!is_reduction(it)) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0), set;
    const item x = r->to->items[operand];
    int last = x.shape.rank - 1;
    wg_attributes over_row = {.integer = {(int64_t)1 << (last > 0 ? last : 0), 1}};
    set = (uint32_t)r->from->attributes[it->attributes].integer[0];
    if ((x.type != WG_F32 && x.type != WG_F64) || last < 1 || !(set >> last & 1) || !(set >> (last - 1) & 1))
        return NO_ITEM;
    if (x.size == 0 || x.shape.dim[last] < SHORT || x.shape.dim[last - 1] == 1 || !has_rows(r->to, operand, DEEP))
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

/* A reduction of rows that are too long for one go: of parts of them, then of the parts' results. */
static uint32_t split_long_rows(rewriting *r, const item *it, uint32_t index)
{
    if (!is_reduction(it)) return NO_ITEM;
    uint32_t operand = rewriting_operand(r, index, 0);
    const item x = r->to->items[operand];
    int64_t columns = it->size ? x.size / it->size : 0, parts = 2;
    uint32_t set = (uint32_t)r->from->attributes[it->attributes].integer[0];
    bool leading = false; /* something but the trailing axes is reduced */
    for (int i = 0, kept = 0; i < x.shape.rank; i++) {
        bool reduced = set >> (x.shape.rank - 1 - i) & 1 || x.shape.dim[x.shape.rank - 1 - i] == 1;
        kept |= !reduced;
        leading |= kept && reduced && x.shape.dim[x.shape.rank - 1 - i] != 1;
    }
    if ((x.type != WG_F32 && x.type != WG_F64) || it->size < 2 || leading || columns <= LONGEST_ROW) return NO_ITEM;
    while (parts <= LONGEST_ROW && (columns % parts != 0 || columns / parts > LONGEST_ROW)) parts++;
    if (parts > LONGEST_ROW) return NO_ITEM;
    FIRED(split_long_rows);
    item cut = x, rows = *it, last = *it;
    cut.op = &ops_reshape;
    cut.count = 1;
    cut.scalar_operand = cut.flags = 0;
    cut.shape = (wg_shape){3, {it->size, parts, columns / parts}};
    rows.shape = (wg_shape){2, {it->size, parts}};
    rows.size = it->size * parts;
    rows.flags = 0;
    wg_attributes over_last = {.integer = {4, 0}}, over_parts = {.integer = {2, 0}};
    last.shape = (wg_shape){1, {it->size}};
    last.flags = 0;
    item back = *it;
    back.op = &ops_reshape;
    uint32_t source = r->from->source[index], at = rewriting_add(r, &cut, &operand, NULL, source);
    if (at != NO_ITEM) at = rewriting_add(r, &rows, &at, &over_last, source);
    if (at != NO_ITEM) at = rewriting_add(r, &last, &at, &over_parts, source);
    return at == NO_ITEM ? NO_ITEM : rewriting_add(r, &back, &at, NULL, source);
}

typedef uint32_t (*rule)(rewriting *r, const item *it, uint32_t index);

static const rule rules[] = {simplify_product, simplify_sign, simplify_movement, simplify_trivial_reduction,
                             split_reduction,  split_rows,    split_long_rows};

/* What stands for one item. An item that is kept stays itself: a result needs a place of its own. */
static uint32_t simplified(rewriting *r, uint32_t index)
{
    const item *it = &r->from->items[index];
    for (size_t i = 0; it->op && !(it->flags & ITEM_KEEP) && i < sizeof rules / sizeof *rules; i++) {
        uint32_t found = rules[i](r, it, index);
        if (found != NO_ITEM) return found;
    }
    return rewriting_keep(r, index);
}

bool pass_simplify(const program *from, program *to, bump *b)
{
    rewriting r;
    if (!rewriting_begin(&r, from, to, b)) return false;
    for (uint32_t i = 0; i < from->count && !b->failed; i++) r.map[i] = simplified(&r, i);
    return !b->failed;
}

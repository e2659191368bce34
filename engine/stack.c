/* Many small products that share an operand become one large one:

     x0 w, x1 w, ..                       are rows of X w
     a0' b0 + a1' b1 + ..                 is A' B
     (sum of the rows of b0) + ..         is the sum of the rows of B

   where X, A and B are x0, x1, .. one above the other: a layer that is applied to one time step after the other, the
   gradients of its inputs, of its weight and of its bias. Small products read the weight, or read and write its
   gradient, again and again, and keep no second thread busy.

   Stacking must cost nothing. Operands are slices of a tensor, one after the other, or operands of a concat that
   exists; else they become operands of a new one, a pile, if inside.c lets what computes them write there. The former
   products are slices of the new one, and where a concat joined them, it takes the new one as it is. A product runs
   when all it needs is there, which may be later than its parts ran: only movements and the terms of the sum, which
   wait, may read one in between. Items keep their order otherwise. What then lives longer is bounded.

   A sum is taken in another order than it was written: its error stays within the bound of a product, or reduction, of
   that length. The order follows from the program alone. */
#include "engine/passes.h"
#include "engine/planted.h"

#include "engine/stack.h"
#include "ops/rows.h"

#include <string.h>

typedef struct rebuilding {
    rewriting r;
    stacking s;
    uint32_t *waiting; /* movements of what is not there yet */
    uint32_t waiting_count;
} rebuilding;

/* ---- the stacked operands ---- */

static uint32_t add_movement(rebuilding *b, const wg_op *op, wg_shape shape, uint32_t operand,
                             const wg_attributes *attributes)
{
    if (operand == NO_ITEM || wg_shape_equal(b->r.to->items[operand].shape, shape)) return operand;
    const item like = {
        .op = op, .shape = shape, .size = wg_shape_size(shape), .count = 1, .type = b->r.to->items[operand].type};
    return rewriting_add(&b->r, &like, &operand, attributes, b->r.to->source[operand]);
}

/* All values of an item of `to` as rows of so many. */
static uint32_t as_matrix(rebuilding *b, uint32_t index, int64_t columns)
{
    int64_t size = index == NO_ITEM ? 0 : b->r.to->items[index].size;
    return add_movement(b, &ops_reshape, (wg_shape){2, {size / columns, columns}}, index, NULL);
}

static uint32_t as_rows(rebuilding *b, uint32_t matrix, int64_t first, int64_t rows)
{
    if (matrix == NO_ITEM) return NO_ITEM;
    const wg_attributes slice = {.integer = {0, first, 1, rows}};
    return add_movement(b, &ops_slice, (wg_shape){2, {rows, b->r.to->items[matrix].shape.dim[1]}}, matrix, &slice);
}

/* The concat of a pile. */
static uint32_t piled_up(rebuilding *b, pile *p, int64_t columns)
{
    uint32_t *operands = bump_new(b->r.bump, p->count, sizeof *operands);
    item joined = {.op = &ops_concat, .shape = {2, {0, columns}}, .count = p->count};
    for (uint32_t k = 0; operands && !p->added && k < p->count; k++) {
        operands[k] = as_matrix(b, b->r.map[p->parts[k]], columns);
        if (operands[k] == NO_ITEM) return NO_ITEM;
        joined.type = b->r.to->items[operands[k]].type;
        joined.shape.dim[0] += b->r.to->items[operands[k]].shape.dim[0];
    }
    if (!operands || p->added) return p->added - 1;
    joined.size = wg_shape_size(joined.shape);
    static const wg_attributes first_axis = {.integer = {0}};
    uint32_t source = b->s.from->source[p->parts[0]];
    p->added = rewriting_add(&b->r, &joined, operands, &first_axis, source) + 1;
    return p->added - 1;
}

/* Side k of the terms of a batch, one above the other. */
static uint32_t stacked(rebuilding *b, const batch *terms, int k)
{
    const program *from = b->s.from;
    const term *t = b->s.terms + terms->first;
    spot at = terms->at[k];
    int64_t columns = from->items[t->side[k]].shape.dim[1], rows = 0;
    for (uint32_t i = 0; i < terms->count; i++) rows += from->items[t[i].side[k]].shape.dim[0];
    bool is_item = at.base < from->count;
    uint32_t base = is_item ? b->r.map[at.base] : piled_up(b, &b->s.piles[at.base - from->count], columns);
    return as_rows(b, as_matrix(b, base, columns), at.offset / columns, rows);
}

/* ---- the new products ---- */

static const wg_attributes *attributes_of(const program *p, uint32_t index)
{
    return &p->attributes[p->items[index].attributes];
}

/* One product, of which the former ones are slices. */
static void add_rows(rebuilding *b, const batch *terms)
{
    const program *from = b->s.from;
    const term *t = b->s.terms + terms->first;
    uint32_t operands[2] = {stacked(b, terms, 0), b->r.map[t->family]};
    if (b->r.bump->failed) return;
    item whole = from->items[t->item];
    whole.shape.dim[0] = b->r.to->items[operands[0]].shape.dim[0];
    whole.size = wg_shape_size(whole.shape);
    uint32_t product = rewriting_add(&b->r, &whole, operands, attributes_of(from, t->item), from->source[t->item]);
    int64_t row = 0;
    for (uint32_t i = 0; i < terms->count; i++) {
        int64_t rows = from->items[t[i].item].shape.dim[0];
        b->r.map[t[i].item] = as_rows(b, product, row - (PLANTED(13) && i > 0), rows);
        row += rows;
    }
    FIRED(stacked_rows);
}

static uint32_t add_term(rebuilding *b, const batch *terms, uint8_t flags)
{
    const program *from = b->s.from;
    const term *t = b->s.terms + terms->first;
    item one = from->items[t->item];
    uint32_t operands[2] = {stacked(b, terms, 0), NO_ITEM};
    if (one.count == 2) operands[1] = stacked(b, terms, 1);
    if (b->r.bump->failed) return NO_ITEM;
    if (one.count == 2)
        FIRED(stacked_sum);
    else
        FIRED(stacked_row_sums);
    one.flags = flags;
    return rewriting_add(&b->r, &one, operands, attributes_of(from, t->item), from->source[t->family]);
}

/* Operands of an addition that have not gone; the last of them. */
static int terms_left(const rebuilding *b, uint32_t index, uint32_t *last)
{
    int left = 0;
    const uint32_t *operands = program_operands(b->s.from, &b->s.from->items[index]);
    for (int k = 0; k < 2; k++) {
        if (b->s.fate[operands[k]] == FATE_GOES) continue;
        *last = b->r.map[operands[k]];
        left++;
    }
    return left;
}

/* What is left of a sum, and the new products. */
static void add_sum(rebuilding *b, const event *e)
{
    const program *from = b->s.from;
    uint32_t root = b->s.terms[b->s.batches[e->first].first].family, sum[2] = {NO_ITEM, NO_ITEM};
    const item *it = &from->items[root];
    item added = *it;
    added.flags = 0;
    int left = terms_left(b, root, &sum[0]);
    if (left == 2) {
        uint32_t both[2] = {rewriting_operand(&b->r, root, 0), rewriting_operand(&b->r, root, 1)};
        sum[0] = rewriting_add(&b->r, &added, both, NULL, from->source[root]);
    }
    for (uint32_t i = 0; i < e->count && !b->r.bump->failed; i++) {
        uint8_t flags = i + 1 == e->count ? it->flags : 0;
        sum[1] = add_term(b, &b->s.batches[e->first + i], sum[0] == NO_ITEM ? flags : 0);
        added.flags = flags;
        bool first = sum[0] == NO_ITEM;
        sum[0] = first ? sum[1] : rewriting_add(&b->r, &added, sum, NULL, from->source[root]);
    }
    b->r.map[root] = sum[0];
}

/* ---- the other items ---- */

/* The batch of products of rows whose results are the operands of a concat from the k-th on, one after the other;
   NULL: none. */
static const batch *joined_batch(const rebuilding *b, const item *concat, uint32_t k)
{
    const program *from = b->s.from;
    const uint32_t *operands = program_operands(from, concat) + k;
    uint32_t first = b->s.term_of[b->s.views[operands[0]].base];
    const batch *terms = first ? &b->s.batches[b->s.terms[first - 1].batch] : NULL;
    if (!terms || terms->first != first - 1 || terms->count > concat->count - k) return NULL;
    for (int64_t i = 0; i < from->attributes[concat->attributes].integer[0]; i++)
        if (concat->shape.dim[i] != 1) return NULL;
    for (uint32_t n = 0; n < terms->count; n++)
        if (!stack_whole(&b->s, operands[n]) || b->s.views[operands[n]].base != b->s.terms[terms->first + n].item)
            return NULL;
    return terms;
}

/* A concat, in which one product takes the place of its slices. */
static uint32_t add_concat(rebuilding *b, uint32_t index)
{
    const program *from = b->s.from;
    item joined = from->items[index];
    const wg_attributes *attributes = attributes_of(from, index);
    const uint32_t *before = program_operands(from, &joined);
    uint32_t *operands = bump_new(b->r.bump, joined.count, sizeof *operands), count = 0;
    for (uint32_t k = 0; operands && k < joined.count; count++) {
        const batch *terms = joined_batch(b, &joined, k);
        operands[count] = b->r.map[before[k]];
        wg_shape shape = from->items[before[k++]].shape;
        for (uint32_t n = 1; terms && n < terms->count; n++)
            shape.dim[attributes->integer[0]] += from->items[before[k++]].shape.dim[attributes->integer[0]];
        if (!terms) continue;
        uint32_t slice = b->r.map[b->s.terms[terms->first].item];
        uint32_t product = program_operands(b->r.to, &b->r.to->items[slice])[0];
        operands[count] = add_movement(b, &ops_reshape, shape, product, NULL);
        FIRED(stacked_concat);
    }
    if (b->r.bump->failed) return NO_ITEM;
    joined.count = count;
    return rewriting_add(&b->r, &joined, operands, attributes, from->source[index]);
}

/* What stands for an item; NO_ITEM: nothing, now or at all. */
static uint32_t rebuilt(rebuilding *b, uint32_t index)
{
    const item *it = &b->s.from->items[index];
    if (it->op == &ops_concat) return add_concat(b, index);
    if (it->op == &ops_add && !it->scalar_operand) {
        uint32_t last = NO_ITEM;
        int left = terms_left(b, index, &last);
        if (left == 0) b->s.fate[index] = FATE_GOES;
        if (left < 2) return last;
    }
    return rewriting_keep(&b->r, index);
}

static bool waits(const rebuilding *b, uint32_t index)
{
    const item *it = &b->s.from->items[index];
    return is_movement(it) && b->r.map[program_operands(b->s.from, it)[0]] == NO_ITEM;
}

/* Movements of what has come. */
static void end_waiting(rebuilding *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->waiting_count; i++) {
        uint32_t index = b->waiting[i];
        if (waits(b, index))
            b->waiting[kept++] = index;
        else
            b->r.map[index] = rewriting_keep(&b->r, index);
    }
    b->waiting_count = kept;
}

static void rebuild(rebuilding *b)
{
    const stacking *s = &b->s;
    size_t done = 0;
    memset(b->r.map, 0xff, s->from->count * sizeof *b->r.map);
    for (uint32_t i = 0; i < s->from->count && !b->r.bump->failed; i++) {
        if (s->fate[i] == FATE_STAYS && waits(b, i))
            b->waiting[b->waiting_count++] = i;
        else if (s->fate[i] == FATE_STAYS)
            b->r.map[i] = rebuilt(b, i);
        bool some = false;
        for (; done < s->event_count && s->events[done].when == i && !b->r.bump->failed; done++) {
            const event *e = &s->events[done];
            const batch *terms = &s->batches[e->first];
            some = true;
            if (s->terms[terms->first].kind == TERM_OF_ROWS)
                add_rows(b, terms);
            else
                add_sum(b, e);
        }
        if (some) end_waiting(b);
    }
}

bool pass_stack(const program *from, program *to, bump *b)
{
    rebuilding all = {.waiting = bump_new(b, from->count, sizeof *all.waiting)};
    if (!all.waiting || !rewriting_begin(&all.r, from, to, b) || !stack_find(&all.s, from, b)) return false;
    rebuild(&all);
    return !b->failed;
}

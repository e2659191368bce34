/* Finding products that can be stacked: see stack.c. */
#include "engine/stack.h"

#include "engine/planted.h"
#include "engine/schedule.h"
#include "ops/rows.h"

#include <stdlib.h>
#include <string.h>

/* Found by measurement, but for the last. */
enum {
    FEW = 4,               /* fewer products are left alone */
    MOST_WORK = 2 << 20,   /* multiplications of a product: larger ones keep all threads busy */
    MOST_INNER = 64,       /* of a term of a sum that is larger: reading and writing the sum matters little then */
    MOST_BYTES = 16 << 20, /* that all stacks of a program may keep alive for longer */
};

/* ---- terms ---- */

static bool is_matrix(const program *p, uint32_t index)
{
    const item *it = &p->items[index];
    return it->shape.rank == 2 && it->size > 0 && (it->type == WG_F32 || it->type == WG_F64);
}

static bool is_addition(const program *p, uint32_t index)
{
    const item *it = &p->items[index];
    if (it->op != &ops_add || it->scalar_operand) return false;
    for (uint32_t k = 0; k < 2; k++)
        if (!wg_shape_equal(p->items[program_operands(p, it)[k]].shape, it->shape)) return false;
    return true;
}

/* Stages end where something waits: to stack over them would keep what is to be computed again. */
static void find_stages(stacking *s)
{
    uint32_t stage = 0;
    for (uint32_t i = 0; i < s->from->count; i++) {
        const item *it = &s->from->items[i];
        stage += it->op && it->op->alias && it->count > 1;
        s->stage[i] = stage;
    }
}

/* From the roots down: an addition that only another one of its stage reads is a part of its sum. */
static bool find_roots(stacking *s)
{
    const program *p = s->from;
    uint32_t *uses = program_uses(p, s->bump);
    if (!uses) return false;
    for (uint32_t i = p->count; i-- > 0;) {
        if (!is_addition(p, i)) continue;
        if (!s->root[i]) s->root[i] = i + 1;
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t operand = program_operands(p, &p->items[i])[k];
            if (uses[operand] == 1 && s->stage[operand] == s->stage[i]) s->root[operand] = s->root[i];
        }
    }
    return true;
}

/* By the matrices' sizes. */
static bool is_small(const program *p, uint32_t product, uint32_t left)
{
    return (double)p->items[left].size * (double)p->items[product].shape.dim[1] <= MOST_WORK;
}

/* A term of a sum: a' b, or a sum over rows. */
static bool term_of_sum(const stacking *s, uint32_t index, term *t)
{
    const program *p = s->from;
    const item *it = &p->items[index];
    if (!s->root[index] || (it->op != &ops_matmul && it->op != &ops_sum)) return false;
    const uint32_t *operands = program_operands(p, it);
    const int64_t *a = p->attributes[it->attributes].integer;
    *t = (term){.item = index, .family = s->root[index] - 1, .side = {operands[0], operands[0]}};
    if (!is_matrix(p, operands[0]) || a[0] != 1) return false;
    t->kind = it->op == &ops_sum ? TERM_OF_ROW_SUMS : TERM_OF_SUM;
    if (it->op == &ops_sum) return true; /* over the first axis */
    t->side[1] = operands[1];
    bool few = p->items[operands[0]].shape.dim[0] <= MOST_INNER || is_small(p, index, operands[0]);
    return is_matrix(p, operands[1]) && a[1] == 0 && few; /* transposed: the left one only */
}

/* A product of rows by what others may be multiplied by, too. */
static bool term_of_rows(const stacking *s, uint32_t index, term *t)
{
    const program *p = s->from;
    const item *it = &p->items[index];
    if (it->op != &ops_matmul || it->flags & ITEM_KEEP) return false;
    const uint32_t *operands = program_operands(p, it);
    *t = (term){.item = index, .family = operands[1], .kind = TERM_OF_ROWS, .side = {operands[0], index}};
    return is_matrix(p, operands[0]) && is_matrix(p, operands[1]) && is_matrix(p, index) &&
           !p->attributes[it->attributes].integer[0] && is_small(p, index, operands[0]);
}

static int by_family(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static bool find_terms(stacking *s)
{
    for (uint32_t i = 0; i < s->from->count; i++) {
        term t;
        if (!term_of_sum(s, i, &t) && !term_of_rows(s, i, &t)) continue;
        if (!bump_grow(s->bump, (void **)&s->terms, &s->term_capacity, s->term_count + 1, sizeof *s->terms))
            return false;
        t.stage = s->stage[i];
        s->terms[s->term_count++] = t;
    }
    if (s->term_count) qsort(s->terms, s->term_count, sizeof *s->terms, by_family);
    return true;
}

/* ---- where their sides lie ---- */

bool stack_whole(const stacking *s, uint32_t index)
{
    const view *v = &s->views[index];
    const item *it = &s->from->items[index];
    return v->offset == 0 && it->size == s->from->items[v->base].size && view_contiguous(v, &it->shape);
}

/* Operands of a concat lie one after the other if nothing comes before its axis. */
static void note_operands(stacking *s, uint32_t index)
{
    const program *p = s->from;
    const item *it = &p->items[index];
    int64_t axis = p->attributes[it->attributes].integer[0], offset = 0;
    bool rows = true;
    for (int64_t i = 0; i < axis; i++) rows &= it->shape.dim[i] == 1;
    for (uint32_t k = 0; k < it->count; k++) {
        uint32_t operand = program_operands(p, it)[k], base = s->views[operand].base;
        if (rows && stack_whole(s, operand) && !s->placed[base]) s->inside[base] = (spot){index, offset};
        s->placed[base] = 1;
        offset += p->items[operand].size;
    }
}

/* Readers, and places that are fixed already. */
static bool find_places(stacking *s)
{
    const program *p = s->from;
    uint8_t *gathered = bump_new(s->bump, p->count, 1);
    view *copied = bump_new(s->bump, p->count, sizeof *copied);
    if (s->bump->failed) return false;
    views_of(p, gathered, s->views, copied);
    for (uint32_t i = 0; i < p->count; i++) {
        s->inside[i].base = NO_ITEM;
        s->first_use[i] = NO_ITEM;
        s->ready[i] = i;
    }
    for (uint32_t i = p->count; i-- > 0;) {
        const item *it = &p->items[i];
        uint32_t use = is_movement(it) ? s->first_use[i] : i;
        for (uint32_t k = 0; k < it->count; k++) {
            uint32_t operand = program_operands(p, it)[k];
            if (operand != NO_ITEM && use < s->first_use[operand]) s->first_use[operand] = use;
        }
        if (it->flags & ITEM_KEEP) s->placed[s->views[i].base] = 1;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (p->items[i].op == &ops_concat) note_operands(s, i);
    return true;
}

/* Whether what computes an item can write it anywhere: as inside.c has it. */
static bool is_loose(const stacking *s, uint32_t index)
{
    const program *p = s->from;
    uint32_t base = s->views[index].base;
    const item *it = &p->items[base];
    if (!stack_whole(s, index) || s->placed[base] || s->fate[base] != FATE_STAYS || !it->op) return false;
    return it->op == &ops_matmul || it->op == &ops_concat || (!is_reduction(it) && schedule_fuses(p, it));
}

/* The place that a side has among others. */
static spot spot_of(const stacking *s, uint32_t index)
{
    static const spot nowhere = {NO_ITEM, 0};
    const view *v = &s->views[index];
    const item *it = &s->from->items[index];
    int64_t columns = it->shape.dim[1];
    spot at = stack_whole(s, index) ? s->inside[v->base] : (spot){v->base, v->offset};
    if (at.base == NO_ITEM || !view_contiguous(v, &it->shape) || at.offset % columns) return nowhere;
    bool is_item = at.base < s->from->count;
    if (is_item && (s->from->items[at.base].op == &ops_full || s->from->items[at.base].size % columns)) return nowhere;
    return at;
}

/* Whether it is written into a new concat. */
static bool is_piled(const stacking *s, uint32_t index)
{
    return s->inside[index].base != NO_ITEM && s->inside[index].base >= s->from->count;
}

static void find_spots(const stacking *s, term *t)
{
    for (int k = 0; k < 2; k++) {
        t->at[k] = spot_of(s, t->side[k]);
        t->loose[k] = t->at[k].base == NO_ITEM && is_loose(s, t->side[k]);
    }
    if (t->kind != TERM_OF_ROWS) return;
    /* the result: a slice of the new product may lie anywhere but in a concat, unless it is joined to its neighbours */
    t->loose[1] = !s->placed[t->item];
    if (is_piled(s, t->item)) t->at[1].base = NO_ITEM;
}

/* ---- batches ---- */

static int by_place(const void *a, const void *b)
{
    const term *x = a, *y = b;
    spot p = x->at[0].base != NO_ITEM ? x->at[0] : x->at[1], q = y->at[0].base != NO_ITEM ? y->at[0] : y->at[1];
    if (p.base != q.base) return p.base < q.base ? -1 : 1;
    if (p.offset != q.offset) return p.offset < q.offset ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Whether the rows of one term follow those of the other, on both sides. */
static bool follows(const stacking *s, const term *x, const term *y)
{
    const program *p = s->from;
    const item *a = &p->items[x->item], *b = &p->items[y->item];
    if (a->op != b->op || a->type != b->type ||
        memcmp(p->attributes[a->attributes].integer, p->attributes[b->attributes].integer,
               sizeof p->attributes->integer) != 0)
        return false;
    for (int k = 0; k < 2; k++) {
        const item *one = &p->items[x->side[k]], *other = &p->items[y->side[k]];
        if (one->shape.dim[1] != other->shape.dim[1]) return false;
        bool placed = x->at[k].base != NO_ITEM && x->at[k].base == y->at[k].base;
        if (placed && y->at[k].offset == x->at[k].offset + one->size) continue;
        if (!x->loose[k] || !y->loose[k]) return false;
    }
    return true;
}

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The item after which a side of these terms is there as a whole. */
static uint32_t side_ready(const stacking *s, const batch *terms, uint32_t k)
{
    const term *t = s->terms + terms->first;
    uint32_t base = t->at[k].base, ready = 0;
    if (base != NO_ITEM) return base < s->from->count ? s->ready[base] : s->piles[base - s->from->count].ready;
    for (uint32_t i = 0; i < terms->count; i++) ready = later(ready, s->views[t[i].side[k]].base);
    return ready;
}

/* The mark of the i-th operand that is to be written into a pile; NULL: it lies in a stack already. */
static uint8_t *mark_of(const stacking *s, const batch *terms, uint32_t i)
{
    const term *t = &s->terms[terms->first + i % terms->count];
    uint32_t k = i / terms->count;
    return t->at[k].base == NO_ITEM ? &s->placed[s->views[t->side[k]].base] : NULL;
}

/* Marks what is to be written into piles; false, and nothing marked, if it would have to be in two places. So would
   the operand of a sum over rows, which is on both sides: for such sums alone there are no piles. */
static bool place_parts(const stacking *s, const batch *terms, uint32_t sides)
{
    uint32_t done = 0, count = sides * terms->count;
    for (; done < count; done++) {
        uint8_t *mark = mark_of(s, terms, done);
        if (mark && *mark) break;
        if (mark) *mark = 1;
    }
    if (done == count) return true;
    while (done-- > 0) {
        uint8_t *mark = mark_of(s, terms, done);
        if (mark) *mark = 0;
    }
    return false;
}

/* Where a side of the terms lies as a whole: where it does already, or in a new pile. */
static spot stacked_side(stacking *s, const batch *terms, uint32_t k)
{
    const term *t = s->terms + terms->first;
    uint32_t number = s->from->count + (uint32_t)s->pile_count;
    if (t->at[k].base != NO_ITEM) return t->at[k];
    pile made = {.parts = bump_new(s->bump, terms->count, sizeof *made.parts), .ready = side_ready(s, terms, k)};
    if (!made.parts || !bump_grow(s->bump, (void **)&s->piles, &s->pile_capacity, s->pile_count + 1, sizeof *s->piles))
        return t->at[k];
    for (int64_t offset = 0; made.count < terms->count; made.count++) {
        uint32_t base = s->views[t[made.count].side[k]].base;
        made.parts[made.count] = base;
        s->inside[base] = (spot){number, offset};
        offset += s->from->items[base].size;
    }
    s->piles[s->pile_count++] = made;
    FIRED(new_stack);
    return (spot){number, 0};
}

/* Bytes that the batch keeps for longer: new piles, and of products of rows the result. */
static int64_t bytes_of(const stacking *s, const batch *terms, uint32_t sides)
{
    int64_t elements = 0;
    for (uint32_t i = 0; i < terms->count; i++) {
        const term *t = &s->terms[terms->first + i];
        for (uint32_t k = 0; k < sides; k++)
            if (t->at[k].base == NO_ITEM) elements += s->from->items[t->side[k]].size;
        if (t->kind == TERM_OF_ROWS) elements += s->from->items[t->item].size;
    }
    return elements * (int64_t)wg_type_size((wg_type)s->from->items[s->terms[terms->first].item].type);
}

/* The item of `from` after which the result of these terms can be there; NO_ITEM: something needs it before. */
static uint32_t time_of(const stacking *s, const batch *terms, uint32_t sides)
{
    const term *t = s->terms + terms->first;
    bool of_sum = t->kind != TERM_OF_ROWS;
    uint32_t time = of_sum ? t->family : t->item;
    for (uint32_t i = 0; i < terms->count && !of_sum; i++)
        if (t[i].item < time) time = t[i].item;
    for (uint32_t k = 0; k < sides; k++) time = later(time, side_ready(s, terms, k));
    if (of_sum && time > t->family && is_piled(s, t->family)) return NO_ITEM; /* the pile may be needed before */
    for (uint32_t i = 0; i < terms->count; i++)
        if (!PLANTED(17) && s->first_use[of_sum ? t->family : t[i].item] <= time) return NO_ITEM;
    return time;
}

/* What must not be replaced from now on by something that comes later than this. */
static void note_use(stacking *s, const batch *terms, uint32_t sides, uint32_t time)
{
    for (uint32_t i = 0; i < terms->count; i++)
        for (uint32_t k = 0; k < sides; k++) {
            uint32_t *first = &s->first_use[s->views[s->terms[terms->first + i].side[k]].base];
            if (time < *first) *first = time;
        }
}

static bool add_batch(stacking *s, const batch *b)
{
    if (!bump_grow(s->bump, (void **)&s->batches, &s->batch_capacity, s->batch_count + 1, sizeof *s->batches))
        return false;
    s->batches[s->batch_count++] = *b;
    return true;
}

/* Takes these terms if it is sound and costs nothing; *time: when they run; NO_ITEM: they stay as they are. */
static bool take_batch(stacking *s, batch *terms, uint32_t *time)
{
    term *t = s->terms + terms->first;
    bool of_sum = t->kind != TERM_OF_ROWS;
    uint32_t sides = of_sum ? 2 : 1;
    int64_t bytes = bytes_of(s, terms, sides);
    bool ordered = of_sum || t->at[0].base != NO_ITEM || t->at[1].base != NO_ITEM;
    *time = ordered && s->bytes + bytes <= MOST_BYTES ? time_of(s, terms, sides) : NO_ITEM;
    if (*time != NO_ITEM && !place_parts(s, terms, sides)) *time = NO_ITEM;
    if (*time == NO_ITEM) return true;
    s->bytes += bytes;
    for (uint32_t k = 0; k < sides; k++) terms->at[k] = stacked_side(s, terms, k);
    note_use(s, terms, sides, *time);
    for (uint32_t i = 0; i < terms->count; i++) {
        s->fate[t[i].item] = of_sum ? FATE_GOES : FATE_LATER;
        s->ready[t[i].item] = *time;
        t[i].batch = (uint32_t)s->batch_count;
        if (!of_sum) s->term_of[t[i].item] = terms->first + i + 1;
    }
    return add_batch(s, terms);
}

static bool add_event(stacking *s, event e)
{
    if (!bump_grow(s->bump, (void **)&s->events, &s->event_capacity, s->event_count + 1, sizeof *s->events))
        return false;
    s->events[s->event_count++] = e;
    return true;
}

/* ---- families ---- */

/* A sum of which some terms are one product from now on. */
static bool take_sum(stacking *s, uint32_t root, event e)
{
    e.count = (uint32_t)s->batch_count - e.first;
    if (e.count == 0) return true;
    s->fate[root] = FATE_LATER;
    s->ready[root] = e.when;
    return add_event(s, e);
}

/* Terms of one sum, or products with one right operand: those that lie one after the other are taken together. */
static bool take_family(stacking *s, const batch *family)
{
    term *t = s->terms + family->first;
    event e = {.first = (uint32_t)s->batch_count};
    bool of_sum = t->kind != TERM_OF_ROWS;
    if (of_sum && s->fate[t->family] != FATE_STAYS) return true; /* the other kind of terms was here */
    for (uint32_t i = 0; i < family->count; i++) find_spots(s, &t[i]);
    qsort(t, family->count, sizeof *t, by_place);
    for (uint32_t i = 0, end; i < family->count; i = end) {
        for (end = i + 1; end < family->count && follows(s, &t[end - 1], &t[end]);) end++;
        batch terms = {.first = family->first + i, .count = end - i};
        uint32_t time = NO_ITEM;
        if (terms.count >= FEW && !take_batch(s, &terms, &time)) return false;
        if (time == NO_ITEM) continue;
        e.when = later(e.when, time);
        if (!of_sum && !add_event(s, (event){time, (uint32_t)s->batch_count - 1, 1})) return false;
    }
    return !of_sum || take_sum(s, t->family, e);
}

static int by_size(const void *a, const void *b)
{
    const batch *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static bool is_of_family(const term *a, const term *b)
{
    return a->family == b->family && a->kind == b->kind && a->stage == b->stage;
}

/* Sums first, and of these the largest first: a sum over fewer steps finds its operands in the pile of one over more.
   Products of rows then find theirs there, too. */
static bool take_families(stacking *s)
{
    batch *families = bump_new(s->bump, s->term_count, sizeof *families);
    size_t count = 0, sums = 0;
    for (uint32_t i = 0, end; families && i < s->term_count; i = end) {
        const term *t = &s->terms[i];
        for (end = i + 1; end < s->term_count && is_of_family(&s->terms[end], t);) end++;
        if (end - i < FEW) continue;
        families[count++] = (batch){.first = i, .count = end - i};
        sums += t->kind == TERM_OF_SUM;
    }
    if (count == 0) return families != NULL;
    if (!find_places(s)) return false;
    qsort(families, sums, sizeof *families, by_size);
    for (size_t i = 0; i < count; i++)
        if (!take_family(s, &families[i])) return false;
    return true;
}

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->when != y->when) return x->when < y->when ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

bool stack_find(stacking *s, const program *from, bump *b)
{
    uint32_t count = from->count;
    *s = (stacking){.from = from,
                    .bump = b,
                    .views = bump_new(b, count, sizeof *s->views),
                    .fate = bump_new(b, count, 1),
                    .placed = bump_new(b, count, 1),
                    .inside = bump_new(b, count, sizeof *s->inside),
                    .ready = bump_new(b, count, sizeof *s->ready),
                    .first_use = bump_new(b, count, sizeof *s->first_use),
                    .stage = bump_new(b, count, sizeof *s->stage),
                    .root = bump_new(b, count, sizeof *s->root),
                    .term_of = bump_new(b, count, sizeof *s->term_of)};
    if (b->failed) return false;
    find_stages(s);
    bool fine = find_roots(s) && find_terms(s) && (s->term_count == 0 || take_families(s));
    if (s->event_count) qsort(s->events, s->event_count, sizeof *s->events, by_time);
    return fine && !b->failed;
}

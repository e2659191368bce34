/* Concat without copies, and sums of products in one place: what computes an operand writes it where it will stand in
   the result. */
#include "engine/passes.h"
#include "engine/planted.h"
#include "engine/product_step.h"
#include "engine/storage.h"
#include "ops/rows.h"

#include <string.h>

/* Whether the item that a concat's operand is a view of can be written anywhere. */
static bool may_move(const schedule *s, const storage *m, uint32_t operand, uint32_t *base)
{
    const program *p = s->program;
    const view *v = &s->views[operand];
    const item *it = &p->items[v->base];
    *base = v->base;
    bool whole = v->offset == 0 && it->size == p->items[operand].size && view_contiguous(v, &p->items[operand].shape);
    bool plain = it->op && !(it->flags & ITEM_KEEP) && it->size > 0 && m->home[v->base].base == v->base;
    if (!plain || !whole) return false;
    bool written =
        s->gathered[v->base] || is_product(it) || it->op == &ops_concat || (schedule_fuses(p, it) && !is_reduction(it));
    return written;
}

/* A kept view shares the memory of its base, which must be a block of its own. */
static uint8_t *shared_bases(const schedule *s, bump *b)
{
    const program *p = s->program;
    uint8_t *shared = bump_new(b, p->count, 1);
    for (uint32_t i = 0; shared && i < p->count; i++)
        if (p->items[i].flags & ITEM_KEEP) shared[s->views[i].base] = 1;
    return shared;
}

static void move_operands(storage *m, const schedule *s, uint32_t joined, const uint8_t *forbidden)
{
    const program *p = s->program;
    const item *it = &p->items[joined];
    int64_t axis = p->attributes[it->attributes].integer[0], at = 0;
    for (uint32_t k = 0; k < it->count; k++) {
        uint32_t operand = program_operands(p, it)[k], base;
        const wg_shape *shape = &p->items[operand].shape;
        view part = m->home[joined];
        part.offset += (at - (PLANTED(9) && k > 0)) * part.stride[axis];
        at += shape->dim[axis];
        if (may_move(s, m, operand, &base) && !forbidden[base] && view_reshape(&part, shape, &p->items[base].shape) &&
            (!is_product(&p->items[base]) || product_writes(&p->items[base], &part))) {
            m->home[base] = part;
            FIRED(moved_inside);
        }
    }
}

/* What a product adds to is computed where the sum will stand. Nobody else reads it. */
static void move_addend(storage *m, const schedule *s, uint32_t sum, const uint8_t *forbidden)
{
    uint32_t addend = program_operands(s->program, &s->program->items[sum])[0], base;
    if (may_move(s, m, addend, &base) && !forbidden[base] && is_product(&s->program->items[base]) &&
        product_writes(&s->program->items[base], &m->home[sum]))
        m->home[base] = m->home[sum];
}

bool storage_read(const storage *m, const schedule *s, uint32_t user, uint32_t k, reading *r)
{
    const program *p = s->program;
    if (!schedule_read(s, user, k, r)) return false;
    bool copies = s->gathered[user] && is_movement(&p->items[user]);
    r->view = copies ? &m->copied[user] : &m->views[program_operands(p, &p->items[user])[k]];
    return true;
}

/* An item whose reader cannot read it where it lies; NO_ITEM: none. */
static uint32_t misplaced(const storage *m, const schedule *s)
{
    const program *p = s->program;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        bool follows = !it->op || s->gathered[i] || is_movement(it) || schedule_fuses(p, it) || it->op == &ops_concat;
        for (uint32_t k = 0; k < it->count && !follows; k++) {
            reading r;
            uint32_t operand = program_operands(p, it)[k];
            if (operand == NO_ITEM || m->home[s->views[operand].base].base == s->views[operand].base ||
                !storage_read(m, s, i, k, &r))
                continue;
            if (is_product(it) && k < product_first(it)) continue; /* it is copied, if need be */
            bool reads = is_product(it) ? product_reads(p, it, k, r.view) : view_contiguous(r.view, r.shape);
            if (!reads) return s->views[operand].base;
        }
    }
    return NO_ITEM;
}

/* Takes an item, and all that lies inside it, out again. */
static void take_out(storage *m, const schedule *s, uint32_t index, uint8_t *forbidden)
{
    FIRED(taken_out);
    forbidden[index] = 1;
    for (uint32_t i = 0; i < s->program->count; i++) m->home[i] = view_identity(&s->program->items[i], i);
}

bool storage_inside(storage *m, const schedule *s, bump *b)
{
    const program *p = s->program;
    *m = (storage){.home = bump_new(b, p->count, sizeof *m->home),
                   .views = bump_new(b, p->count, sizeof *m->views),
                   .copied = bump_new(b, p->count, sizeof *m->copied)};
    uint8_t *forbidden = shared_bases(s, b);
    if (b->failed) return false;
    for (uint32_t i = 0; i < p->count; i++) m->home[i] = view_identity(&p->items[i], i);
    for (uint32_t bad = 0; bad != NO_ITEM;) {
        for (uint32_t i = p->count; i-- > 0;) {
            if (p->items[i].op == &ops_concat && p->items[i].size > 0) move_operands(m, s, i, forbidden);
            if (p->items[i].op == &engine_multiply_add) move_addend(m, s, i, forbidden);
        }
        bad = views_at_home(p, s->gathered, m->home, m->views, m->copied);
        if (bad == NO_ITEM) bad = misplaced(m, s);
        if (bad != NO_ITEM) take_out(m, s, bad, forbidden);
    }
    return true;
}

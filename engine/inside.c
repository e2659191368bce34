/* Concat without copies: what computes an operand writes it where it will stand in the result. */
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
    bool written = s->gathered[v->base] || it->op == &ops_matmul || it->op == &ops_concat ||
                   (schedule_fuses(p, it) && it->op != &ops_sum && it->op != &ops_max && it->op != &ops_min);
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
        part.offset += at * part.stride[axis];
        at += shape->dim[axis];
        if (may_move(s, m, operand, &base) && !forbidden[base] && view_reshape(&part, shape, &p->items[base].shape) &&
            (p->items[base].op != &ops_matmul || product_writes(&p->items[base], &part)))
            m->home[base] = part;
    }
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
            bool reads = it->op == &ops_matmul ? product_reads(p, it, k, r.view) : view_contiguous(r.view, r.shape);
            if (!reads) return s->views[operand].base;
        }
    }
    return NO_ITEM;
}

/* Takes an item, and all that lies inside it, out again. */
static void take_out(storage *m, const schedule *s, uint32_t index, uint8_t *forbidden)
{
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
        for (uint32_t i = p->count; i-- > 0;)
            if (p->items[i].op == &ops_concat && p->items[i].size > 0) move_operands(m, s, i, forbidden);
        bad = views_at_home(p, s->gathered, m->home, m->views, m->copied);
        if (bad == NO_ITEM) bad = misplaced(m, s);
        if (bad != NO_ITEM) take_out(m, s, bad, forbidden);
    }
    return true;
}

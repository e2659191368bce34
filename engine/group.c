/* Grouping. Items are taken in their order; each joins a group that exists if all it reads is computed before that
   group, or in it where the group's registers can serve; else it opens a group, or is a step of its own. As steps are
   only ever appended, and an item only joins where its operands are at hand, the order of steps is sound by
   construction. */
#include "engine/planted.h"
#include "engine/schedule.h"
#include "ops/rows.h"

#include <assert.h>

/* ---- what an item is in a group ---- */

typedef struct placement {
    role role;
    int64_t size, columns; /* of the group: columns 0: any */
} placement;

static placement place(const schedule *s, uint32_t index)
{
    const program *p = s->program;
    const item *it = &p->items[index];
    placement where = {.role = ROLE_TILE, .size = it->size};
    if (s->gathered[index]) return where;
    if (!schedule_fuses(p, it)) return (placement){.role = ROLE_ALONE};
    if (!is_reduction(it)) return where;
    where.role = schedule_reduction(p, it, &where.columns);
    where.size = p->items[program_operands(p, it)[0]].size;
    return where;
}

/* ---- operands ---- */

bool schedule_read(const schedule *s, uint32_t user, uint32_t k, reading *r)
{
    const program *p = s->program;
    const item *it = &p->items[user];
    uint32_t operand = program_operands(p, it)[k];
    if (operand == NO_ITEM) return false;
    bool copies = s->gathered[user] && is_movement(it);
    *r = (reading){copies ? &s->copied[user] : &s->views[operand], copies ? &it->shape : &p->items[operand].shape};
    return true;
}

layout schedule_layout(const reading *r, int64_t columns)
{
    layout l = view_layout(r->view, r->shape);
    bool by_rows = l.pattern == PATTERN_ROWS || l.pattern == PATTERN_ROW_SINGLE;
    if (by_rows && ((columns && l.columns != columns) || (!columns && l.columns > LONGEST_ROW)))
        l.pattern = PATTERN_OTHER;
    return l;
}

static bool whole(const schedule *s, const reading *r)
{
    return r->view->offset == 0 && view_contiguous(r->view, r->shape) &&
           s->program->items[r->view->base].size == wg_shape_size(*r->shape);
}

bool schedule_in_group(const schedule *s, const group *g, uint32_t user, const reading *r)
{
    role from = s->roles[r->view->base], to = s->roles[user];
    bool by_row = from == ROLE_ROW || from == ROLE_ROW_REDUCTION;
    if (from == ROLE_TILE) return to != ROLE_ROW && (PLANTED(5) || whole(s, r));
    if (by_row && to == ROLE_ROW) return whole(s, r);
    if (!by_row || r->view->offset != 0) return false;
    /* one number of each row for all elements of it */
    layout l = schedule_layout(r, g->columns);
    if (g->size == g->columns) return l.pattern == PATTERN_SINGLE;
    return l.pattern == PATTERN_ROW_SINGLE && l.step == 1;
}

/* The columns that the group would have with this item; -1: they do not go together. */
static int64_t columns_with(const schedule *s, const group *g, uint32_t index, const placement *where)
{
    int64_t columns = g->columns ? g->columns : where->columns;
    if (where->columns && where->columns != columns) return -1;
    const item *it = &s->program->items[index];
    reading r;
    for (uint32_t k = 0; k < it->count && !columns && where->role == ROLE_TILE; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        layout l = schedule_layout(&r, 0);
        if (l.pattern == PATTERN_ROWS || l.pattern == PATTERN_ROW_SINGLE) columns = l.columns;
    }
    return columns;
}

/* ---- joining ---- */

/* Whether all operands are at hand when step `at` runs its group. */
static bool operands_ready(schedule *s, const group *g, uint32_t index, uint32_t at)
{
    reading r;
    for (uint32_t k = 0; k < s->program->items[index].count; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        uint32_t from = s->step_of[r.view->base]; /* 1 + step; 0: given */
        if (schedule_ready(s, &r) > at + 1 || (from == at + 1 && !schedule_in_group(s, g, index, &r))) return false;
    }
    return true;
}

/* Operands of an item with one value for each row are such values, or numbers. */
static bool row_operands(const schedule *s, uint32_t index)
{
    bool some = false;
    reading r;
    for (uint32_t k = 0; k < s->program->items[index].count; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        role from = s->roles[r.view->base];
        layout l = schedule_layout(&r, 0);
        some |= from == ROLE_ROW || from == ROLE_ROW_REDUCTION;
        if (l.pattern != PATTERN_FLAT && l.pattern != PATTERN_SINGLE) return false;
    }
    return some;
}

/* Tries to let an item join the group of a step; the item's role is set if it does. */
static bool join(schedule *s, uint32_t at, uint32_t index, const placement *where)
{
    group *g = s->steps[at].group;
    bool scalar = g && g->size == 1;
    if (!g || (g->count >= MOST_GROUP_ITEMS && !scalar)) return false;
    int64_t before = g->columns;
    placement chosen = *where;
    if (chosen.role == ROLE_TILE && chosen.size != g->size && g->columns > 1 && chosen.size == g->size / g->columns &&
        row_operands(s, index))
        chosen = (placement){ROLE_ROW, g->size, g->columns};
    if (chosen.role == ROLE_TOTAL_REDUCTION && chosen.size == g->size && g->size <= LONGEST_ROW &&
        (!g->columns || g->columns == g->size) && g->size > 1)
        chosen = (placement){ROLE_ROW_REDUCTION, g->size, g->size};
    if (chosen.size != g->size) return false;
    int64_t columns = columns_with(s, g, index, &chosen);
    if (columns < 0) return false;
    g->columns = columns;
    s->roles[index] = chosen.role;
    if (operands_ready(s, g, index, at)) return true;
    g->columns = before;
    s->roles[index] = ROLE_NONE;
    return false;
}

/* ---- steps ---- */

static bool add_step(schedule *s, bump *b, uint32_t index, group *g)
{
    if (!bump_grow(b, (void **)&s->steps, &s->capacity, s->count + 1, sizeof *s->steps)) return false;
    s->steps[s->count++] = (step){g, index};
    return true;
}

/* Notes what the item reads of other steps. */
static bool add_reads(schedule *s, group *g, uint32_t index, bump *b)
{
    reading r;
    for (uint32_t k = 0; k < s->program->items[index].count; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        uint32_t base = r.view->base;
        bool known = s->step_of[base] == s->step_of[index] || s->program->items[base].size < g->size;
        for (size_t i = 0; i < g->read_count && !known; i++) known = g->reads[i] == base;
        if (known) continue;
        if (!bump_grow(b, (void **)&g->reads, &g->read_capacity, g->read_count + 1, sizeof *g->reads)) return false;
        g->reads[g->read_count++] = base;
    }
    return true;
}

static bool add_to_group(schedule *s, uint32_t at, uint32_t index, bump *b)
{
    group *g = s->steps[at].group;
    if (!bump_grow(b, (void **)&g->items, &g->capacity, g->count + 1, sizeof *g->items)) return false;
    g->items[g->count++] = index;
    s->step_of[index] = at + 1;
    return add_reads(s, g, index, b);
}

/* The latest step that computes an operand; 0: all are given, else 1 + step. */
static uint32_t latest_operand(const schedule *s, uint32_t index)
{
    uint32_t latest = 0;
    reading r;
    for (uint32_t k = 0; k < s->program->items[index].count; k++)
        if (schedule_read(s, index, k, &r) && schedule_ready(s, &r) > latest) latest = schedule_ready(s, &r);
    return latest;
}

/* Whether the group reads or computes one of the item's operands, and has room for another stream. */
static bool shares_operand(const schedule *s, const group *g, uint32_t at, uint32_t index)
{
    reading r;
    if (g->size == 1) return true;
    if (g->read_count >= MOST_SHARED_STREAMS) return false;
    for (uint32_t k = 0; k < s->program->items[index].count; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        if (s->step_of[r.view->base] == at + 1) return true;
        for (size_t i = 0; i < g->read_count; i++)
            if (g->reads[i] == r.view->base) return true;
    }
    return false;
}

enum { LOOK_BACK = 64 }; /* steps that an item looks at for company */

static bool place_in_group(schedule *s, uint32_t index, const placement *where, bump *b)
{
    uint32_t latest = latest_operand(s, index);
    if (latest && join(s, latest - 1, index, where)) {
        FIRED(joined_group);
        return add_to_group(s, latest - 1, index, b);
    }
    uint32_t first = latest;
    if (s->count > LOOK_BACK && s->count - LOOK_BACK > first) first = (uint32_t)s->count - LOOK_BACK;
    for (uint32_t at = first; at < s->count; at++)
        if (s->steps[at].group && shares_operand(s, s->steps[at].group, at, index) && join(s, at, index, where)) {
            FIRED(joined_shared);
            return add_to_group(s, at, index, b);
        }
    group *g = bump_new(b, 1, sizeof *g);
    if (!g || !add_step(s, b, index, g)) return false;
    g->size = where->size;
    bool fits = join(s, (uint32_t)s->count - 1, index, where);
    assert(fits && "a new group suits what opens it");
    return fits && add_to_group(s, (uint32_t)s->count - 1, index, b);
}

static bool place_alone(schedule *s, uint32_t index, bump *b)
{
    s->roles[index] = ROLE_ALONE;
    s->step_of[index] = (uint32_t)s->count + 1;
    return add_step(s, b, index, NULL);
}

bool schedule_group(schedule *s, bump *b)
{
    const program *p = s->program;
    for (uint32_t i = 0; !b->failed && i < p->count; i++) {
        const item *it = &p->items[i];
        bool computed = it->op && (s->gathered[i] || (!is_movement(it) && it->op != &ops_full));
        if (!computed) continue;
        placement where = place(s, i);
        bool fine = where.role == ROLE_ALONE ? place_alone(s, i, b) : place_in_group(s, i, &where, b);
        if (!fine) return false;
    }
    return !b->failed;
}

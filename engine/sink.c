/* Sinking. Grouping computes an item as early as its operands are there, so what only the backward pass wants, tanh's
   1 - y^2 say, is computed forward and kept all the time. Where such values are made from others that are there anyway
   when they are read (y, which the next product's gradient wants), the group that reads them computes them. */
#include "engine/planted.h"
#include "engine/schedule.h"
#include "engine/storage.h"

#include <stdlib.h>
#include <string.h>

typedef struct sinking {
    schedule *s;
    const storage *m;
    bump *b;
    uint32_t *reads; /* of each item: how often scheduled items read it or wait for it */
    uint32_t *last;  /* and the last step that does: 1 + step; UINT32_MAX: it is a result */
    uint32_t *here;  /* how often those read it that stay or come together: all 0 between two pairs of groups */
} sinking;

static void note_use(sinking *k, uint32_t used, uint32_t at)
{
    k->reads[used]++;
    if (at > k->last[used]) k->last[used] = at;
}

static void note_uses(sinking *k, uint32_t index)
{
    reading r;
    for (uint32_t i = 0; k->s->step_of[index] && i < k->s->program->items[index].count; i++) {
        if (!schedule_read(k->s, index, i, &r)) continue;
        note_use(k, r.view->base, k->s->step_of[index]);
        if (r.view->after) note_use(k, r.view->after - 1, k->s->step_of[index]);
    }
}

static void note_results(sinking *k)
{
    const program *p = k->s->program;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->items[i].flags & ITEM_KEEP) k->last[k->s->views[i].base] = UINT32_MAX;
        if (k->m->home[i].base != i) k->last[i] = UINT32_MAX;
    }
}

static void count_reads(sinking *k, uint32_t index, uint32_t by)
{
    reading r;
    for (uint32_t i = 0; i < k->s->program->items[index].count; i++) {
        if (!schedule_read(k->s, index, i, &r)) continue;
        k->here[r.view->base] += by;
        if (r.view->after) k->here[r.view->after - 1] += by;
    }
}

/* ---- one pair of groups ---- */

/* Items of an earlier group that only a later one reads, or others of them. */
typedef struct cone {
    uint32_t from, to; /* steps */
    uint32_t *items;
    size_t count;
    size_t outputs; /* values that the later group reads of them now */
    int64_t saved;  /* values times steps for which they need no memory, less those for which others need it longer */
    size_t streams; /* that the later group reads in addition */
    bool fits;      /* all reads can be served there */
} cone;

/* Whether nobody else reads the item; items are looked at from the last to the first. */
static bool is_free(const sinking *k, uint32_t index)
{
    return k->s->roles[index] == ROLE_TILE && k->last[index] != UINT32_MAX && k->here[index] &&
           (PLANTED(15) || k->here[index] == k->reads[index]);
}

static bool has(const cone *c, uint32_t index)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i] == index) return true;
    return false;
}

static bool is_read_by(const group *g, uint32_t base)
{
    for (size_t i = 0; i < g->read_count; i++)
        if (g->reads[i] == base) return true;
    return false;
}

/* What the later group would read from memory for an item of the cone. */
static void look_at_reads(const sinking *k, cone *c, uint32_t index)
{
    const schedule *s = k->s;
    const group *late = s->steps[c->to].group;
    reading r;
    for (uint32_t i = 0; i < s->program->items[index].count; i++) {
        if (!schedule_read(s, index, i, &r) || has(c, r.view->base)) continue;
        uint32_t base = r.view->base;
        pattern p = schedule_layout(&r, late->columns).pattern;
        bool full = s->program->items[base].size >= late->size;
        c->fits = c->fits && (p == PATTERN_FLAT || p == PATTERN_SINGLE || (late->columns && p != PATTERN_OTHER));
        if (full && s->roles[base] != ROLE_NONE && k->last[base] < c->to + 1) c->saved -= c->to + 1 - k->last[base];
        c->streams += full && !is_read_by(late, base);
    }
}

/* Whether the items of the later group can read those of the cone in registers. */
static bool can_hand_on(const sinking *k, const cone *c)
{
    const schedule *s = k->s;
    const group *late = s->steps[c->to].group;
    for (size_t n = 0; n < late->count; n++) {
        reading r;
        for (uint32_t i = 0; i < s->program->items[late->items[n]].count; i++)
            if (schedule_read(s, late->items[n], i, &r) && has(c, r.view->base) &&
                !schedule_in_group(s, late, late->items[n], &r))
                return false;
    }
    return true;
}

static void find_cone(sinking *k, cone *c)
{
    const group *early = k->s->steps[c->from].group, *late = k->s->steps[c->to].group;
    for (size_t i = 0; i < late->count; i++) count_reads(k, late->items[i], 1);
    for (size_t i = early->count; i-- > 0;) {
        uint32_t index = early->items[i];
        if (!is_free(k, index)) continue;
        c->outputs += is_read_by(late, index);
        c->items[c->count++] = index;
        count_reads(k, index, 1);
    }
    for (size_t i = 0; i < c->count; i++) count_reads(k, c->items[i], UINT32_MAX);
    for (size_t i = 0; i < late->count; i++) count_reads(k, late->items[i], UINT32_MAX);
    c->saved = (int64_t)c->outputs * (c->to - c->from);
    for (size_t i = 0; i < c->count; i++) look_at_reads(k, c, c->items[i]);
}

static bool is_worth_it(const sinking *k, const cone *c)
{
    const group *late = k->s->steps[c->to].group;
    size_t streams = late->read_count + c->streams - c->outputs;
    return c->count && c->fits && c->saved > 0 && late->count + c->count <= MOST_GROUP_ITEMS &&
           (streams <= MOST_SHARED_STREAMS || streams <= late->read_count);
}

/* ---- moving ---- */

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void take_out(group *g, const cone *c)
{
    size_t left = 0;
    for (size_t i = 0; i < g->count; i++)
        if (!has(c, g->items[i])) g->items[left++] = g->items[i];
    g->count = left;
}

/* Bases of other steps' values of full size that an item reads become the group's. */
static bool add_reads(sinking *k, group *g, uint32_t at, uint32_t index)
{
    const schedule *s = k->s;
    reading r;
    for (uint32_t i = 0; i < s->program->items[index].count; i++) {
        if (!schedule_read(s, index, i, &r)) continue;
        uint32_t base = r.view->base;
        if (at + 1 > k->last[base]) k->last[base] = at + 1;
        if (r.view->after && at + 1 > k->last[r.view->after - 1]) k->last[r.view->after - 1] = at + 1;
        if (s->step_of[base] == at + 1 || s->program->items[base].size < g->size || is_read_by(g, base)) continue;
        if (!bump_grow(k->b, (void **)&g->reads, &g->read_capacity, g->read_count + 1, sizeof *g->reads)) return false;
        g->reads[g->read_count++] = base;
    }
    return true;
}

static bool move(sinking *k, const cone *c)
{
    schedule *s = k->s;
    group *early = s->steps[c->from].group, *late = s->steps[c->to].group;
    if (!bump_grow(k->b, (void **)&late->items, &late->capacity, late->count + c->count, sizeof *late->items))
        return false;
    memcpy(late->items + late->count, c->items, c->count * sizeof *c->items);
    late->count += c->count;
    qsort(late->items, late->count, sizeof *late->items, by_number);
    take_out(early, c);
    size_t left = 0;
    for (size_t i = 0; i < late->read_count; i++)
        if (!has(c, late->reads[i])) late->reads[left++] = late->reads[i];
    late->read_count = left;
    for (size_t i = 0; i < c->count; i++) s->step_of[c->items[i]] = c->to + 1;
    bool fine = true;
    for (size_t i = 0; fine && i < c->count; i++) fine = add_reads(k, late, c->to, c->items[i]);
    FIRED(sunk);
    return fine;
}

static bool sink_between(sinking *k, uint32_t from, uint32_t to)
{
    const group *early = k->s->steps[from].group, *late = k->s->steps[to].group;
    if (!early || early->size != late->size || early->size == 1) return true;
    cone c = {.from = from, .to = to, .fits = true, .items = bump_new(k->b, early->count, sizeof *c.items)};
    if (!c.items) return false;
    find_cone(k, &c);
    return !is_worth_it(k, &c) || !(PLANTED(16) || can_hand_on(k, &c)) || move(k, &c);
}

bool schedule_sink(schedule *s, const storage *m, bump *b)
{
    const uint32_t count = s->program->count;
    sinking k = {s,
                 m,
                 b,
                 bump_new(b, count, sizeof *k.reads),
                 bump_new(b, count, sizeof *k.last),
                 bump_new(b, count, sizeof *k.here)};
    if (b->failed) return false;
    for (uint32_t i = 0; i < count; i++) note_uses(&k, i);
    note_results(&k);
    for (uint32_t to = 1; to < s->count; to++) {
        const group *late = s->steps[to].group;
        for (size_t i = 0; late && i < late->read_count; i++) {
            uint32_t base = late->reads[i], from = s->step_of[base];
            bool only = from && s->roles[base] == ROLE_TILE && k.last[base] == to + 1;
            if (!only) continue;
            if (!sink_between(&k, from - 1, to)) return false;
            if (s->step_of[base] == to + 1) i = (size_t)-1; /* the list has changed */
        }
    }
    return true;
}

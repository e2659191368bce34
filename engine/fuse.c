/* Joining groups. In one run through the program an item cannot know what comes later: Adam's m is scaled before its
   gradient is, layer norm's cotangent appears after its output. Groups that read or hand on the same values become one:
   the earlier moves down to the later, or the later up to the earlier, where no step between is in the way. */
#include "engine/planted.h"
#include "engine/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_BACK = 64 }; /* steps between two groups at most */

typedef struct fusing {
    schedule *s;
    bump *b;
    uint32_t *first_use; /* of each item: the earliest other step that reads it or waits for it, or an earlier one: 1 +
                            step */
} fusing;

static void note_use(fusing *f, uint32_t used, uint32_t at)
{
    if (f->s->step_of[used] != at && at < f->first_use[used]) f->first_use[used] = at;
}

static void note_uses(fusing *f, uint32_t index)
{
    schedule *s = f->s;
    reading r;
    for (uint32_t k = 0; s->step_of[index] && k < s->program->items[index].count; k++) {
        if (!schedule_read(s, index, k, &r)) continue;
        note_use(f, r.view->base, s->step_of[index]);
        if (r.view->after) note_use(f, r.view->after - 1, s->step_of[index]);
    }
}

/* ---- whether two groups belong together ---- */

static bool reads(const group *g, uint32_t base)
{
    for (size_t i = 0; i < g->read_count; i++)
        if (g->reads[i] == base) return true;
    return false;
}

/* Whether they share memory, and what one reads when they are one is not too much. */
static bool related(const fusing *f, uint32_t i, uint32_t j)
{
    const schedule *s = f->s;
    const group *early = s->steps[i].group, *late = s->steps[j].group;
    size_t streams = early->read_count;
    bool shared = early->size == 1;
    for (size_t k = 0; k < late->read_count; k++) {
        uint32_t base = late->reads[k];
        bool handed = s->step_of[base] == i + 1, common = reads(early, base);
        shared |= handed || common;
        streams += !handed && !common;
    }
    return shared && streams <= MOST_SHARED_STREAMS;
}

/* The columns of both; -1: they differ. */
static int64_t common_columns(const group *a, const group *b)
{
    if (a->columns && b->columns && a->columns != b->columns) return -1;
    return a->columns ? a->columns : b->columns;
}

/* Whether the later group's reads of the earlier one's values can be served by registers; *between: it reads what a
   step between the two computes. */
static bool hands_on(const fusing *f, uint32_t i, uint32_t j, int64_t columns, bool *between)
{
    const schedule *s = f->s;
    const group *late = s->steps[j].group;
    group both = {.size = late->size, .columns = columns};
    *between = false;
    for (size_t n = 0; n < late->count; n++) {
        uint32_t index = late->items[n];
        reading r;
        for (uint32_t k = 0; k < s->program->items[index].count; k++) {
            if (!schedule_read(s, index, k, &r)) continue;
            uint32_t from = s->step_of[r.view->base], ready = schedule_ready(s, &r);
            if (from == i + 1 && !schedule_in_group(s, &both, index, &r)) return false;
            *between |= ready > i + 1 && ready < j + 1;
        }
    }
    return true;
}

/* Whether no step before the later group reads a value of the earlier one. */
static bool may_move_down(const fusing *f, uint32_t i, uint32_t j)
{
    const group *early = f->s->steps[i].group;
    for (size_t n = 0; n < early->count; n++)
        if (f->first_use[early->items[n]] < j + 1) return PLANTED(6);
    return true;
}

/* ---- joining ---- */

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* All items and reads of one group become another's. */
static bool absorb(fusing *f, uint32_t target, uint32_t source, int64_t columns)
{
    schedule *s = f->s;
    group *to = s->steps[target].group, *from = s->steps[source].group;
    if (!bump_grow(f->b, (void **)&to->items, &to->capacity, to->count + from->count, sizeof *to->items) ||
        !bump_grow(f->b, (void **)&to->reads, &to->read_capacity, to->read_count + from->read_count, sizeof *to->reads))
        return false;
    memcpy(to->items + to->count, from->items, from->count * sizeof *to->items);
    to->count += from->count;
    qsort(to->items, to->count, sizeof *to->items, by_number);
    for (size_t i = 0; i < from->count; i++) s->step_of[from->items[i]] = target + 1;
    for (size_t i = 0; i < from->read_count; i++)
        if (!reads(to, from->reads[i])) to->reads[to->read_count++] = from->reads[i];
    size_t kept = 0;
    for (size_t i = 0; i < to->read_count; i++)
        if (s->step_of[to->reads[i]] != target + 1) to->reads[kept++] = to->reads[i];
    to->read_count = kept;
    to->columns = columns;
    from->count = from->read_count = 0;
    for (size_t i = 0; i < to->count; i++) note_uses(f, to->items[i]);
    return true;
}

/* Joins two groups if that is sound and useful; *target is where they are now. */
static bool try_fuse(fusing *f, uint32_t i, uint32_t j, uint32_t *target)
{
    const group *early = f->s->steps[i].group, *late = f->s->steps[j].group;
    bool fits = early && early->count && early->size == late->size &&
                (early->count + late->count <= MOST_GROUP_ITEMS || late->size == 1);
    int64_t columns = fits ? common_columns(early, late) : -1;
    bool between;
    if (columns < 0 || !related(f, i, j) || !hands_on(f, i, j, columns, &between)) return false;
    if (!may_move_down(f, i, j)) {
        if (between) return false;
        *target = i;
        FIRED(fused_up);
        return absorb(f, i, j, columns);
    }
    *target = j;
    FIRED(fused_down);
    return absorb(f, j, i, columns);
}

bool schedule_fuse(schedule *s, bump *b)
{
    fusing f = {s, b, bump_new(b, s->program->count, sizeof *f.first_use)};
    if (b->failed) return false;
    memset(f.first_use, 0xff, s->program->count * sizeof *f.first_use);
    for (uint32_t i = 0; i < s->program->count; i++) note_uses(&f, i);
    for (uint32_t j = 1; j < s->count; j++) {
        uint32_t last = j > LOOK_BACK ? j - LOOK_BACK : 0, at = j;
        for (uint32_t i = j; i-- > last && at == j;)
            if (s->steps[j].group && s->steps[j].group->count) try_fuse(&f, i, j, &at);
    }
    return !b->failed;
}

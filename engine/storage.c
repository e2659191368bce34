/* Memory for what outlives its step, for as long as it is read. */
#include "engine/storage.h"
#include "engine/planted.h"

#include <stdlib.h>
#include <string.h>

size_t storage_bytes(const item *it)
{
    size_t bytes = (size_t)it->size * wg_type_size((wg_type)it->type), line = MEMORY_ALIGNMENT;
    return bytes == 0 ? line : (bytes + line - 1) / line * line;
}

/* The item in whose memory this one lies. */
static uint32_t owner(const storage *m, uint32_t index)
{
    return m->home[index].base;
}

static void use(storage *m, uint32_t index, uint32_t at)
{
    uint32_t o = owner(m, index);
    if (at < m->first[o]) m->first[o] = at;
    if (at > m->last[o]) m->last[o] = at;
}

/* Notes that step `at` reads an item, which is then stored, unless it is in the same step. */
static void note_read(storage *m, const schedule *s, uint32_t base, uint32_t at)
{
    if (s->roles[base] == ROLE_NONE) return;
    if (s->step_of[base] == at + 1 && s->steps[at].group) return;
    if (m->kind[base] == STORED_NOT) m->kind[base] = STORED_ARENA;
    use(m, base, at - PLANTED(7));
}

static void note_reads(storage *m, const schedule *s, uint32_t index)
{
    reading r;
    for (uint32_t k = 0; k < s->program->items[index].count; k++)
        if (schedule_read(s, index, k, &r)) note_read(m, s, r.view->base, s->step_of[index] - 1);
}

/* Results, and what no register holds. */
static void note_result(storage *m, const schedule *s, uint32_t index)
{
    const item *it = &s->program->items[index];
    uint32_t base = s->views[index].base;
    if (it->flags & ITEM_KEEP && s->roles[base] != ROLE_NONE) m->kind[base] = STORED_RESULT;
    role r = s->roles[index];
    bool needs = r == ROLE_ALONE || r == ROLE_COLUMN_REDUCTION || r == ROLE_TOTAL_REDUCTION;
    if (needs && m->kind[index] == STORED_NOT) m->kind[index] = STORED_ARENA;
}

bool storage_assign(storage *m, const schedule *s, bump *b)
{
    const program *p = s->program;
    m->kind = bump_new(b, p->count, sizeof *m->kind);
    m->first = bump_new(b, p->count, sizeof *m->first);
    m->last = bump_new(b, p->count, sizeof *m->last);
    m->offset = bump_new(b, p->count, sizeof *m->offset);
    m->in_place = bump_new(b, p->count, sizeof *m->in_place);
    if (b->failed) return false;
    for (uint32_t i = 0; i < p->count; i++) {
        m->first[i] = UINT32_MAX;
        m->in_place[i] = NO_ITEM;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->items[i].op) note_result(m, s, i);
        if (s->step_of[i]) note_reads(m, s, i);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        if (!s->step_of[i]) continue;
        if (owner(m, i) != i) m->kind[i] = STORED_INSIDE;
        if (m->kind[i] != STORED_NOT) use(m, i, s->step_of[i] - 1);
    }
    return true;
}

/* ---- the arena: one block after the other, each at the lowest offset where nothing lives at the same time. No order
   is always best, so the least of some is taken. ---- */

typedef struct block {
    uint32_t item;
    size_t bytes, key; /* in the order of rising keys */
} block;

typedef enum placing { LARGEST_FIRST, LONGEST_FIRST, EARLIEST_FIRST, PLACINGS } placing;

enum {
    PLACED_AGAIN = 16,       /* further orders that are tried */
    MOST_PLACED_AGAIN = 2000 /* blocks: with more it takes too long */
};

static size_t placing_key(const storage *m, const block *b, placing order)
{
    size_t steps = m->last[b->item] - m->first[b->item] + 1;
    return order == LARGEST_FIRST ? SIZE_MAX - b->bytes : order == LONGEST_FIRST ? SIZE_MAX - steps : m->first[b->item];
}

static int by_key(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static int by_offset(const storage *m, uint32_t a, uint32_t b)
{
    return m->offset[a] < m->offset[b] ? -1 : m->offset[a] > m->offset[b];
}

/* Sorts the placed ones by their offset as they come. */
static void insert(const storage *m, uint32_t *placed, size_t count, uint32_t index)
{
    size_t at = count;
    for (; at > 0 && by_offset(m, placed[at - 1], index) > 0; at--) placed[at] = placed[at - 1];
    placed[at] = index;
}

static int64_t lowest_offset(const storage *m, const program *p, const uint32_t *placed, size_t count, uint32_t index,
                             size_t bytes)
{
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t other = placed[i];
        if (m->last[other] < m->first[index] || m->first[other] > m->last[index]) continue;
        if (m->offset[other] >= at + (int64_t)bytes) break;
        int64_t end = m->offset[other] + (int64_t)storage_bytes(&p->items[other]);
        if (end > at) at = end;
    }
    return at;
}

/* The most that is alive at once: no placement can do with less. */
static size_t live_bound(const storage *m, const schedule *s, const block *blocks, size_t count, bump *b)
{
    int64_t *change = bump_new(b, s->count + 1, sizeof *change), alive = 0, most = 0;
    if (!change) return 0;
    for (size_t i = 0; i < count; i++) {
        change[m->first[blocks[i].item]] += (int64_t)blocks[i].bytes;
        change[m->last[blocks[i].item] + 1] -= (int64_t)blocks[i].bytes;
    }
    for (size_t i = 0; i < s->count; i++) {
        alive += change[i];
        if (alive > most) most = alive;
    }
    return (size_t)most;
}

/* Places all blocks as they come; returns the size of the arena. */
static size_t place_blocks(storage *m, const program *p, const block *blocks, size_t count, uint32_t *placed)
{
    size_t arena = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t index = blocks[i].item;
        m->offset[index] = lowest_offset(m, p, placed, i, index, blocks[i].bytes);
        if (m->offset[index]) FIRED(placed_above);
        insert(m, placed, i, index);
        size_t end = (size_t)m->offset[index] + blocks[i].bytes;
        if (end > arena) arena = end;
    }
    return arena;
}

static void sort_blocks(const storage *m, block *blocks, size_t count, placing order)
{
    for (size_t i = 0; i < count; i++) blocks[i].key = placing_key(m, &blocks[i], order);
    qsort(blocks, count, sizeof *blocks, by_key);
}

/* What has ended highest comes first. */
static void highest_first(const storage *m, block *blocks, size_t count)
{
    size_t at = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t end = (size_t)m->offset[blocks[i].item] + blocks[i].bytes;
        if (end <= most) continue;
        most = end;
        at = i;
    }
    block highest = blocks[at];
    memmove(blocks + 1, blocks, at * sizeof *blocks);
    blocks[0] = highest;
}

/* Tries one order after the other, then changes the last, and keeps the best. */
static void place_best(storage *m, const program *p, block *blocks, size_t count, uint32_t *placed, int64_t *best)
{
    int tries = PLACINGS + (count <= MOST_PLACED_AGAIN ? PLACED_AGAIN : 0);
    m->arena = SIZE_MAX;
    for (int i = 0; i < tries && m->arena > m->bound; i++) {
        if (i < PLACINGS)
            sort_blocks(m, blocks, count, (placing)i);
        else
            highest_first(m, blocks, count);
        size_t arena = place_blocks(m, p, blocks, count, placed);
        if (arena >= m->arena) continue;
        m->arena = arena;
        memcpy(best, m->offset, p->count * sizeof *best);
    }
    memcpy(m->offset, best, p->count * sizeof *best);
}

bool storage_place(storage *m, const schedule *s, bump *b)
{
    const program *p = s->program;
    block *blocks = bump_new(b, p->count, sizeof *blocks);
    uint32_t *placed = bump_new(b, p->count, sizeof *placed);
    int64_t *best = bump_new(b, p->count, sizeof *best);
    size_t count = 0;
    if (b->failed) return false;
    for (uint32_t i = 0; i < p->count; i++)
        if (m->kind[i] == STORED_ARENA) blocks[count++] = (block){.item = i, .bytes = storage_bytes(&p->items[i])};
    m->bound = live_bound(m, s, blocks, count, b);
    if (p->count) place_best(m, p, blocks, count, placed, best);
    return !b->failed;
}

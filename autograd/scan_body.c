/* The bodies of a context: equal ones are one object. */
#include "autograd/scan_cut.h"

#include <string.h>

enum { MOST_BODIES = 64 };

/* All bodies of a context. */
typedef struct scan_bodies {
    wg_context *ctx;
    scan_body **items;
    size_t count, capacity;
    uint64_t last_id;
} bodies;

/* ---- life ---- */

static void release_body(memory *m, scan_body *b)
{
    if (!b) return;
    scan_tape_release(m, &b->tape);
    scan_tape_release(m, &b->wide);
    memory_release(m, b->words);
    memory_release(m, b->draw);
    memory_release(m, b->parameter);
    memory_release(m, b->root);
    memory_release(m, b);
}

static void release_bodies(void *object)
{
    bodies *all = object;
    memory *m = &all->ctx->memory;
    for (size_t i = 0; i < all->count; i++) release_body(m, all->items[i]);
    memory_release(m, all->items);
    memory_release(m, all);
}

static bodies *bodies_of(wg_context *ctx)
{
    if (ctx->scan_bodies) return ctx->scan_bodies;
    bodies *all = memory_new(&ctx->memory, 1, sizeof *all);
    if (!all) {
        graph_fail_memory(ctx, sizeof *all);
        return NULL;
    }
    all->ctx = ctx;
    if (!graph_at_exit(ctx, release_bodies, all)) {
        memory_release(&ctx->memory, all);
        return NULL;
    }
    return ctx->scan_bodies = all;
}

/* ---- bodies that are known ---- */

static bool describe_parameters(scan_body *b, const scan_reading *r)
{
    const scan_cut *c = r->cut;
    const size_t given = scan_given(c);
    for (size_t i = 0; i < given + c->capture_count; i++) {
        const node *n = graph_node(c->ctx, i < given ? c->first + (uint32_t)i : c->captures[i - given]);
        b->parameter[i] = (wg_array){(wg_type)n->type, graph_shape(c->ctx, n), NULL};
    }
    if (b->numbers) b->parameter[given + c->capture_count] = (wg_array){WG_F64, {1, {(int64_t)b->numbers}}, NULL};
    for (size_t i = 0; i < c->carries + c->outputs; i++) {
        const node *n = graph_node(c->ctx, c->roots[i]);
        b->root[i] = (wg_array){(wg_type)n->type, graph_shape(c->ctx, n), NULL};
    }
    for (size_t i = 0; i < r->node_count; i++) b->flops += (double)graph_size(c->ctx, graph_node(c->ctx, r->nodes[i]));
    return true;
}

static scan_body *new_body(bodies *all, scan_reading *r, uint64_t hash)
{
    const scan_cut *c = r->cut;
    memory *m = &c->ctx->memory;
    scan_body *b = memory_new(m, 1, sizeof *b);
    if (!b) return NULL;
    *b = (scan_body){.id = ++all->last_id,
                     .hash = hash,
                     .word_count = r->word_count,
                     .words = r->words,
                     .carries = c->carries,
                     .sequences = c->sequences,
                     .captures = c->capture_count,
                     .outputs = c->outputs,
                     .numbers = c->number_count,
                     .type = c->type,
                     .owner = c->ctx};
    r->words = NULL;
    b->draw = memory_new(m, r->node_count + 1, sizeof *b->draw);
    b->parameter = memory_new(m, scan_parameters(b), sizeof *b->parameter);
    b->root = memory_new(m, c->carries + c->outputs + 1, sizeof *b->root);
    if (b->draw && b->parameter && b->root && describe_parameters(b, r) && scan_tape_make(b, r)) return b;
    release_body(m, b);
    return NULL;
}

static uint64_t hash_words(const uint64_t *words, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Bodies that no tape since the last wg_clear has used make room, the oldest first. */
static void forget_oldest(bodies *all)
{
    size_t oldest = 0;
    for (size_t i = 1; i < all->count; i++)
        if (all->items[i]->used < all->items[oldest]->used) oldest = i;
    if (all->items[oldest]->used >= all->ctx->clears) return;
    release_body(&all->ctx->memory, all->items[oldest]);
    all->items[oldest] = all->items[--all->count];
}

static scan_body *find_or_make(bodies *all, scan_reading *r)
{
    uint64_t hash = hash_words(r->words, r->word_count);
    for (size_t i = 0; i < all->count; i++) {
        scan_body *b = all->items[i];
        if (b->hash == hash && b->word_count == r->word_count && graph_ok(b->tape.context) &&
            memcmp(b->words, r->words, r->word_count * sizeof *r->words) == 0)
            return b;
    }
    if (all->count >= MOST_BODIES) forget_oldest(all);
    memory *m = &all->ctx->memory;
    scan_body *made = NULL;
    if (memory_grow(m, (void **)&all->items, &all->capacity, all->count + 1, sizeof *all->items))
        made = new_body(all, r, hash);
    if (!made) {
        graph_fail_memory(all->ctx, r->word_count * sizeof *r->words);
        return NULL;
    }
    return all->items[all->count++] = made;
}

scan_body *scan_find_body(scan_cut *cut)
{
    scan_reading r = {.cut = cut};
    bodies *all = bodies_of(cut->ctx);
    scan_body *found = all && scan_read_cut(&r) ? find_or_make(all, &r) : NULL;
    if (found) found->used = cut->ctx->clears;
    scan_release_reading(&r);
    return found;
}

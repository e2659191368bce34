/* Interning: equal shapes, scopes and call sites get one number, so that a node names them in four bytes. */
#include "graph/intern.h"

#include "graph/infer.h"
#include "graph/shape.h"

#include <string.h>

static inline uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return h;
}

uint64_t graph_hash_text(const char *text)
{
    uint64_t h = 0;
    for (; *text; text++) h = mix(h ^ (uint64_t)(unsigned char)*text) + 1;
    return h;
}

/* Doubles the slots when they are half full and files all entries again. */
static bool make_room(wg_context *ctx, intern_table *table, intern_hash hash_of)
{
    if (table->count * 2 < table->slots) return true;
    size_t slots = table->slots ? table->slots * 2 : 64;
    uint32_t *slot = memory_new(&ctx->memory, slots, sizeof *slot);
    if (!slot) return false;
    for (size_t entry = 0; entry < table->count; entry++) {
        size_t i = hash_of(ctx, entry) & (slots - 1);
        while (slot[i]) i = (i + 1) & (slots - 1);
        slot[i] = (uint32_t)entry + 1;
    }
    memory_release(&ctx->memory, table->slot);
    table->slot = slot;
    table->slots = slots;
    return true;
}

/* The entry that equals the key, or INTERN_NONE. Inline, so that `equal` is, too. */
static inline size_t intern_find(const wg_context *ctx, const intern_table *table, uint64_t hash, intern_equal equal,
                                 const void *key)
{
    if (!table->slots) return INTERN_NONE;
    for (size_t i = hash & (table->slots - 1); table->slot[i]; i = (i + 1) & (table->slots - 1))
        if (equal(ctx, table->slot[i] - 1, key)) return table->slot[i] - 1;
    return INTERN_NONE;
}

bool intern_add(wg_context *ctx, intern_table *table, intern_hash hash_of)
{
    if (!make_room(ctx, table, hash_of)) return false;
    size_t i = hash_of(ctx, table->count) & (table->slots - 1);
    while (table->slot[i]) i = (i + 1) & (table->slots - 1);
    table->slot[i] = (uint32_t)++table->count;
    return true;
}

/* ---- shapes ---- */

static inline uint64_t hash_shape(const wg_shape *shape)
{
    uint64_t h = (uint64_t)shape->rank;
    for (int i = 0; i < shape->rank; i++) h = (h ^ (uint64_t)shape->dim[i]) * 0x9E3779B97F4A7C15u;
    return mix(h);
}

static uint64_t shape_hash(const wg_context *ctx, size_t entry)
{
    return hash_shape(&ctx->shapes[entry]);
}

static inline bool shape_same(const wg_context *ctx, size_t entry, const void *key)
{
    return shape_equal(&ctx->shapes[entry], key);
}

size_t intern_find_shape(const wg_context *ctx, const wg_shape *shape)
{
    return intern_find(ctx, &ctx->shape_table, hash_shape(shape), shape_same, shape);
}

uint32_t graph_intern_shape(wg_context *ctx, const wg_shape *shape)
{
    size_t found = intern_find_shape(ctx, shape);
    if (found != INTERN_NONE) return (uint32_t)found;
    size_t entry = ctx->shape_table.count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->shapes, &ctx->shape_capacity, entry + 1, sizeof *ctx->shapes))
        return graph_fail_memory(ctx, sizeof *shape).id;
    ctx->shapes[entry] = (wg_shape){.rank = shape->rank};
    memcpy(ctx->shapes[entry].dim, shape->dim, sizeof *shape->dim * (size_t)shape->rank);
    if (!intern_add(ctx, &ctx->shape_table, shape_hash)) return graph_fail_memory(ctx, sizeof *shape).id;
    return (uint32_t)entry;
}

/* ---- attributes ---- */

/* Zeros at the end change nothing. */
static inline uint64_t hash_integers(const int64_t *integer, size_t count)
{
    uint64_t h = 0;
    for (size_t i = 0; i < count; i++)
        h += (uint64_t)integer[i] * (0xE7037ED1A0B428DBu + 2 * 0x8EBC6AF09C88C6E3u * (uint64_t)i);
    return mix(h);
}

static uint64_t integers_hash(const wg_context *ctx, size_t entry)
{
    return hash_integers(ctx->attributes[entry].integer, ATTRIBUTE_INTEGERS);
}

static inline bool integers_same(const wg_context *ctx, size_t entry, const void *key)
{
    uint64_t differs = 0;
    for (int i = 0; i < ATTRIBUTE_INTEGERS; i++)
        differs |= (uint64_t)(ctx->attributes[entry].integer[i] ^ ((const int64_t *)key)[i]);
    return !differs;
}

uint32_t graph_intern_integers(wg_context *ctx, const int64_t *integers, size_t count)
{
    int64_t key[ATTRIBUTE_INTEGERS] = {0};
    for (size_t i = 0; i < count; i++) key[i] = integers[i];
    size_t found = intern_find(ctx, &ctx->attribute_table, hash_integers(integers, count), integers_same, key);
    if (found != INTERN_NONE) return (uint32_t)found;
    size_t entry = ctx->attribute_table.count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->attributes, &ctx->attribute_capacity, entry + 1,
                     sizeof *ctx->attributes))
        return graph_fail_memory(ctx, sizeof *ctx->attributes).id;
    ctx->attributes[entry] = graph_no_attributes;
    memcpy(ctx->attributes[entry].integer, key, sizeof key);
    if (!intern_add(ctx, &ctx->attribute_table, integers_hash)) return graph_fail_memory(ctx, sizeof key).id;
    return (uint32_t)entry;
}

/* ---- scopes ---- */

typedef struct {
    uint32_t parent;
    const char *name;
} scope_key;

static uint64_t hash_scope(uint32_t parent, const char *name)
{
    return mix(graph_hash_text(name) ^ ((uint64_t)parent << 32));
}

static uint64_t scope_hash(const wg_context *ctx, size_t entry)
{
    return hash_scope(ctx->scopes[entry].parent, ctx->scopes[entry].name);
}

static bool scope_same(const wg_context *ctx, size_t entry, const void *key)
{
    const scope_key *k = key;
    return ctx->scopes[entry].parent == k->parent && strcmp(ctx->scopes[entry].name, k->name) == 0;
}

uint32_t graph_intern_scope(wg_context *ctx, uint32_t parent, const char *name)
{
    scope_key key = {parent, name};
    size_t found = intern_find(ctx, &ctx->scope_table, hash_scope(parent, name), scope_same, &key);
    if (found != INTERN_NONE) return (uint32_t)found;
    size_t entry = ctx->scope_table.count;
    char *copy = memory_string(&ctx->memory, name);
    if (!copy ||
        !memory_grow(&ctx->memory, (void **)&ctx->scopes, &ctx->scope_capacity, entry + 1, sizeof(scope_entry))) {
        memory_release(&ctx->memory, copy);
        return graph_fail_memory(ctx, strlen(name)).id;
    }
    ctx->scopes[entry] = (scope_entry){parent, copy};
    if (!intern_add(ctx, &ctx->scope_table, scope_hash)) {
        memory_release(&ctx->memory, copy);
        return graph_fail_memory(ctx, strlen(name)).id;
    }
    return (uint32_t)entry;
}

/* ---- forgetting ---- */

enum { KEPT_ENTRIES = 4096 };

static void empty_table(intern_table *table)
{
    memset(table->slot, 0, table->slots * sizeof *table->slot);
    table->count = 0;
}

/* Scopes anew, but for those that are open. */
static void trim_scopes(wg_context *ctx)
{
    char *open[64];
    size_t depth = 0;
    for (uint32_t at = ctx->scope; at; at = ctx->scopes[at].parent)
        if (++depth > sizeof open / sizeof *open) return;
    depth = 0;
    for (uint32_t at = ctx->scope; at; at = ctx->scopes[at].parent) {
        open[depth++] = ctx->scopes[at].name;
        ctx->scopes[at].name = NULL;
    }
    for (size_t i = 0; i < ctx->scope_table.count; i++) memory_release(&ctx->memory, ctx->scopes[i].name);
    empty_table(&ctx->scope_table);
    ctx->scope_trims++;
    ctx->scope = graph_intern_scope(ctx, 0, "");
    while (depth--) {
        ctx->scope = graph_intern_scope(ctx, ctx->scope, open[depth]);
        memory_release(&ctx->memory, open[depth]);
    }
}

void intern_trim(wg_context *ctx)
{
    static const wg_shape scalar;
    if (ctx->shape_table.count > KEPT_ENTRIES || ctx->attribute_table.count > KEPT_ENTRIES) {
        empty_table(&ctx->shape_table);
        empty_table(&ctx->attribute_table);
        infer_forget(ctx);
        ctx->shape_trims++;
        graph_intern_shape(ctx, &scalar); /* number 0 again */
        graph_intern_integers(ctx, NULL, 0);
    }
    if (ctx->scope_table.count > KEPT_ENTRIES) trim_scopes(ctx);
}

/* ---- call sites ---- */

static uint64_t site_hash(const wg_context *ctx, size_t entry)
{
    return mix((uint64_t)(uintptr_t)ctx->sites[entry]);
}

static inline bool site_same(const wg_context *ctx, size_t entry, const void *key)
{
    return ctx->sites[entry] == *(void *const *)key;
}

uint32_t graph_intern_site(wg_context *ctx, void *address)
{
    size_t found = intern_find(ctx, &ctx->site_table, mix((uint64_t)(uintptr_t)address), site_same, &address);
    if (found != INTERN_NONE) return (uint32_t)found;
    size_t entry = ctx->site_table.count;
    if (!memory_grow(&ctx->memory, (void **)&ctx->sites, &ctx->site_capacity, entry + 1, sizeof *ctx->sites))
        return graph_fail_memory(ctx, sizeof *ctx->sites).id;
    ctx->sites[entry] = address;
    if (!intern_add(ctx, &ctx->site_table, site_hash)) return graph_fail_memory(ctx, sizeof *ctx->sites).id;
    return (uint32_t)entry;
}

/* ---- names of persistent tensors ---- */

static uint64_t name_hash(const wg_context *ctx, size_t entry)
{
    return graph_hash_text(ctx->persistents[entry].name);
}

static bool name_same(const wg_context *ctx, size_t entry, const void *key)
{
    return strcmp(ctx->persistents[entry].name, key) == 0;
}

persistent *graph_persistent_find(wg_context *ctx, const char *full_name)
{
    if (!ctx) return NULL;
    size_t found = intern_find(ctx, &ctx->persistent_names, graph_hash_text(full_name), name_same, full_name);
    return found == INTERN_NONE ? NULL : &ctx->persistents[found];
}

bool intern_persistent(wg_context *ctx)
{
    return intern_add(ctx, &ctx->persistent_names, name_hash);
}

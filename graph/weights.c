/* The count of users, and finding by name. */
#include "graph/weights.h"

#include <stdlib.h>

wg_weights *weights_new(size_t count)
{
    wg_weights *weights = calloc(1, sizeof *weights);
    if (!weights) return NULL;
    memory_init(&weights->memory, NULL, 0);
    atomic_init(&weights->users, 1);
    weights->entries = memory_new(&weights->memory, count, sizeof *weights->entries);
    weights->count = count;
    if (weights->entries) return weights;
    free(weights);
    return NULL;
}

/* Contexts see the weights as constant; only the count, and freeing, change them. */
static wg_weights *writable(const wg_weights *weights)
{
    return (wg_weights *)(uintptr_t)weights;
}

void weights_hold(const wg_weights *weights)
{
    if (weights) atomic_fetch_add_explicit(&writable(weights)->users, 1, memory_order_relaxed);
}

void weights_release(const wg_weights *shared)
{
    if (!shared) return;
    wg_weights *weights = writable(shared);
    if (atomic_fetch_sub_explicit(&weights->users, 1, memory_order_acq_rel) > 1) return;
    for (size_t i = 0; i < weights->count; i++) {
        memory_release(&weights->memory, weights->entries[i].name);
        memory_drop(&weights->memory, weights->entries[i].data);
    }
    memory_release(&weights->memory, weights->entries);
    memory_trim(&weights->memory);
    free(weights);
}

static unsigned char plain(char c)
{
    return c == '/' ? '.' : (unsigned char)c;
}

int weights_compare(const char *a, const char *b)
{
    while (*a && plain(*a) == plain(*b)) a++, b++;
    return plain(*a) - plain(*b);
}

const weights_entry *weights_find(const wg_weights *weights, const char *name)
{
    size_t low = 0, high = weights ? weights->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = weights_compare(name, weights->entries[middle].name);
        if (order == 0) return &weights->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

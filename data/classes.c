/* A hash table from words to numbers, and the list of names that a data set keeps. */
#include "data/classes.h"
#include "graph/graph.h"

#include <string.h>

enum { DIGITS = 21 }; /* of the longest number and its zero byte */

static size_t find_slot(const classes *all, const char *word)
{
    size_t at = (size_t)graph_hash_text(word) & (all->slots - 1);
    while (all->slot[at] && strcmp(all->word[all->slot[at] - 1], word) != 0) at = (at + 1) & (all->slots - 1);
    return at;
}

/* Keeps at least half of the slots empty. */
static bool make_room(classes *all)
{
    if (!memory_grow(all->memory, (void **)&all->word, &all->capacity, all->count + 1, sizeof *all->word)) return false;
    if (all->slots > 2 * all->count) return true;
    size_t larger = all->slots ? 2 * all->slots : 16;
    uint32_t *slot = memory_new(all->memory, larger, sizeof *slot);
    if (!slot) return false;
    memory_release(all->memory, all->slot);
    all->slot = slot;
    all->slots = larger;
    for (size_t i = 0; i < all->count; i++) slot[find_slot(all, all->word[i])] = (uint32_t)i + 1;
    return true;
}

int32_t classes_number(classes *all, const char *word)
{
    if (!make_room(all)) return -1;
    size_t at = find_slot(all, word);
    if (!all->slot[at]) {
        all->word[all->count++] = word;
        all->slot[at] = (uint32_t)all->count;
    }
    return (int32_t)(all->slot[at] - 1);
}

/* A whole number without sign or leading zeros; what is too large for a class number counts as the largest. */
static bool whole_number(const char *word, int64_t *value)
{
    *value = 0;
    if (!*word || (word[0] == '0' && word[1])) return false;
    for (; *word; word++) {
        if (*word < '0' || *word > '9') return false;
        *value = *value * 10 + (*word - '0');
        if (*value > INT32_MAX) *value = INT32_MAX;
    }
    return true;
}

bool classes_are_numbers(const classes *all, int64_t *largest)
{
    *largest = -1;
    for (size_t i = 0; i < all->count; i++) {
        int64_t value;
        if (!whole_number(all->word[i], &value)) return false;
        if (value > *largest) *largest = value;
    }
    return true;
}

const char **classes_names(const classes *all, bool numbers, int64_t count)
{
    size_t size = (size_t)count * sizeof(char *);
    for (size_t i = 0; i < (size_t)count; i++) size += numbers ? DIGITS : strlen(all->word[i]) + 1;
    const char **names = memory_values(all->memory, size);
    if (!names) return NULL;
    char *text = (char *)(names + count);
    for (size_t i = 0; i < (size_t)count; i++) {
        names[i] = text;
        if (numbers)
            snprintf(text, DIGITS, "%zu", i);
        else
            strcpy(text, all->word[i]);
        text += strlen(text) + 1;
    }
    return names;
}

void classes_end(classes *all)
{
    memory_release(all->memory, all->word);
    memory_release(all->memory, all->slot);
}

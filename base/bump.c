/* Blocks of growing size, filled from the front. */
#include "base/bump.h"

#include <string.h>

typedef struct bump_block {
    struct bump_block *before;
    size_t size;
} bump_block;

enum { FIRST_BLOCK = 4096, HEADER = 16, STEP = 16 };

static bool add_block(bump *b, size_t needed)
{
    size_t size = b->last ? b->last->size * 2 : FIRST_BLOCK;
    while (size < needed + HEADER) size *= 2;
    bump_block *block = memory_new(b->memory, size, 1);
    if (!block) return false;
    *block = (bump_block){b->last, size};
    b->last = block;
    b->used = HEADER;
    b->bytes += size;
    return true;
}

void *bump_new(bump *b, size_t count, size_t size)
{
    b->failed |= size && count > SIZE_MAX / 8 / size;
    if (b->failed) return NULL;
    size_t bytes = (count * size + STEP - 1) / STEP * STEP;
    if ((!b->last || b->last->size - b->used < bytes) && !add_block(b, bytes)) {
        b->failed = true;
        return NULL;
    }
    void *result = (char *)b->last + b->used;
    b->used += bytes;
    return result;
}

void *bump_copy(bump *b, const void *array, size_t count, size_t size)
{
    void *copy = bump_new(b, count, size);
    if (copy && count) memcpy(copy, array, count * size);
    return copy;
}

bool bump_grow(bump *b, void **array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    while (wanted < needed) wanted *= 2;
    void *larger = bump_new(b, wanted, size);
    if (!larger) return false;
    if (*capacity) memcpy(larger, *array, *capacity * size);
    *array = larger;
    *capacity = wanted;
    return true;
}

void bump_free(bump *b)
{
    while (b->last) {
        bump_block *before = b->last->before;
        memory_release(b->memory, b->last);
        b->last = before;
    }
    *b = bump_of(b->memory);
}

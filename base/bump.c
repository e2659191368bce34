/* Blocks of growing size, filled from the front; what is large has a block of its own. */
#include "base/bump.h"

#include <string.h>

typedef struct bump_block {
    struct bump_block *before;
    size_t size;
} bump_block;

enum { FIRST_BLOCK = 4096, LARGEST_SHARED = 1 << 18, HEADER = 16, STEP = 16 };

static bump_block *new_block(bump *b, size_t size, bump_block *before)
{
    bump_block *block = memory_values(b->memory, size); /* not zeroed: what is never asked for is never touched */
    if (!block) return NULL;
    *block = (bump_block){before, size};
    b->bytes += size;
    return block;
}

/* A block that is filled from now on. */
static bool add_block(bump *b)
{
    size_t size = !b->last ? FIRST_BLOCK : b->last->size < LARGEST_SHARED ? b->last->size * 2 : LARGEST_SHARED;
    bump_block *block = new_block(b, size, b->last);
    if (!block) return false;
    b->last = block;
    b->used = HEADER;
    return true;
}

/* Room in the block that is being filled; else in one of its own, behind that, which goes on to be filled. */
static char *room_for(bump *b, size_t bytes)
{
    if (!b->last && !add_block(b)) return NULL;
    if (b->last->size - b->used < bytes && bytes > b->last->size / 4) {
        bump_block *block = new_block(b, bytes + HEADER, b->last->before);
        if (block) b->last->before = block;
        return block ? (char *)block + HEADER : NULL;
    }
    if (b->last->size - b->used < bytes && !add_block(b)) return NULL;
    b->used += bytes;
    return (char *)b->last + b->used - bytes;
}

void *bump_new(bump *b, size_t count, size_t size)
{
    b->failed |= size && count > SIZE_MAX / 8 / size;
    if (b->failed) return NULL;
    size_t bytes = (count * size + STEP - 1) / STEP * STEP;
    char *room = room_for(b, bytes);
    b->failed = !room;
    return room ? memset(room, 0, bytes) : NULL;
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

/* Memory that is given up all at once: a pass takes what it needs and never returns a part. */
#ifndef BASE_BUMP_H
#define BASE_BUMP_H

#include "base/memory.h"

typedef struct bump {
    memory *memory;
    struct bump_block *last;
    size_t used, bytes; /* in the last block; in all */
    bool failed;        /* some request was not met */
} bump;

static inline bump bump_of(memory *m)
{
    return (bump){.memory = m};
}

/* `count` elements of `size` bytes, zeroed, aligned to 16 bytes; NULL, and failed, without memory. */
void *bump_new(bump *b, size_t count, size_t size);
/* A copy of an array. */
void *bump_copy(bump *b, const void *array, size_t count, size_t size);
/* Grows an array as memory_grow does; the old one stays until the end. */
bool bump_grow(bump *b, void **array, size_t *capacity, size_t needed, size_t size);
/* Gives back everything. */
void bump_free(bump *b);

#endif

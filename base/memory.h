/* Memory of one context: everything goes through the user's allocator, is counted, and obeys the limit.

   Blocks for values come from a pool: released ones are kept by size class and given out again, so that a repeated step
   allocates nothing. The first bytes of every block hold its size; what callers get is 64-byte aligned. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wengert/context.h>

enum { MEMORY_ALIGNMENT = 64, MEMORY_CLASSES = 800 };

typedef struct memory {
    wg_allocator allocator;
    size_t limit, bytes, peak, pooled; /* pooled: of the bytes held, those that nobody uses */
    uint64_t allocations;
    struct memory_block *free[MEMORY_CLASSES];
    bool refused; /* by the limit, not by the allocator: for the message */
} memory;

/* NULL hooks choose the C library's. */
void memory_init(memory *m, const wg_allocator *allocator, size_t limit);
/* Returns all pooled blocks to the allocator; blocks in use must have been released. */
void memory_trim(memory *m);

/* `count` elements of `size` bytes, zeroed; NULL if there is no memory or the product overflows. */
void *memory_new(memory *m, size_t count, size_t size);
/* Gives a block back, to the pool. NULL is fine. */
void memory_release(memory *m, void *block);
/* Grows an array of elements to hold at least `needed`; *capacity counts elements. False, and nothing changed, if there
   is no memory. */
bool memory_grow(memory *m, void **array, size_t *capacity, size_t needed, size_t size);
/* A copy of a string. */
char *memory_string(memory *m, const char *text);

/* Values: as memory_new, but not zeroed, and with a count of users that starts at 1. */
void *memory_values(memory *m, size_t bytes);
void memory_share(void *values);
uint32_t memory_users(const void *values);
/* One user fewer; the last one returns the block. NULL is fine. */
void memory_drop(memory *m, void *values);

#endif

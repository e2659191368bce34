/* Counted blocks with a header, pooled by size class. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct memory_block {
    size_t bytes; /* of the whole block, header included */
    struct memory_block *next;
    uint32_t users;
    uint32_t class_index;
} memory_block;

_Static_assert(sizeof(memory_block) <= MEMORY_ALIGNMENT, "a header fits before the first aligned byte");

enum { HUGE_PAGE = 2 << 20 };

/* Large blocks lie on huge pages, where the system has them: one fault instead of hundreds, and addresses that are
   found sooner. */
static void *standard_allocate(void *user, size_t size)
{
    (void)user;
    if (size < 2 * HUGE_PAGE) return aligned_alloc(MEMORY_ALIGNMENT, size);
    void *block = NULL;
    if (posix_memalign(&block, HUGE_PAGE, size) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    madvise(block, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return block;
}

static void standard_release(void *user, void *block, size_t size)
{
    (void)user;
    (void)size;
    free(block);
}

void memory_init(memory *m, const wg_allocator *allocator, size_t limit)
{
    static const wg_allocator standard = {standard_allocate, standard_release, NULL};
    *m = (memory){.allocator = allocator && allocator->allocate ? *allocator : standard,
                  .limit = limit ? limit : SIZE_MAX};
}

enum { STEPS = 16, SMALL = STEPS * MEMORY_ALIGNMENT };

/* The smallest class that holds so many bytes, and the bytes of its blocks; false if there is none. Up to SMALL bytes
   there is a class for each multiple of the alignment, above it STEPS to each power of two. */
static bool class_of(size_t bytes, uint32_t *index, size_t *rounded)
{
    if (bytes > SIZE_MAX / 4) return false;
    size_t total = bytes + MEMORY_ALIGNMENT, step = MEMORY_ALIGNMENT;
    uint32_t octave = 0;
    for (size_t top = SMALL; top < total; top *= 2) {
        if (octave++) step *= 2;
    }
    size_t steps = (total + step - 1) / step; /* at most STEPS in the first octave, STEPS to 2 STEPS in the others */
    *index = octave * STEPS + (uint32_t)(octave ? steps - STEPS : steps) - 1;
    *rounded = steps * step;
    return *index < MEMORY_CLASSES;
}

static memory_block *from_allocator(memory *m, size_t bytes)
{
    m->refused = bytes > m->limit || m->bytes > m->limit - bytes;
    if (m->refused) {
        memory_trim(m);
        if (m->bytes > m->limit - bytes || bytes > m->limit) return NULL;
        m->refused = false;
    }
    memory_block *block = m->allocator.allocate(m->allocator.user, bytes);
    if (!block) return NULL;
    m->allocations++;
    m->bytes += bytes;
    if (m->bytes > m->peak) m->peak = m->bytes;
    block->bytes = bytes;
    return block;
}

/* A free block of the class, or of one of those up to twice its size. */
static memory_block *from_pool(memory *m, uint32_t class_index)
{
    for (uint32_t i = class_index; i <= class_index + STEPS && i < MEMORY_CLASSES; i++) {
        memory_block *block = m->free[i];
        if (!block) continue;
        m->free[i] = block->next;
        m->pooled -= block->bytes;
        return block;
    }
    return NULL;
}

/* The pool may hold as much as is in use, and this: beyond it, what sizes have gone out of use is given back. */
enum { SPARE = 1 << 24 };

static void *block_new(memory *m, size_t bytes)
{
    uint32_t class_index;
    size_t rounded;
    if (!class_of(bytes, &class_index, &rounded)) return NULL;
    memory_block *block = from_pool(m, class_index);
    if (!block) {
        if (m->pooled > (m->bytes - m->pooled) + SPARE) memory_trim(m);
        block = from_allocator(m, rounded);
        if (!block) return NULL;
        block->class_index = class_index;
    }
    block->next = NULL;
    block->users = 1;
    return (char *)block + MEMORY_ALIGNMENT;
}

static memory_block *header(const void *values)
{
    return (memory_block *)(uintptr_t)((const char *)values - MEMORY_ALIGNMENT);
}

void memory_trim(memory *m)
{
    for (int i = 0; i < MEMORY_CLASSES; i++)
        while (m->free[i]) {
            memory_block *block = m->free[i];
            m->free[i] = block->next;
            m->bytes -= block->bytes;
            m->pooled -= block->bytes;
            m->allocator.release(m->allocator.user, block, block->bytes);
        }
}

void *memory_new(memory *m, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 4 / size) return NULL;
    void *block = block_new(m, count * size);
    if (block) memset(block, 0, count * size);
    return block;
}

void memory_release(memory *m, void *values)
{
    if (!values) return;
    memory_block *block = header(values);
    m->pooled += block->bytes;
    block->next = m->free[block->class_index];
    m->free[block->class_index] = block;
}

bool memory_grow(memory *m, void **array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) return true;
    size_t wanted = *capacity ? *capacity : 16;
    while (wanted < needed) {
        if (wanted > SIZE_MAX / 2) return false;
        wanted *= 2;
    }
    void *larger = memory_new(m, wanted, size);
    if (!larger) return false;
    if (*array) memcpy(larger, *array, *capacity * size);
    memory_release(m, *array);
    *array = larger;
    *capacity = wanted;
    return true;
}

char *memory_string(memory *m, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory_new(m, size, 1);
    if (copy) memcpy(copy, text, size);
    return copy;
}

void *memory_values(memory *m, size_t bytes)
{
    return block_new(m, bytes);
}

void memory_share(void *values)
{
    header(values)->users++;
}

uint32_t memory_users(const void *values)
{
    return header(values)->users;
}

void memory_drop(memory *m, void *values)
{
    if (!values) return;
    assert(header(values)->users > 0 && "values were dropped more often than shared");
    if (--header(values)->users == 0) memory_release(m, values);
}

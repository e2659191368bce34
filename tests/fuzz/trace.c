/* What a run has shown: values one after the other, in the order in which the program read them. */
#include "tests/fuzz/machine.h"

#include <stdlib.h>

static void *grown(void *block, size_t *capacity, size_t wanted, size_t element)
{
    if (wanted <= *capacity) return block;
    *capacity = wanted * 2;
    block = realloc(block, *capacity * element);
    if (!block) abort();
    return block;
}

void *trace_add(trace *t, observation seen, size_t size)
{
    size_t offset = (t->used + 15) / 16 * 16; /* aligned for any element */
    t->seen = grown(t->seen, &t->capacity, t->count + 1, sizeof *t->seen);
    t->bytes = grown(t->bytes, &t->room, offset + size + 1, 1);
    seen.offset = offset;
    t->seen[t->count++] = seen;
    t->used = offset + size;
    return t->bytes + offset;
}

void trace_free(trace *t)
{
    free(t->seen);
    free(t->bytes);
    *t = (trace){0};
}

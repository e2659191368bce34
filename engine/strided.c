/* Copies between what lies one element after the other and what follows strides. */
#include "engine/plan.h"

#include <string.h>

/* Where a walk over all elements stands. */
typedef struct walk {
    const strides *s;
    int64_t index[WG_MAX_RANK], offset, run; /* run: elements left on the last axis */
} walk;

static walk walk_from(const strides *s, int64_t first)
{
    walk w = {.s = s, .run = 1};
    for (int i = s->rank; i-- > 0;) {
        w.index[i] = first % s->dim[i];
        first /= s->dim[i];
        w.offset += w.index[i] * s->stride[i];
    }
    if (s->rank) w.run = s->dim[s->rank - 1] - w.index[s->rank - 1];
    return w;
}

/* Behind the end of the last axis: to its beginning at the next place of the others. */
static void next_run(walk *w)
{
    const strides *s = w->s;
    for (int i = s->rank - 1; i >= 0; i--) {
        w->offset -= w->index[i] * s->stride[i];
        w->index[i] = i == s->rank - 1 ? 0 : w->index[i] + 1;
        if (i < s->rank - 1 && w->index[i] < s->dim[i]) {
            w->offset += w->index[i] * s->stride[i];
            break;
        }
        if (i < s->rank - 1) w->index[i] = 0;
    }
    w->run = s->rank ? s->dim[s->rank - 1] : 1;
}

#define COPY_ELEMENTS(T)                                                                          \
    static void copy_##T(T *to, int64_t to_step, const T *from, int64_t from_step, int64_t count) \
    {                                                                                             \
        for (int64_t i = 0; i < count; i++) to[i * to_step] = from[i * from_step];                \
    }

#define FILL_ELEMENTS(T)                                   \
    static void fill_##T(T *to, T value, int64_t count)    \
    {                                                      \
        for (int64_t i = 0; i < count; i++) to[i] = value; \
    }

COPY_ELEMENTS(uint8_t)
COPY_ELEMENTS(uint32_t)
COPY_ELEMENTS(uint64_t)
FILL_ELEMENTS(uint32_t)
FILL_ELEMENTS(uint64_t)

void strided_copy(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t count, size_t element)
{
    if (to_step == 1 && from_step == 1)
        memcpy(to, from, (size_t)count * element);
    else if (to_step == 1 && from_step == 0 && element == 4)
        fill_uint32_t(to, *(const uint32_t *)from, count);
    else if (to_step == 1 && from_step == 0 && element == 8)
        fill_uint64_t(to, *(const uint64_t *)from, count);
    else if (element == 1)
        copy_uint8_t(to, to_step, from, from_step, count);
    else if (element == 4)
        copy_uint32_t(to, to_step, from, from_step, count);
    else
        copy_uint64_t(to, to_step, from, from_step, count);
}

void strided_load(void *to, const void *from, const strides *s, int64_t first, int64_t count, size_t element)
{
    walk w = walk_from(s, first);
    int64_t distance = s->rank ? s->stride[s->rank - 1] : 0, size = (int64_t)element;
    for (char *out = to; count > 0; next_run(&w)) {
        int64_t run = w.run < count ? w.run : count;
        strided_copy(out, 1, (const char *)from + w.offset * size, distance, run, element);
        out += run * size;
        count -= run;
    }
}

void strided_store(void *to, const void *from, const strides *s, int64_t first, int64_t count, size_t element)
{
    walk w = walk_from(s, first);
    int64_t distance = s->rank ? s->stride[s->rank - 1] : 0, size = (int64_t)element;
    for (const char *in = from; count > 0; next_run(&w)) {
        int64_t run = w.run < count ? w.run : count;
        strided_copy((char *)to + w.offset * size, distance, in, 1, run, element);
        in += run * size;
        count -= run;
    }
}

/* gzip-compressed content, where the build has zlib. */
#ifndef DATA_GZIP_H
#define DATA_GZIP_H

#include "data/file.h"

/* Whether the content begins as gzip files do. */
static inline bool gzip_is(const file_content *content)
{
    return content->size >= 2 && content->bytes[0] == '\x1f' && content->bytes[1] == '\x8b';
}

/* Replaces compressed content by what it holds. After a fault the content is still to be released. */
bool gzip_inflate(memory *m, const char *who, const char *path, file_content *content, file_fault *fault);

#ifdef WG_HAVE_ZLIB

#include <zlib.h>

/* Lets zlib allocate from a context's memory. */
static inline void *gzip_allocate(void *m, unsigned count, unsigned size)
{
    return memory_new(m, count, size);
}

static inline void gzip_release(void *m, void *block)
{
    memory_release(m, block);
}

static inline z_stream gzip_stream(memory *m)
{
    return (z_stream){.zalloc = gzip_allocate, .zfree = gzip_release, .opaque = m};
}

#endif
#endif

/* Inflating from memory to memory. The size that a gzip file states at its end is not believed: the room grows with
   what is there, which deflate bounds at about a thousand times the compressed size. */
#include "data/gzip.h"

#include <string.h>

#ifdef WG_HAVE_ZLIB

enum {
    GZIP_WINDOW = 15 + 16, /* the largest window, gzip format */
    PIECE = 1 << 30,       /* zlib counts in 32 bits */
    STATE = 1 << 15        /* bytes zlib needs for itself, roughly */
};

typedef struct inflation {
    memory *memory;
    z_stream stream;
    const file_content *packed;
    size_t taken; /* packed bytes */
    file_content plain;
    size_t capacity;
    size_t wanted; /* bytes, when memory runs out */
} inflation;

static unsigned piece(size_t left)
{
    return left < PIECE ? (unsigned)left : PIECE;
}

static bool make_room(inflation *work)
{
    if (work->plain.size + 1 < work->capacity) return true;
    size_t larger = work->capacity ? work->capacity * 2 : work->packed->size * 4 + 64;
    char *bytes = memory_values(work->memory, larger);
    work->wanted = bytes ? STATE : larger;
    if (!bytes) return false;
    if (work->plain.size) memcpy(bytes, work->plain.bytes, work->plain.size);
    memory_drop(work->memory, work->plain.bytes);
    work->plain.bytes = bytes;
    work->capacity = larger;
    return true;
}

/* One call of inflate; its answer. */
static int advance(inflation *work)
{
    z_stream *stream = &work->stream;
    unsigned given = piece(work->packed->size - work->taken);
    unsigned room = piece(work->capacity - 1 - work->plain.size);
    stream->next_in = (unsigned char *)work->packed->bytes + work->taken;
    stream->avail_in = given;
    stream->next_out = (unsigned char *)work->plain.bytes + work->plain.size;
    stream->avail_out = room;
    int answer = inflate(stream, Z_NO_FLUSH);
    work->taken += given - stream->avail_in;
    work->plain.size += room - stream->avail_out;
    return answer;
}

/* All members of the file, one after the other: Z_OK, or what went wrong. */
static int inflate_members(inflation *work)
{
    for (;;) {
        if (!make_room(work)) return Z_MEM_ERROR;
        int answer = advance(work);
        if (answer == Z_STREAM_END) {
            if (work->taken == work->packed->size) return Z_OK;
            answer = inflateReset(&work->stream);
        }
        if (answer != Z_OK) return answer;
    }
}

bool gzip_inflate(memory *m, const char *who, const char *path, file_content *content, file_fault *fault)
{
    inflation work = {.memory = m, .stream = gzip_stream(m), .packed = content, .wanted = STATE};
    int answer = inflateInit2(&work.stream, GZIP_WINDOW);
    if (answer == Z_OK) answer = inflate_members(&work);
    const char *reason = work.stream.msg ? work.stream.msg : "unknown";
    if (answer == Z_MEM_ERROR)
        file_fail_memory(fault, work.wanted);
    else if (answer == Z_BUF_ERROR)
        file_fail(fault, WG_BAD_FILE, "%s: %s: the gzip-compressed data end too early", who, path);
    else if (answer != Z_OK)
        file_fail(fault, WG_BAD_FILE, "%s: %s: the gzip-compressed data are damaged: %s", who, path, reason);
    inflateEnd(&work.stream);
    if (answer != Z_OK) {
        file_release(m, &work.plain);
        return false;
    }
    work.plain.bytes[work.plain.size] = '\0';
    file_release(m, content);
    *content = work.plain;
    return true;
}

#else

bool gzip_inflate(memory *m, const char *who, const char *path, file_content *content, file_fault *fault)
{
    (void)m, (void)content;
    return file_fail(fault, WG_UNSUPPORTED, "%s: %s: is gzip-compressed, and this build has no zlib: gunzip it first",
                     who, path);
}

#endif

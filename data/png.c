/* Writing PNG (ISO/IEC 15948): a signature and three chunks; each row compressed with a filter byte of 0 before it. */
#include "data/png.h"
#include "data/gzip.h"

#include <string.h>

#ifdef WG_HAVE_ZLIB

enum { GRAY = 0, RGB = 2, HEAD_SIZE = 33, AROUND = 12, END_SIZE = 12, IDAT_MAX = INT32_MAX - AROUND };

static uint8_t *put_word(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
    return to + 4;
}

/* Puts length and name before, and the checksum behind, a chunk's data, which lie at `to` + 8. The chunk's end. */
static uint8_t *close_chunk(uint8_t *to, const char *name, size_t size)
{
    put_word(to, (uint32_t)size);
    memcpy(to + 4, name, 4);
    return put_word(to + 8 + size, (uint32_t)crc32(crc32(0, NULL, 0), to + 4, (unsigned)size + 4));
}

static uint8_t *put_head(uint8_t *to, const picture *image)
{
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    to += 8;
    uint8_t *data = put_word(put_word(to + 8, (uint32_t)image->width), (uint32_t)image->height);
    memcpy(data, (uint8_t[]){8, image->channels == 3 ? RGB : GRAY, 0, 0, 0}, 5);
    return close_chunk(to, "IHDR", 13);
}

/* Compresses all rows to `to`; the bytes written, 0 if there is no memory. The room always suffices: see below. */
static size_t compress_rows(z_stream *stream, const picture *image, uint8_t *to, size_t room)
{
    size_t row = (size_t)image->width * (size_t)image->channels;
    uint8_t filter = 0;
    int answer = Z_OK;
    stream->next_out = to;
    stream->avail_out = (unsigned)room;
    for (int64_t y = 0; y < image->height && answer == Z_OK; y++) {
        stream->next_in = &filter;
        stream->avail_in = 1;
        answer = deflate(stream, Z_NO_FLUSH);
        stream->next_in = image->pixels + (size_t)y * row;
        stream->avail_in = (unsigned)row;
        if (answer == Z_OK) answer = deflate(stream, Z_NO_FLUSH);
    }
    if (answer == Z_OK) answer = deflate(stream, Z_FINISH);
    return answer == Z_STREAM_END ? room - stream->avail_out : 0;
}

bool png_write(memory *m, const char *path, const picture *image, file_fault *fault)
{
    z_stream stream = gzip_stream(m);
    if (deflateInit(&stream, Z_DEFAULT_COMPRESSION) != Z_OK) return file_fail_memory(fault, 1 << 18);
    size_t size = ((size_t)image->width * (size_t)image->channels + 1) * (size_t)image->height;
    size_t room = deflateBound(&stream, size), total = HEAD_SIZE + AROUND + room + END_SIZE;
    uint8_t *bytes = room <= IDAT_MAX ? memory_values(m, total) : NULL;
    bool done = false;
    if (bytes) {
        uint8_t *next = put_head(bytes, image);
        size_t packed = compress_rows(&stream, image, next + 8, room);
        next = close_chunk(close_chunk(next, "IDAT", packed), "IEND", 0);
        file_part part = {bytes, (size_t)(next - bytes)};
        done = packed ? file_write(m, "image", path, &part, 1, fault) : file_fail_memory(fault, room);
    } else if (room > IDAT_MAX) {
        file_fail(fault, WG_UNSUPPORTED, "image: %s: the sheet is too large for a PNG file", path);
    } else {
        file_fail_memory(fault, total);
    }
    deflateEnd(&stream);
    memory_drop(m, bytes);
    return done;
}

#else

bool png_write(memory *m, const char *path, const picture *image, file_fault *fault)
{
    (void)m, (void)image;
    return file_fail(fault, WG_UNSUPPORTED, "image: %s: this build has no zlib, which PNG needs; .pgm and .ppm work",
                     path);
}

#endif

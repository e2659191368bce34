/* Reading files, and the words for what goes wrong. */
#include "data/file.h"
#include "data/gzip.h"
#include "graph/graph.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- faults ---- */

bool file_fail(file_fault *fault, wg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fault->status = status;
    fault->bytes = 0;
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

bool file_fail_memory(file_fault *fault, size_t bytes)
{
    file_fail(fault, WG_OUT_OF_MEMORY, "out of memory: %zu bytes", bytes);
    fault->bytes = bytes;
    return false;
}

bool file_report(wg_context *ctx, const file_fault *fault)
{
    if (fault->status == WG_OUT_OF_MEMORY)
        graph_fail_memory(ctx, fault->bytes);
    else
        graph_fail(ctx, fault->status, "%s", fault->text);
    return false;
}

/* ---- reading ---- */

/* Doubles the room when it is full, save the last byte, kept for the zero at the end. */
static bool make_room(memory *m, file_content *content, size_t *capacity, file_fault *fault)
{
    if (content->size + 1 < *capacity) return true;
    size_t larger = *capacity * 2; /* cannot overflow: memory is never given out beyond a quarter of SIZE_MAX */
    char *bytes = memory_values(m, larger);
    if (!bytes) return file_fail_memory(fault, larger);
    memcpy(bytes, content->bytes, content->size);
    memory_drop(m, content->bytes);
    content->bytes = bytes;
    *capacity = larger;
    return true;
}

/* The size that the system states is only a hint of how much room to begin with: it may grow, or be a lie. */
static bool read_descriptor(memory *m, const char *who, const char *path, int descriptor, file_content *content,
                            file_fault *fault)
{
    struct stat status;
    size_t capacity = 4096;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        capacity = (size_t)status.st_size + 2;
    content->bytes = memory_values(m, capacity);
    if (!content->bytes) return file_fail_memory(fault, capacity);
    for (;;) {
        if (!make_room(m, content, &capacity, fault)) return false;
        ssize_t got = read(descriptor, content->bytes + content->size, capacity - 1 - content->size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return file_fail(fault, WG_IO, "%s: %s: cannot be read: %s", who, path, strerror(errno));
        if (got == 0) break;
        content->size += (size_t)got;
    }
    content->bytes[content->size] = '\0';
    return true;
}

bool file_read(memory *m, const char *who, const char *path, file_content *content, file_fault *fault)
{
    *content = (file_content){0};
    if (!path) return file_fail(fault, WG_BAD_ARGUMENT, "%s: the path is NULL", who);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return file_fail(fault, WG_IO, "%s: %s: cannot be opened: %s", who, path, strerror(errno));
    bool done = read_descriptor(m, who, path, descriptor, content, fault);
    close(descriptor);
    if (done && gzip_is(content)) done = gzip_inflate(m, who, path, content, fault);
    if (!done) file_release(m, content);
    return done;
}

void file_release(memory *m, file_content *content)
{
    memory_drop(m, content->bytes);
    *content = (file_content){0};
}

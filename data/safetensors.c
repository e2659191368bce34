/* Opening and reading safetensors files. Nothing that the header says is believed: each length is checked against the
   file, each tensor against its shape, and together they must fill the file without gap or overlap. */
#include "data/safetensors.h"
#include "data/safetensors_header.h"
#include "graph/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and values are read as they lie: this machine is not supported"
#endif

/* ---- bytes ---- */

static bool read_at(const safetensors *file, uint64_t offset, void *to, size_t bytes, const char *who,
                    file_fault *fault)
{
    char *next = to;
    while (bytes) {
        ssize_t got = pread(file->descriptor, next, bytes < (1 << 30) ? bytes : 1 << 30, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return file_fail(fault, WG_IO, "%s: %s: cannot be read: %s", who, file->path, strerror(errno));
        if (got == 0) return file_fail(fault, WG_BAD_FILE, "%s: %s: is cut off", who, file->path);
        next += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return true;
}

bool safetensors_read(const safetensors *file, const safetensors_entry *entry, uint64_t offset, void *values,
                      size_t bytes, const char *who, file_fault *fault)
{
    if (!read_at(file, file->values_start + entry->begin + offset, values, bytes, who, fault)) return false;
    if (entry->type != WG_BOOL) return true;
    const unsigned char *truth = values;
    for (size_t i = 0; i < bytes; i++)
        if (truth[i] > 1)
            return file_fail(fault, WG_BAD_FILE, "%s: %s: \"%.100s\" holds %d, which is no truth value", who,
                             file->path, entry->name, truth[i]);
    return true;
}

/* ---- opening ---- */

/* The size of the file and the length of the header, one checked against the other. */
static bool measure(safetensors *file, const char *who, uint64_t *length, file_fault *fault)
{
    struct stat status;
    if (fstat(file->descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return file_fail(fault, WG_IO, "%s: %s: is not an ordinary file", who, file->path);
    uint64_t size = (uint64_t)status.st_size;
    if (size < 8) return file_fail(fault, WG_BAD_FILE, "%s: %s: is too short for a safetensors file", who, file->path);
    if (!read_at(file, 0, length, 8, who, fault)) return false;
    if (*length > SAFETENSORS_HEADER_MAX)
        return file_fail(fault, WG_BAD_FILE, "%s: %s: is no safetensors file: a header of %llu bytes is too long", who,
                         file->path, (unsigned long long)*length);
    if (*length > size - 8)
        return file_fail(fault, WG_BAD_FILE, "%s: %s: is cut off: its header of %llu bytes ends beyond the file", who,
                         file->path, (unsigned long long)*length);
    file->values_start = 8 + *length;
    file->values_size = size - 8 - *length;
    return true;
}

static bool read_header(safetensors *file, const char *who, file_fault *fault)
{
    uint64_t length;
    if (!measure(file, who, &length, fault)) return false;
    file->header = memory_values(file->memory, (size_t)length);
    if (!file->header) return file_fail_memory(fault, (size_t)length);
    return read_at(file, 8, file->header, (size_t)length, who, fault) &&
           safetensors_parse(file, (size_t)length, who, fault);
}

bool safetensors_open(safetensors *file, memory *m, const char *who, const char *path, file_fault *fault)
{
    *file = (safetensors){.memory = m, .path = path, .descriptor = -1};
    if (!path) return file_fail(fault, WG_BAD_ARGUMENT, "%s: the path is NULL", who);
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (file->descriptor < 0)
        return file_fail(fault, WG_IO, "%s: %s: cannot be opened: %s", who, path, strerror(errno));
    if (read_header(file, who, fault)) return true;
    safetensors_close(file);
    return false;
}

void safetensors_close(safetensors *file)
{
    if (file->descriptor >= 0) close(file->descriptor);
    memory_drop(file->memory, file->header);
    memory_release(file->memory, file->entries);
    *file = (safetensors){.memory = file->memory, .descriptor = -1};
}

const safetensors_entry *safetensors_find(const safetensors *file, const char *name)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = weights_compare(name, file->entries[middle].name);
        if (order == 0) return &file->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "base/executable.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

void *executable_new(size_t room)
{
    void *pages = mmap(NULL, whole_pages(room), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

size_t executable_seal(void *pages, size_t room, size_t bytes)
{
    room = whole_pages(room);
    bytes = whole_pages(bytes);
    if (bytes < room) munmap((char *)pages + bytes, room - bytes);
    if (bytes && mprotect(pages, bytes, PROT_READ | PROT_EXEC) != 0) {
        munmap(pages, bytes);
        bytes = 0;
    }
    return bytes;
}

bool executable_allowed(void)
{
    void *pages = executable_new(1);
    size_t bytes = pages ? executable_seal(pages, 1, 1) : 0;
    executable_free(pages, bytes);
    return bytes > 0;
}

void executable_free(void *pages, size_t bytes)
{
    if (bytes) munmap(pages, bytes);
}

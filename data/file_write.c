/* Writing a file so that it appears whole or not at all: a temporary file beside the target, then a rename. */
#include "data/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 40, ATTEMPTS = 1000 };

/* Creates a file that did not exist, named after the target. Not mkstemp: its files are private, and making them
   ordinary takes the umask, which cannot be read without changing it for the whole process. */
static int create_beside(const char *path, char *name, size_t size)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        snprintf(name, size, "%s.tmp-%ld-%d", path, (long)getpid(), i);
        int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) return descriptor;
    }
    return -1;
}

static bool write_part(int descriptor, const file_part *part)
{
    const char *next = part->bytes;
    size_t left = part->size;
    while (left) {
        ssize_t put = write(descriptor, next, left);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        next += put;
        left -= (size_t)put;
    }
    return true;
}

/* Some file systems cannot be told to write through: that is no failure. */
static bool synchronise(int descriptor)
{
    return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
}

/* Makes the rename itself last; the file is whole in any case, so that a failure is none of ours. */
static void synchronise_folder(const char *path, char *folder)
{
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    (void)synchronise(descriptor);
    close(descriptor);
}

/* 0, or the number of the error. */
static int fill(int descriptor, const file_part *parts, size_t count)
{
    bool written = true;
    for (size_t i = 0; written && i < count; i++) written = write_part(descriptor, &parts[i]);
    int error = written && synchronise(descriptor) ? 0 : errno;
    return close(descriptor) == 0 || error ? error : errno;
}

bool file_write(memory *m, const char *who, const char *path, const file_part *parts, size_t count, file_fault *fault)
{
    if (!path || !*path) return file_fail(fault, WG_BAD_ARGUMENT, "%s: there is no path", who);
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (exists && !S_ISREG(status.st_mode))
        return file_fail(fault, WG_IO, "%s: %s: is not an ordinary file", who, path);
    size_t size = strlen(path) + NAME_ROOM;
    char *name = memory_new(m, size, 1);
    if (!name) return file_fail_memory(fault, size);
    int descriptor = create_beside(path, name, size);
    int error = descriptor < 0 ? errno : 0;
    if (descriptor >= 0) {
        if (exists) (void)fchmod(descriptor, status.st_mode & 0777); /* what was private stays so */
        error = fill(descriptor, parts, count);
        if (!error && rename(name, path) != 0) error = errno;
        if (error)
            unlink(name);
        else
            synchronise_folder(path, name);
    }
    memory_release(m, name);
    return !error || file_fail(fault, WG_IO, "%s: %s: cannot be written: %s", who, path, strerror(error));
}

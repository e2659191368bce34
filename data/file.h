/* Whole files: read into memory, and written so that they appear whole or not at all. No context is needed: what goes
   wrong is put in words into a file_fault, and whoever has a context reports it there. */
#ifndef DATA_FILE_H
#define DATA_FILE_H

#include "base/memory.h"

typedef struct file_fault {
    wg_status status;
    size_t bytes; /* that memory was refused for */
    char text[768];
} file_fault;

/* Says what went wrong. Always false, to be returned. */
bool file_fail(file_fault *fault, wg_status status, const char *format, ...) WG_PRINTF(3, 4);
bool file_fail_memory(file_fault *fault, size_t bytes);
/* Makes the fault the context's error. Always false. */
bool file_report(wg_context *ctx, const file_fault *fault);

typedef struct file_content {
    char *bytes; /* a zero follows the last one */
    size_t size;
} file_content;

/* Reads a file, plain or gzip-compressed. Faults begin with `who`: "csv: iris.csv: ...". */
bool file_read(memory *m, const char *who, const char *path, file_content *content, file_fault *fault);
void file_release(memory *m, file_content *content);

typedef struct file_part {
    const void *bytes;
    size_t size;
} file_part;

/* Writes the parts one after the other to a temporary file, then renames it to `path`: a failure leaves no trace and
   an older file as it was. */
bool file_write(memory *m, const char *who, const char *path, const file_part *parts, size_t count, file_fault *fault);

#endif

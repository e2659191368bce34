/* The safetensors format: the length of a header (8 bytes, little-endian), the header, a JSON object that says where in
   the rest of the file each named tensor lies, and the values. A file is checked as a whole when it is opened; values
   are read when asked for. */
#ifndef DATA_SAFETENSORS_H
#define DATA_SAFETENSORS_H

#include "data/file.h"

typedef struct safetensors_entry {
    const char *name;
    wg_type type;
    wg_shape shape;
    uint64_t begin, end; /* of the values, from where the header ends */
} safetensors_entry;

typedef struct safetensors {
    memory *memory;
    const char *path;
    int descriptor;
    char *header; /* names lie in it */
    uint64_t values_start, values_size;
    safetensors_entry *entries; /* in the order of weights_compare, no two equal */
    size_t capacity, count;
    const char *draws; /* the metadata "draws", which wg_save writes; NULL: none */
} safetensors;

/* Opens and checks a file; faults begin with `who`. False, and nothing to close, after a fault. */
bool safetensors_open(safetensors *file, memory *m, const char *who, const char *path, file_fault *fault);
void safetensors_close(safetensors *file);
/* The entry of a name, in which '/' and '.' are the same; NULL: none. */
const safetensors_entry *safetensors_find(const safetensors *file, const char *name);
/* Reads so many bytes of an entry's values, from byte `offset` on. */
bool safetensors_read(const safetensors *file, const safetensors_entry *entry, uint64_t offset, void *values,
                      size_t bytes, const char *who, file_fault *fault);

typedef struct safetensors_item {
    const char *name; /* in the graph's writing, with '/' */
    wg_type type;
    wg_shape shape;
    const void *values;
} safetensors_item;

/* Writes a file, sorting the items by name. */
bool safetensors_write(memory *m, const char *who, const char *path, safetensors_item *items, size_t count,
                       uint64_t draws, file_fault *fault);

#endif

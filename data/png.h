/* PNG pictures of 8 bits, where the build has zlib. */
#ifndef DATA_PNG_H
#define DATA_PNG_H

#include "data/file.h"

/* Pixels of 1 or 3 bytes, row by row, the uppermost first. */
typedef struct picture {
    int64_t width, height;
    int channels;
    uint8_t *pixels;
} picture;

bool png_write(memory *m, const char *path, const picture *image, file_fault *fault);

#endif

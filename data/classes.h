/* The classes of a target column: each distinct word gets a number, in order of appearance. */
#ifndef DATA_CLASSES_H
#define DATA_CLASSES_H

#include "base/memory.h"

enum { CLASSES_MAX = 1 << 20 };

typedef struct classes {
    memory *memory;
    const char **word; /* by number; they are the caller's */
    size_t capacity, count;
    uint32_t *slot; /* open addressing; 0: empty, else 1 + a number */
    size_t slots;
} classes;

/* The number of a word, new or known; -1: no memory. */
int32_t classes_number(classes *all, const char *word);
/* Whether all words are whole numbers ("0", "12"), which then are class numbers themselves; *largest is the largest. */
bool classes_are_numbers(const classes *all, int64_t *largest);
/* The names by number as one counted block: pointers, then text. With `numbers` names are "0" to "count - 1", else the
   words. NULL: no memory. */
const char **classes_names(const classes *all, bool numbers, int64_t count);
void classes_end(classes *all);

#endif

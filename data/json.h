/* A strict reader of JSON text, piece by piece, for formats whose structure is known beforehand. The text is in memory
   of the caller's, and is changed: strings are decoded where they stand. */
#ifndef DATA_JSON_H
#define DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_reader {
    char *begin, *next, *end;
    const char *fault; /* the first one; NULL: none */
} json_reader;

/* Takes a punctuation mark, after white space; false if something else stands there. The second form makes that a
   fault, as the others do. */
bool json_try(json_reader *reader, char mark);
bool json_expect(json_reader *reader, char mark);
/* After an element of a list that ends with `close`: true if another one follows. */
bool json_more(json_reader *reader, char close);
/* A string, decoded to UTF-8; NULL after a fault. "\u0000" is one: C strings cannot hold it. */
char *json_string(json_reader *reader);
/* A whole number that is not negative. */
bool json_whole(json_reader *reader, uint64_t *value);
/* That nothing but white space is left. */
bool json_finish(json_reader *reader);

/* Whether a string is valid UTF-8. */
bool json_valid(const char *text);

#endif

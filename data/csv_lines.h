/* The fields of a text file of separated columns, one line after the other (RFC 4180: a field may stand in quotes, in
   which a doubled quote means one). */
#ifndef DATA_CSV_LINES_H
#define DATA_CSV_LINES_H

#include "data/file.h"

typedef struct csv_lines {
    memory *memory;
    const char *path;
    char separator;
    char *next, *end;  /* the unread text; *end is 0. Fields are cut out of it in place */
    int64_t following; /* number of the line that `next` is in, from 1 */

    int64_t line;  /* where the line read last began */
    char **fields; /* of it: strings, blanks around them removed; valid as long as the text */
    size_t capacity, count;
} csv_lines;

/* False if the text cannot be that of such a file. */
bool csv_begin(csv_lines *lines, memory *m, const char *path, const file_content *content, char separator,
               file_fault *fault);
void csv_end(csv_lines *lines);
/* Whether there is another line; blank ones at the end of the file are none. */
bool csv_more(const csv_lines *lines);
bool csv_line(csv_lines *lines, file_fault *fault);

#endif

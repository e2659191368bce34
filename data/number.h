/* Numbers in text, read the same under any locale. */
#ifndef DATA_NUMBER_H
#define DATA_NUMBER_H

#include <locale.h>
#include <stdbool.h>

typedef struct number_reader {
    locale_t locale;
} number_reader;

/* False: no memory. */
bool number_begin(number_reader *reader);
void number_end(number_reader *reader);
/* The whole text as a decimal number: "-1.5e3". False for anything else; infinite if it is too large. */
bool number_parse(const number_reader *reader, const char *text, double *value);

#endif

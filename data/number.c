/* The grammar is our own, so that no "0x1p3", "nan" or blank slips in; the exact rounding is strtod's, under the C
   locale and not the program's. */
#define _GNU_SOURCE /* strtod_l */
#include "data/number.h"

#include <stdlib.h>

bool number_begin(number_reader *reader)
{
    reader->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return reader->locale != (locale_t)0;
}

void number_end(number_reader *reader)
{
    freelocale(reader->locale);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *text, bool *any)
{
    for (; is_digit(*text); text++) *any = true;
    return text;
}

static bool is_number(const char *text)
{
    bool mantissa = false, exponent = false;
    if (*text == '+' || *text == '-') text++;
    text = skip_digits(text, &mantissa);
    if (*text == '.') text = skip_digits(text + 1, &mantissa);
    if (!mantissa) return false;
    if (*text != 'e' && *text != 'E') return *text == '\0';
    text++;
    if (*text == '+' || *text == '-') text++;
    text = skip_digits(text, &exponent);
    return exponent && *text == '\0';
}

bool number_parse(const number_reader *reader, const char *text, double *value)
{
    if (!is_number(text)) return false;
    *value = strtod_l(text, NULL, reader->locale);
    return true;
}

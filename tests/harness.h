/* What every test file includes: Criterion, or, under WG_PLAIN_TESTS, its small stand-in that never forks.

   Tests run in the locale of the environment, as programs do that call setlocale: numbers in files must not mind. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#ifdef WG_PLAIN_TESTS
#include "tests/plain.h"
#else
#include <criterion/criterion.h>
#endif

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under WG_TEST_DECIMAL_COMMA a locale without one is a failure: it would prove nothing. */
__attribute__((constructor)) static void harness_enter_locale(void)
{
    setlocale(LC_ALL, "");
    if (!getenv("WG_TEST_DECIMAL_COMMA") || localeconv()->decimal_point[0] == ',') return;
    fputs("the locale asked for has no decimal comma\n", stderr);
    exit(1);
}

/* How often to repeat a test with other numbers: less often under valgrind, which is slow. */
static inline unsigned harness_repeats(unsigned usual)
{
    return getenv("WG_TEST_SHORT") ? 4 : usual;
}

#endif

/* The driver behind plain.h: runs the registered tests one after the other and counts. */
#include "tests/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static plain_test *first, **end = &first;
static const char *current;
static bool failing;
static _Thread_local jmp_buf *escape; /* out of the running test; only its own thread has one */

void plain_register(plain_test *test)
{
    *end = test;
    end = &test->next;
}

void plain_failed(bool fatal, const char *file, int line, const char *text, const char *message, ...)
{
    failing = true;
    fprintf(stderr, "%s:%d: %s: ", file, line, current);
    if (message[0]) {
        va_list arguments;
        va_start(arguments, message);
        vfprintf(stderr, message, arguments);
        va_end(arguments);
    } else {
        fputs(text, stderr);
    }
    fputc('\n', stderr);
    if (fatal && !escape) abort(); /* a test's second thread cannot be left */
    if (fatal) longjmp(*escape, 1);
}

static bool run(const plain_test *test)
{
    jmp_buf here;
    current = test->name;
    failing = false;
    escape = &here;
    if (setjmp(here) == 0) test->run();
    escape = NULL;
    return !failing;
}

/* Runs the tests whose name contains the argument, or all. */
int main(int count, char **arguments)
{
    int passed = 0, failed = 0;
    for (const plain_test *test = first; test; test = test->next) {
        if (count > 1 && !strstr(test->name, arguments[1])) continue;
        *(run(test) ? &passed : &failed) += 1;
    }
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout); /* what a sanitizer finds at exit must not swallow it */
    return failed > 0 || passed == 0;
}

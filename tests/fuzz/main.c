/* The fuzzer: random recipes, run plainly and with plans, on one thread and two, must agree.

   usage: fuzz_graphs [--graphs N] [--seed S] [--threads T] [--coverage] [--print SEED]
   The recipe of graph n has the seed S + n; a failing one is shrunk and printed as a C program. T threads, 2 by
   default, are compared with one. Without --graphs the environment's WG_FUZZ_GRAPHS counts, or 400. From 2000 graphs on
   each row of the library's table must have occurred. */
#include "tests/fuzz/machine.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FAILURES = 5, COMPLETE_FROM = 2000 };

typedef struct {
    long graphs;
    uint64_t seed;
    int threads;
    bool coverage, print;
} wishes;

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--graphs N] [--seed S] [--threads T] [--coverage] [--print SEED]\n", program);
    return 2;
}

static bool read_wishes(int count, char **word, wishes *w)
{
    for (int k = 1; k < count; k++) {
        bool more = k + 1 < count;
        if (strcmp(word[k], "--coverage") == 0) {
            w->coverage = true;
        } else if (more && strcmp(word[k], "--graphs") == 0) {
            w->graphs = strtol(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--seed") == 0) {
            w->seed = strtoull(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--threads") == 0) {
            w->threads = (int)strtol(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--print") == 0) {
            w->seed = strtoull(word[++k], NULL, 10);
            w->print = true;
        } else {
            return false;
        }
    }
    return true;
}

/* Shrinks a failing recipe and shows it. */
static void report(recipe *r, int threads, const difference *found)
{
    difference last;
    printf("seed %llu: %s\n", (unsigned long long)r->seed, found->text);
    fflush(stdout);
    shrink_recipe(r, threads);
    compare_recipe(r, threads, &last);
    printf("/* seed %llu, shrunk: %s */\n", (unsigned long long)r->seed, last.text);
    print_program(r, stdout);
    fflush(stdout);
}

int main(int count, char **word)
{
    const char *graphs = getenv("WG_FUZZ_GRAPHS");
    wishes w = {.graphs = graphs ? strtol(graphs, NULL, 10) : 400, .seed = 1, .threads = 2};
    static recipe r;
    if (!read_wishes(count, word, &w)) return usage(word[0]);
    if (w.print) {
        generate_recipe(w.seed, &r);
        print_program(&r, stdout);
        return 0;
    }
    long passed = 0, failed = 0;
    while (passed + failed < w.graphs && failed < MOST_FAILURES) {
        difference found;
        generate_recipe(w.seed + (uint64_t)(passed + failed), &r);
        coverage_recipe(&r);
        if (compare_recipe(&r, w.threads, &found)) {
            passed++;
        } else {
            failed++;
            report(&r, w.threads, &found);
        }
    }
    if (w.coverage) coverage_print(stdout);
    bool complete = passed < COMPLETE_FROM || coverage_complete(stdout);
    printf("%ld passed, %ld failed\n", passed, failed + !complete);
    return failed || !complete;
}

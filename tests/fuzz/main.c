/* The fuzzer: random recipes, run plainly and with plans, on one thread and two, must agree.

   usage: fuzz_graphs [--graphs N] [--seed S] [--threads T] [--coverage] [--print SEED] [--first]
   The recipe of graph n has the seed S + n; a failing one is shrunk and printed as a C program. T threads, 2 by
   default, are compared with one. Without --graphs the environment's WG_FUZZ_GRAPHS counts, or 400. From 2000 graphs on
   each row of the library's table must have occurred. With --first it only tells at which graph the first failure is,
   a crash too. */
#include "tests/fuzz/machine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FAILURES = 5, COMPLETE_FROM = 2000 };

typedef struct {
    long graphs;
    uint64_t seed;
    int threads;
    bool coverage, print, first;
} wishes;

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--graphs N] [--seed S] [--threads T] [--coverage] [--print SEED] [--first]\n", program);
    return 2;
}

static bool read_wishes(int count, char **word, wishes *w)
{
    for (int k = 1; k < count; k++) {
        bool more = k + 1 < count;
        if (strcmp(word[k], "--coverage") == 0) {
            w->coverage = true;
        } else if (strcmp(word[k], "--first") == 0) {
            w->first = true;
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

/* ---- the first failure ---- */

static volatile sig_atomic_t graph; /* that runs now */

static void tell_crash(int signal)
{
    char text[] = "found at graph 000000, by a crash\n";
    int rest = (int)graph;
    (void)signal;
    for (char *digit = strchr(text, ',') - 1; *digit != ' '; digit--, rest /= 10) *digit = (char)('0' + rest % 10);
    _exit(write(STDOUT_FILENO, text, sizeof text - 1) < 0 ? 2 : 1);
}

/* Returns whether there is none. */
static bool find_first(const wishes *w, recipe *r)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    for (size_t k = 0; k < sizeof crashes / sizeof *crashes; k++) signal(crashes[k], tell_crash);
    for (long n = 0; n < w->graphs; n++) {
        difference found;
        graph = (sig_atomic_t)n + 1;
        generate_recipe(w->seed + (uint64_t)n, r);
        if (compare_recipe(r, w->threads, &found)) continue;
        printf("found at graph %06ld: %s\n", n + 1, found.text);
        return false;
    }
    printf("not found in %ld graphs\n", w->graphs);
    return true;
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
    if (w.first) return !find_first(&w, &r);
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

/* The fuzzer: random recipes, run plainly and with plans, on one thread and two, must agree.

   usage: fuzz_graphs [--graphs N] [--seed S] [--threads T] [--coverage] [--counts FILE] [--print SEED] [--first]
          fuzz_graphs [--coverage] --add FILE...
   The recipe of graph n has the seed S + n; a failing one is shrunk and printed as a C program. T threads, 2 by
   default, are compared with one. Without --graphs the environment's WG_FUZZ_GRAPHS counts, or 400. From 2000 graphs on
   each row of the library's table must have occurred; with --coverage what has occurred is told, and each row, each
   rule of the planner and more must have occurred in so many graphs (see coverage.c). With --counts it is written to a
   file;
   --add adds up such files, and tells the sum. With --first it only tells at which graph the first failure is, a crash
   too. */
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
    const char *counts;
    bool coverage, print, first;
    int added; /* the first file to add up; 0: none */
} wishes;

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--graphs N] [--seed S] [--threads T] [--coverage] [--counts FILE] [--print SEED] [--first]\n"
            "       %s [--coverage] --add FILE...\n",
            program, program);
    return 2;
}

static bool read_wishes(int count, char **word, wishes *w)
{
    for (int k = 1; k < count; k++) {
        bool more = k + 1 < count;
        if (more && strcmp(word[k], "--add") == 0) {
            w->added = k + 1;
            return true;
        } else if (strcmp(word[k], "--coverage") == 0) {
            w->coverage = true;
        } else if (strcmp(word[k], "--first") == 0) {
            w->first = true;
        } else if (more && strcmp(word[k], "--graphs") == 0) {
            w->graphs = strtol(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--seed") == 0) {
            w->seed = strtoull(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--threads") == 0) {
            w->threads = (int)strtol(word[++k], NULL, 10);
        } else if (more && strcmp(word[k], "--counts") == 0) {
            w->counts = word[++k];
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

/* ---- crashes ---- */

static volatile sig_atomic_t graph; /* that runs now: its seed less the first one's */
static uint64_t first_seed;

static char *digits_before(char *end, uint64_t value)
{
    do *--end = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return end;
}

/* Before the process dies. */
static void tell_seed(void)
{
    char text[] = "....................: crashed\n",
         *begin = digits_before(strchr(text, ':'), first_seed + (uint64_t)graph);
    bool told = write(STDOUT_FILENO, "seed ", 5) > 0 && write(STDOUT_FILENO, begin, strlen(begin)) > 0;
    (void)told;
}

static void tell_and_die(int number)
{
    tell_seed();
    signal(number, SIG_DFL);
    raise(number);
}

static void tell_crash(int signal)
{
    char text[] = "found at graph 000000, by a crash\n";
    int rest = (int)graph + 1;
    (void)signal;
    for (char *digit = strchr(text, ',') - 1; *digit != ' '; digit--, rest /= 10) *digit = (char)('0' + rest % 10);
    _exit(write(STDOUT_FILENO, text, sizeof text - 1) < 0 ? 2 : 1);
}

static void on_crash(void (*handler)(int number))
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL};
    for (size_t k = 0; k < sizeof crashes / sizeof *crashes; k++) signal(crashes[k], handler);
}

/* Sanitizers have it. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* ---- runs ---- */

/* Returns whether no graph fails. */
static bool find_first(const wishes *w, recipe *r)
{
    on_crash(tell_crash);
    for (long n = 0; n < w->graphs; n++) {
        difference found;
        graph = (sig_atomic_t)n;
        generate_recipe(w->seed + (uint64_t)n, r);
        if (compare_recipe(r, w->threads, &found)) continue;
        printf("found at graph %06ld: %s\n", n + 1, found.text);
        return false;
    }
    printf("not found in %ld graphs\n", w->graphs);
    return true;
}

static void run_all(const wishes *w, recipe *r)
{
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(tell_seed);
    else
        on_crash(tell_and_die);
    for (long n = 0; n < w->graphs && coverage_graphs(false) < MOST_FAILURES; n++) {
        difference found;
        graph = (sig_atomic_t)n;
        generate_recipe(w->seed + (uint64_t)n, r);
        coverage_begin(r);
        bool fine = compare_recipe(r, w->threads, &found);
        coverage_end(fine);
        if (!fine) report(r, w->threads, &found);
    }
}

/* The last words; returns the exit status. */
static int judge(bool strictly)
{
    long passed = coverage_graphs(true), failed = coverage_graphs(false);
    if (strictly) coverage_print(stdout);
    bool complete = passed + failed < COMPLETE_FROM || coverage_complete(stdout, strictly);
    printf("%ld passed, %ld failed\n", passed, failed + !complete);
    return failed || !complete;
}

static int add_up(int count, char **path, bool strictly)
{
    for (int k = 0; k < count; k++)
        if (!coverage_add(path[k])) {
            fprintf(stderr, "%s: cannot be read, or is something else\n", path[k]);
            return 2;
        }
    return judge(strictly);
}

int main(int count, char **word)
{
    const char *graphs = getenv("WG_FUZZ_GRAPHS");
    wishes w = {.graphs = graphs ? strtol(graphs, NULL, 10) : 400, .seed = 1, .threads = 2};
    static recipe r;
    if (!read_wishes(count, word, &w)) return usage(word[0]);
    if (w.added) return add_up(count - w.added, word + w.added, w.coverage);
    first_seed = w.seed;
    if (w.print) {
        generate_recipe(w.seed, &r);
        print_program(&r, stdout);
        return 0;
    }
    if (w.first) return !find_first(&w, &r);
    run_all(&w, &r);
    if (w.counts && !coverage_save(w.counts)) {
        perror(w.counts);
        return 2;
    }
    return judge(w.coverage);
}

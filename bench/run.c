/* Times one workload and prints one JSON object.   usage: wengert-bench NAME [--threads N] [--seconds S] [--served]

   Served: prints "ready" after the first steps, then runs a slice of steps for each line "run SECONDS" on its standard
   input and answers "done"; "end" ends it. So that several programs can take turns. */
#define _DEFAULT_SOURCE /* getloadavg */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const workload *const workloads[] = {
    &scalar_w1,        &mlp_w2,           &mlp_w3,          &lstm_w5,          &row_softmax,
    &row_layernorm,    &map_gelu,         &map_sigmoid,     &map_sum,          &adam_w8,
    &convolution_w7,   &vae_w9,           &mlp_w10,         &record_scalar,    &record_map,
    &record_layer,     &record_reduce,    &dispatch_groups, &per_example_loop, &per_example_graph,
    &per_example_scan, &per_example_wide,
};

enum { WORKLOADS = sizeof workloads / sizeof *workloads, WARM = 3, LEAST = 5, MOST = 1 << 20 };

enum { FORWARD, BACKWARD, UPDATE, EXECUTE, CLEAR, STEP, PHASES };

typedef struct {
    bench b;
    int threads;
    double *seconds[PHASES]; /* of each step */
    size_t steps;
    uint64_t nodes[UPDATE + 1];             /* on the tape after each recording phase */
    long long allocations, own_allocations; /* in all timed steps */
    double lookup, groups;                  /* seconds spent on finding plans, groups run, in all timed steps */
    double processor;                       /* seconds of processor time in all timed evaluations */
    double total;                           /* of what was read: keeps it from being idle */
    double load[2];                         /* of the machine, at the start and at the end */
} session;

static double clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double machine_load(void)
{
    double load;
    return getloadavg(&load, 1) == 1 ? load : NAN;
}

static const workload *find(const char *name)
{
    for (size_t i = 0; i < WORKLOADS; i++)
        if (strcmp(workloads[i]->name, name) == 0) return workloads[i];
    return NULL;
}

/* ---- steps ---- */

/* A step that is not timed, which counts its nodes. */
static void count_nodes(session *s)
{
    bench *b = &s->b;
    const workload *w = b->what;
    w->fresh(b);
    w->forward(b);
    s->nodes[FORWARD] = wg_context_stats(b->ctx).nodes;
    if (w->backward) w->backward(b);
    s->nodes[BACKWARD] = wg_context_stats(b->ctx).nodes;
    if (w->update) w->update(b);
    s->nodes[UPDATE] = wg_context_stats(b->ctx).nodes;
    s->total += w->evaluate(b);
    wg_clear(b->ctx);
}

static void timed_step(session *s)
{
    bench *b = &s->b;
    const workload *w = b->what;
    w->fresh(b);
    wg_stats before = wg_context_stats(b->ctx);
    long long all = bench_allocations();
    double t[PHASES + 1];
    t[FORWARD] = clock_of(CLOCK_MONOTONIC);
    w->forward(b);
    t[BACKWARD] = clock_of(CLOCK_MONOTONIC);
    if (w->backward) w->backward(b);
    t[UPDATE] = clock_of(CLOCK_MONOTONIC);
    if (w->update) w->update(b);
    t[EXECUTE] = clock_of(CLOCK_MONOTONIC);
    double processor = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    double result = w->evaluate(b);
    processor = clock_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    t[CLEAR] = clock_of(CLOCK_MONOTONIC);
    wg_clear(b->ctx);
    t[STEP] = clock_of(CLOCK_MONOTONIC);
    for (int p = 0; p < STEP; p++) s->seconds[p][s->steps] = t[p + 1] - t[p];
    s->seconds[STEP][s->steps++] = t[STEP] - t[FORWARD];
    s->allocations += bench_allocations() - all;
    wg_stats after = wg_context_stats(b->ctx);
    s->own_allocations += (long long)(after.allocations - before.allocations);
    s->lookup += after.lookup_seconds - before.lookup_seconds;
    s->groups += (double)(after.groups - before.groups);
    s->processor += processor;
    s->total += result;
}

static void run_slice(session *s, double seconds)
{
    double end = clock_of(CLOCK_MONOTONIC) + seconds;
    for (int i = 0; (i < LEAST || clock_of(CLOCK_MONOTONIC) < end) && s->steps < MOST; i++) timed_step(s);
}

/* ---- the result ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* "name": number, or null where there is none. */
static void put(const char *name, double value)
{
    if (isfinite(value))
        printf(", \"%s\": %.6g", name, value);
    else
        printf(", \"%s\": null", name);
}

/* The most memory the process ever had: of this program, where the system tells, not of the one that started it. */
static double peak_megabytes(void)
{
    struct rusage usage;
    double kilobytes = getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss : NAN;
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %lf", &kilobytes);
    if (status) fclose(status);
    return kilobytes / 1024;
}

/* Median and least of a phase for each node it records. */
static void put_per_node(const char *name, const session *s, int phase, uint64_t nodes)
{
    char least[64];
    snprintf(least, sizeof least, "%s_min", name);
    double unit = s->steps && nodes ? 1e9 / (double)nodes : NAN;
    put(name, s->seconds[phase][s->steps / 2] * unit);
    put(least, s->seconds[phase][0] * unit);
}

static void put_roofline(const session *s, double step)
{
    const workload *w = s->b.what;
    bool arithmetic = w->flops > 0, memory = w->bytes > 0;
    double flops = arithmetic ? ceiling_flops(s->threads) : NAN;
    double bandwidth = memory ? ceiling_bandwidth(s->threads, w->touched) : NAN;
    double roof = fmax(arithmetic ? w->flops / flops : 0, memory ? w->bytes / bandwidth : 0);
    put("gflops", arithmetic ? w->flops / step * 1e-9 : NAN);
    put("gbytes_per_s", memory ? w->bytes / step * 1e-9 : NAN);
    put("peak_gflops", flops * 1e-9);
    put("peak_gbytes_per_s", bandwidth * 1e-9);
    put("roofline_ms", roof > 0 ? roof * 1e3 : NAN);
    put("roofline_share", roof > 0 ? roof / step : NAN);
}

/* Prints everything; false if the results were wrong. */
static bool report(session *s)
{
    const workload *w = s->b.what;
    double executed = 0, steps = (double)s->steps, peak = peak_megabytes();
    for (size_t i = 0; i < s->steps; i++) executed += s->seconds[EXECUTE][i];
    for (int p = 0; p < PHASES; p++) qsort(s->seconds[p], s->steps, sizeof(double), compare);
    double step = s->seconds[STEP][s->steps / 2];
    bool fine = wg_context_close(s->b.ctx, stderr) == 0 && isfinite(s->total);
    fine = bench_check(w, s->threads, stderr) && fine;
    s->load[1] = machine_load();
    printf("{\"workload\": \"%s\", \"threads\": %d, \"correct\": %s", w->name, s->threads, fine ? "true" : "false");
    put("steps", steps);
    put("median_ms", step * 1e3);
    put("min_ms", s->seconds[STEP][0] * 1e3);
    put("nodes", (double)s->nodes[UPDATE]);
    put_per_node("record_ns_per_node", s, FORWARD, s->nodes[FORWARD]);
    put_per_node("vjp_ns_per_node", s, BACKWARD, s->nodes[BACKWARD] - s->nodes[FORWARD]);
    put_per_node("update_ns_per_node", s, UPDATE, s->nodes[UPDATE] - s->nodes[BACKWARD]);
    put_per_node("clear_ns_per_node", s, CLEAR, s->nodes[UPDATE]);
    put("lookup_ns_per_node", s->lookup / steps / (double)s->nodes[UPDATE] * 1e9);
    put("groups", s->groups / steps);
    double rest = s->seconds[EXECUTE][s->steps / 2] - s->lookup / steps; /* what is not finding the plan */
    put("dispatch_ns_per_group", w->dispatches ? rest / (s->groups / steps) * 1e9 : NAN);
    put("execute_ms", s->seconds[EXECUTE][s->steps / 2] * 1e3);
    put("cores", executed > 0 ? s->processor / executed : NAN);
    put("peak_rss_mb", peak);
    put("allocations_per_step", bench_allocations() <= 0 ? NAN : (double)s->allocations / steps);
    put("context_allocations_per_step", (double)s->own_allocations / steps);
    put_roofline(s, step);
    put("load_before", s->load[0]);
    put("load_after", s->load[1]);
    puts("}");
    return fine;
}

/* ---- the program ---- */

static void serve(session *s)
{
    char line[64];
    double seconds;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && sscanf(line, "run %lf", &seconds) == 1) {
        run_slice(s, seconds);
        puts("done");
        fflush(stdout);
    }
}

static int usage(void)
{
    fputs("usage: wengert-bench NAME [--threads N] [--seconds S] [--served]\n", stderr);
    for (size_t i = 0; i < WORKLOADS; i++) printf("%-14s %s\n", workloads[i]->name, workloads[i]->summary);
    return 2;
}

int main(int count, char **arguments)
{
    session s = {.threads = 1};
    double seconds = 2;
    bool served = false;
    for (int i = 1; i < count; i++) {
        bool more = i + 1 < count;
        if (more && strcmp(arguments[i], "--threads") == 0)
            s.threads = atoi(arguments[++i]);
        else if (more && strcmp(arguments[i], "--seconds") == 0)
            seconds = atof(arguments[++i]);
        else if (strcmp(arguments[i], "--served") == 0)
            served = true;
        else if (!s.b.what)
            s.b.what = find(arguments[i]);
    }
    if (!s.b.what || s.threads < 1) return usage();
    s.load[0] = machine_load();
    s.b.random = (uint64_t)time(NULL) ^ (uint64_t)(1e9 * clock_of(CLOCK_MONOTONIC));
    s.b.ctx = wg_context_new(&(wg_context_options){.seed = s.b.random, .threads = s.threads, .timed = true});
    for (int p = 0; p < PHASES; p++) s.seconds[p] = malloc(MOST * sizeof(double)); /* touched as far as used */
    /* So small that the loss stays put, and no moment fades into denormal numbers. */
    s.b.what->open(&s.b, 1e-6);
    for (int i = 0; i < WARM; i++) count_nodes(&s);
    if (served)
        serve(&s);
    else
        run_slice(&s, seconds);
    return s.steps > 0 && report(&s) ? 0 : 1;
}

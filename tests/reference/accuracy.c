/* Every unary row over all 2^32 values of f32, against double libm: prints the largest error of each row and at last
   one JSON object. Rows named as arguments are measured alone; with --precise before them, under that option. Each
   thread has a context of its own and takes the next chunk of bit patterns until none is left. */
#include "tests/reference/truth.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BITS = 20, CHUNK = 1 << CHUNK_BITS, CHUNKS = 1 << (32 - CHUNK_BITS), THREADS = 256, FAILED_TEXT = 4096 };

typedef struct job {
    const truth *row;
    atomic_uint next;
} job;

typedef struct worker {
    pthread_t thread;
    job *job;
    double worst;
    float at;
    bool broken;
} worker;

static bool precise;

/* What the row is held to. */
static double stated(const wg_op *op)
{
    return precise && op->numerics.ulp > 1 ? 1 : op->numerics.ulp;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Evaluates the row at x and keeps the worst point. */
static bool measure(wg_context *ctx, worker *w, const float *x, bool *flags)
{
    const truth *row = w->job->row;
    wg_tensor y = row->apply1(wg_borrow_f32(ctx, WG_SHAPE(CHUNK), x));
    const float *got = row->to_bool ? NULL : wg_values_f32(y);
    if (row->to_bool ? !wg_read_bool(y, flags, CHUNK) : !got) {
        fprintf(stderr, "%s\n", wg_error(ctx));
        return false;
    }
    for (size_t i = 0; i < CHUNK; i++) {
        double want = row->f1((double)x[i]);
        float value = got ? got[i] : (float)flags[i];
        if (w->worst >= 0.5 && value == (float)want && value != 0) continue; /* correctly rounded */
        double ulp = ulp_f32(value, want);
        if (ulp <= w->worst) continue;
        w->worst = ulp;
        w->at = x[i];
    }
    wg_clear(ctx);
    return true;
}

static void *work(void *argument)
{
    worker *w = argument;
    wg_context *ctx = wg_context_new(&(wg_context_options){.threads = 1, .precise = precise});
    float *x = malloc(CHUNK * sizeof *x);
    bool *flags = malloc(CHUNK * sizeof *flags);
    w->broken = !ctx || !x || !flags;
    unsigned chunk;
    while (!w->broken && (chunk = atomic_fetch_add(&w->job->next, 1)) < CHUNKS) {
        for (uint32_t i = 0; i < CHUNK; i++) x[i] = float_of((uint32_t)chunk << CHUNK_BITS | i);
        w->broken = !measure(ctx, w, x, flags);
    }
    free(x);
    free(flags);
    wg_context_free(ctx);
    return NULL;
}

/* The worst error of one row; -1: it could not be measured. */
static double measure_row(const truth *row, long threads, float *at)
{
    static worker workers[THREADS];
    job shared = {.row = row};
    double worst = -1;
    long started = 0;
    bool broken = false;
    for (; started < threads; started++) {
        workers[started] = (worker){.job = &shared, .worst = -1};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) break;
    }
    for (long i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        broken |= workers[i].broken;
        if (workers[i].worst <= worst) continue;
        worst = workers[i].worst;
        *at = workers[i].at;
    }
    return broken ? -1 : worst;
}

static bool wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return true;
    return count == 0;
}

static bool is_measured(const wg_op *op)
{
    return op->elementwise && op->arity == 1 && op->kernel[WG_F32];
}

/* A name that is no row would measure nothing and look like success. */
static bool all_known(int count, char **names)
{
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < wg_op_count(); k++)
            known |= is_measured(wg_op_at(k)) && strcmp(wg_op_at(k)->name, names[i]) == 0;
        if (!known) fprintf(stderr, "%s is no row of one f32 operand\n", names[i]);
        if (!known) return false;
    }
    return true;
}

int main(int count, char **arguments)
{
    precise = count > 1 && strcmp(arguments[1], "--precise") == 0;
    count -= precise;
    arguments += precise;
    if (!all_known(count - 1, arguments + 1)) return 2;
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads < 1) threads = 1;
    if (threads > THREADS) threads = THREADS;
    char failed[FAILED_TEXT] = "", worst_row[64] = "";
    double worst = 0;
    int rows = 0, failures = 0;
    printf("%-12s %10s %16s %8s %s\n", "row", "worst ulp", "at", "stated", "");
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        const truth *row = truth_of(op->name);
        if (!is_measured(op) || !wanted(op->name, count - 1, arguments + 1)) continue;
        float at = 0;
        double ulp = row && row->apply1 ? measure_row(row, threads, &at) : -1;
        bool fine = ulp >= 0 && ulp <= (stated(op) > 0 ? stated(op) + 1e-6 : 0);
        printf("%-12s %10.4f %16.8g %8.1f %s\n", op->name, ulp, (double)at, stated(op),
               fine      ? "ok"
               : ulp < 0 ? "not measured"
                         : "WORSE THAN STATED");
        fflush(stdout);
        rows++;
        if (ulp >= worst) snprintf(worst_row, sizeof worst_row, "%s", op->name);
        worst = fmax(worst, ulp);
        if (!fine && failures++ < 64) {
            size_t used = strlen(failed);
            snprintf(failed + used, sizeof failed - used, "%s\"%s\"", used ? ", " : "", op->name);
        }
    }
    if (isinf(worst)) worst = DBL_MAX; /* JSON has no infinity */
    printf("{\"rows\": %d, \"values\": %" PRIu64 ", \"worst_ulp\": %.4f, \"worst_row\": \"%s\", \"failed\": [%s]}\n",
           rows, (uint64_t)rows << 32, worst, worst_row, failed);
    return rows == 0 || failures > 0;
}

/* The machine's ceilings, measured beside the workloads: multiply-adds in registers, and the traffic of loops over as
   much memory as a workload touches. Each is the best of several rounds, all threads starting each round together. */
#define _DEFAULT_SOURCE /* madvise */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MAX_THREADS = 64, ROUNDS = 12 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- rounds of one piece of work in all threads ---- */

typedef struct piece {
    double (*work)(struct piece *p); /* the flops or bytes of one round */
    float *a, *b, *c, *d;
    size_t count;
    pthread_barrier_t *barrier;
    int index;
    double amount, seconds; /* of this thread in a round; the best round, noted by thread 0 */
} piece;

static void *run_rounds(void *user)
{
    piece *p = user;
    p->seconds = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(p->barrier);
        double start = now();
        p->amount = p->work(p);
        pthread_barrier_wait(p->barrier);
        double took = now() - start;
        if (i > 0 && took < p->seconds) p->seconds = took;
    }
    return NULL;
}

/* Units per second of all threads together. */
static double best_rate(piece *pieces, int threads)
{
    pthread_t thread[MAX_THREADS];
    pthread_barrier_t barrier;
    if (pthread_barrier_init(&barrier, NULL, (unsigned)threads) != 0) return NAN;
    for (int i = 0; i < threads; i++) pieces[i].barrier = &barrier;
    for (int i = 1; i < threads; i++)
        if (pthread_create(&thread[i], NULL, run_rounds, &pieces[i]) != 0) abort();
    run_rounds(&pieces[0]);
    double amount = pieces[0].amount;
    for (int i = 1; i < threads; i++) {
        pthread_join(thread[i], NULL);
        amount += pieces[i].amount;
    }
    pthread_barrier_destroy(&barrier);
    return amount / pieces[0].seconds;
}

/* ---- arithmetic ---- */

enum { CHAINS = 12, LOOPS = 500000 };

/* Twelve independent chains of v = v * a + b, which a compiler turns into multiply-adds in registers. */
#define FMA(name, lanes, attribute)                                                   \
    attribute static double name(piece *p)                                            \
    {                                                                                 \
        typedef float vector __attribute__((vector_size(4 * (lanes)), aligned(4)));   \
        vector v[CHAINS], a, b;                                                       \
        memcpy(&a, p->a, sizeof a);                                                   \
        memcpy(&b, p->a + (lanes), sizeof b);                                         \
        for (int k = 0; k < CHAINS; k++) memcpy(&v[k], p->a + 2 * (lanes), sizeof a); \
        for (int i = 0; i < LOOPS; i++)                                               \
            for (int k = 0; k < CHAINS; k++) v[k] = v[k] * a + b;                     \
        for (int k = 1; k < CHAINS; k++) v[0] += v[k];                                \
        memcpy(p->a + 2 * (lanes), &v[0], sizeof a);                                  \
        return 2.0 * CHAINS * (lanes) * (double)LOOPS;                                \
    }

FMA(fma4, 4, )
#if defined(__x86_64__)
FMA(fma8, 8, __attribute__((target("avx2,fma"))))
FMA(fma16, 16, __attribute__((target("avx512f"))))
#endif

static double rate_of(double (*work)(piece *), int threads)
{
    piece pieces[MAX_THREADS];
    memset(pieces, 0, sizeof pieces);
    for (int i = 0; i < threads; i++) {
        pieces[i].work = work;
        pieces[i].a = bench_memory(64, sizeof(float));
        for (int k = 0; k < 64; k++) pieces[i].a[k] = 0.5F;
    }
    double rate = best_rate(pieces, threads);
    for (int i = 0; i < threads; i++) free(pieces[i].a);
    return rate;
}

double ceiling_flops(int threads)
{
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    double best = rate_of(fma4, threads);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = fmax(best, rate_of(fma8, threads));
    if (__builtin_cpu_supports("avx512f")) best = fmax(best, rate_of(fma16, threads));
#endif
    return best;
}

/* ---- memory ---- */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

WIDEST static void add(float *restrict a, const float *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++) a[i] += b[i];
}

WIDEST static void update(float *restrict a, float *restrict b, float *restrict c, const float *restrict d,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float x = d[i];
        b[i] = b[i] * 0.5F + x;
        c[i] = c[i] * 0.5F + x;
        a[i] -= b[i] * c[i];
    }
}

/* Small pieces are walked several times, so that a round is long enough for the clock. */
static int walks(const piece *p)
{
    return p->count < 1 << 20 ? (int)((1 << 20) / p->count) + 1 : 1;
}

static double work_copy(piece *p)
{
    for (int i = 0; i < walks(p); i++) {
        memcpy(p->b, p->a, 2 * p->count * sizeof(float));
        __asm__ volatile("" ::: "memory");
    }
    return walks(p) * 4.0 * (double)p->count * sizeof(float);
}

static double work_add(piece *p)
{
    for (int i = 0; i < walks(p); i++) {
        add(p->a, p->b, 2 * p->count);
        __asm__ volatile("" ::: "memory");
    }
    return walks(p) * 6.0 * (double)p->count * sizeof(float);
}

static double work_update(piece *p)
{
    for (int i = 0; i < walks(p); i++) {
        update(p->a, p->b, p->c, p->d, p->count);
        __asm__ volatile("" ::: "memory");
    }
    return walks(p) * 7.0 * (double)p->count * sizeof(float);
}

double ceiling_bandwidth(int threads, double touched)
{
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    size_t limit = (size_t)256 << 20, bytes = touched < (double)limit ? (size_t)touched : limit;
    size_t count =
        (bytes / sizeof(float) / 4 / (size_t)threads + 16) & ~(size_t)15; /* of each of four parts of a thread */
    size_t huge = (size_t)2 << 20, total = (4 * count * (size_t)threads * sizeof(float) + 2 * huge) & ~(huge - 1);
    float *memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NAN;
#if defined(MADV_HUGEPAGE)
    madvise(memory, total, MADV_HUGEPAGE);
#endif
    memset(memory, 0, total);
    double (*const works[])(piece *) = {work_copy, work_add, work_update};
    double best = 0;
    for (size_t w = 0; w < 3; w++) {
        piece pieces[MAX_THREADS];
        for (int i = 0; i < threads; i++) {
            float *own = memory + 4 * count * (size_t)i;
            /* The first two use two arrays of twice the count, the last four. */
            piece p = {.work = works[w], .a = own, .b = own + (w < 2 ? 2 : 1) * count, .c = own + 2 * count};
            p.d = own + 3 * count;
            p.count = count;
            p.index = i;
            pieces[i] = p;
        }
        best = fmax(best, best_rate(pieces, threads));
    }
    munmap(memory, total);
    return best;
}

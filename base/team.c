/* Each thread has a seat: one cache line with the tasks dealt to it, what to do with them, and whether it sleeps.

   The tasks that nobody has taken yet are a range, first and end, in one 64-bit word. Its thread takes them from the
   front, the others, when they have none of their own, from the back; both by exchanging the word for a smaller range.
   The caller does what is left by those who are late, and then waits only for tasks that have been taken.

   A thread may lose the processor at any point and go on in a later run. It then knows nothing false, because it
   remembers nothing but the word that it read, and that is compared once more by the exchange. If the word has
   changed, the exchange fails. If it is the same (be it of another run: that is no harm), then the task it takes is one
   of the current run, whose words alone are there; and that run cannot end before the task is reported. Only after
   this does the thread read what to do and with which argument, from the same seat: they are the current run's, and
   stay until then. So words need no run number, and no thread needs to be waited for because it might be reading.

   Nobody is asked whether it has seen that a run begins. A worker watches the word of its own seat for some time, then
   sleeps. One that falls asleep in the instant of the deal may miss it: the others do its tasks, and it is woken by the
   next run. This spares each run a full fence, which would last until the other processors have given up the seats. */
#define _GNU_SOURCE /* sched_getaffinity, syscall */
#include "base/team.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum { LOOKS = 32 };               /* between two looks at the clock */
enum { LONGEST_SPIN = 50 * 1000 }; /* nanoseconds: about what it costs to sleep and to be woken */

/* ---- sleeping ---- */

/* A value to sleep on until it changes. */
typedef struct {
    _Atomic uint32_t value;
#ifndef SYS_futex
    pthread_mutex_t lock;
    pthread_cond_t rung;
#endif
} bell;

#ifdef SYS_futex

static void bell_init(bell *b)
{
    atomic_store_explicit(&b->value, 0, memory_order_relaxed);
}

static void bell_end(bell *b)
{
    (void)b;
}

/* Sleeps while the value is `seen`, and perhaps returns earlier. */
static void bell_wait(bell *b, uint32_t seen)
{
    syscall(SYS_futex, &b->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

/* To be called after a change of the value, by who made it. */
static void bell_ring(bell *b)
{
    syscall(SYS_futex, &b->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#else

static void bell_init(bell *b)
{
    atomic_store_explicit(&b->value, 0, memory_order_relaxed);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->rung, NULL);
}

static void bell_end(bell *b)
{
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->rung);
}

static void bell_wait(bell *b, uint32_t seen)
{
    pthread_mutex_lock(&b->lock);
    if (atomic_load_explicit(&b->value, memory_order_relaxed) == seen) pthread_cond_wait(&b->rung, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void bell_ring(bell *b)
{
    pthread_mutex_lock(&b->lock); /* who has compared, but does not wait yet, holds it */
    pthread_cond_signal(&b->rung);
    pthread_mutex_unlock(&b->lock);
}

#endif

/* ---- the team ---- */

enum { AWAKE, ASLEEP, DISMISSED }; /* states of a thread */

typedef struct {
    _Alignas(MEMORY_ALIGNMENT) _Atomic uint64_t range; /* end in the upper half, first in the lower */
    bell state;
    /* Of the run, for who has taken a task from the range: */
    team_task task;
    void *argument;
    int64_t base; /* of the portion */

    team *team;
    pthread_t thread;
} seat;

enum { CALLER_SLEEPS = 1, ONE_TASK = 2 };

struct team {
    memory *memory;
    int threads, running; /* wanted; there */
    int most_helpers;     /* of all teams, where this one still starts some */
    int64_t longest_spin;
    unsigned generation; /* of the process when the threads were started; 0: never */
    bool modest;
    _Atomic unsigned busy; /* the generation of the process in which somebody uses it; 0: nobody does */
    _Alignas(MEMORY_ALIGNMENT) bell pending; /* ONE_TASK for each not reported, and CALLER_SLEEPS */
    seat seats[];
};

/* The child of a fork has none of the threads: it is a new generation. Written only while it has one thread. */
static _Atomic unsigned generation = 1;
static bool forks_are_noticed;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* Threads of all teams that wait or work, without the callers. */
static _Atomic int helpers;

static void begin_generation(void)
{
    atomic_store_explicit(&helpers, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void prepare(void)
{
    forks_are_noticed = pthread_atfork(NULL, NULL, begin_generation) == 0;
}

static bool has_its_threads(const team *t)
{
    return t->generation == atomic_load_explicit(&generation, memory_order_relaxed);
}

team *team_new(memory *m, int threads, bool modest)
{
    team *t = memory_new(m, 1, sizeof(team) + (size_t)threads * sizeof(seat));
    if (!t) return NULL;
    t->memory = m;
    t->threads = threads;
    t->modest = modest;
    return t;
}

int team_size(const team *t)
{
    return t->threads;
}

/* ---- waiting ---- */

static int64_t clock_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* yield is nothing on most */
#endif
}

/* Looks for `limit` nanoseconds, or a little longer, whether the subject is ready. */
static bool spin(bool (*ready)(const void *), const void *subject, int64_t limit)
{
    int64_t start = -1, time;
    do {
        for (int look = 0; look < LOOKS; look++) {
            if (ready(subject)) return true;
            relax();
        }
        time = clock_now();
        if (start < 0) start = time;
    } while (time - start < limit);
    return false;
}

static int processors(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* ---- taking tasks ---- */

static uint64_t range_of(uint64_t first, uint64_t end)
{
    return end << 32 | first;
}

static bool range_empty(uint64_t range)
{
    return (uint32_t)range == range >> 32;
}

/* Takes one task of a range, unless it is empty. */
static bool take(seat *from, bool own, int64_t *task)
{
    /* Relaxed, as nothing is concluded from what was read until the exchange confirms it. */
    uint64_t range = atomic_load_explicit(&from->range, memory_order_relaxed), rest;
    do {
        if (range_empty(range)) return false;
        *task = own ? (uint32_t)range : (int64_t)(range >> 32) - 1;
        rest = own ? range + 1 : range - range_of(0, 1);
        /* Acquire: meets the caller's release in deal(), directly or through others' exchanges, which carry it on. */
    } while (
        !atomic_compare_exchange_weak_explicit(&from->range, &range, rest, memory_order_acquire, memory_order_relaxed));
    return true;
}

/* Does tasks as long as there are any; tells how many. Within a run ranges only shrink, so one round is enough. */
static uint32_t work(team *t, int thread)
{
    uint32_t done = 0;
    for (int i = 0; i < t->threads; i++) {
        seat *from = &t->seats[(thread + i) % t->threads];
        for (int64_t task; take(from, i == 0, &task); done++) from->task(from->argument, from->base + task, thread);
    }
    return done;
}

/* ---- the workers ---- */

static bool is_called(const void *subject)
{
    const seat *own = subject;
    return !range_empty(atomic_load_explicit(&own->range, memory_order_relaxed)) ||
           atomic_load_explicit(&own->state.value, memory_order_relaxed) == DISMISSED;
}

/* Changes the state of one's own seat, unless the caller has just done so. Nothing but the state itself is handed over
   through it, so that relaxed order is enough everywhere. */
static void change_state(seat *own, uint32_t from, uint32_t to)
{
    atomic_compare_exchange_strong_explicit(&own->state.value, &from, to, memory_order_relaxed, memory_order_relaxed);
}

static void sleep_until_called(seat *own)
{
    change_state(own, AWAKE, ASLEEP);
    /* The first look may find tasks that were dealt in the meantime by a caller who still saw the thread awake. */
    while (!is_called(own) && atomic_load_explicit(&own->state.value, memory_order_relaxed) == ASLEEP)
        bell_wait(&own->state, ASLEEP);
    change_state(own, ASLEEP, AWAKE);
}

static void report(team *t, uint32_t done)
{
    /* Release: what the tasks wrote, to the caller, who acquires in wait_for_others(); reports that come later in
       between carry it on. The seats too may be written anew only after this. */
    uint32_t before = atomic_fetch_sub_explicit(&t->pending.value, done * ONE_TASK, memory_order_release);
    if (before - done * ONE_TASK == CALLER_SLEEPS) bell_ring(&t->pending);
}

static void *serve(void *argument)
{
    seat *own = argument;
    team *t = own->team;
    int64_t patience = t->longest_spin;
    while (atomic_load_explicit(&own->state.value, memory_order_relaxed) != DISMISSED) {
        int64_t start = clock_now();
        bool slept = !spin(is_called, own, patience);
        if (slept) sleep_until_called(own);
        bool soon = slept && clock_now() - start < t->longest_spin;
        uint32_t done = work(t, (int)(own - t->seats));
        if (done) report(t, done);
        /* Either a little more patience would have been enough, or all of it was in vain. */
        if (slept) patience = soon && done ? t->longest_spin : patience / 2;
    }
    return NULL;
}

/* Signals are for the program's own threads, save those that a thread brings upon itself, which POSIX leaves undefined
   where they are blocked. */
static void block_signals(sigset_t *before)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    sigdelset(&set, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &set, before);
}

static void prepare_seats(team *t)
{
    pthread_once(&prepared, prepare);
    t->generation = atomic_load_explicit(&generation, memory_order_relaxed);
    t->longest_spin = processors() < t->threads ? 0 : LONGEST_SPIN;
    t->most_helpers = t->modest ? processors() - 1 : INT_MAX;
    t->running = 1;
    bell_init(&t->pending);
    for (int i = 0; i < t->threads; i++) {
        seat *s = &t->seats[i];
        atomic_store_explicit(&s->range, 0, memory_order_relaxed);
        bell_init(&s->state);
        s->team = t;
    }
}

/* Counts one more helper, if there may be one. */
static bool enlist(const team *t)
{
    if (atomic_fetch_add_explicit(&helpers, 1, memory_order_relaxed) < t->most_helpers) return true;
    atomic_fetch_sub_explicit(&helpers, 1, memory_order_relaxed);
    return false;
}

/* Starts those that are missing. Where the system refuses, no more are asked for. */
static void start_threads(team *t)
{
    sigset_t before;
    block_signals(&before);
    while (forks_are_noticed && t->running < t->threads && enlist(t)) {
        seat *s = &t->seats[t->running];
        if (pthread_create(&s->thread, NULL, serve, s) != 0) {
            atomic_fetch_sub_explicit(&helpers, 1, memory_order_relaxed);
            t->most_helpers = 0;
            break;
        }
        t->running++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Changes the state of a thread, and wakes it if it sleeps. */
static void call(seat *s, uint32_t state)
{
    if (atomic_exchange_explicit(&s->state.value, state, memory_order_relaxed) == ASLEEP) bell_ring(&s->state);
}

void team_free(team *t)
{
    if (!t) return;
    if (has_its_threads(t)) {
        for (int i = 1; i < t->running; i++) call(&t->seats[i], DISMISSED);
        for (int i = 1; i < t->running; i++) pthread_join(t->seats[i].thread, NULL);
        atomic_fetch_sub_explicit(&helpers, t->running - 1, memory_order_relaxed);
        for (int i = 0; i < t->threads; i++) bell_end(&t->seats[i].state);
        bell_end(&t->pending);
    }
    memory_release(t->memory, t);
}

/* ---- the caller ---- */

/* Deals tasks 0 to count - 1 to the first `threads` seats. The very first is the caller's own, and taken already. */
static void deal(team *t, team_task task, void *argument, int64_t base, int64_t count, int threads)
{
    /* Relaxed: who reports has taken a task before, and so has acquired what is released below. */
    atomic_store_explicit(&t->pending.value, (uint32_t)count * ONE_TASK, memory_order_relaxed);
    for (int i = threads - 1; i >= 0; i--) {
        seat *s = &t->seats[i];
        s->task = task;
        s->argument = argument;
        s->base = base;
        uint64_t first = (uint64_t)(i * count / threads), end = (uint64_t)((i + 1) * count / threads);
        /* Release: the lines above and all that the caller wrote before the run, to those who take. */
        atomic_store_explicit(&s->range, range_of(i == 0 ? first + 1 : first, end), memory_order_release);
    }
}

static bool all_reported(const void *subject)
{
    const team *t = subject;
    return atomic_load_explicit(&t->pending.value, memory_order_acquire) == 0;
}

/* Waits for the tasks that others have taken; `done` are the caller's own. */
static void wait_for_others(team *t, uint32_t done)
{
    /* Acquire, here and below: what the tasks wrote. */
    if (atomic_fetch_sub_explicit(&t->pending.value, done * ONE_TASK, memory_order_acquire) == done * ONE_TASK) return;
    if (spin(all_reported, t, t->longest_spin)) return;
    uint32_t pending = atomic_fetch_or_explicit(&t->pending.value, CALLER_SLEEPS, memory_order_acquire) | CALLER_SLEEPS;
    while (pending != CALLER_SLEEPS) {
        bell_wait(&t->pending, pending);
        pending = atomic_load_explicit(&t->pending.value, memory_order_acquire);
    }
}

static void run_portion(team *t, team_task task, void *argument, int64_t base, int64_t count)
{
    int threads = count < t->running ? (int)count : t->running;
    deal(t, task, argument, base, count, threads);
    for (int i = 1; i < threads; i++)
        if (atomic_load_explicit(&t->seats[i].state.value, memory_order_relaxed) == ASLEEP) call(&t->seats[i], AWAKE);
    task(argument, base, 0);
    wait_for_others(t, 1 + work(t, 0));
}

/* Has the threads at hand that there may be. */
static void gather_threads(team *t)
{
    if (!has_its_threads(t)) prepare_seats(t);
    if (t->running < t->threads && atomic_load_explicit(&helpers, memory_order_relaxed) < t->most_helpers)
        start_threads(t);
}

/* Takes the team for the caller. In the child of a fork nobody has it, whatever the parent did. */
static bool take_team(team *t)
{
    unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
    unsigned seen = atomic_load_explicit(&t->busy, memory_order_relaxed);
    /* Acquire: what the last user wrote to the seats. */
    return seen != now &&
           atomic_compare_exchange_strong_explicit(&t->busy, &seen, now, memory_order_acquire, memory_order_relaxed);
}

void team_run(team *t, team_task task, void *argument, int64_t tasks)
{
    bool taken = tasks > 1 && t && t->threads > 1 && take_team(t);
    if (taken) gather_threads(t);
    if (taken && t->running > 1) {
        for (int64_t base = 0; base < tasks; base += TEAM_TASKS)
            run_portion(t, task, argument, base, tasks - base < TEAM_TASKS ? tasks - base : TEAM_TASKS);
    } else {
        for (int64_t i = 0; i < tasks; i++) task(argument, i, 0);
    }
    if (taken) atomic_store_explicit(&t->busy, 0, memory_order_release);
}

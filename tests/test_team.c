/* A team does every task once, whoever is late, and survives forks. */
#define _GNU_SOURCE /* pthread_setattr_default_np */
#include "tests/harness.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/team.h"

enum { SIZES = 5, LARGEST = 7, MANY = 1000 };
static const int sizes[SIZES] = {1, 2, 3, 4, LARGEST};

/* ---- every task once ---- */

/* One run: over once team_run has returned. Nothing in it is atomic, so that the thread sanitizer sees what is not
   handed over. */
typedef struct {
    int64_t tasks;
    bool over;
    uint8_t times[MANY];
    struct {
        _Alignas(64) int64_t done;
    } threads[LARGEST]; /* each is used by one thread at a time */
} run;

static void count(void *argument, int64_t task, int thread)
{
    run *r = argument;
    r->times[task] = (uint8_t)(r->times[task] + (r->over ? 100 : 1));
    r->threads[thread].done++;
}

/* Whether a run of so many tasks, at a place where another was before, goes well. */
static bool runs_well(team *t, run *r, int64_t tasks)
{
    memset(r, 0, sizeof *r);
    r->tasks = tasks;
    team_run(t, count, r, tasks);
    r->over = true;
    int64_t done = 0;
    for (int i = 0; i < team_size(t); i++) done += r->threads[i].done;
    bool fine = done == tasks;
    for (int64_t i = 0; i < tasks; i++) fine = fine && r->times[i] == 1;
    return fine;
}

/* Many runs of all sizes, with two arguments in turn; tells how many went wrong. */
static int run_often(team *t, int times)
{
    static const int64_t tasks[] = {0, 1, 2, 5, 64, 2, 3, 5};
    run runs[2];
    int wrong = 0;
    for (int i = 0; i < times; i++) wrong += !runs_well(t, &runs[i % 2], tasks[i % 8]);
    wrong += !runs_well(t, &runs[0], MANY);
    return wrong;
}

Test(team, every_task_once)
{
    memory m;
    memory_init(&m, NULL, 0);
    for (int i = 0; i < SIZES; i++) {
        team *t = team_new(&m, sizes[i], false);
        cr_assert_not_null(t);
        cr_expect_eq(team_size(t), sizes[i]);
        for (int round = 0; round < 20; round++) cr_expect_eq(run_often(t, 300), 0, "%d threads", sizes[i]);
        team_free(t);
    }
    team_free(NULL);
    memory_trim(&m);
    cr_expect_eq(m.bytes, 0);
}

static void nothing(void *argument, int64_t task, int thread)
{
    (void)argument;
    (void)task;
    (void)thread;
}

static void mark(void *argument, int64_t task, int thread)
{
    uint8_t *times = argument;
    (void)thread;
    times[task]++;
}

/* More than one portion. */
Test(team, very_many_tasks)
{
    enum { TASKS = TEAM_TASKS + 5 };
    static uint8_t times[TASKS];
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 3, false);
    team_run(t, mark, times, TASKS);
    int64_t wrong = 0;
    for (int64_t i = 0; i < TASKS; i++) wrong += times[i] != 1;
    cr_expect_eq(wrong, 0);
    team_free(t);
    memory_trim(&m);
}

/* ---- who does them ---- */

typedef struct {
    atomic_int left;
    int first[2]; /* the threads that did tasks 0 and 1 */
} meeting;

/* The first task waits, though not for ever, until others have done the rest. */
static void meet(void *argument, int64_t task, int thread)
{
    meeting *m = argument;
    if (task < 2) m->first[task] = thread;
    if (task > 0) atomic_fetch_sub(&m->left, 1);
    for (int i = 0; task == 0 && i < 10000 && atomic_load(&m->left) > 0; i++) sched_yield();
}

/* All but one task can be another's; now and then they must be. */
Test(team, threads_take_what_is_left)
{
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 2, false);
    bool left = true;
    for (int i = 0; i < 1000 && left; i++) {
        meeting all = {.left = 9};
        team_run(t, meet, &all, 10);
        left = all.first[0] == all.first[1];
    }
    cr_expect_not(left);
    team_free(t);
    memory_trim(&m);
}

/* What one run writes the next reads, on whatever thread. */
typedef struct {
    int64_t from[64], to[64];
} waves;

static void spread(void *argument, int64_t task, int thread)
{
    waves *w = argument;
    (void)thread;
    w->to[task] = (w->from[(task + 63) % 64] + 2 * w->from[(task + 1) % 64]) % 1000003;
}

Test(team, runs_see_what_others_wrote)
{
    memory m;
    memory_init(&m, NULL, 0);
    team *alone = team_new(&m, 1, false), *three = team_new(&m, 3, false);
    waves a = {.from = {1}}, b = a;
    for (int i = 0; i < 3000; i++) {
        team_run(alone, spread, &a, 64);
        team_run(three, spread, &b, 64);
        memcpy(a.from, a.to, sizeof a.from);
        memcpy(b.from, b.to, sizeof b.from);
    }
    cr_expect_eq(memcmp(a.from, b.from, sizeof a.from), 0);
    team_free(alone);
    team_free(three);
    memory_trim(&m);
}

/* ---- the threads themselves ---- */

/* Of the process; -1 where nobody knows. */
static int threads_there(void)
{
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    int found = 0;
    for (struct dirent *entry; (entry = readdir(folder));) found += entry->d_name[0] != '.';
    closedir(folder);
    return found;
}

Test(team, threads_start_when_needed)
{
    memory m;
    memory_init(&m, NULL, 0);
    int before = threads_there(), wrong = 0;
    if (before < 0) return;
    team *t = team_new(&m, 4, false);
    team_run(t, nothing, NULL, 0);
    team_run(t, nothing, NULL, 1);
    cr_expect_eq(threads_there(), before);
    for (int i = 0; i < 100; i++) {
        team_run(t, nothing, NULL, 2 + i);
        wrong += threads_there() != before + 3;
    }
    cr_expect_eq(wrong, 0);
    team_free(t);
    for (int i = 0; i < 1000 && threads_there() > before; i++)
        usleep(1000); /* a joined thread may be listed for a moment */
    cr_expect_eq(threads_there(), before);
    t = team_new(&m, 4, false); /* never started */
    team_free(t);
    memory_trim(&m);
}

/* ---- several teams, several callers ---- */

/* Together they have as many threads as there are processors, and the second has its turn when the first is gone. */
Test(team, modest_ones_leave_processors_to_others)
{
    memory m;
    memory_init(&m, NULL, 0);
    int processors = (int)sysconf(_SC_NPROCESSORS_ONLN), before = threads_there();
    team *first = team_new(&m, processors, true), *second = team_new(&m, processors, true);
    cr_expect_eq(run_often(first, 20), 0);
    cr_expect_eq(run_often(second, 20), 0);
    if (before) cr_expect_leq(threads_there() - before, processors - 1);
    team_free(first);
    for (int i = 0; i < 1000 && threads_there() > before; i++) usleep(1000);
    cr_expect_eq(run_often(second, 20), 0);
    if (before && LARGEST >= processors) cr_expect_eq(threads_there() - before, processors - 1);
    team_free(second);
    memory_trim(&m);
}

typedef struct {
    team *team;
    int wrong;
} caller;

static void *call_often(void *argument)
{
    caller *c = argument;
    c->wrong = run_often(c->team, 2000);
    return NULL;
}

/* Whoever finds the team at work goes on alone. */
Test(team, serves_several_callers)
{
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 3, false);
    caller callers[3] = {{.team = t}, {.team = t}, {.team = t}};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) cr_assert_eq(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(callers[i].wrong, 0);
    }
    team_free(t);
    memory_trim(&m);
}

typedef struct {
    team *team;
    int64_t inner[8];
} nested;

static void count_inner(void *argument, int64_t task, int thread)
{
    (void)thread;
    ((int64_t *)argument)[0] += task;
}

static void run_inner(void *argument, int64_t task, int thread)
{
    nested *n = argument;
    (void)thread;
    team_run(n->team, count_inner, &n->inner[task], 5);
}

Test(team, tasks_that_call_it_go_on_alone)
{
    memory m;
    memory_init(&m, NULL, 0);
    nested n = {.team = team_new(&m, 3, false)};
    team_run(n.team, run_inner, &n, 8);
    for (int i = 0; i < 8; i++) cr_expect_eq(n.inner[i], 10);
    team_free(n.team);
    memory_trim(&m);
}

#ifdef __GLIBC__
/* With stacks larger than the address space no thread can be started. */
Test(team, goes_on_without_threads)
{
    memory m;
    memory_init(&m, NULL, 0);
    pthread_attr_t usual, huge;
    cr_assert_eq(pthread_getattr_default_np(&usual), 0);
    cr_assert_eq(pthread_attr_init(&huge), 0);
    cr_assert_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 62), 0);
    cr_assert_eq(pthread_setattr_default_np(&huge), 0);
    int before = threads_there();
    team *t = team_new(&m, 3, false);
    cr_expect_eq(run_often(t, 100), 0);
    cr_expect_eq(threads_there(), before);
    cr_assert_eq(pthread_setattr_default_np(&usual), 0);
    cr_expect_eq(run_often(t, 100), 0);
    team_free(t);
    pthread_attr_destroy(&usual);
    pthread_attr_destroy(&huge);
    memory_trim(&m);
}
#endif

static _Thread_local bool is_worker;
static _Atomic int handled, handled_by_workers, not_blocked, blocked;

static void handle(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
    atomic_fetch_add(&handled_by_workers, is_worker);
}

static void look_at_signals(void *argument, int64_t task, int thread)
{
    (void)argument;
    (void)task;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    is_worker = thread > 0;
    if (is_worker) atomic_fetch_add(&not_blocked, !sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGSEGV));
    if (!is_worker) atomic_fetch_add(&blocked, sigismember(&mask, SIGUSR1) == 1);
    for (int i = 0; i < 10; i++) sched_yield(); /* until others have come */
}

/* A signal to the process that its own thread blocks stays pending, though workers were started before. */
Test(team, signals_are_not_for_workers)
{
    memory m;
    memory_init(&m, NULL, 0);
    struct sigaction action = {.sa_handler = handle}, before;
    cr_assert_eq(sigaction(SIGUSR1, &action, &before), 0);
    team *t = team_new(&m, 3, false);
    for (int i = 0; i < 20; i++) team_run(t, look_at_signals, NULL, 30);
    cr_expect_eq(blocked, 0);
    cr_expect_eq(not_blocked, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 20; i++) team_run(t, look_at_signals, NULL, 30);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    for (int i = 0; i < 1000 && handled == 0; i++) usleep(1000); /* sanitizers deliver late */
    cr_expect_eq(handled, 1);
    cr_expect_eq(handled_by_workers, 0);
    team_free(t);
    sigaction(SIGUSR1, &before, NULL);
    memory_trim(&m);
}

/* ---- not alone ---- */

static atomic_bool stop;

static void *run_some(void *wrong)
{
    memory m;
    memory_init(&m, NULL, 0);
    for (int i = 0; i < 10; i++) {
        team *t = team_new(&m, 2 + i % 2, false);
        *(int *)wrong += run_often(t, 100);
        team_free(t);
    }
    memory_trim(&m);
    return NULL;
}

Test(team, several_at_once)
{
    enum { TEAMS = 3 };
    pthread_t threads[TEAMS];
    int wrong[TEAMS] = {0};
    for (int i = 0; i < TEAMS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, run_some, &wrong[i]), 0);
    for (int i = 0; i < TEAMS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < TEAMS; i++) cr_expect_eq(wrong[i], 0);
}

static void *spin(void *unused)
{
    (void)unused;
    for (int i = 0; !atomic_load(&stop); i++)
        if (i % 100000 == 0) sched_yield(); /* valgrind runs one thread at a time */
    return NULL;
}

Test(team, beside_busy_neighbours)
{
    enum { NEIGHBOURS = 3 };
    pthread_t neighbours[NEIGHBOURS];
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 3, false);
    stop = false;
    for (int i = 0; i < NEIGHBOURS; i++) cr_assert_eq(pthread_create(&neighbours[i], NULL, spin, NULL), 0);
    cr_expect_eq(run_often(t, 300), 0);
    stop = true;
    for (int i = 0; i < NEIGHBOURS; i++) pthread_join(neighbours[i], NULL);
    team_free(t);
    memory_trim(&m);
}

/* ---- forks ---- */

/* The thread sanitizer starts no threads in the child of a process with several. The address sanitizer of GCC 12 leaves
   its allocator locked there, if another thread was starting or ending at the time of the fork. */
#if !defined __SANITIZE_THREAD__ && !defined __SANITIZE_ADDRESS__

static int exit_status(pid_t process)
{
    int status = -1;
    return waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a new process that may use the team, and may fork again, then frees it; its id. */
static pid_t use_in_child(memory *m, team *t, bool use, bool fork_on)
{
    fflush(NULL);
    pid_t process = fork();
    if (process != 0) return process;
    alarm(60); /* rather than a child that hangs */
    int before = threads_there(), wrong = use ? run_often(t, 20) : 0;
    if (use && before > 0) wrong += threads_there() != before + team_size(t) - 1; /* new ones */
    if (fork_on) wrong += exit_status(use_in_child(m, t, use, false)) != 7;
    team_free(t);
    memory_trim(m);
    _exit(wrong == 0 && m->bytes == 0 ? 7 : 1);
}

/* Parent, child and grandchild go on with a team that was used; or the latter free it unused. */
Test(team, fork_between_runs)
{
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 3, false);
    for (int i = 0; i < 12; i++) {
        cr_expect_eq(run_often(t, 10), 0);
        pid_t process = use_in_child(&m, t, i % 2 == 0, i % 3 == 0);
        cr_expect_eq(run_often(t, 10), 0);
        cr_expect_eq(exit_status(process), 7);
    }
    team_free(t);
    memory_trim(&m);
}

static void *keep_running(void *argument)
{
    caller *c = argument;
    while (!atomic_load(&stop)) c->wrong += run_often(c->team, 10);
    return NULL;
}

/* The child inherits whatever the other thread's team was doing. */
Test(team, fork_while_another_runs)
{
    memory m;
    memory_init(&m, NULL, 0);
    caller other = {.team = team_new(&m, 2, false)};
    pthread_t thread;
    int good = 0;
    stop = false;
    cr_assert_eq(pthread_create(&thread, NULL, keep_running, &other), 0);
    for (int i = 0; i < 20; i++) {
        memory own;
        memory_init(&own, NULL, 0);
        team *t = team_new(&own, 3, false);
        good += exit_status(use_in_child(&own, t, true, i % 2 == 0)) == 7;
        team_free(t);
        memory_trim(&own);
    }
    stop = true;
    pthread_join(thread, NULL);
    cr_expect_eq(good, 20);
    cr_expect_eq(other.wrong, 0);
    team_free(other.team);
    memory_trim(&m);
}

#endif

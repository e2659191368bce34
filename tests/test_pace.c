/* With all threads or alone: the decision is fed with made-up times; then plans and teams obey it. */
#include "tests/harness.h"

#include <dirent.h>

#include "base/team.h"
#include "engine/limits.h"
#include "engine/pace.h"
#include "engine/state.h"
#include "tests/planned.h"

/* ---- made-up machines ---- */

/* What a run takes, that way, at that time. */
typedef double (*machine)(int way, double now, uint64_t *chance);

typedef struct {
    pace pace;
    double now;
    uint64_t chance;
    double spent, best; /* seconds; if each run had gone the faster way */
    double alone;       /* share of the runs */
    int runs, since;    /* all; since the last change of way */
} history;

static double random_unit(uint64_t *chance)
{
    return (double)(scratch_random(chance) >> 40) * 0x1p-24;
}

/* Runs for some seconds of the machine's time. */
static void run_for(history *h, machine m, double seconds)
{
    double end = h->now + seconds, runs = 0;
    h->spent = h->best = h->alone = 0;
    for (; h->now < end; runs++) {
        uint64_t before = h->chance;
        double took[2];
        for (int way = 0; way < 2; way++) {
            h->chance = before;
            took[way] = m(way, h->now, &h->chance);
        }
        bool alone = pace_alone(&h->pace);
        if (h->since++ < 2) took[alone] += 0.3e-3;           /* caches are cold */
        if (h->runs++ < 10 && !alone) took[alone] += 0.3e-3; /* threads have just been started */
        pace_note(&h->pace, took[alone]);
        if (pace_alone(&h->pace) != alone) h->since = 0;
        h->now += took[alone];
        h->spent += took[alone];
        h->best += took[0] < took[1] ? took[0] : took[1];
        h->alone += alone;
    }
    h->alone /= runs;
}

static double noise(uint64_t *chance)
{
    return 1 + 0.06 * random_unit(chance);
}

/* A machine that takes so many seconds either way, all the time. */
#define STEADY(name, all, alone)                                    \
    static double name(int way, double now, uint64_t *chance)       \
    {                                                               \
        (void)now;                                                  \
        return (way == PACE_ALL ? (all) : (alone)) * noise(chance); \
    }

STEADY(near_cores, 0.24e-3, 0.38e-3)
STEADY(far_cores, 0.45e-3, 0.38e-3)
STEADY(long_near, 5.7e-3, 7.8e-3)
STEADY(long_far, 9.4e-3, 7.8e-3)
STEADY(equal_ways, 1e-3, 1e-3)
STEADY(many_threads, 1e-3, 15e-3)
STEADY(longest, 0.2, 0.1)

/* Another program has one of the cores now and then. */
static double busy_neighbour(int way, double now, uint64_t *chance)
{
    double took = near_cores(way, now, chance);
    bool waits = random_unit(chance) < 0.1;
    return way == PACE_ALL && waits ? took + 4e-3 : took;
}

/* Something else on this machine wants a core every 50 ms or so, and takes it from either. */
static double rare_neighbour(int way, double now, uint64_t *chance)
{
    double took = near_cores(way, now, chance);
    return random_unit(chance) < 0.005 ? took + 4e-3 : took;
}

/* The first runs meet memory that nobody has touched. */
static double new_memory(int way, double now, uint64_t *chance)
{
    return (way == PACE_ALL ? 2.7e-3 : 5e-3) * noise(chance) + (now < 40e-3 ? 8e-3 : 0);
}

/* ---- the decision ---- */

static history begin(uint64_t seed)
{
    return (history){.chance = seed * 2654435761u + 88172645463325252u};
}

Test(pace, begins_with_all_threads)
{
    pace p = {0};
    for (int run = 0; run < 4; run++) {
        cr_expect_not(pace_alone(&p));
        pace_note(&p, 1);
    }
}

/* At most so much is lost against the faster way, in the long run. */
static void expect_loss(machine m, double most, bool alone, const char *what)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = begin(seed);
        run_for(&h, m, 0.5);
        run_for(&h, m, 10);
        cr_expect_leq(h.spent, (1 + most) * h.best, "%s: %.1f %% lost", what, 100 * (h.spent / h.best - 1));
        cr_expect(alone ? h.alone > 0.8 : h.alone < 0.2, "%s: %.0f %% alone", what, 100 * h.alone);
    }
}

Test(pace, uses_the_faster_way_and_tries_the_other_at_little_cost)
{
    expect_loss(near_cores, 0.015, false, "near");
    expect_loss(far_cores, 0.015, true, "far");
    expect_loss(long_near, 0.015, false, "long steps, near");
    expect_loss(long_far, 0.015, true, "long steps, far");
    expect_loss(many_threads, 0.025, false, "many threads");
    expect_loss(rare_neighbour, 0.05, false, "a neighbour that either way feels");
}

Test(pace, soon_forgets_a_cold_start)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = begin(seed);
        run_for(&h, new_memory, 0.15);
        run_for(&h, new_memory, 0.3);
        cr_expect_lt(h.alone, 0.1, "%.0f %% alone", 100 * h.alone);
    }
}

Test(pace, does_without_threads_that_are_kept_waiting)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = begin(seed);
        run_for(&h, busy_neighbour, 1);
        run_for(&h, busy_neighbour, 10);
        cr_expect_gt(h.alone, 0.9, "%.0f %% alone", 100 * h.alone);
    }
}

Test(pace, tries_little_where_nothing_is_to_be_gained)
{
    history h = begin(1);
    int changes = 0;
    for (int run = 0; run < 10000; run++) {
        bool before = pace_alone(&h.pace);
        pace_note(&h.pace, equal_ways(before, 0, &h.chance));
        changes += pace_alone(&h.pace) != before;
    }
    cr_expect_lt(changes, 200, "%d changes", changes);
}

/* Seconds until nine of ten runs go the right way. */
static double reaction(history *h, machine m, bool alone)
{
    double since = h->now;
    do run_for(h, m, 0.02);
    while ((alone ? h->alone < 0.9 : h->alone > 0.1) && h->now < since + 100);
    return h->now - since;
}

Test(pace, follows_a_machine_that_changes)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = begin(seed), slow = h;
        run_for(&h, near_cores, 2);
        run_for(&slow, long_near, 2);
        for (int round = 0; round < 5; round++) {
            cr_expect_lt(reaction(&h, far_cores, true), 0.2, "to far");
            run_for(&h, far_cores, 2);
            cr_expect_lt(reaction(&h, near_cores, false), 0.3, "to near");
            run_for(&h, near_cores, 2);
            cr_expect_lt(reaction(&slow, long_far, true), 0.2, "long steps, to far");
            run_for(&slow, long_far, 2);
            cr_expect_lt(reaction(&slow, long_near, false), 1, "long steps, to near");
            run_for(&slow, long_near, 2);
        }
    }
}

/* The first runs of a program find cold caches and threads that have just been started. */
Test(pace, a_slow_beginning_is_forgotten)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = begin(seed);
        run_for(&h, near_cores, 0.2);
        cr_expect_lt(h.alone, 0.1, "%.0f %% alone", 100 * h.alone);
    }
}

Test(pace, leaves_long_steps_alone)
{
    history h = begin(1);
    run_for(&h, longest, 60);
    cr_expect_eq(h.alone, 0);
}

/* ---- who obeys it ---- */

/* Threads of this process; 0 where that is not known. */
static int threads_now(void)
{
    int count = 0;
    DIR *all = opendir("/proc/self/task");
    if (!all) return 0;
    for (const struct dirent *one; (one = readdir(all));) count += one->d_name[0] != '.';
    closedir(all);
    return count;
}

static void note_thread(void *argument, int64_t task, int thread)
{
    int *threads = argument;
    threads[task] = thread + 1;
}

Test(pace, without_a_team_the_caller_does_all)
{
    memory m;
    memory_init(&m, NULL, 0);
    team *t = team_new(&m, 3, false);
    int before = threads_now();
    for (int round = 0; round < 20; round++) {
        int threads[500] = {0};
        team_run(round % 2 ? t : NULL, note_thread, threads, 500);
        if (before) cr_expect_eq(threads_now() - before, round ? 2 : 0);
        for (int i = 0; i < 500; i++) cr_expect(round % 2 ? threads[i] > 0 : threads[i] == 1);
    }
    team_free(t);
    memory_trim(&m);
}

static wg_tensor work(wg_context *ctx, double *value)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(200, 300), 1), y = wg_sum(wg_exp(wg_transpose(x)), WG_ALL);
    if (value) *value = wg_item(y);
    return y;
}

/* A plan that goes alone starts no thread. */
Test(pace, plans_obey_it)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.threads = 3});
    planned p = planned_build(WG_LIST(work(ctx, NULL)));
    cr_assert_not_null(state_of(ctx));
    plan *made = state_plan(ctx, &p.built, p.scalar);
    bump_free(&p.memory);
    wg_clear(ctx);
    cr_assert(made && made->shared);
    int before = threads_now();
    double value[3];
    for (int round = 0; round < 3; round++) {
        made->pace = (pace){.used = PACE_ALONE, .trying = round == 1};
        plan_always_shares = round == 2;
        work(ctx, &value[round]);
        wg_clear(ctx);
        if (before) cr_expect_eq(threads_now() - before, round ? 2 : 0);
        cr_expect_eq(value[round], value[0]);
        cr_expect_eq(made->pace.warm > 0, round < 2, "only what was decided is noted");
    }
    plan_always_shares = false;
    cr_expect_eq(ctx->plans.misses, 1);
    scratch_close(ctx);
}

/* What one thread does is no concern of it. */
Test(pace, plans_without_shared_work_are_not_timed)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.threads = 3});
    cr_expect_gt(wg_item(wg_sum(wg_exp(random_leaf(ctx, WG_SHAPE(20, 30), 1)), WG_ALL)), 0);
    const engine_state *s = state_of(ctx);
    cr_assert_eq(s->count, 1);
    cr_expect_not(s->plans[0]->shared);
    cr_expect_eq(s->plans[0]->pace.warm, 0);
    scratch_close(ctx);
}

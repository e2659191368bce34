/* The mean of the last runs counts, not the least: what a busy machine costs lies in the few that take long. The other
   way is tried as soon as the one in use has become slower than the other was, and else when the time that this may
   cost has been saved up. A trial ends when it is seen to be worse, so that it mostly takes a few runs. */
#include "engine/pace.h"

static const double MEMORY = 20e-3;  /* seconds of runs that a mean looks back */
static const double GLANCE = 1e-3;   /* of runs that warm caches, and of those that tell whether a trial is hopeless */
static const double LONGEST = 50e-3; /* of a run: beyond, a trial would be felt, and threads always pay */
static const double SHARE = 0.01;    /* of the time that may go into trials */
static const double FEE = 0.05;      /* of its time that a trial costs beside what it loses */
static const double OUTLIER = 8;     /* no run of a trial costs more than so many others */
static const double WORSE = 1.05, HOPELESS = 1.1, BETTER = 0.98;

enum { FEWEST_RUNS = 4 };

bool pace_alone(const pace *p)
{
    return (p->used == PACE_ALONE) != p->trying;
}

static double most_runs(const pace_way *w)
{
    double most = MEMORY / w->mean;
    return most > FEWEST_RUNS ? most : FEWEST_RUNS;
}

static void note_run(pace_way *w, double seconds)
{
    w->runs++;
    w->mean += (seconds - w->mean) / w->runs;
    if (w->runs > most_runs(w)) w->runs = most_runs(w);
}

static bool worth_a_trial(const pace *p)
{
    const pace_way *used = &p->way[p->used], *other = &p->way[!p->used];
    if (p->used == PACE_ALL && used->mean > LONGEST) return false;
    if (used->runs < (other->runs > 0 ? FEWEST_RUNS : most_runs(used))) return false; /* the very first are slow */
    return p->spare >= 0 || (other->runs > 0 && used->mean > WORSE * other->mean);
}

static void turn(pace *p, bool trying)
{
    p->trying = trying;
    p->warm = 0;
    if (trying) p->way[!p->used] = (pace_way){0};
}

static void pay_for_trial(pace *p, double seconds)
{
    double usual = p->way[p->used].mean, lost = seconds > usual ? seconds - usual : 0;
    p->spare -= (lost < OUTLIER * usual ? lost : OUTLIER * usual) + FEE * seconds;
}

static void judge_trial(pace *p)
{
    const pace_way *used = &p->way[p->used], *tried = &p->way[!p->used];
    bool hopeless = tried->runs * tried->mean >= GLANCE && tried->mean > HOPELESS * used->mean;
    if (!hopeless && tried->runs < most_runs(tried)) return;
    if (tried->mean > BETTER * used->mean) {
        turn(p, false);
        return;
    }
    p->used = !p->used;
    p->trying = false;
    p->spare = 0; /* what is known of the other way may be of worse times: it is tried again soon */
}

void pace_note(pace *p, double seconds)
{
    if (!(seconds > 0)) return;
    if (p->trying)
        pay_for_trial(p, seconds);
    else
        p->spare = p->spare + SHARE * seconds < 0 ? p->spare + SHARE * seconds : 0;
    if (p->warm < GLANCE) {
        p->warm += seconds;
        return;
    }
    note_run(&p->way[p->used ^ p->trying], seconds);
    if (p->trying)
        judge_trial(p);
    else if (worth_a_trial(p))
        turn(p, true);
}

/* Whether a plan runs faster with all threads or by the caller alone: found out while it runs again and again. Two
   cores may share a cache now and be far apart the next second, and another program may want one of them. */
#ifndef ENGINE_PACE_H
#define ENGINE_PACE_H

#include <stdbool.h>

enum { PACE_ALL, PACE_ALONE, PACE_WAYS };

/* How long a run takes, one way. */
typedef struct pace_way {
    double mean; /* seconds, of the last runs; 0: not known */
    double runs; /* that it is the mean of */
} pace_way;

/* Zeros are right for a new plan. */
typedef struct pace {
    pace_way way[PACE_WAYS];
    double spare; /* seconds that may now be lost by trying the other way; below 0 after a trial */
    int used;     /* the faster way, as far as is known: of all threads at first */
    bool trying;  /* the next run goes the other way */
    double warm;  /* seconds of runs since the last change of way: the first ones find caches and threads cold */
} pace;

/* Whether the caller should do the next run alone. */
bool pace_alone(const pace *p);
/* Says how many seconds that run took. */
void pace_note(pace *p, double seconds);

#endif

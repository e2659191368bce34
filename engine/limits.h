/* How the work of a group is cut. */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum { TOTAL_BLOCK = 256 }; /* elements of a flat group that make one part of a total; tiles are multiples of it */

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Only tests change this, before there are plans: so that small graphs are cut, too. */
typedef struct plan_limits {
    int64_t chunk;       /* elements that one thread does at a time, at least; a multiple of TOTAL_BLOCK */
    int64_t chunk_work;  /* or, if that is less, this divided by the instructions */
    int64_t shared_work; /* elements times instructions from which other threads are asked */
} plan_limits;

extern plan_limits plan_limits_now;

/* Tests also set this, at any time: work is shared whether or not that is faster. */
extern bool plan_always_shares;

#endif

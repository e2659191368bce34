/* Windows over spatial axes, resolved from options and checked, for poolings of all kinds. */
#ifndef OPS_POOL_H
#define OPS_POOL_H

#include "ops/builder.h"

enum { POOL_AXES = 3 };

/* The windows along one axis. */
typedef struct pool_axis {
    int64_t size, stride, low, dilation, count; /* count: of windows */
} pool_axis;

/* Elements from the beginning of a window's first to the end of its last. */
static inline int64_t pool_reach(const pool_axis *axis)
{
    return (axis->size - 1) * axis->dilation + 1;
}

/* The windows of each spatial axis of x. False, and an error in somebody's name, if x has no spatial axes, if numbers
   are out of range, or if a window lies wholly in the padding. */
bool pool_windows(wg_tensor x, const char *who, const wg_pool_options *options, pool_axis windows[POOL_AXES]);
/* As wg_pool_index, for somebody. */
wg_tensor pool_places(wg_tensor x, const char *who, const wg_pool_options *options, bool smallest);

#endif

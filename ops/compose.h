/* What compositions share. Internal. */
#ifndef OPS_COMPOSE_H
#define OPS_COMPOSE_H

#include "ops/builder.h"

/* The square root of what is never negative. At 0 it has no derivative: 0 is taken, where keeping the infinity away
   from both branches. */
static inline wg_tensor root_of(wg_tensor squares)
{
    wg_tensor zero = wg_equal_scalar(squares, 0), one = wg_full_like(squares, 1);
    return wg_where(zero, wg_zeros_like(squares), wg_sqrt(wg_where(zero, one, squares)));
}

#endif

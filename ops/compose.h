/* What compositions share. Internal. */
#ifndef OPS_COMPOSE_H
#define OPS_COMPOSE_H

#include "graph/graph.h"
#include "graph/shape.h"

#include <wengert/ops.h>

/* Whether x is a tensor of floats; if not there is an error that begins with `who`. */
static inline bool want_float(wg_tensor x, const char *who)
{
    if (!graph_resolve(x, who)) return false;
    if (type_is_float(wg_type_of(x))) return true;
    graph_fail(x.context, WG_BAD_TYPE, "%s: works on floats, not %s", who, wg_type_name(wg_type_of(x)));
    graph_hint(x.context, "convert with wg_cast");
    return false;
}

/* The square root of what is never negative. At 0 it has no derivative: 0 is taken, where keeping the infinity away
   from both branches. */
static inline wg_tensor root_of(wg_tensor squares)
{
    wg_tensor zero = wg_equal_scalar(squares, 0), one = wg_full_like(squares, 1);
    return wg_where(zero, wg_zeros_like(squares), wg_sqrt(wg_where(zero, one, squares)));
}

#endif

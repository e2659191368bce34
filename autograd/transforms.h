/* Forward mode: a vector-Jacobian product with an unknown cotangent is linear in it, so its own vector-Jacobian product
   is the Jacobian times a tangent. */
#ifndef AUTOGRAD_TRANSFORMS_H
#define AUTOGRAD_TRANSFORMS_H

#include "autograd/reverse.h"

/* Vector-Jacobian products of node y by nodes xs, of which the cotangent is unknown. */
typedef struct forward_mode {
    wg_context *ctx;
    uint32_t y, unknown; /* the node that stands for the cotangent: no result may read it */
    size_t count;
    uint32_t *pulled; /* by each x */
    bool eager;       /* the option of the context, which is off meanwhile */
} forward_mode;

/* Records them; false after an error. Either way it is to be ended. */
bool forward_begin(forward_mode *f, wg_context *ctx, uint32_t y, const uint32_t *xs, size_t count);
/* Records the sum over xs of the Jacobian of y by x times a tangent; poison after an error. */
wg_tensor forward_push(const forward_mode *f, const uint32_t *tangents);
/* Ends it: checks that the results, which are nodes recorded since, do not read the unknown cotangent, and computes
   them in eager mode. False after an error. */
bool forward_end(forward_mode *f, const uint32_t *results, size_t count);

#endif

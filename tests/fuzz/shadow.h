/* Error bounds as graphs: beside each primitive y of a recipe stands a recorded tensor that says how far an element of
   y may be off when sums and products are computed in another order. */
#ifndef FUZZ_SHADOW_H
#define FUZZ_SHADOW_H

#include "tests/fuzz/machine.h"

/* A tensor and its bound. Of floats `error` has its type and shape: a distance, 0 where the element is exact, NaN or
   infinite where nothing is known. Of integers and bools it is a bool: true where nothing is known. */
typedef struct {
    wg_tensor x, error;
    bool exact; /* every element: `error` is WG_NONE */
} shadow;

static inline bool is_float(wg_tensor x)
{
    return wg_type_of(x) == WG_F32 || wg_type_of(x) == WG_F64;
}

/* Whether additions count as sums whose terms may come in another order: so gradients add up what several regions have
   given. */
extern bool shadow_reorders;

/* The bound of y, which is op applied to the operands in `in`. */
shadow shadow_of(const wg_op *op, wg_tensor y, const shadow *in, size_t count);

/* ---- what the rules share ---- */

shadow shadow_exact(wg_tensor y);
/* Nothing is known of any element. */
shadow shadow_unknown(wg_tensor y);
/* The bound as a tensor, zeros or falses if x is exact. */
wg_tensor shadow_error(const shadow *s);
/* Of floats: where x is not exact. */
wg_tensor shadow_touched(const shadow *s);
/* scale eps |y|, and a little more so that the sign of a zero counts as unknown. */
wg_tensor shadow_slack(wg_tensor y, double scale);
/* `error` where touched, else 0. */
wg_tensor shadow_where(wg_tensor touched, wg_tensor error);
wg_tensor shadow_xor(wg_tensor a, wg_tensor b);

/* The value of a scan's node as its steps one after the other make it, recorded; WG_NONE where that cannot be done. */
wg_tensor scan_written_out(wg_tensor y);

/* The rules of reductions and products, in shadow_sums.c; false: the op is none of them. */
bool shadow_sums(const wg_op *op, wg_tensor y, const shadow *in, shadow *out);
/* Those of linear algebra, in shadow_algebra.c; likewise. */
bool shadow_algebra(const wg_op *op, wg_tensor y, const shadow *in, size_t count, shadow *out);

#endif

/* All kernels of one float type: included by expand.h for each. */
#include "engine/kernels/lanes.h"
#include "ops/vector_math.h"

#include "engine/kernels/functions.h"
#include "engine/kernels/template.h"

#include "engine/kernels/reductions.h"

#undef T
#undef BITS
#undef SIGNED
#undef V
#undef U
#undef M
#undef m
#undef s
#undef LANES
#undef IS_F32
#undef INTRINSIC
#undef SLEEF
#undef MASKED
#undef MASKED_COMPARE
#undef MASK

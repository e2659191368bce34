/* All kernels of one float type: included by expand.h for each. */
#include "engine/kernels/lanes.h"
#include "ops/vector_math.h"

#include "engine/kernels/functions.h"
#include "engine/kernels/template.h"

#include "engine/kernels/reductions.h"

#ifdef IS_F32 /* for f64 they would fit as they are; they are left out for their size */
#include "engine/kernels/pairs.h"
#endif
#undef SUM_ALONG_ROWS
#undef WIDE
#undef WIDE_LANES

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
#undef SCALE
#undef NEAREST
#undef LOG_ENDS

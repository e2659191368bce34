/* Vectors of 16 bytes: SSE2, or whatever else a processor has. */
#define SET kernels_sse2
#define SET_NAME "sse2"
#define BYTES 16
#ifdef __x86_64__
#define F32_INTRINSIC(name) _mm_##name##_ps
#define F64_INTRINSIC(name) _mm_##name##_pd
#define F32_SLEEF(name) Sleef_cinz_##name##f4_u10sse2
#define F64_SLEEF(name) Sleef_cinz_##name##d2_u10sse2
#endif
#include "engine/kernels/expand.h"

/* Vectors of 32 bytes: AVX2. */
#define SET kernels_avx2
#define SET_NAME "avx2"
#define BYTES 32
#define F32_INTRINSIC(name) _mm256_##name##_ps
#define F64_INTRINSIC(name) _mm256_##name##_pd
#define F32_SLEEF(name) Sleef_cinz_##name##f8_u10avx
#define F64_SLEEF(name) Sleef_cinz_##name##d4_u10avx
#include "engine/kernels/expand.h"

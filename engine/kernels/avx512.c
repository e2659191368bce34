/* Vectors of 64 bytes: AVX-512 with its byte, word and quadword instructions. */
#define SET kernels_avx512
#define SET_NAME "avx512"
#define BYTES 64
#define F32_INTRINSIC(name) _mm512_##name##_ps
#define F64_INTRINSIC(name) _mm512_##name##_pd
#define F32_SLEEF(name) Sleef_cinz_##name##f16_u10avx512fnofma
#define F64_SLEEF(name) Sleef_cinz_##name##d8_u10avx512fnofma
#define F32_MASKED F32_INTRINSIC
#define F64_MASKED F64_INTRINSIC
#define F32_COMPARE _mm512_cmp_ps_mask
#define F64_COMPARE _mm512_cmp_pd_mask
#include "engine/kernels/expand.h"

/* The floating-point mode of a thread: rounding, and what becomes of denormal numbers. Threads that help with an
   evaluation take over the mode of the one that asked, so that the result does not depend on who computes a part. */
#ifndef BASE_FLOAT_MODE_H
#define BASE_FLOAT_MODE_H

#include <stdint.h>

#ifdef __SSE__

static inline uint32_t float_mode(void)
{
    return __builtin_ia32_stmxcsr() & ~0x3Fu; /* without the flags of what has happened */
}

static inline void float_mode_take(uint32_t mode)
{
    if (float_mode() != mode) __builtin_ia32_ldmxcsr(mode);
}

#else

#include <fenv.h>

static inline uint32_t float_mode(void)
{
    return (uint32_t)fegetround();
}

static inline void float_mode_take(uint32_t mode)
{
    if (float_mode() != mode) fesetround((int)mode);
}

#endif

#endif

/* The floating-point mode of a thread: rounding, and what becomes of denormal numbers. Threads that help with an
   evaluation take over the mode of the one that asked, so that the result does not depend on who computes a part. */
#ifndef BASE_FLOAT_MODE_H
#define BASE_FLOAT_MODE_H

#include <stdint.h>

#ifdef __SSE__

/* The lowest bits are flags of what has happened: no part of the mode, and left alone. */
#define FLOAT_MODE_FLAGS 0x3Fu

static inline uint32_t float_mode(void)
{
    return __builtin_ia32_stmxcsr() & ~FLOAT_MODE_FLAGS;
}

static inline void float_mode_take(uint32_t mode)
{
    uint32_t now = __builtin_ia32_stmxcsr(), flags = now & FLOAT_MODE_FLAGS;
    if (now != (mode | flags)) __builtin_ia32_ldmxcsr(mode | flags);
}

/* The same, but that denormal numbers are taken for zero, and results that would be denormal are zero. */
static inline uint32_t float_mode_flushing(uint32_t mode)
{
    return mode | 0x8040u;
}

#elif defined __aarch64__

static inline uint32_t float_mode(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode;
}

static inline void float_mode_take(uint32_t mode)
{
    if (float_mode() != mode) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode));
}

static inline uint32_t float_mode_flushing(uint32_t mode)
{
    return mode | 1u << 24;
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

/* C knows no such mode: there is no effect. */
static inline uint32_t float_mode_flushing(uint32_t mode)
{
    return mode;
}

#endif

#endif

/* Words that every file uses: fixed-width types, branch hints, visibility, power-of-two arithmetic.
 * Holds no state. SPDX-License-Identifier: MIT */
#ifndef RST_OS_BASE_H
#define RST_OS_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RST_LIKELY(x) __builtin_expect(!!(x), 1)
#define RST_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RST_INLINE static inline __attribute__((always_inline))
#define RST_NOINLINE __attribute__((noinline))
#define RST_COLD __attribute__((noinline, cold))
#ifdef _WIN32
#define RST_EXPORT __declspec(dllexport)
#define RST_BEHIND
#define RST_HIDDEN /* what is not exported stays inside; -mcmodel=small says that it lies near */
#else
#define RST_EXPORT __attribute__((visibility("default")))
/* On large variables that are zero at first and that most processes never touch: a linker puts them behind all others, so that those share few
 * OS pages. Such a variable cannot be static. */
#define RST_BEHIND __attribute__((common))
/* On each extern variable: -fvisibility speaks of definitions only, and what may lie elsewhere is found through one load more. */
#define RST_HIDDEN __attribute__((visibility("hidden")))
#endif
#define RST_ALIGNED(n) __attribute__((aligned(n)))
#if defined(__MINGW32__) && !defined(__clang__)
#define RST_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#else
#define RST_PRINTF(f, a) __attribute__((format(printf, f, a)))
#endif

#define RST_KIB ((size_t)1 << 10)
#define RST_MIB ((size_t)1 << 20)
#define RST_GIB ((size_t)1 << 30)
#define RST_TIB ((size_t)1 << 40)
#define RST_CACHE_LINE 64

/* 1 in the checked preset: invariants are verified on slow paths, at graded cost. */
#ifndef RST_CHECKED
#define RST_CHECKED 0
#endif

RST_INLINE size_t rst_align_up(size_t n, size_t power_of_two)
{
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

RST_INLINE size_t rst_align_down(size_t n, size_t power_of_two)
{
    return n & ~(power_of_two - 1);
}

RST_INLINE bool rst_is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

RST_INLINE size_t rst_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

RST_INLINE size_t rst_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif

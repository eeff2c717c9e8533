/* Arithmetic on bit sets. No state. SPDX-License-Identifier: MIT */
#ifndef RST_OS_BITS_H
#define RST_OS_BITS_H

#include "os/base.h"

/* Index of the lowest set bit; x is not 0. */
RST_INLINE unsigned rst_lowest_bit32(uint32_t x)
{
    return (unsigned)__builtin_ctz(x);
}

RST_INLINE unsigned rst_lowest_bit64(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

/* Floor of the binary logarithm; x is not 0. */
RST_INLINE unsigned rst_log2(size_t x)
{
    return 63u - (unsigned)__builtin_clzll((unsigned long long)x);
}

RST_INLINE unsigned rst_popcount32(uint32_t x)
{
    return (unsigned)__builtin_popcount(x);
}

RST_INLINE unsigned rst_popcount64(uint64_t x)
{
    return (unsigned)__builtin_popcountll(x);
}

/* `count` ones from bit `first` on; first + count <= 32, count >= 1. */
RST_INLINE uint32_t rst_mask32(unsigned first, unsigned count)
{
    return (UINT32_MAX >> (32u - count)) << first;
}

/* Ones side by side. */
typedef struct rst_bit_run {
    unsigned at, count;
} rst_bit_run;

/* Take the lowest run out of a set that is not empty. */
RST_INLINE rst_bit_run rst_take_run64(uint64_t *set)
{
    unsigned at = rst_lowest_bit64(*set);
    uint64_t rest = *set & (*set + ((uint64_t)1 << at)); /* the sum carries through the run */
    unsigned count = rst_popcount64(*set ^ rest);
    *set = rest;
    return (rst_bit_run){at, count};
}

/* The positions in x at which a run of `count` ones begins (1 <= count <= 32). */
RST_INLINE uint32_t rst_run_starts32(uint32_t x, unsigned count)
{
    unsigned have = 1;
    while (have < count) {
        unsigned step = have < count - have ? have : count - have;
        x &= x >> step;
        have += step;
    }
    return x;
}

#endif

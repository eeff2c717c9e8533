/* What the tests of single blocks share: a pattern that tells a byte's place, sizes worth trying, and
 * the resident size of this process.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_BLOCKS_H
#define ROOST_TESTS_BLOCKS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * KIB)
#define GIB ((size_t)1024 * MIB)

/* Every byte of small blocks is patterned; of larger ones both ends and one byte of each 4 KiB. */
#define PATTERN_WHOLE (64 * KIB)

static inline unsigned char pattern_byte(size_t at, unsigned salt)
{
    return (unsigned char)((at * 167) ^ (at >> 8) ^ salt);
}

static inline size_t pattern_next(size_t at, size_t size)
{
    if (size <= PATTERN_WHOLE || at < KIB || at + KIB >= size)
        return at + 1;
    return at + 4095 < size - KIB ? at + 4095 : size - KIB;
}

static inline void pattern_fill(void *block, size_t size, unsigned salt)
{
    for (size_t at = 0; at < size; at = pattern_next(at, size))
        ((unsigned char *)block)[at] = pattern_byte(at, salt);
}

/* Check the first `kept` bytes of what pattern_fill wrote to a block of `size`. Returns the place of the
 * first wrong byte, or `kept`. */
static inline size_t pattern_check(const void *block, size_t size, size_t kept, unsigned salt)
{
    for (size_t at = 0; at < kept; at = pattern_next(at, size)) {
        if (((const unsigned char *)block)[at] != pattern_byte(at, salt))
            return at;
    }
    return kept;
}

static inline size_t first_nonzero(const void *block, size_t from, size_t to)
{
    const unsigned char *byte = block;
    while (from < to && byte[from] == 0)
        from++;
    return from;
}

static inline int is_aligned(const void *block, size_t alignment)
{
    return ((uintptr_t)block & (alignment - 1)) == 0;
}

#ifdef _WIN32
size_t resident_bytes(void); /* tests/support/windows/posix.c */
#else
static inline size_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
#endif

#endif

/* The shadow model of the random test: a pattern that tells whose bytes these are, and a map of all memory that is
 * handed out, which notices two blocks sharing 16 bytes. Any thread may call anything here.
 *
 * The map: per 64 KiB of address space (a span) a count of the 16-byte granules in use and a bit for each. A span
 * that lies wholly inside a block is only counted. Adding and taking are atomic, so that of two blocks that overlap
 * one always sees it: the old bit was set, or the count exceeds what a span has.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_SHADOW_H
#define ROOST_TESTS_SHADOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define SPAN_SHIFT 16
#define SPAN_GRANULES 4096u
#define SPAN_WORDS (SPAN_GRANULES / 64)
#define REGION_SHIFT 30 /* the map is made in regions of 1 GiB */
#define REGION_SPANS ((size_t)1 << (REGION_SHIFT - SPAN_SHIFT))
#define REGIONS ((size_t)1 << (48 - REGION_SHIFT))

struct shadow_span {
    _Atomic uint32_t in_use;
    _Atomic uint64_t bit[SPAN_WORDS];
};

static struct shadow_span *_Atomic shadow_regions[REGIONS];

static inline struct shadow_span *shadow_find(uintptr_t address)
{
    struct shadow_span *_Atomic *slot = &shadow_regions[address >> REGION_SHIFT];
    struct shadow_span *region = atomic_load_explicit(slot, memory_order_acquire);
    if (!region) {
        size_t bytes = REGION_SPANS * sizeof *region;
        struct shadow_span *fresh =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (fresh == MAP_FAILED)
            return NULL;
        if (atomic_compare_exchange_strong_explicit(slot, &region, fresh, memory_order_acq_rel, memory_order_acquire))
            region = fresh;
        else
            munmap(fresh, bytes);
    }
    return &region[(address >> SPAN_SHIFT) & (REGION_SPANS - 1)];
}

static inline bool span_add(struct shadow_span *span, unsigned from, unsigned to)
{
    bool clean = atomic_fetch_add(&span->in_use, to - from) + (to - from) <= SPAN_GRANULES;
    if (to - from == SPAN_GRANULES)
        return clean;
    for (unsigned at = from; at < to;) {
        unsigned in_word = 64 - at % 64 < to - at ? 64 - at % 64 : to - at;
        uint64_t mask = (in_word == 64 ? ~(uint64_t)0 : ((uint64_t)1 << in_word) - 1) << at % 64;
        clean = !(atomic_fetch_or(&span->bit[at / 64], mask) & mask) && clean;
        at += in_word;
    }
    return clean;
}

static inline bool span_take(struct shadow_span *span, unsigned from, unsigned to)
{
    bool clean = true;
    if (to - from != SPAN_GRANULES) {
        for (unsigned at = from; at < to;) {
            unsigned in_word = 64 - at % 64 < to - at ? 64 - at % 64 : to - at;
            uint64_t mask = (in_word == 64 ? ~(uint64_t)0 : ((uint64_t)1 << in_word) - 1) << at % 64;
            clean = (atomic_fetch_and(&span->bit[at / 64], ~mask) & mask) == mask && clean;
            at += in_word;
        }
    }
    return atomic_fetch_sub(&span->in_use, to - from) >= to - from && clean;
}

/* Walk the spans of [block, block + usable). False when any of the memory was (adding) or was not (taking) in use. */
static inline bool shadow_walk(const void *block, size_t usable, bool add)
{
    uintptr_t at = (uintptr_t)block >> 4;
    uintptr_t end = ((uintptr_t)block + (usable ? usable : 1) + 15) >> 4;
    bool clean = true;
    if ((uintptr_t)block >> 48 || end >> 44)
        return false;
    while (at < end) {
        unsigned from = (unsigned)(at % SPAN_GRANULES);
        unsigned to = end - at < SPAN_GRANULES - from ? from + (unsigned)(end - at) : SPAN_GRANULES;
        struct shadow_span *span = shadow_find(at << 4);
        if (!span)
            return false;
        clean = (add ? span_add(span, from, to) : span_take(span, from, to)) && clean;
        at += to - from;
    }
    return clean;
}

static inline uint64_t shadow_key(const void *block, size_t size, uint64_t serial)
{
    uint64_t x = (uint64_t)(uintptr_t)block * 0x9E3779B97F4A7C15u ^ size * 0xC2B2AE3D27D4EB4Fu ^ serial;
    x = (x ^ x >> 29) * 0xBF58476D1CE4E5B9u;
    return x ^ x >> 32;
}

/* Blocks up to 16 KiB are written and checked whole; larger ones at both ends and one word per 64 KiB. */
#define SHADOW_WHOLE (16u * 1024)
#define SHADOW_END 4096u

/* The next offset of a word to look at, after the one at `at`. */
static inline size_t shadow_next(size_t at, size_t size)
{
    if (size <= SHADOW_WHOLE || at + 8 < SHADOW_END || at + SHADOW_END >= size)
        return at + 8;
    size_t tail = (size - SHADOW_END) & ~(size_t)7;
    return at + 65536 < tail ? at + 65536 : at < tail ? tail : at + 8;
}

static inline void shadow_fill(void *block, size_t size, uint64_t key)
{
    char *byte = block;
    for (size_t at = 0; at < size; at = shadow_next(at, size)) {
        uint64_t word = key + at * 0x9E3779B97F4A7C15u;
        memcpy(byte + at, &word, size - at < 8 ? size - at : 8);
    }
}

/* The first `kept` bytes of what shadow_fill wrote into `size` bytes: the offset of a wrong word, or `kept`. */
static inline size_t shadow_check(const void *block, size_t size, size_t kept, uint64_t key)
{
    const char *byte = block;
    for (size_t at = 0; at < kept; at = shadow_next(at, size)) {
        uint64_t word = key + at * 0x9E3779B97F4A7C15u;
        if (memcmp(byte + at, &word, kept - at < 8 ? kept - at : 8) != 0)
            return at;
    }
    return kept;
}

/* Zero where shadow_fill would write, and in the first 64 bytes after `from`. Returns `to`, or a wrong byte's place. */
static inline size_t shadow_zero(const void *block, size_t from, size_t to)
{
    const char *byte = block;
    size_t edge = from + 64 < to ? from + 64 : to;
    for (size_t at = from; at < edge; at++) {
        if (byte[at])
            return at;
    }
    for (size_t at = 0; at < to; at = shadow_next(at, to)) {
        for (size_t i = at < from ? from : at; i < at + 8 && i < to; i++) {
            if (byte[i])
                return i;
        }
    }
    return to;
}

#endif

/* What the unit tests share: cmocka with the headers it wants, the fake OS, random numbers, and the check that
 * everything reserved and committed is accounted for.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_UNIT_H
#define ROOST_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* one include per block: cmocka must come last */

#include <cmocka.h>

#include "os_fake.h"

#include "core/arena.h"
#include "core/counters.h"

#include <stdio.h>
#include <string.h>

/* SplitMix64. */
static inline uint64_t unit_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline size_t unit_in_use(void)
{
    return rst_load_relaxed(&rst_process.in_use);
}

static inline bool unit_all_zero(const char *memory, size_t size)
{
    return size == 0 || (memory[0] == 0 && memcmp(memory, memory + 1, size - 1) == 0);
}

/* An arena's reservation, or 256 KiB of metadata: nothing else is ever reserved. NULL when all is accounted for. */
static inline const char *unit_leak(void)
{
    void *address;
    size_t size, arenas = 0, reserved = 0, metadata = 0, memory = 0;
    for (unsigned i = 0; fake_reservation(i, &address, &size); i++) {
        const rst_arena *arena = NULL;
        for (unsigned a = 0; a < rst_arena_count(); a++) {
            if (rst_arenas[a].reservation == address)
                arena = &rst_arenas[a];
        }
        if (arena == NULL && size != 256 * RST_KIB)
            return "a reservation that no arena has";
        if (arena == NULL) {
            metadata += fake_committed(address, size);
            continue;
        }
        if (arena->reservation_size != size)
            return "an arena does not know its size";
        arenas++;
        reserved += size;
        memory += fake_committed(arena->base, arena->size);
        metadata += fake_committed(address, size) - fake_committed(arena->base, arena->size);
    }
    if (arenas != rst_arena_count() || arenas != rst_load_relaxed(&rst_process.arenas))
        return "an arena without a reservation";
    if (reserved != rst_load_relaxed(&rst_process.reserved))
        return "the figure of reserved bytes is wrong";
    if (memory != rst_load_relaxed(&rst_process.committed))
        return "the figure of committed bytes is wrong";
    return metadata == rst_load_relaxed(&rst_process.metadata) ? NULL : "the figure of metadata is wrong";
}

/* Free slices of one arena, by its bit sets. */
static inline size_t unit_free_in(rst_arena *arena)
{
    size_t found = 0, segments = rst_load_relaxed(&arena->frontier) / RST_SEGMENT_SIZE;
    for (size_t s = 0; s < segments; s++)
        found += rst_popcount32(rst_load_relaxed(&rst_segment_at(arena, s)->free));
    return found;
}

/* Of all arenas, and slices below the frontiers. */
static inline size_t unit_free_slices(size_t *all)
{
    size_t found = 0;
    *all = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        found += unit_free_in(&rst_arenas[a]);
        *all += rst_load_relaxed(&rst_arenas[a].frontier) / RST_SLICE_SIZE;
    }
    return found;
}

#endif

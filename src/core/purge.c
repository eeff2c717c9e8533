/* Purge: see purge.h. SPDX-License-Identifier: MIT */
#include "core/purge.h"

#include "core/options.h"
#include "core/segment.h"
#include "os/os.h"

enum { STEPS_PER_DELAY = 4, STEP_MIN_MS = 10 };

static _Atomic uint64_t next_step; /* ms; whoever moves it on does the step */

/* Purge the segments of one group that have been idle for `age` ms. */
static size_t purge_group(rst_arena *arena, size_t g, uint32_t now, uint32_t age)
{
    size_t purged = 0;
    uint64_t warm = rst_load_relaxed(&arena->groups[g].may_warm);
    for (; warm != 0; warm &= warm - 1) {
        unsigned s = rst_lowest_bit64(warm);
        uint32_t idle = now - rst_load_relaxed(&arena->groups[g].segment[s].touched);
        if (idle >= age)
            purged += rst_segment_purge(arena, g * RST_GROUP_SEGMENTS + s);
    }
    return purged;
}

static size_t purge_older(uint32_t now, uint32_t age)
{
    size_t purged = 0;
    for (unsigned i = 0; i < rst_arena_count(); i++) {
        rst_arena *arena = &rst_arenas[i];
        size_t segments = rst_load_acquire(&arena->frontier) / RST_SEGMENT_SIZE; /* pairs with rst_arena_grow */
        for (size_t g = 0; g * RST_GROUP_SEGMENTS < segments; g++)
            purged += purge_group(arena, g, now, age);
    }
    return purged;
}

void rst_purge_tick(void)
{
    uint64_t now = rst_os_clock_ms();
    uint64_t due = rst_load_relaxed(&next_step);
    if (now < due)
        return;
    uint32_t delay = (uint32_t)rst_option_get(purge_delay);
    uint32_t step = (uint32_t)rst_max(delay / STEPS_PER_DELAY, delay == 0 ? 0 : STEP_MIN_MS);
    /* relaxed: only decides who does the step. */
    if (atomic_compare_exchange_strong_explicit(&next_step, &due, now + step, memory_order_relaxed,
                                                memory_order_relaxed))
        purge_older((uint32_t)now, delay);
}

size_t rst_purge_all(void)
{
    return purge_older((uint32_t)rst_os_clock_ms(), 0);
}

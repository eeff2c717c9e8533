/* Purge of one segment: see segment.h. SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/huge.h"
#include "core/options.h"
#include "core/press.h"
#include "core/relic.h"
#include "core/segment.h"
#include "core/summary.h"
#include "os/os.h"

/* What the OS said of one run of claimed slices. Its dirty bits are cleared where it was purged. Returns bytes. */
static size_t run_purged(rst_arena *arena, const rst_os_run *run, bool done)
{
    size_t index = rst_slice_index_at(arena, run->address);
    rst_segment *segment = rst_segment_at(arena, index / RST_SEGMENT_SLICES);
    uint32_t mask = rst_mask32(index % RST_SEGMENT_SLICES, (unsigned)(run->size / RST_SLICE_SIZE));
    size_t dirty = rst_popcount32(rst_load_relaxed(&segment->dirty) & mask) * RST_SLICE_SIZE;
    if (!done) { /* what was clean may not be so any more */
        rst_or_relaxed(&segment->dirty, mask);
        rst_process_grow_back(run->size - dirty);
        return 0;
    }
    rst_and_relaxed(&segment->dirty, ~mask);
    rst_process_sub(footprint, dirty);
    rst_press_count_purged(1, run->size);
    return run->size;
}

/* Purge claimed slices of a segment. */
static size_t purge_runs(rst_arena *arena, size_t index, uint32_t mask)
{
    rst_os_run run[RST_SEGMENT_SLICES / 2] = {{NULL, 0}};
    unsigned n = 0;
    for (uint64_t rest = mask; rest != 0; n++) {
        rst_bit_run slices = rst_take_run64(&rest);
        size_t first = index * RST_SEGMENT_SLICES + slices.at;
        rst_relic_purged(arena, first, slices.count);
        run[n] = (rst_os_run){arena->base + first * RST_SLICE_SIZE, slices.count * RST_SLICE_SIZE};
    }
    uint64_t done = rst_os_purge_runs(run, n, false, rst_option_get(pressure) != 0);
    size_t purged = 0;
    for (unsigned i = 0; i < n; i++)
        purged += run_purged(arena, &run[i], (done >> i & 1) != 0);
    return purged;
}

/* Of free slices: those to purge. In a huge page what was never used is resident too, and goes with the rest when enough is idle; nothing is broken of which
 * all is free: it goes as a whole when the last of it is old. */
static uint32_t to_purge(uint32_t free, uint32_t dirty, uint32_t old, bool huge, bool at_once)
{
    uint32_t idle = free & dirty & old;
    if (!huge || idle == 0)
        return idle;
    uint32_t never_used = free & ~dirty;
    bool enough =
        at_once || (idle | never_used) == UINT32_MAX || (free != UINT32_MAX && rst_popcount32(idle) >= RST_HUGE_BREAK);
    return enough ? idle | never_used : 0;
}

bool rst_segment_goes_whole(rst_arena *arena, size_t index, bool young_too)
{
    rst_segment *segment = rst_segment_at(arena, index);
    uint32_t clean = ~rst_load_relaxed(&segment->dirty);
    return rst_load_relaxed(&segment->free) == UINT32_MAX &&
           (young_too || (rst_load_relaxed(&segment->aged) | clean) == UINT32_MAX);
}

bool rst_segment_idles(rst_arena *arena, size_t index)
{
    rst_segment *segment = rst_segment_at(arena, index);
    /* seq_cst: the keeper's look after it said that it sleeps. */
    uint32_t free = rst_load_seq(&segment->free);
    return to_purge(free, rst_load_relaxed(&segment->dirty), UINT32_MAX, rst_huge_asked(arena, index), false) != 0;
}

size_t rst_segment_purge(rst_arena *arena, size_t index, uint32_t now, bool young_too)
{
    rst_segment *segment = rst_segment_at(arena, index);
    bool huge = rst_huge_asked(arena, index);
    uint32_t old = young_too ? UINT32_MAX : rst_load_relaxed(&segment->aged);
    uint32_t free = rst_load_relaxed(&segment->free);
    uint32_t mask;
    do {
        mask = to_purge(free, rst_load_relaxed(&segment->dirty), old, huge, young_too);
    } while (mask != 0 && !rst_cas_acquire(&segment->free, &free, free & ~mask));
    if (mask != 0 && mask != UINT32_MAX)
        rst_huge_drop(arena, index); /* first, or the kernel might make it whole again */
    size_t purged = purge_runs(arena, index, mask);
    if (mask != 0)
        rst_slices_set_free(arena, index, mask, false);
    /* relaxed: see forget_age. What the OS refused is among them, and tried again at the next visit. */
    rst_store_relaxed(&segment->aged, rst_load_relaxed(&segment->free) & rst_load_relaxed(&segment->dirty));
    rst_store_relaxed(&segment->visited, now);
    rst_summary_lower_warm(rst_group_of_segment(arena, index), index % RST_GROUP_SEGMENTS);
    return purged;
}

void rst_segment_break(rst_arena *arena, size_t index)
{
    rst_segment *segment = rst_segment_at(arena, index);
    uint32_t free = rst_load_relaxed(&segment->free);
    uint32_t never_used;
    do {
        never_used = free & ~rst_load_relaxed(&segment->dirty);
    } while (never_used != 0 && !rst_cas_acquire(&segment->free, &free, free & ~never_used));
    rst_huge_drop(arena, index);
    purge_runs(arena, index, never_used);
    if (never_used != 0)
        rst_slices_set_free(arena, index, never_used, false);
}

/* The summary of a group: which of its segments may have something to claim. A bit may be set without need.
 *
 * It is kept by a Dekker pair: release sets bits of `free`, then looks at the summary; whoever clears a summary bit
 * then looks at `free` again. Both sides are sequentially consistent, so one of them sees the other and no run stays hidden.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_SUMMARY_H
#define RST_CORE_SUMMARY_H

#include "core/arena.h"

RST_INLINE bool rst_has_run(uint32_t free, unsigned level)
{
    return rst_run_starts32(free, 1u << level) != 0;
}

/* After `free` of a segment gained bits. */
RST_INLINE void rst_summary_raise(rst_group *group, unsigned s, bool warm)
{
    const uint64_t bit = 1ull << s;
    if (warm && (rst_load_seq(&group->may_warm) & bit) == 0)
        rst_or_seq(&group->may_warm, bit);
    uint32_t free = rst_load_seq(&group->segment[s].free);
    for (unsigned level = 0; level < RST_RUN_LEVELS && rst_has_run(free, level); level++) {
        if ((rst_load_seq(&group->may_run[level]) & bit) == 0)
            rst_or_seq(&group->may_run[level], bit);
    }
}

/* Set slices of a segment free. This also releases what their holder wrote to the next one. */
RST_INLINE void rst_slices_set_free(rst_arena *arena, size_t segment, uint32_t mask, bool warm)
{
    rst_or_seq(&rst_segment_at(arena, segment)->free, mask);
    rst_summary_raise(rst_group_of_segment(arena, segment), segment % RST_GROUP_SEGMENTS, warm);
}

/* After a search at `level` found nothing in a segment. */
RST_INLINE void rst_summary_lower(rst_group *group, unsigned s, unsigned level)
{
    const uint64_t bit = 1ull << s;
    if (rst_has_run(rst_load_relaxed(&group->segment[s].free), level))
        return;
    rst_and_seq(&group->may_run[level], ~bit);
    if (rst_has_run(rst_load_seq(&group->segment[s].free), level))
        rst_or_seq(&group->may_run[level], bit);
}

RST_INLINE void rst_summary_lower_warm(rst_group *group, unsigned s)
{
    const uint64_t bit = 1ull << s;
    rst_segment *segment = &group->segment[s];
    if ((rst_load_relaxed(&segment->free) & rst_load_relaxed(&segment->dirty)) != 0)
        return;
    rst_and_seq(&group->may_warm, ~bit);
    if ((rst_load_seq(&segment->free) & rst_load_seq(&segment->dirty)) != 0)
        rst_or_seq(&group->may_warm, bit);
}

#endif

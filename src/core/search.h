/* Search for slices to claim in what an arena has below its frontier, lock-free: where segment.h says, for who wants how many.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_SEARCH_H
#define RST_CORE_SEARCH_H

#include "core/arena.h"

/* The segment that a big heap is filling: its next slices come from there as long as it has some, and those of other such heaps from
 * elsewhere as long as there is another place below the frontier. Two heaps in one huge page both fault on it, and keep each other's from
 * being given back whole. All zero: none. The heap's thread's. */
typedef struct rst_filling {
    size_t segment;
    uint32_t arena;
    bool any;
} rst_filling;

/* From here on it fills this one, or none. */
void rst_filling_set(rst_filling *filling, unsigned arena, size_t segment);
void rst_filling_leave(rst_filling *filling);

/* Claim `count` slices in a row below `frontier`, which was read with acquire; arguments as of rst_slices_claim. Returns the index of the first
 * slice, or SIZE_MAX. Any thread. */
size_t rst_search(rst_arena *arena, size_t frontier, size_t count, size_t align, bool dense,
                  const rst_filling *filling);

/* Claim the bits of `mask` if all are free. Any thread. */
bool rst_segment_claim(rst_segment *segment, uint32_t mask);

RST_INLINE size_t rst_segments_for(size_t slices)
{
    return (slices + RST_SEGMENT_SLICES - 1) / RST_SEGMENT_SLICES;
}

/* The segment that was made ready last, NULL: none was. While it is whole it is handed out to who asks for dense slices, rather than another whole one.
 * relaxed: a hint. */
extern RST_HIDDEN _Atomic(const rst_segment *) rst_search_ready;

#endif

/* Slices handed out: claim and release of runs, lock-free.
 *
 * Lowest address first, warm slices (released a moment ago, still resident) before others, fresh ones last. A run of up to 32
 * slices lies inside one segment; a longer one begins at a segment. Big heaps fill segments of their own, see search.h.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_SEGMENT_H
#define RST_CORE_SEGMENT_H

#include "core/search.h"

/* Claim `count` slices in a row, the first aligned to `align` slices (a power of two). `dense`: for a page that is likely to be filled
 * soon, see huge.h. `filling`: of a big heap, for up to 32 slices of alignment 1; else NULL. *zeroed tells whether all of them read as
 * zero. The descriptors' `arena` is set on the first only; the rest of a descriptor is the caller's to write.
 * NULL: out of memory, or it would raise the footprint above rst_footprint_limit. Any thread. */
rst_slice *rst_slices_claim(size_t count, size_t align, bool dense, rst_filling *filling, bool *zeroed);

/* Claim the `more` slices that follow a run of `count` which the caller holds. *zeroed as above, of those. False: as above, or they are
 * not free. */
bool rst_slices_extend(rst_slice *first, size_t count, size_t more, bool *zeroed);

/* Give slices back; the first `dirty` of them may have been written. Their descriptors must read as RST_KIND_NONE with no owner.
 * `arena_index` counts in rst_arenas. Any thread that holds them. */
void rst_slices_release(unsigned arena_index, size_t index, size_t count, size_t dirty);

/* Hold a whole segment for a moment: it counts in the footprint, not as in use. Returns which, SIZE_MAX: none can be had; *zeroed as of rst_slices_claim.
 * `written`: all of it counts as dirty from then on. Any thread. */
size_t rst_segment_hold(rst_arena *arena, bool *zeroed);
void rst_segment_let_go(rst_arena *arena, size_t segment, bool written);

/* Hold a slice for a moment, when it is free and nobody ever wrote to it: false if not. It is counted nowhere. `written`: it was found that
 * somebody did. Any thread. */
bool rst_slice_hold_untouched(rst_arena *arena, size_t index);
void rst_slice_let_go(rst_arena *arena, size_t index, bool written);

/* Visit a segment, at time `now`: give back the physical memory of those free dirty slices that lay idle since the visit before, or of
 * all with `young_too`. Returns the bytes given back. Any thread. */
size_t rst_segment_purge(rst_arena *arena, size_t index, uint32_t now, bool young_too);

/* Parts of a segment are about to go back that are in use: no huge page for it any more, and what was never used of one goes. Any thread. */
void rst_segment_break(rst_arena *arena, size_t index);

/* Whether all of it is free, and all that may be resident was idle at the last visit or goes whatever its age. Any thread. */
bool rst_segment_goes_whole(rst_arena *arena, size_t index, bool young_too);

/* Whether a visit might give something back once it is old enough. Any thread. */
bool rst_segment_idles(rst_arena *arena, size_t index);

#endif

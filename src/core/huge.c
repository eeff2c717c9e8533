/* Huge pages: see huge.h. SPDX-License-Identifier: MIT */
#include "core/huge.h"

#include "core/counters.h"
#include "core/options.h"
#include "os/os.h"

enum { HUGE_NONE, HUGE_IN_PROPORTION, HUGE_ALWAYS };

static char *segment_memory(rst_arena *arena, size_t segment)
{
    return arena->base + segment * RST_SEGMENT_SIZE;
}

/* Note that a segment asks, or that it does not. */
static void mark(rst_arena *arena, size_t segment)
{
    rst_process_add(huge_asked, !rst_huge_asked(arena, segment));
    rst_or_relaxed(&rst_group_of_segment(arena, segment)->huge, rst_segment_bit(segment));
}

static void unmark(rst_arena *arena, size_t segment)
{
    rst_process_add(huge_dropped, rst_huge_asked(arena, segment));
    rst_and_relaxed(&rst_group_of_segment(arena, segment)->huge, ~rst_segment_bit(segment));
}

void rst_huge_drop(rst_arena *arena, size_t segment)
{
    if (!rst_huge_asked(arena, segment))
        return;
    unmark(arena, segment);
    rst_os_huge(segment_memory(arena, segment), RST_SEGMENT_SIZE, false);
}

/* Whether all slices of the mask are pages'. What is a large block's, or is being claimed, is not: a huge page beside the rest of
 * a large block would keep that from being moved. */
static bool are_pages(rst_arena *arena, size_t s, uint32_t mask)
{
    for (; mask != 0; mask &= mask - 1) {
        rst_slice slice;
        rst_os_snapshot(&slice, &arena->slices[s * RST_SEGMENT_SLICES + rst_lowest_bit64(mask)], sizeof slice);
        if (slice.kind == RST_KIND_NONE || slice.kind == RST_KIND_LARGE)
            return false;
    }
    return true;
}

/* Whether to make a huge page of a segment whose own was broken: little has stayed, and part of the rest has been claimed. Whoever claimed what
 * else is in use has asked by the time that it is pages'. */
static bool is_worth_making(rst_arena *arena, size_t s, uint32_t claimed, uint32_t free, uint32_t clean)
{
    return (clean & claimed) != 0 && rst_popcount32(clean) >= RST_HUGE_MAKE && are_pages(arena, s, ~free) &&
           !rst_huge_asked(arena, s);
}

/* Where nothing else is in use or resident the first touch gives a huge page; another thread may be about to claim, and touch a page before the kernel
 * hears of our wish. Elsewhere one is made now; where it is not (no memory for it, or someone is touching what is there), the kernel may do it later. */
static void ask(rst_arena *arena, size_t s, uint32_t claimed)
{
    rst_segment *segment = rst_segment_at(arena, s);
    uint32_t free = rst_load_relaxed(&segment->free) | claimed;
    uint32_t clean = free & ~rst_load_relaxed(&segment->dirty);
    bool fresh = clean == UINT32_MAX;
    if (!fresh && !is_worth_making(arena, s, claimed, free, clean))
        return;
    if (!rst_os_huge(segment_memory(arena, s), RST_SEGMENT_SIZE, true))
        return;
    mark(arena, s);
    if (!fresh)
        rst_os_huge_make(segment_memory(arena, s), RST_SEGMENT_SIZE);
}

/* Something else than such pages comes first in a part of a segment: what is little stays so. */
static void drop_fresh(rst_arena *arena, size_t s, uint32_t claimed)
{
    rst_segment *segment = rst_segment_at(arena, s);
    if ((rst_load_relaxed(&segment->free) | claimed) == UINT32_MAX && rst_load_relaxed(&segment->dirty) == 0)
        rst_huge_drop(arena, s);
}

/* The whole segments of a run, by one call: a large block's pages can be moved only if they are all of one kind. */
static void drop_whole(rst_arena *arena, size_t index, size_t count)
{
    size_t first = (index + RST_SEGMENT_SLICES - 1) / RST_SEGMENT_SLICES, end = (index + count) / RST_SEGMENT_SLICES;
    while (first < end && !rst_huge_asked(arena, first))
        first++;
    if (first >= end)
        return;
    rst_os_huge(segment_memory(arena, first), (end - first) * RST_SEGMENT_SIZE, false);
    for (size_t s = first; s < end; s++)
        unmark(arena, s);
}

void rst_huge_claimed(rst_arena *arena, size_t index, size_t count, bool dense)
{
    uint64_t policy = rst_option_get(huge_pages);
    bool wanted = policy == HUGE_ALWAYS || (policy == HUGE_IN_PROPORTION && dense);
    size_t at = rst_max(index, arena->pinned / RST_SLICE_SIZE),
           end = index + count; /* what is pinned has pages of its own */
    if (policy == HUGE_NONE || at >= end)
        return;
    if (!wanted)
        drop_whole(arena, at, end - at);
    while (at < end) {
        rst_piece piece = rst_first_piece(at, end - at);
        if (!wanted)
            drop_fresh(arena, piece.segment, piece.mask);
        else if (!rst_huge_asked(arena, piece.segment))
            ask(arena, piece.segment, piece.mask);
        at += piece.count;
    }
}

/* The segments that a run touches: what is asked for a part of one holds for all of it, and what is mapped afresh in one spoils it. */
typedef struct touched {
    size_t first, end;
} touched;

static touched touched_segments(size_t index, size_t count)
{
    return (touched){index / RST_SEGMENT_SLICES, (index + count + RST_SEGMENT_SLICES - 1) / RST_SEGMENT_SLICES};
}

void rst_huge_grown(rst_arena *arena, size_t index, size_t count)
{
    touched t = touched_segments(index, count);
    if (rst_option_get(huge_pages) == HUGE_NONE || rst_slice_pinned(arena, index) ||
        !rst_os_huge(segment_memory(arena, t.first), (t.end - t.first) * RST_SEGMENT_SIZE, true))
        return;
    for (size_t s = t.first; s < t.end; s++)
        mark(arena, s);
}

void rst_huge_forget(rst_arena *arena, size_t index, size_t count)
{
    touched t = touched_segments(index, count);
    for (size_t s = t.first; s < t.end; s++)
        unmark(arena, s);
}

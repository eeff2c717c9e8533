/* Search for slices: see search.h. SPDX-License-Identifier: MIT */
#include "core/search.h"

#include "core/summary.h"

_Atomic(const rst_segment *) rst_search_ready;

/* --- the segments that big heaps are filling --- */

void rst_filling_leave(rst_filling *filling)
{
    if (filling->any)
        rst_and_relaxed(&rst_group_of_segment(&rst_arenas[filling->arena], filling->segment)->filling,
                        ~rst_segment_bit(filling->segment));
    filling->any = false;
}

void rst_filling_set(rst_filling *filling, unsigned arena, size_t segment)
{
    if (filling->any && filling->arena == arena && filling->segment == segment)
        return;
    rst_filling_leave(filling);
    *filling = (rst_filling){.segment = segment, .arena = arena, .any = true};
    rst_or_relaxed(&rst_group_of_segment(&rst_arenas[arena], segment)->filling, rst_segment_bit(segment));
}

/* --- claiming inside a segment --- */

/* Positions that are multiples of `align`. */
static uint32_t aligned_positions(size_t align)
{
    uint32_t positions = 0;
    for (size_t i = 0; i < RST_SEGMENT_SLICES; i += align)
        positions |= 1u << i;
    return positions;
}

/* Claimed slices are in use: when they come back they are young. relaxed: a bit too many only purges them early. */
static void forget_age(rst_segment *segment, uint32_t mask)
{
    if ((rst_load_relaxed(&segment->aged) & mask) != 0)
        rst_and_relaxed(&segment->aged, ~mask);
}

/* acquire: the releaser's writes to descriptors and dirty bits are seen. */
bool rst_segment_claim(rst_segment *segment, uint32_t mask)
{
    uint32_t free = rst_load_relaxed(&segment->free);
    while ((free & mask) == mask) {
        if (rst_cas_acquire(&segment->free, &free, free & ~mask)) {
            forget_age(segment, mask);
            return true;
        }
    }
    return false;
}

/* Claim a run of `count` in one segment; returns its position, or RST_SEGMENT_SLICES. */
static unsigned claim_in_segment(rst_segment *segment, unsigned count, uint32_t positions, bool warm)
{
    uint32_t free = rst_load_relaxed(&segment->free);
    for (;;) {
        uint32_t usable = warm ? free & rst_load_relaxed(&segment->dirty) : free;
        uint32_t starts = rst_run_starts32(usable, count) & positions;
        if (starts == 0)
            return RST_SEGMENT_SLICES;
        unsigned at = rst_lowest_bit32(starts);
        if (rst_cas_acquire(&segment->free, &free, free & ~rst_mask32(at, count))) {
            forget_age(segment, rst_mask32(at, count));
            return at;
        }
    }
}

/* Where to look for slices, in this order: what is resident already comes first. */
typedef enum claim_pass {
    PASS_WARM,   /* released a moment ago */
    PASS_HUGE,   /* never used, in a huge page of which other slices are */
    PASS_PARTED, /* for who would take what is ready: no whole segment as long as part of another will do */
    PASS_READY,  /* made ready: nothing else of it is in use */
    PASS_ANY,
    PASSES
} claim_pass;

/* What is looked for. */
typedef struct wanted {
    unsigned count;
    uint32_t positions;
    bool apart; /* not where another heap is filling a segment */
    bool dense; /* may take what is ready */
} wanted;

static uint64_t pass_segments(rst_group *group, const wanted *w, claim_pass pass)
{
    bool ready = w->dense && rst_load_relaxed(&rst_search_ready) != NULL;
    switch (pass) {
    case PASS_WARM:
        return rst_load_relaxed(&group->may_warm);
    case PASS_HUGE:
        return rst_load_relaxed(&group->huge);
    case PASS_PARTED:
        return ready ? UINT64_MAX : 0;
    case PASS_READY:
        return ready ? rst_load_relaxed(&group->may_warm) : 0;
    default:
        return UINT64_MAX;
    }
}

/* Whether a segment does not count in this pass. */
static bool is_passed_over(const rst_segment *segment, claim_pass pass)
{
    bool whole = rst_load_relaxed(&segment->free) == UINT32_MAX;
    bool ready = whole && segment == rst_load_relaxed(&rst_search_ready);
    switch (pass) {
    case PASS_WARM:
        return ready;
    case PASS_HUGE: /* purged as a whole: nothing is resident */
    case PASS_PARTED:
        return whole;
    case PASS_READY:
        return !ready;
    default:
        return false;
    }
}

/* Search one group; returns the index of the first slice, or SIZE_MAX. */
static size_t claim_in_group(rst_arena *arena, size_t g, const wanted *w, claim_pass pass)
{
    rst_group *group = &arena->groups[g];
    unsigned level = rst_log2(w->count);
    bool warm = pass == PASS_WARM || pass == PASS_READY;
    uint64_t candidates = rst_load_relaxed(&group->may_run[level]) & pass_segments(group, w, pass);
    if (w->apart)
        candidates &= ~rst_load_relaxed(&group->filling);
    for (; candidates != 0; candidates &= candidates - 1) {
        unsigned s = rst_lowest_bit64(candidates);
        if (is_passed_over(&group->segment[s], pass))
            continue;
        unsigned at = claim_in_segment(&group->segment[s], w->count, w->positions, warm);
        if (at != RST_SEGMENT_SLICES)
            return (g * RST_GROUP_SEGMENTS + s) * RST_SEGMENT_SLICES + at;
        if (warm)
            rst_summary_lower_warm(group, s);
        else
            rst_summary_lower(group, s, level);
    }
    return SIZE_MAX;
}

static size_t arena_groups(size_t frontier)
{
    return (frontier / RST_SEGMENT_SIZE + RST_GROUP_SEGMENTS - 1) / RST_GROUP_SEGMENTS;
}

static size_t claim_filling(rst_arena *arena, const rst_filling *filling, const wanted *w, claim_pass pass)
{
    if (filling == NULL || !filling->any || arena != &rst_arenas[filling->arena])
        return SIZE_MAX;
    rst_segment *segment = rst_segment_at(arena, filling->segment);
    unsigned at = claim_in_segment(segment, w->count, w->positions, pass == PASS_WARM);
    return at != RST_SEGMENT_SLICES ? filling->segment * RST_SEGMENT_SLICES + at : SIZE_MAX;
}

static size_t claim_in_passes(rst_arena *arena, size_t frontier, const rst_filling *filling, const wanted *w)
{
    size_t groups = arena_groups(frontier);
    for (claim_pass pass = PASS_WARM; pass < PASSES; pass++) {
        size_t index = claim_filling(arena, filling, w, pass);
        for (size_t g = 0; g < groups && index == SIZE_MAX; g++)
            index = claim_in_group(arena, g, w, pass);
        if (index != SIZE_MAX)
            return index;
    }
    return SIZE_MAX;
}

static size_t claim_short(rst_arena *arena, size_t frontier, unsigned count, size_t align, bool dense,
                          const rst_filling *filling)
{
    wanted w = {.count = count, .positions = aligned_positions(align), .apart = filling != NULL, .dense = dense};
    size_t index = claim_in_passes(arena, frontier, filling, &w);
    if (index != SIZE_MAX || !w.apart)
        return index;
    w.apart = false;
    return claim_in_passes(arena, frontier, NULL, &w);
}

/* --- runs of several segments ------------------------------------------------------------------------------------------ */

/* The part of a run of `count` slices, from the beginning of a segment, that lies in its i-th segment. */
static uint32_t run_mask(size_t count, size_t i)
{
    size_t rest = count - i * RST_SEGMENT_SLICES;
    return rst_mask32(0, (unsigned)rst_min(rest, RST_SEGMENT_SLICES));
}

/* Claim `count` slices from segment `first` on; on failure nothing is held. Returns how many segments were got. */
static size_t claim_run_at(rst_arena *arena, size_t first, size_t count)
{
    size_t n = rst_segments_for(count);
    size_t got = 0;
    while (got < n && rst_segment_claim(rst_segment_at(arena, first + got), run_mask(count, got)))
        got++;
    for (size_t i = 0; got < n && i < got; i++)
        rst_slices_set_free(arena, first + i, run_mask(count, i), true);
    return got;
}

static bool segment_whole_free(rst_arena *arena, size_t segment)
{
    rst_group *group = rst_group_of_segment(arena, segment);
    return (rst_load_relaxed(&group->may_run[RST_RUN_LEVELS - 1]) & rst_segment_bit(segment)) != 0;
}

static size_t claim_long(rst_arena *arena, size_t frontier, size_t count, size_t align)
{
    size_t segments = frontier / RST_SEGMENT_SIZE;
    size_t n = rst_segments_for(count);
    size_t step = rst_max(align / RST_SEGMENT_SLICES, 1);
    size_t base = (uintptr_t)arena->base / RST_SEGMENT_SIZE; /* alignment counts in addresses, not in indexes */
    for (size_t first = rst_align_up(base, step) - base; first + n <= segments;) {
        size_t got = segment_whole_free(arena, first) ? claim_run_at(arena, first, count) : 0;
        if (got == n)
            return first * RST_SEGMENT_SLICES;
        first = rst_align_up(base + first + got + 1, step) - base;
    }
    return SIZE_MAX;
}

size_t rst_search(rst_arena *arena, size_t frontier, size_t count, size_t align, bool dense, const rst_filling *filling)
{
    return count <= RST_SEGMENT_SLICES && align <= RST_SEGMENT_SLICES
               ? claim_short(arena, frontier, (unsigned)count, align, dense, filling)
               : claim_long(arena, frontier, count, align);
}

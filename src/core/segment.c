/* Slices handed out: see segment.h.
 * SPDX-License-Identifier: MIT */
#include "core/segment.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/relic.h"
#include "core/summary.h"
#include "os/os.h"

/* --- claiming inside a segment ----------------------------------------------------------------------------------------- */

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

/* Claim the bits of `mask` if all are free. acquire: the releaser's writes to descriptors and dirty bits are seen. */
static bool claim_mask(rst_segment *segment, uint32_t mask)
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

/* How many of the claimed slices read as zero. */
static unsigned mask_clean(rst_segment *segment, uint32_t mask)
{
    return rst_popcount32(mask & ~rst_load_relaxed(&segment->dirty)); /* relaxed: ours since the claim */
}

/* Where to look for slices, in this order: what is resident already comes first. */
typedef enum claim_pass {
    PASS_WARM, /* released a moment ago */
    PASS_HUGE, /* never used, in a huge page of which other slices are */
    PASS_ANY,
    PASSES
} claim_pass;

static uint64_t pass_segments(rst_group *group, claim_pass pass)
{
    switch (pass) {
    case PASS_WARM:
        return rst_load_relaxed(&group->may_warm);
    case PASS_HUGE:
        return rst_load_relaxed(&group->huge);
    default:
        return UINT64_MAX;
    }
}

/* What is looked for. */
typedef struct wanted {
    unsigned count;
    uint32_t positions;
    bool apart; /* not where another heap is filling a segment */
} wanted;

/* Search one group; returns the index of the first slice, or SIZE_MAX. */
static size_t claim_in_group(rst_arena *arena, size_t g, const wanted *w, claim_pass pass)
{
    rst_group *group = &arena->groups[g];
    unsigned level = rst_log2(w->count);
    bool warm = pass == PASS_WARM;
    uint64_t candidates = rst_load_relaxed(&group->may_run[level]) & pass_segments(group, pass);
    if (w->apart)
        candidates &= ~rst_load_relaxed(&group->filling);
    for (; candidates != 0; candidates &= candidates - 1) {
        unsigned s = rst_lowest_bit64(candidates);
        if (pass == PASS_HUGE && rst_load_relaxed(&group->segment[s].free) == UINT32_MAX)
            continue; /* purged as a whole: nothing is resident */
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

static size_t claim_short(rst_arena *arena, size_t frontier, unsigned count, size_t align, const rst_filling *filling)
{
    wanted w = {.count = count, .positions = aligned_positions(align), .apart = filling != NULL};
    size_t index = claim_in_passes(arena, frontier, filling, &w);
    if (index != SIZE_MAX || !w.apart)
        return index;
    w.apart = false;
    return claim_in_passes(arena, frontier, NULL, &w);
}

static uint64_t segment_bit(size_t segment)
{
    return (uint64_t)1 << segment % RST_GROUP_SEGMENTS;
}

void rst_filling_leave(rst_filling *filling)
{
    if (filling->any)
        rst_and_relaxed(&rst_group_of_segment(&rst_arenas[filling->arena], filling->segment)->filling,
                        ~segment_bit(filling->segment));
    filling->any = false;
}

static void fill(rst_filling *filling, unsigned arena, size_t segment)
{
    if (filling->any && filling->arena == arena && filling->segment == segment)
        return;
    rst_filling_leave(filling);
    *filling = (rst_filling){.segment = segment, .arena = arena, .any = true};
    rst_or_relaxed(&rst_group_of_segment(&rst_arenas[arena], segment)->filling, segment_bit(segment));
}

/* --- runs of several segments ------------------------------------------------------------------------------------------ */

/* The part of a run of `count` slices, from the beginning of a segment, that lies in its i-th segment. */
static uint32_t run_mask(size_t count, size_t i)
{
    size_t rest = count - i * RST_SEGMENT_SLICES;
    return rst_mask32(0, (unsigned)rst_min(rest, RST_SEGMENT_SLICES));
}

static size_t segments_for(size_t count)
{
    return (count + RST_SEGMENT_SLICES - 1) / RST_SEGMENT_SLICES;
}

/* Claim `count` slices from segment `first` on; on failure nothing is held. Returns how many segments were got. */
static size_t claim_run_at(rst_arena *arena, size_t first, size_t count)
{
    size_t n = segments_for(count);
    size_t got = 0;
    while (got < n && claim_mask(rst_segment_at(arena, first + got), run_mask(count, got)))
        got++;
    for (size_t i = 0; got < n && i < got; i++)
        rst_slices_set_free(arena, first + i, run_mask(count, i), true);
    return got;
}

static bool segment_whole_free(rst_arena *arena, size_t segment)
{
    rst_group *group = rst_group_of_segment(arena, segment);
    return (rst_load_relaxed(&group->may_run[RST_RUN_LEVELS - 1]) >> (segment % RST_GROUP_SEGMENTS) & 1) != 0;
}

static size_t claim_long(rst_arena *arena, size_t frontier, size_t count, size_t align)
{
    size_t segments = frontier / RST_SEGMENT_SIZE;
    size_t n = segments_for(count);
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

/* --- claim and release --------------------------------------------------------------------------------------------------- */

static size_t run_clean(rst_arena *arena, size_t index, size_t count)
{
    size_t clean = 0;
    while (count != 0) {
        rst_piece piece = rst_first_piece(index, count);
        clean += mask_clean(rst_segment_at(arena, piece.segment), piece.mask);
        index += piece.count;
        count -= piece.count;
    }
    return clean;
}

/* Set claimed slices free, the first `dirty` of them written. Returns how many read as zero. */
static size_t put_back(rst_arena *arena, size_t index, size_t count, size_t dirty)
{
    size_t clean = 0;
    while (count != 0) {
        rst_piece piece = rst_first_piece(index, count);
        size_t written = rst_slice_pinned(arena, index) ? 0 : rst_min(dirty, piece.count);
        rst_segment *segment = rst_segment_at(arena, piece.segment);
        if (written != 0)
            rst_or_relaxed(&segment->dirty, rst_first_piece(index, written).mask);
        clean += mask_clean(segment, piece.mask);
        rst_slices_set_free(arena, piece.segment, piece.mask, true);
        index += piece.count;
        count -= piece.count;
        dirty -= rst_min(dirty, piece.count);
    }
    return clean;
}

/* Count what has been claimed. False: it would pass the limit, or the system gives no memory; it has been put back as it was. */
static bool admit(rst_arena *arena, size_t index, size_t count, bool *zeroed)
{
    size_t clean = run_clean(arena, index, count);
    *zeroed = clean == count && !rst_slice_pinned(arena, index);
    if (clean != 0 && !rst_process_grow(clean * RST_SLICE_SIZE)) {
        put_back(arena, index, count, 0);
        return false;
    }
    /* Also where none is clean: an outsider may have purged a slice as part of a page, see rst_page_purge. */
    size_t at = rst_max(index, arena->pinned / RST_SLICE_SIZE); /* what is pinned needs no asking */
    if (at < index + count && !rst_os_use(arena->base + at * RST_SLICE_SIZE, (index + count - at) * RST_SLICE_SIZE)) {
        rst_process_sub(footprint, clean * RST_SLICE_SIZE);
        put_back(arena, index, count, 0);
        return false;
    }
    rst_process_use(count * RST_SLICE_SIZE);
    return true;
}

/* Set free what is fresh: it was never claimable before. */
static void free_fresh(rst_arena *arena, size_t first, size_t end)
{
    for (size_t s = first; s < end; s++)
        rst_slices_set_free(arena, s, UINT32_MAX, false);
}

/* A run from beyond the frontier; what else became new, and what is left of the run's last segment, becomes free. Huge pages are asked for
 * before another thread can touch any of it. */
static size_t claim_fresh(rst_arena *arena, size_t frontier, size_t count, size_t align, bool dense,
                          rst_growth *growth_out)
{
    size_t n = segments_for(count);
    rst_growth growth = rst_arena_grow(arena, n, rst_max(align / RST_SEGMENT_SLICES, 1), frontier);
    *growth_out = growth;
    if (growth.first == SIZE_MAX)
        return SIZE_MAX;
    if (dense)
        rst_huge_grown(arena, growth.from * RST_SEGMENT_SLICES, (growth.to - growth.from) * RST_SEGMENT_SLICES);
    size_t last = growth.first + n - 1;
    size_t rest = n * RST_SEGMENT_SLICES - count;
    free_fresh(arena, growth.from, growth.first);
    free_fresh(arena, last + 1, growth.to);
    if (rest != 0)
        rst_slices_set_free(arena, last, rst_mask32((unsigned)(RST_SEGMENT_SLICES - rest), (unsigned)rest), false);
    return growth.first * RST_SEGMENT_SLICES;
}

/* SIZE_MAX: not in this arena; *refused: and in no other either, the system gives no memory. */
static size_t claim_in_arena(rst_arena *arena, size_t count, size_t align, bool dense, const rst_filling *filling,
                             bool *refused)
{
    for (;;) {
        size_t frontier = rst_load_acquire(&arena->frontier); /* pairs with the release in rst_arena_grow */
        size_t index = count <= RST_SEGMENT_SLICES && align <= RST_SEGMENT_SLICES
                           ? claim_short(arena, frontier, (unsigned)count, align, filling)
                           : claim_long(arena, frontier, count, align);
        if (index != SIZE_MAX)
            return index;
        rst_growth growth;
        index = claim_fresh(arena, frontier, count, align, dense, &growth);
        *refused |= growth.refused;
        if (!growth.moved)
            return index;
    }
}

rst_slice *rst_slices_claim(size_t count, size_t align, bool dense, rst_filling *filling, bool *zeroed)
{
    size_t bytes = (count + (align > RST_SEGMENT_SLICES ? align : 0)) * RST_SLICE_SIZE;
    if (count == 0 || count > RST_SIZE_MAX / 2 / RST_SLICE_SIZE || align > RST_SIZE_MAX / 2 / RST_SLICE_SIZE ||
        count * RST_SLICE_SIZE > rst_load_relaxed(&rst_footprint_limit)) /* relaxed: looked at again, see admit */
        return NULL;
    unsigned from = 0;
    bool refused = false;
    for (;;) {
        unsigned arenas = rst_arena_count();
        for (unsigned i = from; i < arenas; i++) {
            size_t index = claim_in_arena(&rst_arenas[i], count, align, dense, filling, &refused);
            if (index != SIZE_MAX) {
                if (!admit(&rst_arenas[i], index, count, zeroed))
                    return NULL;
                if (filling != NULL)
                    fill(filling, i, index / RST_SEGMENT_SLICES);
                rst_huge_claimed(&rst_arenas[i], index, count, dense);
                rst_relic_claimed(&rst_arenas[i], index, count);
                rst_arenas[i].slices[index].arena = (uint8_t)i;
                return &rst_arenas[i].slices[index];
            }
        }
        from = arenas;
        if (refused || !rst_arena_add(bytes, arenas)) /* more address space does not help against want of memory */
            return NULL;
    }
}

bool rst_slices_extend(rst_slice *first, size_t count, size_t more, bool *zeroed)
{
    rst_arena *arena = &rst_arenas[first->arena];
    size_t index = rst_slice_index(arena, first) + count;
    size_t frontier = rst_load_acquire(&arena->frontier); /* pairs with the release in rst_arena_grow */
    size_t inside = rst_min(more, frontier / RST_SLICE_SIZE - index);
    size_t got = 0;
    while (got < inside) {
        rst_piece piece = rst_first_piece(index + got, inside - got);
        if (!claim_mask(rst_segment_at(arena, piece.segment), piece.mask))
            break;
        got += piece.count;
    }
    bool done = got == inside;
    if (done && inside < more) {
        rst_growth growth;
        done = claim_fresh(arena, frontier, more - inside, 1, false, &growth) != SIZE_MAX;
    }
    if (!done) {
        put_back(arena, index, got, 0); /* as they came, warm or not */
        return false;
    }
    if (!admit(arena, index, more, zeroed))
        return false;
    rst_relic_claimed(arena, index, more);
    return true;
}

void rst_slices_release(unsigned arena_index, size_t index, size_t count, size_t dirty)
{
    rst_process_sub(in_use, count * RST_SLICE_SIZE);
    size_t clean = put_back(&rst_arenas[arena_index], index, count, dirty);
    if (clean != 0)
        rst_process_sub(footprint, clean * RST_SLICE_SIZE);
}

bool rst_slice_hold_untouched(rst_arena *arena, size_t index)
{
    size_t frontier = rst_load_acquire(&arena->frontier); /* pairs with the release in rst_arena_grow */
    if (index >= frontier / RST_SLICE_SIZE || rst_slice_pinned(arena, index))
        return false;
    rst_piece piece = rst_first_piece(index, 1);
    rst_segment *segment = rst_segment_at(arena, piece.segment);
    /* relaxed: a hint, looked at again */
    if ((rst_load_relaxed(&segment->dirty) & piece.mask) != 0 || !claim_mask(segment, piece.mask))
        return false;
    if (mask_clean(segment, piece.mask) != 0)
        return true;
    put_back(arena, index, 1, 0);
    return false;
}

void rst_slice_let_go(rst_arena *arena, size_t index, bool written)
{
    if (written)
        rst_process_grow_back(RST_SLICE_SIZE);
    put_back(arena, index, 1, written);
}

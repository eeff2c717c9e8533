/* Slices handed out: see segment.h.
 * SPDX-License-Identifier: MIT */
#include "core/segment.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/relic.h"
#include "core/summary.h"
#include "os/os.h"

/* How many of the claimed slices read as zero. */
static unsigned mask_clean(rst_segment *segment, uint32_t mask)
{
    return rst_popcount32(mask & ~rst_load_relaxed(&segment->dirty)); /* relaxed: ours since the claim */
}

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

/* Count what has been claimed in the footprint. False: it would pass the limit, or the system gives no memory; it has been put back as it was. */
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
    size_t n = rst_segments_for(count);
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
        size_t index = rst_search(arena, frontier, count, align, dense, filling);
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
                rst_process_use(count * RST_SLICE_SIZE);
                if (filling != NULL)
                    rst_filling_set(filling, i, index / RST_SEGMENT_SLICES);
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
        if (!rst_segment_claim(rst_segment_at(arena, piece.segment), piece.mask))
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
    rst_process_use(more * RST_SLICE_SIZE);
    rst_relic_claimed(arena, index, more);
    return true;
}

/* Set free what was admitted. */
static void let_go(rst_arena *arena, size_t index, size_t count, size_t dirty)
{
    size_t clean = put_back(arena, index, count, dirty);
    if (clean != 0)
        rst_process_sub(footprint, clean * RST_SLICE_SIZE);
}

void rst_slices_release(unsigned arena_index, size_t index, size_t count, size_t dirty)
{
    rst_process_sub(in_use, count * RST_SLICE_SIZE);
    let_go(&rst_arenas[arena_index], index, count, dirty);
}

size_t rst_segment_hold(rst_arena *arena, bool *zeroed)
{
    bool refused = false;
    size_t index = claim_in_arena(arena, RST_SEGMENT_SLICES, RST_SEGMENT_SLICES, false, NULL, &refused);
    return index != SIZE_MAX && admit(arena, index, RST_SEGMENT_SLICES, zeroed) ? index / RST_SEGMENT_SLICES : SIZE_MAX;
}

void rst_segment_let_go(rst_arena *arena, size_t segment, bool written)
{
    let_go(arena, segment * RST_SEGMENT_SLICES, RST_SEGMENT_SLICES, written ? RST_SEGMENT_SLICES : 0);
}

bool rst_slice_hold_untouched(rst_arena *arena, size_t index)
{
    size_t frontier = rst_load_acquire(&arena->frontier); /* pairs with the release in rst_arena_grow */
    if (index >= frontier / RST_SLICE_SIZE || rst_slice_pinned(arena, index))
        return false;
    rst_piece piece = rst_first_piece(index, 1);
    rst_segment *segment = rst_segment_at(arena, piece.segment);
    /* relaxed: a hint, looked at again */
    if ((rst_load_relaxed(&segment->dirty) & piece.mask) != 0 || !rst_segment_claim(segment, piece.mask))
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

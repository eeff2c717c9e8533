/* Ready: see ready.h. SPDX-License-Identifier: MIT */
#include "core/ready.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/press.h"
#include "core/purge.h"
#include "core/search.h"
#include "core/segment.h"
#include "core/summary.h"
#include "os/os.h"

/* What is ready and not needed after all should be little beside what the process holds. */
#define READY_LEAST (32 * RST_MIB)

_Atomic uint32_t rst_ready_wanted;

void rst_ready_consider(const rst_slice *page)
{
    rst_arena *arena = &rst_arenas[page->arena];
    rst_piece piece = rst_first_piece(rst_slice_index(arena, page), page->span);
    uint32_t free = rst_load_relaxed(&rst_segment_at(arena, piece.segment)->free);
    if (RST_LIKELY((free | piece.mask) != UINT32_MAX) || !rst_huge_asked(arena, piece.segment) ||
        rst_load_relaxed(&rst_process.in_use) < READY_LEAST)
        return;
    atomic_store_explicit(&rst_ready_wanted, 1u, memory_order_seq_cst); /* before the call: see rst_keeper_call */
    rst_keeper_call();
}

static bool is_ready(void)
{
    const rst_segment *segment = rst_load_relaxed(&rst_search_ready);
    return segment != NULL && rst_load_relaxed(&segment->free) == UINT32_MAX &&
           rst_load_relaxed(&segment->dirty) == UINT32_MAX;
}

/* Claim a whole segment; what else the arena grows by becomes free. SIZE_MAX: there is none. */
static size_t claim_whole(rst_arena *arena)
{
    size_t frontier = rst_load_acquire(&arena->frontier); /* pairs with the release in rst_arena_grow */
    size_t index = rst_search(arena, frontier, RST_SEGMENT_SLICES, RST_SEGMENT_SLICES, false, NULL);
    if (index != SIZE_MAX)
        return index / RST_SEGMENT_SLICES;
    rst_growth growth = rst_arena_grow(arena, 1, 1, frontier);
    if (growth.first == SIZE_MAX)
        return SIZE_MAX;
    for (size_t s = growth.from; s < growth.to; s++) {
        if (s != growth.first)
            rst_slices_set_free(arena, s, UINT32_MAX, false);
    }
    return growth.first;
}

/* Have a claimed segment resident, in a huge page. True: all of it counts as dirty now. */
static bool make(rst_arena *arena, size_t s)
{
    rst_segment *segment = rst_segment_at(arena, s);
    size_t index = s * RST_SEGMENT_SLICES;
    uint32_t clean = ~rst_load_relaxed(&segment->dirty);
    size_t bytes = rst_popcount32(clean) * RST_SLICE_SIZE;
    if (clean == 0 || rst_slice_pinned(arena, index) || !rst_process_grow(bytes))
        return false;
    char *memory = arena->base + s * RST_SEGMENT_SIZE;
    bool usable = rst_os_use(memory, RST_SEGMENT_SIZE);
    if (usable)
        rst_huge_claimed(arena, index, RST_SEGMENT_SLICES, true);
    if (!usable || !rst_huge_asked(arena, s)) {
        rst_process_sub(footprint, bytes);
        return false;
    }
    if (clean == UINT32_MAX)
        *(volatile char *)memory = 0;
    rst_or_relaxed(&segment->dirty, clean);
    return true;
}

void rst_ready_serve(void)
{
    if (rst_load_seq(&rst_ready_wanted) == 0)
        return;
    rst_store_relaxed(&rst_ready_wanted, 0u);
    if (is_ready() || rst_load_relaxed(&rst_pressed) != RST_PRESS_NONE)
        return;
    size_t s = SIZE_MAX;
    rst_arena *arena = NULL;
    for (unsigned i = 0; i < rst_arena_count() && s == SIZE_MAX; i++) {
        arena = &rst_arenas[i];
        s = claim_whole(arena);
    }
    if (s == SIZE_MAX)
        return;
    if (make(arena, s)) {
        rst_store_relaxed(&rst_search_ready, rst_segment_at(arena, s));
        rst_process_add(huge_readied, 1);
    }
    rst_slices_set_free(arena, s, UINT32_MAX, true);
}

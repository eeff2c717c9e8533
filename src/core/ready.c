/* Ready: see ready.h. SPDX-License-Identifier: MIT */
#include "core/ready.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/press.h"
#include "core/purge.h"
#include "core/search.h"
#include "core/segment.h"

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

/* Have a held segment resident, in a huge page. False: it cannot be had, or all of it is warm already. */
static bool make(rst_arena *arena, size_t s, bool zeroed)
{
    if (rst_load_relaxed(&rst_segment_at(arena, s)->dirty) == UINT32_MAX)
        return false;
    rst_huge_claimed(arena, s * RST_SEGMENT_SLICES, RST_SEGMENT_SLICES, true);
    if (!rst_huge_asked(arena, s))
        return false;
    if (zeroed)
        *(volatile char *)(arena->base + s * RST_SEGMENT_SIZE) = 0;
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
    bool zeroed = false;
    rst_arena *arena = NULL;
    for (unsigned i = 0; i < rst_arena_count() && s == SIZE_MAX; i++) {
        arena = &rst_arenas[i];
        s = rst_segment_hold(arena, &zeroed);
    }
    if (s == SIZE_MAX)
        return;
    bool made = make(arena, s, zeroed);
    if (made) {
        rst_store_relaxed(&rst_search_ready, rst_segment_at(arena, s));
        rst_process_add(huge_readied, 1);
    }
    rst_segment_let_go(arena, s, made);
}

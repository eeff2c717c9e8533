/* Views of pages: see view.h. A page's free blocks are in up to four places: at the page, in its owner's list, kept beside it by outsiders,
 * and in open batches. What is not in one of them is in use. SPDX-License-Identifier: MIT */
#include "stats/view.h"

#include "core/holes.h"
#include "core/large.h"
#include "os/os.h"
#include "threadcache/registry.h"

#include <string.h>

enum { READINGS = 8 };

#define BROKEN UINT32_MAX

/* What must stand still while the free blocks of a page are found. */
typedef struct state {
    rst_slice slice; /* as far as `next` */
    rst_slice *active;
    rst_block *list;
    uint64_t handed;
} state;

static void read_state(state *s, const rst_slice *at)
{
    rst_os_snapshot(&s->slice, at, sizeof s->slice);
    rst_heap *owner = rst_load_acquire(&at->owner); /* pairs with rst_page_make: the heap may be new */
    unsigned c = s->slice.size_class;
    s->active = NULL;
    if (owner == NULL || c >= RST_CLASS_COUNT)
        return;
    rst_os_snapshot(&s->active, &owner->active[c], sizeof s->active);
    rst_os_snapshot(&s->list, &owner->list[c], sizeof s->list);
    s->handed = rst_load_relaxed(&owner->handed[c]);
    if (s->active != at)
        s->active = NULL;
}

static bool is_same(const state *a, const state *b)
{
    return memcmp(&a->slice, &b->slice, offsetof(rst_slice, next)) == 0 && a->active == b->active &&
           (a->active == NULL || (a->list == b->list && a->handed == b->handed));
}

/* --- free blocks ----------------------------------------------------------------------------------------------------------------- */

static bool mark(rst_view *view, const rst_class_info *info, const rst_block *block)
{
    uint64_t i = rst_class_index(info, (uintptr_t)block - (uintptr_t)view->page.memory);
    if (i >= view->page.blocks || (view->free[i / RST_VIEW_WORD] >> i % RST_VIEW_WORD & 1) != 0)
        return false;
    view->free[i / RST_VIEW_WORD] |= (uint64_t)1 << i % RST_VIEW_WORD;
    view->page.used--;
    return true;
}

/* Mark a chain, at most so many blocks of it. Returns how many; BROKEN: it leads to what is no block of the page, or was met before. */
static uint32_t mark_chain(rst_view *view, const rst_class_info *info, const rst_block *block, uint32_t most)
{
    uint32_t count = 0;
    for (; block != NULL && count < most; count++) {
        if (!mark(view, info, block))
            return BROKEN;
        rst_block copy;
        rst_os_snapshot(&copy, block, sizeof copy);
        block = copy.next;
    }
    return count;
}

/* What a thread has freed and not sent. */
static bool mark_batch(rst_view *view, const rst_class_info *info, const rst_slice *at, const rst_batch *from)
{
    rst_batch batch, again;
    rst_os_snapshot(&batch, from, sizeof batch);
    if (batch.page != at)
        return true;
    bool whole = mark_chain(view, info, batch.head, batch.count) == batch.count;
    rst_os_snapshot(&again, from, sizeof again);
    return whole && again.page == at && again.head == batch.head && again.count == batch.count;
}

static bool mark_batches(rst_view *view, const rst_class_info *info, const rst_slice *at)
{
    bool whole = true;
    for (const rst_heap *heap = rst_registry_first(); heap != NULL && whole; heap = heap->next_heap)
        whole = mark_batch(view, info, at, &heap->batch[rst_batch_slot(at)]);
    return whole;
}

/* Blocks in memory that was given back are in no list. */
static bool mark_holes(rst_view *view, const rst_slice *page, const rst_slice *at)
{
    rst_slice slices[RST_MEDIUM_SLICES];
    uint32_t count = 0;
    if (page->holes.blocks == 0)
        return true;
    if (page->span > RST_MEDIUM_SLICES)
        return false;
    rst_os_snapshot(slices, at, page->span * sizeof *slices);
    if (slices[0].size_class != page->size_class || slices[0].span != page->span)
        return false;
    rst_grid grid = rst_grid_of(slices);
    for (uint64_t holes = grid.holes; holes != 0; holes &= holes - 1) {
        rst_starts starts = rst_starts_in(&grid, rst_lowest_bit64(holes));
        for (unsigned i = starts.from; i < starts.to; i++, count++) {
            if (!mark(view, grid.info, (const rst_block *)((char *)view->page.memory + i * grid.info->size)))
                return false;
        }
    }
    return count == page->holes.blocks;
}

/* False: they do not add up. Someone is changing them, or the program has damaged them. */
static bool mark_all(rst_view *view, const state *s, const rst_slice *at)
{
    const rst_slice *page = &s->slice;
    const rst_class_info *info = &rst_classes[page->size_class];
    rst_page_state where = rst_page_state_of(page);
    uint32_t left = rst_load_relaxed(&page->left);
    bool held = (rst_load_relaxed(&page->state) & RST_PAGE_HELD) != 0;
    if (held || (where == RST_PAGE_ACTIVE && left < RST_PAGE_NO_END))
        return false;
    const char *kept = (const char *)view->page.memory + (size_t)page->foreign_head * RST_GRAIN;
    bool here = mark_chain(view, info, page->free, BROKEN) == rst_page_made(page) - rst_page_out_in(page, where, left);
    bool beside = mark_chain(view, info, (const rst_block *)kept, page->foreign_count) == page->foreign_count;
    bool listed = s->active == NULL || mark_chain(view, info, s->list, BROKEN) != BROKEN;
    return here && beside && listed && mark_holes(view, page, at) && mark_batches(view, info, at);
}

/* --- what begins at a slice ------------------------------------------------------------------------------------------------------- */

/* Blocks cut of a page. Who has taken one has them all. */
static uint32_t blocks_cut(const rst_slice *page)
{
    uint32_t cut = rst_page_state_of(page) == RST_PAGE_TAKEN ? 0 : page->carved;
    return (uint32_t)rst_min(cut, rst_classes[page->size_class].capacity);
}

static bool is_page(const rst_slice *slice)
{
    return slice->kind == RST_KIND_PAGE && slice->size_class < RST_CLASS_COUNT;
}

/* The view as far as the descriptor tells, all blocks in use. */
static void begin(rst_view *view, const rst_slice *slice, const rst_heap *owner, char *memory)
{
    bool paged = owner != NULL;
    memset(view->free, 0, sizeof view->free);
    view->page = (roost_page){.size = sizeof view->page,
                              .memory = memory,
                              .bytes = slice->span * RST_SLICE_SIZE,
                              .block_size = paged ? rst_classes[slice->size_class].size : slice->large_size,
                              .blocks = paged ? blocks_cut(slice) : 1,
                              .heap = paged ? owner->number : ROOST_NO_HEAP};
    view->page.used = view->page.blocks;
}

/* False: there is nothing, or nothing of `only`. Else view->page.settled tells whether it held still. */
static bool read_once(rst_view *view, state *s, const rst_slice *at, const rst_heap *only, char *memory)
{
    const rst_heap *owner = is_page(&s->slice) ? rst_load_relaxed(&s->slice.owner) : NULL; /* relaxed: a copy */
    if ((owner == NULL && s->slice.kind != RST_KIND_LARGE) || (only != NULL && owner != only))
        return false;
    begin(view, &s->slice, owner, memory);
    bool whole = owner == NULL || view->page.blocks == 0 || mark_all(view, s, at);
    state after;
    read_state(&after, at);
    view->page.settled = whole && is_same(s, &after);
    *s = after;
    return true;
}

bool rst_view_read(rst_view *view, const rst_arena *arena, size_t index, const rst_heap *only, size_t *slices)
{
    const rst_slice *at = &arena->slices[index];
    char *memory = arena->base + index * RST_SLICE_SIZE;
    state s;
    read_state(&s, at);
    bool found = read_once(view, &s, at, only, memory);
    for (unsigned i = 1; i < READINGS && found && !view->page.settled; i++)
        found = read_once(view, &s, at, only, memory);
    *slices = rst_slice_step(&s.slice);
    return found;
}

/* Where the run begins that a slice is in, SIZE_MAX: in none. */
static size_t run_around(rst_arena *arena, size_t index)
{
    rst_slice slice;
    rst_os_snapshot(&slice, &arena->slices[index], sizeof slice);
    if (slice.kind == RST_KIND_NONE)
        return rst_large_around(arena, index);
    return slice.kind == RST_KIND_INTERIOR ? index - rst_min(slice.span, index) : index;
}

bool rst_view_find(rst_view *view, const void *address, size_t *i)
{
    rst_arena *arena = rst_arena_of(address);
    if (arena == NULL)
        return false;
    size_t slices;
    size_t index = run_around(arena, rst_slice_index_at(arena, address));
    if (index == SIZE_MAX || !rst_view_read(view, arena, index, NULL, &slices))
        return false;
    *i = ((uintptr_t)address - (uintptr_t)view->page.memory) / view->page.block_size;
    return *i < view->page.blocks;
}

roost_block rst_view_block(const rst_view *view, size_t i)
{
    bool free = (view->free[i / RST_VIEW_WORD] >> i % RST_VIEW_WORD & 1) != 0;
    return (roost_block){.size = sizeof(roost_block),
                         .memory = (char *)view->page.memory + i * view->page.block_size,
                         .bytes = view->page.block_size,
                         .used = !free};
}

/* Holes: see hollow.h. SPDX-License-Identifier: MIT */
#include "core/hollow.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/options.h"
#include "core/press.h"
#include "core/segment.h"
#include "os/os.h"

enum { WORD_BITS = 64, BLOCKS_MAX = RST_SLICE_SIZE / RST_GRAIN };

/* A held page, and what of it is free. */
typedef struct hollow {
    rst_slice *page;
    rst_grid grid;
    char *memory;
    uint64_t free[BLOCKS_MAX / WORD_BITS]; /* blocks that nobody has */
    rst_block *head;                       /* of the list */
} hollow;

/* --- what may be looked for ---------------------------------------------------------------------------------------------------------- */

size_t rst_hollow_most(const rst_slice *copy, uint32_t left)
{
    size_t out = left + copy->holes.blocks;
    return out < copy->carved ? (copy->carved - out) * rst_classes[copy->size_class].size : 0;
}

/* --- holding ------------------------------------------------------------------------------------------------------------------------ */

bool rst_page_hold(rst_slice *page, uint32_t seen)
{
    /* acquire: pairs with rst_page_shift, and with whoever held it before. Zero: the owner is about to act on it; if it begins to after this, it
     * finds the page held, or this swap fails. */
    return rst_load_acquire(&page->left) != 0 &&
           rst_cas_acq_rel(&page->state, &seen,
                           (seen & ~(RST_PAGE_VERSION - 1)) + RST_PAGE_VERSION +
                               (RST_PAGE_AVAILABLE | RST_PAGE_OLD | RST_PAGE_HELD));
}

bool rst_page_let_go(rst_slice *page)
{
    uint32_t seen = rst_load_relaxed(&page->state);
    uint32_t free_again = rst_page_state_after(seen, RST_PAGE_AVAILABLE) | RST_PAGE_OLD;
    /* What it looks like now; the mark of frees that come in between is an older one, and it is looked at again. */
    page->holes.seen = rst_hollow_mark(free_again, rst_load_relaxed(&page->left));
    /* release: the owner sees the links and holes. acquire: or we see what it freed last. */
    if ((seen & RST_PAGE_EMPTIED) == 0 && rst_cas_acq_rel(&page->state, &seen, free_again))
        return true;
    seen = rst_load_acquire(&page->state);                                       /* pairs with page_claim_empty */
    rst_store_relaxed(&page->state, rst_page_state_after(seen, RST_PAGE_TAKEN)); /* relaxed: it comes by the token */
    rst_page_purge(page);
    return false;
}

/* --- hollowing out ------------------------------------------------------------------------------------------------------------------ */

static bool is_free(const hollow *h, unsigned block)
{
    return (h->free[block / WORD_BITS] >> block % WORD_BITS & 1) != 0;
}

static void set_free(hollow *h, unsigned block)
{
    h->free[block / WORD_BITS] |= (uint64_t)1 << block % WORD_BITS;
}

/* Blocks that were freed long ago are in no cache, and each leads to the next: so all are asked for side by side first. */
static void fetch_blocks(const hollow *h)
{
    size_t step = rst_max(h->grid.info->size, RST_CACHE_LINE), end = h->page->carved * (size_t)h->grid.info->size;
    for (size_t at = 0; at < end; at += step)
        __builtin_prefetch(h->memory + at);
}

/* Mark the blocks of the list as it was when `left` was read, whose head lies on a page that the owner may be freeing to. False: it was, or
 * the list is damaged, which is the owner's to find. */
static bool mark_list(hollow *h)
{
    rst_os_snapshot(&h->head, &h->page->free, sizeof h->head);
    if (!rst_os_see_through()) /* what the owner wrote before this head */
        return false;
    /* acquire: pairs with the decrements in free; the blocks that it counts are seen whole. */
    uint32_t listed = rst_page_made(h->page) - rst_load_acquire(&h->page->left);
    fetch_blocks(h);
    rst_block *block = h->head;
    uint32_t n = 0;
    for (; block != NULL && n < listed; n++) {
        uint64_t index = rst_class_index(h->grid.info, (uintptr_t)block - (uintptr_t)h->memory);
        if (index >= h->page->carved || is_free(h, (unsigned)index))
            return false;
        set_free(h, (unsigned)index);
        rst_block copy = {.next = NULL};
        rst_os_snapshot(&copy, block, sizeof copy);
        block = copy.next;
    }
    return n == listed && block == NULL && n != 0;
}

static void mark_rest(hollow *h)
{
    for (uint64_t holes = h->grid.holes; holes != 0; holes &= holes - 1) {
        rst_starts s = rst_starts_in(&h->grid, rst_lowest_bit64(holes));
        for (unsigned i = s.from; i < s.to; i++)
            set_free(h, i);
    }
    for (unsigned i = h->page->carved; i < h->grid.info->capacity; i++)
        set_free(h, i);
}

/* Whether an OS page holds nothing of a block that somebody has, nor the list's head, nor both carved blocks and others. */
static bool may_go(const hollow *h, unsigned os_page)
{
    size_t from = os_page * h->grid.os_page, to = from + h->grid.os_page;
    rst_starts s = rst_starts_in(&h->grid, os_page);
    unsigned carved = h->page->carved;
    if ((size_t)((char *)h->head - h->memory) - from < h->grid.os_page || (s.from < carved && s.to > carved))
        return false;
    unsigned last = (unsigned)rst_min((to - 1) / h->grid.info->size, h->grid.info->capacity - 1u);
    for (unsigned i = (unsigned)(from / h->grid.info->size); i <= last; i++) {
        if (!is_free(h, i))
            return false;
    }
    return true;
}

/* OS pages in which carved blocks begin, and which become holes. */
static uint64_t new_holes(const hollow *h, uint64_t goes)
{
    uint64_t made = 0;
    for (uint64_t rest = goes & ~h->grid.holes; rest != 0; rest &= rest - 1) {
        unsigned at = rst_lowest_bit64(rest);
        rst_starts s = rst_starts_in(&h->grid, at);
        if (s.from < s.to && s.to <= h->page->carved)
            made |= (uint64_t)1 << at;
    }
    return made;
}

/* Take the blocks that begin in new holes out of the list. The head stays: the owner may have chained blocks to it. */
static void take_out(hollow *h, uint64_t made)
{
    rst_block *kept = h->head;
    unsigned blocks = 0;
    for (rst_block *block = kept->next; block != NULL; block = block->next) {
        size_t os_page = (size_t)((char *)block - h->memory) / h->grid.os_page;
        if ((made >> os_page & 1) != 0) {
            blocks++;
        } else {
            kept->next = block;
            kept = block;
        }
    }
    kept->next = NULL;
    h->grid.holes |= made;
    rst_holes_store(&h->grid, h->page);
    h->page->holes.blocks = (uint16_t)(h->page->holes.blocks + blocks);
}

/* A huge page is kept whole until here: where blocks lie in small pages the looks at them cost more. */
static void break_huge(const char *memory)
{
    rst_arena *arena = rst_arena_of(memory);
    size_t segment = rst_slice_index_at(arena, memory) / RST_SEGMENT_SLICES;
    if (rst_huge_asked(arena, segment))
        rst_segment_break(arena, segment);
}

size_t rst_hollowed_purge(rst_hollowed *hollowed)
{
    if (hollowed->count == 0)
        return 0;
    break_huge(hollowed->run[0].address);
    uint64_t done = rst_os_purge_runs(hollowed->run, hollowed->count, true, rst_option_get(pressure) != 0);
    size_t purged = 0;
    for (uint64_t rest = done; rest != 0; rest &= rest - 1)
        purged += hollowed->run[rst_lowest_bit64(rest)].size;
    hollowed->count = 0;
    rst_press_count_purged(rst_popcount64(done), purged);
    rst_process_add(purged_inside, purged);
    return purged;
}

/* Add runs of OS pages; those that were holes all along are left alone. */
static size_t add_runs(const hollow *h, uint64_t goes, uint64_t old, rst_hollowed *hollowed)
{
    size_t purged = 0;
    while (goes != 0) {
        uint64_t before = goes;
        rst_bit_run run = rst_take_run64(&goes);
        if (((before ^ goes) & ~old) == 0)
            continue;
        if (hollowed->count == RST_OS_RUNS_MAX)
            purged += rst_hollowed_purge(hollowed);
        hollowed->run[hollowed->count++] =
            (rst_os_run){h->memory + run.at * h->grid.os_page, run.count * h->grid.os_page};
    }
    return purged;
}

size_t rst_page_hollow(rst_slice *page, size_t least, rst_hollowed *hollowed)
{
    hollow h = {.page = page, .grid = rst_grid_of(page), .memory = rst_page_memory(page)};
    const rst_arena *arena = &rst_arenas[page->arena];
    if (h.grid.per_slice == 0 || rst_slice_pinned(arena, rst_slice_index(arena, page)) || !mark_list(&h))
        return 0;
    mark_rest(&h);
    uint64_t goes = 0;
    for (unsigned i = 0; i < h.grid.count; i++)
        goes |= (uint64_t)may_go(&h, i) << i;
    uint64_t old = h.grid.holes;
    if (rst_popcount64(goes & ~old) * h.grid.os_page < rst_max(least, 1))
        return 0;
    take_out(&h, new_holes(&h, goes));
    return add_runs(&h, goes, old, hollowed);
}

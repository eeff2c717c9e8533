/* Pages: see page.h. SPDX-License-Identifier: MIT */
#include "core/page.h"

#include "core/counters.h"
#include "core/holes.h"
#include "core/huge.h"
#include "core/press.h"
#include "core/segment.h"
#include "os/fmt.h"
#include "os/os.h"

static void page_reset(rst_slice *page, unsigned size_class)
{
    page->free = NULL;
    page->carved = 0;
    page->foreign_count = 0;
    page->size_class = (uint8_t)size_class;
    for (unsigned i = 0; i < rst_classes[size_class].span; i++)
        page[i].holes = (rst_holes){.mask = 0};
    rst_page_shift(page, RST_PAGE_ACTIVE, RST_PAGE_NO_END);
    page->next = page->prev = NULL;
}

rst_slice *rst_page_make(struct rst_heap *owner, unsigned size_class, bool dense, rst_filling *filling)
{
    unsigned span = rst_classes[size_class].span;
    bool zeroed;
    rst_slice *page = rst_slices_claim(span, 1, dense, filling, &zeroed);
    if (page == NULL)
        return NULL;
    page_reset(page, size_class);
    page->span = span;
    page->past = zeroed ? RST_PAGE_FRESH : RST_PAGE_USED;
    for (unsigned i = 1; i < span; i++) {
        page[i].kind = RST_KIND_INTERIOR;
        page[i].span = i;
    }
    page->kind = RST_KIND_PAGE;
    /* release: who finds the heap by its page, to tell its figures, sees it whole. Who frees a block has it from the program. */
    rst_store_release(&page->owner, owner); /* pairs with add_slice in collect.c */
    return page;
}

void rst_page_recut(rst_slice *page, unsigned size_class)
{
    page_reset(page, size_class);
    page->past = RST_PAGE_RECUT;
}

void rst_page_end(rst_slice *page)
{
    unsigned arena = page->arena;
    unsigned span = page->span;
    bool purged = page->carved == 0 && rst_page_state_of(page) == RST_PAGE_TAKEN;
    size_t written = rst_slices_for((size_t)page->carved * rst_classes[page->size_class].size);
    if (page->past == RST_PAGE_RECUT && !purged)
        written = span;
    rst_store_relaxed(&page->owner, NULL); /* relaxed: released with the slices */
    for (unsigned i = 0; i < span; i++)
        page[i].kind = RST_KIND_NONE;
    rst_slices_release(arena, rst_slice_index(&rst_arenas[arena], page), span, written);
}

/* Chain blocks that lie side by side, of an ACTIVE page, before *list. */
static void chain_run(rst_slice *page, unsigned first_index, unsigned count, rst_block **list)
{
    size_t size = rst_classes[page->size_class].size;
    char *first = rst_page_memory(page) + first_index * size;
    char *last = first + (size_t)(count - 1) * size;
    for (char *p = first; p < last; p += size)
        ((rst_block *)p)->next = (rst_block *)(p + size);
    ((rst_block *)last)->next = *list;
    rst_store_relaxed(&page->left, rst_load_relaxed(&page->left) + count); /* relaxed: active */
    *list = (rst_block *)first;
}

unsigned rst_page_carve(rst_slice *page, rst_block **list)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    unsigned first = page->carved;
    unsigned count = (unsigned)rst_min(info->chunk, (size_t)(info->capacity - page->carved));
    if (RST_UNLIKELY(page->holes.blocks != 0))
        count = rst_holes_fill(page, &first);
    else
        page->carved = (uint16_t)(page->carved + count);
    if (count != 0)
        chain_run(page, first, count, list);
    return count;
}

rst_page_activation rst_page_activate(rst_slice *page)
{
    uint32_t seen = rst_load_relaxed(&page->state);
    do {
        if ((seen & RST_PAGE_STATE_MASK) != RST_PAGE_AVAILABLE)
            return RST_PAGE_WAS_TAKEN;
        if ((seen & RST_PAGE_HELD) != 0)
            return RST_PAGE_IS_HELD;
        /* acquire: what an outsider did to the page while it held it. Nobody but the owner reads an active page. Against the swaps in
         * rst_page_take_whole and rst_page_hold: one of the two wins. */
    } while (!rst_cas_acquire(&page->state, &seen, rst_page_state_after(seen, RST_PAGE_ACTIVE)));
    rst_store_relaxed(&page->left, RST_PAGE_NO_END + rst_load_relaxed(&page->left)); /* relaxed: active */
    return RST_PAGE_ACTIVATED;
}

/* The last block of an AVAILABLE page is back: from here on the page is the owner's alone, ACTIVE, and empty. False: an outsider holds it, and
 * is told. */
static bool page_claim_empty(rst_slice *page)
{
    uint32_t seen = rst_load_relaxed(&page->state);
    uint32_t next;
    do {
        if ((seen & RST_PAGE_STATE_MASK) != RST_PAGE_AVAILABLE)
            return false; /* a block was freed once too often */
        next = (seen & RST_PAGE_HELD) != 0 ? seen | RST_PAGE_EMPTIED : rst_page_state_after(seen, RST_PAGE_ACTIVE);
        /* acquire: what an outsider did to the page. release: it takes the page, and sees the last block chained. */
    } while (!rst_cas_acq_rel(&page->state, &seen, next));
    if ((next & RST_PAGE_HELD) != 0)
        return false;
    rst_store_relaxed(&page->left, RST_PAGE_NO_END); /* relaxed: active */
    return true;
}

rst_page_event rst_page_turn(rst_slice *page, uint32_t surplus)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    if (rst_page_state_of(page) == RST_PAGE_FULL) {
        uint32_t left = info->capacity - info->reserve - surplus;
        if (left == 0) {
            rst_page_shift(page, RST_PAGE_ACTIVE, RST_PAGE_NO_END);
            return (rst_page_event)(RST_PAGE_WAS_FULL | RST_PAGE_NOW_EMPTY);
        }
        rst_page_shift(page, RST_PAGE_AVAILABLE, left);
        rst_holes_want(page);
        return RST_PAGE_WAS_FULL;
    }
    return page_claim_empty(page) ? RST_PAGE_NOW_EMPTY : RST_PAGE_NO_EVENT;
}

rst_page_event rst_page_put_chain(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count)
{
    uint32_t left = rst_load_relaxed(&page->left);
    tail->next = page->free;
    page->free = head;
    /* release: whoever takes the page by this count sees the chain written. Pairs with rst_page_take_whole. */
    if (count < left) {
        rst_store_release(&page->left, left - count);
        return RST_PAGE_NO_EVENT;
    }
    rst_store_release(&page->left, 0u);
    return rst_page_turn(page, count - left);
}

void rst_page_recount(rst_slice *page)
{
    uint32_t count = 0;
    for (const rst_block *b = page->free; b != NULL; b = b->next)
        count++;
    rst_store_relaxed(&page->left, RST_PAGE_NO_END + rst_page_made(page) - count); /* relaxed: active */
}

/* --- outsiders --------------------------------------------------------------------------------------------------------------- */

static uint16_t block_grain(const rst_slice *page, const rst_block *block)
{
    return (uint16_t)((size_t)((const char *)block - rst_page_memory(page)) / RST_GRAIN);
}

bool rst_page_collect(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count)
{
    bool first = page->foreign_count == 0;
    if (first)
        page->foreign_tail = block_grain(page, tail);
    else
        tail->next = rst_page_foreign_head(page);
    page->foreign_head = block_grain(page, head);
    page->foreign_count = (uint16_t)(page->foreign_count + count);
    return first;
}

rst_page_state rst_page_take_whole(rst_slice *page, bool available_too)
{
    /* acquire: pairs with the releases in rst_page_shift, rst_page_put_chain and rst_decrement_release. Nobody allocates from an
     * inactive page, so a count that is out of date is too high, and equality proves that all are back. */
    uint32_t seen = rst_load_acquire(&page->state);
    uint32_t left = rst_load_acquire(&page->left);
    rst_page_state state = (rst_page_state)(seen & RST_PAGE_STATE_MASK);
    if (state != RST_PAGE_FULL && (state != RST_PAGE_AVAILABLE || !available_too || (seen & RST_PAGE_HELD) != 0))
        return RST_PAGE_ACTIVE;
    /* Zero: the owner is about to act on it. */
    if (left == 0 || rst_page_out_in(page, state, left) != page->foreign_count)
        return RST_PAGE_ACTIVE;
    return rst_cas_acq_rel(&page->state, &seen, rst_page_state_after(seen, RST_PAGE_TAKEN)) ? state : RST_PAGE_ACTIVE;
}

void rst_page_purge(rst_slice *page)
{
    size_t size = page->span * RST_SLICE_SIZE;
    rst_arena *arena = &rst_arenas[page->arena];
    if (rst_slice_pinned(arena, rst_slice_index(arena, page)))
        return;
    rst_huge_drop(arena, rst_slice_index(arena, page) / RST_SEGMENT_SLICES);
    if (!rst_os_purge(rst_page_memory(page), size))
        return;
    page->carved = 0; /* reads as zero, see rst_page_end */
    rst_press_count_purged(1, size);
}

/* --- checks ---------------------------------------------------------------------------------------------------------------- */

static void check_failed(const rst_slice *page, const char *what)
{
    rst_say("internal error: page at %p of class %u: %s", (void *)rst_page_memory(page), (unsigned)page->size_class,
            what);
    rst_os_abort();
}

void rst_page_check(const rst_slice *page)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    const char *memory = rst_page_memory(page);
    if (page->kind != RST_KIND_PAGE || page->carved > info->capacity)
        check_failed(page, "its description is damaged");
    uint32_t count = 0;
    for (const rst_block *b = page->free; b != NULL; b = b->next) {
        size_t offset = (size_t)((const char *)b - memory);
        if (offset % info->size != 0 || offset / info->size >= page->carved)
            check_failed(page, "its free list leads out of it");
        if (++count > page->carved)
            check_failed(page, "its free list has a circle");
    }
    if (count + rst_page_out(page) != rst_page_made(page))
        check_failed(page, "free and used blocks do not add up");
}

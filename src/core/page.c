/* Pages: see page.h. SPDX-License-Identifier: MIT */
#include "core/page.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/segment.h"
#include "os/fmt.h"
#include "os/os.h"

static void page_reset(rst_slice *page, unsigned size_class)
{
    page->free = NULL;
    page->carved = 0;
    page->foreign_count = 0;
    page->size_class = (uint8_t)size_class;
    rst_page_shift(page, RST_PAGE_ACTIVE, RST_PAGE_NO_END);
    page->next = page->prev = NULL;
}

rst_slice *rst_page_make(struct rst_heap *owner, unsigned size_class, bool dense)
{
    unsigned span = rst_classes[size_class].span;
    bool zeroed;
    rst_slice *page = rst_slices_claim(span, 1, dense, &zeroed);
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

unsigned rst_page_carve(rst_slice *page, rst_block **list)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    unsigned count = (unsigned)rst_min(info->chunk, (size_t)(info->capacity - page->carved));
    if (count == 0)
        return 0;
    char *first = rst_page_memory(page) + (size_t)page->carved * info->size;
    char *last = first + (size_t)(count - 1) * info->size;
    for (char *p = first; p < last; p += info->size)
        ((rst_block *)p)->next = (rst_block *)(p + info->size);
    ((rst_block *)last)->next = *list;
    page->carved = (uint16_t)(page->carved + count);
    rst_store_relaxed(&page->left, rst_load_relaxed(&page->left) + count); /* relaxed: active */
    *list = (rst_block *)first;
    return count;
}

bool rst_page_activate(rst_slice *page)
{
    uint32_t seen = rst_load_relaxed(&page->state);
    if ((seen & RST_PAGE_STATE_MASK) != RST_PAGE_AVAILABLE)
        return false;
    /* relaxed on success: only the owner reads an active page. Against the swap in rst_page_take_whole: one of the two wins. */
    if (!atomic_compare_exchange_strong_explicit(&page->state, &seen,
                                                 (seen & ~RST_PAGE_STATE_MASK) + RST_PAGE_VERSION + RST_PAGE_ACTIVE,
                                                 memory_order_relaxed, memory_order_relaxed))
        return false;
    rst_store_relaxed(&page->left, RST_PAGE_NO_END + rst_load_relaxed(&page->left)); /* relaxed: active */
    return true;
}

rst_page_event rst_page_turn(rst_slice *page, uint32_t surplus)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    unsigned event = RST_PAGE_NO_EVENT;
    uint32_t left = 0;
    if (rst_page_state_of(page) == RST_PAGE_FULL) {
        left = info->capacity - info->reserve - surplus;
        rst_page_shift(page, RST_PAGE_AVAILABLE, left);
        event |= RST_PAGE_WAS_FULL;
    }
    if (left == 0)
        event |= RST_PAGE_NOW_EMPTY;
    return (rst_page_event)event;
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
    rst_store_relaxed(&page->left, RST_PAGE_NO_END + page->carved - count); /* relaxed: active */
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
    if (state != RST_PAGE_FULL && (state != RST_PAGE_AVAILABLE || !available_too))
        return RST_PAGE_ACTIVE;
    /* Zero: the owner is about to act on it. */
    if (left == 0 || rst_page_out_in(page, state, left) != page->foreign_count)
        return RST_PAGE_ACTIVE;
    uint32_t taken = (seen & ~RST_PAGE_STATE_MASK) + RST_PAGE_VERSION + RST_PAGE_TAKEN;
    return rst_cas_acq_rel(&page->state, &seen, taken) ? state : RST_PAGE_ACTIVE;
}

void rst_page_purge(rst_slice *page)
{
    size_t size = page->span * RST_SLICE_SIZE;
    rst_huge_drop(&rst_arenas[page->arena], rst_slice_index(&rst_arenas[page->arena], page) / RST_SEGMENT_SLICES);
    if (!rst_os_purge(rst_page_memory(page), size))
        return;
    page->carved = 0; /* reads as zero, see rst_page_end */
    rst_process_add(purges, 1);
    rst_process_add(purged, size);
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
    if (count + rst_page_out(page) != page->carved)
        check_failed(page, "free and used blocks do not add up");
}

/* Pages: see page.h. SPDX-License-Identifier: MIT */
#include "core/page.h"

#include "core/segment.h"
#include "os/fmt.h"
#include "os/os.h"

static void page_reset(rst_slice *page, unsigned size_class)
{
    page->free = NULL;
    page->left = 0;
    page->carved = 0;
    page->capacity = rst_classes[size_class].capacity;
    page->size_class = (uint8_t)size_class;
    page->state = RST_PAGE_ACTIVE;
    page->next = page->prev = NULL;
}

rst_slice *rst_page_make(struct rst_heap *owner, unsigned size_class)
{
    unsigned span = rst_classes[size_class].span;
    bool zeroed;
    rst_slice *page = rst_slices_claim(span, 1, &zeroed);
    if (page == NULL)
        return NULL;
    page_reset(page, size_class);
    page->span = span;
    for (unsigned i = 1; i < span; i++) {
        page[i].kind = RST_KIND_INTERIOR;
        page[i].span = i;
    }
    page->kind = RST_KIND_PAGE;
    rst_store_relaxed(&page->owner, owner); /* relaxed: a block of the page is published by the program, later */
    return page;
}

void rst_page_recut(rst_slice *page, unsigned size_class)
{
    page_reset(page, size_class);
}

void rst_page_end(rst_slice *page)
{
    unsigned arena = page->arena;
    unsigned span = page->span;
    size_t written = rst_slices_for((size_t)page->carved * rst_classes[page->size_class].size);
    rst_store_relaxed(&page->owner, NULL); /* relaxed: released with the slices */
    for (unsigned i = 0; i < span; i++)
        page[i].kind = RST_KIND_NONE;
    /* A recut page may have been carved further before: a page of one slice counts as written whole. */
    rst_slices_release(arena, rst_slice_index(&rst_arenas[arena], page), span, span == 1 ? 1 : written);
}

unsigned rst_page_carve(rst_slice *page, rst_block **list)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    unsigned count = (unsigned)rst_min(info->chunk, (size_t)(page->capacity - page->carved));
    if (count == 0)
        return 0;
    char *first = rst_page_memory(page) + (size_t)page->carved * info->size;
    char *last = first + (size_t)(count - 1) * info->size;
    for (char *p = first; p < last; p += info->size)
        ((rst_block *)p)->next = (rst_block *)(p + info->size);
    ((rst_block *)last)->next = *list;
    page->carved = (uint16_t)(page->carved + count);
    page->left += count;
    *list = (rst_block *)first;
    return count;
}

rst_page_event rst_page_turn(rst_slice *page, uint32_t surplus)
{
    unsigned event = RST_PAGE_NO_EVENT;
    if (page->state == RST_PAGE_FULL) {
        page->left = page->carved - rst_classes[page->size_class].reserve - surplus;
        page->state = RST_PAGE_AVAILABLE;
        event |= RST_PAGE_WAS_FULL;
    }
    if (page->left == 0)
        event |= RST_PAGE_NOW_EMPTY;
    return (rst_page_event)event;
}

rst_page_event rst_page_put_chain(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count)
{
    tail->next = page->free;
    page->free = head;
    if (count < page->left) {
        page->left -= count;
        return RST_PAGE_NO_EVENT;
    }
    uint32_t surplus = count - page->left;
    page->left = 0;
    return rst_page_turn(page, surplus);
}

void rst_page_recount(rst_slice *page)
{
    uint32_t count = 0;
    for (const rst_block *b = page->free; b != NULL; b = b->next)
        count++;
    page->left = page->carved - count;
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
    if (page->kind != RST_KIND_PAGE || page->capacity != info->capacity || page->carved > page->capacity)
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

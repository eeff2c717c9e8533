/* Heaps, what is not hot: pages change their lists here. SPDX-License-Identifier: MIT */
#include "threadcache/heap.h"

#include "core/holes.h"
#include "core/purge.h"

/* An address minus this base is beyond any frontier, NULL's too. */
const rst_heap rst_heap_none = {.base = (char *)((uintptr_t)1 << 63)};
RST_THREAD_LOCAL(rst_heap *, rst_thread_heap) = (rst_heap *)&rst_heap_none;

/* --- the lists of pages ---------------------------------------------------------------------------------------------------- */

static void available_push(rst_heap *heap, rst_slice *page)
{
    rst_slice **list = &heap->available[page->size_class];
    page->prev = NULL;
    page->next = *list;
    if (*list != NULL)
        (*list)->prev = page;
    *list = page;
}

static void available_unlink(rst_heap *heap, rst_slice *page)
{
    if (page->prev != NULL)
        page->prev->next = page->next;
    else
        heap->available[page->size_class] = page->next;
    if (page->next != NULL)
        page->next->prev = page->prev;
    page->next = page->prev = NULL;
}

rst_slice *rst_heap_next_available(rst_heap *heap, unsigned c)
{
    rst_slice *next;
    for (rst_slice *page = heap->available[c]; page != NULL; page = next) {
        next = page->next;
        rst_page_activation done = rst_page_activate(page);
        if (done == RST_PAGE_IS_HELD) /* not for long */
            continue;
        available_unlink(heap, page);
        if (RST_LIKELY(done == RST_PAGE_ACTIVATED))
            return page;
        page->prev = page; /* in no list any more: it comes by `returned` */
    }
    return NULL;
}

/* An empty page in no list: keep it, or give it back. */
static void page_retire(rst_heap *heap, rst_slice *page)
{
    rst_count(&heap->counters.pages_ended, 1);
    bool keep = rst_load_relaxed(&rst_pressed) == 0; /* relaxed: a hint */
    if (keep && page->span == 1 && heap->spares < RST_SPARE_PAGES) {
        page->next = heap->spare;
        heap->spare = page;
        heap->spares++;
        return;
    }
    if (keep && page->span != 1 && heap->spare_medium == NULL) {
        heap->spare_medium = page;
        return;
    }
    rst_page_end(page);
    rst_purge_tick();
}

/* A block freed twice makes a page seem empty that is not. Looked for in the first ones and now and then, as in refill.c. False: the page
 * is left alone for good. */
static bool is_empty(const rst_heap *heap, rst_slice *page)
{
    bool look = RST_CHECKED || heap->trusted < RST_TRUST_REFILLS ||
                rst_load_relaxed(&heap->counters.pages_ended) % RST_TRUST_PAGES == 0; /* relaxed: own */
    if (!look || RST_LIKELY(rst_page_chain_is_whole(page, page->free, rst_page_made(page))))
        return true;
    rst_page_mend(page, page->free, rst_page_made(page));
    return false;
}

void rst_heap_page_event(rst_heap *heap, rst_slice *page, rst_page_event event)
{
    if ((event & RST_PAGE_NOW_EMPTY) != 0) {
        if ((event & RST_PAGE_WAS_FULL) == 0)
            available_unlink(heap, page);
        if (is_empty(heap, page))
            page_retire(heap, page);
    } else if ((event & RST_PAGE_WAS_FULL) != 0) {
        available_push(heap, page);
    }
}

RST_NOINLINE void rst_heap_turn_slow(void *block, rst_slice *page, rst_heap *heap)
{
    (void)block;
    rst_heap_enter(heap);
    rst_heap_page_event(heap, page, rst_page_turn(page, 0));
    rst_heap_leave(heap);
}

void rst_heap_page_returned(rst_heap *heap, rst_slice *page)
{
    if (page->prev != page)
        available_unlink(heap, page);
    rst_count(&heap->counters.pages_ended, 1);
    rst_page_end(page);
}

uint64_t rst_heap_pages(const rst_heap *heap)
{
    return rst_load_relaxed(&heap->counters.pages_made) - rst_load_relaxed(&heap->counters.pages_ended) -
           rst_load_relaxed(&heap->outside.pages_ended);
}

/* --- before the thread ends -------------------------------------------------------------------------------------------------- */

/* Put what is left of a list back into its page, which stops being active. */
static void list_fold(rst_heap *heap, unsigned c)
{
    rst_slice *page = heap->active[c];
    rst_block *head = heap->list[c];
    if (page == NULL)
        return;
    rst_block *tail = head;
    uint32_t count = head != NULL;
    for (; tail != NULL && tail->next != NULL; tail = tail->next)
        count++;
    heap->list[c] = NULL;
    heap->active[c] = NULL;
    if (count != 0) {
        rst_count(&heap->handed[c], 0ull - count);
        rst_page_put_chain(page, head, tail, count);
    }
    uint32_t out = rst_page_out(page);
    if (out == 0) {
        page_retire(heap, page);
    } else if (page->free == NULL && rst_page_made(page) == rst_classes[c].capacity) {
        rst_page_set_full(page);
    } else {
        available_push(heap, page);
        rst_page_shift(page, RST_PAGE_AVAILABLE, out);
        rst_holes_want(page);
    }
}

void rst_heap_fold(rst_heap *heap)
{
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
        list_fold(heap, c);
    rst_heap_drop_spares(heap);
    rst_filling_leave(&heap->filling);
}

void rst_heap_drop_spares(rst_heap *heap)
{
    while (heap->spare != NULL) {
        rst_slice *page = heap->spare;
        heap->spare = page->next;
        heap->spares--;
        rst_page_end(page);
    }
    if (heap->spare_medium != NULL)
        rst_page_end(heap->spare_medium);
    heap->spare_medium = NULL;
}

/* Refill: where a list that ran empty gets its next blocks. In order: what came back to the active page, what of it is not
 * carved, another page of the class, a spare page, the arena. SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/limits.h"
#include "core/look.h"
#include "core/purge.h"
#include "core/ready.h"
#include "os/fmt.h"
#include "os/os.h"
#include "threadcache/heap.h"
#include "threadcache/recall.h"
#include "threadcache/registry.h"
#include "threadcache/relief.h"
#include "threadcache/remote.h"
#include "threadcache/sparse.h"
#include "threadcache/steward.h"

/* A heap of so many pages may go on to fill others where it, or the process, holds so many bytes. */
enum { DENSE_PAGES = 16 };
#define DENSE_HEAP (4 * RST_MIB)
#define DENSE_PROCESS (12 * RST_MIB)

enum { CIRCULATION_BLOCKS = 8, CIRCULATION_BYTES = 32 * 1024, CIRCULATION_LARGE = 1024 };

static rst_slice *spare_page(rst_heap *heap, unsigned span)
{
    rst_slice *page = span == 1 ? heap->spare : heap->spare_medium;
    if (page == NULL)
        return NULL;
    if (span == 1) {
        heap->spare = page->next;
        heap->spares--;
    } else {
        heap->spare_medium = NULL;
    }
    return page;
}

/* Whether the heap is likely to fill its next page, so that a huge page costs little: by what of its active pages, which alone have such
 * a part, is cut. One block of each class is not much. */
static bool is_filling(const rst_heap *heap, uint64_t pages)
{
    if (pages < DENSE_PAGES || rst_press_limit_near())
        return false;
    size_t all = pages * RST_SLICE_SIZE, uncut = 0;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        const rst_slice *page = heap->active[c];
        if (page == NULL)
            continue;
        uncut += (size_t)(rst_classes[c].capacity - page->carved) * rst_classes[c].size;
        all += (page->span - 1) * RST_SLICE_SIZE;
    }
    bool much = rst_load_relaxed(&rst_process.in_use) >= DENSE_PROCESS; /* relaxed: a hint */
    return much ? uncut <= all / 5 * 4 : all >= DENSE_HEAP && uncut <= all / 2;
}

/* Another page with something to give, now active; NULL: out of memory. */
static rst_slice *next_page(rst_heap *heap, unsigned c)
{
    rst_slice *page = rst_heap_next_available(heap, c);
    if (page != NULL) {
        if (RST_UNLIKELY(heap->survivor != 0))
            rst_page_recount(page);
        return page;
    }
    page = spare_page(heap, rst_classes[c].span);
    if (page != NULL) {
        rst_page_recut(page, c);
    } else {
        uint64_t pages = rst_heap_pages(heap);
        bool dense = is_filling(heap, pages);
        page = rst_page_make(heap, c, dense, pages >= RST_APART_PAGES ? &heap->filling : NULL);
        if (page == NULL)
            return NULL;
        if (dense)
            rst_ready_consider(page);
        heap->limit = rst_load_relaxed(&rst_main_frontier); /* relaxed: too low a limit costs time only */
    }
    rst_count(&heap->counters.pages_made, 1);
    return page;
}

/* Blocks that go round between list and page: with very few of them every call is a slow one. Two of the larger ones are enough, more of
 * them get in each other's way: they lie on the same lines of the first-level cache. Seen only now and then, since
 * rst_heap_take serves most: so a class that is hardly used stays small. */
static bool circulation_is_small(const rst_slice *page)
{
    size_t size = rst_classes[page->size_class].size;
    if (size >= CIRCULATION_LARGE)
        return page->span == 1 && page->carved < 2;
    return page->carved < CIRCULATION_BLOCKS || page->carved * size < CIRCULATION_BYTES;
}

/* The same after it was refused, once there is room. What came back meanwhile does as well. */
static RST_NOINLINE rst_slice *next_page_hard(rst_heap *heap, unsigned c)
{
    /* Empty pages of other classes, active ones too, are slices again: all that is free may serve any class. Where the process has a
     * limit, relief sees to that. */
    if (!rst_limits_any())
        rst_heap_fold(heap);
    rst_slice *page = next_page(heap, c);
    bool again = true;
    for (unsigned tries = 0; page == NULL && again && tries < RST_RELIEF_TRIES; tries++) {
        again = rst_relief_for(heap, rst_classes[c].span * RST_SLICE_SIZE);
        page = next_page(heap, c);
    }
    return page;
}

/* What came back to a page. What was freed twice or overwritten since is found by the glance in the simplest cases, else when the list is
 * looked at whole, which would cost too much each time. */
static rst_block *page_take(rst_slice *page, bool thorough)
{
    rst_block *list = page->free;
    uint32_t back = rst_page_back(page);
    if (list != NULL && (thorough || RST_CHECKED || !rst_page_glance(list))) {
        if (RST_UNLIKELY(!rst_page_chain_is_whole(page, list, back)))
            page->free = rst_page_mend(page, list, back);
        else if (RST_CHECKED)
            rst_page_check(page);
    }
    return rst_page_take(page);
}

/* A write beyond the last block that was carved is seen where the next one begins. */
static uint32_t carve(rst_slice *page, rst_block **list)
{
    if (RST_UNLIKELY(!rst_page_next_is_untouched(page)))
        rst_page_blame_overrun(page);
    return rst_page_carve(page, list);
}

static rst_block *fill(rst_heap *heap, unsigned c, bool thorough)
{
    for (;;) {
        rst_slice *page = heap->active[c];
        if (page != NULL) {
            uint32_t ready = rst_page_back(page);
            rst_block *list = page_take(page, thorough);
            if (list == NULL || circulation_is_small(page))
                ready += carve(page, &list);
            if (list != NULL) {
                rst_count(&heap->handed[c], ready);
                return list;
            }
            heap->active[c] = NULL; /* first: a full page may be an outsider's at once, and somebody else's memory */
            rst_page_set_full(page);
        }
        heap->active[c] = next_page(heap, c);
        if (RST_UNLIKELY(heap->active[c] == NULL))
            heap->active[c] = next_page_hard(heap, c);
        if (heap->active[c] == NULL)
            return NULL;
    }
}

/* What is done now and then. */
static void tick(rst_heap *heap)
{
    uint32_t now = (uint32_t)rst_os_clock_ms();
    /* The first ones come here each time: a program that errs often does so early. */
    heap->refills_to_tick = heap->trusted < RST_TRUST_REFILLS ? 1 : RST_TICK_REFILLS;
    heap->trusted += heap->trusted < RST_TRUST_REFILLS;
    if (RST_UNLIKELY(rst_load_relaxed(&rst_registry_left_behind) != 0))
        rst_registry_take_over();
    if (now - heap->flushed_ms >= RST_FLUSH_MS) {
        heap->flushed_ms = now;
        rst_remote_flush(heap);
    }
    if (RST_UNLIKELY(rst_load_relaxed(&rst_pressed) != 0))
        rst_heap_drop_spares(heap);
    if (RST_UNLIKELY(rst_load_relaxed(&rst_recall_asked) != rst_load_relaxed(&heap->recalled))) /* relaxed: a hint */
        rst_recall_answer(heap);
    rst_purge_tick();
    rst_sparse_tick();
    rst_relief_tick(heap);
    rst_steward_consider();
}

/* What all classes have ready. Not where a signal came amid of a slow path, nor where a thread was lost amid of anything. The ends of pages that are
 * in no memory yet are put there by a look: in the process's first heap alone, or each thread would hold a few OS pages more. */
static RST_NOINLINE void look_at_all(rst_heap *heap)
{
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        if (heap->active[c] == NULL)
            continue;
        rst_page_look(heap->active[c], &heap->list[c]);
        if (heap->number == 0)
            rst_page_look_at_end(heap->active[c]);
    }
}

RST_NOINLINE void *rst_heap_refill(rst_heap *heap, unsigned c)
{
    if (RST_CHECKED && heap->list[c] != NULL) {
        rst_say("internal error: heap at %p: a list of class %u is filled that is not empty", (void *)heap, c);
        rst_os_abort();
    }
    bool inside = rst_load_relaxed(&heap->busy) != 0; /* relaxed: own */
    rst_heap_enter(heap);
    rst_count(&heap->counters.refills, 1);
    rst_remote_drain_owner(heap);
    bool thorough = heap->refills_to_tick == 0;
    if (RST_UNLIKELY(thorough)) {
        if (heap->trusted < RST_LOOK_REFILLS && !inside && heap->survivor == 0)
            look_at_all(heap);
        tick(heap);
    }
    heap->refills_to_tick--;
    rst_block *list = fill(heap, c, thorough);
    if (list != NULL)
        heap->list[c] = list->next;
    rst_heap_leave(heap);
    return list;
}

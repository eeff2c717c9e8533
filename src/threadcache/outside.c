/* Outsiders: see outside.h. SPDX-License-Identifier: MIT */
#include "threadcache/outside.h"

#include "core/purge.h"
#include "threadcache/inbox.h"

enum { TAKE_IN_AT_ONCE = 8 };

/* --- the token ----------------------------------------------------------------------------------------------------------------- */

bool rst_token_try(rst_heap *heap)
{
    /* seq_cst: after what led here, and what the last holder did is seen. Pairs with rst_token_release: who finds the token
     * taken leaves the rest to its holder, which looks again after this. */
    return rst_load_seq(&heap->token) == 0 && atomic_exchange_explicit(&heap->token, 1u, memory_order_seq_cst) == 0;
}

void rst_token_release(rst_heap *heap)
{
    /* seq_cst: also the first half of the Dekker pairs with push and park(): token free, then inbox and state are looked at again. */
    atomic_exchange_explicit(&heap->token, 0u, memory_order_seq_cst);
}

/* --- the list of pages with blocks kept beside them ----------------------------------------------------------------------------- */

static rst_foreign_link *link_of(rst_slice *page)
{
    return (rst_foreign_link *)rst_page_foreign_tail(page);
}

static void pages_changed(rst_heap *heap, uint32_t by)
{
    /* seq_cst: before the look at `state` after the token's release; pairs with idle_has_work. For the owner it is a hint. */
    atomic_store_explicit(&heap->outside_pages, rst_load_relaxed(&heap->outside_pages) + by, memory_order_seq_cst);
}

static void foreign_link(rst_heap *heap, rst_slice *page)
{
    *link_of(page) = (rst_foreign_link){.next = heap->foreign};
    if (heap->foreign != NULL)
        link_of(heap->foreign)->prev = page;
    heap->foreign = page;
    pages_changed(heap, 1);
}

static void foreign_unlink(rst_heap *heap, rst_slice *page)
{
    rst_foreign_link *link = link_of(page);
    if (link->prev != NULL)
        link_of(link->prev)->next = link->next;
    else
        heap->foreign = link->next;
    if (link->next != NULL)
        link_of(link->next)->prev = link->prev;
    pages_changed(heap, UINT32_MAX);
}

/* --- collecting ------------------------------------------------------------------------------------------------------------------ */

void rst_outside_return(rst_heap *heap, rst_slice *page)
{
    page->returned_next = heap->returned;
    heap->returned = page;
    pages_changed(heap, 1);
}

/* Take a page if every block of it is kept. */
static void settle(rst_heap *heap, rst_slice *page, bool purge)
{
    rst_page_state state = rst_page_take_whole(page, purge);
    if (state == RST_PAGE_ACTIVE)
        return;
    foreign_unlink(heap, page);
    page->foreign_count = 0;
    if (state == RST_PAGE_FULL) {
        rst_count(&heap->outside.pages_ended, 1);
        rst_page_end(page);
        return;
    }
    rst_page_purge(page);
    rst_outside_return(heap, page);
}

static void collect_with_token(rst_heap *heap, bool purge)
{
    rst_message *messages = rst_inbox_take_mt(heap);
    rst_parcel parcel;
    while (rst_message_next(&messages, &heap->outside, &parcel)) {
        if (rst_page_collect(parcel.page, parcel.head, parcel.tail, parcel.count))
            foreign_link(heap, parcel.page);
        settle(heap, parcel.page, purge);
    }
    rst_slice *page = purge ? heap->foreign : NULL;
    while (page != NULL) {
        rst_slice *after = link_of(page)->next;
        settle(heap, page, purge);
        page = after;
    }
}

void rst_outside_collect(rst_heap *heap, bool purge)
{
    if (!rst_token_try(heap))
        return;
    if (rst_load_relaxed(&heap->state) != RST_HEAP_IDLE) /* relaxed: it becomes IDLE any time; see below */
        collect_with_token(heap, purge);
    rst_token_release(heap);
    rst_purge_tick();
    rst_outside_drain_idle(heap); /* second half of the Dekker pair with park(): it may have found the token taken */
}

/* --- taking in ------------------------------------------------------------------------------------------------------------------- */

/* Take pages out of the two lists, with the token: few instructions, so that an owner that is stopped here by a signal holds
 * up the outsiders as rarely as can be. */
static unsigned take_out(rst_heap *heap, rst_parcel *parcels)
{
    unsigned n = 0;
    for (; n < TAKE_IN_AT_ONCE && heap->returned != NULL; n++) {
        parcels[n] = (rst_parcel){.page = heap->returned};
        heap->returned = heap->returned->returned_next;
        pages_changed(heap, UINT32_MAX);
    }
    for (; n < TAKE_IN_AT_ONCE && heap->foreign != NULL; n++) {
        rst_slice *page = heap->foreign;
        foreign_unlink(heap, page);
        parcels[n] = (rst_parcel){.page = page,
                                  .head = rst_page_foreign_head(page),
                                  .tail = rst_page_foreign_tail(page),
                                  .count = page->foreign_count};
        page->foreign_count = 0;
    }
    return n;
}

/* As the owner. */
static void put_parcel(rst_heap *heap, const rst_parcel *parcel)
{
    if (parcel->count == 0)
        rst_heap_page_returned(heap, parcel->page);
    else
        rst_heap_page_event(heap, parcel->page,
                            rst_page_put_chain(parcel->page, parcel->head, parcel->tail, parcel->count));
}

void rst_outside_take_in(rst_heap *heap, unsigned most)
{
    rst_parcel parcels[TAKE_IN_AT_ONCE];
    for (unsigned done = 0; done < most && rst_load_relaxed(&heap->outside_pages) != 0;) { /* relaxed: a hint */
        if (!rst_token_try(heap))
            return;
        unsigned n = take_out(heap, parcels);
        rst_token_release(heap);
        for (unsigned i = 0; i < n; i++)
            put_parcel(heap, &parcels[i]);
        done += TAKE_IN_AT_ONCE;
    }
}

static void drain_idle_with_token(rst_heap *heap)
{
    rst_parcel parcels[TAKE_IN_AT_ONCE];
    rst_message *messages = rst_inbox_take_mt(heap);
    rst_parcel parcel;
    while (rst_message_next(&messages, &heap->counters, &parcel))
        put_parcel(heap, &parcel);
    for (unsigned n = take_out(heap, parcels); n != 0; n = take_out(heap, parcels)) {
        for (unsigned i = 0; i < n; i++)
            put_parcel(heap, &parcels[i]);
    }
    rst_heap_fold(heap);
}

/* seq_cst loads: second half of the Dekker pairs with the sender, with park() in registry.c and with rst_token_release. */
static bool idle_has_work(rst_heap *heap)
{
    return rst_load_seq(&heap->state) == RST_HEAP_IDLE &&
           (rst_load_seq(&heap->inbox) != 0 || rst_load_seq(&heap->outside_pages) != 0);
}

void rst_outside_drain_idle(rst_heap *heap)
{
    while (idle_has_work(heap) && rst_token_try(heap)) {
        /* Else adopted meanwhile: its thread will do it. acquire: it may have been adopted and parked again. */
        if (rst_load_acquire(&heap->state) == RST_HEAP_IDLE)
            drain_idle_with_token(heap);
        rst_token_release(heap);
    }
}

/* --- after a fork ---------------------------------------------------------------------------------------------------------------- */

static void abandon_in(rst_heap *heap, rst_arena *arena)
{
    size_t slices = rst_load_relaxed(&arena->frontier) / RST_SLICE_SIZE;
    for (size_t i = 0; i < slices; i++) {
        rst_slice *slice = &arena->slices[i];
        if (slice->kind == RST_KIND_PAGE && rst_load_relaxed(&slice->owner) == heap)
            slice->foreign_count = 0; /* these blocks are lost, and with them their page */
    }
}

void rst_outside_abandon(rst_heap *heap)
{
    for (unsigned i = 0; i < rst_arena_count(); i++)
        abandon_in(heap, &rst_arenas[i]);
    heap->foreign = heap->returned = NULL;
    rst_store_relaxed(&heap->outside_pages, 0u);
    rst_store_relaxed(&heap->token, 0u);
}

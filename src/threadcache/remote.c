/* Message passing: see remote.h. SPDX-License-Identifier: MIT */
#include "threadcache/remote.h"

#include "core/purge.h"
#include "threadcache/inbox.h"
#include "threadcache/outside.h"

/* --- sending ------------------------------------------------------------------------------------------------------------------- */

/* The owner has no thread, or is behind: see to it. */
static RST_NOINLINE void push_slow(rst_heap *owner)
{
    if (rst_load_relaxed(&owner->state) == RST_HEAP_IDLE)
        rst_outside_drain_idle(owner);
    else
        rst_outside_collect(owner, false);
}

/* Send `count` blocks of a page, chained from head to tail. */
static void send(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count)
{
    rst_heap *owner = rst_load_relaxed(&page->owner); /* relaxed: that of a page with live blocks does not change */
    rst_message *message = (rst_message *)tail;
    message->head = (uint32_t)((size_t)((char *)head - rst_page_memory(page)) / RST_GRAIN);
    message->count = count;
    unsigned backlog = rst_inbox_push_mt(owner, message, (size_t)count * rst_classes[page->size_class].size);
    /* seq_cst: after the push, see there. */
    if (RST_UNLIKELY(rst_load_seq(&owner->state) == RST_HEAP_IDLE || backlog >= RST_INBOX_BOUND))
        push_slow(owner);
    rst_keeper_wake(); /* in case the owner sleeps */
}

static void batch_send(rst_heap *heap, rst_batch *batch)
{
    rst_count(&heap->counters.foreign_sent_batches, 1);
    rst_count(&heap->counters.foreign_sent_blocks, batch->count);
    rst_count(&heap->counters.foreign_sent_bytes, (uint64_t)batch->count * rst_classes[batch->page->size_class].size);
    send(batch->page, batch->head, batch->tail, batch->count);
    batch->page = NULL;
}

RST_INLINE rst_batch *batch_of(rst_heap *heap, const rst_slice *page)
{
    return &heap->batch[rst_batch_slot(page)];
}

void rst_remote_flush(rst_heap *heap)
{
    for (unsigned i = 0; i < RST_BATCH_COUNT; i++) {
        if (heap->batch[i].page != NULL)
            batch_send(heap, &heap->batch[i]);
    }
    heap->out_budget = RST_OUT_BUDGET;
}

/* Append a block to its page's open batch. The caller is inside. */
RST_INLINE void append(rst_heap *heap, rst_batch *batch, rst_block *block)
{
    block->next = batch->head;
    batch->head = block;
    batch->count++;
    heap->out_budget -= (int32_t)rst_classes[batch->page->size_class].size + RST_OUT_BLOCK_COST;
}

/* Too much waits: all goes. */
static RST_NOINLINE void flush_and_leave(rst_heap *heap)
{
    rst_remote_flush(heap);
    rst_heap_leave(heap);
}

/* The batch is another page's, or none. */
static RST_NOINLINE void open_batch(rst_heap *heap, rst_slice *page, rst_block *block)
{
    rst_batch *batch = batch_of(heap, page);
    rst_heap_enter(heap);
    if (batch->page != NULL)
        batch_send(heap, batch);
    *batch = (rst_batch){.page = page, .tail = block};
    append(heap, batch, block);
    if (heap->out_budget < 0)
        rst_remote_flush(heap);
    rst_heap_leave(heap);
}

/* Its slow parts come last, so that nothing is saved for them. */
void rst_remote_free(rst_heap *heap, rst_slice *page, void *block)
{
    rst_batch *batch = batch_of(heap, page);
    if (RST_UNLIKELY(batch->page != page)) {
        open_batch(heap, page, block);
        return;
    }
    rst_heap_enter(heap);
    append(heap, batch, block);
    if (RST_UNLIKELY(heap->out_budget < 0))
        flush_and_leave(heap);
    else
        rst_heap_leave(heap);
}

void rst_remote_free_alone(rst_slice *page, void *block)
{
    rst_process_add(foreign_alone_blocks, 1);
    rst_process_add(foreign_alone_bytes, rst_classes[page->size_class].size);
    send(page, block, block, 1);
}

/* --- taking in ----------------------------------------------------------------------------------------------------------------- */

void rst_remote_drain(rst_heap *heap)
{
    rst_message *messages = rst_inbox_take_mt(heap);
    rst_parcel parcel;
    while (rst_message_next(&messages, &heap->counters, &parcel))
        rst_heap_page_event(heap, parcel.page, rst_page_put_chain(parcel.page, parcel.head, parcel.tail, parcel.count));
    rst_outside_take_in(heap, RST_TAKE_IN_PAGES);
}

void rst_remote_give_up(rst_heap *heap)
{
    rst_remote_flush(heap);
    rst_remote_drain(heap);
    rst_heap_fold(heap);
}

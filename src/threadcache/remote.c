/* Message passing: see remote.h. SPDX-License-Identifier: MIT */
#include "threadcache/remote.h"

/* --- the token ----------------------------------------------------------------------------------------------------------------- */

bool rst_remote_token_try(rst_heap *heap)
{
    /* seq_cst: after the push that led here, and what the last holder did to the heap is seen. Pairs with
     * rst_remote_token_release: when the token is found taken, its holder looks at the inbox again after this. */
    return rst_load_seq(&heap->token) == 0 && atomic_exchange_explicit(&heap->token, 1u, memory_order_seq_cst) == 0;
}

void rst_remote_token_release(rst_heap *heap)
{
    /* seq_cst: also the first half of the Dekker pair with push(): token free, then the inbox is looked at again. */
    atomic_store_explicit(&heap->token, 0u, memory_order_seq_cst);
}

/* --- sending ------------------------------------------------------------------------------------------------------------------- */

static void push(rst_heap *owner, rst_message *message)
{
    rst_message *first = rst_load_relaxed(&owner->inbox);
    do {
        message->next = first;
        /* release: chain and message are seen by whoever takes the inbox. seq_cst: before the look at `state`, so that a
         * heap that is just being parked is drained by its last owner or by us. Pairs with park() in registry.c. */
    } while (!atomic_compare_exchange_weak_explicit(&owner->inbox, &first, message, memory_order_seq_cst,
                                                    memory_order_relaxed));
    if (RST_UNLIKELY(rst_load_seq(&owner->state) == RST_HEAP_IDLE))
        rst_remote_drain_idle(owner);
}

/* Send `count` blocks of a page, chained from head to tail. */
static void send(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count)
{
    rst_message *message = (rst_message *)tail;
    message->head = (uint32_t)((size_t)((char *)head - rst_page_memory(page)) / RST_GRAIN);
    message->count = count;
    push(rst_load_relaxed(&page->owner), message); /* relaxed: the owner of a page with live blocks does not change */
}

static void batch_send(rst_heap *heap, rst_batch *batch)
{
    rst_count(&heap->counters.foreign_sent_batches, 1);
    rst_count(&heap->counters.foreign_sent_blocks, batch->count);
    rst_count(&heap->counters.foreign_sent_bytes, (uint64_t)batch->count * rst_classes[batch->page->size_class].size);
    send(batch->page, batch->head, batch->tail, batch->count);
    batch->page = NULL;
}

void rst_remote_flush(rst_heap *heap)
{
    for (unsigned i = 0; i < RST_BATCH_COUNT; i++) {
        if (heap->batch[i].page != NULL)
            batch_send(heap, &heap->batch[i]);
    }
    heap->out_budget = RST_OUT_BUDGET;
}

void rst_remote_free(rst_heap *heap, rst_slice *page, void *memory)
{
    rst_block *block = memory;
    rst_batch *batch = &heap->batch[((uintptr_t)page / sizeof(rst_slice)) % RST_BATCH_COUNT];
    rst_heap_enter(heap);
    if (RST_UNLIKELY(batch->page != page)) {
        if (batch->page != NULL)
            batch_send(heap, batch);
        *batch = (rst_batch){.page = page, .tail = block};
    }
    block->next = batch->head;
    batch->head = block;
    batch->count++;
    heap->out_budget -= (int32_t)rst_classes[page->size_class].size + RST_OUT_BLOCK_COST;
    if (RST_UNLIKELY(heap->out_budget < 0))
        rst_remote_flush(heap);
    rst_heap_leave(heap);
}

void rst_remote_free_alone(rst_slice *page, void *block)
{
    rst_process_add(foreign_alone_blocks, 1);
    rst_process_add(foreign_alone_bytes, rst_classes[page->size_class].size);
    send(page, block, block, 1);
}

/* --- taking in ----------------------------------------------------------------------------------------------------------------- */

/* Put up to `most` batches into their pages. With the token. */
static void drain_with_token(rst_heap *heap, uint64_t most)
{
    uint64_t batches = 0, blocks = 0, bytes = 0;
    while (batches < most) {
        if (heap->pending == NULL) {
            heap->pending = rst_swap_acquire(&heap->inbox, NULL); /* pairs with push() */
            if (heap->pending == NULL)
                break;
        }
        rst_message *message = heap->pending;
        heap->pending = message->next;
        rst_slice *page = rst_page_of(rst_slice_of(message));
        rst_block *head = (rst_block *)(rst_page_memory(page) + (size_t)message->head * RST_GRAIN);
        uint32_t count = message->count;
        batches++;
        blocks += count;
        bytes += (uint64_t)count * rst_classes[page->size_class].size;
        rst_heap_page_event(heap, page, rst_page_put_chain(page, head, (rst_block *)message, count));
    }
    rst_count(&heap->counters.foreign_received_batches, batches);
    rst_count(&heap->counters.foreign_received_blocks, blocks);
    rst_count(&heap->counters.foreign_received_bytes, bytes);
}

void rst_remote_drain_slow(rst_heap *heap)
{
    if (!rst_remote_token_try(heap))
        return;
    drain_with_token(heap, RST_DRAIN_BATCHES);
    rst_remote_token_release(heap);
}

void rst_remote_drain_all(rst_heap *heap)
{
    if (!rst_remote_token_try(heap))
        return;
    drain_with_token(heap, UINT64_MAX);
    rst_remote_token_release(heap);
}

void rst_remote_drain_idle(rst_heap *heap)
{
    /* seq_cst loads: second half of the Dekker pairs with push() and with park() in registry.c. An idle heap has
     * nothing pending: its last owner, and whoever drains it here, takes in all. */
    while (rst_load_seq(&heap->inbox) != NULL && rst_load_seq(&heap->state) == RST_HEAP_IDLE &&
           rst_remote_token_try(heap)) {
        if (rst_load_relaxed(&heap->state) == RST_HEAP_IDLE) { /* adopted meanwhile: its thread will do it */
            drain_with_token(heap, UINT64_MAX);
            rst_heap_fold(heap);
        }
        rst_remote_token_release(heap);
    }
}

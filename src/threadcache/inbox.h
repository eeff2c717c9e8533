/* The inbox: messages of blocks that other threads freed, last one first, and how much waits. One word: the address of the last message
 * in the low 48 bits, the backlog in units of RST_INBOX_UNIT in the high 16. Anyone pushes, anyone takes all; there is no
 * popping of one, so no ABA, and nobody reads a message that another may take. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_INBOX_H
#define RST_THREADCACHE_INBOX_H

#include "threadcache/heap.h"

enum { RST_INBOX_SHIFT = RST_ADDRESS_BITS, RST_INBOX_MAX = 0xffff };

RST_INLINE unsigned rst_inbox_backlog(uint64_t word)
{
    return (unsigned)(word >> RST_INBOX_SHIFT);
}

RST_INLINE rst_message *rst_inbox_top(uint64_t word)
{
    return (rst_message *)(uintptr_t)(word & (((uint64_t)1 << RST_INBOX_SHIFT) - 1));
}

/* Push a message of `bytes`; returns the backlog then. */
static inline unsigned rst_inbox_push_mt(rst_heap *owner, rst_message *message, size_t bytes)
{
    size_t units = (bytes + RST_INBOX_UNIT - 1) / RST_INBOX_UNIT;
    uint64_t seen = rst_load_relaxed(&owner->inbox);
    uint64_t word;
    do {
        message->next = rst_inbox_top(seen);
        word = (uint64_t)rst_min(rst_inbox_backlog(seen) + units, RST_INBOX_MAX) << RST_INBOX_SHIFT;
        word |= (uintptr_t)message;
        /* release: chain and message are seen by whoever takes the inbox. seq_cst: before the look at `state`, so that a heap that
         * is just being parked is drained by its last owner or by the sender. Pairs with park() in registry.c. */
    } while (
        !atomic_compare_exchange_weak_explicit(&owner->inbox, &seen, word, memory_order_seq_cst, memory_order_relaxed));
    return rst_inbox_backlog(word);
}

/* Take all messages. */
RST_INLINE rst_message *rst_inbox_take_mt(rst_heap *heap)
{
    return rst_inbox_top(rst_swap_acquire(&heap->inbox, 0)); /* pairs with rst_inbox_push_mt */
}

/* A message opened: `count` blocks of a page, chained from head to tail; 0 when it was opened before. */
typedef struct rst_parcel {
    rst_slice *page;
    rst_block *head, *tail;
    uint32_t count;
} rst_parcel;

RST_INLINE rst_parcel rst_message_open(rst_message *message)
{
    rst_slice *page = rst_page_of(rst_slice_of(message));
    rst_block *head = (rst_block *)(rst_page_memory(page) + (size_t)message->head * RST_GRAIN);
    rst_parcel parcel = {.page = page, .head = head, .tail = (rst_block *)message, .count = message->count};
    message->count = 0;
    return parcel;
}

/* A parcel that was opened before: two threads freed its block, and the messages lead round in a circle. */
RST_INLINE bool rst_parcel_is_old(const rst_parcel *parcel)
{
    if (RST_LIKELY(parcel->count != 0))
        return false;
    rst_page_blame(parcel->page, parcel->tail, "was freed twice, by threads that do not own it");
    return true;
}

/* Count a parcel as received. */
RST_INLINE void rst_parcel_count(rst_heap_counters *counters, const rst_parcel *parcel)
{
    rst_count(&counters->foreign_received_batches, 1);
    rst_count(&counters->foreign_received_blocks, parcel->count);
    rst_count(&counters->foreign_received_bytes, (uint64_t)parcel->count * rst_classes[parcel->page->size_class].size);
}

/* Open the next of messages that were taken, and count it as received. False: that was the last. */
RST_INLINE bool rst_message_next(rst_message **messages, rst_heap_counters *counters, rst_parcel *parcel)
{
    rst_message *message = *messages;
    if (message == NULL)
        return false;
    *messages = message->next;
    *parcel = rst_message_open(message);
    if (RST_UNLIKELY(rst_parcel_is_old(parcel)))
        return false;
    rst_parcel_count(counters, parcel);
    return true;
}

#endif

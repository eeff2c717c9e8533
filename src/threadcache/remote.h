/* Message passing: blocks freed by another thread go home.
 *
 * A foreign free joins an open batch of its page. A batch is sent by one atomic operation on the inbox of the page's owner; the
 * message lies in the batch's first block. Whoever holds a heap's token takes the inbox whole and puts each batch into its
 * page in O(1): the owner on its slow paths, or anyone when the heap is idle. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_REMOTE_H
#define RST_THREADCACHE_REMOTE_H

#include "threadcache/heap.h"

/* Free a block of a page that another heap owns. `heap` is this thread's, not rst_heap_none. */
void rst_remote_free(rst_heap *heap, rst_slice *page, void *memory);

/* The same for a thread without a heap: a message of one block. */
void rst_remote_free_alone(rst_slice *page, void *block);

/* Send all open batches. Owner. */
void rst_remote_flush(rst_heap *heap);

/* Take in a bounded number of batches. Owner, on slow paths. */
void rst_remote_drain_slow(rst_heap *heap);

/* Take in everything there is. Owner, or who acts for it. */
void rst_remote_drain_all(rst_heap *heap);

RST_INLINE void rst_remote_drain_owner(rst_heap *heap)
{
    /* relaxed: a hint; a batch missed now is seen by the next refill. */
    if (RST_UNLIKELY(heap->pending != NULL || rst_load_relaxed(&heap->inbox) != NULL))
        rst_remote_drain_slow(heap);
}

/* Take in everything sent to an idle heap, unless someone does already. Any thread. */
void rst_remote_drain_idle(rst_heap *heap);

/* The token: true when it is now ours. */
bool rst_remote_token_try(rst_heap *heap);
void rst_remote_token_release(rst_heap *heap);

#endif

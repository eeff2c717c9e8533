/* Message passing: blocks freed by another thread go home.
 *
 * A foreign free joins an open batch of its page. A batch is sent by one atomic operation on the inbox of the page's owner; the
 * message lies in the batch's first block. The owner takes its inbox whole on its slow paths and puts each batch into its page in
 * O(1). When the inbox grows beyond a bound, who sends takes it out instead: see outside.h. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_REMOTE_H
#define RST_THREADCACHE_REMOTE_H

#include "threadcache/heap.h"

/* Free a block of a page that another heap owns. `heap` is this thread's, not rst_heap_none. */
void rst_remote_free(rst_heap *heap, rst_slice *page, void *block);

/* The same for a thread without a heap: a message of one block. */
void rst_remote_free_alone(rst_slice *page, void *block);

/* Send all open batches. Owner. */
void rst_remote_flush(rst_heap *heap);

/* Take in what was sent, and some of what outsiders kept. Owner, on slow paths. */
void rst_remote_drain(rst_heap *heap);

RST_INLINE void rst_remote_drain_owner(rst_heap *heap)
{
    /* relaxed: hints; what is missed now is seen by the next refill. */
    if (RST_UNLIKELY(rst_load_relaxed(&heap->inbox) != 0 || rst_load_relaxed(&heap->outside_pages) != 0))
        rst_remote_drain(heap);
}

/* Send what waits, take in what came, and put every list back into its page: the heap holds nothing that is not in use. Inside a slow path. */
void rst_remote_give_up(rst_heap *heap);

#endif

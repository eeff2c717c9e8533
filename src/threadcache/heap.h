/* Heaps: the pages, free lists, open batches and inbox of one thread, and the two hot paths.
 *
 * Only the heap's thread touches a heap, except: the inbox (anyone pushes, anyone takes all), the state, the token and what it
 * guards, and an idle heap (no thread), which whoever holds the token may act for. The unattached thread has rst_heap_none, an empty heap that owns nothing, so
 * that neither hot path asks whether there is one; it is never written. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_HEAP_H
#define RST_THREADCACHE_HEAP_H

#include "core/counters.h"
#include "core/page.h"
#include "os/tls.h"

enum {
    RST_BATCH_COUNT = 64,        /* open batches, found by the page's descriptor */
    RST_OUT_BUDGET = 512 * 1024, /* bytes that may wait in open batches, each block counted as at least... */
    RST_OUT_BLOCK_COST = 256,    /* ...this much more than its size */
    RST_INBOX_UNIT = 1024, /* the backlog of an inbox is counted in units of this many bytes, at least one a batch... */
    RST_INBOX_BOUND = 1024, /* ...and from this many units on those who send take it out themselves */
    RST_TAKE_IN_PAGES = 64, /* pages taken over from outsiders by one slow call */
    RST_SPARE_PAGES = 12,   /* empty pages of one slice that a heap keeps */
    RST_APART_PAGES = 256,  /* one that holds so many fills segments of its own: see core/segment.h */
    RST_TICK_REFILLS = 128, /* refills between two looks at the clock */
    RST_TRUST_REFILLS =
        64, /* so many first refills of a heap, and one in RST_TICK_REFILLS after, look at the whole list */
    RST_LOOK_REFILLS = 10, /* the first of those look at what all classes have ready: see core/look.h */
    RST_TRUST_PAGES = 64,  /* one page that becomes empty in so many is looked at whole as well */
    RST_FLUSH_MS = 100     /* open batches are sent this often by a heap that refills */
};

typedef enum rst_heap_state {
    RST_HEAP_ATTACHED = 0, /* has a thread */
    RST_HEAP_IDLE,         /* parked, or without pages: waits to be adopted */
    RST_HEAP_LOST          /* its thread was inside the allocator when the process forked: outsiders alone see to it */
} rst_heap_state;

/* Blocks of one page that this thread freed for another heap and has not sent. */
typedef struct rst_batch {
    rst_slice *page; /* NULL: not open */
    rst_block *head; /* freed last */
    rst_block *tail; /* freed first: becomes the message */
    uint32_t count;
    uint32_t unused;
} rst_batch;

/* Where a heap's open batch of a page would be. */
RST_INLINE size_t rst_batch_slot(const rst_slice *page)
{
    return (uintptr_t)page / sizeof(rst_slice) % RST_BATCH_COUNT;
}

/* What is written into the tail block of a batch that is sent. */
typedef struct rst_message {
    struct rst_message *next; /* in the inbox */
    uint32_t head;            /* offset of the chain's head in its page, in grains */
    uint32_t count;
} rst_message;

/* What is written into the last block that outsiders keep beside a page: its place in the heap's list of such pages. */
typedef struct rst_foreign_link {
    rst_slice *next, *prev;
} rst_foreign_link;

static_assert(sizeof(rst_message) <= RST_GRAIN && sizeof(rst_foreign_link) <= RST_GRAIN,
              "the smallest block carries them");

typedef struct rst_heap {
    rst_block *list[RST_CLASS_COUNT];      /* [owner] blocks ready to be handed out */
    rst_slice *active[RST_CLASS_COUNT];    /* [owner] the page a list is filled from */
    rst_slice *available[RST_CLASS_COUNT]; /* [owner] further pages with free blocks */
    char *base;                            /* [fixed] of arena 0 */
    rst_slice *slices;                     /* [fixed] of arena 0 */
    size_t limit;                          /* [owner] the frontier as it was lately: its own pages lie below */
    rst_slice *spare;                      /* [owner] empty pages of one slice, linked by next */
    rst_slice *spare_medium;               /* [owner] one empty page of RST_MEDIUM_SLICES, or NULL */
    uint32_t spares;                       /* [owner] how many */
    uint32_t refills_to_tick;              /* [owner] */
    uint32_t trusted;           /* [owner] refills since its beginning that were looked at whole, up to a bound */
    int32_t out_budget;         /* [owner] what may still wait in open batches */
    uint32_t asking;            /* [owner] inside the program's limit callback */
    uint32_t flushed_ms;        /* [owner; read for figures] when they were last sent because of the time; wraps */
    _Atomic uint32_t busy;      /* [owner; read by the child of a fork] inside the slow paths */
    uint32_t survivor;          /* [fixed in the child of a fork] its thread was lost at any instruction */
    _Atomic uint32_t recalled;  /* [owner; read by anyone] the last rst_recall_asked that it has answered */
    _Atomic uint32_t thread_id; /* [owner; read with the registry's lock] as the OS shows it; 0: none */
    rst_filling filling;        /* [owner] once it is big */
    struct rst_heap *next_idle; /* [registry lock] */
    struct rst_heap *next_heap; /* [fixed] all heaps */
    uint32_t number;            /* [fixed] counted from 0 */
    _Atomic uint64_t handed[RST_CLASS_COUNT]; /* [as counters] blocks ever put into a list, less those put back */
    rst_heap_counters counters;               /* [owner, or the token's holder for an idle heap; read by anyone] */
    rst_batch batch[RST_BATCH_COUNT];         /* [owner] */
    RST_ALIGNED(RST_CACHE_LINE) _Atomic uint64_t inbox; /* [atomic] the last message, and the backlog: see inbox.h */
    _Atomic uint32_t state;                             /* [atomic] rst_heap_state */
    _Atomic uint32_t token;         /* [atomic] 1: an outsider is at work, or someone acts for an idle heap */
    _Atomic uint32_t outside_pages; /* [token; a hint for the owner] pages in the two lists below */
    rst_slice *foreign;             /* [token] pages with blocks kept beside them */
    rst_slice *returned;            /* [token] pages that were taken while in the owner's list */
    uint64_t refills_seen;          /* [steward] `refills` at its last look */
    rst_heap_counters outside;      /* [token; read by anyone] what outsiders did */
} rst_heap;

extern RST_HIDDEN const rst_heap rst_heap_none;
extern RST_HIDDEN RST_THREAD_LOCAL_OF(rst_heap *, rst_thread_heap);
#define rst_thread_heap RST_TLS(rst_thread_heap)

/* --- the hot paths --------------------------------------------------------------------------------------------------------- */

/* Take a block of a class; NULL: the list is empty, rst_heap_refill is next. */
RST_INLINE void *rst_heap_pop(rst_heap *heap, size_t size_class)
{
    rst_block *block = heap->list[size_class];
    if (RST_LIKELY(block != NULL))
        heap->list[size_class] = block->next;
    return block;
}

/* The descriptor of an address in arena 0, or NULL. */
RST_INLINE rst_slice *rst_heap_slice_of(const rst_heap *heap, const void *address)
{
    return rst_slice_in(heap->base, heap->slices, address);
}

/* The page's count of frees is at zero. In this order, so that free's arguments stay where they are. */
void rst_heap_turn_slow(void *block, rst_slice *page, rst_heap *heap);

/* Put back a block of a page that the heap owns. */
RST_INLINE void rst_heap_push(rst_heap *heap, rst_slice *page, void *block)
{
    ((rst_block *)block)->next = page->free;
    page->free = block;
    if (RST_UNLIKELY(rst_decrement_release(&page->left))) /* pairs with rst_page_take_whole */
        rst_heap_turn_slow(block, page, heap);
}

/* What came back to the active page becomes the list, and its first block is taken; NULL: there is none, or it is time for
 * the slow path. Needs no mark of being inside: see rst_page_recount. */
RST_INLINE void *rst_heap_take(rst_heap *heap, size_t size_class)
{
    rst_slice *page = heap->active[size_class];
    if (page == NULL || page->free == NULL || heap->refills_to_tick == 0 || !rst_page_glance(page->free))
        return NULL;
    heap->refills_to_tick--;
    rst_count(&heap->handed[size_class], rst_page_back(page));
    rst_block *block = rst_page_take(page);
    atomic_signal_fence(
        memory_order_seq_cst); /* for the compiler only: never in both lists, should a fork copy us here */
    heap->list[size_class] = block->next;
    return block;
}

/* --- slow paths; owner's thread, heap is not rst_heap_none ------------------------------------------------------------------- */

/* Fill the list of a class and take a block from it. NULL: out of memory. */
void *rst_heap_refill(rst_heap *heap, unsigned c);

/* Another page of a class that has something to give, now ACTIVE; NULL: none in the list. */
rst_slice *rst_heap_next_available(rst_heap *heap, unsigned c);

/* Act on what a page reported. Also for an idle heap by the token's holder. */
void rst_heap_page_event(rst_heap *heap, rst_slice *page, rst_page_event event);

/* A page that an outsider has taken and purged: all its blocks are back, its slices go to the arena. */
void rst_heap_page_returned(rst_heap *heap, rst_slice *page);

/* Pages that hold or held blocks, without the spare ones. Any thread; exact for an idle heap. */
uint64_t rst_heap_pages(const rst_heap *heap);

/* Put every list back into its page and give back spare pages, as before the thread ends. */
void rst_heap_fold(rst_heap *heap);

/* Give back spare pages. */
void rst_heap_drop_spares(rst_heap *heap);

/* Marks that the owner is inside: the child of a fork finds out which heaps are whole. */
RST_INLINE void rst_heap_enter(rst_heap *heap)
{
    rst_store_relaxed(&heap->busy, 1u);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler only: fork copies memory in program order */
}

RST_INLINE void rst_heap_leave(rst_heap *heap)
{
    atomic_signal_fence(memory_order_seq_cst);
    rst_store_relaxed(&heap->busy, 0u);
}

#endif

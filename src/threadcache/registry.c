/* The registry: see registry.h. SPDX-License-Identifier: MIT */
#include "threadcache/registry.h"

#include "core/metadata.h"
#include "core/purge.h"
#include "os/os.h"
#include "os/sync.h"
#include "threadcache/outside.h"
#include "threadcache/remote.h"

enum { ADOPT_TRIES = 4, ORPHAN_TRIES = 8 };

static rst_lock lock;
static rst_heap *parked;      /* [lock] idle heaps that own pages */
static rst_heap *vacant;      /* [lock] idle heaps that own none */
static rst_heap *looked_at;   /* [lock] where the search for orphans goes on */
static rst_heap *forked_with; /* [child of a fork] the heap of the thread that forked */
_Atomic uint32_t rst_registry_left_behind;
static uint32_t process;           /* [lock, or the child of a fork] whose threads the heaps belong to */
static _Atomic(rst_heap *) newest; /* all heaps */

rst_heap *rst_registry_first(void)
{
    return rst_load_acquire(&newest); /* pairs with the release in heap_make */
}

const void *rst_registry_newest(void)
{
    return &newest;
}

/* --- attach ---------------------------------------------------------------------------------------------------------------------- */

static void take_over_locked(void);

/* Take a heap from a list, passing over those that someone is draining; with the lock. */
static rst_heap *adopt_from(rst_heap **list)
{
    for (int tries = 0; *list != NULL && tries < ADOPT_TRIES; tries++) {
        rst_heap *heap = *list;
        if (rst_load_relaxed(&heap->state) == RST_HEAP_LOST) { /* in a fork that left it half-drained */
            *list = heap->next_idle;
            continue;
        }
        if (rst_token_try(heap)) {
            *list = heap->next_idle;
            rst_store_relaxed(&heap->state, RST_HEAP_ATTACHED); /* relaxed: the token's release publishes it */
            rst_token_release(heap);
            return heap;
        }
        list = &heap->next_idle;
    }
    return NULL;
}

/* A heap whose thread has ended without our hearing of it: libc calls destructors in a few rounds, and a thread that allocates
 * in the last one attaches for good. With the lock. Some heaps are looked at each time, none twice, so no more are made than
 * threads live, after a while. A child of vfork sees other threads' numbers than it has: not there. */
static rst_heap *adopt_orphan(void)
{
    if (process != rst_os_process_id())
        return NULL;
    const rst_heap *first = NULL;
    for (int tries = 0; tries < ORPHAN_TRIES; tries++) {
        rst_heap *heap = looked_at != NULL ? looked_at : rst_load_acquire(&newest); /* pairs with heap_make */
        if (heap == NULL || heap == first)
            return NULL;
        first = first != NULL ? first : heap;
        looked_at = heap->next_heap;
        uint32_t thread_id = rst_load_relaxed(&heap->thread_id);
        if (thread_id != 0 && rst_load_relaxed(&heap->state) == RST_HEAP_ATTACHED && rst_os_thread_gone(thread_id)) {
            rst_process_sub(threads, 1);
            return heap;
        }
    }
    return NULL;
}

static rst_heap *heap_make(void)
{
    if (rst_arena_count() == 0 && !rst_arena_add(0, 0))
        return NULL;
    rst_heap *heap = rst_metadata_take(sizeof *heap);
    if (heap == NULL)
        return NULL;
    heap->base = rst_arenas[0].base;
    heap->slices = rst_arenas[0].slices;
    heap->out_budget = RST_OUT_BUDGET;
    heap->number = (uint32_t)rst_process_add(heaps, 1);
    heap->next_heap = rst_load_relaxed(&newest);
    while (!rst_cas_release(&newest, &heap->next_heap, heap)) { /* pairs with rst_registry_first */
    }
    return heap;
}

rst_heap *rst_registry_attach(void)
{
    rst_lock_acquire(&lock);
    take_over_locked();
    rst_heap *heap = adopt_from(&parked);
    if (heap == NULL)
        heap = adopt_from(&vacant);
    if (heap == NULL)
        heap = adopt_orphan();
    if (heap != NULL)
        rst_store_relaxed(&heap->thread_id, rst_os_thread_id()); /* with the lock: no orphan any more */
    if (process == 0)
        process = rst_os_process_id();
    rst_lock_release(&lock);
    if (heap == NULL)
        heap = heap_make();
    if (heap == NULL)
        return NULL;
    rst_store_relaxed(&heap->thread_id, rst_os_thread_id());
    rst_process_add(threads, 1);
    rst_process_add(threads_attached, 1);
    heap->flushed_ms = (uint32_t)rst_os_clock_ms();
    rst_thread_heap = heap;
    return heap;
}

/* --- detach ---------------------------------------------------------------------------------------------------------------------- */

static void idle_push(rst_heap *heap)
{
    rst_heap **list = rst_heap_pages(heap) != 0 ? &parked : &vacant;
    heap->next_idle = *list;
    *list = heap;
}

/* No thread acts for the heap from here on. */
static void park(rst_heap *heap)
{
    rst_lock_acquire(&lock);
    idle_push(heap);
    /* seq_cst: before the look at the inbox. Pairs with the sender, which looks at the state after it pushed. */
    atomic_exchange_explicit(&heap->state, RST_HEAP_IDLE, memory_order_seq_cst);
    rst_lock_release(&lock);
    rst_outside_drain_idle(heap);
}

void rst_registry_detach(void)
{
    rst_heap *heap = rst_thread_heap;
    if (heap == &rst_heap_none)
        return;
    rst_thread_heap = (rst_heap *)&rst_heap_none;
    rst_heap_enter(heap);
    rst_remote_give_up(heap);
    rst_store_relaxed(&heap->thread_id, 0u);
    rst_heap_leave(heap);
    rst_process_sub(threads, 1);
    park(heap);
    rst_purge_tick();
}

/* --- the end of the library ---------------------------------------------------------------------------------------------------------- */

void rst_registry_take_all(void)
{
    rst_lock_acquire(&lock);
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        if (rst_load_relaxed(&heap->state) != RST_HEAP_ATTACHED)
            continue;
        rst_remote_give_up(heap);
        rst_store_relaxed(&heap->thread_id, 0u);
        rst_store_relaxed(&heap->state, (uint32_t)RST_HEAP_IDLE);
        idle_push(heap);
        rst_process_sub(threads, 1);
    }
    /* What each sent to others last. */
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        rst_outside_drain_idle(heap);
    rst_lock_release(&lock);
}

bool rst_registry_forget(void)
{
    bool unused = true;
    rst_lock_acquire(&lock);
    for (rst_heap *heap = rst_registry_first(); heap != NULL && unused; heap = heap->next_heap)
        unused = rst_load_acquire(&heap->state) == RST_HEAP_IDLE && rst_load_acquire(&heap->inbox) == 0 &&
                 rst_load_relaxed(&heap->outside_pages) == 0 && rst_heap_pages(heap) == 0;
    if (unused) {
        parked = vacant = looked_at = forked_with = NULL;
        rst_store_release(&newest, (rst_heap *)NULL);
        rst_store_relaxed(&rst_process.heaps, 0u);
    }
    rst_lock_release(&lock);
    return unused;
}

/* --- fork ------------------------------------------------------------------------------------------------------------------------ */

void rst_registry_before_fork(void)
{
    rst_lock_acquire(&lock);
}

/* What a thread that is gone left behind. With the lock. */
static void take_over(rst_heap *heap)
{
    heap->survivor = 1;
    rst_remote_give_up(heap);
    rst_store_relaxed(&heap->thread_id, 0u);
    rst_store_relaxed(&heap->state, RST_HEAP_IDLE);
    idle_push(heap);
    rst_outside_drain_idle(heap);
}

static void take_over_locked(void)
{
    if (rst_load_relaxed(&rst_registry_left_behind) == 0)
        return;
    rst_store_relaxed(&rst_registry_left_behind, 0u);
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        if (heap != forked_with && rst_load_relaxed(&heap->state) == RST_HEAP_ATTACHED)
            take_over(heap);
    }
}

void rst_registry_take_over(void)
{
    rst_lock_acquire(&lock);
    take_over_locked();
    rst_lock_release(&lock);
}

/* At once only what others might trip over: most children call exec, or little else. */
static void child_look_at(rst_heap *heap)
{
    uint32_t state = rst_load_relaxed(&heap->state);
    bool inside = state == RST_HEAP_ATTACHED && heap != forked_with && rst_load_relaxed(&heap->busy) != 0;
    if (rst_load_relaxed(&heap->token) != 0) {
        inside |= state == RST_HEAP_IDLE; /* someone acted as its owner */
        rst_outside_abandon(heap);
    }
    if (inside)
        rst_store_relaxed(&heap->state, (uint32_t)RST_HEAP_LOST);
}

void rst_registry_after_fork(bool child)
{
    if (!child) {
        rst_lock_release(&lock);
        return;
    }
    rst_lock_reset(&lock);
    forked_with = rst_thread_heap;
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        child_look_at(heap);
    rst_store_relaxed(&rst_registry_left_behind, 1u);
    rst_store_relaxed(&rst_process.threads, rst_thread_heap != &rst_heap_none ? 1u : 0u);
}

RST_COLD void rst_registry_in_child(void)
{
    if (rst_thread_heap != &rst_heap_none)
        rst_store_relaxed(&rst_thread_heap->thread_id, rst_os_thread_id());
    process = rst_os_process_id();
}

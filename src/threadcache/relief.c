/* Relief: see relief.h. SPDX-License-Identifier: MIT */
#include "threadcache/relief.h"

#include "core/limits.h"
#include "core/purge.h"
#include "os/os.h"
#include "threadcache/outside.h"
#include "threadcache/recall.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"
#include "threadcache/sparse.h"

enum { LOOK_MS = 250, ASK_MS = 1000 };

static _Atomic uint64_t next_ask;  /* ms; whoever moves it on asks */
static _Atomic uint64_t next_look; /* ms; whoever moves it on looks. 0: it has not come to a first look yet */

void rst_relief_collect(const rst_heap *own, bool purge)
{
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        if (heap != own)
            rst_outside_collect(heap, purge);
    }
}

void rst_relief_purge(rst_heap *own)
{
    if (own != NULL) {
        rst_remote_drain(own);
        rst_heap_drop_spares(own);
    }
    rst_relief_collect(own, true);
    rst_purge_all();
    rst_sparse_purge();
}

/* Threads that allocate give up what they hold ready, each at its next look at the clock; not more often than that is of use. */
static void ask_threads(void)
{
    uint64_t now = rst_os_clock_ms();
    uint64_t due = rst_load_relaxed(&next_ask);
    /* relaxed: only decides who asks. */
    if (now >= due && atomic_compare_exchange_strong_explicit(&next_ask, &due, now + ASK_MS, memory_order_relaxed,
                                                              memory_order_relaxed))
        rst_recall_ask();
}

/* Purge, and see what the system leaves then. */
static void relieve(rst_heap *own)
{
    rst_add_relaxed(&rst_press_relieving, 1u);
    ask_threads();
    rst_relief_purge(own);
    rst_sub_relaxed(&rst_press_relieving, 1u);
    rst_limits_look();
}

bool rst_relief_for(rst_heap *own, size_t bytes)
{
    if (!rst_limits_any())
        return false;
    rst_store_relaxed(&next_look, rst_os_clock_ms() + LOOK_MS);
    rst_limits_look();
    if (rst_limits_tight(bytes))
        relieve(own);
    return rst_limits_admit(bytes);
}

bool rst_relief_enter_for(rst_heap *own, size_t bytes)
{
    rst_heap_enter(own);
    bool again = rst_relief_for(own, bytes);
    rst_heap_leave(own);
    return again;
}

/* Something is idle, or may be, and the system's limit is near: it goes, and the next point to look at is set anew. */
static void look(rst_heap *own)
{
    rst_limits_look();
    if (rst_limits_forbid(0) || (rst_load_relaxed(&rst_pressed) != 0 && rst_limits_tight(0)))
        relieve(own);
    rst_limits_admit(0);
}

void rst_relief_tick(rst_heap *own)
{
    if (rst_load_relaxed(&rst_keeper) != RST_KEEPER_NONE || !rst_limits_any())
        return;
    uint64_t now = rst_os_clock_ms();
    uint64_t due = rst_load_relaxed(&next_look);
    /* relaxed: only decides who looks. */
    if (due != 0 && now >= due &&
        atomic_compare_exchange_strong_explicit(&next_look, &due, now + LOOK_MS, memory_order_relaxed,
                                                memory_order_relaxed))
        look(own);
}

void rst_relief_look(void)
{
    look(NULL);
}

void rst_relief_event(void)
{
    rst_limits_event();
    relieve(NULL);
    rst_limits_admit(0);
}

/* Recall: see recall.h. SPDX-License-Identifier: MIT */
#include "threadcache/recall.h"

#include "os/os.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

/* A wake reaches one of those who wait, and a thread that ends wakes nobody: so all look again after this. */
enum { LOOK_MS = 20 };

_Atomic uint32_t rst_recall_asked;
static _Atomic uint32_t answers; /* a word to wait on */

uint32_t rst_recall_ask(void)
{
    return rst_add_relaxed(&rst_recall_asked, 1u) + 1; /* relaxed: heard of sooner or later */
}

void rst_recall_answer(rst_heap *heap)
{
    uint32_t asked = rst_load_relaxed(&rst_recall_asked);
    rst_remote_give_up(heap);
    rst_store_release(&heap->recalled, asked); /* after what it says is done; pairs with rst_recall_owes */
    rst_add_relaxed(&answers, 1u);
    rst_os_wake(&answers);
}

bool rst_recall_owes(rst_heap *heap, uint32_t asked)
{
    if (heap == rst_thread_heap || rst_load_relaxed(&heap->state) != RST_HEAP_ATTACHED)
        return false;
    return (int32_t)(rst_load_acquire(&heap->recalled) - asked) < 0; /* pairs with rst_recall_answer */
}

static bool someone_owes(uint32_t asked)
{
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        if (rst_recall_owes(heap, asked))
            return true;
    }
    return false;
}

void rst_recall_wait(uint32_t asked, uint64_t until)
{
    for (;;) {
        uint32_t seen = rst_load_relaxed(&answers); /* relaxed: before the look; who answers later changes it */
        uint64_t now = rst_os_clock_ms();
        if (now >= until || !someone_owes(asked))
            return;
        rst_os_wait_ms(&answers, seen, (uint32_t)rst_min(until - now, LOOK_MS));
    }
}

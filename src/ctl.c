/* What a program may ask of the library beside memory. SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/purge.h"
#include "face.h"
#include "os/os.h"
#include "stats/collect.h"
#include "threadcache/recall.h"
#include "threadcache/registry.h"
#include "threadcache/relief.h"
#include "threadcache/remote.h"
#include "threadcache/sparse.h"

#include <string.h>

RST_EXPORT int roost_owns(const void *address)
{
    return rst_slice_of(address) != NULL;
}

RST_EXPORT int roost_version(void)
{
    return ROOST_VERSION;
}

RST_EXPORT void roost_thread_flush(void)
{
    rst_heap *heap = rst_thread_heap;
    if (heap == &rst_heap_none)
        return;
    rst_heap_enter(heap);
    rst_remote_flush(heap);
    rst_heap_leave(heap);
}

/* --- memory asked back --------------------------------------------------------------------------------------------------------- */

/* This thread's own part, and what can be had of the others' without them. */
static void gather(void)
{
    rst_heap *heap = rst_thread_heap;
    if (rst_load_relaxed(&rst_registry_left_behind) != 0)
        rst_registry_take_over();
    if (heap != &rst_heap_none) {
        rst_heap_enter(heap);
        rst_remote_give_up(heap);
        rst_heap_leave(heap);
    }
    rst_relief_collect(heap, true);
}

size_t rst_trim(void)
{
    gather();
    size_t purged = rst_purge_all();
    return purged + rst_sparse_purge();
}

/* What a thread holds that did not answer. It may be changing: a figure of a moment ago. */
static void report_unreached(roost_purge_report *report, rst_heap *heap)
{
    report->unreached++;
    for (unsigned i = 0; i < RST_BATCH_COUNT; i++) {
        uint32_t blocks;
        unsigned c = rst_stats_batch(heap, i, &blocks);
        if (c != RST_CLASS_COUNT)
            report->unsent += (uint64_t)blocks * rst_classes[c].size;
    }
}

static void report_state(roost_purge_report *report, uint32_t asked)
{
    roost_stats stats;
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        uint32_t state = rst_load_relaxed(&heap->state);
        report->heaps += state == RST_HEAP_ATTACHED;
        report->lost += state == RST_HEAP_LOST;
        if (rst_recall_owes(heap, asked))
            report_unreached(report, heap);
    }
    rst_stats_collect(&stats);
    report->allocated = stats.allocated;
    report->in_use = stats.in_use;
    report->idle = stats.footprint > stats.in_use ? stats.footprint - stats.in_use : 0;
    report->undrained = stats.undrained_bytes;
}

size_t rst_purge_asked(unsigned deadline_ms, roost_purge_report *report)
{
    int saved = errno;
    uint64_t before = rst_load_relaxed(&rst_process.purged);
    uint32_t asked = rst_recall_ask();
    size_t purged = rst_trim();
    if (deadline_ms != 0) {
        rst_recall_wait(asked, rst_os_clock_ms() + deadline_ms);
        purged += rst_trim(); /* what the answers set free */
    }
    if (report != NULL && report->size >= sizeof report->size) {
        roost_purge_report full = {.size = rst_min(report->size, sizeof full)};
        report_state(&full, asked);
        full.purged = rst_load_relaxed(&rst_process.purged) - before;
        memcpy(report, &full, full.size);
    }
    errno = saved;
    return purged;
}

RST_EXPORT size_t roost_purge(unsigned deadline_ms, roost_purge_report *report)
{
    return rst_purge_asked(deadline_ms, report);
}

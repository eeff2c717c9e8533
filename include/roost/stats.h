/* roost: one row per figure. The structure, its sum over heaps and every dump are made from these tables.
 *
 *   X(name, unit, help)
 *
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_STATS_H
#define ROOST_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Figures of the process. */
#define ROOST_PROCESS_TABLE(X) \
    X(reserved, "bytes", "address space set aside") \
    X(committed, "bytes", "made usable so far") \
    X(metadata, "bytes", "committed for roost's own tables and heaps") \
    X(in_use, "bytes", "slices that belong to a page or a large block") \
    X(in_use_peak, "bytes", "the most that in_use has been") \
    X(footprint, "bytes", "slices in use, or free and not yet given back") \
    X(large_live, "blocks", "large blocks allocated") \
    X(large_live_bytes, "bytes", "usable bytes of those") \
    X(large_allocs, "blocks", "large blocks ever allocated") \
    X(large_moves, "blocks", "large blocks that grew by moving page tables") \
    X(purges, "calls", "times that memory was given back to the OS") \
    X(purged, "bytes", "memory given back") \
    X(steward_starts, "times", "times that the steward was started") \
    X(steward_cpu, "us", "processor time it has used") \
    X(arenas, "arenas", "reservations") \
    X(heaps, "heaps", "heaps ever made") \
    X(heaps_parked, "heaps", "heaps of ended threads that still own pages") \
    X(foreign_alone_blocks, "blocks", "sent one by one, by threads that had no heap any more") \
    X(foreign_alone_bytes, "bytes", "their bytes") \
    X(threads, "threads", "threads that have a heap now") \
    X(threads_attached, "threads", "threads that ever had a heap")

/* Figures that each heap keeps and that are summed when asked. */
#define ROOST_HEAP_TABLE(X) \
    X(pages_made, "pages", "pages cut") \
    X(pages_ended, "pages", "pages given back to the arena, or kept empty") \
    X(refills, "calls", "times that a free list was filled the slow way") \
    X(foreign_sent_batches, "batches", "messages sent to other heaps") \
    X(foreign_sent_blocks, "blocks", "blocks in them") \
    X(foreign_sent_bytes, "bytes", "their bytes") \
    X(foreign_received_batches, "batches", "messages taken in") \
    X(foreign_received_blocks, "blocks", "blocks in them") \
    X(foreign_received_bytes, "bytes", "their bytes")

/* Figures found by walking the pages when asked. */
#define ROOST_WALK_TABLE(X) \
    X(pages, "pages", "pages that hold or held blocks") \
    X(segments, "segments", "2 MiB segments committed") \
    X(segments_in_use, "segments", "segments with a slice in use") \
    X(allocated, "bytes", "in blocks that the program holds, large ones included") \
    X(allocated_blocks, "blocks", "blocks that the program holds") \
    X(undrained_blocks, "blocks", "freed by another thread and not yet home") \
    X(undrained_bytes, "bytes", "their bytes") \
    X(resident, "bytes", "physical memory of the whole process") \
    X(resident_peak, "bytes", "the most that resident has been")

#define ROOST_STATS_VERSION 1

#define ROOST_STATS_FIELD(name, unit, help) uint64_t name;
typedef struct roost_stats {
    size_t size;      /* of this structure */
    uint32_t version; /* ROOST_STATS_VERSION */
    uint32_t reserved_flags;
    ROOST_PROCESS_TABLE(ROOST_STATS_FIELD)
    ROOST_HEAP_TABLE(ROOST_STATS_FIELD)
    ROOST_WALK_TABLE(ROOST_STATS_FIELD)
} roost_stats;
#undef ROOST_STATS_FIELD

#endif

/* roost: one row per figure. The structure, its sum over heaps, every dump and docs/stats.md are made from these tables.
 *
 *   X(name, kind, unit, help, note)
 *
 * kind: GAUGE goes up and down, COUNTER only up. note: when the figure is exact, and what to know. "exact": at any time. "at rest":
 * exact when no other thread is inside the allocator, else as it was at some moment of the walk.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_STATS_H
#define ROOST_STATS_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/* Figures of the process. */
#define ROOST_PROCESS_TABLE(X) \
    X(reserved, GAUGE, "bytes", "address space set aside", \
      "exact. Arenas with their descriptors; not the chunks for heaps") \
    X(committed, GAUGE, "bytes", "made usable so far", \
      "exact. Memory for blocks; it is not lowered by purging") \
    X(metadata, GAUGE, "bytes", "committed for roost's own tables and heaps", \
      "exact") \
    X(in_use, GAUGE, "bytes", "slices that belong to a page or a large block", \
      "exact") \
    X(in_use_peak, GAUGE, "bytes", "the most that in_use has been", \
      "may count slices that a large block held for a moment while it could not grow in place") \
    X(footprint, GAUGE, "bytes", "slices in use, or free and not yet given back", \
      "exact. The most that roost's memory for blocks can hold of physical memory; slices in use need not have been touched. Limits go by it") \
    X(large_live, GAUGE, "blocks", "large blocks allocated", \
      "exact") \
    X(large_live_bytes, GAUGE, "bytes", "usable bytes of those", \
      "exact") \
    X(large_allocs, COUNTER, "blocks", "large blocks ever allocated", \
      "exact. A block that moves counts again") \
    X(large_moves, COUNTER, "blocks", "large blocks that grew by moving page tables", \
      "exact") \
    X(purges, COUNTER, "calls", "times that memory was given back to the OS", \
      "exact. One per run of slices") \
    X(purged, COUNTER, "bytes", "memory given back", \
      "exact. Large blocks that gave memory back by a fresh mapping are not in it") \
    X(huge_asked, COUNTER, "segments", "times that a segment asked for a huge page", \
      "exact. Whether the kernel gave one is in AnonHugePages of /proc/PID/smaps") \
    X(huge_dropped, COUNTER, "segments", "times that one stopped asking, because memory in it went back or a large block took it", \
      "exact") \
    X(steward_starts, COUNTER, "times", "times that the steward was started", \
      "exact") \
    X(steward_cpu, COUNTER, "us", "processor time it has used", \
      "as of its last round") \
    X(arenas, GAUGE, "arenas", "reservations", \
      "exact") \
    X(heaps, GAUGE, "heaps", "heaps ever made", \
      "exact") \
    X(heaps_parked, GAUGE, "heaps", "heaps of ended threads that still own pages", \
      "found by looking: idle heaps that own pages") \
    X(foreign_alone_blocks, COUNTER, "blocks", "sent one by one, by threads that had no heap any more", \
      "exact") \
    X(foreign_alone_bytes, COUNTER, "bytes", "their bytes", \
      "exact") \
    X(threads, GAUGE, "threads", "threads that have a heap now", \
      "exact") \
    X(threads_attached, COUNTER, "threads", "threads that ever had a heap", \
      "exact. Counts attachments: a thread that allocates again after its exit hook has run counts twice")

/* Figures that each heap keeps and that are summed when asked. */
#define ROOST_HEAP_TABLE(X) \
    X(pages_made, COUNTER, "pages", "pages cut", \
      "exact. A spare page that is cut anew counts again") \
    X(pages_ended, COUNTER, "pages", "pages given back to the arena, or kept empty", \
      "exact") \
    X(refills, COUNTER, "calls", "times that a free list was filled the slow way", \
      "exact") \
    X(foreign_sent_batches, COUNTER, "batches", "messages sent to other heaps", \
      "exact. Those sent one by one are included") \
    X(foreign_sent_blocks, COUNTER, "blocks", "blocks in them", \
      "as above") \
    X(foreign_sent_bytes, COUNTER, "bytes", "their bytes", \
      "as above. Block sizes, not requested sizes") \
    X(foreign_received_batches, COUNTER, "batches", "messages taken in", \
      "counted when a drain ends") \
    X(foreign_received_blocks, COUNTER, "blocks", "blocks in them", \
      "as above") \
    X(foreign_received_bytes, COUNTER, "bytes", "their bytes", \
      "as above")

/* Figures found by walking the pages when asked. */
#define ROOST_WALK_TABLE(X) \
    X(pages, GAUGE, "pages", "pages that hold or held blocks", \
      "at rest. Spare pages, which hold no block, are included") \
    X(segments, GAUGE, "segments", "2 MiB segments committed", \
      "exact") \
    X(segments_in_use, GAUGE, "segments", "segments with a slice in use", \
      "at rest") \
    X(allocated, GAUGE, "bytes", "in blocks that the program holds, large ones included", \
      "at rest. Usable bytes: block sizes, not requested sizes") \
    X(allocated_blocks, GAUGE, "blocks", "blocks that the program holds", \
      "at rest") \
    X(undrained_blocks, GAUGE, "blocks", "freed by another thread and not yet home", \
      "at rest; never below zero. Open batches, and messages not taken in") \
    X(undrained_bytes, GAUGE, "bytes", "their bytes", \
      "at rest") \
    X(resident, GAUGE, "bytes", "physical memory of the whole process", \
      "as Linux tells it (`/proc/self/statm`); 0 where that cannot be read") \
    X(resident_peak, GAUGE, "bytes", "the most that resident has been", \
      "as Linux tells it (`getrusage`). Linux counts both lazily: it has been seen a little below `resident`")

/* clang-format on */

#define ROOST_STATS_VERSION 1

#define ROOST_STATS_FIELD(name, ...) uint64_t name;
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

/* roost: one row per figure. The structure, its sum over heaps, every dump and docs/stats.md are made from these tables.
 *
 *   X(name, kind, unit, help, note)
 *
 * kind: GAUGE goes up and down, COUNTER only up. note: when the figure is exact, and what to know. "exact": at any time. "at rest":
 * exact when no other thread is inside the allocator, else as it was at some moment of the walk.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_STATS_H
#define ROOST_STATS_H

#include "roost/roost.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/* Figures of the process. */
#define ROOST_PROCESS_TABLE(X) \
    X(reserved, GAUGE, "bytes", "address space set aside", \
      "exact. Arenas with their descriptors; not the chunks for heaps") \
    X(committed, GAUGE, "bytes", "made usable so far", \
      "exact. Memory for blocks; it is not lowered by purging") \
    X(metadata, GAUGE, "bytes", "committed for roost's own tables and heaps", \
      "exact") \
    X(in_use, GAUGE, "bytes", "slices of pages and large blocks", \
      "exact") \
    X(in_use_peak, GAUGE, "bytes", "the most that in_use has been", \
      "may count slices that a large block held for a moment while it could not grow in place") \
    X(footprint, GAUGE, "bytes", "slices in use, or free and still dirty", \
      "exact. The most that roost's memory for blocks can hold of physical memory; slices in use need not have been touched, and a huge page may hold more than the slices in it that count. Limits go by it") \
    X(footprint_peak, GAUGE, "bytes", "the most that footprint has been", \
      "exact") \
    X(large_live, GAUGE, "blocks", "large blocks allocated", \
      "exact") \
    X(large_live_bytes, GAUGE, "bytes", "usable bytes of those", \
      "exact") \
    X(large_allocs, COUNTER, "blocks", "large blocks ever allocated", \
      "exact. A block that moves counts again") \
    X(large_requested, COUNTER, "bytes", "their bytes", \
      "exact. Usable bytes when it was allocated; what a block grows by in place is not in it") \
    X(large_moves, COUNTER, "blocks", "large blocks moved by page tables", \
      "exact") \
    X(purges, COUNTER, "calls", "runs of memory given back to the OS", \
      "exact. One per run of slices") \
    X(purged, COUNTER, "bytes", "memory given back", \
      "exact. Large blocks that gave memory back by a fresh mapping are not in it") \
    X(purged_inside, COUNTER, "bytes", "of that, inside pages in use", \
      "exact. See [memory.md](memory.md)") \
    X(pinned, GAUGE, "bytes", "in explicit huge pages", \
      "exact. Taken at start by the option explicit_huge; resident whether in use or not, and in `footprint` only as far as in use. Linux does not count them in `resident`") \
    X(huge_asked, COUNTER, "segments", "times that a segment asked for a huge page", \
      "exact. Whether the kernel gave one is in AnonHugePages of /proc/PID/smaps") \
    X(huge_readied, COUNTER, "segments", "huge pages touched before they were needed", \
      "exact. By the steward, in a process that fills one after the other and holds 32 MiB") \
    X(huge_dropped, COUNTER, "segments", "times that one stopped asking", \
      "exact. Because part of it went back, or something else than a page of a big heap came first in it") \
    X(pressure_events, COUNTER, "times", "shortages that the system told of", \
      "exact") \
    X(pressure_limits, COUNTER, "times", "times a limit of the system's came near", \
      "exact. Less than a sixteenth of it was left; counted again after an eighth was") \
    X(pressure_purged, COUNTER, "bytes", "given back for those and for own limits", \
      "exact. What goes back at once while memory is pressed for is in it, whoever does it. In `purged` too") \
    X(limit_refused, COUNTER, "calls", "allocations refused by the hard limit", \
      "exact") \
    X(steward_starts, COUNTER, "times", "times that the steward was started", \
      "exact") \
    X(steward_cpu, COUNTER, "us", "processor time it has used", \
      "as of its last round") \
    X(steward_regained, COUNTER, "bytes", "given back by it and taken up again soon", \
      "found by its rounds, from how the footprint rose: what had been given back ten to twenty seconds before at most. It counts against what the steward may cost, so that a program which needs its memory again and again keeps more of it: see [memory.md](memory.md)") \
    X(start_time, COUNTER, "us", "what starting up has cost", \
      "elapsed time of reading options and making the first heap; those who waited meanwhile are not in it") \
    X(arenas, GAUGE, "arenas", "reservations", \
      "exact") \
    X(heaps, GAUGE, "heaps", "heaps ever made", \
      "exact") \
    X(heaps_parked, GAUGE, "heaps", "heaps of ended threads that own pages", \
      "found by looking: idle heaps that own pages") \
    X(foreign_alone_blocks, COUNTER, "blocks", "sent by threads without a heap, singly", \
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
    X(pages_ended, COUNTER, "pages", "pages given back, or kept empty", \
      "exact") \
    X(refills, COUNTER, "calls", "free lists filled the slow way", \
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
    X(allocated, GAUGE, "bytes", "in blocks that the program holds", \
      "at rest. Large ones included. Usable bytes: block sizes, not requested sizes") \
    X(allocated_blocks, GAUGE, "blocks", "blocks that the program holds", \
      "at rest") \
    X(undrained_blocks, GAUGE, "blocks", "freed by another thread and not yet home", \
      "at rest; never below zero. Open batches, and messages not taken in") \
    X(undrained_bytes, GAUGE, "bytes", "their bytes", \
      "at rest") \
    X(allocated_peak, GAUGE, "bytes", "the most that allocated was when asked", \
      "of the moments at which statistics were read. Between them it may have been more, at most `in_use_peak`") \
    X(allocs, COUNTER, "blocks", "blocks ever allocated", \
      "at rest; while others run it may be some lists behind, never ahead") \
    X(requested, COUNTER, "bytes", "bytes ever allocated", \
      "as `allocs`, each block with the size of its class; `large_requested` is in it") \
    X(frees, GAUGE, "blocks", "blocks ever freed", \
      "at rest. `allocs` less `allocated_blocks`: while others run it may be off by some lists and pages, either way") \
    X(faults_minor, COUNTER, "faults", "page faults without reading, whole process", \
      "as Linux tells it (`getrusage`)") \
    X(faults_major, COUNTER, "faults", "page faults that read, whole process", \
      "as above") \
    X(resident, GAUGE, "bytes", "physical memory of the whole process", \
      "as Linux tells it (`/proc/self/statm`); 0 where that cannot be read") \
    X(resident_peak, GAUGE, "bytes", "the most that resident has been", \
      "as Linux tells it (`getrusage`). Linux counts both lazily: it has been seen a little below `resident`")

/* System calls that roost has made for memory and locks, by kind. */
#define ROOST_CALL_TABLE(X) \
    X(calls_map, COUNTER, "calls", "reserve, or replace by fresh memory", \
      "exact; `mmap`") \
    X(calls_unmap, COUNTER, "calls", "release", \
      "exact; `munmap`") \
    X(calls_protect, COUNTER, "calls", "commit", \
      "exact; `mprotect`") \
    X(calls_advise, COUNTER, "calls", "purge, huge pages, core dumps", \
      "exact; `madvise`") \
    X(calls_move, COUNTER, "calls", "move page tables", \
      "exact; `mremap`") \
    X(calls_name, COUNTER, "calls", "name a mapping", \
      "exact; `prctl`") \
    X(calls_sleep, COUNTER, "calls", "sleep or wake at a lock", \
      "exact; `futex`")

/* Figures of one size class. */
#define ROOST_CLASS_TABLE(X) \
    X(block_size, GAUGE, "bytes", "bytes of a block", \
      "fixed") \
    X(allocs, COUNTER, "blocks", "blocks ever allocated", \
      "at rest") \
    X(frees, GAUGE, "blocks", "blocks ever freed", \
      "at rest. `allocs` less `live`, so a block counts when its heap has it back, not while it travels") \
    X(live, GAUGE, "blocks", "with the program, or in a message home", \
      "at rest. All classes and `large_live` make `allocated_blocks` and the messages not taken in") \
    X(ready, GAUGE, "blocks", "in heaps' lists, to be handed out next", \
      "at rest") \
    X(pages, GAUGE, "pages", "pages of this class", \
      "at rest. Spare pages count for the class they had") \
    X(capacity, GAUGE, "blocks", "blocks that fit those pages", \
      "at rest") \
    X(fill, GAUGE, "percent", "share of them that is live", \
      "at rest; rounded down")

/* Figures of one heap. */
#define ROOST_HEAP_ROW_TABLE(X) \
    X(number, GAUGE, "", "which heap; 0 was made first", \
      "fixed") \
    X(thread, GAUGE, "", "its thread, as the system numbers it", \
      "0: none") \
    X(state, GAUGE, "", "0 has a thread, 1 idle, 2 lost in a fork", \
      "exact") \
    X(pages, GAUGE, "pages", "pages it owns", \
      "at rest") \
    X(live, GAUGE, "blocks", "of its pages: with the program, or travelling", \
      "at rest") \
    X(live_bytes, GAUGE, "bytes", "their bytes", \
      "at rest") \
    X(ready_bytes, GAUGE, "bytes", "in its lists, to be handed out next", \
      "at rest") \
    X(unsent_blocks, GAUGE, "blocks", "freed here for other heaps, not sent", \
      "at rest") \
    X(unsent_bytes, GAUGE, "bytes", "their bytes", \
      "at rest") \
    X(inbox_bytes, GAUGE, "bytes", "sent to it and not taken out", \
      "exact, but each message is rounded up to whole KiB; no more than 64 MiB is told") \
    X(kept_bytes, GAUGE, "bytes", "taken out for it by others, kept at pages", \
      "at rest") \
    X(batches_sent, COUNTER, "batches", "messages it has sent", \
      "exact") \
    X(batches_received, COUNTER, "batches", "messages taken in for it", \
      "exact") \
    X(refills, COUNTER, "calls", "free lists filled the slow way", \
      "exact") \
    X(quiet, GAUGE, "ms", "since it last sent its open batches by time", \
      "a heap looks at the clock once in 128 refills; one that refills does this every 100 ms")

/* clang-format on */

#define ROOST_STATS_VERSION 3

#define ROOST_STATS_FIELD(name, ...) uint64_t name;
/** All figures of the process. */
typedef struct roost_stats {
    size_t size;      /* of this structure */
    uint32_t version; /* ROOST_STATS_VERSION */
    uint32_t reserved_flags;
    ROOST_PROCESS_TABLE(ROOST_STATS_FIELD)
    ROOST_HEAP_TABLE(ROOST_STATS_FIELD)
    ROOST_WALK_TABLE(ROOST_STATS_FIELD)
    ROOST_CALL_TABLE(ROOST_STATS_FIELD)
} roost_stats;

typedef struct roost_class_stats {
    ROOST_CLASS_TABLE(ROOST_STATS_FIELD)
} roost_class_stats;

typedef struct roost_heap_stats {
    ROOST_HEAP_ROW_TABLE(ROOST_STATS_FIELD)
} roost_heap_stats;
#undef ROOST_STATS_FIELD

/** What roost_stats_read asks of its argument: roost_stats s = ROOST_STATS_INIT; */
#define ROOST_STATS_INIT \
    { \
        .size = sizeof(roost_stats), .version = ROOST_STATS_VERSION \
    }

/** Fill in all figures. Stops nobody, allocates nothing; O(heaps + slices). See docs/stats.md for what is exact when.
 *  @return 0; -1 with EINVAL when `out` was not initialised as above, or by another version of this header. */
ROOST_API int roost_stats_read(roost_stats *out) ROOST_NOEXCEPT;

/** Fill in up to `count` size classes, smallest first. `row_size` is sizeof(roost_class_stats).
 *  @return how many there are; -1 with EINVAL when `row_size` is another version's. */
ROOST_API int roost_stats_classes(roost_class_stats *rows, size_t count, size_t row_size) ROOST_NOEXCEPT;

/** Fill in up to `count` heaps by their number. `row_size` is sizeof(roost_heap_stats).
 *  @return how many there are, which only grows; -1 with EINVAL when `row_size` is another version's. */
ROOST_API int roost_stats_heaps(roost_heap_stats *rows, size_t count, size_t row_size) ROOST_NOEXCEPT;

/** Write all figures to a file descriptor. `format`: "text", "json" (docs/stats.schema.json), "metrics" (OpenMetrics) or
 *  "prometheus" (the older text format of Prometheus).
 *  @return 0; -1 with EINVAL for another format, or as write() says. */
ROOST_API int roost_stats_write(int fd, const char *format) ROOST_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif

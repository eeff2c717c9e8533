/* Statistics: sums of what floors 2 and 3 count, and a walk over the pages. Exact when no other thread is inside the allocator;
 * otherwise each figure is as it was at some moment of the walk. Stops nobody. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_COLLECT_H
#define RST_STATS_COLLECT_H

#include "roost/stats.h"

/* Any thread. O(heaps + slices). */
void rst_stats_collect(roost_stats *stats);

/* The same with RST_CLASS_COUNT size classes, and of the heaps those whose number is below `heap_rows`. */
void rst_stats_collect_all(roost_stats *stats, roost_class_stats *classes, roost_heap_stats *heaps, size_t heap_rows);

/* The i-th open batch of a heap as it reads now, also while its owner changes it: its size class, *blocks of them; RST_CLASS_COUNT: none. */
struct rst_heap;
unsigned rst_stats_batch(const struct rst_heap *heap, unsigned i, uint32_t *blocks);

/* Heaps ever made. */
size_t rst_stats_heap_count(void);

#endif

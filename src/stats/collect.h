/* Statistics: sums of what floors 2 and 3 count, and a walk over the pages. Exact when no other thread is inside the allocator;
 * otherwise each figure is as it was at some moment of the walk. Stops nobody. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_COLLECT_H
#define RST_STATS_COLLECT_H

#include "roost/stats.h"

/* Any thread. O(heaps + slices). */
void rst_stats_collect(roost_stats *stats);

#endif

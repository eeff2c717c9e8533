/* Figures as plain data: those of the process (atomic, written by anyone) and the shape of those of a heap (written by
 * its owner). Made from the tables of roost/stats.h; printing them is floor 4's. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_COUNTERS_H
#define RST_CORE_COUNTERS_H

#include "os/atomic.h"
#include "os/base.h"
#include "roost/stats.h"

#define RST_COUNTER_FIELD(name, ...) _Atomic uint64_t name;

typedef struct rst_process_counters {
    ROOST_PROCESS_TABLE(RST_COUNTER_FIELD)
} rst_process_counters;

typedef struct rst_heap_counters {
    ROOST_HEAP_TABLE(RST_COUNTER_FIELD)
} rst_heap_counters;

#undef RST_COUNTER_FIELD

extern RST_HIDDEN rst_process_counters rst_process;

/* Add to a figure of the process. relaxed: figures order nothing. */
#define rst_process_add(name, n) rst_add_relaxed(&rst_process.name, (uint64_t)(n))
#define rst_process_sub(name, n) rst_sub_relaxed(&rst_process.name, (uint64_t)(n))

/* Raise *most to `value` unless it is more already; returns what it is then. relaxed. */
uint64_t rst_raise(_Atomic uint64_t *most, uint64_t value);

/* Add to in_use and raise its peak. */
void rst_process_use(size_t bytes);

/* What the footprint may not pass; set by limits.c. relaxed. */
extern RST_HIDDEN _Atomic uint64_t rst_footprint_limit;

/* Add to the footprint and raise its peak. False: it would pass the limit, nothing changed. */
bool rst_process_grow(size_t bytes);

/* The same, of what has counted before or is there whatever the limit says. */
void rst_process_grow_back(size_t bytes);

#endif

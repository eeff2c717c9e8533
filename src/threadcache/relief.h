/* Relief: giving back what is idle in every heap that can be reached, when memory is pressed for or a limit stands in the way.
 * SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_RELIEF_H
#define RST_THREADCACHE_RELIEF_H

#include "threadcache/heap.h"

enum { RST_RELIEF_TRIES = 16 }; /* others take what was made room for */

/* Collect, as an outsider, from all heaps but one (NULL: from all). `purge` as of rst_outside_collect. */
void rst_relief_collect(const rst_heap *own, bool purge);

/* Give back what is idle, in the caller's heap (NULL: it has none) and in all others, whatever its age. The heap is entered. */
void rst_relief_purge(rst_heap *own);

/* A claim of `bytes` was refused: make room. True: try again. The heap is entered. */
bool rst_relief_for(rst_heap *own, size_t bytes);

/* The same for a heap that is not entered. */
bool rst_relief_enter_for(rst_heap *own, size_t bytes);

/* Look whether a limit of the system's is near, if it is time to. Callers, now and then; leaves it to the steward where there is one. */
void rst_relief_tick(rst_heap *own);

/* The same for the steward, at once. */
void rst_relief_look(void);

/* The steward has heard that memory is scarce. */
void rst_relief_event(void);

#endif

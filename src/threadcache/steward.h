/* The steward: a thread that returns idle memory when no allocator call would, and does at once what callers ask of it (ready.h). It starts only in a process that has a second thread and
 * holds enough to be worth it, is gone after a fork until it is needed again, and sleeps without a timeout while nothing is idle.
 * SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_STEWARD_H
#define RST_THREADCACHE_STEWARD_H

#include "os/atomic.h"
#include "os/base.h"

extern RST_HIDDEN _Atomic uint32_t rst_steward_wanted;

/* See whether there should be one; it is started by rst_steward_start. Any thread, now and then. */
void rst_steward_consider(void);

/* Start it, unless someone does. Not from within free, with the caller's heap whole: the system allocates for it. Keeps errno. */
void rst_steward_start(void);

/* Have it end, and wait for that: before the library is unloaded. */
void rst_steward_stop(void);

/* In the child of a fork: there is none. */
void rst_steward_forget(void);

#endif

/* The steward: a thread that returns idle memory when no allocator call would. It starts only in a process that has a second thread and
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

/* How long it rests when it has used the processor for so long of the time that has passed: so that it uses at most a hundredth of one,
 * over ten seconds. */
uint32_t rst_steward_rest_ms(uint64_t used_us, uint64_t passed_ms);

#endif

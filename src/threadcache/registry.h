/* The registry: every heap there is, which of them are idle, and how a thread gets and leaves one.
 * SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_REGISTRY_H
#define RST_THREADCACHE_REGISTRY_H

#include "threadcache/heap.h"

/* Give this thread a heap: a parked one, an idle one, or a new one. NULL: out of memory. The caller arms the thread-exit
 * hook afterwards (that may allocate, and then finds the heap). Only on an unattached thread. */
rst_heap *rst_registry_attach(void);

/* This thread ends: send what is open, take in what is there, park the heap. Nothing to do on an unattached thread. */
void rst_registry_detach(void);

/* All heaps, newest first; follow next_heap. Any thread. */
rst_heap *rst_registry_first(void);

/* Where the pointer to the newest heap lies, for readers from outside. */
const void *rst_registry_newest(void);

/* Forget all heaps, before their memory goes. False: one of them has a thread or a page, nothing changed. */
bool rst_registry_forget(void);

/* Take the heaps of all threads from them, which will not come back. */
void rst_registry_take_all(void);

/* Around fork. In the child heaps whose thread was inside are left alone for good. The others of threads that are gone are parked
 * later, by rst_registry_take_over or when a thread attaches: a child that calls exec does not pay for it. */
void rst_registry_before_fork(void);
void rst_registry_after_fork(bool child);

/* In every child: its numbers are not its parent's. */
void rst_registry_in_child(void);

/* Whether there are such. relaxed: a hint. */
extern RST_HIDDEN _Atomic uint32_t rst_registry_left_behind;
void rst_registry_take_over(void);

#endif

/* Recall: every thread is asked to send what it freed for others and to give up what it holds ready; it does so at its next look at
 * the clock. A thread that does not allocate does not hear of it. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_RECALL_H
#define RST_THREADCACHE_RECALL_H

#include "threadcache/heap.h"

extern RST_HIDDEN _Atomic uint32_t rst_recall_asked; /* how often it was asked; wraps */

/* Ask; returns what to wait for. Any thread. */
uint32_t rst_recall_ask(void);

/* The owner does what was asked; with its own heap, inside a slow path. */
void rst_recall_answer(rst_heap *heap);

/* Whether a heap's thread has still to answer. */
bool rst_recall_owes(rst_heap *heap, uint32_t asked);

/* Wait until all have answered, at most until that time, ms. */
void rst_recall_wait(uint32_t asked, uint64_t until);

#endif

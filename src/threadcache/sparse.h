/* Sparse pages are looked for, and hollowed out (core/hollow.h). Who comes by acts as an outsider, of the heap that owns a page, with its token.
 *
 * Segments that may have something are visited once in each half of `purge_delay`; a page that was AVAILABLE at two visits, with nobody allocating
 * from it between them, is hollowed out. Then it is left alone until more of its blocks are free: whether they are is seen when all segments are
 * visited, every few seconds while the program calls. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_SPARSE_H
#define RST_THREADCACHE_SPARSE_H

#include "os/base.h"

/* Visit up to `segments` of those that are due. Returns how long until there may be more, ms; UINT32_MAX: nothing waits. Any thread. */
uint32_t rst_sparse_step(unsigned segments);

/* A step, where nobody else sees to it. Cheap when none is due. */
void rst_sparse_tick(void);

/* Hollow out all pages, whatever their age. Returns bytes. */
size_t rst_sparse_purge(void);

/* Around a fork of a process with threads, outside of all locks. */
void rst_sparse_before_fork(void);
void rst_sparse_after_fork(bool child);

#endif

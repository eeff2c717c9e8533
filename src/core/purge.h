/* Purge: free memory that has been idle for `purge_delay` goes back to the OS.
 * Whoever comes by does a step, four for each delay; there is no lock. Any thread.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_PURGE_H
#define RST_CORE_PURGE_H

#include "core/arena.h"

/* Do a step if one is due. Cheap when none is. */
void rst_purge_tick(void);

/* Give back all free memory whatever its age. Returns bytes. */
size_t rst_purge_all(void);

#endif

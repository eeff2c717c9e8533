/* Memory for roost's own structures, straight from the OS; given back only whole, when the library ends. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_METADATA_H
#define RST_CORE_METADATA_H

#include "os/base.h"

/* `size` zeroed bytes aligned to a cache line, at most RST_METADATA_MAX. NULL: out of memory. Any thread. */
void *rst_metadata_take(size_t size);

#define RST_METADATA_MAX (64 * RST_KIB)

/* Give everything back: when nothing of it is in use, and other threads are gone. */
void rst_metadata_release(void);

/* Around fork, so that the child finds the lock free. */
void rst_metadata_before_fork(void);
void rst_metadata_after_fork(bool child);

#endif

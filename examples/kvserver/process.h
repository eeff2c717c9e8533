/* kvserver: what this process has used so far. Allocates nothing, so that looking changes nothing.
 * SPDX-License-Identifier: MIT */
#ifndef KV_PROCESS_H
#define KV_PROCESS_H

#include <stdint.h>

struct cpu_time {
    double user, system; /* seconds */
};

struct memory_use {
    uint64_t now_kib, peak_kib; /* resident; 0 where /proc is missing */
};

struct cpu_time process_cpu(void);
struct memory_use process_memory(void);

#endif

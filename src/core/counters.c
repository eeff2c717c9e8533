/* The figures of counters.h. SPDX-License-Identifier: MIT */
#include "core/counters.h"

rst_process_counters rst_process;

void rst_process_use(size_t bytes)
{
    uint64_t now = rst_process_add(in_use, bytes) + bytes;
    uint64_t peak = rst_load_relaxed(&rst_process.in_use_peak);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&rst_process.in_use_peak, &peak, now,
                                                                memory_order_relaxed, memory_order_relaxed)) {
    }
}

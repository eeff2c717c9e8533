/* The figures of counters.h. SPDX-License-Identifier: MIT */
#include "core/counters.h"

rst_process_counters rst_process;

uint64_t rst_raise(_Atomic uint64_t *most, uint64_t value)
{
    uint64_t seen = rst_load_relaxed(most);
    while (value > seen &&
           !atomic_compare_exchange_weak_explicit(most, &seen, value, memory_order_relaxed, memory_order_relaxed)) {
    }
    return rst_max(seen, value);
}

void rst_process_use(size_t bytes)
{
    rst_raise(&rst_process.in_use_peak, rst_process_add(in_use, bytes) + bytes);
}

_Atomic uint64_t rst_footprint_limit = UINT64_MAX;

bool rst_process_grow(size_t bytes)
{
    uint64_t now = rst_load_relaxed(&rst_process.footprint);
    do {
        uint64_t limit = rst_load_relaxed(&rst_footprint_limit);
        if (RST_UNLIKELY(now > limit || bytes > limit - now))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&rst_process.footprint, &now, now + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    rst_raise(&rst_process.footprint_peak, now + bytes);
    return true;
}

void rst_process_grow_back(size_t bytes)
{
    rst_raise(&rst_process.footprint_peak, rst_process_add(footprint, bytes) + bytes);
}

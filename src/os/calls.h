/* System calls counted by kind, from the table of roost/stats.h. Any thread adds, relaxed: figures order nothing.
 * SPDX-License-Identifier: MIT */
#ifndef RST_OS_CALLS_H
#define RST_OS_CALLS_H

#include "os/atomic.h"
#include "os/base.h"
#include "roost/stats.h"

#define RST_CALL_FIELD(name, ...) _Atomic uint64_t name;
typedef struct rst_os_call_counters {
    ROOST_CALL_TABLE(RST_CALL_FIELD)
} rst_os_call_counters;
#undef RST_CALL_FIELD

extern RST_HIDDEN rst_os_call_counters rst_os_calls;

#define rst_os_count(name) rst_add_relaxed(&rst_os_calls.calls_##name, 1u)

#endif

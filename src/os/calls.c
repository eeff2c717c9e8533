/* The counts of calls.h. SPDX-License-Identifier: MIT */
#include "os/calls.h"

rst_os_call_counters rst_os_calls;

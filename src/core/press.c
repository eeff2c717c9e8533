/* Press: see press.h. SPDX-License-Identifier: MIT */
#include "core/press.h"

_Atomic uint32_t rst_pressed;
_Atomic uint32_t rst_press_relieving;

void rst_press_count_purged(size_t calls, size_t bytes)
{
    rst_process_add(purges, calls);
    rst_process_add(purged, bytes);
    if (rst_load_relaxed(&rst_pressed) != RST_PRESS_NONE || rst_load_relaxed(&rst_press_relieving) != 0)
        rst_process_add(pressure_purged, bytes);
}

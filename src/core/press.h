/* Press: whether memory is pressed for, see limits.h, and the counting of what goes back to the OS, since some of it does because of that.
 * Any thread. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_PRESS_H
#define RST_CORE_PRESS_H

#include "core/counters.h"

/* While memory is pressed for what is idle goes within some ms, and nobody keeps what is empty. */
typedef enum rst_press {
    RST_PRESS_NONE = 0,
    RST_PRESS_EVENT, /* the system has told of want of memory */
    RST_PRESS_LIMIT  /* a limit is near: nothing becomes resident before it is used, either */
} rst_press;

/* An rst_press; set by rst_purge_press. relaxed: a hint. */
extern RST_HIDDEN _Atomic uint32_t rst_pressed;

/* Threads that make room at this moment because a limit stands in their way, memory pressed for or not. relaxed. */
extern RST_HIDDEN _Atomic uint32_t rst_press_relieving;

/* Whether a limit is near. */
RST_INLINE bool rst_press_limit_near(void)
{
    return rst_load_relaxed(&rst_pressed) == RST_PRESS_LIMIT; /* relaxed: a hint */
}

/* Count `calls` runs of memory, together so many bytes, that the OS has taken back. */
void rst_press_count_purged(size_t calls, size_t bytes);

#endif

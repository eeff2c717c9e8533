/* Purge: free memory that has been idle for `purge_delay` goes back to the OS.
 * Whoever comes by does a step, four for each delay; there is no lock. Any thread.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_PURGE_H
#define RST_CORE_PURGE_H

#include "core/arena.h"

/* What sees to idle memory beside the callers: a word to sleep on. */
typedef enum rst_keeper_state {
    RST_KEEPER_NONE = 0, /* nobody: the callers do it */
    RST_KEEPER_AWAKE,
    RST_KEEPER_ASLEEP /* to be woken when there is something to do */
} rst_keeper_state;

extern RST_HIDDEN _Atomic uint32_t rst_keeper;

/* Whether memory is pressed for, see limits.h: then what is idle goes within some ms, and nobody keeps what is empty. relaxed: a hint. */
typedef enum rst_press {
    RST_PRESS_NONE = 0,
    RST_PRESS_EVENT, /* the system has told of want of memory */
    RST_PRESS_LIMIT  /* a limit is near: nothing becomes resident before it is used, either */
} rst_press;

extern RST_HIDDEN _Atomic uint32_t rst_purge_pressed;
void rst_purge_press(rst_press press);

/* Whether a limit is near. */
RST_INLINE bool rst_purge_limit_near(void)
{
    return rst_load_relaxed(&rst_purge_pressed) == RST_PRESS_LIMIT; /* relaxed: a hint */
}

/* How long what is idle stays, ms: the option, or nothing while memory is pressed for. */
uint32_t rst_purge_delay_now(void);

/* Wake the keeper if it sleeps. Any thread, after what it should see. */
void rst_keeper_wake(void);

/* Do a step if one is due, or leave it to the keeper. Cheap when none is. */
void rst_purge_tick(void);

/* For the keeper: purge up to `segments` of what is due. Returns how long until there may be more, ms; UINT32_MAX: nothing is idle. */
uint32_t rst_purge_step(unsigned segments);

/* Give back all free memory whatever its age. Returns bytes. */
size_t rst_purge_all(void);

#endif

/* Purge: free memory that has been idle for `purge_delay` goes back to the OS.
 * Whoever comes by does a step, four for each delay; there is no lock. Any thread.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_PURGE_H
#define RST_CORE_PURGE_H

#include "core/arena.h"
#include "core/press.h"

/* What sees to idle memory beside the callers: a word to sleep on. */
typedef enum rst_keeper_state {
    RST_KEEPER_NONE = 0, /* nobody: the callers do it */
    RST_KEEPER_AWAKE,
    RST_KEEPER_CALLED, /* awake, and asked for what does not wait until it comes by */
    RST_KEEPER_ASLEEP  /* to be woken when there is something to do */
} rst_keeper_state;

extern RST_HIDDEN _Atomic uint32_t rst_keeper;

/* Memory is pressed for, or not any more. */
void rst_purge_press(rst_press press);

/* How long what is idle stays, ms: the option, or nothing while memory is pressed for. */
uint32_t rst_purge_delay_now(void);

/* Wake the keeper if it sleeps. Any thread, after what it should see. */
void rst_keeper_wake(void);

/* Have the keeper, if there is one, see to what was written before, at once, asleep or resting. Any thread. */
void rst_keeper_call(void);

/* For the keeper, before it rests: it has been awake since before this. Who calls from here on ends its rest. */
void rst_keeper_listen(void);

/* Do a step if one is due, or leave it to the keeper. Cheap when none is. */
void rst_purge_tick(void);

/* For the keeper: purge up to `segments` of what is due. Returns how long until there may be more, ms; UINT32_MAX: nothing is idle. */
uint32_t rst_purge_step(unsigned segments);

/* Give back all free memory whatever its age. Returns bytes. */
size_t rst_purge_all(void);

#endif

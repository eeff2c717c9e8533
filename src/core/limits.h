/* Limits: how far the footprint may grow before someone looks, by the options `soft_limit` and `hard_limit` and by what the system's limits
 * leave the process; and whether memory is pressed for.
 *
 * rst_footprint_limit is the next point to look at. A claim that would pass it is refused; the upper floor then makes room and calls
 * rst_limits_admit, which moves the point on, never beyond the hard limit. Near a system's limit the points lie close together.
 * Any thread. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_LIMITS_H
#define RST_CORE_LIMITS_H

#include "os/base.h"

/* Start anew from the options. */
void rst_limits_start(void);

/* Whether a refused claim may be due to a limit. */
bool rst_limits_any(void);

/* Look at what the system leaves. Reads files, unless another thread is at it or the option `pressure` is off. */
void rst_limits_look(void);

/* The system says that memory is scarce: memory is pressed for during some seconds. */
void rst_limits_event(void);

/* In a thread of our own: rst_os_pressure_watch, unless the option `pressure` is off. */
bool rst_limits_watch(void);

/* Whether growing by `bytes` makes it worth while to give back what is idle first. */
bool rst_limits_tight(size_t bytes);

/* Let the footprint grow by `bytes`. False: the hard limit forbids it. */
bool rst_limits_admit(size_t bytes);

/* Whether a claim that grows by `bytes` would be refused now. */
bool rst_limits_refuse(size_t bytes);

/* Whether the hard limit forbids to grow by `bytes`. */
bool rst_limits_forbid(size_t bytes);

/* In the child of a fork. */
void rst_limits_forget(void);

#endif

/* Ready: the next huge page of a process that fills one after the other. The keeper touches it before it is needed, so that no caller waits for the
 * system to clear 2 MiB: 0.1 ms where the memory is at hand, 7 ms where a hypervisor must find it first. One at a time, free and warm like any other
 * idle segment, and given back like one when nobody takes it.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_READY_H
#define RST_CORE_READY_H

#include "core/arena.h"

/* The keeper should see to it. */
extern RST_HIDDEN _Atomic uint32_t rst_ready_wanted;

/* A page that is likely to fill up has been cut. When it came first in a huge page, the keeper is called. Any thread. */
void rst_ready_consider(const rst_slice *page);

/* For the keeper: make a segment ready if one is wanted and none is. */
void rst_ready_serve(void);

#endif

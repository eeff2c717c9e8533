/* Statistics while the program runs: the reporter, a thread that writes `stats_file` every `stats_interval` seconds and at a signal, and
 * answers at `stats_socket`. It exists only where one of these is asked for. It needs nothing that the program holds, and no lock but
 * those of the allocator's rare paths, so it answers whatever the program's threads wait for. In the child of a fork there is none until the
 * child allocates again. Where no thread can be had, a thread that allocates writes what a signal asked for. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_REPORTER_H
#define RST_STATS_REPORTER_H

#include "os/atomic.h"
#include "os/base.h"

/* Not zero: someone is to call rst_reporter_serve from a place where memory may be allocated. */
extern RST_HIDDEN _Atomic uint32_t rst_reporter_wanted;

/* Take up what the options ask for. `purge`: what the socket's request for it does; returns bytes. Once, when the library is loaded. */
void rst_reporter_begin(size_t (*purge)(void));

/* Start the reporter where it is missing; else do what a signal asked for. Keeps errno. */
void rst_reporter_serve(void);

/* End the reporter, write the file a last time, remove the socket: before the library is unloaded. */
void rst_reporter_end(void);

/* In the child of a fork: the reporter and its socket are the parent's. */
void rst_reporter_forget(void);

#endif

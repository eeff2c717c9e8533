/* What os_unix.c asks of the system beside it (os_linux.c). All keep errno-insensitive callers in mind: they may set
 * it. SPDX-License-Identifier: MIT */
#ifndef RST_OS_OS_UNIX_H
#define RST_OS_OS_UNIX_H

#include "os/base.h"

/* Pages of the process: 0 mapped, 1 resident. 0 where it cannot be read. */
size_t rst_unix_pages(unsigned field);

/* The most that was resident since the program started, KiB; 0 where it cannot be read. */
size_t rst_unix_peak_kib(void);

/* Tell the system what a fresh reservation is: its name, and that core dumps leave it out. */
void rst_unix_mark_reserved(void *address, size_t size);

/* The same for memory that is in use from now on: core dumps take it. */
void rst_unix_mark_committed(void *address, size_t size);

/* Name a mapping, so that it can merge with its named neighbours. */
void rst_unix_mark_named(void *address, size_t size);

#endif

/* Regain: how much of its memory a program has lately taken up again after giving it back, and from how low.
 *
 * For a process without the steward, in which nobody looks once the program sleeps: memory beyond this goes back when it is freed,
 * not when it is old. Any thread; a figure of a moment ago does no harm. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_REGAIN_H
#define RST_CORE_REGAIN_H

#include "os/base.h"

/* Look at what is in use, `now`, ms; `window` is how long what was seen counts: for the whole of it and for at most twice as long. */
void rst_regain_note(size_t in_use, size_t footprint, uint64_t now, uint32_t window);

/* Free memory that is worth keeping, in bytes. */
size_t rst_regain_worth(size_t in_use);

#endif

/* Text without stdio: a bounded formatter that never allocates and is async-signal-safe.
 * SPDX-License-Identifier: MIT */
#ifndef RST_OS_FMT_H
#define RST_OS_FMT_H

#include "os/base.h"

#include <stdarg.h>

/* Format into `out`, always terminated. Knows %s %c %d %u %x %zu %zx %llu %p %%, a width, and - for left.
 * Returns the length written, less than `size`: what does not fit is cut. */
size_t rst_fmt(char *out, size_t size, const char *format, ...) RST_PRINTF(3, 4);
size_t rst_vfmt(char *out, size_t size, const char *format, va_list args) RST_PRINTF(3, 0);

/* One line "roost: ..." on standard error; the newline is added. */
void rst_say(const char *format, ...) RST_PRINTF(1, 2);

#endif

/* What <unistd.h> has elsewhere, and mingw-w64's lacks. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_UNISTD_H
#define ROOST_TESTS_WINDOWS_UNISTD_H

#include_next <unistd.h>

#include <stddef.h>

enum { _SC_PAGESIZE = 1 };

#ifdef __cplusplus
extern "C" {
#endif

int gettid(void);
long sysconf(int what);
long long pread(int fd, void *out, size_t size, long long from);
unsigned alarm(unsigned seconds); /* no signal: the process ends */

#ifdef __cplusplus
}
#endif

#endif

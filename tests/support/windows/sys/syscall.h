/* The number of the calling thread, as tests for Linux ask for it. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_SYSCALL_H
#define ROOST_TESTS_WINDOWS_SYSCALL_H

enum { SYS_gettid = 1 };

long syscall(long number, ...);

#endif

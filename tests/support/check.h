/* CHECK for programs of many threads and for C++: says what failed and where, and ends the program at once,
 * without running handlers that may wait for other threads.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_CHECK_H
#define ROOST_TESTS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: failed: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, \
                    strerror(errno)); \
            fflush(NULL); \
            _exit(1); \
        } \
    } while (0)

#define RUN(test) \
    do { \
        printf("%s\n", #test); \
        fflush(stdout); \
        test(); \
    } while (0)

#endif

/* winpthreads' <pthread.h>, and what <limits.h> has of threads elsewhere. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_PTHREAD_H
#define ROOST_TESTS_WINDOWS_PTHREAD_H

#include_next <pthread.h>

#define PTHREAD_STACK_MIN 16384
#undef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS 4 /* winpthreads has 256 */
#undef PTHREAD_KEYS_MAX
#define PTHREAD_KEYS_MAX 1024 /* winpthreads has 1,048,576, and looks for a free one from the first on */

#endif

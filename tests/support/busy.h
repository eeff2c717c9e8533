/* Threads that keep an allocator busy while a test does something else. Include after api.h and check.h.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_BUSY_H
#define ROOST_TESTS_BUSY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED = 256 };

static _Atomic bool stop;
/* Blocks that go from hand to hand, so that frees by other threads are under way at any time. */
static unsigned char *_Atomic shared[SHARED];

/* A thread: goes on until `stop`. Its argument is a number, each thread's own. */
static inline void *busy(void *argument)
{
    unsigned x = (unsigned)(uintptr_t)argument * 2654435761u + 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        x = x * 1664525u + 1013904223u;
        size_t size = x % 64 == 0 ? (x >> 8) % 300000 : (x >> 8) % 2000;
        unsigned char *block = rt.malloc(size + 1);
        CHECK(block != NULL);
        block[0] = block[size] = 0x42;
        block = atomic_exchange(&shared[(x >> 16) % SHARED], block);
        CHECK(block == NULL || block[0] == 0x42);
        rt.free(block);
    }
    return NULL;
}

#endif

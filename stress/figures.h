/* What roost says it holds, for the check that nothing of a test is left; on another allocator there are no figures. To be
 * taken when no other thread lives.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_STRESS_FIGURES_H
#define ROOST_STRESS_FIGURES_H

#include "../tests/support/api.h"
#include "run.h"

#include <roost/stats.h>
#include <sched.h>

#ifdef ROOST_TEST_WEAK_NAMES
#pragma weak roost_stats_read
#pragma weak roost_purge
#define FIGURES_ARE_THERE (roost_stats_read != NULL)
#else
#define FIGURES_ARE_THERE true
#endif

#define FIGURES_WAIT_NS UINT64_C(10000000000)

/* Returns false, and zeros, where there are none. */
static inline bool figures_take(roost_stats *out)
{
    *out = (roost_stats)ROOST_STATS_INIT;
    if (FIGURES_ARE_THERE)
        CHECK(roost_stats_read(out) == 0);
    return FIGURES_ARE_THERE;
}

/* Send what waits here, take in what has come, and give back what is idle. */
static inline void ask_memory_back(void)
{
    if (FIGURES_ARE_THERE)
        roost_purge(0, NULL);
}

/* Blocks that libc holds for the steward's thread, where libc allocates with roost: one for each start. */
static inline uint64_t steward_blocks(const roost_stats *before, const roost_stats *now)
{
    uint64_t blocks = now->allocated_blocks - before->allocated_blocks;
    uint64_t bytes = now->allocated - before->allocated;
    return blocks == now->steward_starts - before->steward_starts && bytes <= blocks * 1024 ? blocks : 0;
}

static inline bool figures_are(const roost_stats *before, const roost_stats *now)
{
    return (now->allocated == before->allocated && now->allocated_blocks == before->allocated_blocks) ||
           steward_blocks(before, now) != 0;
}

/* Everything that the test allocated since `before` is freed: not one block may be allocated still. A reading during which the steward takes in what has
 * come to a heap is not of one moment, so it is repeated, as long as a machine with much else to do may need. */
static inline void figures_must_be(const roost_stats *before, const char *when)
{
    roost_stats now;
    for (uint64_t end = now_ns() + FIGURES_WAIT_NS;; sched_yield()) {
        if (!figures_take(&now) || figures_are(before, &now))
            return;
        if (now_ns() >= end)
            break;
    }
    fprintf(stderr, "%s: %s: allocated %lld bytes in %lld blocks more than at the start (undrained %llu, heaps %llu)\n",
            run.name, when, (long long)(now.allocated - before->allocated),
            (long long)(now.allocated_blocks - before->allocated_blocks), (unsigned long long)now.undrained_blocks,
            (unsigned long long)now.heaps);
    exit(1);
}

/* So many blocks that the slow path of malloc is taken, which takes in what came for this thread. */
static inline void take_in(void)
{
    enum { BLOCKS = 512, BYTES = 1024 };
    void *block[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = rt.malloc(BYTES);
        CHECK(block[i] != NULL);
    }
    for (int i = 0; i < BLOCKS; i++)
        rt.free(block[i]);
}

/* Whether nothing is on its way. What comes to a heap while the steward visits a page of it is seen to by the steward, after that; so that is waited
 * for, as long as a machine with much else to do may need. */
static inline bool figures_all_home(roost_stats *now)
{
    for (uint64_t end = now_ns() + FIGURES_WAIT_NS; now_ns() < end; sched_yield()) {
        if (!figures_take(now) || now->undrained_blocks == 0)
            return true;
    }
    return false;
}

/* The same at the very end, when no other thread is left. By then every block that was freed by another thread has come home, of itself;
 * none was lost on the way. And when memory is asked back, no page is left that nobody has a block of, in whichever heap. */
static inline void figures_must_be_home(const roost_stats *before)
{
    roost_stats now;
    if (rt.thread_flush != NULL)
        rt.thread_flush();
    take_in();
    if (!figures_all_home(&now)) {
        fprintf(stderr, "%s: %lld blocks of %lld bytes have not come home\n", run.name, (long long)now.undrained_blocks,
                (long long)now.undrained_bytes);
        exit(1);
    }
    figures_must_be(before, "at the end");
    ask_memory_back();
    if (figures_take(&now) && now.in_use > before->in_use + steward_blocks(before, &now) * 65536) {
        fprintf(stderr, "%s: %lld bytes of pages are stranded\n", run.name, (long long)(now.in_use - before->in_use));
        exit(1);
    }
}

#endif

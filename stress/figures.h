/* What roost says it holds, for the check that nothing of a test is left: where the program has roost's objects in it
 * (libroost.a, libroost_api.a) its collector is called; on libroost.so, which exports none, the dump that ROOST_STATS=1 makes
 * at exit is had from a forked child; on another allocator there are no figures. To be taken when no other thread lives.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_STRESS_FIGURES_H
#define ROOST_STRESS_FIGURES_H

#include "../tests/support/api.h"
#include "run.h"
#include "stats/collect.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#pragma weak rst_stats_collect
#pragma weak rst_trim
extern size_t rst_trim(void); /* what malloc_trim does, where that name is the system's */

static int figures_file = -1; /* where the dumps go; -1: none */

static inline void figures_dump_goes_to_file(void)
{
    dup2(figures_file, 2);
}

/* On libroost.so: dumps at exit are asked for before the program starts, so it is started again. */
static inline void figures_by_dump(char **argv)
{
    const char *asked = getenv("ROOST_STATS");
    if (asked == NULL) {
        CHECK(setenv("ROOST_STATS", "1", 1) == 0);
        execv("/proc/self/exe", argv);
        CHECK(!"exec");
    }
    figures_file = memfd_create("figures", MFD_CLOEXEC);
    CHECK(strcmp(asked, "1") == 0 && figures_file >= 0);
    CHECK(atexit(figures_dump_goes_to_file) == 0); /* which comes before libraries are unloaded */
}

/* To be called first in main. */
static inline void figures_begin(char **argv)
{
    if (api_is_roost() && rst_stats_collect == NULL)
        figures_by_dump(argv);
}

static inline uint64_t dump_figure(const char *dump, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\n  %s ", name);
    const char *at = strstr(dump, key);
    CHECK(at != NULL);
    return strtoull(at + strlen(key), NULL, 10);
}

static inline void figures_from_dump(roost_stats *out)
{
    static char dump[16384];
    off_t begin = lseek(figures_file, 0, SEEK_END);
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        exit(0); /* not _exit: the dump is made when the library is unloaded */
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    ssize_t length = pread(figures_file, dump, sizeof dump - 1, begin);
    CHECK(length > 0);
    dump[length] = '\0';
#define FROM_DUMP(name, ...) out->name = dump_figure(dump, #name);
    ROOST_WALK_TABLE(FROM_DUMP)
    ROOST_PROCESS_TABLE(FROM_DUMP)
    ROOST_HEAP_TABLE(FROM_DUMP)
#undef FROM_DUMP
}

/* Returns false, and zeros, where there are none. */
static inline bool figures_take(roost_stats *out)
{
    *out = (roost_stats){.size = 0};
    if (rst_stats_collect != NULL)
        rst_stats_collect(out);
    else if (figures_file >= 0)
        figures_from_dump(out);
    else
        return false;
    return true;
}

/* Send what waits here, take in what has come, and give back what is idle. */
static inline void ask_memory_back(void)
{
    if (rst_trim != NULL)
        rst_trim();
    else
        malloc_trim(0);
}

/* Blocks that libc holds for the steward's thread, where libc allocates with roost: one for each start. */
static inline uint64_t steward_blocks(const roost_stats *before, const roost_stats *now)
{
    uint64_t blocks = now->allocated_blocks - before->allocated_blocks;
    uint64_t bytes = now->allocated - before->allocated;
    return blocks == now->steward_starts - before->steward_starts && bytes <= blocks * 1024 ? blocks : 0;
}

/* Everything that the test allocated since `before` is freed: not one block may be allocated still. */
static inline void figures_must_be(const roost_stats *before, const char *when)
{
    roost_stats now;
    if (!figures_take(&now))
        return;
    if (now.allocated == before->allocated && now.allocated_blocks == before->allocated_blocks)
        return;
    if (steward_blocks(before, &now) != 0)
        return;
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
    for (uint64_t end = now_ns() + 10000000000; now_ns() < end; sched_yield()) {
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

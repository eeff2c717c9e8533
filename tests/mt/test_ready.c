/* Huge pages made ready by the steward: while several threads fill memory, also in a process in which only one ever allocates, across a fork, and
 * with idle memory given back at the same time. Nothing is handed out twice. Built for both kinds of program of ../support/api.h: also with
 * ROOST_TEST_API_ONLY.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"
#include "../support/idle.h"

#include <roost/stats.h>
#include <stdint.h>
#include <sys/wait.h>

enum {
    BLOCK = 496,
    STEP = 2 * MIB / BLOCK,
    STEPS = TEST_SANITIZED ? 24 : 48,
    THREADS = 4,
    ROUNDS = 3,
    CHILDREN = TEST_SANITIZED ? 4 : 10
};

static roost_stats now(void)
{
    roost_stats stats = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&stats) == 0);
    return stats;
}

/* What is written to each block is there when it is freed: no two blocks share memory. */
static void fill(uint64_t **block, int count, uint64_t mark)
{
    for (int i = 0; i < count; i++) {
        CHECK((block[i] = rt.malloc(BLOCK)) != NULL);
        block[i][0] = mark + (uint64_t)i;
        block[i][BLOCK / 8 - 1] = ~(mark + (uint64_t)i);
    }
}

static void empty(uint64_t **block, int count, uint64_t mark)
{
    for (int i = 0; i < count; i++) {
        CHECK(block[i][0] == mark + (uint64_t)i && block[i][BLOCK / 8 - 1] == ~(mark + (uint64_t)i));
        rt.free(block[i]);
    }
}

static void *sleeps(void *unused)
{
    CHECK(sem_post(&idle_attached) == 0);
    for (;;)
        rest_ms(60000);
    return unused;
}

/* The other thread never allocates: libc's word counts. It has none on musl, so there it does. */
static void start_another(void)
{
    pthread_t thread;
    CHECK(sem_init(&idle_attached, 0, 0) == 0);
#ifdef __GLIBC__
    CHECK(pthread_create(&thread, NULL, sleeps, NULL) == 0);
#else
    CHECK(pthread_create(&thread, NULL, attach_and_sleep, NULL) == 0);
#endif
    while (sem_wait(&idle_attached) != 0) {
    }
}

static void one_thread_fills(void)
{
    static uint64_t *block[STEPS][STEP];
    roost_stats before = now();
    for (int s = 0; s < STEPS; s++) {
        fill(block[s], STEP, (uint64_t)s << 32);
        rest_ms(s < STEPS / 2 ? 20 : 0);
    }
    roost_stats after = now();
    /* Where the system has huge pages at all. It may come late, but it comes. */
    for (long passed = 0; after.steward_starts == 0 ||
                          (after.huge_asked != before.huge_asked && after.huge_readied == before.huge_readied);
         passed += 10) {
        CHECK(passed < 30000);
        rest_ms(10);
        after = now();
    }
    printf("  asked for %llu huge pages, %llu made ready\n", (unsigned long long)(after.huge_asked - before.huge_asked),
           (unsigned long long)(after.huge_readied - before.huge_readied));
    for (int s = 0; s < STEPS; s++)
        empty(block[s], STEP, (uint64_t)s << 32);
}

static void *fills_and_empties(void *number)
{
    enum { COUNT = STEPS / 4 * STEP };
    uint64_t mark = (uint64_t)(uintptr_t)number << 48;
    uint64_t **block = rt.malloc(COUNT * sizeof *block);
    CHECK(block != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        fill(block, COUNT, mark);
        roost_purge(0, NULL); /* beside the steward, which may be making one ready */
        empty(block, COUNT, mark);
    }
    rt.free(block);
    return NULL;
}

static void threads_fill(void)
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, fills_and_empties, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
}

/* Children of a process whose steward is at it fill and empty as well. */
static void children_fill(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fills_and_empties, NULL) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            fills_and_empties((void *)(uintptr_t)9);
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
    start_another();
    puts("one_thread_fills");
    one_thread_fills();
    puts("threads_fill");
    threads_fill();
    puts("children_fill");
    children_fill();
    return 0;
}

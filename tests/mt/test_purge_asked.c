/* roost_purge: reaches what it can, and says what it cannot.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "../support/check.h"

#include <pthread.h>
#include <roost/roost.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { THREADS = 4, BLOCKS = 400, BLOCK = 512, LONG_MS = 60000 };

static void *shared[THREADS][BLOCKS]; /* blocks of main's that the threads free */
static sem_t ready, send, end;
static _Atomic bool stop;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        CHECK(errno == EINTR);
}

static roost_purge_report purge(unsigned deadline_ms)
{
    roost_purge_report report;
    memset(&report, 0x55, sizeof report);
    report.size = sizeof report;
    errno = 99;
    size_t purged = roost_purge(deadline_ms, &report);
    CHECK(errno == 99 && report.size == sizeof report && report.reserved == 0);
    CHECK(report.purged >= purged && report.unsent <= report.undrained && report.unreached <= report.heaps);
    return report;
}

static void share_out(void)
{
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < BLOCKS; i++)
            CHECK((shared[t][i] = roost_malloc(BLOCK)) != NULL);
    }
}

static void free_shared(void **mine)
{
    for (int i = 0; i < BLOCKS; i++)
        roost_free(mine[i]);
}

/* More than its lists hold, so that pages are left empty. */
static void leave_spares(void)
{
    static _Thread_local void *block[4096];
    for (int i = 0; i < 4096; i++)
        CHECK((block[i] = roost_malloc(256)) != NULL);
    for (int i = 0; i < 4096; i++)
        roost_free(block[i]);
}

/* --- threads that allocate answer --- */

static void *allocates(void *mine)
{
    leave_spares();
    free_shared(mine);
    sem_post(&ready);
    for (unsigned turn = 0; !atomic_load(&stop); turn++) {
        void *block[64];
        for (int i = 0; i < 64; i++)
            block[i] = roost_malloc(16 + (turn % 50) * 16);
        for (int i = 0; i < 64; i++)
            roost_free(block[i]);
    }
    return NULL;
}

static void threads_that_allocate_are_reached(void)
{
    pthread_t thread[THREADS];
    share_out();
    stop = false;
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_create(&thread[t], NULL, allocates, shared[t]) == 0);
    for (int t = 0; t < THREADS; t++)
        wait_for(&ready);
    roost_purge_report report = purge(LONG_MS);
    CHECK(report.heaps >= THREADS && report.unreached == 0 && report.unsent == 0);
    atomic_store(&stop, true);
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_join(thread[t], NULL) == 0);
}

/* --- threads that sleep are said to be unreached --- */

static void *sleeps(void *mine)
{
    leave_spares();
    free_shared(mine);
    sem_post(&ready);
    wait_for(&send);
    roost_thread_flush();
    sem_post(&ready);
    wait_for(&end);
    return NULL;
}

static void threads_that_sleep_are_named(void)
{
    pthread_t thread[THREADS];
    uint32_t others = purge(0).unreached;
    share_out();
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_create(&thread[t], NULL, sleeps, shared[t]) == 0);
    for (int t = 0; t < THREADS; t++)
        wait_for(&ready);
    roost_purge_report asleep = purge(30);
    CHECK(asleep.unreached == others + THREADS);
    CHECK(asleep.unsent >= BLOCK && asleep.undrained >= asleep.unsent);
    CHECK(asleep.in_use >= asleep.allocated + THREADS * 2 * 65536ul); /* their spare pages */
    for (int t = 0; t < THREADS; t++)
        sem_post(&send);
    for (int t = 0; t < THREADS; t++)
        wait_for(&ready);
    roost_purge_report sent = purge(0);
    CHECK(sent.unreached == others + THREADS && sent.unsent == 0 && sent.undrained == 0);
    for (int t = 0; t < THREADS; t++)
        sem_post(&end);
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_join(thread[t], NULL) == 0);
    roost_purge_report ended = purge(0);
    CHECK(ended.unreached == others && ended.undrained == 0 && ended.in_use < asleep.in_use);
}

/* --- the amounts --- */

static void what_is_free_goes(void)
{
    enum { MIBS = 64 };
    static void *block[MIBS];
    purge(0);
    roost_purge_report before = purge(0);
    for (int i = 0; i < MIBS; i++) {
        CHECK((block[i] = roost_malloc(1 << 20)) != NULL);
        memset(block[i], 1, 1 << 20);
    }
    roost_purge_report full = purge(0);
    CHECK(full.allocated >= before.allocated + ((uint64_t)MIBS << 20));
    for (int i = 0; i < 4; i++)
        roost_free(block[i]);
    CHECK(purge(0).purged >= (uint64_t)4 << 20);
    for (int i = 4; i < MIBS; i++)
        roost_free(block[i]);
    roost_purge_report after = purge(0);
    CHECK(after.idle == 0 && after.allocated == before.allocated && after.in_use <= before.in_use);
}

static void older_and_newer_callers_are_understood(void)
{
    union {
        roost_purge_report report;
        unsigned char bytes[sizeof(roost_purge_report) + 64];
    } both;
    memset(&both, 0x77, sizeof both);
    both.report.size = 16; /* knows `purged` alone */
    roost_purge(0, &both.report);
    CHECK(both.report.size == 16 && both.bytes[16] == 0x77);
    both.report.size = sizeof both;
    roost_purge(0, &both.report);
    CHECK(both.report.size == sizeof both.report && both.bytes[sizeof both.report] == 0x77);
    memset(&both, 0x77, sizeof both);
    both.report.size = 0;
    roost_purge(0, &both.report);
    CHECK(both.report.size == 0 && both.bytes[sizeof(size_t)] == 0x77);
    roost_purge(0, NULL);
}

int main(void)
{
    CHECK(roost_option_set("steward", "0") ==
          0); /* it takes in what was sent at the same time: the figures would be of a moment */
    CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&send, 0, 0) == 0 && sem_init(&end, 0, 0) == 0);
    RUN(what_is_free_goes);
    RUN(threads_that_allocate_are_reached);
    RUN(threads_that_sleep_are_named);
    RUN(older_and_newer_callers_are_understood);
    return 0;
}

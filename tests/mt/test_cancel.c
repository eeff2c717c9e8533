/* Cancellation of threads: no call of the allocator is a point where a thread ends, also where it reads files or writes a report, and also as the
 * thread's first call of all. Threads cancelled at points of their own, amid such calls, leave no lock taken and no block lost.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <fcntl.h>
#include <pthread.h>
#include <roost/stats.h>

enum { THREADS = 4, CANCELLED = TEST_SANITIZED ? 60 : 300, HANG_SECONDS = 60 };

static int nowhere; /* where reports go; standard error, too */
static int standard_error = STDERR_FILENO;

#undef CHECK
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            dprintf(standard_error, "%s:%d: failed: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            _exit(1); \
        } \
    } while (0)

static void all_entries(void)
{
    void *block[40];
    for (unsigned i = 0; i < 40; i++) {
        CHECK((block[i] = rt.malloc((size_t)1 << i % 20)) != NULL);
        memset(block[i], 1, (size_t)1 << i % 20);
    }
    for (unsigned i = 0; i < 40; i++) {
        CHECK((block[i] = rt.realloc(block[i], 100000 * (1 + i % 3))) != NULL);
        rt.free(block[i]);
    }
    rt.free(rt.calloc(1000, 100));
    roost_purge(0, NULL);
}

static void reports(void)
{
    roost_stats stats = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&stats) == 0);
    CHECK(roost_stats_write(nowhere, "text") == 0);
    CHECK(roost_stats_write(nowhere, "json") == 0);
#ifndef ROOST_TEST_API_ONLY
    malloc_stats();
    malloc_trim(0);
    (void)mallinfo2();
#endif
    int on_the_stack = 0;
    int *volatile foreign = &on_the_stack;
    rt.free(foreign); /* looks the address up in /proc/self/maps, and writes a line */
}

/* Cancelled before its first call. */
static void *cancelled_at_first(void *reached)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    all_entries();
    reports();
    *(int *)reached = 1;
    pthread_testcancel();
    CHECK(!"pthread_testcancel has returned");
    return NULL;
}

static void pending_everywhere(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *result = NULL;
        int reached = 0;
        CHECK(pthread_create(&thread, NULL, cancelled_at_first, &reached) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(reached && result == PTHREAD_CANCELED);
        all_entries();
    }
}

typedef struct held {
    unsigned char *block[20];
} held;

static void give_back(void *argument)
{
    held *mine = argument;
    for (unsigned i = 0; i < 20; i++)
        rt.free(mine->block[i]);
    rt.free(mine);
    reports();
}

static void *until_cancelled(void *unused)
{
    held *mine = rt.calloc(1, sizeof *mine);
    CHECK(mine != NULL);
    pthread_cleanup_push(give_back, mine);
    for (unsigned x = 1;; x = x * 1664525u + 1013904223u) {
        unsigned i = (x >> 16) % 20;
        rt.free(mine->block[i]);
        mine->block[i] = rt.malloc((x >> 8) % (x % 50 == 0 ? 2000000 : 3000));
        CHECK(mine->block[i] != NULL);
        if (x % 200 == 0)
            reports();
        if (x % 100 == 0)
            pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return unused;
}

static void at_random(void)
{
    pthread_t thread[THREADS];
    roost_stats before = ROOST_STATS_INIT, after = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&before) == 0);
    for (unsigned n = 0; n < CANCELLED / THREADS; n++) {
        for (unsigned i = 0; i < THREADS; i++)
            CHECK(pthread_create(&thread[i], NULL, until_cancelled, NULL) == 0);
        for (unsigned i = 0; i < THREADS; i++) {
            void *result = NULL;
            all_entries();
            CHECK(pthread_cancel(thread[i]) == 0);
            CHECK(pthread_join(thread[i], &result) == 0 && result == PTHREAD_CANCELED);
        }
    }
    reports();
    CHECK(roost_stats_read(&after) == 0);
    CHECK(after.allocated <= before.allocated + 64 * KIB);
}

int main(int argc, char **argv)
{
    if (argc < 2) { /* again, so that the foreign pointers are reported and no more, and nowhere */
        setenv("ROOST_BAD_POINTER", "0", 1);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        return 77;
    }
    alarm(HANG_SECONDS);
    CHECK((standard_error = dup(STDERR_FILENO)) >= 0);
    CHECK((nowhere = open("/dev/null", O_WRONLY)) >= 0 && dup2(nowhere, STDERR_FILENO) == STDERR_FILENO);
    RUN(pending_everywhere);
    RUN(at_random);
    return 0;
}

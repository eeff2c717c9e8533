/* fork from a process whose other threads are inside the allocator at that moment. The child allocates, frees blocks
 * of its own thread and of threads that did not survive, starts threads, and forks again. A child that hangs is ended
 * by its own alarm and fails the test.
 *
 *   test_fork [FORKS]
 *
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

enum { BUSY = 4, SHARED = 256, CHILD_SECONDS = 30 };

static _Atomic bool stop;
/* Blocks that go from hand to hand, so that foreign frees are under way at every fork. */
static unsigned char *_Atomic shared[SHARED];

static void *busy(void *argument)
{
    unsigned x = (unsigned)(uintptr_t)argument * 2654435761u + 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        x = x * 1664525u + 1013904223u;
        size_t size = x % 64 == 0 ? (x >> 8) % 300000 : (x >> 8) % 2000;
        unsigned char *block = rt.malloc(size + 1);
        CHECK(block != NULL);
        block[0] = block[size] = 0x42;
        block = atomic_exchange(&shared[(x >> 16) % SHARED], block);
        CHECK(!block || block[0] == 0x42);
        rt.free(block);
    }
    return NULL;
}

static void work(unsigned seed)
{
    void *block[200];
    for (unsigned i = 0; i < 200; i++) {
        size_t size = (i * 37 + seed) % 3000 + (i % 50 == 0 ? 200000 : 0);
        block[i] = rt.malloc(size);
        CHECK(block[i] != NULL);
        memset(block[i], (int)i, size);
    }
    for (unsigned i = 0; i < 200; i++) {
        if (i % 3 == 0) {
            block[i] = rt.realloc(block[i], i * 100 + 1);
            CHECK(block[i] != NULL);
        }
        rt.free(block[i]);
    }
}

static void *work_in_thread(void *unused)
{
    work(17);
    for (unsigned i = 0; i < SHARED; i += 3)
        rt.free(atomic_exchange(&shared[i], NULL));
    return unused;
}

static void wait_for(pid_t child)
{
    int status;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    CHECK(got == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "child ended by signal %d%s\n", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

__attribute__((noreturn)) static void live_as_child(unsigned number)
{
    alarm(CHILD_SECONDS);
    work(number);
    for (unsigned i = 0; i < SHARED; i += 2)
        rt.free(atomic_exchange(&shared[i], NULL)); /* made by threads that are not in this process */
    if (number % 2 == 0 && !TEST_SANITIZED) { /* ThreadSanitizer has no threads in the child of a threaded process */
        pthread_t thread[3];
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&thread[i], NULL, work_in_thread, NULL) == 0);
        work(number + 1);
        for (int i = 0; i < 3; i++)
            CHECK(pthread_join(thread[i], NULL) == 0);
    }
    if (number % 3 == 0) {
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) {
            alarm(CHILD_SECONDS);
            work(number + 2);
            work_in_thread(NULL);
            _exit(0);
        }
        work(number + 3);
        wait_for(grandchild);
    }
    if (number % 10 == 0)
        exit(0); /* with the library's own end of program */
    _exit(0);
}

static void fork_many(unsigned forks)
{
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live_as_child(i);
        work(i);
        wait_for(child);
    }
}

/* Two threads fork at the same time. */
static void *fork_from_thread(void *count)
{
    fork_many(*(unsigned *)count);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned forks = argc > 1 ? (unsigned)atoi(argv[1]) : TEST_SANITIZED ? 40 : 300;
    pthread_t thread[BUSY + 1];
    api_is_roost();
    fork_many(10); /* with one thread only */
    for (uintptr_t i = 0; i < BUSY; i++)
        CHECK(pthread_create(&thread[i], NULL, busy, (void *)i) == 0);
    fork_many(forks / 2);
    unsigned quarter = forks / 4;
    CHECK(pthread_create(&thread[BUSY], NULL, fork_from_thread, &quarter) == 0);
    fork_many(quarter);
    CHECK(pthread_join(thread[BUSY], NULL) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (unsigned i = 0; i < SHARED; i++)
        rt.free(atomic_load(&shared[i]));
    printf("%u forks\n", 10 + forks / 2 + 2 * quarter);
    return 0;
}

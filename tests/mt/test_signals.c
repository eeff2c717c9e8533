/* Threads that allocate while signals rain on them, with handlers that use much stack, on the thread's own stack and
 * on an alternate one. The handlers do not allocate: what is tested is that the allocator may be interrupted anywhere
 * for any time, and that none of its system calls minds EINTR.
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
#include <sys/time.h>
#include <time.h>

enum { THREADS = 3, SECONDS = 4 };

static _Atomic bool stop;
static _Atomic unsigned long handled;
static _Atomic unsigned long rounds;

static void handler(int number)
{
    int keep = errno;
    volatile unsigned char stack[8000];
    for (unsigned i = 0; i < sizeof stack; i += 64)
        stack[i] = (unsigned char)number;
    atomic_fetch_add_explicit(&handled, 1, memory_order_relaxed);
    struct timespec moment = {0, 20000};
    if (number == SIGUSR2)
        nanosleep(&moment, NULL); /* others go on while this thread stands still inside the allocator */
    errno = keep;
}

static void *allocate(void *argument)
{
    enum { BLOCKS = 64 };
    static _Atomic(unsigned char *) shared[BLOCKS];
    unsigned char alternate[64 * 1024];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    CHECK(sigaltstack(&stack, NULL) == 0);
    unsigned x = (unsigned)(uintptr_t)argument + 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (int i = 0; i < 1000; i++) {
            x = x * 1664525u + 1013904223u;
            size_t size = x % 100 == 0 ? (x >> 8) % 2000000 : (x >> 8) % 3000;
            unsigned char *block = rt.malloc(size + 2);
            CHECK(block != NULL);
            block[0] = 0x42;
            block[size + 1] = 0x43;
            block = atomic_exchange(&shared[(x >> 20) % BLOCKS], block);
            CHECK(!block || block[0] == 0x42);
            if (x % 5 == 0) {
                block = rt.realloc(block, size * 2 + 1);
                CHECK(block != NULL);
            }
            rt.free(block);
        }
        atomic_fetch_add_explicit(&rounds, 1, memory_order_relaxed);
    }
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
    pthread_t thread[THREADS];
    struct sigaction action = {.sa_handler = handler};
    struct itimerval timer = {{0, TEST_SANITIZED ? 500 : 100}, {0, TEST_SANITIZED ? 500 : 100}};
    api_is_roost();
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, allocate, (void *)i) == 0);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    for (double end = now() + SECONDS; now() < end;) {
        for (int i = 0; i < THREADS; i++) {
            CHECK(pthread_kill(thread[i], SIGUSR1) == 0);
            CHECK(pthread_kill(thread[i], SIGUSR2) == 0);
        }
        struct timespec pause = {0, 200000};
        nanosleep(&pause, NULL);
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    printf("%lu signals handled, %lu thousand blocks\n", atomic_load(&handled), atomic_load(&rounds));
    CHECK(atomic_load(&handled) > 1000);
    CHECK(atomic_load(&rounds) > 10);
    return 0;
}

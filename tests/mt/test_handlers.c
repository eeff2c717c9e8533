/* Signal handlers that allocate, on an alternate stack, where the interrupted code is not inside the allocator: there it
 * must work, whatever brought the signal, also as the thread's first call of all. See docs/signals.md.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/time.h>

enum { KEPT = 64, PAINT = 0xA5, STACK = TEST_SANITIZED ? 256 * 1024 : 64 * 1024 };

/* What handlers of a thread allocate and later handlers of it free. */
static _Thread_local unsigned char *kept[KEPT];
static _Thread_local volatile unsigned handled;
static _Atomic(unsigned char *) passed; /* from a handler of one thread to a handler of another */
static unsigned char *protected_page;
static _Thread_local sigjmp_buf way_out;
static _Thread_local volatile sig_atomic_t leave;

static size_t kept_size(unsigned i)
{
    return i % 16 == 15 ? 100000 + i : 1 + i * 131 % 9000;
}

static void allocate_in_handler(void)
{
    for (unsigned n = 0; n < 20; n++) {
        unsigned i = (handled * 20 + n) % KEPT;
        size_t size = kept_size(i);
        if (kept[i] != NULL)
            CHECK(pattern_check(kept[i], size, size, i) == size);
        rt.free(kept[i]);
        CHECK((kept[i] = rt.malloc(size)) != NULL);
        pattern_fill(kept[i], size, i);
        CHECK((kept[i] = rt.realloc(kept[i], size + 3000)) != NULL);
        CHECK((kept[i] = rt.realloc(kept[i], size)) != NULL);
    }
    unsigned char *mine = rt.malloc(300);
    CHECK(mine != NULL);
    mine[0] = mine[299] = 0x77;
    unsigned char *other = atomic_exchange(&passed, mine);
    CHECK(other == NULL || (other[0] == 0x77 && other[299] == 0x77));
    rt.free(other);
    handled++;
}

static void handler(int number)
{
    int keep = errno;
    allocate_in_handler();
    if (number == SIGSEGV)
        CHECK(mprotect(protected_page, 1, PROT_READ | PROT_WRITE) == 0);
    errno = keep;
    if (leave)
        siglongjmp(way_out, 1);
}

/* --- the alternate stack --------------------------------------------------------------------------------------------------- */

static unsigned char *stack_begin(void)
{
    unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    memset(stack, PAINT, STACK);
    if (TEST_SANITIZED)
        rt.free(rt.malloc(1)); /* they mind that a thread's first call registers its end, for which glibc allocates */
    CHECK(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK}, NULL) == 0);
    return stack;
}

/* Returns how much of it was used. */
static size_t stack_end(unsigned char *stack)
{
    size_t untouched = 0;
    CHECK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL) == 0);
    while (untouched < STACK && stack[untouched] == PAINT)
        untouched++;
    CHECK(munmap(stack, STACK) == 0);
    return STACK - untouched;
}

static void free_kept(void)
{
    for (unsigned i = 0; i < KEPT; i++) {
        rt.free(kept[i]);
        kept[i] = NULL;
    }
}

static void in_thread(void *(*body)(void *))
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* --- what brings the signal --------------------------------------------------------------------------------------------------- */

/* The thread has called nothing yet: the handler attaches it. */
static void *raise_first(void *unused)
{
    unsigned char *stack = stack_begin();
    for (unsigned i = 0; i < 50; i++)
        CHECK(raise(SIGUSR1) == 0);
    CHECK(handled == 50);
    printf("  %zu bytes of stack used\n", stack_end(stack));
    free_kept();
    return unused;
}

static void raised(void)
{
    for (int i = 0; i < 20; i++)
        in_thread(raise_first);
}

/* A fault in the thread's own code, resolved by the handler, which then returns to it. */
static void *fault(void *unused)
{
    unsigned char *stack = stack_begin();
    for (unsigned i = 0; i < 50; i++) {
        CHECK(mprotect(protected_page, 1, PROT_NONE) == 0);
        *(volatile unsigned char *)protected_page = (unsigned char)i;
        CHECK(handled == i + 1 && *protected_page == (unsigned char)i);
        rt.free(rt.malloc(i * 100));
    }
    stack_end(stack);
    free_kept();
    return unused;
}

static void faults(void)
{
    if (TEST_SANITIZED)
        return; /* they have handlers of their own for this */
    protected_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(protected_page != MAP_FAILED);
    for (int i = 0; i < 10; i++)
        in_thread(fault);
}

/* The handler does not return: it leaves by siglongjmp. */
static void *jump(void *unused)
{
    unsigned char *stack = stack_begin();
    for (volatile unsigned i = 0; i < 50; i++) {
        leave = 1;
        if (sigsetjmp(way_out, 1) == 0) {
            raise(SIGUSR1);
            CHECK(!"the handler has returned");
        }
        leave = 0;
        CHECK(handled == i + 1);
        rt.free(rt.malloc(i * 100));
    }
    stack_end(stack);
    free_kept();
    return unused;
}

static void jumps(void)
{
    for (int i = 0; i < 10; i++)
        in_thread(jump);
}

/* --- at any moment of code that does not allocate -------------------------------------------------------------------------------- */

static _Atomic bool stop;
static _Atomic unsigned computing;

/* Allocates with the signals blocked, computes with them let in. */
static void *compute(void *unused)
{
    sigset_t signals, before;
    unsigned char *stack = stack_begin();
    unsigned long sum = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGPROF);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &signals, NULL) == 0);
    atomic_fetch_add(&computing, 1);
    while (!atomic_load(&stop)) {
        for (volatile unsigned i = 0; i < 20000; i++)
            sum = sum * 31 + i;
        CHECK(pthread_sigmask(SIG_BLOCK, &signals, &before) == 0);
        void *block = rt.malloc(sum % 5000);
        CHECK(block != NULL);
        rt.free(block);
        CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    }
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    CHECK(handled > 10);
    stack_end(stack);
    free_kept();
    return unused;
}

static void interrupted(void)
{
    enum { THREADS = 2, SIGNALS = TEST_SANITIZED ? 500 : 3000 };
    pthread_t thread[THREADS];
    sigset_t signals;
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGPROF);
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0); /* this thread creates threads, and so allocates */
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, compute, NULL) == 0);
    while (atomic_load(&computing) < THREADS)
        sched_yield();
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(pthread_kill(thread[i % THREADS], SIGUSR1) == 0);
        usleep(100);
    }
    CHECK(setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    rt.free(atomic_exchange(&passed, NULL));
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    api_is_roost();
    sigfillset(&action.sa_mask); /* a handler that allocates is not interrupted by another that does */
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
    CHECK(TEST_SANITIZED || sigaction(SIGSEGV, &action, NULL) == 0);
    RUN(raised);
    RUN(faults);
    RUN(jumps);
    RUN(interrupted);
    return 0;
}

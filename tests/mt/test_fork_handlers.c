/* A process of one thread forks in a signal handler that may have interrupted the allocator, or a fork, anywhere. Of the children every other
 * ends at once, the others return from the handler and go on with what was interrupted. The parent does too. All of them check their blocks.
 *
 *   test_fork_handlers [SIGNALS]            ROOST_TEST_ONE_PROCESSOR
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { BLOCKS = 300, STEPS_OF_A_CHILD = 300, HANG_SECONDS = 60 };

static unsigned char *block[BLOCKS];
static size_t size_of[BLOCKS];
static volatile sig_atomic_t signals;
static volatile sig_atomic_t is_child; /* returned from the handler there */
static volatile sig_atomic_t inside;   /* a call that a signal may interrupt is under way */
static unsigned inside_seen;

/* The time between signals is never the same twice, so that they come everywhere. */
static void next_signal(void)
{
    static unsigned x = 7;
    x = x * 1664525u + 1013904223u;
    struct itimerval timer = {.it_value = {0, 20 + (x >> 16) % 300}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void end_if_it_hangs(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(HANG_SECONDS);
}

static void wait_for(pid_t child)
{
    int status = -1;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == ECHILD && is_child)
        return; /* a signal came while the parent waited here: the one waited for is not this process's child */
    CHECK(got == child);
    CHECK(status == 0);
}

static void handler(int number)
{
    (void)number;
    int keep = errno;
    bool goes_on = signals % 2 != 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (!goes_on)
            _exit(0);
        is_child = 1;
        end_if_it_hangs();
        errno = keep;
        return;
    }
    wait_for(child);
    inside_seen += inside != 0;
    signals = signals + 1;
    next_signal();
    errno = keep;
}

static void change(unsigned x)
{
    unsigned i = x % BLOCKS;
    size_t size = (x >> 10) % (x % 7 == 0 ? 300000 : x % 3 == 0 ? 20000 : 500);
    inside = 1;
    unsigned char *fresh = rt.malloc(size);
    inside = 0;
    CHECK(fresh != NULL);
    pattern_fill(fresh, size, i);
    if (block[i] != NULL)
        CHECK(pattern_check(block[i], size_of[i], size_of[i], i) == size_of[i]);
    inside = 1;
    rt.free(block[i]);
    inside = 0;
    block[i] = fresh;
    size_of[i] = size;
}

static void fork_here(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        end_if_it_hangs();
        for (unsigned i = 0; i < 50; i++)
            change(i * 7919);
        _exit(0);
    }
    wait_for(child);
}

int main(int argc, char **argv)
{
    int wanted = argc > 1 ? atoi(argv[1]) : 200;
    struct sigaction action = {.sa_handler = handler};
    unsigned x = 1, left = STEPS_OF_A_CHILD;
    if (TEST_SANITIZED) {
        puts("sanitizers do not survive a fork in a handler");
        return 77;
    }
    api_is_roost();
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    next_signal();
    for (unsigned step = 0; signals < wanted; step++) {
        x = x * 1664525u + 1013904223u;
        change(x);
        if (step % 100 == 99 && !is_child)
            fork_here();
        if (is_child && --left == 0)
            _exit(0);
    }
    printf("%d forks in handlers, %u of them inside the allocator\n", (int)signals, inside_seen);
    return 0;
}

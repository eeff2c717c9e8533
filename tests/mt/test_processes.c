/* New processes out of one whose threads are busy in the allocator: vfork and exec, posix_spawn, popen, system, daemon,
 * fork out of a fork. Each child works and ends; one that hangs is ended by its own alarm and fails the test. And what a
 * fork costs the parent does not depend on how many heaps there are.
 *
 *   test_processes [ROUNDS]
 *
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"

#include "../support/busy.h"
#include <math.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* ThreadSanitizer permits no threads in the child of a threaded process. */
enum { BUSY = 4, SECONDS = 30, DEPTH = 4, THREADS_AFTER_FORK = TEST_SANITIZED ? 0 : 2 };

static unsigned rounds = TEST_SANITIZED ? 2 : 8;

/* --- work ------------------------------------------------------------------------------------------------------------------ */

static void *work(void *seed)
{
    unsigned x = (unsigned)(uintptr_t)seed;
    for (unsigned i = 0; i < 500; i++) {
        size_t size = (i * 7919u + x * 31u) % 5000;
        unsigned char *block = rt.malloc(size);
        CHECK(block != NULL);
        pattern_fill(block, size, i);
        block = rt.realloc(block, size * 2 + 1);
        CHECK(block != NULL && pattern_check(block, size, size, i) == size);
        rt.free(block);
        if (i % 5 == 0)
            rt.free(atomic_exchange(&shared[i % SHARED], NULL));
    }
    return NULL;
}

static void work_in_threads(void)
{
    pthread_t thread[2];
    for (int i = 0; i < THREADS_AFTER_FORK; i++)
        CHECK(pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i) == 0);
    for (int i = 0; i < THREADS_AFTER_FORK; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
}

static void wait_for(pid_t child)
{
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

/* --- the ways ---------------------------------------------------------------------------------------------------------------- */

static char program[] = "test_processes", as_child[] = "--child";
static char *const again[] = {program, as_child, NULL};

static void spawn(void)
{
    pid_t child;
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, again, environ) == 0);
    wait_for(child);
}

static void vfork_and_exec(void)
{
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        execve("/proc/self/exe", again, environ);
        _exit(127);
    }
    wait_for(child);
}

static void by_popen(void)
{
    char line[100] = "";
    FILE *f = popen("echo one two three", "r");
    CHECK(f != NULL && fgets(line, sizeof line, f) != NULL);
    CHECK(strcmp(line, "one two three\n") == 0);
    CHECK(pclose(f) == 0);
}

static void by_system(void)
{
    CHECK(system("exit 3") == 3 << 8);
}

/* The daemon is not our child: it holds the pipe's end, and says at last how it went. */
static void by_daemon(void)
{
    int end[2];
    char word[8] = "";
    CHECK(pipe(end) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        close(end[0]);
        work(NULL);
        CHECK(daemon(0, 0) == 0);
        alarm(SECONDS);
        work(NULL);
        work_in_threads();
        _exit(write(end[1], "well", 4) == 4 ? 0 : 1);
    }
    close(end[1]);
    wait_for(child);
    CHECK(read(end[0], word, sizeof word) == 4 && strcmp(word, "well") == 0);
    close(end[0]);
}

/* A fork out of a fork out of a fork, each with threads at work. */
static void fork_deep(unsigned depth)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        pthread_t thread[2];
        atomic_store(&stop, false);
        for (int i = 0; i < THREADS_AFTER_FORK; i++)
            CHECK(pthread_create(&thread[i], NULL, busy, (void *)(uintptr_t)((unsigned)i + depth)) == 0);
        work((void *)(uintptr_t)depth);
        if (depth > 1)
            fork_deep(depth - 1);
        atomic_store(&stop, true);
        for (int i = 0; i < THREADS_AFTER_FORK; i++)
            CHECK(pthread_join(thread[i], NULL) == 0);
        _exit(0);
    }
    wait_for(child);
}

static void by_forks(void)
{
    fork_deep(DEPTH);
}

static const struct way {
    const char *name;
    void (*go)(void);
} ways[] = {{"posix_spawn", spawn}, {"vfork and exec", vfork_and_exec}, {"popen", by_popen}, {"system", by_system},
            {"daemon", by_daemon},  {"fork of fork", by_forks}};

static void all_ways(void)
{
    for (unsigned w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        printf("%s\n", ways[w].name);
        fflush(stdout);
        for (unsigned i = 0; i < rounds; i++) {
            ways[w].go();
            work((void *)(uintptr_t)i);
        }
    }
}

/* --- the cost of a fork -------------------------------------------------------------------------------------------------------- */

enum { MANY_HEAPS = 400, FORKS = 151, FILL = 16 * 1024 * 1024 };

static pthread_barrier_t all_there;
static unsigned heaps;
static char *filling[MANY_HEAPS];

/* The same memory, in few heaps or in many. */
static void *fill(void *slot)
{
    enum { BLOCK = 2048 };
    for (size_t done = 0; done < FILL / heaps; done += BLOCK) {
        char **block = rt.malloc(BLOCK);
        CHECK(block != NULL);
        memset(block, 1, BLOCK);
        *block = *(char **)slot;
        *(char **)slot = (char *)block;
    }
    pthread_barrier_wait(&all_there); /* so that nobody is given another's heap */
    return NULL;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may want the processor too */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* What a fork takes of the parent. Faults: pages that it has to write to, and that it shares with the child by then. */
typedef struct cost {
    double us;
    double faults;
} cost;

static cost least(cost a, cost b)
{
    return (cost){fmin(a.us, b.us), fmin(a.faults, b.faults)};
}

static cost cost_of(pid_t (*make)(void))
{
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    double began = cpu_us();
    pid_t child = make();
    double us = cpu_us() - began;
    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    getrusage(RUSAGE_THREAD, &after);
    wait_for(child);
    return (cost){us, (double)(after.ru_minflt - before.ru_minflt)};
}

typedef struct costs {
    cost kernel, handlers; /* handlers: beyond what the kernel takes */
} costs;

/* With so many parked heaps: the least of many of each, since the kernel takes a multiple when it has to find memory. _Fork calls no handlers. */
static costs costs_with(unsigned count)
{
    static pthread_t thread[MANY_HEAPS];
    cost with = {HUGE_VAL, HUGE_VAL}, without = with;
    heaps = count;
    CHECK(pthread_barrier_init(&all_there, NULL, count) == 0);
    for (unsigned i = 0; i < count; i++)
        CHECK(pthread_create(&thread[i], NULL, fill, &filling[i]) == 0);
    for (unsigned i = 0; i < count; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (int i = 0; i < FORKS; i++) {
        without = least(without, cost_of(_Fork));
        with = least(with, cost_of(fork));
    }
    return (costs){without, {fmax(with.us - without.us, 0), fmax(with.faults - without.faults, 0)}};
}

/* In a process of its own, so that heaps of an earlier measurement are not there. */
static costs costs_apart(unsigned count)
{
    int end[2];
    costs got;
    CHECK(pipe(end) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        got = costs_with(count);
        _exit(write(end[1], &got, sizeof got) == sizeof got ? 0 : 1);
    }
    wait_for(child);
    CHECK(read(end[0], &got, sizeof got) == sizeof got);
    close(end[0]);
    close(end[1]);
    return got;
}

/* The time is the kernel's for the most part, whatever calls fork: so it says something only where it is much. */
static void cost_does_not_grow_with_heaps(void)
{
    costs few = costs_apart(4), many = costs_apart(MANY_HEAPS);
    printf("  the handlers of a fork take %.0f us and %.0f faults with 4 heaps, %.0f us and %.0f faults with %d, where "
           "the "
           "kernel takes %.0f us\n",
           few.handlers.us, few.handlers.faults, many.handlers.us, many.handlers.faults, MANY_HEAPS, many.kernel.us);
    /* Where libc has its own malloc still: one or two for each of its arenas, of which there may be 8 for a processor. */
    CHECK(many.handlers.faults <= few.handlers.faults + MANY_HEAPS / 4);
    CHECK(many.handlers.us <= few.handlers.us + fmax(100, many.kernel.us));
}

int main(int argc, char **argv)
{
    pthread_t thread[BUSY];
    api_is_roost();
    if (argc > 1 && strcmp(argv[1], "--child") == 0) {
        work(NULL);
        work_in_threads();
        return 0;
    }
    if (argc > 1)
        rounds = (unsigned)atoi(argv[1]);
    if (!TEST_SANITIZED)
        RUN(cost_does_not_grow_with_heaps);
    for (uintptr_t i = 0; i < BUSY; i++)
        CHECK(pthread_create(&thread[i], NULL, busy, (void *)i) == 0);
    RUN(all_ways);
    atomic_store(&stop, true);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (unsigned i = 0; i < SHARED; i++)
        rt.free(atomic_load(&shared[i]));
    return 0;
}

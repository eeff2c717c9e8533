/* What every stress program has: its arguments, the time it may run, random numbers that follow from the seed, threads,
 * the process's memory, and the line of figures at the end.
 *
 *   --seconds N   how long, about               --seed N      of the random numbers; printed at the start
 *   --threads N   at most, at once              further ones as each program says
 *
 * Included once by each program; nothing in it is thread-safe but the random numbers, each thread having its own.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_STRESS_RUN_H
#define ROOST_STRESS_RUN_H

#include "../tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HUNG_AFTER = 90 }; /* seconds beyond those asked for */

struct run {
    const char *name;
    uint64_t seed;
    double seconds;
    unsigned threads;
    const char *shape;    /* --shape: one only; NULL: all */
    unsigned long forks;  /* --forks: this many, however long it takes */
    size_t size;          /* --size: of all blocks; 0: mixed */
    unsigned long rounds; /* --rounds */
    uint64_t end;         /* ns */
};

static struct run run;

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline bool time_is_up(void)
{
    return now_ns() >= run.end;
}

static inline void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* --- random numbers: splitmix64, by Sebastiano Vigna --- */

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
    return mix(*state += 0x9e3779b97f4a7c15u);
}

/* 0 to n - 1 */
static inline size_t random_below(uint64_t *state, size_t n)
{
    return (size_t)((random_next(state) >> 32) * n >> 32);
}

static inline bool one_in(uint64_t *state, size_t n)
{
    return random_below(state, n) == 0;
}

/* --- arguments --- */

static inline void usage(void)
{
    fprintf(stderr,
            "usage: %s [--seconds N] [--seed N] [--threads N] [--shape S] [--forks N] [--size N] [--rounds N]\n",
            run.name);
    exit(2);
}

static inline void argument(const char *name, const char *value)
{
    char *end = NULL;
    double number = strtod(value, &end);
    bool good = end != value && *end == '\0' && number >= 0;
    if (strcmp(name, "--shape") == 0)
        run.shape = value;
    else if (!good)
        usage();
    else if (strcmp(name, "--seed") == 0)
        run.seed = strtoull(value, NULL, 0);
    else if (strcmp(name, "--seconds") == 0)
        run.seconds = number;
    else if (strcmp(name, "--threads") == 0)
        run.threads = (unsigned)number;
    else if (strcmp(name, "--forks") == 0)
        run.forks = (unsigned long)number;
    else if (strcmp(name, "--size") == 0)
        run.size = (size_t)number;
    else if (strcmp(name, "--rounds") == 0)
        run.rounds = (unsigned long)number;
    else
        usage();
}

static inline void on_hang(int signal_number)
{
    static const char text[] = "the program hangs: its time was over long ago\n";
    if (write(2, text, sizeof text - 1) < 0)
        _exit(signal_number);
    abort(); /* for the sake of a core file */
}

/* Read the arguments, say the seed. `threads` is what --threads is by default. */
static inline void run_begin(const char *name, int argc, char **argv, unsigned threads)
{
    run = (struct run){.name = name, .seconds = 10, .threads = threads};
    run.seed = mix(now_ns() ^ ((uint64_t)getpid() << 40)) >> 32;
    if (argc % 2 == 0)
        usage();
    for (int i = 1; i + 1 < argc; i += 2)
        argument(argv[i], argv[i + 1]);
    if (run.threads == 0)
        run.threads = 1;
    printf("%s: --seed %llu --threads %u\n", name, (unsigned long long)run.seed, run.threads);
    fflush(stdout);
    run.end = now_ns() + (uint64_t)(run.seconds * 1e9);
#ifdef SIGALRM
    signal(SIGALRM, on_hang);
#endif
    if (run.forks == 0)
        alarm((unsigned)run.seconds + (unsigned)run.rounds + HUNG_AFTER);
}

/* --- threads --- */

/* What libc keeps for a thread it keeps with the stack, and it keeps no more than 40 MiB of stacks: with small ones, and
 * as many of them made beforehand as there will be at once, it allocates nothing later. So figures stay comparable. */
static inline pthread_t thread_start(void *(*body)(void *), void *argument_of_it)
{
    size_t stack = (size_t)32 * 1024 * 1024 / (run.threads + 4) & ~(size_t)0xffff;
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    stack = stack < 64 * 1024 ? 64 * 1024 : stack > 1024 * 1024 ? 1024 * 1024 : stack;
    CHECK(pthread_attr_setstacksize(&attributes, stack) == 0);
    errno = pthread_create(&thread, &attributes, body, argument_of_it);
    CHECK(errno == 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

static inline void thread_finish(pthread_t thread)
{
    errno = pthread_join(thread, NULL);
    CHECK(errno == 0);
}

static inline void *thread_that_waits(void *barrier)
{
    pthread_barrier_wait(barrier);
    return NULL;
}

static inline void threads_warm(unsigned count)
{
    pthread_barrier_t barrier;
    pthread_t *thread = calloc(count, sizeof *thread);
    CHECK(thread != NULL && pthread_barrier_init(&barrier, NULL, count + 1) == 0);
    for (unsigned i = 0; i < count; i++)
        thread[i] = thread_start(thread_that_waits, &barrier);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < count; i++)
        thread_finish(thread[i]);
    pthread_barrier_destroy(&barrier);
    free(thread);
}

/* --- memory --- */

/* A line of /proc/self/status, in bytes: VmRSS is now, VmHWM the most since the program was started. */
#ifdef _WIN32
size_t status_bytes(const char *field); /* tests/support/windows/posix.c */
#else
static inline size_t status_bytes(const char *field)
{
    char line[256];
    size_t length = strlen(field);
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, field, length) == 0 && line[length] == ':')
            kib = strtoul(line + length + 1, NULL, 10);
    }
    fclose(f);
    return (size_t)kib * 1024;
}
#endif

static inline double mib(size_t bytes)
{
    return (double)bytes / (1024 * 1024);
}

#endif

/* What the litmus programs share. A program has up to three threads, each with a few steps, and runs them side by side on a row of
 * instances, again and again; afterwards every instance is looked at, and an outcome that the memory model forbids is counted. The steps
 * are roost's own functions where there is one. With --weak a program uses weaker orders, to show what they would allow: which outcomes are
 * then seen depends on the processor. SPDX-License-Identifier: MIT */
#ifndef LITMUS_H
#define LITMUS_H

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/atomic.h"
#include "os/base.h"

enum { LITMUS_WIDTH = 512, LITMUS_THREADS = 3, LITMUS_OUTCOMES = 8 };

/* Memory that is handed over by the pair under test. Under ThreadSanitizer it is plain, so that a missing order is a race which it reports;
 * else relaxed, so that a stale value can be read and counted. */
#ifdef RST_THREAD_SANITIZER
typedef uint64_t litmus_data;
#define litmus_read(p) (*(p))
#define litmus_write(p, v) (*(p) = (v))
#else
typedef _Atomic uint64_t litmus_data;
#define litmus_read(p) rst_load_relaxed(p)
#define litmus_write(p, v) rst_store_relaxed((p), (v))
#endif

typedef struct litmus_test {
    const char *name;
    void (*reset)(unsigned i);                     /* one thread, before */
    void (*thread[LITMUS_THREADS])(unsigned i);    /* side by side; NULL: no such thread */
    unsigned (*outcome)(unsigned i);               /* one thread, afterwards: a number below LITMUS_OUTCOMES */
    const char *outcome_name[LITMUS_OUTCOMES + 1]; /* one that begins with '!' is forbidden */
} litmus_test;

static bool litmus_weak;
static const litmus_test *litmus_now;
static pthread_barrier_t litmus_barrier;
static unsigned long litmus_rounds = 200;
static unsigned litmus_threads;
static struct {
    RST_ALIGNED(128) _Atomic unsigned long step;
} litmus_progress[LITMUS_THREADS];

/* Wait for a moment, by chance of up to `most` turns, which is one less than a power of two. */
static inline void litmus_pause(uint32_t *seed, uint32_t most)
{
    *seed = *seed * 1664525u + 1013904223u;
    for (volatile uint32_t n = *seed >> 16 & most; n != 0; n--) {
    }
}

/* Threads set out for an instance together, when both have a processor: each says how far it is (relaxed, so that it orders nothing) and
 * waits for the others, but not for long. Then each waits for a moment, by chance. */
static void litmus_in_step(unsigned me, unsigned long step, uint32_t *seed)
{
    enum { PATIENCE = 2000 };
    rst_store_relaxed(&litmus_progress[me].step, step);
    for (unsigned other = 0; other < litmus_threads; other++) {
        for (int n = 0; n < PATIENCE && rst_load_relaxed(&litmus_progress[other].step) < step; n++) {
        }
    }
    litmus_pause(seed, 127);
}

static void *litmus_thread(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;
    uint32_t seed = me + 1;
    for (unsigned long round = 0; round < litmus_rounds; round++) {
        pthread_barrier_wait(&litmus_barrier);
        for (unsigned i = 0; i < LITMUS_WIDTH; i++) {
            litmus_in_step(me, round * LITMUS_WIDTH + i + 1, &seed);
            litmus_now->thread[me](i);
        }
        pthread_barrier_wait(&litmus_barrier);
    }
    return NULL;
}

static void litmus_start(pthread_t *threads)
{
    while (litmus_threads < LITMUS_THREADS && litmus_now->thread[litmus_threads] != NULL)
        litmus_threads++;
    pthread_barrier_init(&litmus_barrier, NULL, litmus_threads + 1);
    for (unsigned i = 0; i < litmus_threads; i++) {
        if (pthread_create(&threads[i], NULL, litmus_thread, (void *)(uintptr_t)i) != 0)
            abort();
    }
}

static int litmus_report(const unsigned long *seen)
{
    unsigned long forbidden = 0;
    printf("%s%s:", litmus_now->name, litmus_weak ? " (weak)" : "");
    for (unsigned i = 0; i < LITMUS_OUTCOMES && litmus_now->outcome_name[i] != NULL; i++) {
        bool bad = litmus_now->outcome_name[i][0] == '!';
        printf(" %s%s %lu;", bad ? "FORBIDDEN " : "", litmus_now->outcome_name[i] + bad, seen[i]);
        forbidden += bad ? seen[i] : 0;
    }
    printf("\n");
    return forbidden != 0;
}

static int litmus_main(int argc, char **argv, const litmus_test *test)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--weak") == 0)
            litmus_weak = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            litmus_rounds = strtoul(argv[++i], NULL, 10);
        else
            return 2;
    }
    litmus_now = test;
    pthread_t threads[LITMUS_THREADS];
    unsigned long seen[LITMUS_OUTCOMES] = {0};
    litmus_start(threads);
    for (unsigned long round = 0; round < litmus_rounds; round++) {
        for (unsigned i = 0; i < LITMUS_WIDTH; i++)
            test->reset(i);
        pthread_barrier_wait(&litmus_barrier);
        pthread_barrier_wait(&litmus_barrier);
        for (unsigned i = 0; i < LITMUS_WIDTH; i++)
            seen[test->outcome(i)]++;
    }
    for (unsigned i = 0; i < litmus_threads; i++)
        pthread_join(threads[i], NULL);
    return litmus_report(seen);
}

#endif

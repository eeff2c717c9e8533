/* The random test's workers: what they know of each block, where blocks change hands, and how sizes and alignments
 * are drawn. A worker and its slots belong to one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_RANDOM_MODEL_H
#define ROOST_TESTS_RANDOM_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_THREADS = 64, SLOTS = 4096, EXCHANGE = 512, LIVES = 5 };

#define LARGEST ((size_t)64 << 20)

struct block {
    char *at; /* NULL: the slot is empty */
    size_t size;
    size_t usable;
    size_t alignment; /* what was asked for by aligned_alloc and its kin, else 0 */
    uint64_t key;
    bool by_aligned_alloc;
};

struct worker {
    uint64_t random;
    uint64_t serial;
    uint64_t op;
    uint64_t last_op; /* of this life */
    unsigned number;
    unsigned window; /* slots in play now, changes by phases */
    const char *call;
    struct block slot[SLOTS];
};

struct exchange {
    pthread_mutex_t lock;
    struct block block; /* under lock */
};

static struct worker workers[MAX_THREADS];
static struct exchange exchange[EXCHANGE];
static _Atomic size_t live_bytes;
static size_t live_limit = (size_t)512 << 20;
static uint64_t seed;
static bool on_roost;

static uint64_t next_random(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random * 0x2545F4914F6CDD1Du;
}

static unsigned below(struct worker *w, unsigned bound)
{
    return (unsigned)((next_random(w) >> 32) * bound >> 32);
}

__attribute__((noreturn)) static void fail(const struct worker *w, const struct block *b, const char *what,
                                           size_t detail)
{
    fprintf(stderr,
            "FAILED: seed %llu thread %u operation %llu: %s: %s (%zu); block %p size %zu usable %zu alignment %zu\n",
            (unsigned long long)seed, w->number, (unsigned long long)w->op, w->call, what, detail, (void *)b->at,
            b->size, b->usable, b->alignment);
    fflush(NULL);
    _exit(1);
}

/* Sizes by logarithm, small ones far more often, and never more alive than the limit. */
static size_t random_size(struct worker *w)
{
    unsigned dice = below(w, 100000);
    unsigned low = 0;
    unsigned high = 10;
    if (dice < 100)
        low = 20, high = 26;
    else if (dice < 1000)
        low = 15, high = 20;
    else if (dice < 20000)
        low = 10, high = 15;
    size_t bound = (size_t)1 << (low + below(w, high - low) + 1);
    size_t size = (size_t)(next_random(w) >> 16) % (bound + 1);
    if (below(w, 64) == 0)
        size = bound - (size_t)below(w, 3); /* just at and below the powers of two */
    if (atomic_load_explicit(&live_bytes, memory_order_relaxed) + size > live_limit)
        size %= 512;
    return size < LARGEST ? size : LARGEST;
}

static size_t random_alignment(struct worker *w)
{
    unsigned dice = below(w, 100);
    return (size_t)1 << (dice < 80 ? below(w, 9) : dice < 98 ? below(w, 16) : below(w, 23));
}

#endif

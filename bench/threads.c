/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Kernels in which blocks change hands: producers and consumers (in the manner of xmalloc-test),
 * arrays of live blocks handed to new threads (in the manner of larson), threads that end while
 * their blocks live. An operation is one malloc and the free of its block by whoever holds it.
 *
 * Transport is one ConcurrencyKit ring per producer and consumer: single-producer rings have no
 * lock in which a preempted thread could keep the others. Blocks travel in chains, so that the
 * ring's shared lines cost a small part of what is measured.
 */
#include "bench.h"

#include <ck_ring.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PAIRS = 64, RING = 64, CHAIN = 32, ROUNDS = 100 };

struct link {
    struct link *next; /* written by the producer before it sends the chain */
};

struct channel {
    ck_ring_t ring;
    ck_ring_buffer_t slots[RING];
};

/* channels[p * pairs + c]: written by producer p, read by consumer c. */
static struct channel *channels;
static atomic_uint producers_left;

static bool xmalloc_setup(const struct bench_args *args) {
    size_t pairs = args->threads;
    if (pairs > MAX_PAIRS) {
        fprintf(stderr, "roost_bench: xmalloc takes at most %d pairs\n", MAX_PAIRS);
        return false;
    }
    if (args->size != 0 && args->size < sizeof(struct link)) {
        fprintf(stderr, "roost_bench: xmalloc wants --size %zu or more\n", sizeof(struct link));
        return false;
    }
    channels = bench_array(pairs * pairs, sizeof *channels);
    for (size_t i = 0; i < pairs * pairs; i++) ck_ring_init(&channels[i].ring, RING);
    atomic_store(&producers_left, (unsigned)pairs);
    return true;
}

static struct link *make_chain(struct bench_worker *w) {
    struct link *head = NULL;
    for (int i = 0; i < CHAIN; i++) {
        struct link *block = bench_touch(malloc(bench_size(w)));
        block->next = head;
        head = block;
    }
    return head;
}

static void produce(struct bench_worker *w, unsigned pairs, unsigned self) {
    uint64_t done = 0;
    unsigned consumer = self;
    bench_start(w);
    for (; bench_more(w, done); done += CHAIN) {
        struct link *chain = make_chain(w);
        for (;;) {
            struct channel *to = &channels[self * pairs + consumer];
            consumer = (consumer + 1) % pairs;
            if (ck_ring_enqueue_spsc(&to->ring, to->slots, chain)) break;
            if (consumer == self) sched_yield();
        }
    }
    /* Release: whoever reads the lower count sees every chain in the rings. */
    atomic_fetch_sub_explicit(&producers_left, 1, memory_order_release);
    bench_stop(w, 0);
}

static uint64_t drain(struct channel *from) {
    uint64_t freed = 0;
    struct link *block;
    while (ck_ring_dequeue_spsc(&from->ring, from->slots, &block)) {
        while (block != NULL) {
            struct link *next = block->next;
            free(block);
            block = next;
            freed++;
        }
    }
    return freed;
}

static void consume(struct bench_worker *w, unsigned pairs, unsigned self) {
    uint64_t done = 0;
    bench_start(w);
    for (;;) {
        /* Acquire, and before the look at the rings: empty rings after it stay empty. */
        bool last = atomic_load_explicit(&producers_left, memory_order_acquire) == 0;
        uint64_t freed = 0;
        for (unsigned p = 0; p < pairs; p++) freed += drain(&channels[p * pairs + self]);
        done += freed;
        if (freed == 0 && last) break;
        if (freed == 0) sched_yield();
    }
    bench_stop(w, done);
}

static void xmalloc(struct bench_worker *w) {
    unsigned pairs = w->args->threads;
    if (w->index < pairs) {
        produce(w, pairs, w->index);
    } else {
        consume(w, pairs, w->index - pairs);
    }
}

/* A live array and what its present thread does with it. */
struct lineage {
    struct bench_worker *worker;
    void **block;
};

static void *replace_at_random(void *arg) {
    struct lineage *l = arg;
    struct bench_worker *w = l->worker;
    size_t n = w->args->live;
    for (size_t i = 0; i < n * ROUNDS; i++) {
        size_t slot = (size_t)(((bench_rand(&w->rng) >> 32) * n) >> 32);
        free(l->block[slot]);
        l->block[slot] = bench_touch(malloc(bench_size(w)));
    }
    return NULL;
}

/* Frees what the thread before it left behind, and leaves as much. */
static void *replace_all(void *arg) {
    struct lineage *l = arg;
    size_t n = l->worker->args->live;
    for (size_t i = 0; i < n; i++) free(l->block[i]);
    for (size_t i = 0; i < n; i++) l->block[i] = bench_touch(malloc(bench_size(l->worker)));
    return NULL;
}

/* The worker itself allocates nothing: it starts one thread after the other on its array. */
static void generations(struct bench_worker *w, void *(*life)(void *arg), uint64_t ops_each) {
    size_t n = w->args->live;
    struct lineage l = {.worker = w, .block = bench_array(n, sizeof(void *))};
    uint64_t done = 0;
    bench_start(w);
    for (; bench_more(w, done); done += ops_each) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, life, &l) != 0) bench_die("cannot start a thread");
        pthread_join(thread, NULL);
    }
    bench_stop(w, done);
    for (size_t i = 0; i < n; i++) free(l.block[i]);
    bench_array_free(l.block, n, sizeof(void *));
}

static void larson(struct bench_worker *w) {
    generations(w, replace_at_random, (uint64_t)w->args->live * ROUNDS);
}

static void thread_exit(struct bench_worker *w) {
    generations(w, replace_all, w->args->live);
}

const struct bench_kernel bench_threads[] = {
    {"xmalloc", "--threads (1) producers, as many consumers; 16 to 1023 bytes", xmalloc,
     xmalloc_setup, 2, true, {1, 5000000, 0, 0, 1}},
    {"larson", "arrays of --live (1000) blocks, random replacement, new threads", larson, NULL, 1,
     true, {2, 10000000, 0, 0, 1000}},
    {"thread-exit", "threads end and leave --live (1000) blocks to the next", thread_exit, NULL, 1,
     true, {2, 5000000, 0, 0, 1000}},
};
const size_t bench_threads_count = sizeof bench_threads / sizeof bench_threads[0];

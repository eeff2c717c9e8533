/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Kernels in which blocks change hands: producers and consumers (in the manner of xmalloc-test), arrays of live blocks handed to new
 * threads (in the manner of larson), threads that end while their blocks live. An operation is one malloc and the free of its
 * block by whoever holds it.
 *
 * Transport is one ConcurrencyKit ring per producer and consumer: single-producer rings have no lock in which a preempted thread
 * could keep the others. Blocks travel in chains, so that the ring's shared lines cost a small part of what is measured.
 */
#include "bench.h"

#include <ck_ring.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum { MOST_CHANNELS = 4096, RING = 64, CHAIN = 32, ROUNDS = 100 };

struct link {
    struct link *next; /* written by the producer before it sends the chain */
};

struct channel {
    ck_ring_t ring;
    ck_ring_buffer_t slots[RING];
};

/* channels[p * consumers + c]: written by producer p, read by consumer c. Made by the first thread before its first gb_next. */
static struct channel *channels;

static struct link *make_chain(const struct bench_run *run, uint64_t *rng)
{
    struct link *head = NULL;
    for (int i = 0; i < CHAIN; i++) {
        size_t size = bench_size(run, rng);
        struct link *block = bench_touch(malloc(size < sizeof *block ? sizeof *block : size));
        block->next = head;
        head = block;
    }
    return head;
}

/* In each pass one chain to each consumer. */
static void produce(gb_state *state, const struct bench_run *run, uint64_t *rng)
{
    while (gb_next(state)) { /* only from here on there are channels */
        struct channel *row = channels + (size_t)gb_thread(state) * run->consumers;
        for (unsigned c = 0; c < run->consumers; c++) {
            struct link *chain = make_chain(run, rng);
            while (!ck_ring_enqueue_spsc(&row[c].ring, row[c].slots, chain))
                sched_yield();
        }
    }
}

/* In each pass one chain from each producer: both sides do as many passes, so all is freed at the end. */
static uint64_t consume(gb_state *state, const struct bench_run *run)
{
    unsigned self = gb_thread(state) - run->threads;
    uint64_t done = 0;
    while (gb_next(state)) {
        for (unsigned p = 0; p < run->threads; p++) {
            struct channel *from = &channels[(size_t)p * run->consumers + self];
            struct link *block;
            while (!ck_ring_dequeue_spsc(&from->ring, from->slots, &block))
                sched_yield();
            while (block != NULL) {
                struct link *next = block->next;
                free(block);
                block = next;
                done++;
            }
        }
    }
    return done;
}

static void xmalloc(gb_state *state, const void *data)
{
    const struct bench_run *run = data;
    size_t count = (size_t)run->threads * run->consumers;
    uint64_t rng = bench_seed(state), done = 0;
    if (count > MOST_CHANNELS) {
        gb_refuse(state, "producers times consumers must be at most 4096");
        return;
    }
    bench_begin(state);
    if (gb_thread(state) == 0) {
        channels = bench_array(count, sizeof *channels);
        for (size_t i = 0; i < count; i++)
            ck_ring_init(&channels[i].ring, RING);
    }
    if (gb_thread(state) < run->threads)
        produce(state, run, &rng);
    else
        done = consume(state, run);
    bench_end(state, done);
    if (gb_thread(state) == 0) /* all have left their loops: gb_next waits for that */
        bench_array_free(channels, count, sizeof *channels);
}

static uint64_t xmalloc_ops(const struct bench_run *run)
{
    return (uint64_t)CHAIN * run->consumers;
}

/* A live array and what its present thread does with it. */
struct lineage {
    const struct bench_run *run;
    void **block;
    uint64_t rng;
};

static void *replace_at_random(void *arg)
{
    struct lineage *l = arg;
    size_t n = l->run->live;
    for (size_t i = 0; i < n * ROUNDS; i++) {
        size_t slot = bench_slot(&l->rng, n);
        free(l->block[slot]);
        l->block[slot] = bench_touch(malloc(bench_size(l->run, &l->rng)));
    }
    return NULL;
}

/* Frees what the thread before it left behind, and leaves as much. */
static void *replace_all(void *arg)
{
    struct lineage *l = arg;
    size_t n = l->run->live;
    for (size_t i = 0; i < n; i++)
        free(l->block[i]);
    for (size_t i = 0; i < n; i++)
        l->block[i] = bench_touch(malloc(bench_size(l->run, &l->rng)));
    return NULL;
}

/* The worker itself allocates nothing: it starts one thread after the other on its array. */
static void generations(gb_state *state, const struct bench_run *run, void *(*life)(void *arg), uint64_t ops_each)
{
    size_t n = run->live;
    uint64_t done = 0;
    bench_begin(state);
    struct lineage l = {.run = run, .block = bench_array(n, sizeof(void *)), .rng = bench_seed(state)};
    while (gb_next(state)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, life, &l) != 0)
            bench_die("cannot start a thread");
        pthread_join(thread, NULL);
        done += ops_each;
    }
    bench_end(state, done);
    for (size_t i = 0; i < n; i++)
        free(l.block[i]);
    bench_array_free(l.block, n, sizeof(void *));
}

static uint64_t larson_ops(const struct bench_run *run)
{
    return (uint64_t)run->live * ROUNDS;
}

static void larson(gb_state *state, const void *data)
{
    generations(state, data, replace_at_random, larson_ops(data));
}

static uint64_t exit_ops(const struct bench_run *run)
{
    return run->live;
}

static void thread_exit(gb_state *state, const void *data)
{
    generations(state, data, replace_all, exit_ops(data));
}

#define ROW(name, help, work, consumers, threads, ops, live, ops_each) \
    { \
        name, help, work, (consumers) != 0, {NULL, threads, consumers, ops, 0, live, BENCH_MIX_SMALL}, ops_each \
    }

const struct bench_kernel bench_threads[] = {
    ROW("xmalloc", "threads (1) producers, consumers (as many)", xmalloc, 1, 1, 5000000, 1, xmalloc_ops),
    ROW("larson", "arrays of live (1000) blocks, random replacement, new threads", larson, 0, 2, 10000000, 1000,
        larson_ops),
    ROW("thread-exit", "threads end and leave live (1000) blocks to the next", thread_exit, 0, 2, 5000000, 1000,
        exit_ops),
};
const size_t bench_threads_count = sizeof bench_threads / sizeof bench_threads[0];

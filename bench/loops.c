/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Kernels in which a thread keeps to itself. With --threads N every worker runs its own copy.
 * An operation is one allocation with the free that ends it, or one realloc.
 */
#include "bench.h"

#include <stdlib.h>

enum { CHUNK = 1024 };

/* One block at a time: the shortest path there is. */
static void pair(struct bench_worker *w) {
    size_t size = w->args->size;
    uint64_t done = 0;
    bench_start(w);
    for (; bench_more(w, done); done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            void *p = bench_touch(malloc(size));
            bench_keep(p);
            free(p);
        }
    }
    bench_stop(w, done);
}

/* The order in which a batch is freed: position i of the batch goes as the order[i]-th. */
enum order { LIFO, FIFO, RANDOM };

static uint32_t *make_order(struct bench_worker *w, enum order order) {
    size_t n = w->args->live;
    uint32_t *index = bench_array(n, sizeof *index);
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)(order == LIFO ? n - 1 - i : i);
    if (order != RANDOM) return index;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (size_t)(bench_rand(&w->rng) % (i + 1));
        uint32_t t = index[i];
        index[i] = index[j];
        index[j] = t;
    }
    return index;
}

static void batch(struct bench_worker *w, enum order order) {
    size_t n = w->args->live;
    void **block = bench_array(n, sizeof *block);
    uint32_t *index = make_order(w, order);
    uint64_t done = 0;
    bench_start(w);
    for (; bench_more(w, done); done += n) {
        for (size_t i = 0; i < n; i++) block[i] = bench_touch(malloc(bench_size(w)));
        for (size_t i = 0; i < n; i++) free(block[index[i]]);
    }
    bench_stop(w, done);
    bench_array_free(index, n, sizeof *index);
    bench_array_free(block, n, sizeof *block);
}

static void batch_lifo(struct bench_worker *w) { batch(w, LIFO); }
static void batch_fifo(struct bench_worker *w) { batch(w, FIFO); }
static void batch_random(struct bench_worker *w) { batch(w, RANDOM); }

/* A set of live blocks in which a random one is replaced, again and again. */
static void live(struct bench_worker *w) {
    size_t n = w->args->live;
    void **block = bench_array(n, sizeof *block);
    for (size_t i = 0; i < n; i++) block[i] = bench_touch(malloc(bench_size(w)));
    uint64_t done = 0;
    bench_start(w);
    for (; bench_more(w, done); done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            size_t slot = (size_t)(((bench_rand(&w->rng) >> 32) * n) >> 32);
            free(block[slot]);
            block[slot] = bench_touch(malloc(bench_size(w)));
        }
    }
    bench_stop(w, done);
    for (size_t i = 0; i < n; i++) free(block[i]);
    bench_array_free(block, n, sizeof *block);
}

/* Several vectors grow in turn, so that none has free space behind it by luck alone. */
static uint64_t grow_vectors(struct bench_worker *w, void **vector, size_t *length, bool append) {
    size_t n = w->args->live;
    size_t limit = w->args->size;
    uint64_t done = 0;
    for (size_t i = 0; i < n; i++) {
        vector[i] = NULL;
        length[i] = 16;
    }
    while (length[n - 1] <= limit) {
        for (size_t i = 0; i < n; i++) {
            char *p = bench_touch(realloc(vector[i], length[i]));
            p[length[i] - 1] = 1;
            vector[i] = p;
            length[i] = append ? length[i] + 48 : length[i] + length[i] / 2;
        }
        done += n;
    }
    for (size_t i = 0; i < n; i++) free(vector[i]);
    return done;
}

static void grow(struct bench_worker *w, bool append) {
    size_t n = w->args->live;
    void **vector = bench_array(n, sizeof *vector);
    size_t *length = bench_array(n, sizeof *length);
    uint64_t done = 0;
    if (w->args->size < 16) bench_die("this kernel wants --size 16 or more");
    bench_start(w);
    while (bench_more(w, done)) done += grow_vectors(w, vector, length, append);
    bench_stop(w, done);
    bench_array_free(length, n, sizeof *length);
    bench_array_free(vector, n, sizeof *vector);
}

static void realloc_grow(struct bench_worker *w) { grow(w, false); }
static void realloc_append(struct bench_worker *w) { grow(w, true); }

static void *cleared(struct bench_worker *w) {
    char *p = bench_touch(calloc(1, bench_size(w)));
    bench_keep(p);
    return p;
}

/* Alignments of 16 to 4096 bytes, small ones as likely as large ones. */
static void *aligned(struct bench_worker *w) {
    size_t alignment = (size_t)16 << (bench_rand(&w->rng) >> 32) % 9;
    void *p = NULL;
    if (posix_memalign(&p, alignment, bench_size(w)) != 0) bench_die("out of memory");
    return bench_touch(p);
}

/* 64 KiB to 64 MiB, each power of two equally likely; one byte written in every 4 KiB. */
static void *large(struct bench_worker *w) {
    uint64_t random = bench_rand(&w->rng);
    size_t low = (size_t)65536 << (random >> 32) % 10;
    size_t size = low + (size_t)((random >> 40) & (low - 1));
    char *p = bench_touch(malloc(size));
    for (size_t i = 0; i < size; i += 4096) p[i] = 1;
    bench_keep(p);
    return p;
}

/* A round of live blocks in which the oldest goes. The start, with the round empty, is timed too. */
static void replace_oldest(struct bench_worker *w, void *(*make)(struct bench_worker *w)) {
    size_t n = w->args->live;
    void **block = bench_array(n, sizeof *block);
    uint64_t done = 0;
    bench_start(w);
    for (; bench_more(w, done); done += n) {
        for (size_t i = 0; i < n; i++) {
            free(block[i]);
            block[i] = make(w);
        }
    }
    bench_stop(w, done);
    for (size_t i = 0; i < n; i++) free(block[i]);
    bench_array_free(block, n, sizeof *block);
}

static void callocs(struct bench_worker *w) { replace_oldest(w, cleared); }
static void aligneds(struct bench_worker *w) { replace_oldest(w, aligned); }
static void larges(struct bench_worker *w) { replace_oldest(w, large); }

#define ROW(name, help, work, ops, size, live) \
    { name, help, work, NULL, 1, false, { 1, ops, 0, size, live } }

const struct bench_kernel bench_loops[] = {
    ROW("pair", "malloc and free of one block of --size (64)", pair, 50000000, 64, 1),
    ROW("batch-lifo", "--live (1000) blocks, freed newest first", batch_lifo, 20000000, 0, 1000),
    ROW("batch-fifo", "the same, freed oldest first", batch_fifo, 20000000, 0, 1000),
    ROW("batch-random", "the same, freed in random order", batch_random, 20000000, 0, 1000),
    ROW("live", "random replacement among --live (1000) blocks", live, 10000000, 0, 1000),
    ROW("realloc-grow", "--live (8) vectors grow by half to --size (1 MiB)", realloc_grow, 200000,
        1048576, 8),
    ROW("realloc-append", "--live (8) vectors grow by 48 bytes to --size (64 KiB)", realloc_append,
        4000000, 65536, 8),
    ROW("calloc", "calloc, --live (64) blocks, oldest freed", callocs, 10000000, 0, 64),
    ROW("aligned", "alignments of 16 to 4096, --live (64) blocks", aligneds, 5000000, 0, 64),
    ROW("large", "64 KiB to 64 MiB, every page touched, --live (8) blocks", larges, 200, 0, 8),
};
const size_t bench_loops_count = sizeof bench_loops / sizeof bench_loops[0];

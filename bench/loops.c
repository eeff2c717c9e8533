/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Kernels in which a thread keeps to itself. With threads=N every worker runs its own copy.
 * An operation is one allocation with the free that ends it, or one realloc.
 */
#include "bench.h"

#include <stdlib.h>

/* One block at a time: the shortest path there is. */
static void pair(gb_state *state, const void *data)
{
    const struct bench_run *run = data;
    size_t size = run->size;
    uint64_t done = 0;
    bench_begin(state);
    while (gb_next(state)) {
        for (int i = 0; i < BENCH_CHUNK; i++) {
            void *p = bench_touch(malloc(size));
            bench_keep(p);
            free(p);
        }
        done += BENCH_CHUNK;
    }
    bench_end(state, done);
}

/* The order in which a batch is freed: position i of the batch goes as the order[i]-th. */
enum order { LIFO, FIFO, RANDOM };

static uint32_t *make_order(size_t n, uint64_t *rng, enum order order)
{
    uint32_t *index = bench_array(n, sizeof *index);
    for (size_t i = 0; i < n; i++)
        index[i] = (uint32_t)(order == LIFO ? n - 1 - i : i);
    if (order != RANDOM)
        return index;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = bench_slot(rng, i + 1);
        uint32_t t = index[i];
        index[i] = index[j];
        index[j] = t;
    }
    return index;
}

static void batch(gb_state *state, const struct bench_run *run, enum order order)
{
    size_t n = run->live;
    uint64_t rng = bench_seed(state), done = 0;
    bench_begin(state);
    void **block = bench_array(n, sizeof *block);
    uint32_t *index = make_order(n, &rng, order);
    while (gb_next(state)) {
        for (size_t i = 0; i < n; i++)
            block[i] = bench_touch(malloc(bench_size(run, &rng)));
        for (size_t i = 0; i < n; i++)
            free(block[index[i]]);
        done += n;
    }
    bench_end(state, done);
    bench_array_free(index, n, sizeof *index);
    bench_array_free(block, n, sizeof *block);
}

static void batch_lifo(gb_state *state, const void *run)
{
    batch(state, run, LIFO);
}

static void batch_fifo(gb_state *state, const void *run)
{
    batch(state, run, FIFO);
}

static void batch_random(gb_state *state, const void *run)
{
    batch(state, run, RANDOM);
}

/* A set of live blocks in which a random one is replaced, again and again. */
static void live(gb_state *state, const void *data)
{
    const struct bench_run *run = data;
    size_t n = run->live;
    uint64_t rng = bench_seed(state), done = 0;
    bench_begin(state);
    void **block = bench_array(n, sizeof *block);
    for (size_t i = 0; i < n; i++)
        block[i] = bench_touch(malloc(bench_size(run, &rng)));
    while (gb_next(state)) {
        for (int i = 0; i < BENCH_CHUNK; i++) {
            size_t slot = bench_slot(&rng, n);
            free(block[slot]);
            block[slot] = bench_touch(malloc(bench_size(run, &rng)));
        }
        done += BENCH_CHUNK;
    }
    bench_end(state, done);
    for (size_t i = 0; i < n; i++)
        free(block[i]);
    bench_array_free(block, n, sizeof *block);
}

static size_t grown(size_t length, bool append)
{
    return append ? length + 48 : length + length / 2;
}

/* Several vectors grow in turn, so that none has free space behind it by luck alone. */
static uint64_t grow_vectors(const struct bench_run *run, void **vector, bool append)
{
    size_t n = run->live;
    uint64_t done = 0;
    for (size_t i = 0; i < n; i++)
        vector[i] = NULL;
    for (size_t length = 16; length <= run->size; length = grown(length, append)) {
        for (size_t i = 0; i < n; i++) {
            char *p = bench_touch(realloc(vector[i], length));
            p[length - 1] = 1;
            vector[i] = p;
        }
        done += n;
    }
    for (size_t i = 0; i < n; i++)
        free(vector[i]);
    return done;
}

static uint64_t growth_ops(const struct bench_run *run, bool append)
{
    uint64_t steps = 0;
    for (size_t length = 16; length <= run->size; length = grown(length, append))
        steps++;
    return steps * run->live;
}

static uint64_t grow_ops(const struct bench_run *run)
{
    return growth_ops(run, false);
}

static uint64_t append_ops(const struct bench_run *run)
{
    return growth_ops(run, true);
}

static void grow(gb_state *state, const struct bench_run *run, bool append)
{
    uint64_t done = 0;
    if (run->size < 16) {
        gb_refuse(state, "size must be 16 or more");
        return;
    }
    bench_begin(state);
    void **vector = bench_array(run->live, sizeof *vector);
    while (gb_next(state))
        done += grow_vectors(run, vector, append);
    bench_end(state, done);
    bench_array_free(vector, run->live, sizeof *vector);
}

static void realloc_grow(gb_state *state, const void *run)
{
    grow(state, run, false);
}

static void realloc_append(gb_state *state, const void *run)
{
    grow(state, run, true);
}

static void *cleared(const struct bench_run *run, uint64_t *rng)
{
    char *p = bench_touch(calloc(1, bench_size(run, rng)));
    bench_keep(p);
    return p;
}

/* Alignments of 16 to 4096 bytes, small ones as likely as large ones. */
static void *aligned(const struct bench_run *run, uint64_t *rng)
{
    size_t alignment = (size_t)16 << (bench_rand(rng) >> 32) % 9;
    void *p = NULL;
    if (posix_memalign(&p, alignment, bench_size(run, rng)) != 0)
        bench_die("out of memory");
    return bench_touch(p);
}

/* 64 KiB to 64 MiB, each power of two equally likely; one byte written in every 4 KiB. */
static void *large(const struct bench_run *run, uint64_t *rng)
{
    (void)run;
    uint64_t random = bench_rand(rng);
    size_t low = (size_t)65536 << (random >> 32) % 10;
    size_t size = low + (size_t)((random >> 40) & (low - 1));
    char *p = bench_touch(malloc(size));
    for (size_t i = 0; i < size; i += 4096)
        p[i] = 1;
    bench_keep(p);
    return p;
}

typedef void *make_block(const struct bench_run *run, uint64_t *rng);

/* A round of live blocks in which the oldest goes. The start, with the round empty, is timed too. */
static void replace_oldest(gb_state *state, const struct bench_run *run, make_block *make)
{
    size_t n = run->live;
    uint64_t rng = bench_seed(state), done = 0;
    bench_begin(state);
    void **block = bench_array(n, sizeof *block);
    while (gb_next(state)) {
        for (size_t i = 0; i < n; i++) {
            free(block[i]);
            block[i] = make(run, &rng);
        }
        done += n;
    }
    bench_end(state, done);
    for (size_t i = 0; i < n; i++)
        free(block[i]);
    bench_array_free(block, n, sizeof *block);
}

static void callocs(gb_state *state, const void *run)
{
    replace_oldest(state, run, cleared);
}

static void aligneds(gb_state *state, const void *run)
{
    replace_oldest(state, run, aligned);
}

static void larges(gb_state *state, const void *run)
{
    replace_oldest(state, run, large);
}

static uint64_t ops_live(const struct bench_run *run)
{
    return run->live;
}

#define ROW(name, help, work, ops, size, live, ops_each) \
    { \
        name, help, work, false, {NULL, 1, 0, ops, size, live, BENCH_MIX_SMALL}, ops_each \
    }

const struct bench_kernel bench_loops[] = {
    ROW("pair", "malloc and free of one block of size (64)", pair, 50000000, 64, 1, NULL),
    ROW("batch-lifo", "live (1000) blocks, freed newest first", batch_lifo, 20000000, 0, 1000, ops_live),
    ROW("batch-fifo", "the same, freed oldest first", batch_fifo, 20000000, 0, 1000, ops_live),
    ROW("batch-random", "the same, freed in random order", batch_random, 20000000, 0, 1000, ops_live),
    ROW("live", "random replacement among live (1000) blocks", live, 10000000, 0, 1000, NULL),
    ROW("realloc-grow", "live (8) vectors grow by half to size (1 MiB)", realloc_grow, 200000, 1048576, 8, grow_ops),
    ROW("realloc-append", "live (8) vectors grow by 48 bytes to size (64 KiB)", realloc_append, 4000000, 65536, 8,
        append_ops),
    ROW("calloc", "calloc, live (64) blocks, oldest freed", callocs, 10000000, 0, 64, ops_live),
    ROW("aligned", "alignments of 16 to 4096, live (64) blocks", aligneds, 5000000, 0, 64, ops_live),
    ROW("large", "64 KiB to 64 MiB, every page touched, live (8) blocks", larges, 200, 0, 8, ops_live),
};
const size_t bench_loops_count = sizeof bench_loops / sizeof bench_loops[0];

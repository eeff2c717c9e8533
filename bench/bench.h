/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * What the benchmark's kernels share: one row per kernel, one worker per thread, the clock that
 * says when to stop. The program links no allocator; it calls malloc and free of whatever library
 * is preloaded. Its own arrays come from mmap, so that they burden every allocator alike.
 */
#ifndef ROOST_BENCH_H
#define ROOST_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_args {
    unsigned threads; /* the user's number; a kernel may start several threads for each */
    uint64_t ops;     /* of each worker; 0 when the clock decides */
    double seconds;   /* 0 when ops decides */
    size_t size;      /* bytes of a block; 0 is the mix of bench_mix() */
    size_t live;      /* blocks held at once by each worker */
};

struct bench_run;

struct bench_worker {
    const struct bench_args *args;
    struct bench_run *run;
    unsigned index;
    uint64_t rng;
    /* Written by bench_start and bench_stop of this worker, read after it was joined. */
    uint64_t start_ns;
    uint64_t stop_ns;
    uint64_t ops;
};

struct bench_kernel {
    const char *name;
    const char *help;
    void (*work)(struct bench_worker *w);
    bool (*setup)(const struct bench_args *args); /* NULL: none; false: refused, message printed */
    unsigned roles;                               /* threads started for each of --threads */
    bool rate;                                    /* print Mop/s, not ns/op */
    struct bench_args defaults;
};

extern const struct bench_kernel bench_loops[];
extern const size_t bench_loops_count;
extern const struct bench_kernel bench_threads[];
extern const size_t bench_threads_count;

/* Waits until every worker is ready, then starts this worker's clock. */
void bench_start(struct bench_worker *w);
/* Ends this worker's clock; ops is what it did since bench_start. */
void bench_stop(struct bench_worker *w, uint64_t ops);
/* False once the worker has done enough. Asked once per chunk of some microseconds. */
bool bench_more(const struct bench_worker *w, uint64_t done);

uint64_t bench_now_ns(void);
/* Zeroed memory straight from the system; ends the program when there is none. */
void *bench_array(size_t count, size_t size);
void bench_array_free(void *array, size_t count, size_t size);
/* Ends the program with one line on stderr. */
_Noreturn void bench_die(const char *what);

/* Runs argv under preload (NULL: none) and prints the usual line about it. */
int bench_exec(const char *preload, const char *label, char **argv);

/* xorshift64*: cheap enough not to be what is measured. */
static inline uint64_t bench_rand(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

/* A size of 16 to 1023 bytes, each power of two equally likely: programs ask for small ones most. */
static inline size_t bench_mix(uint64_t random) {
    size_t low = (size_t)16 << ((random >> 32) % 6);
    return low + (size_t)((random >> 40) & (low - 1));
}

static inline size_t bench_size(struct bench_worker *w) {
    return w->args->size != 0 ? w->args->size : bench_mix(bench_rand(&w->rng));
}

/* The compiler may not drop a block, nor the writes to it. */
static inline void bench_keep(void *block) { __asm__ volatile("" : : "r"(block) : "memory"); }

/* First use of a small block; also what a program does with a null pointer. */
static inline void *bench_touch(void *block) {
    if (block == NULL) bench_die("out of memory");
    *(volatile char *)block = 1;
    return block;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * What the kernels share: what a run is (kernel and its numbers), the sizes of blocks, memory that is not the allocator's, and
 * the figures beside the time. The program links no allocator: it calls malloc and free of whatever library is preloaded. Its
 * own arrays come from mmap, so that they burden every allocator alike.
 */
#ifndef ROOST_BENCH_H
#define ROOST_BENCH_H

#include "gb_shim.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_MAX_THREADS = 1024 };

enum bench_mix { BENCH_MIX_SMALL, BENCH_MIX_ETC, BENCH_MIX_ZIPPYDB, BENCH_MIX_COUNT };

struct bench_kernel;

/* One benchmark: a kernel and its numbers. Fixed while it runs. */
struct bench_run {
    const struct bench_kernel *kernel;
    unsigned threads;   /* workers; producers, where there are consumers too */
    unsigned consumers; /* of kernels that have them */
    uint64_t ops;       /* of each worker; 0: as many as fill --benchmark_min_time */
    size_t size;        /* bytes of a block; 0: by the mix */
    size_t live;        /* blocks held at once by each worker */
    unsigned mix;       /* enum bench_mix */
};

struct bench_kernel {
    const char *name;
    const char *help;
    gb_kernel *work; /* its data is a struct bench_run */
    bool consumers;  /* has threads of a second kind */
    struct bench_run defaults;
    uint64_t (*ops_each)(const struct bench_run *run); /* of one pass of the loop, per worker; NULL: BENCH_CHUNK */
};

enum { BENCH_CHUNK = 1024 }; /* operations between two calls of gb_next */

extern const struct bench_kernel bench_loops[];
extern const size_t bench_loops_count;
extern const struct bench_kernel bench_threads[];
extern const size_t bench_threads_count;

/* Reads NAME[:OPTION=VALUE]... into *run; false: a line about it went to stderr. */
bool bench_parse(const char *spec, struct bench_run *run);

/* --- figures; called by each thread, before its first gb_next and after its last ------------------------------------------- */

/* Starts the peak of resident memory and the counts anew, in the first thread. Call before anything is allocated. */
void bench_begin(gb_state *state);
/* What this thread did; the first thread adds peak RSS, page faults, and foreign frees where the allocator tells. */
void bench_end(gb_state *state, uint64_t operations);

/* Blocks that other threads than their own freed, since the process began; false where the allocator does not say. */
bool bench_foreign_frees(uint64_t *blocks);

/* --- sizes ------------------------------------------------------------------------------------------------------------------ */

extern const char *const bench_mix_names[BENCH_MIX_COUNT];
/* Fills the tables of the mixes. Once, before any kernel runs. */
void bench_mix_prepare(void);
/* A size by a mix. */
size_t bench_mix(unsigned mix, uint64_t random);

/* --- memory that is not the allocator's --------------------------------------------------------------------------------------- */

/* Zeroed memory straight from the system; ends the program when there is none. */
void *bench_array(size_t count, size_t size);
void bench_array_free(void *array, size_t count, size_t size);
/* Ends the program with one line on stderr. */
_Noreturn void bench_die(const char *what);

/* --- in the loops --------------------------------------------------------------------------------------------------------------- */

/* xorshift64*: cheap enough not to be what is measured. */
static inline uint64_t bench_rand(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

static inline uint64_t bench_seed(const gb_state *state)
{
    return UINT64_C(0x9e3779b97f4a7c15) * (gb_thread(state) + 1);
}

static inline size_t bench_size(const struct bench_run *run, uint64_t *rng)
{
    return run->size != 0 ? run->size : bench_mix(run->mix, bench_rand(rng));
}

static inline size_t bench_slot(uint64_t *rng, size_t count)
{
    return (size_t)(((bench_rand(rng) >> 32) * count) >> 32);
}

/* The compiler may not drop a block, nor the writes to it. */
static inline void bench_keep(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

/* First use of a small block; also what a program does with a null pointer. */
static inline void *bench_touch(void *block)
{
    if (block == NULL)
        bench_die("out of memory");
    *(volatile char *)block = 1;
    return block;
}

#endif

/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Google Benchmark as seen from C: kernels in C register themselves and run through this. gb_shim.cc is all the C++ there is.
 * What Google Benchmark allocates for itself by the C++ operators comes from mappings of the shim's own, never from the allocator
 * that is measured.
 */
#ifndef ROOST_GB_SHIM_H
#define ROOST_GB_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gb_state gb_state; /* of one thread in one run of a kernel */

/* One kernel: called in each of its threads. Everything before the first gb_next and after its false is not timed. */
typedef void gb_kernel(gb_state *state, const void *data);

/* Adds a benchmark. Each thread does `iterations`, or (0) as many as fill --benchmark_min_time. The name is copied. */
void gb_register(const char *name, gb_kernel *kernel, const void *data, unsigned threads, uint64_t iterations);

/* Takes the --benchmark_ options out of argv. */
void gb_initialize(int *argc, char **argv);

/* Runs what --benchmark_filter leaves, results to stdout, the name of each before it starts to stderr. False: there was none, or one could
 * not run. */
bool gb_run(void);

/* True as often as the kernel shall do its work once more. The first call waits for all threads. */
bool gb_next(gb_state *state);

unsigned gb_thread(const gb_state *state);
unsigned gb_threads(const gb_state *state);

/* After the loop: what this thread did; summed over threads, shown as time/op and items_per_second. */
void gb_operations(gb_state *state, uint64_t operations);

/* After the loop: a figure, summed over threads. */
void gb_figure(gb_state *state, const char *name, double value);
void gb_bytes(gb_state *state, const char *name, uint64_t bytes);

/* Instead of the loop, in every thread: the kernel cannot run. */
void gb_refuse(gb_state *state, const char *why);

#ifdef __cplusplus
}
#endif

#endif

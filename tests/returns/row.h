/* What the rows share: figures of the process, memory that no allocator holds, random numbers, threads.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_ROW_H
#define ROOST_TESTS_ROW_H

#include "../support/check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* A row: measures, prints its figures, and holds them against the bounds. */
typedef struct row {
    const char *name;
    void (*measure)(void);
    const char *what;
} row;

extern const row rows_small[]; /* ended by a row without a name, as are the others */
extern const row rows_large[];
extern const row rows_load[];

extern uint64_t row_seed;
extern size_t row_share; /* per cent of the amounts of memory: less for a quick look */

/* Print `name`: a figure, and what it must not be above (a negative bound: no bound). */
void row_figure(const char *name, double value, double bound);
/* The same for one that must not be below. */
void row_at_least(const char *name, double value, double bound);

size_t row_resident(void); /* bytes, exact */
size_t row_peak(void);     /* bytes; since the process began */
long row_faults(void);     /* page faults that needed no disk, so far */
double row_cpu_ms(void);

/* Wait until the resident memory is at most `bytes`, for `ms` at most; what it is then. Nothing of the allocator is called. */
size_t row_wait_resident(size_t bytes, long ms);
void row_sleep_ms(long ms);

/* Memory of the system's, which reads as zero. */
void *row_map(size_t bytes);
void row_unmap(void *memory, size_t bytes);

/* Write each OS page of a block. */
void row_touch(void *block, size_t bytes);

uint64_t row_random(uint64_t *state); /* splitmix64, by Sebastiano Vigna */
size_t row_below(uint64_t *state, size_t n);
/* Between `least` and `most`, each doubling as likely as another. */
size_t row_log_uniform(uint64_t *state, size_t least, size_t most);

pthread_t row_thread(void *(*body)(void *), void *argument);

#endif

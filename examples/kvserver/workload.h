/* kvserver: what the load generator stores: sizes, contents and their check, and a latency histogram.
 *
 * A value is fixed by (key, version): its first 8 bytes say which, the others are a piece of one random
 * pattern that begins where (key, version) says. So values are sent without being generated, and every
 * byte that comes back is checked by memcmp. Sizes follow a bounded Pareto distribution, 16 bytes to
 * 1 MiB: half are below 45 bytes, one in a thousand above 300 KiB, the mean is about 1 KiB.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KV_WORKLOAD_H
#define KV_WORKLOAD_H

#include "kv.h"

enum { STAMP_SIZE = 8, KEY_SIZE = 12 };

struct stamp {
    uint32_t key, version;
};

struct workload;

/** @return NULL when out of memory. */
struct workload *workload_new(uint64_t seed);
void workload_delete(struct workload *workload);

/** The size of the value of (key, version). */
size_t workload_value_size(const struct workload *workload, struct stamp stamp);

/** Bytes of that value as if it were all pattern: valid from byte STAMP_SIZE on. */
const char *workload_value(const struct workload *workload, struct stamp stamp);

/** Write the text of a key, KEY_SIZE bytes. */
void workload_key(char *to, uint32_t key);

/** Next number of the generator whose state is *state. */
uint64_t random_next(uint64_t *state);

/* Latencies in nanoseconds, in buckets of which 32 make an octave: at most 3 % wide. */
enum { HISTOGRAM_BUCKETS = 64 * 32 };

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);

/** The latency, in microseconds, that `share` (0..1) of the values do not exceed; 0 when there are none. */
double histogram_quantile(const struct histogram *histogram, double share);

#endif

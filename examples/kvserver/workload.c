/* kvserver: sizes, contents and latencies of the load (see workload.h).
 * SPDX-License-Identifier: MIT */
#include "workload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BITS = 12, STEPS = 1 << STEPS_BITS, PIECES = 4096, OCTAVE_BITS = 5, OCTAVE = 1 << OCTAVE_BITS };

static const double pareto_shape = 0.7;

struct workload {
    uint64_t seed;
    uint32_t quantiles[STEPS + 1]; /* of the size distribution */
    char pattern[KV_VALUE_MAX + PIECES];
};

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct workload *workload_new(uint64_t seed)
{
    struct workload *workload = malloc(sizeof *workload);
    if (!workload)
        return NULL;
    workload->seed = seed;
    const double cut = 1 - pow((double)KV_VALUE_MIN / KV_VALUE_MAX, pareto_shape);
    for (int i = 0; i <= STEPS; i++) {
        double size = KV_VALUE_MIN / pow(1 - cut * i / STEPS, 1 / pareto_shape);
        workload->quantiles[i] = size < KV_VALUE_MAX ? (uint32_t)size : KV_VALUE_MAX;
    }
    for (size_t i = 0; i < sizeof workload->pattern; i += sizeof(uint64_t)) {
        uint64_t word = random_next(&seed);
        memcpy(workload->pattern + i, &word, sizeof word);
    }
    return workload;
}

void workload_delete(struct workload *workload)
{
    free(workload);
}

static uint64_t hash_stamp(const struct workload *workload, struct stamp stamp)
{
    uint64_t state = workload->seed ^ ((uint64_t)stamp.key << 32 | stamp.version);
    return random_next(&state);
}

size_t workload_value_size(const struct workload *workload, struct stamp stamp)
{
    uint64_t hash = hash_stamp(workload, stamp);
    size_t step = hash & (STEPS - 1);
    uint64_t within = hash >> STEPS_BITS & 0xffff;
    uint64_t low = workload->quantiles[step], high = workload->quantiles[step + 1];
    return low + ((high - low) * within >> 16);
}

const char *workload_value(const struct workload *workload, struct stamp stamp)
{
    return workload->pattern + (hash_stamp(workload, stamp) >> 32) % PIECES;
}

void workload_key(char *to, uint32_t key)
{
    memcpy(to, "key:", 4);
    for (int i = KEY_SIZE - 1; i >= 4; i--) {
        to[i] = (char)('0' + key % 10);
        key /= 10;
    }
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds)
{
    unsigned bucket = (unsigned)nanoseconds;
    if (nanoseconds >= OCTAVE) {
        unsigned octave = 63 - (unsigned)__builtin_clzll(nanoseconds) - OCTAVE_BITS;
        bucket = octave * OCTAVE + (unsigned)(nanoseconds >> octave);
    }
    histogram->counts[bucket]++;
    histogram->total++;
}

/* The upper end of a bucket: the inverse of the above. */
static double bucket_end(unsigned bucket)
{
    if (bucket < 2 * OCTAVE)
        return bucket + 1.0;
    unsigned octave = bucket / OCTAVE - 1;
    return ldexp((double)(bucket - octave * OCTAVE) + 1, (int)octave);
}

double histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->total);
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen >= wanted && seen > 0)
            return bucket_end(bucket) / 1000;
    }
    return 0;
}

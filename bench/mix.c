/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Sizes of blocks as programs ask for them. A mix is a table of 4,096 equally likely sizes, so that choosing one costs a load.
 *
 *   small     16 to 1023 bytes, each power of two equally likely: no trace, a plain first guess
 *   etc       what a cache server holds: half keys, half values of Facebook's memcached pool ETC. Atikoglu, Xu, Frachtenberg,
 *             Jiang, Paleczny, "Workload Analysis of a Large-Scale Key-Value Store", SIGMETRICS 2012, section 5: keys by a generalized
 *             extreme value distribution (30.7984, 8.20449, 0.078688), values by a generalized Pareto (0, 214.476, 0.348238).
 *             The paper's extra table for values below 15 bytes is left out: no allocator tells those apart.
 *   zippydb   half keys of 48 bytes, half values by a generalized Pareto (0, 25.45, 0.2615): the published model of Cao, Dong, Vemuri, Du,
 *             "Characterizing, Modeling, and Benchmarking RocksDB Key-Value Workloads at Facebook", FAST 2020, section 7
 *             (db_bench's mixgraph has the same numbers).
 */
#include "bench.h"

#include <math.h>

enum { TABLE = 4096, MOST = 65536 };

const char *const bench_mix_names[BENCH_MIX_COUNT] = {"small", "etc", "zippydb"};
static uint32_t sizes[BENCH_MIX_COUNT][TABLE];

/* The value that a share p (0 < p < 1) of all lies below. */
static double pareto(double p, double scale, double shape)
{
    return scale * (pow(1 - p, -shape) - 1) / shape;
}

static double extreme_value(double p, double location, double scale, double shape)
{
    return location + scale * (pow(-log(p), -shape) - 1) / shape;
}

static uint32_t bytes(double size)
{
    return size < 1 ? 1 : size > MOST ? MOST : (uint32_t)size;
}

void bench_mix_prepare(void)
{
    for (unsigned i = 0; i < TABLE / 2; i++) {
        double p = (i + 0.5) / (TABLE / 2);
        sizes[BENCH_MIX_ETC][2 * i] = bytes(extreme_value(p, 30.7984, 8.20449, 0.078688));
        sizes[BENCH_MIX_ETC][2 * i + 1] = bytes(pareto(p, 214.476, 0.348238));
        sizes[BENCH_MIX_ZIPPYDB][2 * i] = 48;
        sizes[BENCH_MIX_ZIPPYDB][2 * i + 1] = bytes(pareto(p, 25.45, 0.2615));
    }
}

size_t bench_mix(unsigned mix, uint64_t random)
{
    if (mix == BENCH_MIX_SMALL) {
        size_t low = (size_t)16 << ((random >> 32) % 6);
        return low + (size_t)((random >> 40) & (low - 1));
    }
    return sizes[mix][random >> 52];
}

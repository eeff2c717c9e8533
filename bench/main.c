/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * roost_bench: the command line. Names the benchmarks, registers them, leaves the rest to Google Benchmark.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What runs when nothing is named: sizes, orders, live sets, threads. */
static const char *const all[] = {
    "pair:size=16",
    "pair:size=64",
    "pair:size=256",
    "pair:size=1024",
    "pair:size=8192",
    "pair:size=65536:ops=2000000",
    "pair:size=64:threads=2",
    "batch-lifo",
    "batch-fifo",
    "batch-random",
    "batch-random:size=64",
    "batch-random:size=1024",
    "batch-random:live=100000",
    "live",
    "live:live=100000",
    "live:live=10000000:size=64",
    "live:mix=etc:live=100000",
    "live:mix=zippydb:live=100000",
    "realloc-grow",
    "realloc-append",
    "calloc",
    "calloc:size=32768:live=8:ops=500000",
    "aligned",
    "large",
    "xmalloc:threads=1",
    "xmalloc:threads=2",
    "xmalloc:threads=4",
    "xmalloc:threads=1:consumers=4",
    "xmalloc:threads=4:consumers=1",
    "xmalloc:mix=etc:threads=2",
    "larson:threads=1",
    "larson:threads=2",
    "larson:threads=4",
    "larson:threads=8",
    "thread-exit:threads=2",
};
enum { ALL_COUNT = sizeof all / sizeof all[0] };

static const char usage_text[] =
    "usage: roost_bench [--scale=F] [--benchmark_OPTION=VALUE]... [KERNEL[:OPTION=VALUE]...]...\n"
    "Runs the benchmarks named, or all of --list, each on the allocator that is preloaded:\n"
    "    LD_PRELOAD=/path/lib.so roost_bench pair:size=64 xmalloc:threads=2:consumers=6\n"
    "  --list     the benchmarks that run when none is named\n"
    "  --scale=F  do F times the usual work, 0.0001 to 1000; 0: as much as fills --benchmark_min_time\n"
    "  --benchmark_filter=REGEX, --benchmark_repetitions=N, --benchmark_format=json, ...: see Google Benchmark\n"
    "options of a kernel:\n"
    "  threads    workers; of xmalloc, producers\n"
    "  consumers  of xmalloc (as many as threads)\n"
    "  ops        operations of each worker\n"
    "  size       bytes of a block; 0: by the mix\n"
    "  mix        small (16 to 1023 bytes), etc, zippydb: sizes of published traces, see docs/benchmarks.md\n"
    "  live       blocks held at once by each worker\n"
    "kernels, with what they do when nothing else is said:\n";

static void list_kernels(const struct bench_kernel *k, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("  %-14s %s\n", k[i].name, k[i].help);
}

static int usage(void)
{
    fputs(usage_text, stdout);
    list_kernels(bench_loops, bench_loops_count);
    list_kernels(bench_threads, bench_threads_count);
    return 0;
}

/* --- a spec --------------------------------------------------------------------------------------------------------------------- */

static const struct bench_kernel *find_kernel(const char *name, size_t length)
{
    for (size_t i = 0; i < bench_loops_count + bench_threads_count; i++) {
        const struct bench_kernel *k = i < bench_loops_count ? &bench_loops[i] : &bench_threads[i - bench_loops_count];
        if (strlen(k->name) == length && memcmp(k->name, name, length) == 0)
            return k;
    }
    return NULL;
}

static bool parse_mix(const char *value, size_t length, unsigned *mix)
{
    for (unsigned m = 0; m < BENCH_MIX_COUNT; m++) {
        if (strlen(bench_mix_names[m]) == length && memcmp(bench_mix_names[m], value, length) == 0) {
            *mix = m;
            return true;
        }
    }
    return false;
}

/* A whole number from `least` to `most`, all of `length` characters. */
static bool parse_number(const char *text, size_t length, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return length != 0 && *text >= '0' && *text <= '9' && end == text + length && errno == 0 && *number >= least &&
           *number <= most;
}

/* One OPTION=VALUE of `length` characters. */
static bool parse_option(const char *text, size_t length, struct bench_run *run)
{
    const char *equals = memchr(text, '=', length);
    if (equals == NULL)
        return false;
    const char *value = equals + 1;
    size_t key = (size_t)(equals - text), left = length - key - 1;
    uint64_t n;
#define IS(name) (key == sizeof(name) - 1 && memcmp(text, name, key) == 0)
    if (IS("mix"))
        return parse_mix(value, left, &run->mix);
    if (IS("ops"))
        return parse_number(value, left, 1, UINT64_C(1) << 50, &run->ops);
    if (IS("threads") && parse_number(value, left, 1, BENCH_MAX_THREADS, &n))
        run->threads = (unsigned)n;
    else if (IS("consumers") && run->kernel->consumers && parse_number(value, left, 1, BENCH_MAX_THREADS, &n))
        run->consumers = (unsigned)n;
    else if (IS("size") && parse_number(value, left, 0, UINT64_C(1) << 40, &n))
        run->size = (size_t)n;
    else if (IS("live") && parse_number(value, left, 1, UINT32_MAX, &n))
        run->live = (size_t)n;
    else
        return false;
#undef IS
    return true;
}

bool bench_parse(const char *spec, struct bench_run *run)
{
    size_t length = strcspn(spec, ":");
    const struct bench_kernel *kernel = find_kernel(spec, length);
    if (kernel == NULL) {
        fprintf(stderr, "roost_bench: no kernel '%.*s' (see --help)\n", (int)length, spec);
        return false;
    }
    *run = kernel->defaults;
    run->kernel = kernel;
    run->consumers = 0;
    for (const char *at = spec + length; *at != '\0'; at += length) {
        at++;
        length = strcspn(at, ":");
        if (!parse_option(at, length, run)) {
            fprintf(stderr, "roost_bench: %s: '%.*s' is not an option with a value that fits (see --help)\n", spec,
                    (int)length, at);
            return false;
        }
    }
    if (kernel->consumers && run->consumers == 0)
        run->consumers = run->threads;
    return true;
}

/* --- registration ----------------------------------------------------------------------------------------------------------------- */

/* Runs outlive main's frame; their number is bounded by the command line. */
static bool register_spec(const char *spec, double scale, struct bench_run *run)
{
    if (!bench_parse(spec, run))
        return false;
    uint64_t each = run->kernel->ops_each != NULL ? run->kernel->ops_each(run) : BENCH_CHUNK;
    uint64_t passes = 0;
    if (scale > 0) {
        double wanted = (double)run->ops * scale / (double)(each != 0 ? each : 1);
        passes = wanted < 1 ? 1 : (uint64_t)wanted;
    }
    gb_register(spec, run->kernel->work, run, run->threads + run->consumers, passes);
    return true;
}

static bool parse_scale(const char *text, double *scale)
{
    char *end;
    *scale = strtod(text, &end);
    if (end != text && *end == '\0' && (*scale == 0 || (*scale >= 0.0001 && *scale <= 1000)))
        return true;
    fprintf(stderr, "roost_bench: --scale wants 0, or a number from 0.0001 to 1000, not '%s'\n", text);
    return false;
}

static int list(void)
{
    for (size_t i = 0; i < ALL_COUNT; i++)
        puts(all[i]);
    return 0;
}

int main(int argc, char **argv)
{
    double scale = 1;
    int specs = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage();
        if (strcmp(argv[i], "--list") == 0)
            return list();
    }
    gb_initialize(&argc, argv);
    bench_mix_prepare();
    struct bench_run *runs = bench_array((size_t)argc + ALL_COUNT, sizeof *runs);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--scale=", 8) == 0) {
            if (!parse_scale(argv[i] + 8, &scale))
                return 2;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "roost_bench: no option '%s' (see --help)\n", argv[i]);
            return 2;
        }
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' && !register_spec(argv[i], scale, &runs[specs++]))
            return 2;
    }
    for (size_t i = 0; specs == 0 && i < ALL_COUNT; i++) {
        if (!register_spec(all[i], scale, &runs[i]))
            return 2;
    }
    return gb_run() ? 0 : 1;
}

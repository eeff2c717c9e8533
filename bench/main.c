/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * roost_bench: the command line, the threads and the measuring. Prints one line per run:
 *     name value unit peak_rss_kib minor_faults
 * Peak RSS is VmHWM, since ru_maxrss of a spawned program starts at its parent's. The clock runs
 * from the first worker's start to the last one's stop; filling a live set is outside of it.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 1024 };

struct bench_run {
    pthread_barrier_t ready;
    const struct bench_kernel *kernel;
};

uint64_t bench_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

_Noreturn void bench_die(const char *what) {
    fprintf(stderr, "roost_bench: %s\n", what);
    _Exit(1);
}

void *bench_array(size_t count, size_t size) {
    void *p = mmap(NULL, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) bench_die("cannot map an array");
    return p;
}

void bench_array_free(void *array, size_t count, size_t size) { munmap(array, count * size); }

void bench_start(struct bench_worker *w) {
    pthread_barrier_wait(&w->run->ready);
    w->start_ns = bench_now_ns();
}

void bench_stop(struct bench_worker *w, uint64_t ops) {
    w->stop_ns = bench_now_ns();
    w->ops = ops;
}

bool bench_more(const struct bench_worker *w, uint64_t done) {
    if (w->args->ops != 0) return done < w->args->ops;
    return (double)(bench_now_ns() - w->start_ns) < w->args->seconds * 1e9;
}

/* Read without stdio: the allocator under test shall not see the measuring. */
static long peak_rss_kib(void) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *line = strstr(text, "VmHWM:");
        if (line != NULL) return strtol(line + 6, NULL, 10);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static long minor_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void *worker_main(void *arg) {
    struct bench_worker *w = arg;
    w->run->kernel->work(w);
    return NULL;
}

/* A lone worker runs in the main thread, as a program without threads does: glibc, for one, is
 * faster there. */
static void run_workers(struct bench_worker *workers, unsigned count) {
    if (count == 1) {
        worker_main(&workers[0]);
        return;
    }
    static pthread_t ids[MAX_THREADS];
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&ids[i], NULL, worker_main, &workers[i]) != 0) {
            bench_die("cannot start a thread");
        }
    }
    for (unsigned i = 0; i < count; i++) pthread_join(ids[i], NULL);
}

static void print_result(const struct bench_kernel *k, const struct bench_worker *workers,
                         unsigned count, long faults, long rss) {
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    uint64_t ops = 0;
    unsigned busy = 0;
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].start_ns < first) first = workers[i].start_ns;
        if (workers[i].stop_ns > last) last = workers[i].stop_ns;
        ops += workers[i].ops;
        if (workers[i].ops != 0) busy++;
    }
    double ns = (double)(last - first);
    if (ops == 0 || ns <= 0) bench_die("nothing was measured");
    if (k->rate) {
        printf("%s %.4f Mop/s %ld %ld\n", k->name, (double)ops * 1e3 / ns, rss, faults);
    } else {
        printf("%s %.4f ns/op %ld %ld\n", k->name, ns * busy / (double)ops, rss, faults);
    }
}

static int run_kernel(const struct bench_kernel *k, const struct bench_args *args) {
    static struct bench_run run;
    unsigned count = args->threads * k->roles;
    if (count == 0 || count > MAX_THREADS) bench_die("--threads is out of range");
    if (k->setup != NULL && !k->setup(args)) return 2;
    struct bench_worker *workers = bench_array(count, sizeof *workers);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct bench_worker){.args = args, .run = &run, .index = i};
        workers[i].rng = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    }
    run.kernel = k;
    pthread_barrier_init(&run.ready, NULL, count);
    long faults = minor_faults();
    run_workers(workers, count);
    faults = minor_faults() - faults;
    print_result(k, workers, count, faults, peak_rss_kib());
    pthread_barrier_destroy(&run.ready);
    bench_array_free(workers, count, sizeof *workers);
    return 0;
}

static const struct bench_kernel *find_kernel(const char *name) {
    for (size_t i = 0; i < bench_loops_count; i++) {
        if (strcmp(bench_loops[i].name, name) == 0) return &bench_loops[i];
    }
    for (size_t i = 0; i < bench_threads_count; i++) {
        if (strcmp(bench_threads[i].name, name) == 0) return &bench_threads[i];
    }
    return NULL;
}

static void list_kernels(const struct bench_kernel *k, size_t count) {
    for (size_t i = 0; i < count; i++) printf("  %-13s %s\n", k[i].name, k[i].help);
}

static int usage(FILE *out, int status) {
    fprintf(out,
            "usage: roost_bench KERNEL [--threads N] [--seconds S | --ops N] [--size BYTES] [--live N]\n"
            "       roost_bench exec [--preload LIB] [--label NAME] -- PROGRAM ARGS\n"
            "Prints one line: name value unit peak_rss_kib minor_faults\n"
            "  --threads N   workers (default 1)\n"
            "  --ops N       operations of each worker; --seconds S: run for S seconds instead\n"
            "  --size BYTES  of a block (0: a mix of 16 to 1023 bytes, small ones most often)\n"
            "  --live N      blocks held at once by each worker\n"
            "Preload any allocator: LD_PRELOAD=/path/lib.so roost_bench pair --size 64\n"
            "kernels:\n");
    if (out == stdout) {
        list_kernels(bench_loops, bench_loops_count);
        list_kernels(bench_threads, bench_threads_count);
    }
    return status;
}

/* A whole non-negative number, or the end of the program. */
static double number(const char *option, const char *text) {
    char *end = NULL;
    double value = text != NULL ? strtod(text, &end) : -1;
    if (text == NULL || end == text || *end != '\0' || !(value >= 0 && value < 1e15)) {
        fprintf(stderr, "roost_bench: %s wants a number that is not negative\n", option);
        _Exit(2);
    }
    return value;
}

static int main_exec(int argc, char **argv) {
    const char *preload = NULL;
    const char *label = NULL;
    int i = 2;
    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--preload") == 0) {
            preload = argv[i + 1];
        } else if (strcmp(argv[i], "--label") == 0) {
            label = argv[i + 1];
        } else {
            return usage(stderr, 2);
        }
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0) return usage(stderr, 2);
    return bench_exec(preload, label != NULL ? label : argv[i + 1], argv + i + 1);
}

int main(int argc, char **argv) {
    if (argc < 2) return usage(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return usage(stdout, 0);
    if (strcmp(argv[1], "exec") == 0) return main_exec(argc, argv);
    const struct bench_kernel *k = find_kernel(argv[1]);
    if (k == NULL) {
        fprintf(stderr, "roost_bench: no kernel '%s' (see --help)\n", argv[1]);
        return 2;
    }
    struct bench_args args = k->defaults;
    for (int i = 2; i < argc; i += 2) {
        double value = number(argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (strcmp(argv[i], "--threads") == 0) {
            args.threads = value < MAX_THREADS ? (unsigned)value : MAX_THREADS + 1;
        } else if (strcmp(argv[i], "--ops") == 0) {
            args.ops = (uint64_t)value;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            args.seconds = value;
            args.ops = 0;
        } else if (strcmp(argv[i], "--size") == 0) {
            args.size = (size_t)value;
        } else if (strcmp(argv[i], "--live") == 0) {
            args.live = (size_t)value;
        } else {
            return usage(stderr, 2);
        }
    }
    if (args.live == 0 || (args.ops == 0 && args.seconds <= 0)) {
        bench_die("--live and one of --ops and --seconds must be above 0");
    }
    return run_kernel(k, &args);
}

/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * roost_footprint: what an allocator costs in memory where hardly anything is allocated, or little is left. Each mode prints lines
 * `figure value`. It links no allocator; whichever is preloaded is measured. Everything is read without stdio before it is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 4096, SECOND_SIZE = 48 * 1024 };

extern char **environ;

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "roost_footprint: %s\n", what);
    _Exit(1);
}

static long rss_kib(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n <= 0)
        die("cannot read /proc/self/status");
    close(fd);
    text[n] = '\0';
    const char *line = strstr(text, "VmRSS:");
    return line != NULL ? strtol(line + 6, NULL, 10) : 0;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void *block_of(size_t size)
{
    char *p = malloc(size);
    if (p == NULL)
        die("out of memory");
    for (size_t i = 0; i < size; i += 4096)
        p[i] = 1;
    p[size - 1] = 1;
    return p;
}

/* --- hello: the smallest program that allocates -------------------------------------------------------------------------------- */

static int hello(void)
{
    char *text = block_of(64);
    memcpy(text, "rss_kib", 8);
    long rss = rss_kib();
    printf("%s %ld\n", text, rss);
    free(text);
    return 0;
}

/* --- start: how long a process takes from spawn to its end ------------------------------------------------------------------------ */

static uint64_t start_once(char *self, char **environment)
{
    char *argv[] = {self, "hello", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    uint64_t start = now_ns();
    if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environment) != 0)
        die("cannot start a process");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    uint64_t ns = now_ns() - start;
    if (status != 0)
        die("a process that was started failed");
    posix_spawn_file_actions_destroy(&actions);
    return ns;
}

/* The library goes into the child alone: to start a process is cheaper for a small parent. */
static int start(char *self, unsigned long count, char *library)
{
    uint64_t best = UINT64_MAX;
    if (*library != '\0' && setenv("LD_PRELOAD", library, 1) != 0)
        die("cannot set LD_PRELOAD");
    for (unsigned long i = 0; i < count; i++) {
        uint64_t ns = start_once(self, environ);
        if (ns < best)
            best = ns;
    }
    printf("best_us %.0f\n", (double)best / 1e3);
    return 0;
}

/* --- threads: what one that has allocated a little and sleeps keeps ---------------------------------------------------------------- */

static pthread_barrier_t all_idle, may_end;

static void *idle_thread(void *unused)
{
    (void)unused;
    void *kept = block_of(100), *other = block_of(1000);
    free(other);
    pthread_barrier_wait(&all_idle);
    pthread_barrier_wait(&may_end);
    free(kept);
    return NULL;
}

static int threads(unsigned long count)
{
    static pthread_t ids[MOST_THREADS];
    if (count == 0 || count > MOST_THREADS)
        die("threads: from 1 to 4096");
    free(block_of(100));
    pthread_barrier_init(&all_idle, NULL, (unsigned)count + 1);
    pthread_barrier_init(&may_end, NULL, (unsigned)count + 1);
    long before = rss_kib();
    for (unsigned long i = 0; i < count; i++) {
        if (pthread_create(&ids[i], NULL, idle_thread, NULL) != 0)
            die("cannot start a thread");
    }
    pthread_barrier_wait(&all_idle);
    long after = rss_kib();
    pthread_barrier_wait(&may_end);
    for (unsigned long i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
    printf("thread_kib %.1f\n", (double)(after - before) / (double)count);
    return 0;
}

/* --- holes: mixed sizes, nine of ten freed at random, then blocks that do not fit the holes ---------------------------------------- */

static uint64_t rng = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t next_random(void)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return rng * UINT64_C(2685821657736338717);
}

/* 16 bytes to 16 KiB, each power of two equally likely. */
static size_t mixed_size(void)
{
    uint64_t random = next_random();
    size_t low = (size_t)16 << ((random >> 32) % 10);
    return low + (size_t)((random >> 40) & (low - 1));
}

static void *array(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("cannot map an array");
    return p;
}

/* Fill, then free nine of ten. Returns the bytes that live on. */
static size_t make_holes(size_t total, void **block)
{
    size_t live = 0, held = 0;
    for (size_t count = 0; held < total; count++) {
        size_t size = mixed_size();
        block[count] = block_of(size);
        held += size;
        if (next_random() >> 32 < UINT32_MAX / 10) {
            live += size;
            block[count] = (void *)((uintptr_t)block[count] | 1); /* marked: stays */
        }
    }
    for (size_t i = 0; block[i] != NULL; i++) {
        if (((uintptr_t)block[i] & 1) == 0)
            free(block[i]);
    }
    return live;
}

static int holes(unsigned long mib)
{
    if (mib == 0 || mib > 65536)
        die("holes: from 1 to 65536 MiB");
    size_t total = (size_t)mib << 20;
    void **block = array((total / 16 + 1) * sizeof *block);
    long own = rss_kib();
    size_t live = make_holes(total, block);
    size_t count = 0;
    while (block[count] != NULL)
        count++;
    own += (long)(count * sizeof *block / 1024); /* the array itself */
    sleep(2);                                    /* an allocator that gives memory back by time may do so */
    free(block_of(64));
    long after_free = rss_kib() - own;
    size_t second = total / 2;
    for (size_t held = 0; held < second; held += SECOND_SIZE)
        block_of(SECOND_SIZE);
    long after_second = rss_kib() - own;
    printf("live_mib %.1f\nfreed_mib %.1f\nrefilled_mib %.1f\n", (double)live / 1048576, (double)after_free / 1024,
           (double)after_second / 1024);
    return 0;
}

static int usage(FILE *out, int status)
{
    fputs("usage: roost_footprint hello               rss_kib of a program that has allocated 64 bytes\n"
          "       roost_footprint start COUNT LIB     best_us from spawn to end of `hello` on LIB ('': none)\n"
          "       roost_footprint threads COUNT       thread_kib of resident memory for each thread that sleeps\n"
          "       roost_footprint holes MIB           live_mib, and resident MiB: freed_mib after nine of ten of mixed "
          "blocks are\n"
          "                                           freed at random, refilled_mib after half as much in blocks of 48 "
          "KiB\n",
          out);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "hello") == 0)
        return hello();
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout, 0);
    char *end = NULL;
    unsigned long number = argc > 2 ? strtoul(argv[2], &end, 10) : 0;
    if (argc < 3 || *argv[2] < '0' || *argv[2] > '9' || *end != '\0')
        return usage(stderr, 2);
    if (argc == 4 && strcmp(argv[1], "start") == 0 && number > 0)
        return start(argv[0], number, argv[3]);
    if (argc == 3 && strcmp(argv[1], "threads") == 0)
        return threads(number);
    if (argc == 3 && strcmp(argv[1], "holes") == 0)
        return holes(number);
    return usage(stderr, 2);
}

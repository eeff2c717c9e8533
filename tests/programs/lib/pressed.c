/* Programs for pressure.sh and pressure_stall.sh, without roost's interface but for a look at one figure.
 *
 *   pressed phases MIB               ten phases of so many live MiB, each of blocks of another size
 *   pressed churn THREADS ROUNDS     100 MiB stay live; rounds that leave 60 MiB idle in single slices, where the large blocks that follow
 *                                    find no room
 *   pressed replace OPERATIONS       100 MiB stay live in blocks of 16 bytes to 256 KiB, and one after the other is replaced by one of another size
 *   pressed stall SECONDS            idle memory, and a wait for the kernel to tell of a stall: says how long after that it was gone.
 *                                    77: no stall was told of in that time
 *   pressed thrash FILE SECONDS      reads all over a file that does not fit into the memory there is: makes such stalls
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "roost/stats.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, SKIPPED = 77 };

static void *take(size_t size)
{
    void *block = malloc(size);
    if (block == NULL) {
        puts("no memory");
        exit(1);
    }
    memset(block, 1, size);
    return block;
}

static int phases(size_t live)
{
    static const size_t sizes[] = {64, 1000, 48, 8000, 300, 65536, 150, 200000, 96, 3000};
    for (size_t p = 0; p < sizeof sizes / sizeof sizes[0]; p++) {
        size_t count = live / sizes[p];
        void **blocks = take(count * sizeof *blocks);
        for (size_t i = 0; i < count; i++)
            blocks[i] = take(sizes[p]);
        for (size_t i = 0; i < count; i++)
            free(blocks[i]);
        free(blocks);
    }
    return 0;
}

/* A thread that has allocated, and sleeps. */
static sem_t attached;

static void *sleeper(void *unused)
{
    free(take(100));
    sem_post(&attached);
    for (;;)
        pause();
    return unused;
}

static void start_sleeper(void)
{
    pthread_t thread;
    if (sem_init(&attached, 0, 0) != 0 || pthread_create(&thread, NULL, sleeper, NULL) != 0)
        exit(1);
    while (sem_wait(&attached) != 0) {
    }
}

enum { SMALL = 4096, KEPT = 16 /* blocks: a slice */, SMALLS = 120 * MIB / SMALL, LARGE = MIB, LARGES = 60 };

static void churn_round(void)
{
    static void *small[SMALLS], *large[LARGES];
    for (int i = 0; i < SMALLS; i++)
        small[i] = take(SMALL);
    for (int i = 0; i < SMALLS; i++) {
        if (i / KEPT % 2 == 0)
            free(small[i]);
    }
    for (int i = 0; i < LARGES; i++)
        large[i] = take(LARGE);
    for (int i = 0; i < LARGES; i++)
        free(large[i]);
    for (int i = 0; i < SMALLS; i++) {
        if (i / KEPT % 2 != 0)
            free(small[i]);
    }
}

static int churn(int threads, int rounds)
{
    struct timespec begin, end;
    static void *live[100];
    if (threads > 1)
        start_sleeper();
    for (int i = 0; i < 100; i++)
        live[i] = take(MIB);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < rounds; i++)
        churn_round();
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (int i = 0; i < 100; i++)
        free(live[i]);
    fprintf(stderr, "%ld ms\n", (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
    return 0;
}

static unsigned long long random_state = 1;

static size_t random_size(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    unsigned long long x = random_state >> 33;
    return ((size_t)16 << x % 14) + (x >> 8) % ((size_t)16 << x % 14);
}

static int replace(long operations)
{
    enum { PLACES = 8192, BYTES = 100 * MIB };
    static void *block[PLACES];
    static size_t size[PLACES];
    size_t live = 0;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < operations; i++) {
        size_t wanted = random_size();
        size_t at = (random_state >> 20) % PLACES;
        free(block[at]);
        live -= size[at];
        block[at] = NULL;
        size[at] = 0;
        if (live + wanted > BYTES)
            continue;
        block[at] = take(wanted);
        size[at] = wanted;
        live += wanted;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (size_t at = 0; at < PLACES; at++)
        free(block[at]);
    fprintf(stderr, "%ld ms\n", (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
    return 0;
}

static size_t resident_pages(char *block, size_t size)
{
    static unsigned char present[64 * MIB / 4096];
    size_t found = 0, pages = size / (size_t)sysconf(_SC_PAGESIZE);
    if (mincore(block, size, present) != 0)
        exit(1);
    for (size_t i = 0; i < pages; i++)
        found += present[i] & 1u;
    return found;
}

/* The same triggers as the library's: the kernel fires all of one length together. */
static int open_trigger(void)
{
    static const char *const triggers[] = {"some 100000 1000000", "some 200000 2000000"};
    int fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    for (int i = 0; i < 2 && fd >= 0; i++) {
        if (write(fd, triggers[i], strlen(triggers[i]) + 1) > 0)
            return fd;
    }
    return -1;
}

/* A pass that gives memory back is counted when it is done, a moment after the memory was seen to be gone; there may have been one before,
 * which found less. */
static void wait_until_counted(size_t bytes)
{
    int (*read_figures)(roost_stats *) = (int (*)(roost_stats *))dlsym(RTLD_DEFAULT, "roost_stats_read");
    const struct timespec moment = {.tv_nsec = 5000000};
    roost_stats figures = ROOST_STATS_INIT;
    for (int i = 0; read_figures != NULL && i < 6000; i++, nanosleep(&moment, NULL)) {
        if (read_figures(&figures) != 0 || figures.pressure_purged >= bytes)
            return;
    }
}

static int stall(int seconds)
{
    start_sleeper();
    void *live = take(16 * MIB);
    char *block = take(32 * MIB);
    free(block);
    struct pollfd trigger = {.fd = open_trigger(), .events = POLLPRI};
    if (trigger.fd < 0 || poll(&trigger, 1, seconds * 1000) <= 0 || (trigger.revents & POLLPRI) == 0) {
        puts("the kernel told of no stall");
        return SKIPPED;
    }
    long ms = 0;
    const struct timespec moment = {.tv_nsec = 5000000};
    for (; resident_pages(block, 32 * MIB) > MIB / 4096 && ms < 30000; ms += 5)
        nanosleep(&moment, NULL);
    wait_until_counted(30 * MIB);
    free(live);
    printf("gone %ld ms after the kernel told of a stall\n", ms);
    return ms < 30000 ? 0 : 1;
}

static int thrash(const char *path, int seconds)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    if (fd < 0 || size <= 0 ||
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) /* what is in memory is another group's */
        return 1;
    const volatile char *file = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED || madvise((void *)(size_t)file, (size_t)size, MADV_RANDOM) != 0)
        return 1;
    char sum = 0;
    time_t end = time(NULL) + seconds;
    while (time(NULL) < end) {
        random_size();
        sum = (char)(sum + file[(random_state >> 20) % (size_t)size]);
    }
    return 0 * sum;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "phases") == 0)
        return phases((size_t)atoi(argv[2]) * MIB);
    if (argc == 4 && strcmp(argv[1], "churn") == 0)
        return churn(atoi(argv[2]), atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "replace") == 0)
        return replace(atol(argv[2]));
    if (argc == 3 && strcmp(argv[1], "stall") == 0)
        return stall(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "thrash") == 0)
        return thrash(argv[2], atoi(argv[3]));
    return 2;
}

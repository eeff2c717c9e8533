/* Rows: threads at work. SPDX-License-Identifier: MIT */
#include "row.h"

#include <sched.h>

static size_t share(size_t bytes)
{
    return bytes * row_share / 100;
}

/* --- producer and consumer ------------------------------------------------------------------------------------------------------- */

enum { RING = 4096, PASSED = 3000000 };

static _Atomic(void *) ring[RING];

static void *produce(void *unused)
{
    uint64_t random = row_seed;
    for (size_t i = 0; i < PASSED; i++) {
        size_t size = row_log_uniform(&random, 16, 4 * KIB);
        void *block = malloc(size);
        CHECK(block != NULL);
        memset(block, 1, size);
        while (ring[i % RING] != NULL)
            sched_yield();
        ring[i % RING] = block;
    }
    return unused;
}

static void *consume(void *unused)
{
    for (size_t i = 0; i < PASSED; i++) {
        void *block;
        while ((block = ring[i % RING]) == NULL)
            sched_yield();
        ring[i % RING] = NULL;
        free(block);
    }
    return unused;
}

static void passing(void)
{
    pthread_t from = row_thread(produce, NULL), to = row_thread(consume, NULL);
    CHECK(pthread_join(from, NULL) == 0 && pthread_join(to, NULL) == 0);
    row_figure("peak RSS, MiB", (double)row_peak() / (double)MIB, 20);
}

/* --- a pool of threads with bursts of work --------------------------------------------------------------------------------------- */

enum { POOL = 8 };
static int burst_count;
static pthread_barrier_t burst;
static size_t burst_bytes;

static void *burst_thread(void *number)
{
    uint64_t random = row_seed + (uintptr_t)number;
    size_t room = burst_bytes / 64;
    void **block = row_map(room * sizeof *block);
    for (int i = 0; i < burst_count; i++) {
        pthread_barrier_wait(&burst);
        size_t count = 0;
        for (size_t got = 0; got < burst_bytes && count < room; count++) {
            size_t size = row_log_uniform(&random, 16, 8 * KIB);
            CHECK((block[count] = malloc(size)) != NULL);
            memset(block[count], 1, size);
            got += size;
        }
        for (size_t k = 0; k < count; k++)
            free(block[k]);
        pthread_barrier_wait(&burst);
    }
    return NULL;
}

static void bursts_of(int count, unsigned threads, size_t bytes, int pause_ms, double peak_bound, double mean_bound,
                      double faults_bound)
{
    pthread_t thread[POOL];
    double sum = 0;
    size_t looks = 0;
    CHECK(threads <= POOL && pthread_barrier_init(&burst, NULL, threads + 1) == 0);
    burst_count = count;
    burst_bytes = bytes;
    for (uintptr_t i = 0; i < threads; i++)
        thread[i] = row_thread(burst_thread, (void *)i);
    long faults = row_faults();
    for (int i = 0; i < burst_count; i++) {
        pthread_barrier_wait(&burst);
        pthread_barrier_wait(&burst);
        for (int ms = 0; ms < pause_ms; ms += 100, looks++) {
            row_sleep_ms(100);
            sum += (double)row_resident();
        }
    }
    for (unsigned i = 0; i < threads; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    row_figure("peak RSS, MiB", (double)row_peak() / (double)MIB, peak_bound);
    row_figure("mean RSS in the pauses, MiB", sum / (double)looks / (double)MIB, mean_bound);
    row_figure("page faults, thousands", (double)(row_faults() - faults) / 1000, faults_bound);
    row_figure("CPU, ms", row_cpu_ms(), -1);
}

static void pool(void)
{
    bursts_of(6, 8, share(13 * MIB), 1000, 125, 85,
              -1); /* 54 to 62 were seen; beside other work the pauses seem shorter */
}

static void bursts(void)
{
    bursts_of(20, 2, share(512 * MIB), 2000, 1200, 1080, 13); /* with transparent huge pages */
}

/* --- the same memory again and again --------------------------------------------------------------------------------------------- */

/* One thread; `count` rounds of 64 MiB, every 100 ms. */
static void again_of(size_t size)
{
    enum { ROUNDS = 20 };
    size_t count = share(64 * MIB) / size;
    void **block = row_map(count * sizeof *block);
    long before = row_faults();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            CHECK((block[i] = malloc(size)) != NULL);
            row_touch(block[i], size);
        }
        for (size_t i = 0; i < count; i++)
            free(block[i]);
        row_sleep_ms(100);
    }
    row_unmap(block, count * sizeof *block);
    char name[64];
    snprintf(name, sizeof name, "page faults of 20 x 64 MiB of %zu, thousands", size);
    row_figure(name, (double)(row_faults() - before) / 1000, 50);
}

static void again(void)
{
    again_of(512);
}

static void again_large(void)
{
    again_of(64 * MIB);
}

const row rows_load[] = {
    {"passing", passing, "a producer, a consumer, 4,096 blocks of 16 B to 4 KiB between them"},
    {"pool", pool, "8 threads with 13 MiB each in bursts, a second between them"},
    {"bursts", bursts, "all threads allocate 1 GiB together, free it, pause 2 s"},
    {"again", again, "64 MiB of 512 B allocated and freed every 100 ms"},
    {"again_large", again_large, "a block of 64 MiB allocated and freed every 100 ms"},
    {NULL, NULL, NULL},
};

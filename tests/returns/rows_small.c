/* Rows: small blocks that are freed, and who frees them. SPDX-License-Identifier: MIT */
#include "row.h"

#include <semaphore.h>

enum { SMALL = 512, THREADS = 200 };

static size_t share(size_t bytes)
{
    return bytes * row_share / 100;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        CHECK(errno == EINTR);
}

/* A row of blocks, held in memory that is no allocator's. */
typedef struct blocks {
    void **at;
    size_t count;
} blocks;

static blocks blocks_make(size_t count)
{
    return (blocks){.at = row_map(count * sizeof(void *)), .count = count};
}

static void blocks_drop(blocks *all)
{
    row_unmap(all->at, all->count * sizeof(void *));
}

/* Allocated and written. */
static void blocks_fill(const blocks *all, size_t size)
{
    for (size_t i = 0; i < all->count; i++) {
        CHECK((all->at[i] = malloc(size)) != NULL);
        memset(all->at[i], 1, size);
    }
}

static void blocks_free(const blocks *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->at[i]);
}

/* --- 256 MiB of 512 bytes -------------------------------------------------------------------------------------------------------- */

static void own(void)
{
    blocks all = blocks_make(share(256 * MIB) / SMALL);
    blocks_fill(&all, SMALL);
    void *volatile kept = malloc(SMALL); /* else one that uses brk could give back all at once */
    blocks_free(&all);
    blocks_drop(&all);
    row_figure("RSS within 3 s, MiB", (double)row_wait_resident(24 * MIB, 3000) / (double)MIB, 24);
    free(kept);
}

static sem_t filled, done;

static void *owner_sleeps(void *all)
{
    blocks_fill(all, SMALL);
    sem_post(&filled);
    wait_for(&done);
    return NULL;
}

static void other(void)
{
    CHECK(sem_init(&filled, 0, 0) == 0 && sem_init(&done, 0, 0) == 0);
    blocks all = blocks_make(share(256 * MIB) / SMALL);
    pthread_t owner = row_thread(owner_sleeps, &all);
    wait_for(&filled);
    blocks_free(&all);
    blocks_drop(&all);
    row_figure("RSS within 3 s, MiB", (double)row_wait_resident(24 * MIB, 3000) / (double)MIB, 24);
    sem_post(&done);
    CHECK(pthread_join(owner, NULL) == 0);
}

/* --- 2 GiB of small blocks ------------------------------------------------------------------------------------------------------- */

static blocks mixed_small(size_t bytes)
{
    uint64_t random = row_seed;
    blocks all = blocks_make(bytes / 256);
    size_t count = 0;
    for (size_t got = 0; got < bytes && count < all.count; count++) {
        size_t size = 16 + row_below(&random, 1009);
        CHECK((all.at[count] = malloc(size)) != NULL);
        memset(all.at[count], 1, size);
        got += size;
    }
    return all;
}

static void idle(void)
{
    blocks all = mixed_small(share(2048 * MIB));
    void *volatile kept = malloc(SMALL);
    blocks_free(&all);
    blocks_drop(&all);
    row_figure("RSS within 15 s, MiB", (double)row_wait_resident(48 * MIB, 15000) / (double)MIB, 48);
    free(kept);
}

/* --- 1 % survive ----------------------------------------------------------------------------------------------------------------- */

/* With `by_chance`, which ones and the order are random. */
static void survivors_of(size_t size, bool by_chance, double bound)
{
    char name[64];
    uint64_t random = row_seed;
    blocks all = blocks_make(share(2048 * MIB) / size);
    blocks_fill(&all, size);
    for (size_t i = 0; by_chance && i < all.count; i++) {
        size_t j = i + row_below(&random, all.count - i);
        void *block = all.at[i];
        all.at[i] = all.at[j];
        all.at[j] = block;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (i % 100 != 0)
            free(all.at[i]);
    }
    blocks_drop(&all);
    row_sleep_ms(5000);
    snprintf(name, sizeof name, "RSS after 5 s of %zu B, %s, MiB", size, by_chance ? "random" : "in order");
    row_figure(name, (double)row_resident() / (double)MIB, bound);
}

static void survivors64(void)
{
    survivors_of(64, false, -1);
}

static void survivors512(void)
{
    survivors_of(512, false, 2069); /* the most compact of the peers in docs/memory.md */
}

static void survivors512r(void)
{
    survivors_of(512, true, -1);
}

/* --- 200 threads ----------------------------------------------------------------------------------------------------------------- */

static blocks *of_threads;
static pthread_barrier_t all_full;
static bool free_own;

static void *thread_of_many(void *mine)
{
    blocks_fill(mine, SMALL);
    pthread_barrier_wait(&all_full);
    if (free_own)
        blocks_free(mine);
    return NULL;
}

static void many_threads(bool own_free, size_t bytes)
{
    pthread_t thread[THREADS];
    free_own = own_free;
    CHECK(pthread_barrier_init(&all_full, NULL, THREADS) == 0);
    of_threads = row_map(THREADS * sizeof *of_threads);
    for (size_t i = 0; i < THREADS; i++)
        of_threads[i] = blocks_make(share(bytes) / SMALL);
    for (size_t i = 0; i < THREADS; i++)
        thread[i] = row_thread(thread_of_many, &of_threads[i]);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        if (!own_free)
            blocks_free(&of_threads[i]);
        blocks_drop(&of_threads[i]);
    }
}

static void ended_own(void)
{
    many_threads(true, 256 * MIB / THREADS);
    row_figure("RSS within 3 s, MiB", (double)row_wait_resident(24 * MIB, 3000) / (double)MIB, 24);
}

static void ended_main(void)
{
    many_threads(false, 256 * MIB / THREADS);
    row_figure("RSS within 3 s, MiB", (double)row_wait_resident(24 * MIB, 3000) / (double)MIB, 24);
}

static void threads_own(void)
{
    many_threads(true, 10 * MIB);
    row_figure("RSS within 15 s, MiB", (double)row_wait_resident(48 * MIB, 15000) / (double)MIB, 48);
}

static void threads_main(void)
{
    many_threads(false, 10 * MIB);
    row_figure("RSS within 15 s, MiB", (double)row_wait_resident(48 * MIB, 15000) / (double)MIB, 48);
}

/* --- what is there when nothing is ----------------------------------------------------------------------------------------------- */

static void hello(void)
{
    puts("  hello, world");
    row_figure("RSS, KiB", (double)row_resident() / (double)KIB, 2048);
}

static void *idle_thread(void *unused)
{
    void *volatile block = malloc(100);
    free(block);
    pthread_barrier_wait(&all_full);
    pthread_barrier_wait(&all_full);
    return unused;
}

/* The least stack: what the thread itself touches of it is in the figure. */
static void threads_idle(void)
{
    enum { IDLE = 500 };
    pthread_t thread[IDLE];
    CHECK(pthread_barrier_init(&all_full, NULL, IDLE + 1) == 0);
    size_t before = row_resident();
    for (int i = 0; i < IDLE; i++)
        thread[i] = row_thread(idle_thread, NULL);
    pthread_barrier_wait(&all_full);
    size_t with = row_resident();
    pthread_barrier_wait(&all_full);
    for (int i = 0; i < IDLE; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    row_figure("RSS for each thread, KiB", (double)(with - before) / IDLE / (double)KIB, 28);
}

const row rows_small[] = {
    {"own", own, "256 MiB of 512 B freed by their owner, process asleep"},
    {"other", other, "the same freed by another thread, the owner asleep"},
    {"idle", idle, "2 GiB of 16 to 1,024 B freed, no calls"},
    {"ended_own", ended_own, "256 MiB of 200 threads, each frees its own, and ends"},
    {"ended_main", ended_main, "the same freed by main after they ended"},
    {"threads_own", threads_own, "200 threads x 10 MiB, each frees its own, and ends"},
    {"threads_main", threads_main, "the same freed by main after they ended"},
    {"survivors64", survivors64, "2 GiB of 64 B, 99 of 100 freed in order"},
    {"survivors512", survivors512, "2 GiB of 512 B, 99 of 100 freed in order"},
    {"survivors512r", survivors512r, "2 GiB of 512 B, 99 of 100 freed, at random"},
    {"hello", hello, "a program that prints a line"},
    {"idle_thread", threads_idle, "500 threads that have allocated once"},
    {NULL, NULL, NULL},
};

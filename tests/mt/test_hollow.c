/* Threads work, and free most of what they have now and then, while others ask for all memory back without a pause: pages are hollowed out under the
 * hands of their owners. Each block is filled with a pattern, and checked where it is freed; at the end everything is back.
 *
 *   test_hollow [SECONDS [SEED]]
 *
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "../support/blocks.h"
#include "../support/check.h"

#include <pthread.h>
#include <roost/roost.h>
#include <roost/stats.h>
#include <roost/walk.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { OWNERS = 3, PURGERS = 2, BLOCKS = 3000 };

static _Atomic bool stop;
static uint64_t base_seed = 1;

typedef struct held {
    unsigned char *at;
    size_t size;
} held;

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static size_t some_size(uint64_t *seed)
{
    size_t base = (size_t)16 << next_random(seed) % 11;
    return base + next_random(seed) % base;
}

static void take(held *block, uint64_t *seed, unsigned i)
{
    block->size = some_size(seed);
    block->at = roost_malloc(block->size);
    CHECK(block->at != NULL);
    pattern_fill(block->at, block->size, i);
}

static void give(held *block, unsigned i)
{
    CHECK(pattern_check(block->at, block->size, block->size, i) == block->size);
    roost_free(block->at);
    block->at = NULL;
}

static void *owner(void *number)
{
    static held all[OWNERS][BLOCKS];
    held *mine = all[(uintptr_t)number];
    uint64_t seed = base_seed * 100 + (uintptr_t)number;
    while (!atomic_load(&stop)) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (mine[i].at == NULL)
                take(&mine[i], &seed, i);
        }
        unsigned share = (unsigned)(next_random(&seed) % 100);
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (next_random(&seed) % 100 < share)
                give(&mine[i], i);
        }
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (mine[i].at != NULL)
            give(&mine[i], i);
    }
    return NULL;
}

static void *purger(void *unused)
{
    while (!atomic_load(&stop))
        roost_purge(0, NULL);
    return unused;
}

/* --- what walks tell of it ------------------------------------------------------------------------------------------------------------ */

enum { WALKED = 2000, KEPT_EACH = 50, WALKED_SIZE = 512 };

static int count_used(const roost_page *page, const roost_block *block, void *count)
{
    if (page->block_size != WALKED_SIZE)
        return ROOST_WALK_SKIP;
    CHECK(page->settled == 1);
    *(unsigned *)count += block != NULL && block->used == 1;
    return ROOST_WALK_ON;
}

static void walk_over_holes(void)
{
    static void *block[WALKED];
    unsigned count = 0;
    for (int i = 0; i < WALKED; i++)
        CHECK((block[i] = roost_malloc(WALKED_SIZE)) != NULL);
    for (int i = 0; i < WALKED; i++) {
        if (i % KEPT_EACH != 0)
            roost_free(block[i]);
    }
    roost_purge(0, NULL);
    roost_stats stats = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&stats) == 0 && stats.purged_inside != 0);
    CHECK(roost_heap_walk(ROOST_WALK_ALL, count_used, &count) == 0);
    CHECK(count == WALKED / KEPT_EACH);
    for (int i = 0; i < WALKED; i += KEPT_EACH)
        roost_free(block[i]);
}

int main(int argc, char **argv)
{
    pthread_t thread[OWNERS + PURGERS];
    roost_stats before = ROOST_STATS_INIT, after = ROOST_STATS_INIT;
    struct timespec rest = {.tv_sec = argc > 1 ? atoi(argv[1]) : 2};
    base_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)base_seed);
    fflush(stdout);
    walk_over_holes();
    roost_purge(0, NULL);
    CHECK(roost_stats_read(&before) == 0);
    for (uintptr_t i = 0; i < OWNERS + PURGERS; i++)
        CHECK(pthread_create(&thread[i], NULL, i < OWNERS ? owner : purger, (void *)i) == 0);
    while (nanosleep(&rest, &rest) != 0) {
    }
    atomic_store(&stop, true);
    for (int i = 0; i < OWNERS + PURGERS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    roost_purge(0, NULL);
    CHECK(roost_stats_read(&after) == 0);
    CHECK(after.allocated == before.allocated && after.in_use <= before.in_use + 64 * 1024);
    CHECK(after.purged_inside > before.purged_inside);
    printf("%llu MiB given back inside pages\n", (unsigned long long)(after.purged_inside >> 20));
    return 0;
}

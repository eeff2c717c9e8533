/* roost_heap_walk and roost_block_info while other threads allocate, free, and free for each other: what is held all the time is told as
 * used, what is free all the time as free, and nothing else breaks.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "../support/check.h"

#include <pthread.h>
#include <roost/walk.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
enum { WALKS = 30 };
#else
enum { WALKS = 150 };
#endif
enum { WORKERS = 3, WALKERS = 2, HAND = 128, SHARED = 256, STILL = 6000, AMID = 500, AMID_SIZE = 320 };

static const uint32_t classes[] = {16, 48, 320, 1024, 5120, 20480};
enum { CLASSES = sizeof classes / sizeof classes[0] };

static _Atomic bool stop;
static _Atomic(void *) shared[SHARED];
static _Atomic unsigned working;

/* Blocks of a worker that stay as they are, by address. */
typedef struct still {
    void *used[STILL / 2], *free[STILL / 2];
    unsigned count;
} still;
static still of_worker[WORKERS];

/* Blocks that stay, in pages that do not: of a size that is allocated and freed all the time. */
static void *amid[WORKERS * AMID], *amid_sorted[WORKERS * AMID];

static int compare(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a, right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

static void make_still(still *s, uint32_t size)
{
    for (s->count = 0; s->count < STILL / 2; s->count++) {
        CHECK((s->used[s->count] = roost_malloc(size)) != NULL);
        CHECK((s->free[s->count] = roost_malloc(size)) != NULL);
    }
    for (unsigned i = 0; i < s->count; i++)
        roost_free(s->free[i]);
    qsort(s->used, s->count, sizeof s->used[0], compare);
    qsort(s->free, s->count, sizeof s->free[0], compare);
}

static void make_amid(void **mine)
{
    for (unsigned i = 0; i < AMID; i++) {
        void *gone = roost_malloc(AMID_SIZE);
        CHECK((mine[i] = roost_malloc(AMID_SIZE)) != NULL);
        roost_free(gone);
    }
}

/* What a program has where a free block has its link to the next: a pointer to another block, of the same page where one of the first few is. */
static void write_link(void *block, uint32_t size, uintptr_t me, unsigned random)
{
    void *link = block;
    for (unsigned i = 0; i < 8 && size == AMID_SIZE; i++) {
        link = amid[me * AMID + (random + i * 61) % AMID];
        if (((uintptr_t)link ^ (uintptr_t)block) >> 16 == 0)
            break;
    }
    memcpy(block, &link, sizeof link);
}

/* Sizes that no worker asks for again. */
static const uint32_t still_sizes[WORKERS] = {80, 192, 448};

static void *work(void *argument)
{
    uintptr_t me = (uintptr_t)argument;
    uint64_t r = me + 1;
    void *hand[HAND] = {NULL};
    make_still(&of_worker[me], still_sizes[me]);
    make_amid(&amid[me * AMID]);
    atomic_fetch_add(&working, 1);
    for (unsigned round = 0; !atomic_load_explicit(&stop, memory_order_relaxed); round++) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        uint32_t size = classes[(r >> 50) % CLASSES];
        char *block = roost_malloc(size);
        CHECK(block != NULL);
        write_link(block, size, me, (unsigned)(r >> 32));
        void *old = block;
        if ((r >> 47) % 2 == 0)
            old = atomic_exchange_explicit(&shared[(r >> 40) % SHARED], block, memory_order_acq_rel);
        roost_free(hand[round % HAND]);
        hand[round % HAND] = old;
    }
    for (unsigned i = 0; i < HAND; i++)
        roost_free(hand[i]);
    return NULL;
}

typedef struct told {
    unsigned pages, settled, used, free, amid, used_of_page;
    roost_page page;
} told;

static bool among(void *const *set, unsigned count, void *block)
{
    return bsearch(&block, set, count, sizeof *set, compare) != NULL;
}

static void tell_still(told *t, const roost_page *page, const roost_block *block)
{
    for (int w = 0; w < WORKERS; w++) {
        if (page->block_size != still_sizes[w])
            continue;
        const still *s = &of_worker[w];
        bool used = among(s->used, s->count, block->memory);
        CHECK(page->settled != 0); /* its owner does not touch it */
        CHECK(!used || block->used != 0);
        CHECK(block->used == 0 || used);
        t->used += used;
        t->free += among(s->free, s->count, block->memory);
    }
}

static int note_down(const roost_page *page, const roost_block *block, void *argument)
{
    told *t = argument;
    if (block == NULL) {
        CHECK(t->used_of_page == t->page.used);
        CHECK((char *)page->memory >= (char *)t->page.memory + t->page.bytes);
        CHECK(page->used <= page->blocks && page->blocks * page->block_size <= page->bytes);
        t->page = *page;
        t->used_of_page = 0;
        t->pages++;
        t->settled += page->settled;
        return ROOST_WALK_ON;
    }
    CHECK((char *)block->memory >= (char *)page->memory &&
          (char *)block->memory + block->bytes <= (char *)page->memory + page->bytes);
    t->used_of_page += block->used;
    tell_still(t, page, block);
    if (page->block_size == AMID_SIZE && among(amid_sorted, WORKERS * AMID, block->memory)) {
        CHECK(block->used != 0 || page->settled == 0);
        t->amid++;
    }
    return ROOST_WALK_ON;
}

static void *walk(void *unused)
{
    unsigned pages = 0, settled = 0;
    for (int i = 0; i < WALKS; i++) {
        told t = {.pages = 0};
        void *mine = roost_malloc(64);
        CHECK(roost_heap_walk(ROOST_WALK_ALL, note_down, &t) == 0);
        CHECK(t.used == WORKERS * STILL / 2 && t.free == WORKERS * STILL / 2);
        CHECK(t.amid == WORKERS * AMID);
        pages += t.pages;
        settled += t.settled;
        roost_block block = {.size = sizeof block};
        CHECK(roost_block_info(mine, NULL, &block) == 0);
        CHECK(block.memory == mine && block.used == 1 && block.bytes == 64);
        roost_free(mine);
        /* Of others, whatever becomes of it: an answer. */
        void *theirs = atomic_load(&shared[i % SHARED]);
        if (theirs != NULL && roost_block_info(theirs, NULL, &block) == 0)
            CHECK((char *)theirs >= (char *)block.memory && (char *)theirs < (char *)block.memory + block.bytes);
    }
    CHECK(settled != 0 && settled <= pages);
    printf("%u of %u pages held still\n", settled, pages);
    return unused;
}

static void what_is_held_is_told_while_others_run(void)
{
    pthread_t worker[WORKERS], walker[WALKERS];
    for (uintptr_t i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&worker[i], NULL, work, (void *)i) == 0);
    while (atomic_load(&working) < WORKERS)
        sched_yield();
    memcpy(amid_sorted, amid, sizeof amid);
    qsort(amid_sorted, WORKERS * AMID, sizeof amid[0], compare);
    for (int i = 0; i < WALKERS; i++)
        CHECK(pthread_create(&walker[i], NULL, walk, NULL) == 0);
    for (int i = 0; i < WALKERS; i++)
        CHECK(pthread_join(walker[i], NULL) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_join(worker[i], NULL) == 0);
    for (int i = 0; i < WORKERS; i++) {
        for (unsigned b = 0; b < of_worker[i].count; b++)
            roost_free(of_worker[i].used[b]);
    }
    for (int i = 0; i < WORKERS * AMID; i++)
        roost_free(amid[i]);
    for (int i = 0; i < SHARED; i++)
        roost_free(atomic_load(&shared[i]));
}

int main(void)
{
    /* Half of the blocks of what stands still are free, which goes back after half a second: meanwhile such a page does not hold still. */
    CHECK(roost_option_set("purge_delay", "3600000") == 0);
    RUN(what_is_held_is_told_while_others_run);
    return 0;
}

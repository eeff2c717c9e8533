/* The figures of rst_stats_collect while other threads allocate, free and hand each other blocks: sane at any time, and exact
 * when they have stopped.
 * SPDX-License-Identifier: MIT */
#include "collect.h"
#include "threadcache/heap.h"

#include <sched.h>
#include <stdatomic.h>

#ifdef __SANITIZE_THREAD__
enum { COLLECTIONS = 300 };
#else
enum { COLLECTIONS = 3000 };
#endif

enum { WORKERS = 3, HAND = 64, SHARED = 256, WORK_LEAST = 1024, WORK_MOST = 4096 };

static known set;
static _Atomic bool stop;
static _Atomic(void *) shared[SHARED];
static _Atomic unsigned working;

/* At most HAND blocks of its own at a time, and one on its way from or to the shared ones. */
static void *work(void *argument)
{
    uint64_t r = (uintptr_t)argument;
    void *hand[HAND] = {NULL};
    for (unsigned round = 0; !atomic_load_explicit(&stop, memory_order_relaxed); round++) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        void *block = roost_malloc(WORK_LEAST + (r >> 48) % (WORK_MOST - WORK_LEAST + 1));
        CHECK(block != NULL);
        if ((r >> 47) % 2 == 0)
            block = atomic_exchange_explicit(&shared[(r >> 40) % SHARED], block, memory_order_acq_rel);
        roost_free(hand[round % HAND]);
        hand[round % HAND] = block;
        if (round == 1000)
            atomic_fetch_add(&working, 1);
    }
    for (unsigned i = 0; i < HAND; i++)
        roost_free(hand[i]);
    return NULL;
}

/* A collection looks at pages first, at heaps' lists and open batches later, and last at what was sent and received. Between, this thread
 * may have to wait for long, and blocks that are nobody's move: per worker and class a page of them in its list, in its batches what its
 * budget allows, and in its inbox the bound with a message of a page beyond. Blocks of the actor do not move, so each page counts at
 * least those. Twice the sum may be seen too much: a page before its blocks went, another one after they came. */
static totals in_motion(void)
{
    totals t = {0, 0, 0, 0};
    for (unsigned c = rst_class_of(WORK_LEAST); c <= rst_class_of(WORK_MOST); c++) {
        t.blocks += rst_classes[c].capacity;
        t.bytes += (uint64_t)rst_classes[c].capacity * rst_classes[c].size;
    }
    uint64_t inbox = RST_INBOX_BOUND * RST_INBOX_UNIT + RST_SLICE_SIZE;
    t.blocks += RST_OUT_BUDGET / (WORK_LEAST + RST_OUT_BLOCK_COST) + inbox / WORK_LEAST;
    t.bytes += RST_OUT_BUDGET + inbox;
    return (totals){WORKERS * t.blocks, WORKERS * t.bytes, 0, 0};
}

/* Between what is certainly alive and what may be, give or take what moves. */
static void check_sane(const totals *certain)
{
    enum { PERHAPS = WORKERS * (HAND + 1) + SHARED };
    totals moving = in_motion();
    static uint64_t allocs;
    roost_stats s = collect_parts(false);
    CHECK(s.allocs >= allocs); /* a counter does not go back */
    allocs = s.allocs;
    CHECK(certain->blocks > moving.blocks && certain->bytes > moving.bytes);
    CHECK(s.allocated_blocks >= certain->blocks - moving.blocks);
    CHECK(s.allocated_blocks <= certain->blocks + 2 * (PERHAPS + moving.blocks));
    CHECK(s.allocated >= certain->bytes - moving.bytes);
    CHECK(s.allocated <= certain->bytes + 2 * ((uint64_t)PERHAPS * WORK_MOST + moving.bytes));
    EQUAL(s.large_live, certain->large);
    EQUAL(s.large_live_bytes, certain->large_bytes);
    EQUAL(s.threads, WORKERS + 1);
    CHECK(s.segments_in_use <= s.segments);
}

static void keep_what_is_shared(known *k)
{
    for (int i = 0; i < SHARED; i++) {
        void *block = atomic_load(&shared[i]);
        if (block != NULL)
            know(k, block, 1);
    }
}

static void figures_stay_sane_while_others_run(void)
{
    actor a;
    pthread_t thread[WORKERS];
    hire(&a);
    ask(&a, make_10000, &set);
    ask(&a, make_all_kinds, &set);
    totals certain = sum(&set);
    for (uintptr_t i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&thread[i], NULL, work, (void *)(i + 1)) == 0);
    while (atomic_load(&working) < WORKERS)
        sched_yield();
    for (int i = 0; i < COLLECTIONS; i++)
        check_sane(&certain);
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    keep_what_is_shared(&set);
    check_live(&set);
    ask(&a, free_known, &set);
    dismiss(&a);
    check_nothing();
}

int main(void)
{
    RUN(figures_stay_sane_while_others_run);
    return 0;
}

/* What the tests of rst_stats_collect share: actors (threads that do one job at a time, so that an owner can sleep), blocks
 * whose sizes the test knows, and the check of all figures against them. Only what the figures mean to a reader is asked,
 * not how they are come by.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_COLLECT_H
#define ROOST_TESTS_COLLECT_H

#include "../support/check.h"
#include "core/page.h"
#include "roost/roost.h"
#include "stats/collect.h"

#include <pthread.h>

/* Ends the program at once: actors may be waiting. */
#define EQUAL(found, expected) \
    do { \
        unsigned long long found_ = (found), expected_ = (expected); \
        if (found_ != expected_) \
            fprintf(stderr, "%s is %llu, not %llu\n", #found, found_, expected_); \
        CHECK(found_ == expected_); \
    } while (0)

/* --- actors ---------------------------------------------------------------------------------------------------------------- */

typedef struct actor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*job)(void *); /* [lock] NULL: none; `quit`: end */
    void *argument;      /* [lock] */
} actor;

static inline void quit(void *unused)
{
    (void)unused;
}

static inline void *act(void *argument)
{
    actor *self = argument;
    bool on = true;
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (on) {
        while (self->job == NULL)
            CHECK(pthread_cond_wait(&self->changed, &self->lock) == 0);
        on = self->job != quit;
        self->job(self->argument);
        self->job = NULL;
        CHECK(pthread_cond_broadcast(&self->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return NULL;
}

static inline void hire(actor *who)
{
    memset(who, 0, sizeof *who);
    CHECK(pthread_mutex_init(&who->lock, NULL) == 0 && pthread_cond_init(&who->changed, NULL) == 0);
    CHECK(pthread_create(&who->thread, NULL, act, who) == 0);
}

/* Returns when the job is done. */
static inline void ask(actor *who, void (*job)(void *), void *argument)
{
    CHECK(pthread_mutex_lock(&who->lock) == 0);
    who->job = job;
    who->argument = argument;
    CHECK(pthread_cond_broadcast(&who->changed) == 0);
    while (who->job != NULL)
        CHECK(pthread_cond_wait(&who->changed, &who->lock) == 0);
    CHECK(pthread_mutex_unlock(&who->lock) == 0);
}

static inline void dismiss(actor *who)
{
    ask(who, quit, NULL);
    CHECK(pthread_join(who->thread, NULL) == 0);
}

/* --- blocks that the test knows ---------------------------------------------------------------------------------------------- */

enum { MOST = 20000 };

/* Blocks, and what a block of each asked size has by the public function. */
typedef struct known {
    void *block[MOST];
    size_t asked[MOST];
    unsigned count;
} known;

typedef struct totals {
    uint64_t blocks, bytes, large, large_bytes;
} totals;

static inline void know(known *k, void *block, size_t asked)
{
    CHECK(block != NULL && k->count < MOST);
    k->block[k->count] = block;
    k->asked[k->count++] = asked;
}

static inline totals sum(const known *k)
{
    totals t = {0, 0, 0, 0};
    for (unsigned i = 0; i < k->count; i++) {
        size_t usable = roost_usable_size(k->block[i]);
        CHECK(usable >= k->asked[i]);
        t.blocks++;
        t.bytes += usable;
        t.large += usable > RST_MEDIUM_MAX;
        t.large_bytes += usable > RST_MEDIUM_MAX ? usable : 0;
    }
    return t;
}

/* Three blocks of each class, the sizes at both ends of it; zero bytes; large ones. */
static inline void make_all_kinds(void *argument)
{
    static const size_t large[] = {RST_MEDIUM_MAX + 1, 100 * RST_KIB, RST_MIB, 5 * RST_MIB + 1};
    known *k = argument;
    know(k, roost_malloc(0), 0);
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        size_t least = c == 0 ? 1 : rst_classes[c - 1].size + 1;
        know(k, roost_malloc(rst_classes[c].size), rst_classes[c].size);
        know(k, roost_malloc(least), least);
        know(k, roost_calloc(1, least), least);
    }
    for (unsigned i = 0; i < sizeof large / sizeof large[0]; i++)
        know(k, roost_malloc(large[i]), large[i]);
}

static inline size_t small_size(unsigned i)
{
    return 1 + i * 97u % 2000;
}

static inline void make_small(known *k, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        know(k, roost_malloc(small_size(i)), small_size(i));
}

static inline void make_200(void *argument)
{
    make_small(argument, 200);
}

static inline void make_10000(void *argument)
{
    make_small(argument, 10000);
}

static inline void free_known(void *argument)
{
    known *k = argument;
    while (k->count != 0)
        roost_free(k->block[--k->count]);
}

static inline void free_every_second(void *argument)
{
    known *k = argument;
    unsigned left = 0;
    for (unsigned i = 0; i < k->count; i++) {
        if (i % 2 == 0) {
            roost_free(k->block[i]);
            continue;
        }
        k->block[left] = k->block[i];
        k->asked[left++] = k->asked[i];
    }
    k->count = left;
}

static inline void flush(void *unused)
{
    (void)unused;
    roost_thread_flush();
}

/* Enough calls of the slow path that whatever was sent here is taken in. */
static inline void call_slowly(void *unused)
{
    static void *block[4000];
    (void)unused;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4000; i++)
            CHECK((block[i] = roost_malloc(16 << i % 8)) != NULL);
        for (int i = 0; i < 4000; i++)
            roost_free(block[i]);
    }
}

/* --- the checks -------------------------------------------------------------------------------------------------------------- */

enum { HEAP_ROWS = 512 };

/* What holds at any time: parts of one walk make its sums. */
static inline roost_stats collect_parts(bool at_rest)
{
    static roost_class_stats classes[RST_CLASS_COUNT];
    static roost_heap_stats heaps[HEAP_ROWS];
    roost_stats s;
    uint64_t pages = 0, live = 0, bytes = 0, allocs = 0, requested = 0, heap_pages = 0, heap_live = 0, heap_bytes = 0,
             unsent = 0;
    size_t count = rst_min(rst_stats_heap_count(), HEAP_ROWS);
    rst_stats_collect_all(&s, classes, heaps, count);
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        EQUAL(classes[c].block_size, rst_classes[c].size);
        EQUAL(classes[c].capacity, classes[c].pages * rst_classes[c].capacity);
        CHECK(classes[c].fill <= 100);
        pages += classes[c].pages;
        live += classes[c].live;
        bytes += classes[c].live * classes[c].block_size;
        allocs += classes[c].allocs;
        requested += classes[c].allocs * classes[c].block_size;
        CHECK(!at_rest || (classes[c].allocs - classes[c].frees == classes[c].live &&
                           classes[c].live + classes[c].ready <= classes[c].capacity));
    }
    for (size_t i = 0; i < count; i++) {
        EQUAL(heaps[i].number, i);
        heap_pages += heaps[i].pages;
        heap_live += heaps[i].live;
        heap_bytes += heaps[i].live_bytes;
        unsent += heaps[i].unsent_blocks;
    }
    EQUAL(pages, s.pages);
    EQUAL(allocs + s.large_allocs, s.allocs);
    EQUAL(requested + s.large_requested, s.requested);
    if (!at_rest)
        return s;
    uint64_t sent = s.foreign_sent_blocks - s.foreign_received_blocks;
    EQUAL(live + s.large_live, s.allocated_blocks + sent);
    EQUAL(bytes + s.large_live_bytes, s.allocated + s.foreign_sent_bytes - s.foreign_received_bytes);
    EQUAL(unsent + sent, s.undrained_blocks);
    EQUAL(s.allocs - s.frees, s.allocated_blocks);
    EQUAL(heap_pages, pages);
    EQUAL(heap_live, live + unsent);
    EQUAL(heap_bytes, bytes + s.undrained_bytes - (s.foreign_sent_bytes - s.foreign_received_bytes));
    CHECK(s.allocated_peak >= s.allocated);
    return s;
}

/* What holds at rest, whatever is alive. */
static inline roost_stats collect(void)
{
    roost_stats s = collect_parts(true);
    EQUAL(s.size, sizeof s);
    EQUAL(s.version, ROOST_STATS_VERSION);
    CHECK(s.allocated <= s.in_use && s.in_use <= s.committed && s.committed <= s.reserved);
    CHECK(s.in_use <= s.in_use_peak && s.in_use_peak <= s.footprint_peak && s.footprint <= s.footprint_peak);
    EQUAL(s.committed, s.segments * RST_SEGMENT_SIZE);
    CHECK(s.segments_in_use <= s.segments);
    CHECK(s.segments_in_use * RST_SEGMENT_SIZE >= s.in_use);
    CHECK(s.pages * RST_SLICE_SIZE + s.large_live_bytes <= s.in_use);
    CHECK(s.pages_ended <= s.pages_made && s.pages >= s.pages_made - s.pages_ended);
    CHECK(s.large_live <= s.large_allocs);
    CHECK(s.foreign_received_blocks <= s.foreign_sent_blocks);
    CHECK(s.foreign_received_bytes <= s.foreign_sent_bytes);
    CHECK(s.foreign_received_batches <= s.foreign_sent_batches);
    CHECK(s.undrained_blocks >= s.foreign_sent_blocks - s.foreign_received_blocks);
    CHECK(s.undrained_bytes >= s.foreign_sent_bytes - s.foreign_received_bytes);
    CHECK(s.heaps_parked <= s.heaps && s.threads <= s.threads_attached);
    return s;
}

/* Exactly the blocks of `k` are alive. */
static inline roost_stats check_live(const known *k)
{
    roost_stats s = collect();
    totals t = sum(k);
    EQUAL(s.allocated_blocks, t.blocks);
    EQUAL(s.allocated, t.bytes);
    EQUAL(s.large_live, t.large);
    EQUAL(s.large_live_bytes, t.large_bytes);
    return s;
}

/* Nothing is alive, and no heap has a thread: nothing is in use either. */
static inline void check_nothing(void)
{
    roost_stats s = collect();
    EQUAL(s.allocated_blocks, 0);
    EQUAL(s.allocated, 0);
    EQUAL(s.large_live, 0);
    EQUAL(s.large_live_bytes, 0);
    EQUAL(s.undrained_blocks, 0);
    EQUAL(s.undrained_bytes, 0);
    EQUAL(s.pages, 0);
    EQUAL(s.pages_made, s.pages_ended);
    EQUAL(s.in_use, 0);
    EQUAL(s.segments_in_use, 0);
    EQUAL(s.foreign_sent_blocks, s.foreign_received_blocks);
    EQUAL(s.foreign_sent_bytes, s.foreign_received_bytes);
    EQUAL(s.heaps_parked, 0);
    EQUAL(s.threads, 0);
}

#endif

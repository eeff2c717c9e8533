/* A process to be looked at from outside: makes pages, large blocks, messages and heaps of every state, prints its own figures, then
 * "ready", and waits until its standard input ends. `holder --damage WHAT` breaks one thing first, as a program with a defect would; `holder
 * --busy` works in two threads instead, so that what is read is torn; `holder --abort` ends with a core.
 * SPDX-License-Identifier: MIT */
#include "core/page.h"
#include "roost/roost.h"
#include "stats/collect.h"
#include "threadcache/heap.h"
#include "threadcache/sparse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BLOCKS = 4000, BUSY_BLOCKS = 20000 };

static void *blocks[BLOCKS];
static pthread_barrier_t stage;
static _Atomic int stop;

static void make_blocks(unsigned seed)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size =
            i % 199 == 0 ? 70000 + (size_t)i * 64 : 1 + (seed * 7919 + i * 104729) % (i % 11 == 0 ? 40000 : 900);
        blocks[i] = roost_malloc(size);
        memset(blocks[i], 0x5a, size);
    }
}

/* Frees a third of what the main thread has, keeps some of its own, and stays. */
static void *neighbour(void *unused)
{
    for (unsigned i = 0; i < BLOCKS; i += 3) {
        roost_free(blocks[i]);
        blocks[i] = NULL;
    }
    for (int i = 0; i < 300; i++)
        *(volatile char *)roost_malloc(100) = 1;
    pthread_barrier_wait(&stage);
    pthread_barrier_wait(&stage);
    return unused;
}

/* Leaves blocks behind in a heap that is parked. */
static void *short_lived(void *unused)
{
    for (int i = 0; i < 1000; i++)
        *(volatile char *)roost_malloc((size_t)i * 3 + 1) = 1;
    return unused;
}

static void *busy(void *unused)
{
    static _Atomic(void *) exchange[BUSY_BLOCKS];
    static const uint64_t one = 1;
    unsigned seed = (unsigned)(uintptr_t)&unused;
    while (atomic_load(&stop) == 0) {
        seed = seed * 1664525u + 1013904223u;
        size_t size = (seed >> 12) % ((seed >> 8) % 16 == 0 ? 200000 : 2000) + 1;
        char *block = roost_malloc(size);
        memcpy(block, &one, size < sizeof one ? size : sizeof one); /* the same in all, as of many programs */
        roost_free(atomic_exchange(&exchange[(seed >> 8) % BUSY_BLOCKS], block));
    }
    return unused;
}

static int work(void)
{
    pthread_t threads[2];
    char byte;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, busy, NULL);
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void print_figures(void)
{
    roost_stats stats;
    rst_stats_collect(&stats);
#define PRINT(name, kind, unit, help, note) printf("%s %llu\n", #name, (unsigned long long)stats.name);
    ROOST_WALK_TABLE(PRINT)
    ROOST_PROCESS_TABLE(PRINT)
    ROOST_HEAP_TABLE(PRINT)
    fflush(stdout);
}

/* A page of which most was given back. */
static rst_slice *make_holes(void)
{
    enum { HOLLOW = 400 };
    static void *hollow_blocks[HOLLOW];
    for (int i = 0; i < HOLLOW; i++)
        *(volatile char *)(hollow_blocks[i] = roost_malloc(500)) = 1;
    for (int i = 0; i < HOLLOW; i++) {
        if (i % 50 != 10)
            roost_free(hollow_blocks[i]);
    }
    rst_sparse_purge();
    for (int i = 10; i < HOLLOW; i += 50) {
        if (rst_slice_of(hollow_blocks[i])->holes.blocks != 0)
            return rst_slice_of(hollow_blocks[i]);
    }
    abort();
}

/* --- damage ------------------------------------------------------------------------------------------------------------ */

/* The first block of a small page that the main thread owns and that has a free list of at least two. */
static rst_slice *page_with_free_blocks(void)
{
    static void *page_blocks[200];
    for (int i = 0; i < 200; i++)
        page_blocks[i] = roost_malloc(1000);
    for (int i = 0; i < 200; i += 2)
        roost_free(page_blocks[i]);
    rst_slice *page = rst_slice_of(page_blocks[1]);
    if (page->free == NULL || page->free->next == NULL)
        abort();
    return page;
}

static void damage(const char *what)
{
    rst_slice *page = page_with_free_blocks();
    rst_block *first = page->free;
    if (strcmp(what, "hole") == 0)
        make_holes()->holes.blocks++;
    else if (strcmp(what, "link") == 0) /* written after it was freed */
        first->next = (rst_block *)(uintptr_t)0x4141414141414140;
    else if (strcmp(what, "circle") == 0)
        first->next->next = first;
    else if (strcmp(what, "inside") == 0) /* of a block */
        first->next = (rst_block *)((char *)first + 16);
    else if (strcmp(what, "lost") == 0) /* the rest of a free list */
        first->next = NULL;
    else if (strcmp(what, "left") == 0)
        rst_store_relaxed(&page->left, rst_load_relaxed(&page->left) + 3);
    else if (strcmp(what, "class") == 0)
        page->size_class = 200;
    else if (strcmp(what, "span") == 0)
        page->span = 3;
    else if (strcmp(what, "owner") == 0)
        rst_store_relaxed(&page->owner, (struct rst_heap *)(uintptr_t)0x1000);
    else if (strcmp(what, "state") == 0) /* with free blocks nobody would ever look for */
        rst_store_relaxed(&page->state,
                          (rst_load_relaxed(&page->state) & ~RST_PAGE_STATE_MASK) | (uint32_t)RST_PAGE_FULL);
    else if (strcmp(what, "bit") == 0) /* of a slice in use: could be handed out again */
        rst_or_seq(&rst_segment_at(&rst_arenas[0], rst_slice_index(&rst_arenas[0], page) / RST_SEGMENT_SLICES)->free,
                   1u << rst_slice_index(&rst_arenas[0], page) % RST_SEGMENT_SLICES);
    else if (strcmp(what, "twice") == 0) /* freed, and freed again later */
        roost_free(first->next);
    else
        abort();
}

static void hold(const char *what)
{
    pthread_t one, other;
    char byte;
    make_blocks(3);
    make_holes();
    pthread_barrier_init(&stage, NULL, 2);
    pthread_create(&one, NULL, neighbour, NULL);
    pthread_barrier_wait(&stage);
    pthread_create(&other, NULL, short_lived, NULL); /* last, or its heap would be taken over */
    pthread_join(other, NULL);
    if (what != NULL)
        damage(what);
    else
        print_figures();
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* a reader need not be our parent */
    alarm(100);
    if (argc == 2 && strcmp(argv[1], "--busy") == 0)
        return work();
    hold(argc >= 3 && strcmp(argv[1], "--damage") == 0 ? argv[2] : NULL);
    if (argc >= 2 && strcmp(argv[argc - 1], "--abort") == 0) {
        struct rlimit whole = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &whole);
        abort();
    }
    _exit(0);
}

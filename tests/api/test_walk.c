/* roost_heap_walk and roost_block_info at rest: each page and each block is told of once, and as what it is.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "cmocka_api.h"

#include <errno.h>
#include <pthread.h>
#include <roost/stats.h>
#include <roost/walk.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4000, SIZES = 12 };
static const size_t sizes[SIZES] = {1, 16, 17, 48, 128, 320, 1000, 4096, 8192, 8193, 20000, 65536};

static void *held[MOST];
static unsigned held_count;

static void hold(size_t size)
{
    assert_true(held_count < MOST);
    assert_non_null(held[held_count++] = roost_malloc(size));
}

static void let_go(void)
{
    while (held_count != 0)
        roost_free(held[--held_count]);
}

/* What a walk told, and what of `held` it told as used. */
typedef struct told {
    unsigned pages, large, blocks, used, calls, known;
    size_t used_bytes;
    uint32_t used_of_page;
    const char *end; /* of the block before, in the same page */
    roost_page page;
} told;

static int compare(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a, right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

static bool is_held(void *block)
{
    return bsearch(&block, held, held_count, sizeof held[0], compare) != NULL;
}

static void begin_page(told *t, const roost_page *page)
{
    assert_int_equal(page->size, sizeof *page);
    assert_int_equal(page->settled, 1);
    assert_true((char *)page->memory >= (char *)t->page.memory + t->page.bytes);
    assert_true(page->used <= page->blocks && page->blocks * page->block_size <= page->bytes);
    assert_int_equal(t->used_of_page, t->page.used);
    t->page = *page;
    t->pages++;
    t->large += page->heap == ROOST_NO_HEAP;
    t->used_of_page = 0;
    t->end = page->memory;
}

static int note_down(const roost_page *page, const roost_block *block, void *argument)
{
    told *t = argument;
    t->calls++;
    if (block == NULL) {
        begin_page(t, page);
        return ROOST_WALK_ON;
    }
    assert_int_equal(memcmp(page, &t->page, sizeof *page), 0);
    assert_int_equal(block->size, sizeof *block);
    assert_ptr_equal(block->memory, t->end);
    assert_int_equal(block->bytes, page->block_size);
    t->end += block->bytes;
    t->blocks++;
    if (block->used == 0)
        return ROOST_WALK_ON;
    assert_int_equal(roost_usable_size(block->memory), block->bytes);
    t->used++;
    t->used_of_page++;
    t->used_bytes += block->bytes;
    t->known += is_held(block->memory);
    return ROOST_WALK_ON;
}

static told walk(int whose)
{
    told t = {.pages = 0};
    qsort(held, held_count, sizeof held[0], compare);
    errno = 7;
    assert_int_equal(roost_heap_walk(whose, note_down, &t), 0);
    assert_int_equal(errno, 7);
    assert_int_equal(t.used_of_page, t.page.used);
    assert_int_equal(t.calls, t.pages + t.blocks);
    return t;
}

static void every_block_that_is_held_is_told_of_once(void **state)
{
    (void)state;
    told before = walk(ROOST_WALK_MINE);
    for (int i = 0; i < 200; i++) {
        for (int s = 0; s < SIZES; s++)
            hold(sizes[s]);
    }
    told full = walk(ROOST_WALK_MINE);
    assert_int_equal(full.known, held_count);
    assert_int_equal(full.used, before.used + held_count);
    assert_int_equal(full.large, 0);
    for (unsigned i = 0; i < held_count; i += 2)
        roost_free(held[i]);
    unsigned left = 0;
    for (unsigned i = 1; i < held_count; i += 2)
        held[left++] = held[i];
    held_count = left;
    told half = walk(ROOST_WALK_MINE);
    assert_int_equal(half.known, held_count);
    assert_int_equal(half.used, before.used + held_count);
    let_go();
    assert_int_equal(walk(ROOST_WALK_MINE).used, before.used);
}

static void large_blocks_are_nobodys(void **state)
{
    (void)state;
    told mine = walk(ROOST_WALK_MINE), all = walk(ROOST_WALK_ALL);
    hold(65537);
    hold((size_t)5 << 20);
    assert_int_equal(walk(ROOST_WALK_MINE).used, mine.used);
    told now = walk(ROOST_WALK_ALL);
    assert_int_equal(now.known, 2);
    assert_int_equal(now.large, all.large + 2);
    assert_int_equal(now.used, all.used + 2);
    let_go();
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used);
}

static void the_walk_and_the_figures_agree(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++)
        hold(sizes[s]);
    hold(1 << 20);
    told all = walk(ROOST_WALK_ALL);
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    assert_int_equal(all.used, s.allocated_blocks);
    assert_int_equal(all.used_bytes, s.allocated);
    assert_int_equal(all.pages - all.large, s.pages);
    assert_int_equal(all.large, s.large_live);
    let_go();
}

/* --- other threads ------------------------------------------------------------------------------------------------------------ */

enum { THEIRS = 300 };

static void *theirs[THEIRS];
static pthread_barrier_t owners, others; /* this thread and one of them */

static void meet(pthread_barrier_t *barrier)
{
    pthread_barrier_wait(barrier);
}

/* Allocates, then lives on without a call. */
static void *live(void *unused)
{
    for (int i = 0; i < THEIRS; i++)
        theirs[i] = roost_malloc(100);
    meet(&owners);
    meet(&owners);
    return unused;
}

/* Frees a third of them, and sends nothing. */
static void *free_some(void *unused)
{
    for (int i = 2; i < THEIRS; i += 3)
        roost_free(theirs[i]);
    meet(&others);
    meet(&others);
    return unused;
}

static void pages_of_others_are_told_of(void **state)
{
    (void)state;
    pthread_t owner, other;
    told mine = walk(ROOST_WALK_MINE), all = walk(ROOST_WALK_ALL);
    assert_int_equal(pthread_barrier_init(&owners, NULL, 2), 0);
    assert_int_equal(pthread_barrier_init(&others, NULL, 2), 0);
    assert_int_equal(pthread_create(&owner, NULL, live, NULL), 0);
    meet(&owners);
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used + THEIRS);
    /* Freed here: they are sent, and kept for a thread that sleeps. */
    for (int i = 0; i < THEIRS; i += 3)
        roost_free(theirs[i]);
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used + THEIRS - THEIRS / 3);
    assert_int_equal(walk(ROOST_WALK_MINE).used, mine.used);
    /* Those that lie in the hands of a third thread are free as well. */
    assert_int_equal(pthread_create(&other, NULL, free_some, NULL), 0);
    meet(&others);
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used + THEIRS / 3);
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    assert_int_equal(s.undrained_blocks, THEIRS / 3);
    meet(&others);
    assert_int_equal(pthread_join(other, NULL), 0);
    meet(&owners);
    assert_int_equal(pthread_join(owner, NULL), 0);
    /* Of a thread that has ended. */
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used + THEIRS / 3);
    for (int i = 1; i < THEIRS; i += 3)
        roost_free(theirs[i]);
    assert_int_equal(walk(ROOST_WALK_ALL).used, all.used);
}

static void *walk_without_a_heap(void *unused)
{
    assert_int_equal(walk(ROOST_WALK_MINE).calls, 0);
    return unused;
}

static void a_thread_without_a_heap_has_no_pages(void **state)
{
    (void)state;
    pthread_t thread;
    held_count = 0; /* qsort of none allocates nothing */
    assert_int_equal(pthread_create(&thread, NULL, walk_without_a_heap, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* --- the callback ------------------------------------------------------------------------------------------------------------- */

typedef struct tour {
    int page_answer, block_answer;
    unsigned pages, blocks;
} tour;

static int answer(const roost_page *page, const roost_block *block, void *argument)
{
    tour *t = argument;
    (void)page;
    t->pages += block == NULL;
    t->blocks += block != NULL;
    return block == NULL ? t->page_answer : t->block_answer;
}

static void the_callback_says_how_to_go_on(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++)
        hold(sizes[s]);
    told all = walk(ROOST_WALK_ALL);
    tour t = {.page_answer = ROOST_WALK_SKIP};
    assert_int_equal(roost_heap_walk(ROOST_WALK_ALL, answer, &t), 0);
    assert_true(t.pages == all.pages && t.blocks == 0);
    t = (tour){.block_answer = ROOST_WALK_SKIP};
    assert_int_equal(roost_heap_walk(ROOST_WALK_ALL, answer, &t), 0);
    assert_true(t.pages == all.pages && t.blocks > 0 && t.blocks <= t.pages);
    t = (tour){.page_answer = ROOST_WALK_STOP};
    assert_int_equal(roost_heap_walk(ROOST_WALK_ALL, answer, &t), 1);
    assert_true(t.pages == 1 && t.blocks == 0);
    t = (tour){.block_answer = ROOST_WALK_STOP};
    assert_int_equal(roost_heap_walk(ROOST_WALK_MINE, answer, &t), 1);
    assert_int_equal(t.blocks, 1);
    errno = 0;
    assert_int_equal(roost_heap_walk(ROOST_WALK_ALL, NULL, &t), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(roost_heap_walk(2, answer, &t), -1);
    assert_int_equal(errno, EINVAL);
    let_go();
}

/* Frees what it is told of, and takes as much again. */
static int replace(const roost_page *page, const roost_block *block, void *argument)
{
    unsigned *replaced = argument;
    if (block != NULL && block->used != 0 && is_held(block->memory)) {
        void **place = bsearch(&block->memory, held, held_count, sizeof held[0], compare);
        roost_free(*place);
        assert_non_null(roost_realloc(roost_malloc(1), page->block_size));
        ++*replaced;
    }
    return ROOST_WALK_ON;
}

static void the_callback_may_allocate_and_free(void **state)
{
    (void)state;
    unsigned replaced = 0;
    for (int i = 0; i < 100; i++) {
        for (int s = 0; s < SIZES; s++)
            hold(sizes[s]);
    }
    qsort(held, held_count, sizeof held[0], compare);
    told before = walk(ROOST_WALK_MINE);
    assert_int_equal(roost_heap_walk(ROOST_WALK_MINE, replace, &replaced), 0);
    assert_int_equal(replaced, held_count);
    held_count = 0;
    assert_int_equal(walk(ROOST_WALK_MINE).used, before.used);
}

/* --- one address ---------------------------------------------------------------------------------------------------------------- */

static uint64_t my_heap(void)
{
    roost_heap_stats rows[64];
    int count = roost_stats_heaps(rows, 64, sizeof rows[0]);
    for (int i = 0; i < count && i < 64; i++) {
        if (rows[i].thread == (uint64_t)gettid())
            return rows[i].number;
    }
    return UINT64_MAX;
}

static void is_in(const void *address, void *block, size_t bytes, uint64_t heap, uint32_t used)
{
    roost_page page = {.size = sizeof page};
    roost_block info = {.size = sizeof info};
    errno = 7;
    assert_int_equal(roost_block_info(address, &page, &info), 0);
    assert_int_equal(errno, 7);
    assert_ptr_equal(info.memory, block);
    assert_int_equal(info.bytes, bytes);
    assert_int_equal(info.used, used);
    assert_int_equal(page.block_size, bytes);
    assert_int_equal(page.heap, heap);
    assert_int_equal(page.settled, 1);
    assert_true((char *)page.memory <= (char *)block && (char *)block + bytes <= (char *)page.memory + page.bytes);
}

static void any_address_of_a_block_leads_to_it(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++) {
        char *block = roost_malloc(sizes[s]);
        size_t usable = roost_usable_size(block);
        is_in(block, block, usable, my_heap(), 1);
        is_in(block + usable / 2, block, usable, my_heap(), 1);
        is_in(block + usable - 1, block, usable, my_heap(), 1);
        roost_free(block);
        is_in(block, block, usable, my_heap(), 0);
    }
    size_t bytes = (size_t)100 << 20;
    char *large = roost_malloc(bytes);
    is_in(large, large, bytes, ROOST_NO_HEAP, 1);
    is_in(large + 65536, large, bytes, ROOST_NO_HEAP, 1);
    is_in(large + bytes - 1, large, bytes, ROOST_NO_HEAP, 1);
    roost_free(large);
}

static void is_in_none(const void *address)
{
    roost_page page = {.size = sizeof page}, page_before = page;
    roost_block block = {.size = sizeof block}, block_before = block;
    errno = 0;
    assert_int_equal(roost_block_info(address, &page, &block), -1);
    assert_int_equal(errno, ENOENT);
    assert_memory_equal(&page, &page_before, sizeof page);
    assert_memory_equal(&block, &block_before, sizeof block);
}

static void other_addresses_lead_nowhere(void **state)
{
    (void)state;
    char *large = roost_malloc(70000), *last = large;
    is_in_none(NULL);
    is_in_none(&state);
    is_in_none("text");
    is_in_none((void *)UINTPTR_MAX);
    is_in_none(large + roost_usable_size(large)); /* in its slices all the same */
    roost_free(large);
    is_in_none(last);
    is_in_none(last + 65536);
}

static void as_much_is_filled_as_is_known(void **state)
{
    (void)state;
    char *held_here = roost_malloc(40);
    roost_page page;
    memset(&page, 0x55, sizeof page);
    page.size = offsetof(roost_page, block_size);
    assert_int_equal(roost_block_info(held_here, &page, NULL), 0);
    assert_int_equal(page.size, offsetof(roost_page, block_size));
    assert_int_equal(page.bytes, 65536);
    assert_int_equal(page.used, 0x55555555);
    struct {
        roost_block block;
        char more[16];
    } later = {.block = {.size = sizeof later}, .more = "untouched"};
    assert_int_equal(roost_block_info(held_here, NULL, &later.block), 0);
    assert_int_equal(later.block.size, sizeof later.block);
    assert_string_equal(later.more, "untouched");
    assert_int_equal(roost_block_info(held_here, NULL, NULL), 0);
    roost_free(held_here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_that_is_held_is_told_of_once),
        cmocka_unit_test(large_blocks_are_nobodys),
        cmocka_unit_test(the_walk_and_the_figures_agree),
        cmocka_unit_test(pages_of_others_are_told_of),
        cmocka_unit_test(a_thread_without_a_heap_has_no_pages),
        cmocka_unit_test(the_callback_says_how_to_go_on),
        cmocka_unit_test(the_callback_may_allocate_and_free),
        cmocka_unit_test(any_address_of_a_block_leads_to_it),
        cmocka_unit_test(other_addresses_lead_nowhere),
        cmocka_unit_test(as_much_is_filled_as_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

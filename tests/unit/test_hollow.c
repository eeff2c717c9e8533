/* Holes in pages: what is given back was free, what is in use stays as it is, every block is handed out once, and the owner and who hollows out a page
 * do not get in each other's way. SPDX-License-Identifier: MIT */
#include "heaps.h" /* ROOST_TEST_OS_FAKE */

#include "core/hollow.h"
#include "core/options.h"
#include "core/segment.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"
#include "threadcache/sparse.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { BLOCKS_MAX = 4096 * 6, CLASS = 15, SOME = 3 }; /* 512 bytes */

static unsigned char *block[BLOCKS_MAX];
static unsigned count;

static void free_own(rst_heap *heap, unsigned i)
{
    rst_heap_push(heap, page_of(block[i]), block[i]);
    block[i] = NULL;
}

static void fill_block(unsigned i, size_t size)
{
    memset(block[i], (int)(i % 251), size);
}

static void check_block(unsigned i, size_t size)
{
    assert_int_equal(block[i][0], i % 251);
    assert_memory_equal(block[i], block[i] + 1, size - 1);
}

/* Take `pages` pages full of blocks and one block more, so that the last of them is not active. */
static rst_heap *with_pages(unsigned c, unsigned pages)
{
    rst_heap *heap = rst_registry_attach();
    count = pages * rst_classes[c].capacity + 1;
    for (unsigned i = 0; i < count; i++) {
        block[i] = take(heap, c);
        fill_block(i, rst_classes[c].size);
    }
    return heap;
}

static void end(rst_heap *heap)
{
    for (unsigned i = 0; i < count; i++) {
        if (block[i] != NULL)
            free_own(heap, i);
    }
    rst_registry_detach();
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(unit_in_use(), 0);
    assert_int_equal(free, all);
    assert_null(unit_leak());
}

static size_t os_pages_resident(const rst_slice *page)
{
    return fake_resident(rst_page_memory(page), page->span * RST_SLICE_SIZE) / FAKE_PAGE;
}

static void what_is_free_goes(void **state)
{
    (void)state;
    unsigned last = rst_classes[CLASS].capacity - 1u;
    rst_heap *heap = with_pages(CLASS, 1);
    rst_slice *page = page_of(block[0]);
    for (unsigned i = 1; i < last; i++)
        free_own(heap, i);
    uint64_t inside = rst_load_relaxed(&rst_process.purged_inside);
    size_t purged = rst_sparse_purge();
    if (FAKE_PAGE < RST_SLICE_SIZE) {
        assert_true(purged > 0 && os_pages_resident(page) <= 3); /* the first block, the last, the list's head */
        assert_true(page->holes.blocks > 0);
    }
    assert_int_equal(rst_load_relaxed(&rst_process.purged_inside), inside + purged);
    assert_int_equal(rst_sparse_purge(), 0);
    check_block(0, rst_classes[CLASS].size);
    check_block(last, rst_classes[CLASS].size);
    assert_int_equal(rst_page_out(page), 2);
    end(heap);
}

/* Those that begin in holes come last, one OS page at a time, and each once. */
static void holes_are_filled(void **state)
{
    (void)state;
    size_t size = rst_classes[CLASS].size;
    rst_heap *heap = with_pages(CLASS, 1);
    rst_slice *page = page_of(block[0]);
    unsigned capacity = rst_classes[CLASS].capacity;
    for (unsigned i = 1; i < capacity; i++)
        free_own(heap, i);
    rst_sparse_purge();
    free_own(heap, capacity); /* the active page is another one, and has this one */
    for (unsigned i = 1; i < 2 * capacity; i++) {
        size_t resident = os_pages_resident(page);
        block[i] = take(heap, CLASS);
        fill_block(i, size);
        assert_true(os_pages_resident(page) <= resident + 1);
    }
    count = 2 * capacity;
    assert_int_equal(page->holes.blocks, 0);
    for (unsigned i = 0; i < count; i++)
        check_block(i, size);
    end(heap);
}

/* Random work against patterns in all live blocks. */
static void random_work(unsigned c, uint64_t seed)
{
    size_t size = rst_classes[c].size;
    unsigned pages = 5;
    rst_heap *heap = with_pages(c, pages);
    for (unsigned round = 0; round < 12; round++) {
        unsigned share = 10 + (unsigned)(unit_random(&seed) % 90); /* of a hundred live ones that are freed */
        for (unsigned i = 0; i < count; i++) {
            if (block[i] != NULL && unit_random(&seed) % 100 < share) {
                check_block(i, size);
                free_own(heap, i);
            }
        }
        if (unit_random(&seed) % 4 != 0)
            rst_sparse_purge();
        share = (unsigned)(unit_random(&seed) % 100);
        for (unsigned i = 0; i < count; i++) {
            if (block[i] == NULL && unit_random(&seed) % 100 < share) {
                block[i] = take(heap, c);
                fill_block(i, size);
            }
        }
        for (unsigned i = 0; i < count; i++) {
            if (block[i] != NULL)
                check_block(i, size);
        }
    }
    end(heap);
}

static void random_work_of_all_classes(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
        random_work(c, c + 1);
}

/* A thread leaves holes behind; another adopts its heap. */
static void holes_survive_their_thread(void **state)
{
    (void)state;
    size_t size = rst_classes[CLASS].size;
    rst_heap *heap = with_pages(CLASS, 2);
    for (unsigned i = 0; i < count; i++) {
        if (i % 60 != 0)
            free_own(heap, i);
    }
    rst_sparse_purge();
    rst_registry_detach();
    rst_sparse_purge();
    heap = rst_registry_attach();
    for (unsigned i = 0; i < count; i++) {
        if (block[i] == NULL) {
            block[i] = take(heap, CLASS);
            fill_block(i, size);
        }
    }
    for (unsigned i = 0; i < count; i++)
        check_block(i, size);
    end(heap);
}

/* --- the owner meets a page that is held ------------------------------------------------------------------------------------------- */

/* Take blocks until they come from another page than they do now. Returns that. */
static rst_slice *use_next_page(rst_heap *heap)
{
    rst_slice *active = heap->active[CLASS];
    while (heap->active[CLASS] == active)
        block[count++] = take(heap, CLASS);
    return heap->active[CLASS];
}

/* One AVAILABLE page of which SOME blocks are in use. */
static rst_slice *held_page(rst_heap **heap)
{
    *heap = with_pages(CLASS, 1);
    for (unsigned i = SOME; i < rst_classes[CLASS].capacity; i++)
        free_own(*heap, i);
    rst_slice *page = page_of(block[0]);
    assert_true(rst_token_try(*heap));
    assert_true(rst_page_hold(page, rst_load_relaxed(&page->state)));
    return page;
}

static void a_held_page_is_passed_over(void **state)
{
    (void)state;
    rst_heap *heap;
    rst_slice *page = held_page(&heap);
    assert_null(rst_heap_next_available(heap, CLASS));
    assert_ptr_equal(heap->available[CLASS], page);
    rst_token_release(heap);
    assert_int_equal(rst_sparse_purge(), 0); /* by another one */
    assert_true(rst_token_try(heap));
    assert_true(rst_page_let_go(page));
    rst_token_release(heap);
    assert_ptr_equal(use_next_page(heap), page);
    end(heap);
}

static void a_held_page_takes_frees(void **state)
{
    (void)state;
    rst_heap *heap;
    rst_slice *page = held_page(&heap);
    free_own(heap, 1);
    rst_hollowed hollowed = {.count = 0};
    rst_page_hollow(page, 0, &hollowed);
    free_own(heap, 2);
    rst_hollowed_purge(&hollowed);
    assert_true(rst_page_let_go(page));
    rst_token_release(heap);
    check_block(0, rst_classes[CLASS].size);
    assert_int_equal(rst_page_out(page), 1);
    rst_sparse_purge();
    check_block(0, rst_classes[CLASS].size);
    end(heap);
}

/* Its last block is freed while it is held: it comes back by the outsider. */
static void a_held_page_becomes_empty(void **state)
{
    (void)state;
    rst_heap *heap;
    rst_slice *page = held_page(&heap);
    size_t in_use = unit_in_use();
    for (unsigned i = 0; i < SOME; i++)
        free_own(heap, i);
    assert_false(rst_page_let_go(page));
    assert_int_equal(rst_page_state_of(page), RST_PAGE_TAKEN);
    assert_int_equal(os_pages_resident(page), 0);
    rst_outside_return(heap, page);
    rst_token_release(heap);
    assert_int_equal(unit_in_use(), in_use);
    rst_remote_drain_owner(heap);
    assert_int_equal(unit_in_use(), in_use - RST_SLICE_SIZE);
    assert_null(heap->available[CLASS]);
    end(heap);
}

/* --- when ---------------------------------------------------------------------------------------------------------------------------- */

static void free_most(rst_heap *heap)
{
    for (unsigned i = 0; i < count - 1; i++) {
        if (block[i] != NULL && i % 100 != 0)
            free_own(heap, i);
    }
}

static void only_old_pages_go(void **state)
{
    (void)state;
    uint32_t half = (uint32_t)rst_option_get(purge_delay) / 2;
    uint64_t now = 100000;
    fake_clock_set(now);
    while (rst_sparse_step(64) != UINT32_MAX)
        fake_clock_set(now += 10000);
    rst_heap *heap = with_pages(CLASS, 8);
    free_most(heap);
    uint64_t before = rst_load_relaxed(&rst_process.purged_inside);
    fake_clock_set(now += 10000);
    assert_in_range(rst_sparse_step(64), 1, half); /* the first visit marks them */
    fake_clock_set(now += half - 1);
    rst_sparse_step(64);
    assert_int_equal(rst_load_relaxed(&rst_process.purged_inside), before);
    /* One of them is used meanwhile. */
    rst_slice *used = use_next_page(heap);
    fake_clock_set(now += 1);
    while (rst_sparse_step(1) == 0) {
    }
    if (FAKE_PAGE < RST_SLICE_SIZE / 4)
        assert_true(rst_load_relaxed(&rst_process.purged_inside) > before);
    assert_int_equal(used->holes.blocks, 0);
    /* In the end there is nothing to wait for. */
    unsigned turns = 0;
    while (turns < 100 && rst_sparse_step(64) != UINT32_MAX) {
        fake_clock_set(now += 1000);
        turns++;
    }
    assert_true(turns < 100);
    end(heap);
}

static void a_refused_purge_is_no_loss(void **state)
{
    (void)state;
    size_t size = rst_classes[CLASS].size;
    rst_heap *heap = with_pages(CLASS, 2);
    for (unsigned i = 0; i < count - 1; i++) {
        if (i % 40 != 0)
            free_own(heap, i);
    }
    fake_fail(FAKE_PURGE, 1, 1000);
    assert_int_equal(rst_sparse_purge(), 0);
    fake_fail_none();
    for (unsigned i = 0; i < count; i++) {
        if (block[i] == NULL) {
            block[i] = take(heap, CLASS);
            fill_block(i, size);
        }
    }
    for (unsigned i = 0; i < count; i++)
        check_block(i, size);
    end(heap);
}

/* --- forks --------------------------------------------------------------------------------------------------------------------------- */

static pthread_t forker;
static sem_t forker_runs;
static _Atomic bool forked;

static void *do_fork(void *unused)
{
    sem_post(&forker_runs);
    rst_sparse_before_fork();
    rst_store_relaxed(&forked, true);
    rst_sparse_after_fork(false);
    return unused;
}

static void start_fork(void)
{
    assert_int_equal(pthread_create(&forker, NULL, do_fork, NULL), 0);
    sem_wait(&forker_runs);
    usleep(20000); /* time to do the wrong thing */
    assert_false(rst_load_relaxed(&forked));
}

static void fork_here(void)
{
    rst_sparse_before_fork();
    rst_sparse_after_fork(false);
    rst_sparse_before_fork();
    rst_sparse_after_fork(true);
    rst_store_relaxed(&forked, true);
}

/* Returns what was given back meanwhile. */
static size_t purge_and_fork(rst_heap *heap, void (*fork_there)(void))
{
    rst_store_relaxed(&forked, false);
    free_most(heap);
    fake_at_purge_inside(fork_there);
    return rst_sparse_purge();
}

static void a_fork_waits_for_the_visit(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 8);
    assert_int_equal(sem_init(&forker_runs, 0, 0), 0);
    if (purge_and_fork(heap, start_fork) != 0) { /* 0: where OS pages are as large as these */
        assert_int_equal(pthread_join(forker, NULL), 0);
        assert_true(rst_load_relaxed(&forked));
    }
    rst_sparse_purge(); /* what made way for it */
    assert_int_equal(rst_sparse_purge(), 0);
    fake_at_purge_inside(NULL);
    end(heap);
}

/* As a signal handler that interrupted the visit. */
static void a_fork_amid_a_visit_does_not_wait(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 8);
    size_t purged = purge_and_fork(heap, fork_here);
    assert_int_equal(rst_load_relaxed(&forked), purged != 0);
    fake_at_purge_inside(NULL);
    rst_sparse_before_fork(); /* nobody is at it any more */
    rst_sparse_after_fork(false);
    end(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_free_goes),
        cmocka_unit_test(holes_are_filled),
        cmocka_unit_test(random_work_of_all_classes),
        cmocka_unit_test(holes_survive_their_thread),
        cmocka_unit_test(a_held_page_is_passed_over),
        cmocka_unit_test(a_held_page_takes_frees),
        cmocka_unit_test(a_held_page_becomes_empty),
        cmocka_unit_test(only_old_pages_go),
        cmocka_unit_test(a_refused_purge_is_no_loss),
        cmocka_unit_test(a_fork_waits_for_the_visit),
        cmocka_unit_test(a_fork_amid_a_visit_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

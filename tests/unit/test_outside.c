/* Outsiders: what a heap's owner does not take in while it sleeps is collected, whole pages go back, and the owner finds everything
 * in order when it comes back. The "other thread" is this one, which calls what another would.
 * SPDX-License-Identifier: MIT */
#include "heaps.h" /* ROOST_TEST_OS_FAKE */

#include "core/page.h"
#include "core/segment.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

#include <pthread.h>

enum { BLOCKS_MAX = 4096 * 6, CLASS = 20 };

static void *blocks[BLOCKS_MAX];
static unsigned blocks_of_page;

static void free_foreign(void *block)
{
    rst_remote_free_alone(page_of(block), block);
}

static void free_own(rst_heap *heap, void *block)
{
    rst_heap_push(heap, page_of(block), block);
}

/* Take `pages` pages full of blocks, and one block more so that the last of them is not active. */
static rst_heap *with_pages(unsigned c, unsigned pages)
{
    rst_heap *heap = rst_registry_attach();
    blocks_of_page = rst_classes[c].capacity;
    for (unsigned i = 0; i <= pages * blocks_of_page; i++)
        blocks[i] = take(heap, c);
    assert_true(page_of(blocks[pages * blocks_of_page]) != page_of(blocks[pages * blocks_of_page - 1]));
    return heap;
}

static void end(rst_heap *heap, void *last)
{
    free_own(heap, last);
    rst_registry_detach();
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(unit_in_use(), 0);
    assert_int_equal(free, all);
    assert_null(unit_leak());
}

static void full_pages_go_to_the_arena(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c += CLASS / 2) {
        rst_heap *heap = with_pages(c, 3);
        size_t in_use = unit_in_use();
        for (unsigned i = 0; i < 3 * blocks_of_page; i++)
            free_foreign(blocks[i]);
        rst_outside_collect(heap, false);
        assert_int_equal(unit_in_use(), in_use - 3 * rst_classes[c].span * RST_SLICE_SIZE);
        assert_int_equal(rst_load_relaxed(&heap->outside.pages_ended), 3);
        assert_int_equal(rst_load_relaxed(&heap->outside_pages), 0);
        assert_int_equal(rst_heap_pages(heap), 1);
        end(heap, blocks[3 * blocks_of_page]);
        rst_store_relaxed(&heap->outside.pages_ended, 0u);
        rst_store_relaxed(&heap->counters.pages_made, 0u);
        rst_store_relaxed(&heap->counters.pages_ended, 0u);
    }
}

/* The owner has freed some itself: fewer than make the page available. */
static void a_full_page_with_own_frees_goes_too(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 1);
    size_t in_use = unit_in_use();
    unsigned own = rst_classes[CLASS].reserve - 1u;
    for (unsigned i = 0; i < own; i++)
        free_own(heap, blocks[i]);
    for (unsigned i = own; i < blocks_of_page - 1; i++)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, true);
    assert_int_equal(unit_in_use(), in_use);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 1);
    free_foreign(blocks[blocks_of_page - 1]);
    rst_outside_collect(heap, false);
    assert_int_equal(unit_in_use(), in_use - RST_SLICE_SIZE);
    end(heap, blocks[blocks_of_page]);
}

/* The last block of all comes back by the owner's own free: found by the next outsider that purges. */
static void the_owner_frees_last(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 1);
    size_t in_use = unit_in_use();
    for (unsigned i = 1; i < blocks_of_page; i++)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, false);
    free_own(heap, blocks[0]);
    assert_int_equal(unit_in_use(), in_use);
    rst_outside_collect(heap, true);
    assert_int_equal(unit_in_use(), in_use - RST_SLICE_SIZE);
    end(heap, blocks[blocks_of_page]);
}

/* Make the only page AVAILABLE: the owner frees what it takes. Returns how many. */
static unsigned make_available(rst_heap *heap)
{
    unsigned own = rst_classes[CLASS].reserve + 3u;
    for (unsigned i = 0; i < own; i++)
        free_own(heap, blocks[i]);
    assert_int_equal(rst_page_state_of(page_of(blocks[0])), RST_PAGE_AVAILABLE);
    return own;
}

static void available_pages_are_purged_in_place(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 1);
    rst_slice *page = page_of(blocks[0]);
    size_t in_use = unit_in_use();
    uint64_t purged = rst_load_relaxed(&rst_process.purged);
    for (unsigned i = make_available(heap); i < blocks_of_page; i++)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, false);
    assert_int_equal(rst_page_state_of(page), RST_PAGE_AVAILABLE);
    rst_outside_collect(heap, true);
    assert_int_equal(rst_page_state_of(page), RST_PAGE_TAKEN);
    assert_int_equal(rst_load_relaxed(&rst_process.purged), purged + RST_SLICE_SIZE);
    assert_true(rst_os_use(rst_page_memory(page), RST_SLICE_SIZE));
    assert_true(unit_all_zero(rst_page_memory(page), RST_SLICE_SIZE));
    assert_int_equal(unit_in_use(), in_use);
    rst_remote_drain_owner(heap);
    assert_int_equal(unit_in_use(), in_use - RST_SLICE_SIZE);
    assert_null(heap->available[CLASS]);
    end(heap, blocks[blocks_of_page]);
}

/* The owner meets a page that was taken before it hears of it. */
static void a_taken_page_is_not_activated(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 1);
    rst_slice *page = page_of(blocks[0]);
    for (unsigned i = make_available(heap); i < blocks_of_page; i++)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, true);
    assert_ptr_equal(heap->available[CLASS], page);
    assert_null(rst_heap_next_available(heap, CLASS));
    assert_null(heap->available[CLASS]);
    size_t in_use = unit_in_use();
    rst_remote_drain_owner(heap);
    assert_int_equal(unit_in_use(), in_use - RST_SLICE_SIZE);
    end(heap, blocks[blocks_of_page]);
}

static void what_is_kept_comes_home(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 5);
    unsigned count = 5 * blocks_of_page;
    for (unsigned i = 0; i < count; i += 2)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, true);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 5);
    rst_remote_drain_owner(heap);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 0);
    for (unsigned i = 1; i < count; i += 2)
        free_own(heap, blocks[i]);
    end(heap, blocks[count]);
}

/* A heap is parked while its pages are kept by outsiders: whoever comes next puts them in. */
static void *park_with_kept_pages(void *unused)
{
    rst_heap *heap = with_pages(CLASS, 2);
    for (unsigned i = 0; i < 2 * blocks_of_page; i += 2)
        free_foreign(blocks[i]);
    rst_outside_collect(heap, true);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 2);
    rst_registry_detach();
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 0);
    return unused;
}

static void parking_takes_in_what_is_kept(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, park_with_kept_pages, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (unsigned i = 1; i < 2 * blocks_of_page; i += 2)
        free_foreign(blocks[i]);
    free_foreign(blocks[2 * blocks_of_page]);
    assert_int_equal(unit_in_use(), 0);
}

/* Where purging fails, the page still comes back, as memory that was written. */
static void a_refused_purge_is_no_loss(void **state)
{
    (void)state;
    rst_heap *heap = with_pages(CLASS, 1);
    for (unsigned i = make_available(heap); i < blocks_of_page; i++)
        free_foreign(blocks[i]);
    fake_fail(FAKE_PURGE, 1, 1);
    rst_outside_collect(heap, true);
    rst_remote_drain_owner(heap);
    end(heap, blocks[blocks_of_page]);
    bool zeroed = true;
    rst_slice *slice = rst_slices_claim(1, 1, false, NULL, &zeroed);
    assert_false(zeroed);
    slice->kind = RST_KIND_NONE;
    rst_slices_release(slice->arena, rst_slice_index(&rst_arenas[slice->arena], slice), 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_pages_go_to_the_arena),    cmocka_unit_test(a_full_page_with_own_frees_goes_too),
        cmocka_unit_test(the_owner_frees_last),          cmocka_unit_test(available_pages_are_purged_in_place),
        cmocka_unit_test(a_taken_page_is_not_activated), cmocka_unit_test(what_is_kept_comes_home),
        cmocka_unit_test(parking_takes_in_what_is_kept), cmocka_unit_test(a_refused_purge_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

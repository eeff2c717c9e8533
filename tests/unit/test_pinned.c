/* Explicit huge pages under the beginning of the first arena: used first, not given back, not moved, not taken for zero.
 * SPDX-License-Identifier: MIT */
#include "heaps.h" /* ROOST_TEST_OS_FAKE */

#include "core/huge.h"
#include "core/large.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/segment.h"
#include "threadcache/registry.h"
#include "threadcache/sparse.h"

enum { SEGMENTS = 4, BLOCKS = 63, SIZE = 8192 };
#define PINNED (SEGMENTS * RST_SEGMENT_SIZE)

/* One more is wanted than there is. */
static int setup(void **state)
{
    (void)state;
    rst_option_values[RST_OPTION_explicit_huge] = PINNED + RST_SEGMENT_SIZE;
    rst_option_values[RST_OPTION_huge_pages] = 2;
    rst_option_values[RST_OPTION_purge_delay] = 0;
    fake_pin_set(PINNED + RST_SEGMENT_SIZE / 2);
    return rst_arena_add(0, 0) ? 0 : -1;
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    assert_int_equal(rst_arenas[0].pinned, PINNED);
    assert_int_equal(rst_load_relaxed(&rst_process.pinned), PINNED);
    assert_string_equal(fake_errors(),
                        "roost: explicit_huge: 8 of 10 MiB are had in pages of 2 MiB: the pool is empty\n");
}

static bool is_inside(const void *block)
{
    return (size_t)((const char *)block - rst_arenas[0].base) < PINNED;
}

static void it_is_used_first_and_is_not_taken_for_zero(void **state)
{
    (void)state;
    size_t size = PINNED - RST_SEGMENT_SIZE;
    char *block = rst_large_alloc(size, 1, false);
    assert_true(is_inside(block));
    memset(block, 1, size);
    rst_large_free(rst_slice_of(block));
    char *again = rst_large_alloc(size, 1, true);
    assert_ptr_equal(again, block);
    assert_true(unit_all_zero(again, size));
    rst_large_free(rst_slice_of(again));
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), 0);
}

static void nothing_of_it_goes_back(void **state)
{
    (void)state;
    size_t size = PINNED - RST_SEGMENT_SIZE; /* how far the arena has grown */
    char *block = rst_large_alloc(size, 1, false);
    assert_ptr_equal(block, rst_arenas[0].base);
    memset(block, 1, size);
    rst_large_free(rst_slice_of(block));
    fake_clock_set(100000);
    assert_int_equal(rst_purge_all(), 0); /* the fake would not have it */
    assert_int_equal(fake_resident(block, size), size);
    assert_int_equal(fake_huge(rst_arenas[0].base, PINNED), 0);
}

static void a_block_across_its_end(void **state)
{
    (void)state;
    size_t size = PINNED + 3 * RST_SEGMENT_SIZE;
    char *block = rst_large_alloc(size, 1, true);
    assert_true(is_inside(block) && !is_inside(block + size - 1));
    assert_true(unit_all_zero(block, size));
    memset(block, 1, size);
    rst_large_free(rst_slice_of(block));
    fake_clock_set(200000);
    assert_true(rst_purge_all() >= size - PINNED - RST_SEGMENT_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), 0);
    block = rst_large_alloc(size, 1, true);
    assert_true(unit_all_zero(block, size));
    rst_large_free(rst_slice_of(block));
}

static void it_is_not_moved(void **state)
{
    (void)state;
    size_t size = PINNED / 2;
    char *block = rst_large_alloc(size, 1, false), *behind = rst_large_alloc(size, 1, false);
    assert_true(is_inside(block) && is_inside(behind));
    assert_null(rst_large_move(rst_slice_of(block), 2 * size)); /* the caller copies */
    rst_large_free(rst_slice_of(block));
    rst_large_free(rst_slice_of(behind));
}

static void pages_are_not_hollowed_out(void **state)
{
    (void)state;
    static void *block[BLOCKS];
    rst_heap *heap = rst_registry_attach();
    unsigned c = (unsigned)rst_class_of(SIZE), capacity = rst_classes[c].capacity;
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = take(heap, c);
        assert_true(is_inside(block[i]));
        memset(block[i], 1, SIZE);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (i % capacity != 0) /* one stays in each page */
            rst_heap_push(heap, page_of(block[i]), block[i]);
    }
    assert_int_equal(rst_sparse_purge(), 0);
    for (unsigned i = 0; i < BLOCKS; i += capacity)
        rst_heap_push(heap, page_of(block[i]), block[i]);
    rst_registry_detach();
    assert_int_equal(unit_in_use(), 0);
}

/* All is given up, and the library begins anew. The system takes the reservation away as it is cut: another one is made. */
static void a_reservation_that_was_lost(void **state)
{
    (void)state;
    size_t before = rst_load_relaxed(&rst_process.reserved);
    rst_arena_give_up(true);
    assert_int_equal(rst_load_relaxed(&rst_process.pinned), 0);
    assert_null(unit_leak());
    fake_pin_set(PINNED);
    fake_fail(FAKE_PIN, 1, 1);
    assert_true(rst_arena_add(0, 0));
    assert_int_equal(rst_arenas[0].pinned, PINNED);
    assert_in_range(rst_load_relaxed(&rst_process.reserved), 1, before - 1); /* the next is smaller */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(it_is_used_first_and_is_not_taken_for_zero),
        cmocka_unit_test(nothing_of_it_goes_back),
        cmocka_unit_test(a_block_across_its_end),
        cmocka_unit_test(it_is_not_moved),
        cmocka_unit_test(pages_are_not_hollowed_out),
        cmocka_unit_test(a_reservation_that_was_lost),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

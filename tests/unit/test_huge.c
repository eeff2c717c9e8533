/* Which segments ask for huge pages, and what a purge does in them.
 * SPDX-License-Identifier: MIT */
#include "huge.h" /* ROOST_TEST_OS_FAKE */

static void only_a_dense_page_that_comes_first_asks(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    enum { MANY = RST_SEGMENT_SLICES - RST_HUGE_MAKE + 1 };
    rst_slice *sparse = claim(MANY, SPARSE); /* too many to make a huge page of */
    assert_int_equal(segment_of(sparse), segment);
    rst_slice *dense = claim(1, DENSE);
    assert_int_equal(segment_of(dense), segment);
    assert_int_equal(asked(segment), 0);
    rst_slices_release(0, index_of(sparse), MANY, 0);
    rst_slices_release(0, index_of(dense), 1, 0);

    dense = claim(4, DENSE);
    assert_int_equal(segment_of(dense), segment);
    assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    unsigned calls = fake_calls(FAKE_HUGE);
    rst_slice *second = claim(1, DENSE);
    sparse = claim(4, SPARSE); /* what is resident with a huge page is for everyone */
    assert_int_equal(segment_of(second), segment);
    assert_int_equal(segment_of(sparse), segment);
    assert_int_equal(fake_calls(FAKE_HUGE), calls);
    release_dirty(second, 1);
    release_dirty(sparse, 4);
    release_dirty(dense, 4);
    assert_int_equal(visit(segment, true), RST_SEGMENT_SIZE);
}

/* It is likely to be taken up again as it was. */
static void what_is_purged_as_a_whole_goes_on_asking(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    for (int round = 0; round < 3; round++) {
        rst_slice *page = claim(4, DENSE);
        assert_int_equal(segment_of(page), segment);
        unsigned calls = fake_calls(FAKE_HUGE);
        release_dirty(page, 4);
        assert_int_equal(visit(segment, true), RST_SEGMENT_SIZE);
        assert_int_equal(resident(segment), 0);
        assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
        assert_int_equal(fake_calls(FAKE_HUGE), calls);
    }
    rst_slice *sparse = claim(1, SPARSE);
    assert_int_equal(segment_of(sparse), segment);
    assert_int_equal(asked(segment), 0); /* it is not to make 2 MiB resident */
    release_dirty(sparse, 1);
    visit(segment, true);
}

/* Nothing is resident in it, so it is no better than lower memory. */
static void what_is_purged_as_a_whole_is_not_looked_for_first(void **state)
{
    (void)state;
    size_t low = fresh_segment();
    rst_slice *below = claim(RST_SEGMENT_SLICES, SPARSE);
    rst_slice *page = claim(4, DENSE);
    assert_int_equal(segment_of(below), low);
    assert_int_equal(segment_of(page), low + 1);
    rst_slices_release(0, index_of(below), RST_SEGMENT_SLICES, 0);
    release_dirty(page, 4);
    assert_int_equal(visit(low + 1, true), RST_SEGMENT_SIZE);
    assert_int_equal(asked(low + 1), RST_SEGMENT_SIZE);
    rst_slice *next = claim(1, SPARSE);
    assert_int_equal(segment_of(next), low);
    rst_slices_release(0, index_of(next), 1, 0);
}

static void a_free_huge_page_goes_as_a_whole(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    rst_slice *page = claim(RST_SEGMENT_SLICES / 2, DENSE), *young = claim(RST_SEGMENT_SLICES / 2, DENSE);
    assert_int_equal(segment_of(page), segment);
    assert_int_equal(segment_of(young), segment);
    release_dirty(page, RST_SEGMENT_SLICES / 2);
    assert_false(rst_segment_goes_whole(&rst_arenas[0], segment, true));
    assert_int_equal(visit(segment, false), 0);
    release_dirty(young, RST_SEGMENT_SLICES / 2);
    assert_true(rst_segment_goes_whole(&rst_arenas[0], segment, true));
    assert_false(rst_segment_goes_whole(&rst_arenas[0], segment, false));
    assert_int_equal(visit(segment, false), 0); /* half of it is old */
    assert_true(rst_segment_goes_whole(&rst_arenas[0], segment, false));
    assert_int_equal(visit(segment, false), RST_SEGMENT_SIZE);
}

static void the_rest_of_a_huge_page_goes_before_lower_memory(void **state)
{
    (void)state;
    size_t low = fresh_segment();
    rst_slice *block = claim(RST_SEGMENT_SLICES - 2, SPARSE);
    assert_int_equal(segment_of(block), low);
    rst_slice *page = claim(4, DENSE);
    assert_int_equal(segment_of(page), low + 1);
    assert_int_equal(asked(low + 1), RST_SEGMENT_SIZE);
    rst_slice *next = claim(1, SPARSE);
    assert_int_equal(segment_of(next), low + 1);
    release_dirty(next, 1);
    release_dirty(page, 4);
    release_dirty(block, RST_SEGMENT_SLICES - 2);
    assert_int_equal(visit(low, true), (RST_SEGMENT_SLICES - 2) * RST_SLICE_SIZE);
    visit(low + 1, true);
}

static void a_huge_page_is_broken_only_for_enough(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    rst_slice *page[RST_SEGMENT_SLICES];
    for (unsigned i = 0; i < RST_SEGMENT_SLICES - 4; i++) {
        page[i] = claim(1, DENSE);
        assert_int_equal(segment_of(page[i]), segment);
    }
    for (unsigned i = 0; i < RST_HUGE_BREAK - 1; i++)
        release_dirty(page[i], 1);
    for (int visits = 0; visits < 3; visits++)
        assert_int_equal(visit(segment, false), 0);
    assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    assert_false(rst_segment_idles(&rst_arenas[0], segment));
    release_dirty(page[RST_HUGE_BREAK - 1], 1);
    assert_true(rst_segment_idles(&rst_arenas[0], segment));
    memset(memory_of(segment) + RST_SEGMENT_SIZE - 4 * RST_SLICE_SIZE, 0, 4 * RST_SLICE_SIZE); /* as the kernel does */
    assert_int_equal(visit(segment, false), 0); /* the last one is young */
    assert_int_equal(visit(segment, false), (RST_HUGE_BREAK + 4) * RST_SLICE_SIZE);
    assert_int_equal(asked(segment), 0);
    assert_int_equal(fake_resident(memory_of(segment), RST_HUGE_BREAK * RST_SLICE_SIZE), 0);
    for (unsigned i = RST_HUGE_BREAK; i < RST_SEGMENT_SLICES - 4; i++)
        release_dirty(page[i], 1);
    visit(segment, true);
    assert_int_equal(resident(segment), 0);
}

/* As many slices as a heap's pages are cut from in the rest of a broken huge page; `stays` are in use there, as a page's. */
static size_t broken_segment(rst_slice **stays, unsigned count)
{
    size_t segment = fresh_segment();
    *stays = claim(count, DENSE);
    assert_int_equal(segment_of(*stays), segment);
    for (unsigned i = 0; i < count; i++)
        (*stays)[i].kind = i == 0 ? RST_KIND_PAGE : RST_KIND_INTERIOR;
    rst_slice *page = claim(RST_SEGMENT_SLICES - count, DENSE);
    assert_int_equal(segment_of(page), segment);
    release_dirty(page, RST_SEGMENT_SLICES - count);
    assert_true(visit(segment, true) != 0);
    assert_int_equal(asked(segment), 0);
    return segment;
}

static void end_broken_segment(size_t segment, rst_slice *stays, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        stays[i].kind = RST_KIND_NONE;
    release_dirty(stays, count);
    visit(segment, true);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), 0);
}

static void expect_made(unsigned in_use, bool made)
{
    rst_slice *stays;
    size_t segment = broken_segment(&stays, in_use);
    memset(rst_slice_memory(stays), 7, in_use * RST_SLICE_SIZE);
    rst_slice *page = claim(2, DENSE);
    assert_int_equal(segment_of(page), segment);
    assert_int_equal(asked(segment), made ? RST_SEGMENT_SIZE : 0);
    assert_int_equal(*(char *)rst_slice_memory(stays), 7);
    release_dirty(page, 2);
    end_broken_segment(segment, stays, in_use);
}

static void a_broken_huge_page_is_made_again_where_little_has_stayed(void **state)
{
    (void)state;
    expect_made(1, true);
    expect_made(RST_SEGMENT_SLICES - RST_HUGE_MAKE, true);
    expect_made(RST_SEGMENT_SLICES - RST_HUGE_MAKE + 1, false);
}

static void idle_slices_count_as_what_has_stayed(void **state)
{
    (void)state;
    enum { MANY = RST_SEGMENT_SLICES - RST_HUGE_MAKE - 2 };
    rst_slice *stays;
    size_t segment = broken_segment(&stays, MANY);
    rst_slice *warm = claim(3, SPARSE);
    assert_int_equal(segment_of(warm), segment);
    release_dirty(warm, 3);
    rst_slice *page = claim(4, DENSE); /* does not fit where it is warm */
    assert_int_equal(segment_of(page), segment);
    assert_int_equal(asked(segment), 0);
    release_dirty(page, 4);
    end_broken_segment(segment, stays, MANY);
}

static void none_is_made_beside_a_large_block(void **state)
{
    (void)state;
    rst_slice *stays;
    size_t segment = broken_segment(&stays, 2);
    static const uint8_t kinds[] = {RST_KIND_LARGE, RST_KIND_NONE};
    for (unsigned i = 0; i < 2; i++) {
        stays[0].kind = kinds[i];
        stays[1].kind = RST_KIND_NONE;
        rst_slice *page = claim(1, DENSE);
        assert_int_equal(segment_of(page), segment);
        assert_int_equal(asked(segment), 0);
        rst_slices_release(0, index_of(page), 1, 0);
    }
    end_broken_segment(segment, stays, 2);
}

/* One claim of a slice in the segment. Returns how many calls it made for huge pages. */
static unsigned claim_calls(size_t segment)
{
    unsigned calls = fake_calls(FAKE_HUGE);
    rst_slice *page = claim(1, DENSE);
    assert_int_equal(segment_of(page), segment);
    rst_slices_release(0, index_of(page), 1, 0);
    return fake_calls(FAKE_HUGE) - calls;
}

static void a_huge_page_that_cannot_be_made_is_done_without(void **state)
{
    (void)state;
    rst_slice *stays;
    size_t segment = broken_segment(&stays, 1);
    fake_fail(FAKE_HUGE, 1, 1);
    assert_int_equal(claim_calls(segment), 1);
    assert_int_equal(asked(segment), 0);
    fake_fail(FAKE_HUGE, 2, 1); /* the wish is granted, and the page is not made: the kernel may do it later */
    assert_int_equal(claim_calls(segment), 2);
    fake_fail_none();
    assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    assert_int_equal(claim_calls(segment), 0);
    end_broken_segment(segment, stays, 1);
}

static void few_slices_go_when_nothing_else_is_there(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    rst_slice *page = claim(1, DENSE);
    release_dirty(page, 1);
    assert_true(rst_segment_idles(&rst_arenas[0], segment));
    assert_int_equal(visit(segment, false), 0);
    assert_int_equal(visit(segment, false), RST_SEGMENT_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), 0);
}

static void under_pressure_few_slices_go_too(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    rst_slice *stays = claim(1, DENSE);
    rst_slice *page = claim(1, DENSE);
    release_dirty(page, 1);
    assert_int_equal(visit(segment, true), (RST_SEGMENT_SLICES - 1) * RST_SLICE_SIZE);
    assert_int_equal(asked(segment), 0);
    release_dirty(stays, 1);
    visit(segment, true);
}

/* What a refused purge leaves is unknown: the never used slices must not pass for zero. */
static void a_refused_purge_leaves_nothing_clean(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    release_dirty(claim(1, DENSE), 1);
    fake_fail(FAKE_PURGE, 1, 1);
    assert_int_equal(visit(segment, true), 0);
    fake_fail_none();
    bool zeroed = true;
    rst_slice *block = rst_slices_claim(8, 1, SPARSE, NULL, &zeroed);
    assert_int_equal(segment_of(block), segment);
    assert_false(zeroed);
    release_dirty(block, 8);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), RST_SEGMENT_SIZE);
    assert_int_equal(visit(segment, true), RST_SEGMENT_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), 0);
}

static void a_large_block_takes_whole_segments_out_of_it(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    release_dirty(claim(1, DENSE), 1);
    assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    rst_slice *block = claim(2 * RST_SEGMENT_SLICES, SPARSE);
    assert_int_equal(segment_of(block), segment);
    assert_int_equal(asked(segment), 0);
    release_dirty(block, 2 * RST_SEGMENT_SLICES);
    visit(segment, true);
    visit(segment + 1, true);
}

static void a_large_block_is_one_call(void **state)
{
    (void)state;
    enum { SEGMENTS = 4 };
    size_t segment = fresh_segment();
    rst_slice *page[SEGMENTS];
    for (int i = 0; i < SEGMENTS; i++) {
        page[i] = claim(RST_SEGMENT_SLICES, DENSE);
        assert_int_equal(segment_of(page[i]), segment + (size_t)i);
        assert_int_equal(asked(segment + (size_t)i), RST_SEGMENT_SIZE);
    }
    for (int i = 0; i < SEGMENTS; i++)
        release_dirty(page[i], RST_SEGMENT_SLICES);
    unsigned calls = fake_calls(FAKE_HUGE);
    rst_slice *block = claim(SEGMENTS * RST_SEGMENT_SLICES, SPARSE);
    assert_int_equal(segment_of(block), segment);
    assert_int_equal(fake_calls(FAKE_HUGE), calls + 1);
    for (size_t i = 0; i < SEGMENTS; i++)
        assert_int_equal(asked(segment + i), 0);
    release_dirty(block, SEGMENTS * RST_SEGMENT_SLICES);
    for (size_t i = 0; i < SEGMENTS; i++)
        visit(segment + i, true);
}

static void a_system_without_them_changes_nothing(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    fake_fail(FAKE_HUGE, 1, 1);
    rst_slice *page = claim(1, DENSE);
    assert_int_equal(segment_of(page), segment);
    fake_fail_none();
    assert_int_equal(asked(segment), 0);
    release_dirty(page, 1);
    assert_int_equal(visit(segment, true), RST_SLICE_SIZE);
}

static void the_option_says_who_asks(void **state)
{
    (void)state;
    size_t segment = fresh_segment();
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 0);
    rst_slice *page = claim(1, DENSE);
    assert_int_equal(segment_of(page), segment);
    assert_int_equal(asked(segment), 0);
    rst_slices_release(0, index_of(page), 1, 0);
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 2);
    rst_slice *block = claim(2 * RST_SEGMENT_SLICES, SPARSE);
    assert_int_equal(segment_of(block), segment);
    assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    assert_int_equal(asked(segment + 1), RST_SEGMENT_SIZE);
    release_dirty(block, 2 * RST_SEGMENT_SLICES);
    visit(segment, true);
    visit(segment + 1, true);
    size_t asking = 0;
    for (size_t s = 0; s < rst_load_relaxed(&rst_arenas[0].frontier) / RST_SEGMENT_SIZE; s++)
        asking += rst_huge_asked(&rst_arenas[0], s);
    assert_int_equal(rst_load_relaxed(&rst_process.huge_asked) - rst_load_relaxed(&rst_process.huge_dropped), asking);
}

/* By the keeper, which comes again; the callers may not. */
static void a_huge_page_is_broken_late(void **state)
{
    (void)state;
    enum { DELAY = 1000, HALF = DELAY / 2, START = 1000000 };
    size_t segment = fresh_segment();
    rst_store_relaxed(&rst_option_values[RST_OPTION_purge_delay], DELAY);
    rst_slice *busy = claim(1, DENSE), *idle = claim(RST_SEGMENT_SLICES - 1, DENSE),
              *whole = claim(RST_SEGMENT_SLICES, DENSE);
    assert_int_equal(segment_of(busy), segment);
    assert_int_equal(segment_of(idle), segment);
    assert_int_equal(segment_of(whole), segment + 1);
    release_dirty(idle, RST_SEGMENT_SLICES - 1);
    release_dirty(whole, RST_SEGMENT_SLICES);
    fake_clock_set(START);
    rst_purge_step(8); /* takes note of their age */
    for (int ms = HALF; ms < RST_HUGE_PATIENCE * HALF; ms += HALF) {
        fake_clock_set((uint64_t)START + (uint64_t)ms);
        assert_int_not_equal(rst_purge_step(8), UINT32_MAX); /* something is idle */
        assert_int_equal(resident(segment + 1), 0);
        assert_true(resident(segment) >= RST_SEGMENT_SIZE - RST_SLICE_SIZE);
        assert_int_equal(asked(segment), RST_SEGMENT_SIZE);
    }
    fake_clock_set(START + RST_HUGE_PATIENCE * HALF);
    rst_purge_step(8);
    assert_true(resident(segment) <= RST_SLICE_SIZE);
    assert_int_equal(asked(segment), 0);
    release_dirty(busy, 1);
    visit(segment, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_dense_page_that_comes_first_asks),
        cmocka_unit_test(what_is_purged_as_a_whole_goes_on_asking),
        cmocka_unit_test(what_is_purged_as_a_whole_is_not_looked_for_first),
        cmocka_unit_test(a_free_huge_page_goes_as_a_whole),
        cmocka_unit_test(the_rest_of_a_huge_page_goes_before_lower_memory),
        cmocka_unit_test(a_huge_page_is_broken_only_for_enough),
        cmocka_unit_test(a_broken_huge_page_is_made_again_where_little_has_stayed),
        cmocka_unit_test(idle_slices_count_as_what_has_stayed),
        cmocka_unit_test(none_is_made_beside_a_large_block),
        cmocka_unit_test(a_huge_page_that_cannot_be_made_is_done_without),
        cmocka_unit_test(a_huge_page_is_broken_late),
        cmocka_unit_test(few_slices_go_when_nothing_else_is_there),
        cmocka_unit_test(under_pressure_few_slices_go_too),
        cmocka_unit_test(a_refused_purge_leaves_nothing_clean),
        cmocka_unit_test(a_large_block_takes_whole_segments_out_of_it),
        cmocka_unit_test(a_large_block_is_one_call),
        cmocka_unit_test(a_system_without_them_changes_nothing),
        cmocka_unit_test(the_option_says_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

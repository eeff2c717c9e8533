/* The huge page that the keeper makes ready before it is needed: who calls for one, what is made, and when it is handed out.
 * SPDX-License-Identifier: MIT */
#include "huge.h" /* ROOST_TEST_OS_FAKE */

#include "core/ready.h"
#include "core/search.h"

enum { MUCH = 32 * 1024 * 1024 / RST_SLICE_SIZE };

#define FIGURE(name) rst_load_relaxed(&rst_process.name)

static rst_slice *held;

/* A process that holds enough, with a keeper that rests, nothing else in use, warm or ready. */
static int begin(void **state)
{
    (void)state;
    rst_purge_all();
    rst_store_relaxed(&rst_search_ready, NULL);
    rst_store_relaxed(&rst_ready_wanted, 0u);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE);
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 1);
    held = claim(MUCH, SPARSE);
    assert_int_equal(FIGURE(in_use), MUCH * RST_SLICE_SIZE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rst_slices_release(held->arena, index_of(held), MUCH, 0);
    rst_purge_all();
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
    return 0;
}

static rst_slice *page(unsigned span, bool dense)
{
    rst_slice *first = claim(span, dense);
    first->span = span;
    return first;
}

static bool calls(const rst_slice *first)
{
    rst_store_relaxed(&rst_ready_wanted, 0u);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_ASLEEP);
    rst_ready_consider(first);
    bool wanted = rst_load_relaxed(&rst_ready_wanted) != 0;
    assert_int_equal(rst_load_relaxed(&rst_keeper), wanted ? RST_KEEPER_CALLED : RST_KEEPER_ASLEEP);
    return wanted;
}

static void serve(void)
{
    rst_store_relaxed(&rst_ready_wanted, 1u);
    rst_ready_serve();
    assert_int_equal(rst_load_relaxed(&rst_ready_wanted), 0);
}

/* The segment that is ready, whose memory is there; SIZE_MAX: none is. */
static size_t ready(void)
{
    rst_arena *arena = &rst_arenas[0];
    for (size_t s = 0; s < rst_load_relaxed(&arena->frontier) / RST_SEGMENT_SIZE; s++) {
        if (rst_segment_at(arena, s) != rst_load_relaxed(&rst_search_ready))
            continue;
        assert_int_equal(rst_load_relaxed(&rst_segment_at(arena, s)->free), UINT32_MAX);
        assert_int_equal(rst_load_relaxed(&rst_segment_at(arena, s)->dirty), UINT32_MAX);
        assert_int_equal(asked(s), RST_SEGMENT_SIZE);
        assert_true(resident(s) > 0);
        return s;
    }
    return SIZE_MAX;
}

static void the_first_page_of_a_huge_page_calls(void **state)
{
    (void)state;
    rst_slice *first = page(4, DENSE), *second = page(1, DENSE);
    assert_int_equal(segment_of(first), segment_of(second));
    assert_false(calls(second));
    rst_slices_release(0, index_of(second), 1, 0);
    assert_true(calls(first));
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
    rst_ready_consider(first);
    assert_int_equal(rst_load_relaxed(&rst_keeper), RST_KEEPER_NONE);
    release_dirty(first, 4);
}

static void one_on_small_pages_does_not(void **state)
{
    (void)state;
    rst_slice *first = page(1, SPARSE);
    assert_false(calls(first));
    release_dirty(first, 1);
}

static void a_small_process_does_not(void **state)
{
    (void)state;
    rst_slice *first = page(1, DENSE);
    assert_true(calls(first));
    rst_process_sub(in_use, 2 * RST_SLICE_SIZE);
    assert_false(calls(first));
    rst_process_add(in_use, 2 * RST_SLICE_SIZE);
    release_dirty(first, 1);
}

static void one_is_made_and_counted(void **state)
{
    (void)state;
    uint64_t footprint = FIGURE(footprint), in_use = FIGURE(in_use), peak = FIGURE(in_use_peak);
    uint64_t readied = FIGURE(huge_readied);
    rst_ready_serve(); /* nobody wants one */
    assert_int_equal(ready(), SIZE_MAX);
    serve();
    size_t segment = ready();
    assert_int_not_equal(segment, SIZE_MAX);
    serve(); /* there is one */
    assert_int_equal(ready(), segment);
    assert_int_equal(FIGURE(huge_readied), readied + 1);
    assert_int_equal(FIGURE(footprint), footprint + RST_SEGMENT_SIZE);
    assert_int_equal(FIGURE(in_use), in_use);
    assert_int_equal(FIGURE(in_use_peak), peak);
    rst_slice *first = page(1, DENSE);
    assert_int_equal(segment_of(first), segment);
    assert_true(calls(first));
    serve(); /* the next */
    assert_int_not_equal(ready(), segment);
    assert_int_equal(FIGURE(huge_readied), readied + 2);
    release_dirty(first, 1);
}

static void the_arena_grows_for_it(void **state)
{
    (void)state;
    static rst_slice *all[FAKE_POOL / RST_SEGMENT_SIZE];
    size_t count = 0, frontier = rst_load_relaxed(&rst_arenas[0].frontier);
    for (; rst_load_relaxed(&rst_arenas[0].frontier) == frontier; count++)
        all[count] = claim(RST_SEGMENT_SLICES, SPARSE);
    frontier = rst_load_relaxed(&rst_arenas[0].frontier);
    while (frontier / RST_SEGMENT_SIZE > segment_of(all[count - 1]) + 1) { /* what it grew by besides */
        all[count] = claim(RST_SEGMENT_SLICES, SPARSE);
        count++;
    }
    assert_int_equal(rst_load_relaxed(&rst_arenas[0].frontier), frontier);
    serve();
    assert_true(rst_load_relaxed(&rst_arenas[0].frontier) > frontier);
    assert_int_equal(ready(), frontier / RST_SEGMENT_SIZE);
    while (count-- != 0)
        rst_slices_release(0, index_of(all[count]), RST_SEGMENT_SLICES, 0);
}

/* Who fills a huge page goes on there, and warm slices go first: it is for who would have to wait else. */
static void it_is_handed_out_before_what_is_not_there_and_after_all_else(void **state)
{
    (void)state;
    rst_slice *below = claim(RST_SEGMENT_SLICES, SPARSE);
    rst_slice *used = page(RST_SEGMENT_SLICES - 3, DENSE), *warm = page(2, DENSE);
    release_dirty(warm, 2);
    serve();
    size_t segment = ready();
    assert_int_not_equal(segment, SIZE_MAX);
    rst_slices_release(0, index_of(below), RST_SEGMENT_SLICES, 0); /* lower, and not there */
    rst_slice *first = page(2, DENSE), *second = page(1, DENSE), *third = page(1, DENSE);
    assert_int_equal(index_of(first), index_of(warm));
    assert_int_equal(segment_of(second), segment_of(used));
    assert_int_equal(segment_of(third), segment);
    rst_slice *fourth = page(1, SPARSE);
    assert_int_equal(segment_of(fourth), segment); /* no longer kept apart */
    release_dirty(used, RST_SEGMENT_SLICES - 3);
    release_dirty(first, 2);
    release_dirty(second, 1);
    release_dirty(third, 1);
    release_dirty(fourth, 1);
}

static void what_nobody_takes_goes_back_as_a_whole(void **state)
{
    (void)state;
    uint64_t footprint = FIGURE(footprint);
    serve();
    size_t segment = ready();
    assert_int_equal(visit(segment, false), 0);
    assert_int_equal(visit(segment, false), RST_SEGMENT_SIZE);
    assert_int_equal(FIGURE(footprint), footprint);
    assert_int_equal(resident(segment), 0);
    serve(); /* and may come again */
    assert_int_not_equal(ready(), SIZE_MAX);
}

/* What lay in a segment stays as it is: somebody may look whether it was written to after it was freed. */
static void a_segment_of_which_part_is_warm_is_made_whole(void **state)
{
    (void)state;
    rst_slice *block = claim(RST_SEGMENT_SLICES, SPARSE);
    size_t segment = segment_of(block);
    char *memory = rst_slice_memory(block);
    release_dirty(block, 3);
    rst_slices_release(0, index_of(block) + 3, RST_SEGMENT_SLICES - 3, 0);
    serve();
    assert_int_equal(ready(), segment);
    assert_int_equal(memory[0], 1);
}

static void where_none_can_be_had_all_is_as_before(void **state)
{
    (void)state;
    fresh_segment();
    uint64_t footprint = FIGURE(footprint), readied = FIGURE(huge_readied);
    fake_fail(FAKE_HUGE, 1, 1);
    serve();
    fake_fail_none();
    rst_purge_press(RST_PRESS_EVENT);
    serve();
    rst_purge_press(RST_PRESS_NONE);
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 0);
    serve();
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 1);
    rst_store_relaxed(&rst_footprint_limit, footprint + RST_SEGMENT_SIZE - 1);
    serve();
    assert_int_equal(FIGURE(huge_readied), readied);
    rst_store_relaxed(&rst_footprint_limit, footprint + RST_SEGMENT_SIZE);
    serve();
    rst_store_relaxed(&rst_footprint_limit, UINT64_MAX);
    assert_int_equal(FIGURE(huge_readied), readied + 1);
    assert_int_equal(FIGURE(footprint), footprint + RST_SEGMENT_SIZE);
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(free, all - MUCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_page_of_a_huge_page_calls, begin, end),
        cmocka_unit_test_setup_teardown(one_on_small_pages_does_not, begin, end),
        cmocka_unit_test_setup_teardown(a_small_process_does_not, begin, end),
        cmocka_unit_test_setup_teardown(one_is_made_and_counted, begin, end),
        cmocka_unit_test_setup_teardown(the_arena_grows_for_it, begin, end),
        cmocka_unit_test_setup_teardown(it_is_handed_out_before_what_is_not_there_and_after_all_else, begin, end),
        cmocka_unit_test_setup_teardown(what_nobody_takes_goes_back_as_a_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_segment_of_which_part_is_warm_is_made_whole, begin, end),
        cmocka_unit_test_setup_teardown(where_none_can_be_had_all_is_as_before, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

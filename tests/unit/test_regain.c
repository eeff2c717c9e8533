/* Without a keeper: freed memory that the program does not take up again goes back while it is freed, and what it takes up again and
 * again stays. The clock is moved by the test. SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/counters.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/regain.h"
#include "core/segment.h"

enum { SEGMENTS = 40, KEEP = 4, DELAY = 1000 };

static rst_slice *segment[SEGMENTS];
static uint64_t now = 1000000;

static void pass(uint64_t ms)
{
    now += ms;
    fake_clock_set(now);
}

static size_t idle_segments(void)
{
    return (rst_load_relaxed(&rst_process.footprint) - rst_load_relaxed(&rst_process.in_use)) / RST_SEGMENT_SIZE;
}

static void take(int from, int to)
{
    for (int i = from; i < to; i++) {
        bool zeroed;
        segment[i] = rst_slices_claim(RST_SEGMENT_SLICES, 1, false, NULL, &zeroed);
        assert_non_null(segment[i]);
        memset(rst_slice_memory(segment[i]), 1, RST_SEGMENT_SIZE);
        rst_purge_tick();
    }
}

static void release(int from, int to)
{
    for (int i = to; i-- != from;) {
        size_t index = rst_slice_index(&rst_arenas[segment[i]->arena], segment[i]);
        rst_slices_release(segment[i]->arena, index, RST_SEGMENT_SLICES, RST_SEGMENT_SLICES);
        rst_purge_tick();
    }
}

static uint64_t purged(void)
{
    return rst_load_relaxed(&rst_process.purged) / RST_SEGMENT_SIZE;
}

/* Nothing in use, nothing idle, nothing remembered. */
static int begin(void **state)
{
    (void)state;
    fake_fail_none();
    rst_store_relaxed(&rst_option_values[RST_OPTION_purge_delay], DELAY);
    rst_store_relaxed(&rst_option_values[RST_OPTION_idle_keep], KEEP * RST_SEGMENT_SIZE);
    rst_purge_all();
    pass(10 * DELAY);
    rst_purge_tick();
    assert_int_equal(idle_segments(), 0);
    return 0;
}

static void what_is_freed_once_goes_back_though_nobody_calls_later(void **state)
{
    (void)state;
    take(0, SEGMENTS);
    release(0, SEGMENTS);
    assert_in_range(idle_segments(), KEEP, KEEP + 1);
}

static void half_of_what_is_in_use_may_be_idle(void **state)
{
    (void)state;
    take(0, SEGMENTS);
    release(SEGMENTS / 2, SEGMENTS);
    assert_in_range(idle_segments(), SEGMENTS / 4, SEGMENTS / 4 + 1);
    release(0, SEGMENTS / 2);
}

static void what_is_taken_up_again_stays(void **state)
{
    (void)state;
    take(0, SEGMENTS);
    release(0, SEGMENTS);
    take(0, SEGMENTS); /* had anew: the price of finding out */
    release(0, SEGMENTS);
    uint64_t before = purged();
    for (int round = 0; round < 30; round++) {
        pass(100);
        take(0, SEGMENTS);
        release(0, SEGMENTS);
    }
    assert_int_equal(purged(), before);
    assert_int_equal(idle_segments(), SEGMENTS);
}

static void it_is_forgotten_after_two_delays(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        take(0, SEGMENTS);
        release(0, SEGMENTS);
    }
    assert_int_equal(idle_segments(), SEGMENTS);
    take(0, SEGMENTS);
    pass(2 * DELAY);
    rst_purge_tick();
    release(0, SEGMENTS);
    assert_in_range(idle_segments(), KEEP, KEEP + 1);
}

static void the_end_of_a_piece_of_work_keeps_nothing(void **state)
{
    (void)state;
    take(0, SEGMENTS);
    for (int round = 0; round < 5; round++) { /* turns at half */
        release(SEGMENTS / 2, SEGMENTS);
        take(SEGMENTS / 2, SEGMENTS);
    }
    release(SEGMENTS / 2, SEGMENTS);
    assert_int_equal(idle_segments(), SEGMENTS / 2);
    release(0, SEGMENTS / 2);
    assert_in_range(idle_segments(), KEEP, KEEP + 1);
}

/* What the system refuses to take is asked for again, but not by every call. */
static void a_refusal_does_not_keep_everyone_busy(void **state)
{
    (void)state;
    fake_fail(FAKE_PURGE, 1, 1000000);
    take(0, SEGMENTS);
    unsigned calls = fake_calls(FAKE_PURGE);
    release(0, SEGMENTS);
    assert_in_range(fake_calls(FAKE_PURGE) - calls, 1, 2 * SEGMENTS);
    assert_int_equal(idle_segments(), SEGMENTS);
    fake_fail_none();
    pass(20);
    rst_purge_tick();
    assert_in_range(idle_segments(), KEEP - 1, KEEP + 1);
}

static void with_a_keeper_it_does_not_happen(void **state)
{
    (void)state;
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE);
    take(0, SEGMENTS);
    release(0, SEGMENTS);
    assert_int_equal(idle_segments(), SEGMENTS);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_freed_once_goes_back_though_nobody_calls_later, begin),
        cmocka_unit_test_setup(half_of_what_is_in_use_may_be_idle, begin),
        cmocka_unit_test_setup(what_is_taken_up_again_stays, begin),
        cmocka_unit_test_setup(it_is_forgotten_after_two_delays, begin),
        cmocka_unit_test_setup(the_end_of_a_piece_of_work_keeps_nothing, begin),
        cmocka_unit_test_setup(a_refusal_does_not_keep_everyone_busy, begin),
        cmocka_unit_test_setup(with_a_keeper_it_does_not_happen, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

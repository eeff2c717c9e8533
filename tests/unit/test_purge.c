/* Purge: what has been idle long enough goes back to the OS, and nothing else; the clock is moved by the test.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/options.h"
#include "core/purge.h"
#include "core/segment.h"

enum { SEGMENTS = 70, DELAY = 1000 }; /* more than one group */

static rst_slice *segment[SEGMENTS];
static uint64_t now = 100000;

static void tick_at(uint64_t ms)
{
    now = ms;
    fake_clock_set(ms);
    rst_purge_tick();
}

/* Steps until nothing is left to do: each does at most two segments, ten milliseconds after the one before. */
static unsigned ticks_from(uint64_t ms)
{
    unsigned ticks = 0;
    for (unsigned before = UINT32_MAX; fake_calls(FAKE_PURGE) != before; ticks++) {
        before = fake_calls(FAKE_PURGE);
        tick_at(ms + 10 * ticks);
        assert_true(fake_calls(FAKE_PURGE) - before <= 2);
    }
    return ticks;
}

static char *memory(int i)
{
    return rst_slice_memory(segment[i]);
}

static bool resident(int i)
{
    return fake_resident(memory(i), RST_SEGMENT_SIZE) != 0;
}

static void take(int i)
{
    bool zeroed;
    segment[i] = rst_slices_claim(RST_SEGMENT_SLICES, 1, false, NULL, &zeroed);
    assert_non_null(segment[i]);
}

static void release(int i, size_t dirty)
{
    rst_slices_release(segment[i]->arena, rst_slice_index(&rst_arenas[segment[i]->arena], segment[i]),
                       RST_SEGMENT_SLICES, dirty);
}

/* Begin each test with every segment taken and written once, nothing resident, and a step just done. */
static int begin(void **state)
{
    (void)state;
    fake_fail_none();
    rst_store_relaxed(&rst_option_values[RST_OPTION_purge_delay], DELAY);
    rst_store_relaxed(&rst_option_values[RST_OPTION_idle_keep], UINT64_MAX / 4); /* here memory goes by its age alone */
    tick_at(now + 100 * DELAY);
    rst_purge_all();
    /* An earlier test may have given written slices back as clean ones. */
    if (rst_arena_count() != 0)
        rst_os_purge(rst_arenas[0].base, rst_load_relaxed(&rst_arenas[0].frontier));
    for (int i = 0; i < SEGMENTS; i++) {
        take(i);
        assert_false(resident(i));
        memory(i)[0] = memory(i)[RST_SEGMENT_SIZE - 1] = 1;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    rst_purge_all();
    return unit_in_use() == 0 && unit_leak() == NULL ? 0 : -1;
}

static void release_others(int first)
{
    for (int i = first; i < SEGMENTS; i++)
        release(i, RST_SEGMENT_SLICES);
}

static void only_idle_segments_go(void **state)
{
    (void)state;
    uint64_t start = now;
    release(0, RST_SEGMENT_SLICES);
    release(SEGMENTS - 1, RST_SEGMENT_SLICES);
    tick_at(start + DELAY / 2);
    release(1, RST_SEGMENT_SLICES);
    tick_at(start + DELAY - 1);
    assert_true(resident(0) && resident(SEGMENTS - 1) && resident(1));
    tick_at(start + DELAY + DELAY / 4);
    assert_false(resident(0));
    assert_false(resident(SEGMENTS - 1));
    assert_true(resident(1));
    tick_at(start + 2 * DELAY);
    assert_false(resident(1));
    for (int i = 2; i < SEGMENTS - 1; i++) {
        assert_true(resident(i)); /* in use */
        assert_int_equal(memory(i)[0], 1);
        release(i, RST_SEGMENT_SLICES);
    }
}

static void a_touch_keeps_a_segment_warm(void **state)
{
    (void)state;
    uint64_t start = now;
    release_others(1);
    release(0, RST_SEGMENT_SLICES);
    for (int i = 1; i <= 8; i++) {
        tick_at(start + (uint64_t)i * DELAY / 2);
        bool zeroed;
        rst_slice *warm = rst_slices_claim(RST_SEGMENT_SLICES, 1, false, NULL,
                                           &zeroed); /* the lowest warm one, so the same each time */
        assert_ptr_equal(warm, segment[0]);
        assert_false(zeroed);
        release(0, RST_SEGMENT_SLICES);
        assert_true(resident(0));
    }
    ticks_from(now + 10);
    assert_true(resident(0));
    for (int i = 1; i < SEGMENTS; i++)
        assert_false(resident(i));
}

static void steps_are_bounded_in_number(void **state)
{
    (void)state;
    release_others(0);
    unsigned before = fake_calls(FAKE_PURGE);
    uint64_t start = now;
    tick_at(start + DELAY / 2);
    assert_int_equal(fake_calls(FAKE_PURGE), before);
    tick_at(start + DELAY);
    assert_int_equal(fake_calls(FAKE_PURGE), before + 2);
    assert_true(resident(0) && !resident(SEGMENTS - 1)); /* the highest first */
    tick_at(now + 9);
    assert_int_equal(fake_calls(FAKE_PURGE), before + 2);
    assert_int_equal(ticks_from(now + 1), SEGMENTS / 2);
    assert_int_equal(fake_calls(FAKE_PURGE), before + SEGMENTS);
    take(0);
    memory(0)[0] = 1;
    uint64_t done = now;
    release(0, RST_SEGMENT_SLICES);
    tick_at(done + DELAY / 2);
    assert_true(resident(0));
    tick_at(done + DELAY);
    assert_false(resident(0));
}

/* One slice of a segment is released and claimed again all the time: the others go nevertheless, and it does not. */
static void a_busy_segment_is_purged_where_it_idles(void **state)
{
    (void)state;
    uint64_t start = now;
    size_t first = rst_slice_index(&rst_arenas[segment[0]->arena], segment[0]);
    release(0, RST_SEGMENT_SLICES);
    for (int i = 1; i <= 8; i++) {
        bool zeroed;
        rst_slice *busy = rst_slices_claim(1, 1, false, NULL, &zeroed);
        assert_ptr_equal(busy, segment[0]);
        memory(0)[0] = 1;
        tick_at(start + (uint64_t)i * DELAY / 4);
        rst_slices_release(busy->arena, first, 1, 1);
        assert_true(fake_resident(memory(0), FAKE_PAGE) != 0);
    }
    assert_int_equal(fake_resident(memory(0) + RST_SLICE_SIZE, RST_SEGMENT_SIZE - RST_SLICE_SIZE), 0);
    release_others(1);
}

static void no_delay_purges_at_once(void **state)
{
    (void)state;
    rst_store_relaxed(&rst_option_values[RST_OPTION_purge_delay], 0);
    tick_at(now + DELAY);
    release_others(0);
    rst_purge_tick();
    for (int i = 0; i < SEGMENTS; i++)
        assert_false(resident(i));
}

static void all_means_all_and_counts(void **state)
{
    (void)state;
    release(0, 1);
    release(1, 5);
    release(2, 0); /* not written, as far as the purge is told: the caller's word is taken */
    uint64_t purged = rst_load_relaxed(&rst_process.purged);
    uint64_t purges = rst_load_relaxed(&rst_process.purges);
    size_t dirty = rst_popcount32(rst_load_relaxed(&rst_segment_at(&rst_arenas[0], 0)->dirty));
    assert_int_equal(rst_purge_all(), 6 * RST_SLICE_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.purged), purged + 6 * RST_SLICE_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.purges), purges + 2);
    assert_int_equal(dirty, 1);
    assert_int_equal(rst_purge_all(), 0);
    release_others(3);
    take(2);
    release(2, RST_SEGMENT_SLICES);
}

static void purged_memory_reads_as_zero_when_claimed(void **state)
{
    (void)state;
    release_others(0);
    rst_purge_all();
    bool zeroed;
    rst_slice *first = rst_slices_claim(SEGMENTS * RST_SEGMENT_SLICES, 1, false, NULL, &zeroed);
    assert_true(zeroed);
    assert_true(unit_all_zero(rst_slice_memory(first), SEGMENTS * RST_SEGMENT_SIZE));
    rst_slices_release(first->arena, rst_slice_index(&rst_arenas[first->arena], first), SEGMENTS * RST_SEGMENT_SLICES,
                       0);
}

static void a_refused_purge_is_tried_again(void **state)
{
    (void)state;
    release_others(0);
    uint64_t start = now;
    fake_fail(FAKE_PURGE, 1, UINT32_MAX);
    tick_at(start + DELAY / 2);
    tick_at(start + DELAY);
    assert_true(fake_failures() >= SEGMENTS);
    bool zeroed;
    rst_slice *first = rst_slices_claim(1, 1, false, NULL, &zeroed);
    assert_false(zeroed);
    rst_slices_release(first->arena, rst_slice_index(&rst_arenas[first->arena], first), 1, 0);
    fake_fail_none();
    ticks_from(start + 4 * DELAY);
    ticks_from(start + 6 * DELAY); /* the slice that was in use for a moment */
    for (int i = 0; i < SEGMENTS; i++)
        assert_false(resident(i));
}

static void the_clock_may_wrap(void **state)
{
    (void)state;
    now = (((now >> 32) + 1) << 32) - DELAY / 2;
    uint64_t start = now;
    tick_at(start - 1);
    release_others(0);
    tick_at(start + DELAY - 2);
    for (int i = 0; i < SEGMENTS; i++)
        assert_true(resident(i));
    ticks_from(start + 2 * DELAY);
    for (int i = 0; i < SEGMENTS; i++)
        assert_false(resident(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_idle_segments_go, begin, end),
        cmocka_unit_test_setup_teardown(a_touch_keeps_a_segment_warm, begin, end),
        cmocka_unit_test_setup_teardown(steps_are_bounded_in_number, begin, end),
        cmocka_unit_test_setup_teardown(a_busy_segment_is_purged_where_it_idles, begin, end),
        cmocka_unit_test_setup_teardown(no_delay_purges_at_once, begin, end),
        cmocka_unit_test_setup_teardown(all_means_all_and_counts, begin, end),
        cmocka_unit_test_setup_teardown(purged_memory_reads_as_zero_when_claimed, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_purge_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(the_clock_may_wrap, begin, end),
    };
    rst_store_relaxed(&rst_option_values[RST_OPTION_arena_size], 224 * RST_MIB);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

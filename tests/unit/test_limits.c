/* Limits: what fails at the hard limit and works again, when idle memory goes back near a limit and above the soft one, and that
 * files are looked at no more often than needed. The system's limit is the test's to set.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/huge.h"
#include "core/limits.h"
#include "core/options.h"
#include "core/purge.h"
#include "roost/roost.h"
#include "threadcache/relief.h"

#include <errno.h>

enum { SMALL = 1000, BLOCKS_MAX = 120000, LARGE = 4 << 20 };

static void *blocks[BLOCKS_MAX];
static size_t count;
static uint64_t now = 1000;

static uint64_t figure(const _Atomic uint64_t *counter)
{
    return rst_load_relaxed(counter);
}

#define FIGURE(name) figure(&rst_process.name)

static uint64_t idle(void)
{
    return FIGURE(footprint) - FIGURE(in_use);
}

static void fill_to(size_t bytes)
{
    for (; count < BLOCKS_MAX && (count + 1) * SMALL <= bytes; count++) {
        blocks[count] = roost_malloc(SMALL);
        if (blocks[count] == NULL)
            return;
        memset(blocks[count], 1, SMALL);
    }
}

static void empty(void)
{
    while (count != 0)
        roost_free(blocks[--count]);
}

static void set_options(uint64_t soft, uint64_t hard, uint64_t pressure)
{
    rst_store_relaxed(&rst_option_values[RST_OPTION_soft_limit], soft);
    rst_store_relaxed(&rst_option_values[RST_OPTION_hard_limit], hard);
    rst_store_relaxed(&rst_option_values[RST_OPTION_pressure], pressure);
    rst_limits_start();
}

/* What the steward does. */
static void keeper_steps(void)
{
    fake_clock_set(now += 20);
    while (rst_purge_step(8) == 0) {
    }
}

/* No limit, nothing pressed for, nothing idle. There seems to be a steward: so idle memory stays for the delay. */
static int begin(void **state)
{
    (void)state;
    fake_memory_set(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    fake_clock_set(now += 60000);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE);
    set_options(0, 0, 1);
    rst_limits_look();
    rst_heap_fold(rst_thread_heap);
    rst_relief_purge(rst_thread_heap);
    assert_int_equal(FIGURE(in_use), 0); /* so that it does not matter what was before */
    assert_int_equal(rst_load_relaxed(&rst_pressed), 0);
    return 0;
}

/* --- the hard limit ---------------------------------------------------------------------------------------------------------- */

static void above_the_hard_limit_nothing_is_given(void **state)
{
    (void)state;
    enum { LIMIT = 32 << 20 };
    set_options(0, LIMIT, 1);
    uint64_t refused = FIGURE(limit_refused);
    errno = 0;
    fill_to(2 * LIMIT);
    assert_int_equal(errno, ENOMEM);
    assert_true(count * SMALL > LIMIT / 100 * 95);
    assert_true(FIGURE(footprint) <= LIMIT);
    assert_int_equal(FIGURE(limit_refused), refused + 1);
    errno = 0;
    assert_null(roost_malloc(LARGE));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(roost_malloc(SIZE_MAX / 4));
    assert_int_equal(errno, ENOMEM);
    empty();
    for (int i = 0; i < 3; i++) { /* and works again, for blocks of any size */
        void *large = roost_malloc(LIMIT - LARGE);
        assert_non_null(large);
        assert_null(roost_malloc(2 * LARGE));
        roost_free(large);
        fill_to(LIMIT / 10 * 9);
        assert_int_equal(count, LIMIT / 10 * 9 / SMALL);
        empty();
    }
    assert_true(FIGURE(footprint) <= LIMIT);
}

static void a_block_grows_in_place_at_the_limit(void **state)
{
    (void)state;
    enum { LIMIT = 32 << 20 };
    set_options(0, LIMIT, 1);
    char *before = roost_malloc(LIMIT / 2);
    char *large = roost_malloc(LARGE);
    assert_non_null(before);
    assert_true(large > before); /* nothing lies behind it */
    memset(before, 1, LIMIT / 2);
    roost_free(before); /* idle, and in the way of the limit */
    large[0] = 7;
    for (size_t size = LARGE; size < LIMIT - LARGE / 2; size += LARGE / 4) {
        char *larger = roost_realloc(large, size);
        assert_non_null(larger);
        assert_int_equal(larger[0], 7);
        large = larger;
    }
    assert_null(roost_realloc(large, LIMIT + 1));
    assert_int_equal(large[0], 7);
    roost_free(large);
}

static unsigned asked;
static size_t asked_size;

static int give_up_all(size_t size, void *argument)
{
    assert_ptr_equal(argument, &asked);
    asked++;
    asked_size = size;
    assert_null(roost_malloc(64 * RST_MIB)); /* must not ask again */
    bool had = count != 0;
    empty();
    return had;
}

static void the_program_is_asked_before_it_fails(void **state)
{
    (void)state;
    enum { LIMIT = 24 << 20 };
    set_options(0, LIMIT, 1);
    roost_set_limit_callback(give_up_all, &asked);
    fill_to(LIMIT / 10 * 9);
    uint64_t refused = FIGURE(limit_refused);
    void *large = roost_malloc(LIMIT / 2);
    assert_non_null(large);
    assert_int_equal(asked, 1);
    assert_int_equal(asked_size, LIMIT / 2);
    assert_int_equal(FIGURE(limit_refused), refused + 1); /* its own */
    assert_null(roost_malloc(LIMIT));                     /* asked in vain */
    assert_int_equal(asked, 2);
    roost_free(large);
    for (void *p = blocks; p != NULL;) { /* small blocks ask as well */
        p = count < BLOCKS_MAX ? roost_malloc(SMALL) : NULL;
        if (asked == 3 || p == NULL) {
            roost_free(p);
            break;
        }
        blocks[count++] = p;
    }
    assert_int_equal(asked, 3);
    assert_in_range(asked_size, SMALL, 2 * SMALL);
    roost_set_limit_callback(NULL, NULL);
    assert_null(roost_malloc(LIMIT));
    assert_int_equal(asked, 3);
    empty();
}

static void a_share_is_of_what_the_system_allows(void **state)
{
    (void)state;
    fake_memory_set(64 * RST_MIB, SIZE_MAX, SIZE_MAX);
    set_options(0, 50 | RST_OPTION_PERCENT, 0);
    fill_to(64 * RST_MIB);
    assert_in_range(count * SMALL, 30 * RST_MIB, 32 * RST_MIB);
    fake_memory_set(80 * RST_MIB, SIZE_MAX, SIZE_MAX); /* it has changed */
    fill_to(64 * RST_MIB);
    assert_in_range(count * SMALL, 38 * RST_MIB, 40 * RST_MIB);
    fake_memory_set(64 * RST_MIB, SIZE_MAX, SIZE_MAX);
    empty();
    assert_true(FIGURE(footprint) > 32 * RST_MIB);
    rst_relief_look();
    assert_true(FIGURE(footprint) < 32 * RST_MIB);
    assert_null(roost_malloc(33 * RST_MIB));
    roost_free(roost_malloc(31 * RST_MIB));
}

/* --- the soft limit ---------------------------------------------------------------------------------------------------------- */

static void above_the_soft_limit_idle_memory_goes_at_once(void **state)
{
    (void)state;
    set_options(16 * RST_MIB, 0, 1);
    fill_to(12 * RST_MIB);
    empty();
    assert_true(idle() > 8 * RST_MIB); /* below: it stays warm */
    assert_int_equal(rst_load_relaxed(&rst_pressed), 0);
    void *large = roost_malloc(14 * RST_MIB);
    assert_non_null(large);
    assert_true(idle() <= RST_MIB); /* went before the limit would have been passed */
    fill_to(20 * RST_MIB);
    assert_int_equal(count, 20 * RST_MIB / SMALL); /* it is no hard one */
    assert_int_equal(rst_load_relaxed(&rst_pressed), RST_PRESS_LIMIT);
    while (count * SMALL > 10 * RST_MIB)
        roost_free(blocks[--count]);
    keeper_steps();
    assert_int_equal(idle(), 0);
    roost_free(large);
    empty();
    rst_purge_all();
    rst_limits_look();
    assert_int_equal(rst_load_relaxed(&rst_pressed), 0);
}

/* --- the system's limit ------------------------------------------------------------------------------------------------------- */

static size_t others; /* bytes that others have */

static void system_limit(size_t limit)
{
    size_t used = FIGURE(footprint) + others;
    fake_memory_set(limit, limit, limit > used ? limit - used : 0);
}

/* Fill while the system tells the truth about a limit; returns how often it was asked. */
static unsigned fill_under(size_t limit, size_t bytes)
{
    unsigned before = fake_memory_looks();
    for (; (count + 1) * SMALL <= bytes; count++) {
        system_limit(limit);
        blocks[count] = roost_malloc(SMALL);
        assert_non_null(blocks[count]);
    }
    return fake_memory_looks() - before;
}

static void near_the_systems_limit_idle_memory_goes(void **state)
{
    (void)state;
    enum { LIMIT = 96 << 20 };
    uint64_t purged = FIGURE(pressure_purged);
    fill_under(LIMIT, 60 * RST_MIB);
    for (size_t i = 0; i < count; i++) {
        if (i % 128 != 0)
            roost_free(blocks[i]); /* no page is wholly free, ... */
    }
    for (size_t i = 0; i < count; i += 128)
        roost_free(blocks[i]); /* ... and now all are */
    count = 0;
    assert_true(idle() > 40 * RST_MIB);
    assert_int_equal(FIGURE(pressure_purged), purged);
    system_limit(LIMIT);
    void *large[16];
    for (int i = 0; i < 16; i++) { /* too large for what is warm in small runs, were it not for the limit */
        system_limit(LIMIT);
        large[i] = roost_malloc(LARGE);
        assert_non_null(large[i]);
        assert_true(FIGURE(footprint) <= LIMIT);
    }
    for (int i = 0; i < 16; i++)
        roost_free(large[i]);
}

static void a_limit_that_is_passed_does_not_fail_anything(void **state)
{
    (void)state;
    unsigned looks = fill_under(40 * RST_MIB, 60 * RST_MIB); /* the system decides what happens then */
    assert_int_equal(count, 60 * RST_MIB / SMALL);
    assert_true(looks < 400);
    assert_int_equal(rst_load_relaxed(&rst_pressed), RST_PRESS_LIMIT);
    empty();
    keeper_steps();
    assert_int_equal(idle(), 0);
    system_limit(40 * RST_MIB);
    fake_clock_set(now += 1000);
    rst_limits_look();
    assert_int_equal(rst_load_relaxed(&rst_pressed), 0);
}

static void far_from_a_limit_few_looks_are_taken(void **state)
{
    (void)state;
    assert_true(fill_under(SIZE_MAX / 2, 60 * RST_MIB) <= 2);
    empty();
    set_options(0, 0, 1);
    fake_memory_set(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    unsigned before = fake_memory_looks();
    fill_to(60 * RST_MIB);
    assert_true(fake_memory_looks() - before <= 1); /* where there is none, one look is all */
    empty();
    set_options(0, 0, 0);
    before = fake_memory_looks();
    fill_to(60 * RST_MIB);
    assert_int_equal(fake_memory_looks(), before);
    empty();
}

static void near_and_far_are_apart(void **state)
{
    (void)state;
    const size_t limit = 160 * RST_MIB;
    uint64_t times = FIGURE(pressure_limits);
    static const struct {
        size_t room;
        bool pressed;
    } steps[] = {{11 * RST_MIB, false}, {9 * RST_MIB, true},   {11 * RST_MIB, true},
                 {19 * RST_MIB, true},  {21 * RST_MIB, false}, {11 * RST_MIB, false}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        fake_memory_set(limit, limit, steps[i].room);
        rst_limits_look();
        assert_int_equal(rst_load_relaxed(&rst_pressed), steps[i].pressed ? RST_PRESS_LIMIT : RST_PRESS_NONE);
    }
    assert_int_equal(FIGURE(pressure_limits), times + 1);
}

/* What was never used of huge pages that are in use: resident with the rest, and given back when they are broken. */
static uint64_t unused_in_huge(void)
{
    uint64_t slices = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        rst_arena *arena = &rst_arenas[a];
        for (size_t s = 0; s < rst_load_relaxed(&arena->frontier) / RST_SEGMENT_SIZE; s++) {
            const rst_segment *segment = rst_segment_at(arena, s);
            uint32_t free = rst_load_relaxed(&segment->free);
            uint32_t dirty = rst_load_relaxed(&segment->dirty);
            if (rst_huge_asked(arena, s) && (free != UINT32_MAX || dirty != 0)) /* it goes with what is idle */
                slices += rst_popcount32(free & ~dirty);
        }
    }
    return slices * RST_SLICE_SIZE;
}

static void an_event_holds_for_seconds(void **state)
{
    (void)state;
    fill_to(20 * RST_MIB);
    empty();
    assert_true(idle() > 8 * RST_MIB);
    uint64_t events = FIGURE(pressure_events), purged = FIGURE(pressure_purged);
    uint64_t was_idle = idle(), unused = unused_in_huge(), inside = FIGURE(purged_inside);
    rst_relief_event();
    assert_int_equal(FIGURE(pressure_events), events + 1);
    assert_int_equal(FIGURE(pressure_purged), purged + was_idle + unused + FIGURE(purged_inside) - inside);
    assert_int_equal(idle(), 0);
    assert_int_equal(rst_load_relaxed(&rst_pressed), RST_PRESS_EVENT);
    fake_clock_set(now += 4900);
    rst_limits_look();
    assert_int_equal(rst_load_relaxed(&rst_pressed), RST_PRESS_EVENT);
    fake_clock_set(now += 200);
    rst_limits_look();
    assert_int_equal(rst_load_relaxed(&rst_pressed), 0);
}

/* What the keeper's ordinary steps give back counts as given back for want of memory as long as that lasts, and then no more. */
static void while_an_event_holds_all_that_goes_is_counted(void **state)
{
    (void)state;
    fill_to(20 * RST_MIB);
    rst_limits_event();
    empty();
    uint64_t purged = FIGURE(purged), pressure_purged = FIGURE(pressure_purged);
    keeper_steps();
    assert_true(FIGURE(purged) > purged + 8 * RST_MIB);
    assert_int_equal(FIGURE(pressure_purged) - pressure_purged, FIGURE(purged) - purged);
    fake_clock_set(now += 6000);
    rst_limits_look();
    fill_to(20 * RST_MIB);
    empty();
    purged = FIGURE(purged), pressure_purged = FIGURE(pressure_purged);
    rst_purge_all();
    assert_true(FIGURE(purged) > purged + 8 * RST_MIB);
    assert_int_equal(FIGURE(pressure_purged), pressure_purged);
}

static void under_pressure_heaps_keep_nothing_empty(void **state)
{
    (void)state;
    fill_to(20 * RST_MIB);
    rst_limits_event();
    empty();
    keeper_steps();
    assert_true(FIGURE(footprint) <= 2 * RST_MIB);
    assert_int_equal(rst_thread_heap->spares, 0);
    fake_clock_set(now += 6000);
    rst_limits_look();
    fill_to(20 * RST_MIB);
    empty();
    assert_int_equal(rst_thread_heap->spares, RST_SPARE_PAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(above_the_hard_limit_nothing_is_given, begin),
        cmocka_unit_test_setup(a_block_grows_in_place_at_the_limit, begin),
        cmocka_unit_test_setup(the_program_is_asked_before_it_fails, begin),
        cmocka_unit_test_setup(a_share_is_of_what_the_system_allows, begin),
        cmocka_unit_test_setup(above_the_soft_limit_idle_memory_goes_at_once, begin),
        cmocka_unit_test_setup(near_the_systems_limit_idle_memory_goes, begin),
        cmocka_unit_test_setup(a_limit_that_is_passed_does_not_fail_anything, begin),
        cmocka_unit_test_setup(far_from_a_limit_few_looks_are_taken, begin),
        cmocka_unit_test_setup(near_and_far_are_apart, begin),
        cmocka_unit_test_setup(an_event_holds_for_seconds, begin),
        cmocka_unit_test_setup(while_an_event_holds_all_that_goes_is_counted, begin),
        cmocka_unit_test_setup(under_pressure_heaps_keep_nothing_empty, begin),
    };
    roost_free(roost_malloc(1));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

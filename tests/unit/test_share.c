/* The steward's share of a processor, whatever its rounds cost and however long it may rest between them, and whatever the program takes up
 * again: simulated.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "threadcache/share.h"

enum { WINDOW_US = 10000000, SHARE = 100, BUCKET_US = WINDOW_US / SHARE, SECONDS = 600 };

/* What was used by the end of each tenth of a second. */
static uint64_t used_by[SECONDS * 10 + 1];

/* Rounds of up to `most_us` each, one of ten after up to `quiet_ms` of nothing to do. Returns what was used; *longest_rest in ms. */
static uint64_t simulate(uint64_t seed, uint64_t most_us, uint64_t quiet_ms, uint32_t *longest_rest)
{
    rst_share share = rst_share_begin(5000);
    uint64_t now_us = 0, used = 0;
    size_t tenth = 0;
    *longest_rest = 0;
    while (now_us < SECONDS * 1000000ull) {
        uint64_t round = unit_random(&seed) % most_us + 1;
        used += round;
        now_us += round;
        uint32_t rest = rst_share_rest_ms(&share, used, 5000 + now_us / 1000);
        now_us += rest * 1000ull + unit_random(&seed) % 1000;
        if (quiet_ms != 0 && unit_random(&seed) % 10 == 0)
            now_us += unit_random(&seed) % quiet_ms * 1000;
        *longest_rest = rest > *longest_rest ? rest : *longest_rest;
        while (tenth <= SECONDS * 10 && tenth * 100000 <= now_us)
            used_by[tenth++] = used;
    }
    return used;
}

/* In any ten seconds no more than their hundredth and that of ten before, saved up, and the round that went beyond. */
static void expect_bounded(uint64_t most_us)
{
    for (size_t end = 100; end <= SECONDS * 10; end++) {
        if (used_by[end] - used_by[end - 100] > BUCKET_US + WINDOW_US / SHARE + most_us)
            fail_msg("%llu us were used in ten seconds", (unsigned long long)(used_by[end] - used_by[end - 100]));
    }
}

static void at_most_a_hundredth_is_used(void **state)
{
    (void)state;
    static const uint64_t costs[] = {50, 1000, 20000, 90000};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        uint32_t longest;
        for (uint64_t seed = 1; seed <= 5; seed++) {
            uint64_t used = simulate(seed, costs[i], 0, &longest);
            assert_true(used <= SECONDS * 1000000ull / SHARE + BUCKET_US + costs[i]);
            assert_true(used >= SECONDS * 1000000ull / SHARE / 2); /* and it is not kept from its work */
            assert_true(longest <= 10000);
            expect_bounded(costs[i]);
        }
    }
}

static void quiet_is_not_saved_up_for_long(void **state)
{
    (void)state;
    uint32_t longest;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        simulate(seed, 1000, 120000, &longest);
        expect_bounded(1000);
    }
    rst_share share = rst_share_begin(0);
    assert_int_equal(rst_share_rest_ms(&share, BUCKET_US, 7 * 86400000ull), 0);           /* a week of quiet */
    assert_int_equal(rst_share_rest_ms(&share, BUCKET_US + 1000, 7 * 86400000ull), 1100); /* is worth ten seconds */
}

static void what_is_seldom_at_work_never_waits(void **state)
{
    (void)state;
    rst_share share = rst_share_begin(0);
    for (uint64_t ms = 0; ms < 1000000; ms += 250) {
        if (rst_share_rest_ms(&share, ms * 1000 / SHARE, ms) != 0)
            fail();
    }
}

static void one_dear_round_is_paid_off(void **state)
{
    (void)state;
    rst_share share = rst_share_begin(0);
    assert_int_equal(rst_share_rest_ms(&share, 100000, 0), 0);
    assert_int_equal(rst_share_rest_ms(&share, 101000, 0), 100 + 1000); /* and a second's worth is saved up */
    assert_int_equal(rst_share_rest_ms(&share, 300000, 0), 10000);      /* no longer than the window at a time */
    assert_int_equal(rst_share_rest_ms(&share, 300000, 10000), 10000);
    assert_int_equal(rst_share_rest_ms(&share, 300000, 19999), 1001);
    assert_int_equal(rst_share_rest_ms(&share, 300000, 20000), 0);
}

/* A program that takes up so many MiB every `period_ms`, and a steward that would give them back at once. Returns MiB given back, of the last
 * `count` rounds on average. */
static double returned_on_average(size_t mib, uint64_t period_ms, unsigned rounds, unsigned count)
{
    rst_share share = rst_share_begin(0);
    size_t footprint = 0, again = 0, total = 0;
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t now = round * period_ms;
        footprint = mib * RST_MIB;
        again += rst_share_round(&share, footprint, now);
        for (uint64_t ms = 0; ms < period_ms - 1; ms += 10) {
            assert_int_equal(rst_share_round(&share, footprint, now + ms), 0);
            if (footprint != 0 && rst_share_rest_ms(&share, 0, now + ms) == 0) {
                size_t before = footprint;
                footprint -= rst_min(footprint, 16 * RST_MIB);
                rst_share_returned(&share, before, footprint);
                total += round >= rounds - count ? before - footprint : 0;
            }
        }
    }
    assert_true(rounds * period_ms < 20000 || again > 0 || period_ms > 20000);
    return (double)total / (double)RST_MIB / count;
}

static void what_is_taken_up_again_is_paid_for(void **state)
{
    (void)state;
    /* A hundredth of two seconds pays for 200 MiB. */
    double most = returned_on_average(1024, 2000, 100, 50);
    if (most > 220 || most < 100)
        fail_msg("%.0f MiB of 1024 were given back every two seconds", most);
    /* What it pays for in full is never kept. */
    assert_true(returned_on_average(90, 1000, 100, 50) == 90);
    /* The first time nothing is known. */
    assert_true(returned_on_average(1024, 2000, 1, 1) == 1024);
    /* What comes back after twenty seconds was worth giving back. */
    assert_true(returned_on_average(8192, 21000, 20, 15) == 8192);
}

static void all_goes_ten_seconds_after_the_last_time(void **state)
{
    (void)state;
    rst_share share = rst_share_begin(0);
    size_t footprint = 0;
    for (uint64_t now = 0; now < 60000; now += 1000) { /* 100 GiB each second: never to be paid off */
        footprint = 100 * 1024 * RST_MIB;
        rst_share_round(&share, footprint, now);
        if (rst_share_rest_ms(&share, 0, now) == 0) {
            rst_share_returned(&share, footprint, 0);
            footprint = 0;
        }
    }
    uint64_t waited = rst_share_rest_ms(&share, 0, 60000);
    waited += rst_share_rest_ms(&share, 0, 60000 + waited);
    assert_true(waited <= 11000);
    assert_int_equal(rst_share_rest_ms(&share, 0, 60000 + waited), 0);
}

static void growth_is_no_return(void **state)
{
    (void)state;
    rst_share share = rst_share_begin(0);
    assert_int_equal(rst_share_round(&share, 100 * RST_MIB, 0), 0);
    rst_share_returned(&share, 100 * RST_MIB, 90 * RST_MIB);
    assert_int_equal(rst_share_round(&share, 500 * RST_MIB, 100), 10 * RST_MIB); /* the rest is new */
    assert_int_equal(rst_share_round(&share, 900 * RST_MIB, 200), 0);
    rst_share_returned(&share, 900 * RST_MIB, 800 * RST_MIB);
    assert_int_equal(rst_share_round(&share, 810 * RST_MIB, 300), 10 * RST_MIB);
    assert_int_equal(rst_share_round(&share, 850 * RST_MIB, 10500), 40 * RST_MIB); /* the window before counts */
    assert_int_equal(rst_share_round(&share, 900 * RST_MIB, 20600), 0);            /* and not the one before that */
    uint32_t rest = rst_share_rest_ms(&share, RST_SHARE_SAVED_US, 20600);
    assert_true(rest == 0);
}

static void want_of_memory_forgives(void **state)
{
    (void)state;
    rst_share share = rst_share_begin(0);
    rst_share_round(&share, 4096 * RST_MIB, 0);
    rst_share_returned(&share, 4096 * RST_MIB, 0);
    assert_int_equal(rst_share_rest_ms(&share, RST_SHARE_SAVED_US, 0), 0);
    assert_int_equal(rst_share_round(&share, 4096 * RST_MIB, 0), 4096 * RST_MIB);
    assert_int_equal(rst_share_rest_ms(&share, RST_SHARE_SAVED_US, 0), 10000);
    rst_share_forgive(&share);
    assert_int_equal(rst_share_rest_ms(&share, RST_SHARE_SAVED_US, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_a_hundredth_is_used),
        cmocka_unit_test(quiet_is_not_saved_up_for_long),
        cmocka_unit_test(what_is_seldom_at_work_never_waits),
        cmocka_unit_test(one_dear_round_is_paid_off),
        cmocka_unit_test(what_is_taken_up_again_is_paid_for),
        cmocka_unit_test(all_goes_ten_seconds_after_the_last_time),
        cmocka_unit_test(growth_is_no_return),
        cmocka_unit_test(want_of_memory_forgives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

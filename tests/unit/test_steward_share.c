/* The steward's share of a processor, whatever its rounds cost and however long it may rest between them: simulated.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "threadcache/steward.h"

enum { WINDOW_US = 10000000, SHARE = 100, BUCKET_US = WINDOW_US / SHARE, SECONDS = 600 };

/* What was used by the end of each tenth of a second. */
static uint64_t used_by[SECONDS * 10 + 1];

/* Rounds of up to `most_us` each, one of ten after up to `quiet_ms` of nothing to do. Returns what was used; *longest_rest in ms. */
static uint64_t simulate(uint64_t seed, uint64_t most_us, uint64_t quiet_ms, uint32_t *longest_rest)
{
    rst_steward_share share = {.left_us = BUCKET_US, .at_ms = 5000};
    uint64_t now_us = 0, used = 0;
    size_t tenth = 0;
    *longest_rest = 0;
    while (now_us < SECONDS * 1000000ull) {
        uint64_t round = unit_random(&seed) % most_us + 1;
        used += round;
        now_us += round;
        uint32_t rest = rst_steward_rest_ms(&share, used, 5000 + now_us / 1000);
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
    rst_steward_share share = {.left_us = BUCKET_US, .at_ms = 0};
    assert_int_equal(rst_steward_rest_ms(&share, BUCKET_US, 7 * 86400000ull), 0);           /* a week of quiet */
    assert_int_equal(rst_steward_rest_ms(&share, BUCKET_US + 1000, 7 * 86400000ull), 1100); /* is worth ten seconds */
}

static void what_is_seldom_at_work_never_waits(void **state)
{
    (void)state;
    rst_steward_share share = {.left_us = BUCKET_US, .at_ms = 0};
    for (uint64_t ms = 0; ms < 1000000; ms += 250) {
        if (rst_steward_rest_ms(&share, ms * 1000 / SHARE, ms) != 0)
            fail();
    }
}

static void one_dear_round_is_paid_off(void **state)
{
    (void)state;
    rst_steward_share share = {.left_us = BUCKET_US, .at_ms = 0};
    assert_int_equal(rst_steward_rest_ms(&share, 100000, 0), 0);
    assert_int_equal(rst_steward_rest_ms(&share, 101000, 0), 100 + 1000); /* and a second's worth is saved up */
    assert_int_equal(rst_steward_rest_ms(&share, 300000, 0), 10000);      /* no longer than the window at a time */
    assert_int_equal(rst_steward_rest_ms(&share, 300000, 10000), 10000);
    assert_int_equal(rst_steward_rest_ms(&share, 300000, 19999), 1001);
    assert_int_equal(rst_steward_rest_ms(&share, 300000, 20000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_a_hundredth_is_used),
        cmocka_unit_test(quiet_is_not_saved_up_for_long),
        cmocka_unit_test(what_is_seldom_at_work_never_waits),
        cmocka_unit_test(one_dear_round_is_paid_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

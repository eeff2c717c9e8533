/* The steward's share of a processor, whatever its rounds cost and however long it may rest between them: simulated.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "threadcache/steward.h"

enum { WINDOW_US = 10000000, SHARE = 100 };

/* Rounds of up to `most_us` each, for so many seconds. Returns what was used; *longest_rest in ms. */
static uint64_t simulate(uint64_t seed, uint64_t most_us, uint64_t seconds, uint32_t *longest_rest)
{
    uint64_t now_us = 0, used = 0;
    *longest_rest = 0;
    while (now_us < seconds * 1000000) {
        uint64_t round = unit_random(&seed) % most_us + 1;
        used += round;
        now_us += round;
        uint32_t rest = rst_steward_rest_ms(used, now_us / 1000);
        now_us += rest * 1000ull + unit_random(&seed) % 1000;
        *longest_rest = rest > *longest_rest ? rest : *longest_rest;
        /* The bound, at every moment: a hundredth of the time and of ten seconds more, and the round that went beyond. */
        assert_true(used <= (now_us + WINDOW_US) / SHARE + most_us);
    }
    return used;
}

static void at_most_a_hundredth_is_used(void **state)
{
    (void)state;
    static const uint64_t costs[] = {50, 1000, 20000, 90000};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        uint32_t longest;
        for (uint64_t seed = 1; seed <= 5; seed++) {
            uint64_t used = simulate(seed, costs[i], 600, &longest);
            assert_true(used <= 600000000 / SHARE + WINDOW_US / SHARE + costs[i]);
            assert_true(used >= 600000000 / SHARE / 2); /* and it is not kept from its work */
            assert_true(longest <= 10000);
        }
    }
}

static void what_is_seldom_at_work_never_waits(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms < 1000000; ms += 250) {
        if (rst_steward_rest_ms(ms * 1000 / SHARE, ms) != 0)
            fail();
    }
}

static void one_dear_round_is_paid_off(void **state)
{
    (void)state;
    assert_int_equal(rst_steward_rest_ms(100000, 0), 0);
    assert_int_equal(rst_steward_rest_ms(101000, 0), 100);
    assert_int_equal(rst_steward_rest_ms(5000000, 0), 10000); /* no longer than the window at a time */
    assert_int_equal(rst_steward_rest_ms(5000000, 480000), 10000);
    assert_int_equal(rst_steward_rest_ms(5000000, 490000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_a_hundredth_is_used),
        cmocka_unit_test(what_is_seldom_at_work_never_waits),
        cmocka_unit_test(one_dear_round_is_paid_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

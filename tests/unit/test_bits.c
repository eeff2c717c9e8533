/* Bit sets against arithmetic done bit by bit.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "os/bits.h"

static uint32_t naive_run_starts(uint32_t x, unsigned count)
{
    uint32_t starts = 0;
    for (unsigned at = 0; at + count <= 32; at++) {
        bool run = true;
        for (unsigned i = at; i < at + count; i++)
            run = run && (x >> i & 1) != 0;
        starts |= run ? 1u << at : 0;
    }
    return starts;
}

static void run_starts_are_those_of_the_naive_search(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 4000; i++) {
        uint32_t x = (uint32_t)unit_random(&seed);
        if (i % 3 != 0)
            x |= (uint32_t)unit_random(&seed); /* longer runs */
        if (i % 3 == 2)
            x |= (uint32_t)unit_random(&seed) | (uint32_t)unit_random(&seed);
        x = i == 0 ? 0 : i == 1 ? UINT32_MAX : x;
        for (unsigned count = 1; count <= 32; count++)
            assert_int_equal(rst_run_starts32(x, count), naive_run_starts(x, count));
    }
}

/* What is taken lies side by side, has a zero or an end on both sides, and is gone; in the end nothing is left. */
static void runs_are_taken_from_the_lowest(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 4000; i++) {
        uint64_t set = unit_random(&seed) & (i % 2 != 0 ? UINT64_MAX : unit_random(&seed));
        set = i == 0 ? UINT64_MAX : i == 1 ? (uint64_t)1 << 63 : i % 5 == 0 ? set | set << 1 | set << 2 : set;
        while (set != 0) {
            uint64_t before = set, taken = 0;
            rst_bit_run run = rst_take_run64(&set);
            assert_true(run.count >= 1 && run.at + run.count <= 64);
            for (unsigned at = run.at; at < run.at + run.count; at++)
                taken |= (uint64_t)1 << at;
            assert_int_equal(run.at, rst_lowest_bit64(before));
            assert_true((before & taken) == taken && set == (before & ~taken));
            assert_true(run.at + run.count == 64 || (before >> (run.at + run.count) & 1) == 0);
        }
    }
}

static void masks_have_just_their_bits(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 32; first++) {
        for (unsigned count = 1; first + count <= 32; count++) {
            uint32_t expected = 0;
            for (unsigned i = first; i < first + count; i++)
                expected |= 1u << i;
            assert_int_equal(rst_mask32(first, count), expected);
            assert_int_equal(rst_popcount32(expected), count);
            assert_int_equal(rst_lowest_bit32(expected), first);
            assert_int_equal(rst_lowest_bit64((uint64_t)expected << 32), first + 32);
        }
    }
}

static void logarithm_is_the_floor(void **state)
{
    (void)state;
    for (unsigned power = 0; power < 64; power++) {
        size_t n = (size_t)1 << power;
        assert_int_equal(rst_log2(n), power);
        assert_int_equal(rst_log2(n + (n - 1)), power);
    }
}

static void alignment_rounds(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        assert_int_equal(rst_align_up(n, 64), (n + 63) / 64 * 64);
        assert_int_equal(rst_align_down(n, 64), n / 64 * 64);
        size_t powers = 0;
        for (size_t p = 1; p < 300; p *= 2)
            powers += p == n;
        assert_int_equal(rst_is_power_of_two(n), powers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_starts_are_those_of_the_naive_search),
        cmocka_unit_test(runs_are_taken_from_the_lowest),
        cmocka_unit_test(masks_have_just_their_bits),
        cmocka_unit_test(logarithm_is_the_floor),
        cmocka_unit_test(alignment_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

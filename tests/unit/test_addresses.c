/* Address spaces: arenas at the ends of those of 39, 47, 48 and 57 bits, as far as addresses are computed with and not followed, and
 * what is refused above 48 bits. SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "threadcache/inbox.h"

enum { SLICES = 64 };

static rst_slice slices[SLICES];

/* What finds a descriptor, tried with an arena of SLICES slices that ends where an address space of so many bits does. */
static void descriptors_at_the_end(unsigned bits)
{
    uintptr_t end = (uintptr_t)1 << bits;
    uintptr_t base = end - SLICES * RST_SLICE_SIZE;
    rst_store_relaxed(&rst_main_frontier, SLICES * RST_SLICE_SIZE);
    for (size_t i = 0; i < SLICES; i++) {
        uintptr_t first = base + i * RST_SLICE_SIZE;
        assert_ptr_equal(rst_slice_in((char *)base, slices, (void *)first), &slices[i]);
        assert_ptr_equal(rst_slice_in((char *)base, slices, (void *)(first + RST_SLICE_SIZE - 1)), &slices[i]);
    }
    const uintptr_t outside[] = {
        0, 1, base - 1, end, end + base, (uintptr_t)1 << 63, UINTPTR_MAX, base ^ (uintptr_t)1 << 63};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_null(rst_slice_in((char *)base, slices, (void *)outside[i]));
    rst_store_relaxed(&rst_main_frontier, 0);
}

static void descriptors_are_found_in_every_address_space(void **state)
{
    (void)state;
    static const unsigned bits[] = {39, 47, 48, 57};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        descriptors_at_the_end(bits[i]);
}

static void a_message_keeps_its_address_and_its_backlog(void **state)
{
    (void)state;
    uint64_t word = (uint64_t)RST_INBOX_MAX << RST_INBOX_SHIFT | (RST_ADDRESS_END - RST_GRAIN);
    assert_ptr_equal(rst_inbox_top(word), (void *)(RST_ADDRESS_END - RST_GRAIN));
    assert_int_equal(rst_inbox_backlog(word), RST_INBOX_MAX);
}

/* Each answer is given back, and a smaller arena is tried, which the system then gives elsewhere. */
static void memory_above_48_bits_is_refused(void **state)
{
    (void)state;
    const uintptr_t far[] = {RST_ADDRESS_END, RST_ADDRESS_END - RST_SEGMENT_SIZE, (uintptr_t)1 << 56};
    for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
        unsigned before = rst_arena_count();
        fake_reserve_at(far[i]);
        assert_true(rst_arena_add(2 * RST_SEGMENT_SIZE, before));
        assert_int_equal(fake_released_there(), i + 1);
        assert_int_equal(rst_arena_count(), before + 1);
        assert_true((uintptr_t)rst_arenas[before].base < RST_ADDRESS_END);
        assert_null(unit_leak());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_found_in_every_address_space),
        cmocka_unit_test(a_message_keeps_its_address_and_its_backlog),
        cmocka_unit_test(memory_above_48_bits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

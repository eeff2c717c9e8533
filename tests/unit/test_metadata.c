/* Metadata: zeroed, aligned, not overlapping; a failure of the OS loses nothing.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/metadata.h"

enum { COUNT = 400 };

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    static char *piece[COUNT];
    static size_t size[COUNT];
    uint64_t seed = 5;
    for (int i = 0; i < COUNT; i++) {
        size[i] = i % 50 == 0 ? RST_METADATA_MAX : 1 + unit_random(&seed) % 5000;
        piece[i] = rst_metadata_take(size[i]);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % RST_CACHE_LINE, 0);
        assert_true(unit_all_zero(piece[i], size[i]));
        memset(piece[i], i | 1, size[i]);
    }
    for (int i = 0; i < COUNT; i++) { /* still whole, so no other piece overlaps it */
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal((unsigned char)piece[i][k], (unsigned char)(i | 1));
    }
    assert_null(unit_leak());
}

static void too_much_is_refused(void **state)
{
    (void)state;
    unsigned before = fake_calls(FAKE_RESERVE);
    assert_null(rst_metadata_take(RST_METADATA_MAX + 1));
    assert_int_equal(fake_calls(FAKE_RESERVE), before);
}

/* Take pieces until the OS is asked and refuses. */
static void take_until_refused(fake_kind kind)
{
    unsigned before = fake_failures();
    fake_fail(kind, 1, 1);
    for (int i = 0; rst_metadata_take(RST_METADATA_MAX) != NULL; i++)
        assert_true(i < 10);
    assert_int_equal(fake_failures(), before + 1);
    assert_null(unit_leak());
    char *piece = rst_metadata_take(RST_METADATA_MAX);
    assert_non_null(piece);
    assert_true(unit_all_zero(piece, RST_METADATA_MAX));
    assert_null(unit_leak());
}

static void refusals_lose_nothing(void **state)
{
    (void)state;
    take_until_refused(FAKE_RESERVE);
    take_until_refused(FAKE_COMMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(refusals_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

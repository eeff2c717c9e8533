/* A claim is refused at the point where limits are looked at next, and another thread moves that point before this one comes to
 * look: the allocation must not fail.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/options.h"
#include "roost/roost.h"

enum { LARGE = 4 << 20 };

static unsigned moved;

static void move_limit(void)
{
    moved++;
    rst_store_relaxed(&rst_footprint_limit, UINT64_MAX);
}

static void limit_reached(void)
{
    rst_store_relaxed(&rst_footprint_limit, rst_load_relaxed(&rst_process.footprint));
    fake_at_clock(move_limit);
}

static void a_large_block_is_not_refused(void **state)
{
    (void)state;
    roost_free(roost_malloc(1)); /* options are read */
    limit_reached();
    void *block = roost_malloc(LARGE);
    assert_int_equal(moved, 1);
    assert_non_null(block);
    limit_reached();
    void *zeroed = roost_calloc(1, LARGE);
    assert_non_null(zeroed);
    limit_reached();
    block = roost_realloc(block, 3 * LARGE);
    assert_non_null(block);
    roost_free(block);
    roost_free(zeroed);
}

static void a_page_is_not_refused(void **state)
{
    (void)state;
    static void *blocks[1000];
    for (unsigned i = 0; i < 1000; i++) {
        limit_reached();
        blocks[i] = roost_malloc(60000);
        assert_non_null(blocks[i]);
    }
    for (unsigned i = 0; i < 1000; i++)
        roost_free(blocks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_block_is_not_refused),
        cmocka_unit_test(a_page_is_not_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

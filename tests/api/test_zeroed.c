/* calloc, zalloc, recalloc and rezalloc: zero means zero, also where dirty memory is used again.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <errno.h>

static int on_roost;

static const size_t sizes[] = {0,     1,     8,      16,     24,      100,     128,     500,
                               1000,  2048,  4096,   8000,   8192,    9000,    16384,   30000,
                               65536, 70000, 131072, 300000, 1048576, 2500000, 6000000, 40000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* Leave dirty free blocks of the size behind, in the number that a heap may keep at hand. */
static void dirty(size_t size)
{
    void *block[64];
    int count = size > 100000 ? 4 : 64;
    for (int i = 0; i < count; i++) {
        block[i] = rt.malloc(size);
        assert_non_null(block[i]);
        memset(block[i], 0xA5, rt.usable_size(block[i]));
    }
    for (int i = 0; i < count; i++)
        rt.free(block[i]);
}

/* roost promises zero up to the usable size, since rezalloc clears from there on; others to the size. */
static void assert_zero(const void *block, size_t from, size_t size)
{
    size_t end = on_roost ? rt.usable_size(block) : size;
    size_t at = first_nonzero(block, from, end);
    if (at < end)
        fail_msg("byte %zu of a block of %zu (usable %zu) is not zero", at, size, rt.usable_size(block));
}

static void calloc_clears_used_memory(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        dirty(sizes[i]);
        for (int again = 0; again < 3; again++) {
            void *block = rt.calloc(1, sizes[i]);
            assert_non_null(block);
            assert_true(is_aligned(block, 16));
            assert_zero(block, 0, sizes[i]);
            memset(block, 0x5A, rt.usable_size(block));
            void *other = rt.calloc(sizes[i], 1);
            assert_non_null(other);
            assert_zero(other, 0, sizes[i]);
            rt.free(block);
            rt.free(other);
        }
    }
}

static void calloc_multiplies_and_refuses_overflow(void **state)
{
    (void)state;
    void *block = rt.calloc(1000, 33);
    assert_true(rt.usable_size(block) >= 33000);
    assert_zero(block, 0, 33000);
    rt.free(block);
    block = rt.calloc(0, 8);
    assert_non_null(block);
    rt.free(block);
    block = rt.calloc(8, 0);
    assert_non_null(block);
    rt.free(block);
    static const size_t pairs[][2] = {{SIZE_MAX, 2},
                                      {2, SIZE_MAX},
                                      {(size_t)1 << 32, (size_t)1 << 32},
                                      {(size_t)1 << 33, (size_t)1 << 31},
                                      {SIZE_MAX / 3, 4},
                                      {SIZE_MAX, SIZE_MAX},
                                      {SIZE_MAX / 16 + 1, 16}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        errno = 0;
        assert_null(rt.calloc(pairs[i][0], pairs[i][1]));
        assert_int_equal(errno, ENOMEM);
        if (!rt.recalloc)
            continue;
        errno = 0;
        assert_null(rt.recalloc(NULL, pairs[i][0], pairs[i][1]));
        assert_int_equal(errno, ENOMEM);
    }
}

static void zalloc_clears_used_memory(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (int i = 0; i < SIZES; i++) {
        dirty(sizes[i]);
        void *block = rt.zalloc(sizes[i]);
        assert_non_null(block);
        assert_zero(block, 0, sizes[i]);
        rt.free(block);
    }
    errno = 0;
    assert_null(rt.zalloc(SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
}

/* Grow a zeroed block whose requested bytes were written: what lies beyond them reads as zero. */
static void grow_zeroed(size_t from, size_t to, int by_recalloc)
{
    dirty(from);
    dirty(to);
    void *block = rt.zalloc(from);
    assert_non_null(block);
    pattern_fill(block, from, 5);
    void *grown = by_recalloc ? rt.recalloc(block, 1, to) : rt.rezalloc(block, to);
    assert_non_null(grown);
    assert_true(rt.usable_size(grown) >= to);
    size_t kept = from < to ? from : to;
    assert_int_equal(pattern_check(grown, from, kept, 5), kept);
    if (to > from && (first_nonzero(grown, from, to) != to))
        fail_msg("resized from %zu to %zu: byte %zu is not zero", from, to, first_nonzero(grown, from, to));
    rt.free(grown);
}

static void recalloc_clears_the_tail(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (int from = 0; from < SIZES - 1; from++) {
        for (int to = 1; to < SIZES - 1; to++)
            grow_zeroed(sizes[from], sizes[to], (from + to) & 1);
    }
    grow_zeroed(6000000, 40000000, 1);
    grow_zeroed(40000000, 100000000, 0);
}

/* Small steps: a block shrunk and grown again inside its class. `written` never exceeds the size. */
static void rezalloc_in_small_steps(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    dirty(1000);
    unsigned char *block = rt.zalloc(1);
    for (size_t size = 2; size < 30000; size += 1 + size / 97) {
        block = rt.rezalloc(block, size);
        assert_non_null(block);
        assert_int_equal(first_nonzero(block, 0, size), size);
    }
    rt.free(block);
}

static void recalloc_of_null_and_to_zero(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (int i = 0; i < SIZES; i++) {
        dirty(sizes[i]);
        void *block = rt.recalloc(NULL, sizes[i], 1);
        assert_non_null(block);
        assert_zero(block, 0, sizes[i]);
        assert_null(rt.recalloc(block, 0, 1));
        block = rt.rezalloc(NULL, sizes[i]);
        assert_non_null(block);
        assert_zero(block, 0, sizes[i]);
        assert_null(rt.rezalloc(block, 0));
    }
}

static void refused_recalloc_leaves_the_block(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    void *block = rt.zalloc(50);
    pattern_fill(block, 50, 1);
    errno = 0;
    assert_null(rt.recalloc(block, SIZE_MAX / 2, 3));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(rt.rezalloc(block, SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(pattern_check(block, 50, 50, 1), 50);
    rt.free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calloc_clears_used_memory),         cmocka_unit_test(calloc_multiplies_and_refuses_overflow),
        cmocka_unit_test(zalloc_clears_used_memory),         cmocka_unit_test(recalloc_clears_the_tail),
        cmocka_unit_test(rezalloc_in_small_steps),           cmocka_unit_test(recalloc_of_null_and_to_zero),
        cmocka_unit_test(refused_recalloc_leaves_the_block),
    };
    on_roost = api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* malloc and free: sizes at every border of a size class up to 4 MiB, what is usable, what is refused, errno.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <errno.h>

static int on_roost;

static void zero_sizes_are_distinct(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static void *block[COUNT];
    for (int i = 0; i < COUNT; i++) {
        block[i] = rt.malloc(0);
        assert_non_null(block[i]);
        assert_true(is_aligned(block[i], 16));
        memset(block[i], i, rt.usable_size(block[i]));
        for (int j = 0; j < i; j++)
            assert_ptr_not_equal(block[i], block[j]);
    }
    for (int i = 0; i < COUNT; i++)
        rt.free(block[i]);
}

/* One block of `size`: aligned, large enough, writable to the last usable byte. Returns the usable size. */
static size_t try_size(size_t size)
{
    unsigned char *block = rt.malloc(size);
    assert_non_null(block);
    assert_true(is_aligned(block, 16));
    size_t usable = rt.usable_size(block);
    assert_true(usable >= size);
    if (on_roost) {
        assert_int_equal(usable, rt.good_size(size));
        if (size > 128 && (usable - size) * 5 > usable)
            fail_msg("malloc(%zu) gives %zu bytes, more than a fifth of them wasted", size, usable);
    }
    pattern_fill(block, usable, (unsigned)size);
    assert_int_equal(pattern_check(block, usable, usable, (unsigned)size), usable);
    rt.free(block);
    return usable;
}

static void borders_of_size_classes(void **state)
{
    (void)state;
    size_t size = 0;
    while (size <= 4 * MIB) {
        size_t usable = try_size(size);
        try_size(usable - 1);
        try_size(usable);
        size = usable + 1 > size + size / 64 ? usable + 1 : size + size / 64;
    }
}

static void every_small_size(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 9 * KIB; size++)
        try_size(size);
}

/* Blocks of all sizes alive together keep their contents: none overlaps another. */
static void blocks_live_together(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static unsigned char *block[COUNT];
    static size_t usable[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i < 2500 ? i * 7 : (i - 2400) * 1111;
        block[i] = rt.malloc(size);
        assert_non_null(block[i]);
        usable[i] = rt.usable_size(block[i]);
        pattern_fill(block[i], usable[i], (unsigned)i);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        assert_int_equal(pattern_check(block[i], usable[i], usable[i], (unsigned)i), usable[i]);
        rt.free(block[i]);
    }
    for (size_t i = 1; i < COUNT; i += 2) {
        assert_int_equal(pattern_check(block[i], usable[i], usable[i], (unsigned)i), usable[i]);
        rt.free(block[i]);
    }
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    static const size_t impossible[] = {
        SIZE_MAX,
        SIZE_MAX - 1,
        SIZE_MAX - 15,
        SIZE_MAX - 16,
        SIZE_MAX - 4095,
        SIZE_MAX - 4096,
        SIZE_MAX - 65535,
        SIZE_MAX - 65536,
        SIZE_MAX - (2 * MIB - 1),
        SIZE_MAX - 4 * MIB,
        (size_t)PTRDIFF_MAX + 1,
        (size_t)PTRDIFF_MAX,
        (size_t)PTRDIFF_MAX - 65536,
        (size_t)1 << 62,
    };
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        errno = 0;
        assert_null(rt.malloc(impossible[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(rt.calloc(impossible[i], 1));
        assert_int_equal(errno, ENOMEM);
    }
    void *after = rt.malloc(100);
    assert_non_null(after);
    rt.free(after);
}

static void success_and_free_keep_errno(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        errno = 4711;
        void *block = rt.malloc(sizes[i]);
        assert_int_equal(errno, 4711);
        void *zeroed = rt.calloc(1, sizes[i]);
        assert_int_equal(errno, 4711);
        void *grown = rt.realloc(block, sizes[i] * 3 + 1);
        assert_int_equal(errno, 4711);
        void *aligned = rt.aligned_alloc(4096, sizes[i]);
        assert_int_equal(errno, 4711);
        assert_true(zeroed && grown && aligned);
        rt.free(grown);
        rt.free(zeroed);
        rt.free(aligned);
        assert_int_equal(errno, 4711);
    }
    errno = 4711;
    rt.free(NULL);
    assert_int_equal(errno, 4711);
}

static void free_of_null_does_nothing(void **state)
{
    (void)state;
    rt.free(NULL);
    if (rt.free_sized)
        rt.free_sized(NULL, 0);
    if (rt.free_aligned_sized)
        rt.free_aligned_sized(NULL, 64, 0);
    assert_int_equal(rt.usable_size(NULL), 0);
}

static void huge_blocks(void **state)
{
    (void)state;
    for (size_t size = 4 * MIB; size <= 2 * GIB; size *= 2) {
        for (int off = -1; off <= 1; off++) {
            unsigned char *block = rt.malloc(size + (size_t)off);
            assert_non_null(block);
            size_t usable = rt.usable_size(block);
            assert_true(usable >= size + (size_t)off);
            block[0] = 1;
            block[usable / 2] = 2;
            block[usable - 1] = 3;
            assert_int_equal(block[0] + block[usable / 2] + block[usable - 1], 6);
            rt.free(block);
        }
    }
}

static void many_cycles_of_one_size(void **state)
{
    (void)state;
    for (size_t size = 8; size <= 256 * KIB; size *= 2) {
        size_t cycles = size <= KIB ? 100000 : 5000;
        for (size_t i = 0; i < cycles; i++) {
            unsigned char *block = rt.malloc(size);
            assert_true(block != NULL);
            block[size - 1] = (unsigned char)i;
            rt.free(block);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_sizes_are_distinct),
        cmocka_unit_test(borders_of_size_classes),
        cmocka_unit_test(every_small_size),
        cmocka_unit_test(blocks_live_together),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(success_and_free_keep_errno),
        cmocka_unit_test(free_of_null_does_nothing),
        cmocka_unit_test(huge_blocks),
        cmocka_unit_test(many_cycles_of_one_size),
    };
    on_roost = api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

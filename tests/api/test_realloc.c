/* realloc and reallocarray: contents kept over every border between small, medium and large blocks, and the
 * special cases that glibc promises.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <errno.h>

static const size_t ladder[] = {
    0,       1,       15,      16,      17,      31,      100,     128,     129,     500,     1000,    1024,
    1025,    4000,    4096,    4097,    8191,    8192,    8193,    16384,   20000,   32768,   32769,   49152,
    65535,   65536,   65537,   100000,  131072,  131073,  262144,  262145,  500000,  524288,  524289,  1048575,
    1048576, 1048577, 2000000, 2097152, 2097153, 3000000, 4194304, 4194305, 5000000, 8388607, 8388608, 8388609,
};
enum { RUNGS = sizeof ladder / sizeof ladder[0] };

static void *resize_checked(void *block, size_t old, size_t new, unsigned salt)
{
    unsigned char *moved = rt.realloc(block, new);
    assert_non_null(moved);
    assert_true(is_aligned(moved, 16));
    assert_true(rt.usable_size(moved) >= new);
    size_t kept = old < new ? old : new;
    size_t good = pattern_check(moved, old, kept, salt);
    if (good != kept)
        fail_msg("realloc from %zu to %zu: byte %zu of %zu is not what it was", old, new, good, kept);
    return moved;
}

static void from_every_size_to_every_size(void **state)
{
    (void)state;
    for (unsigned from = 0; from < RUNGS; from++) {
        for (unsigned to = 1; to < RUNGS; to++) {
            void *block = rt.malloc(ladder[from]);
            assert_non_null(block);
            pattern_fill(block, ladder[from], from + to);
            rt.free(resize_checked(block, ladder[from], ladder[to], from + to));
        }
    }
}

static void up_and_down_the_ladder(void **state)
{
    (void)state;
    void *block = rt.malloc(ladder[0]);
    for (unsigned i = 1; i < 2 * RUNGS - 2; i++) {
        unsigned was = i <= RUNGS ? i - 1 : 2 * RUNGS - 1 - i;
        unsigned is = i < RUNGS ? i : 2 * RUNGS - 2 - i;
        pattern_fill(block, ladder[was], was);
        block = resize_checked(block, ladder[was], ladder[is], was);
    }
    rt.free(block);
}

/* A growing buffer beside other growing buffers: room to grow in place comes and goes. */
static void buffers_that_grow_together(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    void *block[COUNT];
    size_t size[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        size[i] = 10 + i;
        block[i] = rt.malloc(size[i]);
        pattern_fill(block[i], size[i], i);
    }
    while (size[0] < 16 * MIB) {
        for (unsigned i = 0; i < COUNT; i++) {
            size_t bigger = size[i] + size[i] / 2 + 1;
            block[i] = resize_checked(block[i], size[i], bigger, i);
            size[i] = bigger;
            pattern_fill(block[i], size[i], i);
        }
    }
    for (unsigned i = 0; i < COUNT; i++) {
        block[i] = resize_checked(block[i], size[i], 33, i);
        rt.free(block[i]);
    }
}

static void step_by_step(void **state)
{
    (void)state;
    unsigned char *block = NULL;
    for (size_t size = 1; size <= 20000; size++) {
        block = rt.realloc(block, size);
        assert_true(block != NULL);
        block[size - 1] = pattern_byte(size - 1, 9);
    }
    for (size_t at = 0; at < 20000; at++)
        assert_true(block[at] == pattern_byte(at, 9));
    rt.free(block);
}

/* A buffer that grows by a little is copied a bounded number of times: above 8 KiB what it has grows by a quarter at least. */
static void little_steps_copy_seldom(void **state)
{
    (void)state;
    void *block = rt.malloc(128);
    size_t copied = 0;
    for (size_t size = 128; size <= 1 << 20; size += 40) {
        size_t usable = rt.usable_size(block);
        void *moved = rt.realloc(block, size);
        assert_non_null(moved);
        if (moved != block) {
            copied += usable;
            if (usable > 8192 && usable <= 65536)
                assert_true(rt.usable_size(moved) >= usable + usable / 4);
        }
        block = moved;
    }
    assert_true(copied <= 4u << 20);
    rt.free(block);
}

static void null_allocates_and_zero_frees(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RUNGS; i++) {
        void *block = rt.realloc(NULL, ladder[i]);
        assert_non_null(block);
        assert_true(rt.usable_size(block) >= ladder[i]);
        pattern_fill(block, rt.usable_size(block), i);
        errno = 0;
        assert_null(rt.realloc(block, 0));
        assert_int_equal(errno, 0);
        block = rt.reallocarray(NULL, ladder[i], 1);
        assert_non_null(block);
        assert_null(rt.reallocarray(block, 0, 8));
    }
}

/* If realloc(block, 0) did not free, a loop of it would not fit into memory. */
static void zero_really_frees(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        void *block = rt.malloc(16 * MIB);
        assert_non_null(block);
        memset(block, 1, 4096);
        assert_null(rt.realloc(block, 0));
    }
    assert_true(resident_bytes() < 256 * MIB);
}

static void refused_growth_leaves_the_block(void **state)
{
    (void)state;
    static const size_t sizes[] = {24, 5000, 70000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = rt.malloc(sizes[i]);
        pattern_fill(block, sizes[i], 77);
        errno = 0;
        assert_null(rt.realloc(block, (size_t)PTRDIFF_MAX + 1));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(rt.realloc(block, SIZE_MAX));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(rt.reallocarray(block, SIZE_MAX / 2, 3));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(rt.reallocarray(block, (size_t)1 << 32, (size_t)1 << 32));
        assert_int_equal(errno, ENOMEM);
        assert_int_equal(pattern_check(block, sizes[i], sizes[i], 77), sizes[i]);
        rt.free(block);
    }
}

static void reallocarray_multiplies(void **state)
{
    (void)state;
    unsigned char *block = rt.reallocarray(NULL, 100, 30);
    assert_non_null(block);
    assert_true(rt.usable_size(block) >= 3000);
    pattern_fill(block, 3000, 3);
    block = rt.reallocarray(block, 7, 100000);
    assert_non_null(block);
    assert_true(rt.usable_size(block) >= 700000);
    assert_int_equal(pattern_check(block, 3000, 3000, 3), 3000);
    rt.free(block);
}

/* An over-aligned block may lose its alignment by realloc, but never its contents. */
static void aligned_blocks_resize(void **state)
{
    (void)state;
    for (size_t alignment = 16; alignment <= 4 * MIB; alignment *= 2) {
        for (unsigned to = 1; to < RUNGS; to += 3) {
            void *block = rt.aligned_alloc(alignment, 3000);
            assert_non_null(block);
            pattern_fill(block, 3000, to);
            rt.free(resize_checked(block, 3000, ladder[to], to));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_every_size_to_every_size),
        cmocka_unit_test(up_and_down_the_ladder),
        cmocka_unit_test(buffers_that_grow_together),
        cmocka_unit_test(step_by_step),
        cmocka_unit_test(little_steps_copy_seldom),
        cmocka_unit_test(null_allocates_and_zero_frees),
        cmocka_unit_test(zero_really_frees),
        cmocka_unit_test(refused_growth_leaves_the_block),
        cmocka_unit_test(reallocarray_multiplies),
        cmocka_unit_test(aligned_blocks_resize),
    };
    api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* aligned_alloc, memalign, posix_memalign, valloc, pvalloc: every power of two up to 1 GiB, and what is refused.
 * Where roost promises more than glibc 2.36 (aligned_alloc refuses what is no power of two), only roost is asked.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <errno.h>

static int on_roost;

enum call { ALIGNED_ALLOC, MEMALIGN, POSIX_MEMALIGN, CALLS };

static void *allocate(enum call call, size_t alignment, size_t size)
{
    void *block = NULL;
    switch (call) {
    case ALIGNED_ALLOC:
        return rt.aligned_alloc(alignment, size);
    case MEMALIGN:
        return rt.memalign(alignment, size);
    default:
        assert_int_equal(rt.posix_memalign(&block, alignment < 8 ? 8 : alignment, size), 0);
        return block;
    }
}

static void check_block(void *block, size_t alignment, size_t size)
{
    if (!block)
        fail_msg("no block for alignment %zu, size %zu", alignment, size);
    if (!is_aligned(block, alignment) || !is_aligned(block, 16))
        fail_msg("%p is not aligned to %zu (size %zu)", block, alignment, size);
    size_t usable = rt.usable_size(block);
    if (usable < size)
        fail_msg("alignment %zu, size %zu: only %zu bytes usable", alignment, size, usable);
    pattern_fill(block, usable, 1);
    assert_int_equal(pattern_check(block, usable, usable, 1), usable);
}

static void every_power_of_two(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     7,     16,    17,     63,     64,      100,
                                   200,   1000,  2000,  4095,  4096,   4097,   8192,    12000,
                                   16384, 40000, 65536, 65537, 100000, 262144, 1000000, 3000000};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2) {
        for (int call = 0; call < CALLS; call++) {
            void *block[SIZES];
            for (int i = 0; i < SIZES; i++) {
                block[i] = allocate((enum call)call, alignment, sizes[i]);
                check_block(block[i], alignment, sizes[i]);
            }
            for (int i = 0; i < SIZES; i++) {
                assert_int_equal(pattern_check(block[i], rt.usable_size(block[i]), sizes[i], 1), sizes[i]);
                rt.free(block[i]);
            }
        }
    }
}

static void sizes_that_are_multiples(void **state)
{
    (void)state;
    for (size_t alignment = 16; alignment <= MIB; alignment *= 2) {
        for (size_t times = 1; times <= 5; times++) {
            void *block = rt.aligned_alloc(alignment, alignment * times);
            check_block(block, alignment, alignment * times);
            rt.free(block);
        }
    }
}

/* Many at once, so that aligned blocks come from used pages too, not only from a fresh one's start. */
static void many_of_one_alignment(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static void *block[COUNT];
    for (size_t alignment = 32; alignment <= 32 * KIB; alignment *= 2) {
        for (size_t size = 1; size <= 20000; size = size * 5 + 3) {
            for (int i = 0; i < COUNT; i++) {
                block[i] = allocate((enum call)(i % CALLS), alignment, size);
                if (!block[i] || !is_aligned(block[i], alignment))
                    fail_msg("%p for alignment %zu, size %zu", block[i], alignment, size);
                memset(block[i], i, size);
            }
            for (int i = 0; i < COUNT; i++) {
                unsigned char *byte = block[i];
                assert_int_equal(byte[0], (unsigned char)i);
                assert_int_equal(byte[size - 1], (unsigned char)i);
                rt.free(block[i]);
            }
        }
    }
}

static void very_large_alignments(void **state)
{
    (void)state;
    static const size_t alignments[] = {8 * MIB, 64 * MIB, 256 * MIB, GIB};
    static const size_t sizes[] = {0, 1, 5000, 100000, 3000000, 70000000};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            for (int call = 0; call < CALLS; call++) {
                void *block = allocate((enum call)call, alignments[i], sizes[j]);
                check_block(block, alignments[i], sizes[j]);
                rt.free(block);
            }
        }
    }
}

static void wrong_alignments_are_einval(void **state)
{
    (void)state;
    static const size_t wrong[] = {3, 5, 6, 12, 24, 48, 100, 4095, 4097, SIZE_MAX, ((size_t)1 << 63) + 1};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int marker;
        void *out = &marker;
        errno = 4711;
        assert_int_equal(rt.posix_memalign(&out, wrong[i], 100), EINVAL);
        assert_ptr_equal(out, &marker);
        assert_int_equal(errno, 4711);
        if (on_roost) {
            errno = 0;
            assert_null(rt.aligned_alloc(wrong[i], 100));
            assert_int_equal(errno, EINVAL);
        }
    }
    static const size_t below_pointer[] = {0, 1, 2, 4};
    for (size_t i = 0; i < sizeof below_pointer / sizeof below_pointer[0]; i++) {
        int marker;
        void *out = &marker;
        assert_int_equal(rt.posix_memalign(&out, below_pointer[i], 100), EINVAL);
        assert_ptr_equal(out, &marker);
    }
    if (on_roost) {
        errno = 0;
        assert_null(rt.aligned_alloc(0, 100));
        assert_int_equal(errno, EINVAL);
    }
}

static void memalign_rounds_up(void **state)
{
    (void)state;
    static const size_t pairs[][2] = {{0, 16}, {3, 4}, {24, 32}, {33, 64}, {100, 128}, {3000, 4096}, {70000, 131072}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        void *block = rt.memalign(pairs[i][0], 100);
        check_block(block, pairs[i][1], 100);
        rt.free(block);
    }
}

static void refused_sizes_are_enomem(void **state)
{
    (void)state;
    static const size_t alignments[] = {8, 16, 64, 4096, 65536, MIB, 64 * MIB};
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 64, SIZE_MAX - 65536, (size_t)PTRDIFF_MAX + 1, (size_t)1 << 62};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            int marker;
            void *out = &marker;
            errno = 0;
            assert_null(rt.aligned_alloc(alignments[i], sizes[j]));
            assert_int_equal(errno, ENOMEM);
            errno = 0;
            assert_null(rt.memalign(alignments[i], sizes[j]));
            assert_int_equal(errno, ENOMEM);
            assert_int_equal(rt.posix_memalign(&out, alignments[i], sizes[j]), ENOMEM);
            assert_ptr_equal(out, &marker);
            if (on_roost) {
                errno = 4711;
                rt.posix_memalign(&out, alignments[i], sizes[j]);
                assert_int_equal(errno, ENOMEM); /* as in glibc; POSIX leaves it open */
            }
        }
    }
    /* an alignment beyond any address space is a power of two that memory cannot meet */
    errno = 0;
    assert_null(rt.aligned_alloc((size_t)1 << 62, 1));
    assert_int_equal(errno, ENOMEM);
    if (on_roost) {
        errno = 0;
        assert_null(rt.aligned_alloc((size_t)1 << 63, 1));
        assert_int_equal(errno, ENOMEM);
    }
}

static void valloc_and_pvalloc(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 10000, 65536, 65537, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = rt.valloc(sizes[i]);
        check_block(block, page, sizes[i]);
        rt.free(block);
        block = rt.pvalloc(sizes[i]);
        size_t whole = (sizes[i] + page - 1) / page * page;
        if (on_roost && sizes[i] == 0)
            whole = page;
        check_block(block, page, whole);
        rt.free(block);
    }
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 100, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1};
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        errno = 0;
        assert_null(rt.valloc(impossible[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(rt.pvalloc(impossible[i]));
        assert_int_equal(errno, ENOMEM);
    }
}

/* Small blocks with a large alignment must not keep address space for ever. */
static void aligned_blocks_are_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        unsigned char *block = rt.aligned_alloc(MIB << (i % 5), 100);
        assert_true(block != NULL);
        block[99] = 1;
        rt.free(block);
    }
    if (!TEST_SANITIZED) /* a sanitizer's shadow is resident too */
        assert_true(resident_bytes() < 512 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_power_of_two),
        cmocka_unit_test(sizes_that_are_multiples),
        cmocka_unit_test(many_of_one_alignment),
        cmocka_unit_test(very_large_alignments),
        cmocka_unit_test(wrong_alignments_are_einval),
        cmocka_unit_test(memalign_rounds_up),
        cmocka_unit_test(refused_sizes_are_enomem),
        cmocka_unit_test(valloc_and_pvalloc),
        cmocka_unit_test(aligned_blocks_are_used_again),
    };
    on_roost = api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

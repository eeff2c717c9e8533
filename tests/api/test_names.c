/* What only roost has: good_size, owns, version, thread_flush; the frees that state a size; and the old names.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <errno.h>
#include <sys/mman.h>
#ifndef _WIN32
#include <dlfcn.h>
#endif

#if defined(ROOST_TEST_WEAK_NAMES) && !defined(ROOST_TEST_API_ONLY)
#pragma weak roost_malloc
#pragma weak roost_free
#pragma weak roost_realloc
#pragma weak roost_usable_size
#endif

static int on_roost;
static int static_object;

static void version_is_the_header_s(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    assert_int_equal(rt.version(), ROOST_VERSION);
}

static void good_size_is_usable_size(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    size_t before = 0;
    for (size_t size = 0; size < 80 * MIB; size += 1 + size / 60) {
        size_t good = rt.good_size(size);
        assert_true(good >= size);
        assert_true(good >= before);
        before = good;
        assert_int_equal(rt.good_size(good), good);
        void *block = rt.malloc(size);
        assert_int_equal(rt.usable_size(block), good);
        rt.free(block);
    }
    (void)rt.good_size(SIZE_MAX); /* not promised what, but it returns */
}

static void owns_its_blocks(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (size_t size = 0; size < 80 * MIB; size = size * 3 + 1) {
        unsigned char *block = rt.malloc(size);
        assert_int_equal(rt.owns(block), 1);
        assert_int_equal(rt.owns(block + size / 2), 1);
        assert_int_equal(rt.owns(block + rt.usable_size(block) - 1), 1);
        rt.free(block);
        block = rt.aligned_alloc(2 * MIB, size);
        assert_int_equal(rt.owns(block), 1);
        rt.free(block);
    }
}

static void owns_nothing_else(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    int local;
    assert_int_equal(rt.owns(NULL), 0);
    assert_int_equal(rt.owns(&local), 0);
    assert_int_equal(rt.owns(&static_object), 0);
    assert_int_equal(rt.owns("text"), 0);
    union {
        void (*function)(void **);
        const void *address;
    } code = {owns_nothing_else};
    assert_int_equal(rt.owns(code.address), 0);
    void *mapped = mmap(NULL, 4 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(mapped, MAP_FAILED);
    assert_int_equal(rt.owns(mapped), 0);
    munmap(mapped, 4 * MIB);
    assert_int_equal(rt.owns((const void *)(uintptr_t)1), 0);
    assert_int_equal(rt.owns((const void *)UINTPTR_MAX), 0);
}

/* Any address may be asked, and asking reads no memory of the asker's choice. */
static void owns_answers_for_wild_addresses(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 1000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int answer = rt.owns((const void *)(uintptr_t)(x >> (x & 31)));
        assert_true(answer == 0 || answer == 1);
    }
    for (uint64_t a = 0; a < (uint64_t)1 << 47; a += (uint64_t)1 << 26) {
        int answer = rt.owns((const void *)(uintptr_t)a);
        assert_true(answer == 0 || answer == 1);
    }
}

static void frees_that_state_a_size(void **state)
{
    (void)state;
    if (!rt.free_sized || !rt.free_aligned_sized)
        skip();
    for (size_t size = 0; size < 80 * MIB; size = size * 2 + 1) {
        for (int again = 0; again < 20; again++) {
            unsigned char *block = rt.malloc(size);
            assert_non_null(block);
            memset(block, again, size < 4096 ? size : 4096);
            errno = 4711;
            rt.free_sized(block, size);
            size_t alignment = (size_t)16 << again;
            block = rt.aligned_alloc(alignment, size);
            assert_non_null(block);
            rt.free_aligned_sized(block, alignment, size);
            block = rt.calloc(size, 1);
            rt.free_sized(block, size);
            block = rt.realloc(rt.malloc(10), size + 1);
            rt.free_sized(block, size + 1);
            assert_int_equal(errno, 4711);
        }
    }
}

static void thread_flush_at_any_time(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (int i = 0; i < 100; i++) {
        void *block = rt.malloc((size_t)i * 100);
        rt.thread_flush();
        rt.free(block);
        rt.thread_flush();
    }
}

#ifndef ROOST_TEST_API_ONLY
#ifndef _WIN32

/* glibc has it for old programs only: nothing new links to it there. */
extern void cfree(void *block) __attribute__((weak));

static void cfree_frees(void **state)
{
    (void)state;
    if (on_roost)
        assert_true(cfree != NULL);
    if (cfree == NULL)
        skip();
    for (int i = 0; i < 3000; i++) {
        void *block = rt.malloc(MIB);
        assert_non_null(block);
        memset(block, 1, MIB);
        cfree(block);
    }
    assert_true(resident_bytes() < 512 * MIB);
    cfree(NULL);
}

/* glibc's own names, by which some programs mean to reach past a replacement: the blocks are roost's. */
extern void *__libc_malloc(size_t) __attribute__((weak));
extern void *__libc_calloc(size_t, size_t) __attribute__((weak));
extern void *__libc_realloc(void *, size_t) __attribute__((weak));
extern void *__libc_memalign(size_t, size_t) __attribute__((weak));
extern void *__libc_valloc(size_t) __attribute__((weak));
extern void *__libc_pvalloc(size_t) __attribute__((weak));
extern void __libc_free(void *) __attribute__((weak));

static void internal_names_are_roosts(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    void *block[] = {
        __libc_malloc(100), __libc_calloc(10, 10), __libc_realloc(NULL, 100),           __libc_memalign(256, 100),
        __libc_valloc(100), __libc_pvalloc(100),   __libc_realloc(rt.malloc(100), 5000)};
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
        assert_non_null(block[i]);
        assert_int_equal(rt.owns(block[i]), 1);
        assert_true(rt.usable_size(block[i]) >= 100);
        if (i % 2 == 0)
            rt.free(block[i]);
        else
            __libc_free(block[i]);
    }
    void *(*saved)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
    void *own = saved(10);
    assert_int_equal(rt.owns(own), 1);
    rt.free(own);
}

#endif

/* A block may be made under one set of names and freed under the other. */
static void both_sets_of_names_are_one_allocator(void **state)
{
    (void)state;
    if (!on_roost)
        skip();
    for (size_t size = 0; size < 10 * MIB; size = size * 2 + 1) {
        void *block = roost_malloc(size);
        assert_non_null(block);
        assert_int_equal(rt.usable_size(block), roost_usable_size(block));
        block = rt.realloc(block, size + 100);
        assert_non_null(block);
        roost_free(block);
        block = rt.malloc(size);
        block = roost_realloc(block, size * 2 + 1);
        assert_non_null(block);
        rt.free(block);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_header_s),
        cmocka_unit_test(good_size_is_usable_size),
        cmocka_unit_test(owns_its_blocks),
        cmocka_unit_test(owns_nothing_else),
        cmocka_unit_test(owns_answers_for_wild_addresses),
        cmocka_unit_test(frees_that_state_a_size),
        cmocka_unit_test(thread_flush_at_any_time),
#ifndef ROOST_TEST_API_ONLY
#ifndef _WIN32
        cmocka_unit_test(cfree_frees),
        cmocka_unit_test(internal_names_are_roosts),
#endif
        cmocka_unit_test(both_sets_of_names_are_one_allocator),
#endif
    };
    on_roost = api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

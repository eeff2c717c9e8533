/* The allocator under test, as one table of function pointers, for both kinds of test program:
 *   - linked against libroost.so: the standard names, and those that only roost has;
 *   - with ROOST_TEST_API_ONLY: the roost_ names alone, everything else stays on the system's allocator.
 * The table is volatile, so that no compiler reasons a pair of malloc and free away or warns of the
 * sizes that a test gets wrong on purpose. With ROOST_TEST_WEAK_NAMES a test can be built without
 * roost, to try the test itself on another allocator; entries may then be NULL.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_API_H
#define ROOST_TESTS_API_H

#include <malloc.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>

struct allocator {
    void *(*malloc)(size_t);
    void *(*zalloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void (*free)(void *);
    void (*free_sized)(void *, size_t);
    void (*free_aligned_sized)(void *, size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void *(*recalloc)(void *, size_t, size_t);
    void *(*rezalloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*usable_size)(const void *);
    size_t (*good_size)(size_t);
    int (*owns)(const void *);
    void (*thread_flush)(void);
    int (*version)(void);
};

#ifdef ROOST_TEST_API_ONLY

#define API_NAME(name) roost_##name
#define API_FREE_SIZED roost_free_sized
#define API_FREE_ALIGNED_SIZED roost_free_aligned_sized
#define API_USABLE roost_usable_size

#else

extern void free_sized(void *block, size_t size);
extern void free_aligned_sized(void *block, size_t alignment, size_t size);
extern void *reallocarray(void *block, size_t count, size_t size);

static inline size_t api_usable(const void *block)
{
    union {
        const void *in;
        void *out;
    } same = {block};
    return malloc_usable_size(same.out);
}

#ifdef ROOST_TEST_WEAK_NAMES
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak roost_zalloc
#pragma weak roost_recalloc
#pragma weak roost_rezalloc
#pragma weak roost_good_size
#pragma weak roost_owns
#pragma weak roost_thread_flush
#pragma weak roost_version
#endif

#define API_NAME(name) name
#define API_FREE_SIZED free_sized
#define API_FREE_ALIGNED_SIZED free_aligned_sized
#define API_USABLE api_usable

#endif

static struct allocator volatile rt = {
    .malloc = API_NAME(malloc),
    .zalloc = roost_zalloc,
    .calloc = API_NAME(calloc),
    .free = API_NAME(free),
    .free_sized = API_FREE_SIZED,
    .free_aligned_sized = API_FREE_ALIGNED_SIZED,
    .realloc = API_NAME(realloc),
    .reallocarray = API_NAME(reallocarray),
    .recalloc = roost_recalloc,
    .rezalloc = roost_rezalloc,
    .aligned_alloc = API_NAME(aligned_alloc),
    .memalign = API_NAME(memalign),
    .posix_memalign = API_NAME(posix_memalign),
    .valloc = API_NAME(valloc),
    .pvalloc = API_NAME(pvalloc),
    .usable_size = API_USABLE,
    .good_size = roost_good_size,
    .owns = roost_owns,
    .thread_flush = roost_thread_flush,
    .version = roost_version,
};

/* Is this roost? If not, ends the program, unless it was built to run on any allocator. */
static inline int api_is_roost(void)
{
    if (rt.owns) {
        void *block = rt.malloc(100);
        int ours = rt.owns(block);
        rt.free(block);
        if (ours)
            return 1;
    }
#ifdef ROOST_TEST_WEAK_NAMES
    return 0;
#else
    fputs("this test must run on roost, and malloc is not roost's\n", stderr);
    exit(1);
#endif
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

#endif

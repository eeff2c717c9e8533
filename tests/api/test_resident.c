/* Freed memory does not stay resident for ever: by the default purge delay of 1 s and some further calls of the
 * allocator it has gone back to the system.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <pthread.h>
#include <time.h>

/* What may stay beyond the figure at the start: a heap's caches and the tables of what was in use. */
#define SLACK (24 * MIB)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A program that goes on living on small blocks, with little in use at a time. */
static void small_calls(void)
{
    static void *ring[512];
    static unsigned long turn;
    for (int i = 0; i < 20000; i++, turn++) {
        void **slot = &ring[(turn * 7) % 512];
        rt.free(*slot);
        *slot = rt.malloc(turn % 2000);
    }
}

/* Call the allocator for at most `seconds`, until resident memory is below `target`. */
static size_t resident_after_calls(double seconds, size_t target)
{
    double end = now() + seconds;
    size_t resident;
    do {
        small_calls();
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, NULL);
        resident = resident_bytes();
    } while (resident > target && now() < end);
    return resident;
}

static void fill_and_free(size_t total, size_t size)
{
    static void *block[1 << 20];
    size_t count = total / size;
    for (size_t i = 0; i < count; i++) {
        block[i] = rt.malloc(size);
        assert_true(block[i] != NULL);
        memset(block[i], 1, size);
    }
    assert_true(resident_bytes() >= total / 100 * 99);
    for (size_t i = 0; i < count; i++)
        rt.free(block[i]);
}

static void goes_back(size_t total, size_t size)
{
    if (TEST_SANITIZED)
        skip();
    small_calls();
    size_t start = resident_bytes();
    fill_and_free(total, size);
    size_t after = resident_after_calls(3.0, start + SLACK);
    print_message("%zu MiB in blocks of %zu: %zu MiB resident before, %zu MiB within 3 s of the frees\n", total / MIB,
                  size, start / MIB, after / MIB);
    assert_true(after <= start + SLACK);
}

static void blocks_of_1_mib(void **state)
{
    (void)state;
    goes_back(256 * MIB, MIB);
}

static void one_block_of_512_mib(void **state)
{
    (void)state;
    goes_back(512 * MIB, 512 * MIB);
}

static void blocks_of_100_kib(void **state)
{
    (void)state;
    goes_back(200 * MIB, 100 * KIB);
}

/* glibc's own main arena and its peers keep some of these; roost returns an empty page like any other. */
static void blocks_of_1_kib(void **state)
{
    (void)state;
    goes_back(200 * MIB, KIB);
}

static void *fill_in_thread(void *unused)
{
    (void)unused;
    fill_and_free(256 * MIB, 256 * KIB);
    return NULL;
}

static void memory_of_an_ended_thread(void **state)
{
    (void)state;
    if (TEST_SANITIZED)
        skip();
    small_calls();
    size_t start = resident_bytes();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fill_in_thread, NULL), 0);
    pthread_join(thread, NULL);
    size_t after = resident_after_calls(3.0, start + SLACK);
    print_message("%zu MiB resident before, %zu MiB within 3 s of the thread's end\n", start / MIB, after / MIB);
    assert_true(after <= start + SLACK);
}

/* The same 64 MiB taken and freed 60 times must never add up. */
static void cycles_do_not_add_up(void **state)
{
    (void)state;
    if (TEST_SANITIZED)
        skip();
    size_t start = resident_bytes();
    for (int i = 0; i < 60; i++) {
        unsigned char *block = rt.malloc(64 * MIB + (size_t)i * 65536);
        assert_non_null(block);
        for (size_t at = 0; at < 64 * MIB; at += 4096)
            block[at] = 1;
        rt.free(block);
        if (i % 10 == 9)
            assert_true(resident_bytes() < start + 400 * MIB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_1_mib),           cmocka_unit_test(one_block_of_512_mib),
        cmocka_unit_test(blocks_of_100_kib),         cmocka_unit_test(blocks_of_1_kib),
        cmocka_unit_test(memory_of_an_ended_thread), cmocka_unit_test(cycles_do_not_add_up),
    };
    api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

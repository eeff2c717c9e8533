/* Figures asked by the program: exact at rest, refused to those built with another header, sane while threads run.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "cmocka_api.h"

#include <errno.h>
#include <pthread.h>
#include <roost/stats.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCKS = 5000, SIZE = 320, CLASSES = 64, HEAPS = 64 };

static roost_stats now(void)
{
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    return s;
}

static roost_class_stats class_of(size_t size)
{
    roost_class_stats rows[CLASSES];
    int count = roost_stats_classes(rows, CLASSES, sizeof rows[0]);
    assert_true(count > 0 && count <= CLASSES);
    int i = 0;
    while (rows[i].block_size < size)
        i++;
    assert_true(i < count);
    return rows[i];
}

static void a_block_is_counted_once_in_each(void **state)
{
    (void)state;
    static void *block[BLOCKS];
    block[0] = roost_malloc(SIZE);
    roost_stats before = now();
    roost_class_stats class_before = class_of(SIZE);
    for (int i = 1; i < BLOCKS; i++)
        block[i] = roost_malloc(SIZE);
    void *large = roost_malloc(1 << 20);
    roost_stats between = now();
    roost_class_stats class_between = class_of(SIZE);
    assert_int_equal(between.allocs - before.allocs, BLOCKS);
    assert_int_equal(between.allocated - before.allocated, (BLOCKS - 1) * SIZE + (1 << 20));
    assert_int_equal(between.large_live - before.large_live, 1);
    assert_int_equal(class_between.allocs - class_before.allocs, BLOCKS - 1);
    assert_int_equal(class_between.live - class_before.live, BLOCKS - 1);
    assert_int_equal(class_between.frees, class_before.frees);
    for (int i = 0; i < BLOCKS; i++)
        roost_free(block[i]);
    roost_free(large);
    roost_stats after = now();
    assert_int_equal(after.allocs, between.allocs);
    assert_int_equal(after.frees - between.frees, BLOCKS + 1);
    assert_int_equal(after.allocated_peak, between.allocated);
    assert_int_equal(class_of(SIZE).frees - class_between.frees, BLOCKS);
    assert_true(after.start_time > 0 && after.calls_map > 0 && after.calls_protect > 0);
#ifndef _WIN32 /* wine counts none */
    assert_true(after.faults_minor > 0);
#endif
}

static void *leave_one(void *argument)
{
    *(void **)argument = roost_malloc(SIZE);
    return NULL;
}

static void heaps_are_told_one_by_one(void **state)
{
    (void)state;
    roost_heap_stats rows[HEAPS];
    void *left = NULL;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, leave_one, &left), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    int count = roost_stats_heaps(rows, HEAPS, sizeof rows[0]);
    assert_true(count >= 2 && count <= HEAPS);
    int mine = 0, idle = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(rows[i].number, i);
        mine += rows[i].thread == (uint64_t)gettid() && rows[i].state == 0;
        idle += rows[i].state == 1 && rows[i].thread == 0 && rows[i].live_bytes == SIZE;
    }
    assert_int_equal(mine, 1);
    assert_int_equal(idle, 1);
    roost_free(left);
    rows[1].number = 77;
    assert_int_equal(roost_stats_heaps(rows, 1, sizeof rows[0]), count);
    assert_int_equal(rows[1].number, 77);
}

static void another_header_is_refused(void **state)
{
    (void)state;
    roost_stats s = ROOST_STATS_INIT;
    roost_class_stats class;
    roost_heap_stats heap;
    s.version++;
    errno = 0;
    assert_int_equal(roost_stats_read(&s), -1);
    assert_int_equal(errno, EINVAL);
    s = (roost_stats){.size = sizeof s - 8, .version = ROOST_STATS_VERSION};
    assert_int_equal(roost_stats_read(&s), -1);
    assert_int_equal(roost_stats_classes(&class, 1, sizeof class - 8), -1);
    assert_int_equal(roost_stats_heaps(&heap, 1, sizeof heap + 8), -1);
    errno = 0;
    assert_int_equal(roost_stats_write(1, "xml"), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(roost_stats_write(1000, "text"), -1);
    assert_int_equal(errno, EBADF);
}

static _Atomic bool stop;

static void *churn(void *unused)
{
    void *hand[64] = {NULL};
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        roost_free(hand[i % 64]);
        hand[i % 64] = roost_malloc(i * 7919u % 9000);
    }
    for (int i = 0; i < 64; i++)
        roost_free(hand[i]);
    return unused;
}

static void every_format_is_whole_while_others_run(void **state)
{
    (void)state;
    static const char *const formats[] = {"text", "json", "metrics", "prometheus"};
    static const char *const ends[] = {"\n", "]}\n", "\n# EOF\n", "\n"};
    static char text[1 << 17];
    pthread_t thread[3];
    uint64_t allocs = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 80; i++) {
        int fd = memfd_create("stats", 0);
        assert_int_equal(roost_stats_write(fd, formats[i % 4]), 0);
        ssize_t length = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        assert_true(length > 1000 && length < (ssize_t)sizeof text - 1);
        text[length] = '\0';
        assert_string_equal(text + length - strlen(ends[i % 4]), ends[i % 4]);
        roost_stats s = now();
        assert_true(s.allocs >= allocs);
        allocs = s.allocs;
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_counted_once_in_each),
        cmocka_unit_test(heaps_are_told_one_by_one),
        cmocka_unit_test(another_header_is_refused),
        cmocka_unit_test(every_format_is_whole_while_others_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every reservation and every commit made to fail in turn, each in a fresh process: the failing call answers NULL, nothing is
 * lost, every page is sound, and once the system gives memory again the same work succeeds.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/large.h"
#include "core/page.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 1000, LARGE = 20, NOT_HIT = 100 };

static void *small[SMALL];
static void *large[LARGE];

static void *take(rst_heap *heap, unsigned c)
{
    void *block = rst_heap_pop(heap, c);
    return block != NULL ? block : rst_heap_refill(heap, c);
}

/* Both ends alone: there are many processes, and to touch memory is what takes them long. */
static void mark(char *block, size_t size, int with)
{
    memset(block, with, RST_GRAIN);
    memset(block + size - RST_GRAIN, with, RST_GRAIN);
}

/* Allocate in every class and large blocks of growing size; returns how many calls answered NULL. */
static unsigned allocate(void)
{
    unsigned refused = 0;
    rst_heap *heap = rst_thread_heap != &rst_heap_none ? rst_thread_heap : rst_registry_attach();
    for (int i = 0; i < SMALL; i++) {
        small[i] = heap != NULL ? take(heap, (unsigned)i % RST_CLASS_COUNT) : NULL;
        refused += small[i] == NULL;
        if (small[i] != NULL)
            mark(small[i], rst_classes[i % RST_CLASS_COUNT].size, i);
    }
    for (int i = 0; i < LARGE; i++) {
        large[i] = rst_large_alloc(((size_t)i + 1) * 200 * RST_KIB, 1, i % 2 == 0);
        refused += large[i] == NULL;
        if (large[i] != NULL && !rst_large_resize(rst_slice_of(large[i]), ((size_t)i + 2) * 150 * RST_KIB))
            assert_true(rst_slice_of(large[i])->large_size >= ((size_t)i + 1) * 200 * RST_KIB);
    }
    return refused;
}

static void free_all(void)
{
    rst_heap *heap = rst_thread_heap;
    for (int i = 0; i < SMALL; i++) {
        if (small[i] != NULL)
            rst_heap_push(heap, rst_page_of(rst_slice_of(small[i])), small[i]);
    }
    for (int i = 0; i < LARGE; i++) {
        if (large[i] != NULL)
            rst_large_free(rst_slice_of(large[i]));
    }
}

static void check_pages(void)
{
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        size_t slices = rst_load_relaxed(&rst_arenas[a].frontier) / RST_SLICE_SIZE;
        for (size_t i = 0; i < slices; i++) {
            if (rst_arenas[a].slices[i].kind == RST_KIND_PAGE)
                rst_page_check(&rst_arenas[a].slices[i]);
        }
    }
}

/* In a process of its own. Returns its exit code: 0 sound, NOT_HIT: there are fewer such calls, else the step that went wrong. */
static int with_failure(fake_kind kind, unsigned nth, unsigned times)
{
    fake_fail(kind, nth, times);
    unsigned refused = allocate();
    bool hit = fake_failures() != 0;
    check_pages();
    if (unit_leak() != NULL)
        return 1;
    free_all();
    check_pages();
    fake_fail_none();
    if (allocate() != 0)
        return 2;
    free_all();
    rst_registry_detach();
    size_t all, free = unit_free_slices(&all);
    if (unit_in_use() != 0 || free != all || unit_leak() != NULL)
        return 3;
    if (refused != 0 && !hit)
        return 4;
    if (times > 1000 && hit && refused == 0)
        return 5;
    return hit ? 0 : NOT_HIT;
}

static int in_child(fake_kind kind, unsigned nth, unsigned times)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(with_failure(kind, nth, times));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static unsigned each_in_turn(fake_kind kind, unsigned times)
{
    unsigned nth = 1;
    for (int result; (result = in_child(kind, nth, times)) != NOT_HIT; nth++)
        assert_int_equal(result, 0);
    return nth - 1;
}

static void each_reservation_once(void **state)
{
    (void)state;
    assert_true(each_in_turn(FAKE_RESERVE, 1) >= 2);
}

static void each_commit_once(void **state)
{
    (void)state;
    assert_true(each_in_turn(FAKE_COMMIT, 1) >= 8);
}

/* From the nth on all fail, as when memory has run out. */
static void each_reservation_and_all_after(void **state)
{
    (void)state;
    assert_true(each_in_turn(FAKE_RESERVE, UINT32_MAX) >= 2);
}

static void each_commit_and_all_after(void **state)
{
    (void)state;
    assert_true(each_in_turn(FAKE_COMMIT, UINT32_MAX) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reservation_once),
        cmocka_unit_test(each_commit_once),
        cmocka_unit_test(each_reservation_and_all_after),
        cmocka_unit_test(each_commit_and_all_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

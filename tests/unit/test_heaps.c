/* Heaps, messages and the registry, with threads: blocks freed elsewhere come home, parked heaps are drained by those who
 * free and are adopted by those who come, and nothing is left in use.
 * SPDX-License-Identifier: MIT */
#include "heaps.h" /* ROOST_TEST_OS_FAKE */

#include "core/page.h"
#include "core/purge.h"
#include "core/segment.h"
#include "threadcache/inbox.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

#include <pthread.h>
#ifndef _WIN32
#include <sys/wait.h>
#endif
#include <unistd.h>

enum { BLOCKS = 4000 };

static void *blocks[BLOCKS];
static rst_heap *other_heap;

static void take_all(rst_heap *heap)
{
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = take(heap, (unsigned)i % RST_SMALL_CLASSES);
}

static void free_all_foreign(rst_heap *heap)
{
    for (int i = 0; i < BLOCKS; i++)
        rst_remote_free(heap, page_of(blocks[i]), blocks[i]);
}

static void run(void *(*function)(void *))
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void nothing_left(void)
{
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(unit_in_use(), 0);
    assert_int_equal(free, all);
    assert_null(unit_leak());
}

static void *free_elsewhere(void *unused)
{
    other_heap = rst_registry_attach();
    free_all_foreign(other_heap);
    rst_registry_detach();
    return unused;
}

static void foreign_frees_come_home(void **state)
{
    (void)state;
    rst_heap *heap = rst_registry_attach();
    take_all(heap);
    run(free_elsewhere);
    assert_ptr_not_equal(other_heap, heap);
    assert_int_equal(rst_load_relaxed(&other_heap->counters.foreign_sent_blocks), BLOCKS);
    assert_non_null(rst_load_relaxed(&heap->inbox));
    rst_remote_drain(heap);
#define RECEIVED(what) \
    (rst_load_relaxed(&heap->counters.foreign_received_##what) + \
     rst_load_relaxed(&heap->outside.foreign_received_##what))
    assert_int_equal(RECEIVED(blocks), BLOCKS);
    assert_int_equal(RECEIVED(bytes), rst_load_relaxed(&other_heap->counters.foreign_sent_bytes));
    assert_int_equal(RECEIVED(batches), rst_load_relaxed(&other_heap->counters.foreign_sent_batches));
#undef RECEIVED
    rst_registry_detach();
    nothing_left();
}

static void *take_and_end(void *unused)
{
    other_heap = rst_registry_attach();
    take_all(other_heap);
    rst_registry_detach();
    return unused;
}

static void *attach_and_end(void *unused)
{
    other_heap = rst_registry_attach();
    rst_registry_detach();
    return unused;
}

/* A system may need many calls to answer. */
static void no_thread_is_looked_for_twice(void **state)
{
    (void)state;
    rst_heap *heap = rst_registry_attach();
    unsigned before = fake_thread_looks();
    run(attach_and_end);
    assert_ptr_not_equal(other_heap, heap);
    assert_int_equal(fake_thread_looks() - before, 1);
    rst_registry_detach();
    nothing_left();
}

static void parked_heaps_are_drained_by_the_sender(void **state)
{
    (void)state;
    run(take_and_end);
    rst_heap *parked = other_heap;
    assert_int_equal(rst_load_relaxed(&parked->state), RST_HEAP_IDLE);
    assert_true(rst_heap_pages(parked) != 0);
    run(attach_and_end); /* a thread that comes adopts the parked heap, with its live blocks */
    assert_ptr_equal(other_heap, parked);
    for (int i = 0; i < BLOCKS; i++)
        rst_remote_free_alone(page_of(blocks[i]), blocks[i]);
    assert_int_equal(rst_heap_pages(parked), 0);
    nothing_left();
}

static void *free_without_flush(void *unused)
{
    rst_heap *heap = rst_registry_attach();
    for (int i = 0; i < BLOCKS; i++) {
        rst_remote_free(heap, page_of(blocks[i]), blocks[i]);
        int64_t waiting = 0;
        for (unsigned b = 0; b < RST_BATCH_COUNT; b++) {
            if (heap->batch[b].page != NULL)
                waiting += heap->batch[b].count * (int64_t)rst_classes[heap->batch[b].page->size_class].size;
        }
        assert_true(waiting <= RST_OUT_BUDGET + (int64_t)RST_MEDIUM_MAX);
    }
    rst_registry_detach();
    return unused;
}

static void what_waits_to_be_sent_is_bounded(void **state)
{
    (void)state;
    rst_heap *heap = rst_registry_attach();
    take_all(heap);
    run(free_without_flush);
    rst_registry_detach();
    nothing_left();
}

static uint64_t received(const rst_heap *heap)
{
    return rst_load_relaxed(&heap->counters.foreign_received_blocks) +
           rst_load_relaxed(&heap->outside.foreign_received_blocks);
}

/* With many messages waiting, those who send take them out and keep the blocks beside their pages. */
static void a_sender_takes_out_what_is_too_much(void **state)
{
    (void)state;
    rst_heap *heap = rst_registry_attach();
    uint64_t before = received(heap);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = take(heap, 0);
    for (int i = 0; i < BLOCKS; i += 2) {
        rst_remote_free_alone(page_of(blocks[i]), blocks[i]);
        assert_true(rst_inbox_backlog(rst_load_relaxed(&heap->inbox)) < RST_INBOX_BOUND);
    }
    for (int i = 1; i < BLOCKS; i += 2) {
        rst_remote_free_alone(page_of(blocks[i]), blocks[i]);
        assert_true(rst_inbox_backlog(rst_load_relaxed(&heap->inbox)) < RST_INBOX_BOUND);
    }
    assert_true(rst_load_relaxed(&heap->outside.foreign_received_blocks) >= RST_INBOX_BOUND);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 1);
    rst_remote_drain_owner(heap);
    assert_int_equal(rst_load_relaxed(&heap->outside_pages), 0);
    assert_int_equal(received(heap), before + BLOCKS);
    rst_registry_detach();
    nothing_left();
}

/* What a thread has freed for others does not wait for ever while it goes on allocating. */
static void *free_a_few_and_go_on(void *unused)
{
    rst_heap *heap = rst_registry_attach();
    uint64_t before = rst_load_relaxed(&heap->counters.foreign_sent_batches);
    for (int i = 0; i < 10; i++)
        rst_remote_free(heap, page_of(blocks[i]), blocks[i]);
    fake_clock_set(50000);
    for (int i = 0; i < 2 * RST_TICK_REFILLS; i++) {
        void *block = rst_heap_refill(heap, RST_CLASS_COUNT - 1);
        assert_non_null(block);
        rst_heap_push(heap, page_of(block), block);
    }
    assert_int_equal(rst_load_relaxed(&heap->counters.foreign_sent_batches), before + 10);
    rst_registry_detach();
    return unused;
}

static void what_waits_is_sent_after_a_while(void **state)
{
    (void)state;
    rst_heap *heap = rst_registry_attach();
    for (int i = 0; i < 10; i++)
        blocks[i] = take(heap, (unsigned)i);
    run(free_a_few_and_go_on);
    rst_registry_detach();
    nothing_left();
}

/* Pages of the largest small class, from blocks[first] on. */
static void take_pages(rst_heap *heap, int first, int pages)
{
    unsigned c = RST_SMALL_CLASSES - 1;
    int count = pages * (int)(RST_SLICE_SIZE / rst_classes[c].size);
    assert_true(first + count <= BLOCKS);
    for (int i = first; i < first + count; i++)
        blocks[i] = take(heap, c);
}

static uint64_t asked(void)
{
    return rst_load_relaxed(&rst_process.huge_asked);
}

static void free_all(rst_heap *heap)
{
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i] != NULL)
            rst_remote_free(heap, page_of(blocks[i]), blocks[i]);
    }
    rst_registry_detach();
    nothing_left();
}

static void a_heap_of_many_pages_asks_for_huge_ones_unless_a_limit_is_near(void **state)
{
    (void)state;
    rst_purge_all(); /* what earlier tests left resident or asked for */
    rst_heap *heap = rst_registry_attach();
    memset(blocks, 0, sizeof blocks);
    uint64_t before = asked();
    take_pages(heap, 0, 64); /* 4 MiB */
    assert_int_equal(asked(), before);
    rst_purge_press(RST_PRESS_LIMIT);
    take_pages(heap, 1000, 64);
    assert_int_equal(asked(), before);
    rst_purge_press(RST_PRESS_EVENT);
    take_pages(heap, 2000, 64);
    assert_int_not_equal(asked(), before);
    rst_purge_press(RST_PRESS_NONE);
    free_all(heap);
}

/* What else the process holds, enough for a heap to ask early. */
enum { OTHERS = 12 * RST_MIB / RST_SLICE_SIZE };

static rst_slice *claim_others(void)
{
    bool zeroed;
    rst_slice *others = rst_slices_claim(OTHERS, 1, false, NULL, &zeroed);
    assert_non_null(others);
    return others;
}

static void release_others(rst_slice *others)
{
    rst_slices_release(others->arena, rst_slice_index(&rst_arenas[others->arena], others), OTHERS, 0);
}

/* A block of each class. */
static void take_of_each(rst_heap *heap)
{
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
        blocks[c] = take(heap, c);
    assert_int_equal(rst_heap_pages(heap), RST_CLASS_COUNT);
}

/* A huge page for a heap that cuts little of what it has would make resident what nobody touches. */
static void a_heap_of_little_in_each_class_asks_for_none(void **state)
{
    (void)state;
    rst_purge_all();
    memset(blocks, 0, sizeof blocks);
    rst_slice *others = claim_others();
    rst_heap *heap = rst_registry_attach();
    uint64_t before = asked();
    take_of_each(heap);
    assert_int_equal(asked(), before);
    release_others(others);
    take_pages(heap, 1000, 48); /* of 8 MiB it has cut less than half: in a process of no more it does not ask */
    assert_int_equal(asked(), before);
    take_pages(heap, 2000, 128);
    assert_int_not_equal(asked(), before);
    free_all(heap);
}

/* Where others hold much a MiB is enough. */
static void a_heap_asks_earlier_in_a_big_process(void **state)
{
    (void)state;
    rst_purge_all();
    memset(blocks, 0, sizeof blocks);
    rst_slice *others = claim_others();
    rst_heap *heap = rst_registry_attach();
    uint64_t before = asked();
    take_pages(heap, 0, 16);
    assert_int_equal(asked(), before);
    take_pages(heap, 1000, 48); /* below 4 MiB until the last of them */
    assert_int_not_equal(asked(), before);
    release_others(others);
    free_all(heap);
}

#ifndef _WIN32 /* no fork */

/* In a child, the heap of a thread that is gone is parked, or lost when its thread was inside. */
static void child_of_fork(uint32_t busy, rst_heap_state expected)
{
    rst_heap *heap = rst_registry_attach();
    take_all(heap);
    rst_heap *mine = rst_thread_heap;
    rst_registry_before_fork();
    pid_t pid = fork();
    if (pid == 0) {
        rst_thread_heap = (rst_heap *)&rst_heap_none; /* as if another thread had forked */
        rst_store_relaxed(&mine->busy, busy);
        rst_registry_after_fork(true);
        rst_heap *again = rst_registry_attach();
        bool right = (again == mine) == (expected == RST_HEAP_IDLE);
        right = right && (again == mine || rst_load_relaxed(&mine->state) == (uint32_t)expected);
        for (unsigned c = 0; right && c < RST_CLASS_COUNT; c++)
            right = take(again, c) != NULL;
        _exit(right ? 0 : 1);
    }
    rst_registry_after_fork(false);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (int i = 0; i < BLOCKS; i++)
        rst_heap_push(heap, page_of(blocks[i]), blocks[i]);
    rst_registry_detach();
    nothing_left();
}

static void a_child_parks_the_heaps_of_lost_threads(void **state)
{
    (void)state;
    child_of_fork(0, RST_HEAP_IDLE);
}

static void a_child_leaves_a_heap_alone_whose_thread_was_inside(void **state)
{
    (void)state;
    child_of_fork(1, RST_HEAP_LOST);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_is_looked_for_twice), /* first: there is one heap */
        cmocka_unit_test(foreign_frees_come_home),
        cmocka_unit_test(parked_heaps_are_drained_by_the_sender),
        cmocka_unit_test(what_waits_to_be_sent_is_bounded),
        cmocka_unit_test(a_sender_takes_out_what_is_too_much),
        cmocka_unit_test(what_waits_is_sent_after_a_while),
        cmocka_unit_test(a_heap_of_many_pages_asks_for_huge_ones_unless_a_limit_is_near),
        cmocka_unit_test(a_heap_of_little_in_each_class_asks_for_none),
        cmocka_unit_test(a_heap_asks_earlier_in_a_big_process),
#ifndef _WIN32
        cmocka_unit_test(a_child_parks_the_heaps_of_lost_threads),
        cmocka_unit_test(a_child_leaves_a_heap_alone_whose_thread_was_inside),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The hot paths, stopped after each of their instructions. A fork copies a thread's heap at any of them, and the child must not take a page for empty
 * while blocks of it are missing. So, unless the heap is marked as busy, no more blocks count as back with a page than lie in its list. The
 * processor's single-step trap is where that is looked at. SPDX-License-Identifier: MIT */
#include "heaps.h" /* ROOST_TEST_OS_FAKE */

#include "threadcache/registry.h"

#include <signal.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !RST_THREAD_SANITIZER
#define CAN_STEP 1
#else
#define CAN_STEP 0 /* a sanitizer's own code is not to be stepped through */
#endif

enum { CLASS = 20, BLOCKS = 400, PAGES = 16 };

static rst_heap *heap;
static rst_slice *volatile pages[PAGES];
static volatile unsigned page_count, steps, looks, wrong;

static void look(int signal)
{
    (void)signal;
    steps++;
    if (rst_load_relaxed(&heap->busy) != 0)
        return;
    looks++;
    for (unsigned i = 0; i < page_count; i++) {
        const rst_slice *page = pages[i];
        uint32_t listed = 0;
        for (const rst_block *block = page->free; block != NULL; block = block->next)
            listed++;
        wrong += rst_page_made(page) - rst_page_out(page) > listed;
    }
}

static void step_from_here(bool on)
{
#if CAN_STEP
    const unsigned long trap = 0x100;
    if (on)
        __asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "ri"(trap) : "memory", "cc");
    else
        __asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "r"(~trap) : "memory", "cc");
#else
    (void)on;
#endif
}

static void know_page_of(void *block)
{
    rst_slice *page = page_of(block);
    for (unsigned i = 0; i < page_count; i++) {
        if (pages[i] == page)
            return;
    }
    assert_true(page_count < PAGES);
    pages[page_count] = page;
    page_count++;
}

static void no_page_seems_emptier_than_it_is(void **state)
{
    (void)state;
    static void *block[BLOCKS];
    struct sigaction action = {.sa_handler = look}, before;
    if (!CAN_STEP)
        skip();
    heap = rst_registry_attach();
    assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = take(heap, CLASS);
        know_page_of(block[i]);
    }
    for (unsigned round = 0; round < 3; round++) {
        step_from_here(true);
        for (unsigned i = 0; i < BLOCKS - 1; i++) /* every page stays a page */
            if (i % 50 != 0)
                rst_heap_push(heap, page_of(block[i]), block[i]);
        for (unsigned i = 0; i < BLOCKS - 1; i++)
            if (i % 50 != 0)
                block[i] = take(heap, CLASS);
        step_from_here(false);
    }
    assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
    assert_true(looks > 10 * BLOCKS && looks < steps);
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < BLOCKS; i++)
        rst_heap_push(heap, page_of(block[i]), block[i]);
    rst_registry_detach();
    assert_int_equal(unit_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_page_seems_emptier_than_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

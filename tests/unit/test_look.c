/* What is looked at where nothing was handed out, and in large blocks that were freed; and that nothing is said of what is right.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/large.h"
#include "core/look.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/relic.h"
#include "core/segment.h"

enum { CLASS = 3, SIZE = 64 };

static struct rst_heap *const owner = (struct rst_heap *)16; /* only compared */

static int setup(void **state)
{
    (void)state;
    rst_option_values[RST_OPTION_bad_pointer] = 0;
    fake_errors_clear();
    return rst_arena_count() != 0 || rst_arena_add(0, 0) ? 0 : -1;
}

static void assert_said(const char *text)
{
    if (text == NULL)
        assert_string_equal(fake_errors(), "");
    else
        assert_non_null(strstr(fake_errors(), text));
    fake_errors_clear();
}

static char *next_of(const rst_slice *page)
{
    return rst_page_memory(page) + (size_t)page->carved * rst_classes[page->size_class].size;
}

/* A page of slices that nobody had. */
static rst_slice *fresh_page(unsigned c)
{
    rst_slice *page = NULL;
    for (unsigned i = 0; i < 64; i++) {
        page = rst_page_make(owner, c, false, NULL);
        assert_non_null(page);
        if (page->past == RST_PAGE_FRESH)
            return page;
    }
    fail();
    return page;
}

static void what_is_carved_next_was_untouched(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        rst_slice *page = fresh_page(c);
        rst_block *list = NULL;
        while (page->carved < rst_classes[c].capacity) {
            assert_true(rst_page_next_is_untouched(page));
            unsigned count = rst_page_carve(page, &list);
            for (char *p = next_of(page) - count * rst_classes[c].size; p < next_of(page); p++)
                *p = 1;
        }
        assert_true(rst_page_next_is_untouched(page));
        rst_page_end(page);
    }
    assert_said(NULL);
}

static void an_overrun_is_said_once(void **state)
{
    (void)state;
    rst_slice *page = fresh_page(CLASS);
    rst_block *list = NULL;
    rst_page_carve(page, &list);
    next_of(page)[5] = 1;
    assert_false(rst_page_next_is_untouched(page));
    rst_page_blame_overrun(page);
    assert_said("in no block: 5 bytes beyond the end of the block of 64 bytes");
    assert_true(rst_page_next_is_untouched(page));
    size_t index = rst_slice_index(&rst_arenas[page->arena], page);
    rst_page_end(page); /* all of it counts as written to */
    assert_false(rst_slice_hold_untouched(&rst_arenas[0], index));
    page = rst_page_make(owner, CLASS, false, NULL);
    assert_int_equal(page->past, RST_PAGE_USED);
    next_of(page)[0] = 1;
    assert_true(rst_page_next_is_untouched(page));
    rst_page_end(page);
}

static void the_end_of_a_page_is_looked_at(void **state)
{
    (void)state;
    rst_slice *page = fresh_page(CLASS);
    rst_block *list = NULL;
    rst_page_carve(page, &list);
    char *end = rst_page_memory(page) + RST_SLICE_SIZE;
    end[-RST_CACHE_LINE] = 1;
    rst_page_look_at_end(page); /* nobody has what lies behind */
    assert_said(NULL);
    rst_slice *behind = fresh_page(CLASS);
    assert_ptr_equal(rst_page_memory(behind), end);
    bool far = rst_os_page_size() < RST_SLICE_SIZE; /* from what was handed out, and perhaps in no memory */
    rst_page_look(page, &list);
    assert_said(far ? NULL : "in no block: 64 bytes before the memory");
    rst_page_look_at_end(page);
    assert_said(far ? "in no block: 64 bytes before the memory" : NULL);
    rst_page_look_at_end(page);
    assert_said(NULL);
    rst_page_end(page);
    page = behind;
    behind = fresh_page(CLASS);
    end = rst_page_memory(behind);
    assert_ptr_equal(rst_page_memory(page) + RST_SLICE_SIZE, end);
    for (list = NULL; next_of(page) <= end - rst_os_page_size();)
        rst_page_carve(page, &list);
    if (next_of(page) <= end - RST_CACHE_LINE) { /* else OS pages are smaller than what is carved at once */
        end[-1] = 1;
        rst_page_look(page, &list);
        assert_said("in no block: 1 bytes before the memory");
    }
    rst_page_end(page);
    rst_page_end(behind);
    page = fresh_page(CLASS);
    list = NULL;
    while (rst_page_carve(page, &list) != 0) {
    }
    rst_page_memory(page)[RST_SLICE_SIZE - 1] = 1; /* carved to its end: a block's */
    rst_page_look(page, &list);
    assert_said(NULL);
    rst_page_end(page);
}

/* A list of two that are ready, two that came back. */
static rst_slice *two_and_two(rst_block **ready, rst_block **back)
{
    rst_slice *page = fresh_page(24); /* few are carved at once */
    while (page->carved < 4)
        rst_page_carve(page, ready);
    rst_block *block[4];
    for (unsigned i = 0; i < 4; i++, *ready = (*ready)->next)
        block[i] = *ready;
    block[3]->next = NULL;
    rst_page_put_chain(page, block[2], block[3], 2);
    block[1]->next = NULL;
    *ready = block[0];
    *back = block[2];
    return page;
}

static void both_lists_are_looked_at(void **state)
{
    (void)state;
    rst_block *ready = NULL, *back;
    rst_slice *page = two_and_two(&ready, &back);
    rst_page_look(page, &ready);
    assert_said(NULL);
    assert_int_equal(rst_page_back(page), 2);
    rst_block *twice = ready->next;
    rst_page_put_chain(page, twice, twice, 1);
    rst_page_look(page, &ready);
    assert_said("the block was freed already");
    assert_int_equal(rst_page_back(page), 0); /* it came first: what is behind it is in the other list now */
    rst_page_look(page, &ready);
    assert_said(NULL);
    uint32_t count = 0;
    for (const rst_block *b = ready; b != NULL; b = b->next)
        count++;
    assert_int_equal(count, 4);
    ready->next = (rst_block *)&count;
    rst_page_look(page, &ready);
    assert_said("was written to: its link reads");
    assert_null(ready->next);
    rst_page_end(page);
}

static void only_what_nobody_had_is_held(void **state)
{
    (void)state;
    rst_slice *page = fresh_page(CLASS);
    rst_arena *arena = &rst_arenas[page->arena];
    size_t index = rst_slice_index(arena, page);
    assert_false(rst_slice_hold_untouched(arena, index)); /* in use */
    assert_false(rst_slice_hold_untouched(arena, rst_load_relaxed(&arena->frontier) / RST_SLICE_SIZE));
    rst_page_end(page); /* nothing was carved */
    size_t used = unit_in_use();
    assert_true(rst_slice_hold_untouched(arena, index));
    assert_false(rst_slice_hold_untouched(arena, index)); /* held */
    rst_slice_let_go(arena, index, false);
    assert_true(rst_slice_hold_untouched(arena, index));
    rst_slice_let_go(arena, index, true);
    assert_false(rst_slice_hold_untouched(arena, index));
    assert_int_equal(unit_in_use(), used);
}

static char *freed_large(size_t size)
{
    char *block = rst_large_alloc(size, 1, false);
    assert_non_null(block);
    memset(block, 7, size);
    rst_large_free(rst_slice_of(block));
    return block;
}

static void a_large_block_written_to_after_free(void **state)
{
    (void)state;
    rst_purge_all(); /* of other tests: nothing is kept of them */
    char *block = freed_large(300000);
    assert_true(rst_load_relaxed(&rst_relics) != 0);
    assert_ptr_equal(rst_large_alloc(300000, 1, false), block); /* left alone */
    assert_said(NULL);
    rst_large_free(rst_slice_of(block));
    block[63] ^= 1;
    assert_ptr_equal(rst_large_alloc(300000, 1, false), block);
    assert_said("the large block of ");
    rst_large_free(rst_slice_of(block));
    assert_said(NULL);
}

/* What the OS had, or refused to take and may have spoilt, is not compared. */
static void what_was_purged_is_not_compared(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        char *block = freed_large(300000);
        if (refused)
            fake_fail(FAKE_PURGE, 1, 100);
        rst_purge_all();
        fake_fail_none();
        assert_int_equal(rst_load_relaxed(&rst_relics), 0);
        assert_ptr_equal(rst_large_alloc(300000, 1, false), block);
        assert_said(NULL);
        rst_large_free(rst_slice_of(block));
        rst_purge_all();
    }
}

static void few_are_kept(void **state)
{
    (void)state;
    char *block[20];
    for (int i = 0; i < 20; i++)
        block[i] = rst_large_alloc(100000, 1, false);
    for (int i = 0; i < 20; i++)
        rst_large_free(rst_slice_of(block[i]));
    assert_in_range(rst_load_relaxed(&rst_relics), 1, 8);
    for (int i = 0; i < 20; i++)
        block[i] = rst_large_alloc(100000, 1, false);
    assert_int_equal(rst_load_relaxed(&rst_relics), 0);
    assert_said(NULL);
    for (int i = 0; i < 20; i++)
        rst_large_free(rst_slice_of(block[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_carved_next_was_untouched), cmocka_unit_test(an_overrun_is_said_once),
        cmocka_unit_test(the_end_of_a_page_is_looked_at),    cmocka_unit_test(both_lists_are_looked_at),
        cmocka_unit_test(only_what_nobody_had_is_held),      cmocka_unit_test(a_large_block_written_to_after_free),
        cmocka_unit_test(what_was_purged_is_not_compared),   cmocka_unit_test(few_are_kept),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

/* Pages: carving, counting and the events, for every class, against a model that counts blocks one by one.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/options.h"
#include "core/page.h"

enum { BLOCKS_MAX = RST_SLICE_SIZE / RST_GRAIN };

static struct rst_heap *const owner = (struct rst_heap *)0x1000; /* never followed */
static rst_block *out[BLOCKS_MAX];
static unsigned out_count;

static void note_list(rst_block *list, unsigned expected)
{
    unsigned count = 0;
    for (; list != NULL; list = list->next) {
        assert_true(out_count < BLOCKS_MAX);
        out[out_count++] = list;
        count++;
    }
    assert_int_equal(count, expected);
}

/* A new page, all of it carved and out. */
static rst_slice *page_all_out(unsigned c)
{
    const rst_class_info *info = &rst_classes[c];
    rst_slice *page = rst_page_make(owner, c, false, NULL);
    assert_non_null(page);
    assert_int_equal(unit_in_use(), info->span * RST_SLICE_SIZE);
    assert_ptr_equal(rst_load_relaxed(&page->owner), owner);
    assert_int_equal(rst_page_state_of(page), RST_PAGE_ACTIVE);
    out_count = 0;
    while (out_count < info->capacity) {
        rst_block *list = NULL;
        unsigned count = rst_page_carve(page, &list);
        assert_int_equal(count, rst_min(info->chunk, (size_t)info->capacity - out_count));
        note_list(list, count);
        assert_int_equal(rst_page_out(page), out_count);
        rst_page_check(page);
    }
    rst_block *none = NULL;
    assert_int_equal(rst_page_carve(page, &none), 0);
    assert_null(none);
    return page;
}

static void blocks_lie_side_by_side(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        rst_slice *page = page_all_out(c);
        char *memory = rst_page_memory(page);
        for (unsigned i = 0; i < out_count; i++) {
            assert_ptr_equal(out[i], memory + (size_t)i * rst_classes[c].size);
            assert_ptr_equal(rst_page_of(rst_slice_of(out[i])), page);
            char *last = (char *)out[i] + rst_classes[c].size - 1;
            assert_ptr_equal(rst_page_of(rst_slice_of(last)), page);
        }
        rst_page_end(page);
        for (unsigned i = 0; i < rst_classes[c].span; i++)
            assert_int_equal(page[i].kind, RST_KIND_NONE);
        assert_null(rst_load_relaxed(&page->owner));
        assert_int_equal(unit_in_use(), 0);
    }
}

/* Put back a random chain of up to `most` of the blocks that are out. Returns how many. */
static unsigned put_some(rst_slice *page, unsigned most, uint64_t *seed, rst_page_event *event)
{
    unsigned count = 1 + (unsigned)(unit_random(seed) % rst_min(most, out_count));
    rst_block *head = NULL, *tail = NULL;
    for (unsigned i = 0; i < count; i++) {
        unsigned pick = (unsigned)(unit_random(seed) % out_count);
        rst_block *block = out[pick];
        out[pick] = out[--out_count];
        block->next = head;
        head = block;
        tail = tail != NULL ? tail : block;
    }
    *event = rst_page_put_chain(page, head, tail, count);
    return count;
}

/* From full to empty by chains: just one WAS_FULL, when `reserve` are back; just one NOW_EMPTY, at the end. */
static void drain_full_page(unsigned c, unsigned most, uint64_t *seed)
{
    rst_slice *page = page_all_out(c);
    unsigned back = 0, was_full = 0, now_empty = 0;
    rst_page_set_full(page);
    while (out_count != 0) {
        rst_page_event event;
        unsigned before = back;
        back += put_some(page, most, seed, &event);
        bool crossed = before < rst_classes[c].reserve && back >= rst_classes[c].reserve;
        assert_int_equal((event & RST_PAGE_WAS_FULL) != 0, crossed);
        assert_int_equal((event & RST_PAGE_NOW_EMPTY) != 0, out_count == 0);
        rst_page_state inactive = back >= rst_classes[c].reserve ? RST_PAGE_AVAILABLE : RST_PAGE_FULL;
        assert_int_equal(rst_page_state_of(page), out_count == 0 ? RST_PAGE_ACTIVE : inactive);
        assert_int_equal(rst_page_out(page), out_count);
        rst_page_check(page);
        was_full += (event & RST_PAGE_WAS_FULL) != 0;
        now_empty += (event & RST_PAGE_NOW_EMPTY) != 0;
    }
    assert_int_equal(was_full, 1);
    assert_int_equal(now_empty, 1);
    rst_page_end(page);
    assert_int_equal(unit_in_use(), 0);
}

static void a_full_page_tells_its_events_once(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        drain_full_page(c, 1, &seed);
        drain_full_page(c, 7, &seed);
        drain_full_page(c, BLOCKS_MAX, &seed);
    }
}

static void a_partly_carved_page_counts(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        rst_slice *page = rst_page_make(owner, c, false, NULL);
        rst_block *list = NULL;
        unsigned carved = rst_page_carve(page, &list);
        out_count = 0;
        note_list(list, carved);
        for (int i = 0; i < 200; i++) {
            rst_page_event event = RST_PAGE_NO_EVENT;
            unsigned what = (unsigned)(unit_random(&seed) % 4);
            if (what == 0) {
                list = NULL;
                unsigned more = rst_page_carve(page, &list);
                carved += more;
                note_list(list, more);
            } else if (what == 1) {
                note_list(rst_page_take(page), carved - out_count);
            } else if (out_count != 0) {
                put_some(page, 9, &seed, &event);
            }
            assert_int_equal(rst_page_out(page), out_count);
            assert_int_equal((event & RST_PAGE_NOW_EMPTY) != 0, event != 0);
            if (event != 0)
                assert_int_equal(out_count, 0);
            rst_page_check(page);
        }
        rst_page_end(page);
    }
}

/* What is sound of a damaged list stays: `damage` changes a list of eight free blocks, the last first. */
static void mend_keeps(void (*damage)(rst_block **block, rst_block *outside), uint32_t count, unsigned kept)
{
    rst_slice *page = rst_page_make(owner, 3, false, NULL);
    rst_block *list = NULL, *block[8], outside = {0};
    rst_page_carve(page, &list);
    for (unsigned i = 0; i < 8; i++, list = list->next)
        block[i] = list;
    block[7]->next = NULL;
    assert_true(rst_page_chain_is_whole(page, block[0], 8));
    assert_false(rst_page_chain_is_whole(page, block[0], 7));
    assert_false(rst_page_chain_is_whole(page, block[0], 9));
    damage(block, &outside);
    assert_false(rst_page_chain_is_whole(page, block[0], count));
    rst_option_values[RST_OPTION_bad_pointer] = 0;
    list = rst_page_mend(page, block[0], count);
    for (unsigned i = 0; i < kept; i++, list = list->next)
        assert_ptr_equal(list, block[i]);
    assert_null(list);
    rst_page_end(page);
}

static void circle(rst_block **block, rst_block *outside)
{
    (void)outside;
    block[5]->next = block[2];
}

static void leads_out(rst_block **block, rst_block *outside)
{
    block[0]->next = outside;
}

static void into_a_block(rst_block **block, rst_block *outside)
{
    (void)outside;
    block[3]->next = (rst_block *)((char *)block[4] + 16);
}

static void into_what_is_not_carved(rst_block **block, rst_block *outside)
{
    (void)outside;
    block[7]->next = (rst_block *)(rst_page_memory(rst_slice_of(block[7])) + RST_SLICE_SIZE - 64);
}

static void ends_early(rst_block **block, rst_block *outside)
{
    (void)outside;
    block[6]->next = NULL;
}

static void a_damaged_list_is_mended(void **state)
{
    (void)state;
    uint64_t before = rst_option_get(bad_pointer);
    mend_keeps(circle, 8, 6);
    mend_keeps(leads_out, 8, 1);
    mend_keeps(into_a_block, 8, 4);
    mend_keeps(into_what_is_not_carved, 9, 8);
    mend_keeps(ends_early, 8, 7);
    rst_option_values[RST_OPTION_bad_pointer] = before;
}

static void a_recut_page_serves_another_class(void **state)
{
    (void)state;
    rst_slice *page = page_all_out(0);
    rst_page_event event;
    uint64_t seed = 5;
    while (out_count != 0)
        put_some(page, BLOCKS_MAX, &seed, &event);
    for (unsigned c = 0; c < RST_SMALL_CLASSES; c++) {
        rst_block *list = NULL;
        rst_page_recut(page, c);
        assert_int_equal(rst_page_state_of(page), RST_PAGE_ACTIVE);
        assert_int_equal(rst_page_carve(page, &list), rst_classes[c].chunk);
        rst_page_check(page);
        out_count = 0;
        note_list(list, rst_classes[c].chunk);
        while (out_count != 0)
            put_some(page, BLOCKS_MAX, &seed, &event);
        assert_int_equal(event, RST_PAGE_NO_EVENT); /* active */
        assert_int_equal(rst_page_out(page), 0);
    }
    rst_page_end(page);
    assert_int_equal(unit_in_use(), 0);
}

/* What a page wrote must not be handed out as zero. */
static void an_ended_page_is_dirty_where_it_was_written(void **state)
{
    (void)state;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        rst_slice *page = page_all_out(c);
        for (unsigned i = 0; i < out_count; i++)
            memset(out[i], 0x77, rst_classes[c].size);
        rst_page_end(page);
    }
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(free, all);
    size_t dirty = 0;
    for (size_t s = 0; s < rst_load_relaxed(&rst_main_frontier) / RST_SEGMENT_SIZE; s++) {
        uint32_t bits = rst_load_relaxed(&rst_segment_at(&rst_arenas[0], s)->dirty);
        for (unsigned i = 0; i < 32; i++) {
            char *memory = rst_arenas[0].base + s * RST_SEGMENT_SIZE + i * RST_SLICE_SIZE;
            dirty += bits >> i & 1;
            if ((bits >> i & 1) == 0)
                assert_true(unit_all_zero(memory, RST_SLICE_SIZE));
        }
    }
    assert_true(dirty != 0);
}

static void no_memory_makes_no_page(void **state)
{
    (void)state;
    static rst_slice *pages[FAKE_POOL / RST_SLICE_SIZE];
    unsigned count = 0;
    fake_fail(FAKE_COMMIT, 1, UINT32_MAX);
    while ((pages[count] = rst_page_make(owner, 0, false, NULL)) != NULL)
        count++;
    assert_int_equal(unit_in_use(), count * RST_SLICE_SIZE);
    fake_fail_none();
    while (count != 0)
        rst_page_end(pages[--count]);
    assert_int_equal(unit_in_use(), 0);
    assert_null(unit_leak());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_lie_side_by_side),
        cmocka_unit_test(a_full_page_tells_its_events_once),
        cmocka_unit_test(a_partly_carved_page_counts),
        cmocka_unit_test(a_damaged_list_is_mended),
        cmocka_unit_test(a_recut_page_serves_another_class),
        cmocka_unit_test(an_ended_page_is_dirty_where_it_was_written),
        cmocka_unit_test(no_memory_makes_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Large blocks: random sizes and alignments, zeroed or not; resized, moved and freed; contents followed throughout.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/huge.h"
#include "core/large.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/relic.h"
#include "core/segment.h"
#include "os/os.h"

enum { BLOCKS = 24, STEPS = 3000 };

typedef struct block {
    char *memory; /* NULL: none */
    size_t size;
    uint64_t tag;
} live_block;

static live_block blocks[BLOCKS];
static uint64_t next_tag;

static rst_slice *slice_of(const live_block *b)
{
    return rst_slice_of(b->memory);
}

/* Aligned, so that it is one of the tagged words or clear of them. */
static size_t last_word(const live_block *b)
{
    return rst_align_down(b->size - 8, 8);
}

/* Tags in the first and the last word of each page tell blocks apart. */
static void fill(live_block *b)
{
    b->tag = ++next_tag;
    for (size_t i = 0; i + 8 <= b->size; i += 4096)
        memcpy(b->memory + i, &b->tag, 8);
    memcpy(b->memory + last_word(b), &b->tag, 8);
}

static void check(const live_block *b, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 4096)
        assert_memory_equal(b->memory + i, &b->tag, 8);
    rst_slice *first = slice_of(b);
    assert_int_equal(first->kind, RST_KIND_LARGE);
    assert_ptr_equal(rst_slice_memory(first), b->memory);
    assert_null(rst_load_relaxed(&first->owner));
    assert_int_equal(first->large_size, rst_large_good_size(b->size));
    assert_true(first->large_size >= b->size && first->large_size <= first->span * RST_SLICE_SIZE);
}

static void check_figures(void)
{
    size_t live = 0, bytes = 0, slices = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].memory != NULL) {
            live++;
            bytes += slice_of(&blocks[i])->large_size;
            slices += slice_of(&blocks[i])->span;
        }
    }
    assert_int_equal(rst_load_relaxed(&rst_process.large_live), live);
    assert_int_equal(rst_load_relaxed(&rst_process.large_live_bytes), bytes);
    assert_int_equal(unit_in_use(), slices * RST_SLICE_SIZE);
}

static size_t moved_bytes(void)
{
    size_t moved = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++)
        moved += fake_moved(rst_arenas[a].base, rst_arenas[a].size);
    return moved;
}

static size_t random_size(uint64_t *seed)
{
    size_t most = unit_random(seed) % 2 != 0 ? 300 * RST_KIB : 4 * RST_MIB;
    return 65 * RST_KIB + unit_random(seed) % most;
}

static void step_alloc(live_block *b, uint64_t *seed)
{
    size_t alignment = unit_random(seed) % 3 != 0 ? 1 : (size_t)1 << unit_random(seed) % 23;
    bool zero = unit_random(seed) % 2 != 0;
    b->size = random_size(seed);
    b->memory = rst_large_alloc(b->size, alignment, zero);
    assert_non_null(b->memory);
    assert_int_equal((uintptr_t)b->memory % rst_max(alignment, RST_SLICE_SIZE), 0);
    if (zero)
        assert_true(unit_all_zero(b->memory, slice_of(b)->large_size));
    fill(b);
}

static void step_resize(live_block *b, uint64_t *seed)
{
    size_t size = random_size(seed);
    size_t kept = rst_min(size, b->size) - 8; /* the last word's place changes */
    bool done = rst_large_resize(slice_of(b), size);
    assert_true(done || size > b->size);
    if (done)
        b->size = size;
    check(b, kept);
    fill(b);
}

static void step_move(live_block *b, uint64_t *seed)
{
    size_t size = b->size + unit_random(seed) % RST_MIB;
    size_t held = slice_of(b)->large_size;
    void *moved = rst_large_move(slice_of(b), size);
    if (moved != NULL) {
        assert_true(held >= RST_MIB && size >= held);
        assert_ptr_not_equal(moved, b->memory);
        size_t kept = b->size - 8;
        b->memory = moved;
        b->size = size;
        check(b, kept);
        fill(b);
    } else {
        check(b, b->size);
    }
}

static void step(live_block *b, uint64_t *seed)
{
    unsigned what = (unsigned)(unit_random(seed) % 8);
    if (b->memory == NULL) {
        step_alloc(b, seed);
        return;
    }
    check(b, b->size);
    if (what < 2) {
        step_resize(b, seed);
    } else if (what < 4) {
        step_move(b, seed);
    } else if (what < 7) {
        rst_large_free(slice_of(b));
        b->memory = NULL;
    }
}

static void free_all(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].memory != NULL)
            rst_large_free(slice_of(&blocks[i]));
        blocks[i].memory = NULL;
    }
    check_figures();
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(free, all);
    assert_null(unit_leak());
}

static void random_steps_keep_contents(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int i = 0; i < STEPS; i++) {
        step(&blocks[unit_random(&seed) % BLOCKS], &seed);
        check_figures();
    }
    assert_true(rst_load_relaxed(&rst_process.large_moves) > 50);
    free_all();
}

static void refusals_of_move_and_remap_lose_nothing(void **state)
{
    (void)state;
    uint64_t seed = 9;
    unsigned before = fake_failures();
    for (int i = 0; i < STEPS; i++) {
        fake_fail(FAKE_MOVE, 1, unit_random(&seed) % 3 == 0);
        fake_fail(FAKE_REMAP, 1, unit_random(&seed) % 3 == 0);
        step(&blocks[unit_random(&seed) % BLOCKS], &seed);
        check_figures();
    }
    assert_true(fake_failures() > before + 50);
    fake_fail_none();
    free_all();
}

static char *moved_block(void)
{
    for (unsigned a = 0; a < rst_arena_count(); a++) { /* what was refused before is not looked at */
        size_t frontier = rst_load_relaxed(&rst_arenas[a].frontier);
        rst_relic_purged(&rst_arenas[a], 0, frontier / RST_SLICE_SIZE);
        rst_os_remap(rst_arenas[a].base, frontier);
        rst_huge_forget(&rst_arenas[a], 0, frontier / RST_SLICE_SIZE);
    }
    char *small = rst_large_alloc(2 * RST_MIB, 1, false);
    assert_non_null(small);
    char *memory = rst_large_move(rst_slice_of(small), 3 * RST_MIB);
    assert_non_null(memory);
    assert_int_equal(moved_bytes(), 2 * RST_MIB); /* the old place has been remapped */
    return memory;
}

/* Moved pages have left their mapping; each must be remapped when its slice goes back, or mappings run out. */
static void freed_pages_are_remapped(void **state)
{
    (void)state;
    char *memory = moved_block();
    rst_large_free(rst_slice_of(memory));
    assert_int_equal(moved_bytes(), 0);
}

static void the_tail_of_a_moved_block_is_remapped_when_it_shrinks(void **state)
{
    (void)state;
    char *memory = moved_block();
    assert_true(rst_large_resize(rst_slice_of(memory), RST_MIB));
    size_t tail = fake_moved(memory + RST_MIB, 2 * RST_MIB);
    rst_large_free(rst_slice_of(memory));
    assert_int_equal(tail, 0);
    assert_int_equal(moved_bytes(), 0);
}

static size_t asked_bytes(void)
{
    size_t asked = 0, known = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        asked += fake_huge(rst_arenas[a].base, rst_arenas[a].size);
        for (size_t s = 0; s < rst_load_relaxed(&rst_arenas[a].frontier) / RST_SEGMENT_SIZE; s++)
            known += rst_huge_asked(&rst_arenas[a], s);
    }
    assert_true(known * RST_SEGMENT_SIZE <= asked);
    return asked;
}

/* All of it, so that it can be moved in one piece again; and nobody asks where it was. */
static void what_realloc_has_grown_asks_for_huge_pages(void **state)
{
    (void)state;
    char *memory = moved_block();
    assert_int_equal(asked_bytes(), 0);
    char *grown = rst_large_move(rst_slice_of(memory), 9 * RST_MIB);
    assert_non_null(grown);
    assert_int_equal(asked_bytes(), 10 * RST_MIB);
    assert_int_equal(fake_huge(grown, 10 * RST_MIB), 10 * RST_MIB);
    assert_true(rst_large_resize(rst_slice_of(grown), 12 * RST_MIB));
    assert_int_equal(fake_huge(grown, 12 * RST_MIB), 12 * RST_MIB);
    memset(grown, 7, 12 * RST_MIB);
    char *moved = rst_large_move(rst_slice_of(grown), 16 * RST_MIB);
    assert_non_null(moved);
    assert_int_equal(moved[12 * RST_MIB - 1], 7);
    assert_int_equal(fake_huge(moved, 16 * RST_MIB), 16 * RST_MIB);
    assert_int_equal(asked_bytes(), 16 * RST_MIB);
    assert_true(rst_large_resize(rst_slice_of(moved), 5 * RST_MIB));
    assert_int_equal(asked_bytes(), 5 * RST_MIB);
    rst_large_free(rst_slice_of(moved));
    assert_int_equal(asked_bytes(), 0);
    assert_int_equal(rst_load_relaxed(&rst_process.huge_asked), rst_load_relaxed(&rst_process.huge_dropped));
}

/* Blocks that are hardly touched may be many, so they ask only beside pages, and while they hold no more than twice as much. */
static void large_blocks_ask_in_proportion_to_pages(void **state)
{
    (void)state;
    enum { SIZE = 2 * RST_MIB, COUNT = 16, PAGES = 6 * RST_MIB };
    char *memory[COUNT];
    bool zeroed;
    for (int round = 0; round < 2; round++) {
        rst_purge_all();
        assert_int_equal(asked_bytes(), 0);
        rst_slice *pages = round == 0 ? NULL : rst_slices_claim(PAGES / RST_SLICE_SIZE, 1, false, NULL, &zeroed);
        for (int i = 0; i < COUNT; i++)
            memory[i] = rst_large_alloc(SIZE, 1, false);
        assert_in_range(asked_bytes(), round * (2 * PAGES - SIZE), round * (2 * PAGES + RST_SEGMENT_SIZE));
        size_t before = asked_bytes();
        char *bigger = rst_large_alloc(2 * SIZE, 1, false);
        assert_int_equal(asked_bytes(), before);
        for (int i = 0; i < COUNT; i++)
            rst_large_free(rst_slice_of(memory[i]));
        rst_large_free(rst_slice_of(bigger));
        if (round == 1)
            rst_slices_release(pages->arena, rst_slice_index(&rst_arenas[pages->arena], pages), PAGES / RST_SLICE_SIZE,
                               0);
        assert_int_equal(unit_in_use(), 0);
    }
    rst_purge_all();
}

/* Whether a block of the size, of a segment and more, asks after others of 1 MiB that hold `large` and beside pages that hold `pages`. */
static bool asks_beside(size_t pages, size_t large, size_t size)
{
    bool zeroed;
    char *other[32];
    size_t count = large / RST_MIB;
    rst_purge_all();
    rst_slice *held = pages == 0 ? NULL : rst_slices_claim(pages / RST_SLICE_SIZE, 1, false, NULL, &zeroed);
    for (size_t i = 0; i < count; i++)
        other[i] = rst_large_alloc(RST_MIB, 1, false);
    char *block = rst_large_alloc(size, 1, false);
    rst_arena *arena = &rst_arenas[rst_slice_of(block)->arena];
    bool asks = rst_huge_asked(arena, rst_slice_index(arena, rst_slice_of(block)) / RST_SEGMENT_SLICES);
    rst_large_free(rst_slice_of(block));
    for (size_t i = 0; i < count; i++)
        rst_large_free(rst_slice_of(other[i]));
    if (held != NULL)
        rst_slices_release(held->arena, rst_slice_index(&rst_arenas[held->arena], held), pages / RST_SLICE_SIZE, 0);
    assert_int_equal(unit_in_use(), 0);
    return asks;
}

/* A little more than that, by what the machine has: no block larger than all that there is, so that a small process stays so. */
static void a_few_large_blocks_ask_untried(void **state)
{
    (void)state;
    size_t least = 4 * RST_MIB, most = 16 * RST_MIB;
    assert_false(asks_beside(0, least, least));
    fake_set_limits(16 * RST_GIB, SIZE_MAX);
    rst_large_start();
    assert_true(asks_beside(0, least, least));
    assert_false(asks_beside(0, least - RST_MIB, 2 * RST_MIB));
    assert_false(asks_beside(0, least, 2 * least));
    assert_true(asks_beside(0, 2 * least, 2 * least));
    assert_false(asks_beside(0, 2 * least, 2 * least + RST_MIB));
    assert_true(asks_beside(most, 0, most - RST_MIB));
    assert_false(asks_beside(most, 0, most));
    rst_purge_press(RST_PRESS_LIMIT);
    assert_false(asks_beside(0, least, least));
    rst_purge_press(RST_PRESS_NONE);
    fake_set_limits(1024 * RST_GIB, SIZE_MAX); /* not without an end */
    rst_large_start();
    assert_true(asks_beside(0, 28 * RST_MIB, 4 * RST_MIB));
    assert_false(asks_beside(0, 28 * RST_MIB, 5 * RST_MIB));
    fake_set_limits(0, SIZE_MAX);
    rst_large_start();
    rst_purge_all();
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, RST_SIZE_MAX, RST_SIZE_MAX - 1, RST_SIZE_MAX / 2, FAKE_POOL};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_null(rst_large_alloc(sizes[i], 1, false));
        assert_null(rst_large_alloc(100000, (size_t)1 << (60 - i), true));
    }
    char *memory = rst_large_alloc(100000, 1, false);
    memset(memory, 1, 100000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_false(rst_large_resize(rst_slice_of(memory), sizes[i]));
        assert_null(rst_large_move(rst_slice_of(memory), sizes[i]));
    }
    assert_int_equal(rst_slice_of(memory)->large_size, rst_large_good_size(100000));
    rst_large_free(rst_slice_of(memory));
    assert_int_equal(unit_in_use(), 0);
    assert_null(unit_leak());
}

/* A program that tries all of them in a loop is not to wait for one system call after the other. */
static void what_no_address_space_holds_is_refused_without_the_system(void **state)
{
    (void)state;
    static const size_t sizes[] = {RST_SIZE_MAX, RST_SIZE_MAX + 1, (size_t)1 << 50, PTRDIFF_MAX, SIZE_MAX};
    char *memory = rst_large_alloc(100000, 1, false);
    unsigned before = fake_calls(FAKE_RESERVE);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_null(rst_large_alloc(sizes[i], 1, false));
        assert_null(rst_large_alloc(100000, RST_SIZE_MAX << i % 2, true));
        assert_false(rst_large_resize(rst_slice_of(memory), sizes[i]));
        assert_null(rst_large_move(rst_slice_of(memory), sizes[i]));
    }
    assert_int_equal(fake_calls(FAKE_RESERVE), before);
    rst_large_free(rst_slice_of(memory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_keep_contents),
        cmocka_unit_test(refusals_of_move_and_remap_lose_nothing),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(what_no_address_space_holds_is_refused_without_the_system),
        cmocka_unit_test(freed_pages_are_remapped),
        cmocka_unit_test(the_tail_of_a_moved_block_is_remapped_when_it_shrinks),
        cmocka_unit_test(what_realloc_has_grown_asks_for_huge_pages),
        cmocka_unit_test(large_blocks_ask_in_proportion_to_pages),
        cmocka_unit_test(a_few_large_blocks_ask_untried),
    };
    rst_store_relaxed(&rst_option_values[RST_OPTION_arena_size], 192 * RST_MIB);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

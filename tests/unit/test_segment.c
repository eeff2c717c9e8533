/* Arenas and segments against a naive model of which slices are held: random claims, extensions, releases and purges,
 * over several arenas, with an OS that sometimes refuses to purge.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/huge.h"
#include "core/options.h"
#include "core/segment.h"

enum { RUNS = 300, STEPS = 6000, SLICES_MAX = FAKE_POOL / RST_SLICE_SIZE, HELD_MAX = 1600 };

typedef struct run {
    rst_slice *first; /* NULL: none */
    size_t count;
    bool written;
} run;

static run runs[RUNS];
static uint8_t held[RST_ARENA_MAX][SLICES_MAX];
static size_t held_count;

static size_t frontiers(void)
{
    size_t sum = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++)
        sum += rst_load_relaxed(&rst_arenas[a].frontier);
    return sum;
}

static size_t slices_below_frontier(unsigned a)
{
    return rst_load_relaxed(&rst_arenas[a].frontier) / RST_SLICE_SIZE;
}

static bool is_free(unsigned a, size_t index, size_t count)
{
    if (index + count > slices_below_frontier(a))
        return false;
    return unit_all_zero((char *)&held[a][index], count);
}

static bool well_placed(unsigned a, size_t index, size_t count, size_t align)
{
    uintptr_t address = (uintptr_t)rst_arenas[a].base + index * RST_SLICE_SIZE;
    if (address % (align * RST_SLICE_SIZE) != 0)
        return false;
    if (count <= 32 && align <= 32)
        return index / 32 == (index + count - 1) / 32;
    return index % 32 == 0;
}

/* The first arena with room for a claim in what is committed. An alignment beyond a segment is looked for among the
 * segments that are wholly free. */
static unsigned model_room(size_t count, size_t align)
{
    count = align > 32 ? rst_max(count, 32) : count;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        for (size_t i = 0; i < slices_below_frontier(a); i++) {
            if (well_placed(a, i, count, align) && is_free(a, i, count))
                return a;
        }
    }
    return RST_ARENA_MAX;
}

static void model_mark(const rst_slice *first, size_t offset, size_t count, bool hold)
{
    unsigned a = first->arena;
    size_t index = rst_slice_index(&rst_arenas[a], first) + offset;
    for (size_t i = index; i < index + count; i++) {
        assert_int_equal(held[a][i], !hold);
        held[a][i] = hold;
    }
    held_count = hold ? held_count + count : held_count - count;
}

/* The bit sets are the model's, and the summary hides nothing. */
static void check_bits(void)
{
    size_t idle = 0;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        for (size_t s = 0; s < slices_below_frontier(a) / 32; s++) {
            rst_group *group = rst_group_of_segment(&rst_arenas[a], s);
            uint32_t free = rst_load_relaxed(&rst_segment_at(&rst_arenas[a], s)->free);
            uint32_t dirty = rst_load_relaxed(&rst_segment_at(&rst_arenas[a], s)->dirty);
            uint32_t expected = 0;
            idle += rst_popcount32(free & dirty);
            for (unsigned i = 0; i < 32; i++)
                expected |= held[a][s * 32 + i] ? 0 : 1u << i;
            assert_int_equal(free, expected);
            for (unsigned level = 0; level < RST_RUN_LEVELS; level++) {
                if (rst_run_starts32(free, 1u << level) != 0)
                    assert_true(rst_load_relaxed(&group->may_run[level]) >> s % 64 & 1);
            }
            if ((free & dirty) != 0)
                assert_true(rst_load_relaxed(&group->may_warm) >> s % 64 & 1);
        }
    }
    assert_int_equal(unit_in_use(), held_count * RST_SLICE_SIZE);
    assert_int_equal(rst_load_relaxed(&rst_process.footprint), (held_count + idle) * RST_SLICE_SIZE);
}

static size_t random_count(uint64_t *seed)
{
    static const uint8_t counts[] = {1, 1, 1, 1, 1, 8, 8, 8, 2, 3, 5, 31, 32, 33, 40, 64, 65, 100, 200};
    return counts[unit_random(seed) % sizeof counts];
}

static void step_claim(run *r, uint64_t *seed)
{
    size_t count = random_count(seed);
    size_t align = unit_random(seed) % 4 != 0 ? 1 : (size_t)1 << unit_random(seed) % 8;
    if (held_count + count > HELD_MAX)
        return;
    unsigned room = model_room(count, align);
    size_t before = frontiers();
    bool zeroed = false;
    rst_slice *first = rst_slices_claim(count, align, unit_random(seed) % 2 == 0, NULL, &zeroed);
    assert_non_null(first);
    size_t index = rst_slice_index(&rst_arenas[first->arena], first);
    assert_true(index + count <= slices_below_frontier(first->arena));
    assert_true(well_placed(first->arena, index, count, align));
    assert_true(first->arena <= room);
    if (first->arena == room) /* an arena before it may grow, it may not */
        assert_int_equal(frontiers(), before);
    if (zeroed)
        assert_true(unit_all_zero(rst_slice_memory(first), count * RST_SLICE_SIZE));
    assert_ptr_equal(rst_slice_of(rst_slice_memory(first) + count * RST_SLICE_SIZE - 1), first + count - 1);
    model_mark(first, 0, count, true);
    *r = (run){first, count, false};
}

static void step_extend(run *r, uint64_t *seed)
{
    size_t more = random_count(seed);
    unsigned a = r->first->arena;
    size_t index = rst_slice_index(&rst_arenas[a], r->first) + r->count;
    if (held_count + more > HELD_MAX)
        return;
    size_t inside = rst_min(more, slices_below_frontier(a) - index);
    bool can = is_free(a, index, inside) && index + more <= rst_arenas[a].size / RST_SLICE_SIZE;
    bool zeroed = false;
    bool done = rst_slices_extend(r->first, r->count, more, &zeroed);
    assert_int_equal(done, can);
    if (!done)
        return;
    if (zeroed)
        assert_true(unit_all_zero(rst_slice_memory(r->first) + r->count * RST_SLICE_SIZE, more * RST_SLICE_SIZE));
    model_mark(r->first, r->count, more, true);
    r->count += more;
    r->written = false;
}

/* Give back the last `count` slices. */
static void release_tail(run *r, size_t count, size_t dirty)
{
    size_t keep = r->count - count;
    model_mark(r->first, keep, count, false);
    unsigned a = r->first->arena;
    rst_slices_release(a, rst_slice_index(&rst_arenas[a], r->first) + keep, count, dirty);
    r->count = keep;
    if (keep == 0)
        r->first = NULL;
}

/* Write to some of the first slices, and tell how many when they are given back. */
static void step_release(run *r, uint64_t *seed)
{
    size_t count = unit_random(seed) % 3 == 0 ? 1 + unit_random(seed) % r->count : r->count;
    size_t dirty = r->written || count != r->count ? count : unit_random(seed) % (count + 1);
    char *memory = rst_slice_memory(r->first) + (r->count - count) * RST_SLICE_SIZE;
    for (size_t i = 0; i < dirty; i++)
        memory[i * RST_SLICE_SIZE + unit_random(seed) % RST_SLICE_SIZE] = 1;
    release_tail(r, count, dirty);
}

static void step_purge(uint64_t *seed)
{
    unsigned a = (unsigned)(unit_random(seed) % rst_arena_count());
    size_t segments = slices_below_frontier(a) / 32;
    if (segments == 0)
        return;
    fake_fail(FAKE_PURGE, 1, unit_random(seed) % 3 == 0 ? 2 : 0);
    size_t s = unit_random(seed) % segments;
    rst_segment *segment = rst_segment_at(&rst_arenas[a], s);
    uint32_t idle = rst_load_relaxed(&segment->free) & rst_load_relaxed(&segment->dirty);
    uint32_t dirty = rst_load_relaxed(&segment->dirty);
    bool huge = rst_huge_asked(&rst_arenas[a], s);
    size_t purged = rst_segment_purge(&rst_arenas[a], s, 0, true);
    fake_fail_none();
    uint32_t gone = dirty & ~rst_load_relaxed(&segment->dirty);
    assert_int_equal(gone & ~idle, 0);
    if (huge) /* what was never used may go with the rest */
        assert_true(purged >= rst_popcount32(gone) * RST_SLICE_SIZE);
    else
        assert_int_equal(purged, rst_popcount32(gone) * RST_SLICE_SIZE);
    if (idle != 0 && rst_load_relaxed(&segment->free) != UINT32_MAX)
        assert_false(rst_huge_asked(&rst_arenas[a], s));
}

static void random_steps_agree_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = 20;
    for (int i = 0; i < STEPS; i++) {
        run *r = &runs[unit_random(&seed) % RUNS];
        unsigned what = (unsigned)(unit_random(&seed) % 16);
        if (r->first == NULL)
            step_claim(r, &seed);
        else if (what < 5)
            step_extend(r, &seed);
        else if (what < 12)
            step_release(r, &seed);
        else
            step_purge(&seed);
        check_bits();
    }
    assert_true(rst_arena_count() > 2);
    for (int i = 0; i < RUNS; i++) {
        if (runs[i].first != NULL)
            release_tail(&runs[i], runs[i].count, runs[i].count);
    }
    check_bits();
    assert_null(unit_leak());
}

static void released_memory_is_found_again(void **state)
{
    (void)state;
    size_t all, free = unit_free_slices(&all);
    assert_int_equal(free, all);
    size_t before = frontiers();
    bool zeroed;
    rst_slice *first = rst_slices_claim(32, 1, false, NULL, &zeroed);
    assert_non_null(first);
    assert_int_equal(frontiers(), before);
    rst_slices_release(first->arena, rst_slice_index(&rst_arenas[first->arena], first), 32, 0);
    assert_int_equal(unit_in_use(), 0);
}

static void purge_all_segments(void)
{
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        for (size_t s = 0; s < slices_below_frontier(a) / 32; s++)
            rst_segment_purge(&rst_arenas[a], s, 0, true);
    }
}

static void warm_slices_go_first(void **state)
{
    (void)state;
    purge_all_segments();
    bool zeroed;
    rst_slice *cold = rst_slices_claim(4, 1, false, NULL, &zeroed);
    assert_true(zeroed);
    rst_slice *warm = rst_slices_claim(4, 1, false, NULL, &zeroed);
    assert_true(zeroed);
    assert_true(cold < warm);
    unsigned a = cold->arena;
    rst_slices_release(a, rst_slice_index(&rst_arenas[a], warm), 4, 3);
    rst_slices_release(a, rst_slice_index(&rst_arenas[a], cold), 4, 0);
    rst_slice *first = rst_slices_claim(3, 1, false, NULL, &zeroed);
    assert_ptr_equal(first, warm);
    assert_false(zeroed);
    rst_slice *second = rst_slices_claim(3, 1, false, NULL, &zeroed);
    assert_ptr_equal(second, cold);
    assert_true(zeroed);
    rst_slices_release(a, rst_slice_index(&rst_arenas[a], first), 3, 3);
    rst_slices_release(a, rst_slice_index(&rst_arenas[a], second), 3, 3);
}

static void set_footprint_room(size_t slices)
{
    rst_store_relaxed(&rst_footprint_limit, rst_load_relaxed(&rst_process.footprint) + slices * RST_SLICE_SIZE);
}

/* What is warm may always be claimed; what is not, up to the limit, and a refusal leaves all as it was. */
static void the_footprint_is_limited(void **state)
{
    (void)state;
    purge_all_segments();
    check_bits();
    bool zeroed;
    set_footprint_room(8);
    assert_null(rst_slices_claim(9, 1, false, NULL, &zeroed));
    assert_null(rst_slices_claim(64, 1, false, NULL, &zeroed));
    check_bits();
    rst_slice *first = rst_slices_claim(8, 1, false, NULL, &zeroed);
    assert_non_null(first);
    model_mark(first, 0, 8, true);
    assert_false(rst_slices_extend(first, 8, 1, &zeroed));
    assert_null(rst_slices_claim(1, 1, false, NULL, &zeroed));
    check_bits();
    run r = {first, 8, true};
    release_tail(&r, 4, 4);
    assert_true(rst_slices_extend(first, 4, 3, &zeroed));
    assert_false(zeroed);
    model_mark(first, 4, 3, true);
    check_bits();
    r.count = 7;
    release_tail(&r, 7, 0); /* what was written before stays so */
    check_bits();
    rst_store_relaxed(&rst_footprint_limit, UINT64_MAX);
}

static void absurd_counts_are_refused(void **state)
{
    (void)state;
    bool zeroed;
    unsigned arenas = rst_arena_count();
    assert_null(rst_slices_claim(0, 1, false, NULL, &zeroed));
    assert_null(rst_slices_claim(SIZE_MAX, 1, false, NULL, &zeroed));
    assert_null(rst_slices_claim(SIZE_MAX / RST_SLICE_SIZE, 1, false, NULL, &zeroed));
    assert_null(rst_slices_claim(1, (size_t)1 << 62, false, NULL, &zeroed));
    assert_null(rst_slices_claim(1, (size_t)1 << 46, false, NULL, &zeroed));
    assert_null(rst_slices_claim(2 * SLICES_MAX, 1, false, NULL, &zeroed));
    assert_int_equal(rst_arena_count(), arenas);
    assert_int_equal(unit_in_use(), 0);
    assert_null(unit_leak());
}

/* --- big heaps --- */

static size_t segment_of(const rst_slice *slice)
{
    return rst_slice_index(&rst_arenas[slice->arena], slice) / RST_SEGMENT_SLICES;
}

static rst_slice *claim_for(rst_filling *filling, size_t count)
{
    bool zeroed;
    rst_slice *first = rst_slices_claim(count, 1, true, filling, &zeroed);
    assert_non_null(first);
    return first;
}

static void release_one(rst_slice *slice)
{
    rst_slices_release(slice->arena, rst_slice_index(&rst_arenas[slice->arena], slice), 1, 1);
}

static bool same_segment(const rst_slice *a, const rst_slice *b)
{
    return a->arena == b->arena && segment_of(a) == segment_of(b);
}

static void big_heaps_fill_segments_of_their_own(void **state)
{
    (void)state;
    enum { EACH = 2 * RST_SEGMENT_SLICES };
    rst_filling filling[2] = {{.any = false}};
    rst_slice *slice[2][EACH];
    for (int i = 0; i < EACH; i++) {
        for (int heap = 0; heap < 2; heap++)
            slice[heap][i] = claim_for(&filling[heap], 1);
    }
    for (int i = 0; i < EACH; i++) {
        for (int heap = 0; heap < 2; heap++)
            assert_true(same_segment(slice[heap][i], slice[heap][i / RST_SEGMENT_SLICES * RST_SEGMENT_SLICES]));
        for (int j = 0; j < EACH; j += RST_SEGMENT_SLICES)
            assert_false(same_segment(slice[0][i], slice[1][j]));
    }
    for (int i = 0; i < EACH; i++) {
        for (int heap = 0; heap < 2; heap++)
            release_one(slice[heap][i]);
    }
    rst_filling_leave(&filling[0]);
    rst_filling_leave(&filling[1]);
    assert_int_equal(unit_in_use(), 0);
}

/* What is warm comes before what is not, wherever it is, and the rest of the segment before what is elsewhere. */
static void a_big_heap_goes_where_memory_is_warm(void **state)
{
    (void)state;
    purge_all_segments();
    rst_filling filling = {.any = false};
    rst_slice *low[RST_SEGMENT_SLICES], *page[2];
    for (unsigned i = 0; i < RST_SEGMENT_SLICES; i++)
        low[i] = claim_for(NULL, 1);
    page[0] = claim_for(&filling, 1);
    assert_false(same_segment(page[0], low[0]));
    release_one(low[3]); /* warm, and lower */
    page[1] = claim_for(&filling, 1);
    assert_ptr_equal(page[1], low[3]);
    release_one(page[0]);
    page[0] = claim_for(&filling, 1); /* warm again, in the one that it has left */
    assert_true(segment_of(page[0]) > segment_of(low[0]));
    rst_slice *next = claim_for(&filling, 1);
    assert_true(same_segment(next, page[0]));
    release_one(next);
    release_one(page[0]);
    for (unsigned i = 0; i < RST_SEGMENT_SLICES; i++)
        release_one(low[i]);
    rst_filling_leave(&filling);
    assert_int_equal(unit_in_use(), 0);
}

/* Rather than take more from the system. */
static void big_heaps_share_before_the_frontier_moves(void **state)
{
    (void)state;
    size_t before = frontiers(), count = 0;
    rst_filling filling[3] = {{.any = false}};
    static rst_slice *slice[SLICES_MAX];
    for (int heap = 0; heap < 2; heap++)
        slice[count++] = claim_for(&filling[heap], 1);
    assert_false(same_segment(slice[0], slice[1]));
    while (unit_free_in(&rst_arenas[0]) != 0) {
        slice[count++] = claim_for(&filling[2], 1);
        assert_int_equal(frontiers(), before);
    }
    while (count != 0)
        release_one(slice[--count]);
    for (int heap = 0; heap < 3; heap++)
        rst_filling_leave(&filling[heap]);
    assert_int_equal(unit_in_use(), 0);
}

static void what_a_heap_has_left_is_for_all(void **state)
{
    (void)state;
    rst_filling first = {.any = false}, second = first;
    rst_slice *lowest = claim_for(&first, 1), *other = claim_for(&second, 1);
    assert_false(same_segment(lowest, other));
    rst_filling_leave(&first);
    rst_filling_leave(&second);
    rst_filling_leave(&second); /* twice does no harm */
    rst_slice *again = claim_for(&second, 1);
    assert_true(same_segment(again, lowest));
    rst_filling_leave(&second);
    release_one(lowest);
    release_one(other);
    release_one(again);
}

static void lookup_ends_at_the_frontier(void **state)
{
    (void)state;
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        const char *base = rst_arenas[a].base;
        size_t frontier = rst_load_relaxed(&rst_arenas[a].frontier);
        assert_ptr_equal(rst_slice_of(base), rst_arenas[a].slices);
        assert_ptr_equal(rst_slice_of(base + frontier - 1), rst_arenas[a].slices + frontier / RST_SLICE_SIZE - 1);
        if (frontier < rst_arenas[a].size)
            assert_null(rst_slice_of(base + frontier));
        assert_null(rst_slice_of(base - 1));
    }
    assert_null(rst_slice_of(NULL));
    assert_null(rst_slice_of(&runs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_agree_with_the_model),
        cmocka_unit_test(released_memory_is_found_again),
        cmocka_unit_test(warm_slices_go_first),
        cmocka_unit_test(the_footprint_is_limited),
        cmocka_unit_test(absurd_counts_are_refused),
        cmocka_unit_test(big_heaps_fill_segments_of_their_own),
        cmocka_unit_test(a_big_heap_goes_where_memory_is_warm),
        cmocka_unit_test(big_heaps_share_before_the_frontier_moves),
        cmocka_unit_test(what_a_heap_has_left_is_for_all),
        cmocka_unit_test(lookup_ends_at_the_frontier),
    };
    rst_store_relaxed(&rst_option_values[RST_OPTION_arena_size], 48 * RST_MIB);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

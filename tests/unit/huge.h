/* What tests of huge pages share. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_HUGE_H
#define ROOST_TESTS_HUGE_H

#include "unit.h"

#include "core/huge.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/segment.h"

enum { SPARSE = false, DENSE = true };

static inline rst_slice *claim(size_t count, bool dense)
{
    bool zeroed;
    rst_slice *first = rst_slices_claim(count, 1, dense, NULL, &zeroed);
    assert_non_null(first);
    return first;
}

static inline size_t index_of(const rst_slice *slice)
{
    return rst_slice_index(&rst_arenas[slice->arena], slice);
}

static inline size_t segment_of(const rst_slice *slice)
{
    return index_of(slice) / RST_SEGMENT_SLICES;
}

static inline void release_dirty(rst_slice *first, size_t count)
{
    memset(rst_slice_memory(first), 1, count * RST_SLICE_SIZE);
    rst_slices_release(first->arena, index_of(first), count, count);
}

static inline char *memory_of(size_t segment)
{
    return rst_arenas[0].base + segment * RST_SEGMENT_SIZE;
}

static inline size_t asked(size_t segment)
{
    size_t bytes = fake_huge(memory_of(segment), RST_SEGMENT_SIZE);
    assert_int_equal(bytes != 0, rst_huge_asked(&rst_arenas[0], segment));
    return bytes;
}

static inline size_t resident(size_t segment)
{
    return fake_resident(memory_of(segment), RST_SEGMENT_SIZE);
}

static inline size_t visit(size_t segment, bool young_too)
{
    return rst_segment_purge(&rst_arenas[0], segment, 0, young_too);
}

/* A segment of which nothing is claimed or resident, so that the next claim goes there. */
static inline size_t fresh_segment(void)
{
    rst_store_relaxed(&rst_option_values[RST_OPTION_huge_pages], 1);
    rst_slice *probe = claim(RST_SEGMENT_SLICES, SPARSE);
    size_t segment = segment_of(probe);
    rst_slices_release(probe->arena, index_of(probe), RST_SEGMENT_SLICES, 0);
    visit(segment, true);
    assert_int_equal(asked(segment), 0);
    return segment;
}

#endif

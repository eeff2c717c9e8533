/* Large blocks: see large.h. SPDX-License-Identifier: MIT */
#include "core/large.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/look.h"
#include "core/purge.h"
#include "core/segment.h"
#include "os/os.h"

#include <string.h>

/* Moving page tables pays above this; below, copying is cheaper than the system call and the split mappings. */
#define MOVE_MIN (1 * RST_MIB)

/* What realloc has made so large is likely to be filled, and its last huge page is a small part of it. */
#define GROWN_MIN (4 * RST_MIB)

/* Below DENSE_MAX a large block is likely to be filled in a process that holds DENSE_LEAST and as much as the block, as long as large blocks hold
 * no more than DENSE_SHARE times what pages of small blocks hold, and a little: blocks that are hardly touched, however many, cost no
 * more than so much. */
#define DENSE_MAX (16 * RST_MIB)
#define DENSE_LEAST (4 * RST_MIB)
#define DENSE_LITTLE (32 * RST_MIB)
enum { DENSE_SHARE = 2, DENSE_LITTLE_SHARE = 1024 };

static size_t dense_little; /* written at the start */

void rst_large_start(void)
{
    dense_little = rst_min(rst_os_physical_memory() / DENSE_LITTLE_SHARE, DENSE_LITTLE);
}

/* Bytes of the slices of large blocks. relaxed: a hint. */
static _Atomic size_t slices_in_use;

static void use(size_t slices)
{
    rst_add_relaxed(&slices_in_use, slices * RST_SLICE_SIZE);
}

static void unuse(size_t slices)
{
    rst_sub_relaxed(&slices_in_use, slices * RST_SLICE_SIZE);
}

static bool is_dense(size_t size)
{
    size_t large = rst_load_relaxed(&slices_in_use);
    size_t all = (size_t)rst_load_relaxed(&rst_process.in_use);
    size_t pages = all - rst_min(large, all);
    return size < DENSE_MAX && size <= all && all >= DENSE_LEAST &&
           large + size <= DENSE_SHARE * pages + dense_little && !rst_press_limit_near();
}

size_t rst_large_good_size(size_t size)
{
    return rst_align_up(size, rst_os_page_size());
}

size_t rst_large_around(rst_arena *arena, size_t index)
{
    for (size_t i = index;; i--) {
        rst_piece piece = rst_first_piece(i, 1);
        rst_slice slice;
        rst_os_snapshot(&slice, &arena->slices[i], sizeof slice);
        if (slice.kind == RST_KIND_LARGE)
            return slice.span > index - i ? i : SIZE_MAX;
        /* A slice that is in use, and is no page's, is a large block's. */
        if (slice.kind != RST_KIND_NONE || i == 0 ||
            (rst_load_relaxed(&rst_segment_at(arena, piece.segment)->free) & piece.mask) != 0)
            return SIZE_MAX;
    }
}

static rst_slice *large_claim(size_t size, size_t alignment, bool *zeroed)
{
    if (size > RST_SIZE_MAX - RST_SEGMENT_SIZE || alignment > RST_SIZE_MAX / 4)
        return NULL;
    size_t align = rst_max(alignment, RST_SLICE_SIZE) / RST_SLICE_SIZE;
    size_t count = rst_slices_for(rst_max(size, 1));
    rst_slice *first = rst_slices_claim(count, align, is_dense(size), NULL, zeroed);
    if (first == NULL)
        return NULL;
    use(count);
    first->span = (uint32_t)count;
    first->large_size = rst_large_good_size(rst_max(size, 1));
    first->moved = 0;
    first->kind = RST_KIND_LARGE;
    rst_process_add(large_live, 1);
    rst_process_add(large_allocs, 1);
    rst_process_add(large_live_bytes, first->large_size);
    rst_process_add(large_requested, first->large_size);
    return first;
}

void *rst_large_alloc(size_t size, size_t alignment, bool zero)
{
    bool zeroed;
    rst_slice *first = large_claim(size, alignment, &zeroed);
    if (first == NULL)
        return NULL;
    char *block = rst_slice_memory(first);
    if (zero && !zeroed)
        memset(block, 0, first->large_size);
    return block;
}

/* Give back the slices of a block from the at-th on; the first `dirty` of them may have been written. Moved pages have left their mapping
 * in pieces: a fresh one heals it, and gives the memory back at once. */
static void large_release(rst_slice *first, size_t at, size_t dirty)
{
    rst_arena *arena = &rst_arenas[first->arena];
    size_t index = rst_slice_index(arena, first) + at;
    size_t count = first->span - at;
    if (first->moved != 0 && rst_os_remap(rst_slice_memory(first) + at * RST_SLICE_SIZE, count * RST_SLICE_SIZE)) {
        rst_huge_forget(arena, index, count);
        dirty = 0;
    }
    if (at == 0)
        first->kind = RST_KIND_NONE;
    rst_slices_release(first->arena, index, count, dirty);
}

void rst_large_free(rst_slice *first)
{
    rst_large_look(first);
    rst_process_sub(large_live, 1);
    rst_process_sub(large_live_bytes, first->large_size);
    unuse(first->span);
    large_release(first, 0, rst_slices_for(first->large_size));
}

/* All of it asks, or it would be more than one mapping, and the system moves only one. */
static void large_grown(const rst_slice *first)
{
    if (first->large_size >= GROWN_MIN)
        rst_huge_grown(&rst_arenas[first->arena], rst_slice_index(&rst_arenas[first->arena], first), first->span);
}

static void large_set_size(rst_slice *first, size_t size)
{
    rst_process_sub(large_live_bytes, first->large_size);
    first->large_size = rst_large_good_size(size);
    rst_process_add(large_live_bytes, first->large_size);
}

bool rst_large_resize(rst_slice *first, size_t size)
{
    size_t have = first->span;
    size_t need = rst_slices_for(size);
    if (size > RST_SIZE_MAX || need > UINT32_MAX)
        return false;
    if (need > have) {
        bool zeroed;
        if (!rst_slices_extend(first, have, need - have, &zeroed))
            return false;
        use(need - have);
    } else if (need < have) {
        unuse(have - need);
        large_release(first, need, have - need);
    }
    first->span = (uint32_t)need;
    large_set_size(first, size);
    if (need > have)
        large_grown(first);
    return true;
}

/* Its beginning is, if any of it is. */
static bool is_pinned(const rst_slice *first)
{
    return rst_slice_pinned(&rst_arenas[first->arena], rst_slice_index(&rst_arenas[first->arena], first));
}

void *rst_large_move(rst_slice *first, size_t size)
{
    size_t held = first->large_size;
    if (held < MOVE_MIN || size < held)
        return NULL;
    bool zeroed;
    rst_slice *target = large_claim(size, 1, &zeroed);
    if (target == NULL)
        return NULL;
    char *to = rst_slice_memory(target);
    if (target->arena != first->arena || is_pinned(first) || is_pinned(target) ||
        !rst_os_move(rst_slice_memory(first), to, held)) {
        rst_large_free(target);
        return NULL;
    }
    target->moved = 1;
    first->moved = 1;
    rst_process_add(large_moves, 1);
    rst_large_free(first);
    large_grown(target);
    return to;
}

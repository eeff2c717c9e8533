/* realloc and its kin: stay, grow in place, move page tables, copy, in that order. SPDX-License-Identifier: MIT */
#include "core/large.h"
#include "core/limits.h"
#include "face.h"
#include "threadcache/relief.h"

#include <string.h>

enum { GROW_SHARE = 4, GROW_MIN = 1024 }; /* see realloc_grow */

/* The slice that stands for a block: its page's first, or a large block's. NULL, said in one line, when it is no block. */
static rst_slice *block_slice(const char *function, const void *block)
{
    rst_slice *slice = rst_heap_slice_of(rst_thread_heap, block);
    if (RST_UNLIKELY(slice == NULL))
        slice = rst_slice_of(block);
    if (RST_UNLIKELY(slice == NULL || slice->kind == RST_KIND_NONE ||
                     (slice->kind == RST_KIND_LARGE && rst_slice_memory(slice) != block))) {
        rst_bad_pointer(function, block);
        return NULL;
    }
    return rst_page_of(slice);
}

RST_INLINE size_t slice_usable(const rst_slice *slice)
{
    return slice->kind == RST_KIND_LARGE ? slice->large_size : rst_classes[slice->size_class].size;
}

/* Whether a block of `have` bytes stays for fewer: the next smaller class would save less than half. */
RST_INLINE bool class_keeps(size_t have, size_t size)
{
    return size > have / 2 || have == RST_GRAIN;
}

static void *realloc_copy(void *block, size_t have, size_t size)
{
    void *other = rst_malloc(size);
    if (other == NULL)
        return NULL;
    memcpy(other, block, rst_min(have, size));
    rst_free(block);
    return other;
}

/* What grows a little is likely to grow again: above 1 KiB by a quarter at least, so that a block which grows step by step is copied a
 * bounded number of times for each doubling. Not across 8 KiB: there many programs stop, and would leave the rest unused in very
 * many blocks. */
static void *realloc_grow(void *block, size_t have, size_t size)
{
    size_t ample = have > GROW_MIN ? have + have / GROW_SHARE : size;
    if (have < RST_SMALL_MAX)
        ample = rst_min(ample, RST_SMALL_MAX);
    void *other = ample > size ? rst_malloc(ample) : NULL;
    if (other == NULL)
        other = rst_malloc(size);
    if (other == NULL)
        return NULL;
    memcpy(other, block, have);
    rst_free(block);
    return other;
}

/* Whether a claim of `bytes` was refused by a limit, and there is room now. */
static bool made_room(size_t bytes)
{
    rst_heap *heap = rst_limits_refuse(bytes) ? rst_attached_heap() : NULL;
    return RST_UNLIKELY(heap != NULL) && rst_relief_enter_for(heap, bytes);
}

/* Change the size in place, or by moving page tables. NULL: neither can be done. */
static void *large_resized(rst_slice *slice, void *block, size_t size)
{
    size_t have = slice->span, need = rst_slices_for(size);
    if (rst_large_resize(slice, size))
        return block;
    if (need > have && made_room((need - have) * RST_SLICE_SIZE) && rst_large_resize(slice, size))
        return block;
    void *moved = rst_large_move(slice, size);
    if (moved == NULL && made_room(need * RST_SLICE_SIZE))
        moved = rst_large_move(slice, size);
    return moved;
}

static void *realloc_large(rst_slice *slice, void *block, size_t size)
{
    if (size > RST_SIZE_MAX)
        return rst_out_of_memory();
    if (size > RST_MEDIUM_MAX) {
        void *resized = large_resized(slice, block, size);
        if (resized != NULL)
            return resized;
    } else if (size <= slice->large_size && size > slice->large_size / 2) {
        return block; /* as among the classes */
    }
    return realloc_copy(block, slice->large_size, size);
}

static RST_NOINLINE void *realloc_slow(void *block, size_t size)
{
    if (block == NULL)
        return rst_malloc(size);
    if (size == 0) {
        rst_free(block);
        return NULL;
    }
    rst_slice *slice = block_slice("realloc", block);
    if (slice == NULL)
        return rst_out_of_memory();
    if (slice->kind == RST_KIND_LARGE)
        return realloc_large(slice, block, size);
    if (RST_UNLIKELY(!rst_page_has_block(slice, block))) {
        rst_bad_pointer("realloc", block);
        return rst_out_of_memory();
    }
    size_t have = rst_classes[slice->size_class].size;
    if (size > have)
        return realloc_grow(block, have, size);
    return class_keeps(have, size) ? block : realloc_copy(block, have, size);
}

void *rst_realloc(void *block, size_t size)
{
    /* Most calls change nothing. NULL is in no slice. */
    rst_slice *slice = rst_heap_slice_of(rst_thread_heap, block);
    if (RST_LIKELY(slice != NULL && (slice->kind == RST_KIND_PAGE || slice->kind == RST_KIND_INTERIOR))) {
        size_t have = rst_classes[rst_page_of(slice)->size_class].size;
        if (RST_LIKELY(size <= have && size != 0 && class_keeps(have, size)))
            return block;
    }
    return realloc_slow(block, size);
}

void *rst_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return rst_out_of_memory();
    return rst_realloc(block, bytes);
}

size_t rst_usable_size(const void *block)
{
    if (block == NULL)
        return 0;
    const rst_slice *slice = block_slice("malloc_usable_size", block);
    return slice != NULL ? slice_usable(slice) : 0;
}

RST_EXPORT void *roost_realloc(void *block, size_t size)
{
    return rst_realloc(block, size);
}

RST_EXPORT void *roost_reallocarray(void *block, size_t count, size_t size)
{
    return rst_reallocarray(block, count, size);
}

RST_EXPORT size_t roost_usable_size(const void *block)
{
    return rst_usable_size(block);
}

static void *recalloc(void *block, size_t size)
{
    if (block == NULL)
        return rst_zalloc(size);
    size_t had = rst_usable_size(block);
    char *other = rst_realloc(block, size);
    size_t has = other != NULL ? rst_usable_size(other) : 0;
    if (has > had)
        memset(other + had, 0, has - had);
    return other;
}

RST_EXPORT void *roost_recalloc(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return rst_out_of_memory();
    return recalloc(block, bytes);
}

RST_EXPORT void *roost_rezalloc(void *block, size_t size)
{
    return recalloc(block, size);
}

RST_EXPORT size_t roost_good_size(size_t size)
{
    if (size > RST_SIZE_MAX - RST_SEGMENT_SIZE)
        return size;
    return size <= RST_MEDIUM_MAX ? rst_classes[rst_class_of(size)].size : rst_large_good_size(size);
}

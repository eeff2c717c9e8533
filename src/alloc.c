/* malloc, calloc, free under their roost_ names, and the slow side of both hot paths. SPDX-License-Identifier: MIT */
#include "core/large.h"
#include "core/purge.h"
#include "face.h"
#include "threadcache/relief.h"
#include "threadcache/remote.h"
#include "threadcache/steward.h"

#include <string.h>

/* --- allocate ------------------------------------------------------------------------------------------------------------------- */

/* What was done since the list was found empty may have filled it. */
static void *pop_or_refill(rst_heap *heap, size_t c)
{
    void *block = rst_heap_pop(heap, c);
    return block != NULL ? block : rst_heap_refill(heap, (unsigned)c);
}

static RST_NOINLINE void *refill_class(size_t c)
{
    rst_heap *heap = rst_attached_heap();
    if (RST_UNLIKELY(heap == NULL))
        return rst_out_of_memory();
    void *block = pop_or_refill(heap, c); /* attaching may have allocated */
    if (RST_UNLIKELY(block == NULL) && rst_limit_ask(rst_classes[c].size, rst_classes[c].span * RST_SLICE_SIZE))
        block = pop_or_refill(heap, c);
    if (RST_UNLIKELY(rst_is_wanted()))
        rst_serve_wanted();
    return RST_LIKELY(block != NULL) ? block : rst_out_of_memory();
}

/* An unattached thread has rst_heap_none, of which there is nothing to take. */
RST_NOINLINE void *rst_malloc_slow(size_t c)
{
    void *block = rst_heap_take(rst_thread_heap, c);
    return RST_LIKELY(block != NULL) ? block : refill_class(c);
}

static void *alloc_class(unsigned c)
{
    void *block = rst_heap_pop(rst_thread_heap, c);
    return RST_LIKELY(block != NULL) ? block : rst_malloc_slow(c);
}

/* After the claim was refused: once there is room. */
static RST_NOINLINE void *large_hard(rst_heap *heap, size_t size, size_t alignment, bool zero)
{
    void *block = NULL;
    bool again = true;
    for (unsigned tries = 0; block == NULL && again && tries < RST_RELIEF_TRIES; tries++) {
        again = rst_relief_enter_for(heap, rst_slices_for(size) * RST_SLICE_SIZE);
        block = rst_large_alloc(size, alignment, zero); /* in any case: another thread may have moved the limit */
    }
    return block;
}

static void *alloc_large(size_t size, size_t alignment, bool zero)
{
    /* Attach, so that options are read and the clock is looked at by someone. */
    rst_heap *heap = size <= RST_SIZE_MAX ? rst_attached_heap() : NULL;
    if (heap == NULL)
        return rst_out_of_memory();
    void *block = rst_large_alloc(size, alignment, zero);
    rst_purge_tick(); /* after it: what was idle may just have been taken, and it is seen how much is in use */
    rst_steward_consider();
    rst_relief_tick(heap);
    if (RST_UNLIKELY(block == NULL))
        block = large_hard(heap, size, alignment, zero);
    if (RST_UNLIKELY(block == NULL) && rst_limit_ask(size, rst_slices_for(size) * RST_SLICE_SIZE))
        block = large_hard(heap, size, alignment, zero);
    if (RST_UNLIKELY(rst_is_wanted()))
        rst_serve_wanted();
    return block != NULL ? block : rst_out_of_memory();
}

RST_NOINLINE void *rst_malloc_large(size_t size)
{
    return alloc_large(size, 1, false);
}

void *rst_malloc_aligned(size_t alignment, size_t size)
{
    if (alignment <= RST_GRAIN)
        return rst_malloc(size);
    unsigned c = rst_class_of_aligned(size, alignment);
    if (c != RST_CLASS_COUNT)
        return alloc_class(c);
    return alloc_large(size, alignment, false);
}

void *rst_zalloc(size_t size)
{
    if (size > RST_MEDIUM_MAX)
        return alloc_large(size, 1, true);
    unsigned c = rst_class_of(size);
    void *block = alloc_class(c);
    return block != NULL ? memset(block, 0, rst_classes[c].size) : NULL;
}

void *rst_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (RST_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return rst_out_of_memory();
    return rst_zalloc(bytes);
}

/* --- free ----------------------------------------------------------------------------------------------------------------------- */

static void free_large(rst_slice *slice, void *pointer)
{
    if (RST_UNLIKELY(rst_slice_memory(slice) != pointer)) {
        rst_bad_pointer("free", pointer);
        return;
    }
    rst_large_free(slice);
    rst_purge_tick();
}

/* A thread that makes no pages itself does not see memory grow: from now on blocks from so far up go by rst_free_other. */
static void free_first_of_others(rst_heap *heap, rst_slice *page, void *pointer)
{
    heap->limit = rst_load_relaxed(&rst_main_frontier); /* relaxed: too low a limit costs time only */
    rst_remote_free(heap, page, pointer);
}

static void free_in_page(rst_slice *page, void *pointer)
{
    rst_heap *heap = rst_thread_heap;
    /* relaxed: as in rst_free. */
    if (rst_load_relaxed(&page->owner) == heap) {
        if (RST_LIKELY(rst_page_has_block(page, pointer)))
            rst_heap_push(heap, page, pointer);
        else
            rst_bad_pointer("free", pointer);
        return;
    }
    if (heap == &rst_heap_none && rst_may_attach())
        heap = rst_attached_heap();
    if (RST_UNLIKELY(!rst_page_has_block(page, pointer)))
        rst_bad_pointer("free", pointer);
    else if (heap == NULL || heap == &rst_heap_none)
        rst_remote_free_alone(page, pointer);
    else if (rst_load_relaxed(&page->owner) == heap) /* we have just adopted its owner */
        rst_heap_push(heap, page, pointer);
    else
        free_first_of_others(heap, page, pointer);
}

RST_NOINLINE void rst_free_slow(void *pointer)
{
    if (pointer == NULL)
        return;
    rst_slice *slice = rst_slice_of(pointer);
    unsigned kind = slice != NULL ? slice->kind : RST_KIND_NONE;
    if (RST_LIKELY(kind == RST_KIND_PAGE || kind == RST_KIND_INTERIOR))
        free_in_page(rst_page_of(slice), pointer);
    else if (kind == RST_KIND_LARGE)
        free_large(slice, pointer);
    else
        rst_bad_pointer("free", pointer);
}

/* A block of another heap's page, or of one of our own that begins in a further slice of it. All else is said to be slow. */
RST_NOINLINE void rst_free_other(void *pointer, rst_heap *heap)
{
    rst_slice *slice = heap->slices + (((uintptr_t)pointer - (uintptr_t)heap->base) >> RST_SLICE_SHIFT);
    bool inside = slice->kind == RST_KIND_INTERIOR;
    size_t before = inside ? slice->span : 0;
    rst_slice *page = slice - before;
    size_t offset = before * RST_SLICE_SIZE + ((uintptr_t)pointer & (RST_SLICE_SIZE - 1));
    if (RST_UNLIKELY((slice->kind != RST_KIND_PAGE && !inside) || !rst_page_has_block_at(page, offset)))
        rst_free_slow(pointer);
    else if (rst_load_relaxed(&page->owner) == heap) /* relaxed: as in rst_free */
        rst_heap_push(heap, page, pointer);
    else
        rst_remote_free(heap, page, pointer);
}

/* --- the names ------------------------------------------------------------------------------------------------------------------ */

RST_EXPORT void *roost_malloc(size_t size)
{
    return rst_malloc(size);
}

RST_EXPORT void roost_free(void *block)
{
    rst_free(block);
}

RST_EXPORT void roost_free_sized(void *block, size_t size)
{
    (void)size;
    rst_free(block);
}

RST_EXPORT void roost_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    rst_free(block);
}

RST_EXPORT void *roost_zalloc(size_t size)
{
    return rst_zalloc(size);
}

RST_EXPORT void *roost_calloc(size_t count, size_t size)
{
    return rst_calloc(count, size);
}

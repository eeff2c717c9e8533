/* Counting what was copied: pages, blocks and slices by class and heap. The same rules as src/stats/collect.c has for the process itself.
 * SPDX-License-Identifier: MIT */
#include "image.h"

#include <stdlib.h>

uint32_t image_blocks_out(const struct layout *l, const char *slice)
{
    const roost_live_class *info = &l->classes[layout_get(slice, l->slice_size_class)];
    uint32_t state = (uint32_t)layout_get(slice, l->slice_state) & l->const_page_state_mask;
    uint32_t left = (uint32_t)layout_get(slice, l->slice_left);
    uint32_t kept = (uint32_t)layout_get(slice, l->slice_foreign_count);
    uint32_t out = left;
    if (state == l->const_page_taken)
        return 0;
    if (state == l->const_page_active) /* the owner may be changing it: then the mark is not there yet */
        out = left >= l->const_page_no_end ? left - l->const_page_no_end : left;
    else if (state == l->const_page_full)
        out = info->capacity - info->reserve + left;
    return out > kept ? out - kept : 0;
}

static void run_of_page(const struct layout *l, struct image_run *run)
{
    run->size_class = (uint32_t)layout_get(run->slice, l->slice_size_class);
    if (run->size_class >= l->class_count || run->span != l->classes[run->size_class].span) {
        run->kind = IMAGE_STRANGE;
        run->span = 1;
        return;
    }
    run->state = (uint32_t)layout_get(run->slice, l->slice_state) & l->const_page_state_mask;
    run->held = (layout_get(run->slice, l->slice_state) & l->const_page_held) != 0;
    run->carved = (uint32_t)layout_get(run->slice, l->slice_carved);
    if (run->state != l->const_page_taken)
        run->in_holes = (uint32_t)(layout_get(run->slice, l->slice_holes) >> 16 & UINT16_MAX);
    run->kept = (uint32_t)layout_get(run->slice, l->slice_foreign_count);
    run->owner = layout_get(run->slice, l->slice_owner);
    run->out = image_blocks_out(l, run->slice);
}

void image_run_at(const struct image *image, const struct image_arena *arena, size_t index, struct image_run *run)
{
    const struct layout *l = image->layout;
    const char *slice = arena->slices + index * l->sizeof_slice;
    const char *segment = image_segment(image, arena, index / l->const_segment_slices);
    uint64_t kind = layout_get(slice, l->slice_kind);
    uint64_t bit = index % l->const_segment_slices;
    *run = (struct image_run){.arena = arena, .index = index, .span = 1, .slice = slice};
    if (kind == l->const_kind_page || kind == l->const_kind_large) {
        run->kind = kind == l->const_kind_page ? IMAGE_PAGE : IMAGE_LARGE;
        run->span = (size_t)layout_get(slice, l->slice_span);
        if (run->span == 0 || run->span > arena->slice_count - index) {
            run->kind = IMAGE_STRANGE;
            run->span = 1;
        } else if (run->kind == IMAGE_PAGE) {
            run_of_page(l, run);
        } else {
            run->large_size = layout_get(slice, l->slice_large_size);
        }
        return;
    }
    bool free = (layout_get(segment, l->segment_free) >> bit & 1) != 0;
    run->dirty = (layout_get(segment, l->segment_dirty) >> bit & 1) != 0;
    run->kind = kind != l->const_kind_none ? IMAGE_STRANGE : free ? IMAGE_FREE : IMAGE_CLAIMED;
}

bool image_run_around(const struct image *image, uint64_t block, struct image_run *run)
{
    const struct layout *l = image->layout;
    const struct image_arena *arena = image_arena_of(image, block);
    if (arena == NULL)
        return false;
    size_t index = (size_t)((block - arena->base) / l->const_slice_size);
    const char *slice = arena->slices + index * l->sizeof_slice;
    bool interior = layout_get(slice, l->slice_kind) == l->const_kind_interior;
    uint64_t back = interior ? layout_get(slice, l->slice_span) : 0;
    if (back > index)
        return false;
    image_run_at(image, arena, index - (size_t)back, run);
    return true;
}

/* --- pages ------------------------------------------------------------------------------------------------------------------- */

static void count_page(struct image *image, const struct image_run *run)
{
    struct image_class *counts = &image->classes[run->size_class];
    uint64_t size = image->layout->classes[run->size_class].size;
    struct image_heap *heap = image_heap_at(image, run->owner);
    counts->pages++;
    counts->slices += run->span;
    counts->blocks_out += run->out;
    counts->blocks_kept += run->kept;
    if (heap == NULL)
        return;
    heap->pages++;
    heap->slices += run->span;
    heap->out += run->out;
    heap->out_bytes += run->out * size;
    heap->kept_blocks += run->kept;
    heap->kept_bytes += run->kept * size;
}

static void count_arena(struct image *image, const struct image_arena *arena)
{
    struct image_run run;
    for (size_t i = 0; i < arena->slice_count; i += run.span) {
        image_run_at(image, arena, i, &run);
        if (run.kind == IMAGE_PAGE) {
            count_page(image, &run);
        } else if (run.kind == IMAGE_LARGE) {
            image->large_blocks++;
            image->large_slices += run.span;
            image->large_bytes += run.large_size;
        } else if (run.kind == IMAGE_FREE) {
            image->free_dirty_slices += run.dirty;
            image->free_clean_slices += !run.dirty;
        }
    }
    for (size_t s = 0; s < arena->segment_count; s++)
        image->segments_in_use += layout_get(image_segment(image, arena, s), image->layout->segment_free) != UINT32_MAX;
}

/* --- heaps ------------------------------------------------------------------------------------------------------------------- */

/* The page that a block lies in, as a window; false when there is none. */
static bool page_window(const struct image *image, uint64_t block, struct image_window *window)
{
    struct image_run run;
    if (!image_run_around(image, block, &run))
        return false;
    uint64_t slice_size = image->layout->const_slice_size;
    return window_open(window, image->target, run.arena->base + (uint64_t)run.index * slice_size,
                       (uint64_t)run.span * slice_size);
}

/* Blocks of a free list; it is followed only inside its page, and no further than a page can reach. */
static uint64_t list_length(struct image *image, uint64_t block)
{
    struct image_window window;
    uint64_t count = 0;
    if (block == 0)
        return 0;
    if (!page_window(image, block, &window))
        return 0;
    while (block != 0 && count < UINT16_MAX && block % image->layout->const_grain == 0 &&
           window_word(&window, block, &block))
        count++;
    if (window.unreadable != 0)
        image->unreadable = window.unreadable;
    window_close(&window);
    return count;
}

static void count_lists(struct image *image, struct image_heap *heap)
{
    const struct layout *l = image->layout;
    for (uint32_t c = 0; c < l->class_count; c++) {
        uint64_t length = list_length(image, layout_get_word(heap->bytes, l->heap_list, c));
        heap->ready_blocks += length;
        heap->ready_bytes += length * l->classes[c].size;
        image->classes[c].blocks_ready += length;
        uint64_t handed = layout_get_word(heap->bytes, l->heap_handed, c);
        image->classes[c].allocs += handed > length ? handed - length : 0;
    }
}

static void count_batches(struct image *image, struct image_heap *heap)
{
    const struct layout *l = image->layout;
    for (uint32_t i = 0; i < l->const_batch_count; i++) {
        const char *batch = heap->bytes + l->heap_batch.value + (size_t)i * l->sizeof_batch;
        const struct image_arena *arena;
        size_t index;
        uint64_t page = layout_get(batch, l->batch_page);
        if (page == 0 || image_memory_of(image, page, &arena, &index) == 0)
            continue;
        uint64_t count = layout_get(batch, l->batch_count) & UINT16_MAX;
        uint64_t c = layout_get(arena->slices + index * l->sizeof_slice, l->slice_size_class);
        if (c >= l->class_count)
            continue;
        heap->open_blocks += count;
        heap->open_bytes += count * l->classes[c].size;
        image->classes[c].blocks_open += count;
    }
}

void image_count(struct image *image)
{
    for (size_t i = 0; i < image->arena_count; i++)
        count_arena(image, &image->arenas[i]);
    for (size_t i = 0; i < image->heap_count; i++) {
        struct image_heap *heap = &image->heaps[i];
        count_lists(image, heap);
        count_batches(image, heap);
        heap->inbox_bytes =
            (layout_get(heap->bytes, image->layout->heap_inbox) >> image->layout->const_inbox_shift) * 1024;
    }
}

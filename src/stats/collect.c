/* Collecting statistics: see collect.h. Memory that its owner writes without atomics is read through rst_os_snapshot, and what
 * is read is checked before it is followed. SPDX-License-Identifier: MIT */
#include "stats/collect.h"

#include "core/page.h"
#include "os/os.h"
#include "threadcache/registry.h"

enum { READINGS = 4 };

static void add_process(roost_stats *stats)
{
#define ADD(name, ...) stats->name += rst_load_relaxed(&rst_process.name);
    ROOST_PROCESS_TABLE(ADD)
}

static void add_heap_counters(roost_stats *stats, rst_heap *heap)
{
#define ADD_HEAP(name, ...) \
    stats->name += rst_load_relaxed(&heap->counters.name) + rst_load_relaxed(&heap->outside.name);
    ROOST_HEAP_TABLE(ADD_HEAP)
}

/* The page that a block lies in, as it reads now; NULL when there is none. */
static const rst_slice *page_of_block(const rst_block *block)
{
    const rst_slice *slice = rst_slice_of(block);
    if (slice == NULL)
        return NULL;
    rst_slice copy;
    rst_os_snapshot(&copy, slice, sizeof copy);
    return copy.kind == RST_KIND_INTERIOR ? slice - copy.span : slice;
}

/* Blocks of a free list that no page counts; follows it only inside its page, and no further than a page can reach. */
static uint32_t list_length(const rst_block *block)
{
    uint32_t count = 0;
    const rst_slice *page = page_of_block(block);
    while (block != NULL && count < UINT16_MAX) {
        if (page == NULL || page_of_block(block) != page || (uintptr_t)block % RST_GRAIN != 0)
            break;
        count++;
        rst_block copy;
        rst_os_snapshot(&copy, block, sizeof copy);
        block = copy.next;
    }
    return count;
}

/* Take out of `allocated` what the heap holds ready, and what waits in its open batches. */
static void add_heap_blocks(roost_stats *stats, rst_heap *heap)
{
    rst_block *list[RST_CLASS_COUNT];
    rst_os_snapshot(list, heap->list, sizeof list);
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        uint32_t length = list_length(list[c]);
        stats->allocated_blocks -= length;
        stats->allocated -= (uint64_t)length * rst_classes[c].size;
    }
    for (unsigned i = 0; i < RST_BATCH_COUNT; i++) {
        rst_batch batch;
        rst_os_snapshot(&batch, &heap->batch[i], sizeof batch);
        rst_slice page = {.size_class = 0};
        if (batch.page == NULL)
            continue;
        rst_os_snapshot(&page, batch.page, sizeof page);
        stats->undrained_blocks += batch.count;
        if (page.size_class < RST_CLASS_COUNT)
            stats->undrained_bytes += (uint64_t)batch.count * rst_classes[page.size_class].size;
    }
}

/* Blocks of a page that are neither back with it nor kept beside it. The owner may be in the midst of a change of state. */
static uint32_t blocks_out(const rst_slice *page)
{
    rst_page_state state = rst_page_state_of(page);
    uint32_t left = rst_load_relaxed(&page->left);
    if (state == RST_PAGE_TAKEN)
        return 0;
    if (state == RST_PAGE_ACTIVE && left < RST_PAGE_NO_END)
        left += RST_PAGE_NO_END;
    uint32_t out = rst_page_out_in(page, state, left);
    return out > page->foreign_count ? out - page->foreign_count : 0;
}

/* Count one slice; returns how many slices to go on. */
static size_t add_slice(roost_stats *stats, const rst_slice *at)
{
    rst_slice slice;
    rst_os_snapshot(&slice, at, sizeof slice);
    if (slice.kind == RST_KIND_PAGE && slice.size_class < RST_CLASS_COUNT) {
        uint32_t out = blocks_out(&slice);
        stats->pages++;
        stats->allocated_blocks += out;
        stats->allocated += (uint64_t)out * rst_classes[slice.size_class].size;
    }
    bool run = slice.kind == RST_KIND_PAGE || slice.kind == RST_KIND_LARGE;
    return run && slice.span != 0 ? slice.span : 1;
}

static void add_arena(roost_stats *stats, rst_arena *arena)
{
    size_t slices = rst_load_acquire(&arena->frontier) / RST_SLICE_SIZE; /* pairs with rst_arena_grow */
    for (size_t i = 0; i < slices;)
        i += add_slice(stats, &arena->slices[i]);
    stats->segments += slices / RST_SEGMENT_SLICES;
    for (size_t s = 0; s < slices / RST_SEGMENT_SLICES; s++)
        stats->segments_in_use += rst_load_relaxed(&rst_segment_at(arena, s)->free) != UINT32_MAX;
}

static void add_all_heap_counters(roost_stats *stats)
{
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        add_heap_counters(stats, heap);
}

static uint64_t difference(uint64_t more, uint64_t less)
{
    return (int64_t)(more - less) > 0 ? more - less : 0;
}

/* What was received is read before what was sent, or it might be more; and once again after that. What was received in between is by how
 * much the difference of the first two may be too large: after a reading during which this thread had to wait, that is much. So the
 * narrowest of a few is taken. */
static void add_counters(roost_stats *stats)
{
    uint64_t narrowest = UINT64_MAX;
    roost_stats start = *stats;
    for (int tries = 0; tries < READINGS && narrowest != 0; tries++) {
        roost_stats before = {.size = 0}, after = {.size = 0}, now = start;
        add_all_heap_counters(&before);
        add_process(&now);
        add_all_heap_counters(&now);
        add_all_heap_counters(&after);
        uint64_t meanwhile = difference(after.foreign_received_bytes, before.foreign_received_bytes);
        if (meanwhile >= narrowest)
            continue;
        narrowest = meanwhile;
        *stats = now;
        stats->foreign_received_batches = before.foreign_received_batches;
        stats->foreign_received_blocks = before.foreign_received_blocks;
        stats->foreign_received_bytes = before.foreign_received_bytes;
    }
    stats->foreign_sent_batches += stats->foreign_alone_blocks;
    stats->foreign_sent_blocks += stats->foreign_alone_blocks;
    stats->foreign_sent_bytes += stats->foreign_alone_bytes;
}

void rst_stats_collect(roost_stats *stats)
{
    *stats = (roost_stats){.size = sizeof *stats, .version = ROOST_STATS_VERSION};
    for (unsigned i = 0; i < rst_arena_count(); i++)
        add_arena(stats, &rst_arenas[i]);
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        add_heap_blocks(stats, heap);
        stats->heaps_parked += rst_load_relaxed(&heap->state) == RST_HEAP_IDLE && rst_heap_pages(heap) != 0;
    }
    add_counters(stats);
    stats->undrained_blocks += difference(stats->foreign_sent_blocks, stats->foreign_received_blocks);
    stats->undrained_bytes += difference(stats->foreign_sent_bytes, stats->foreign_received_bytes);
    /* Other threads go on meanwhile: a figure may be of a moment ago, but none is below zero. */
    stats->allocated_blocks = difference(stats->allocated_blocks + stats->large_live, stats->undrained_blocks);
    stats->allocated = difference(stats->allocated + stats->large_live_bytes, stats->undrained_bytes);
    stats->resident = rst_os_resident();
    stats->resident_peak = rst_max(rst_os_peak_resident(), stats->resident);
}

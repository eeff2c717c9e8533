/* Collecting statistics: see collect.h. Memory that its owner writes without atomics is read through rst_os_snapshot, and what
 * is read is checked before it is followed. SPDX-License-Identifier: MIT */
#include "stats/collect.h"

#include "core/page.h"
#include "os/calls.h"
#include "os/fmt.h"
#include "os/os.h"
#include "threadcache/inbox.h"
#include "threadcache/registry.h"

enum { READINGS = 4, LISTS_AT_ONCE = 12 };

/* What a collection adds up. */
typedef struct tally {
    roost_stats *stats;
    roost_class_stats *classes; /* RST_CLASS_COUNT of them */
    roost_heap_stats *heaps;    /* by number; NULL: not wanted */
    size_t heap_rows;
} tally;

static _Atomic uint64_t allocated_peak;               /* the most that allocated was when someone asked */
static _Atomic uint64_t allocs_told[RST_CLASS_COUNT]; /* the most that was told: a counter does not go back */

static uint64_t difference(uint64_t more, uint64_t less)
{
    return (int64_t)(more - less) > 0 ? more - less : 0;
}

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

/* The row of a heap; NULL: not wanted. */
static roost_heap_stats *row_of(const tally *t, const rst_heap *heap)
{
    return heap != NULL && heap->number < t->heap_rows ? &t->heaps[heap->number] : NULL;
}

/* A heap's list of ready blocks, which nothing counts, while it is followed. */
typedef struct follower {
    rst_heap *heap;
    unsigned class;
    uint64_t handed; /* of this and the head: what was read before */
    const rst_block *head, *at;
    uintptr_t from, size; /* of the page: what the list may not lead out of */
    uint32_t count;
} follower;

static void read_list(follower *f)
{
    f->handed = rst_load_relaxed(&f->heap->handed[f->class]);
    rst_os_snapshot(&f->head, &f->heap->list[f->class], sizeof f->head);
}

static void follow(follower *f, rst_heap *heap, unsigned class)
{
    *f = (follower){.heap = heap, .class = class};
    read_list(f);
    const rst_slice *page = f->head != NULL ? page_of_block(f->head) : NULL;
    if (page == NULL)
        return;
    rst_slice copy;
    rst_os_snapshot(&copy, page, sizeof copy);
    f->at = f->head;
    f->from =
        rst_align_down((uintptr_t)f->head, RST_SLICE_SIZE) - (uintptr_t)(rst_slice_of(f->head) - page) * RST_SLICE_SIZE;
    f->size = rst_slice_step(&copy) * RST_SLICE_SIZE;
}

/* Count one block more; false: there is none. No list is followed out of its page, nor further than a page can reach. */
static bool follow_on(follower *f)
{
    uintptr_t at = (uintptr_t)f->at;
    if (at == 0 || at - f->from >= f->size || at % RST_GRAIN != 0 || f->count == UINT16_MAX)
        return false;
    rst_block copy;
    rst_os_snapshot(&copy, f->at, sizeof copy);
    __builtin_prefetch(copy.next);
    f->at = copy.next;
    f->count++;
    return true;
}

/* Take out of `allocated` what the list was found to hold. The count of one that changed meanwhile is a guess, and then less is told of as
 * handed out rather than more. */
static void add_list(const tally *t, const follower *f)
{
    roost_heap_stats *row = row_of(t, f->heap);
    follower now = *f;
    read_list(&now);
    bool still = now.head == f->head && now.handed == f->handed;
    uint64_t length = f->count, bytes = length * rst_classes[f->class].size;
    t->classes[f->class].allocs += difference(f->handed, still ? length : rst_classes[f->class].capacity);
    t->classes[f->class].ready += length;
    t->stats->allocated_blocks -= length;
    t->stats->allocated -= bytes;
    if (row != NULL) {
        row->ready_bytes += bytes;
        row->live -= length;
        row->live_bytes -= bytes;
    }
}

/* Go on to the next list that has blocks; false: that was the last. */
static bool next_list(const tally *t, follower *f, rst_heap **heap, unsigned *class)
{
    while (*heap != NULL) {
        follow(f, *heap, *class);
        if (++*class == RST_CLASS_COUNT) {
            *class = 0;
            *heap = (*heap)->next_heap;
        }
        if (f->at != NULL)
            return true;
        add_list(t, f);
    }
    return false;
}

/* Several side by side: what takes time is that only the block tells where the next one is, and that it is in another processor's cache. */
static void add_lists(const tally *t)
{
    follower lists[LISTS_AT_ONCE];
    rst_heap *heap = rst_registry_first();
    unsigned count = 0, class = 0;
    while (count < LISTS_AT_ONCE && next_list(t, &lists[count], &heap, &class))
        count++;
    for (unsigned i = 0; count != 0; i = i + 1 < count ? i + 1 : 0) {
        if (follow_on(&lists[i]))
            continue;
        add_list(t, &lists[i]);
        if (!next_list(t, &lists[i], &heap, &class))
            lists[i] = lists[--count];
    }
}

unsigned rst_stats_batch(const rst_heap *heap, unsigned i, uint32_t *blocks)
{
    rst_batch batch;
    rst_slice page;
    rst_os_snapshot(&batch, &heap->batch[i], sizeof batch);
    if (batch.page == NULL)
        return RST_CLASS_COUNT;
    rst_os_snapshot(&page, batch.page, sizeof page);
    *blocks = batch.count;
    return (unsigned)rst_min(page.size_class, RST_CLASS_COUNT);
}

/* And what waits in its open batches. */
static void add_batches(const tally *t, rst_heap *heap, roost_heap_stats *row)
{
    for (unsigned i = 0; i < RST_BATCH_COUNT; i++) {
        uint32_t blocks;
        unsigned c = rst_stats_batch(heap, i, &blocks);
        if (c == RST_CLASS_COUNT)
            continue;
        uint64_t bytes = (uint64_t)blocks * rst_classes[c].size;
        t->stats->undrained_blocks += blocks;
        t->stats->undrained_bytes += bytes;
        t->classes[c].live -= blocks;
        if (row != NULL) {
            row->unsent_blocks += blocks;
            row->unsent_bytes += bytes;
        }
    }
}

static void add_heap(const tally *t, rst_heap *heap)
{
    roost_heap_stats *row = row_of(t, heap);
    uint32_t state = rst_load_relaxed(&heap->state);
    t->stats->heaps_parked += state == RST_HEAP_IDLE && rst_heap_pages(heap) != 0;
    add_batches(t, heap, row);
    if (row == NULL)
        return;
    uint64_t flushed[1];
    rst_os_snapshot(flushed, (const char *)heap + rst_align_down(offsetof(rst_heap, flushed_ms), 8), 8);
    uint32_t last = (uint32_t)(flushed[0] >> (offsetof(rst_heap, flushed_ms) % 8 * 8));
    row->number = heap->number;
    row->thread = rst_load_relaxed(&heap->thread_id);
    row->state = state;
    row->inbox_bytes = (rst_load_relaxed(&heap->inbox) >> RST_INBOX_SHIFT) * RST_INBOX_UNIT;
    row->batches_sent = rst_load_relaxed(&heap->counters.foreign_sent_batches);
    row->batches_received = rst_load_relaxed(&heap->counters.foreign_received_batches) +
                            rst_load_relaxed(&heap->outside.foreign_received_batches);
    row->refills = rst_load_relaxed(&heap->counters.refills);
    row->quiet = (uint32_t)rst_os_clock_ms() - last;
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

static void add_page(const tally *t, const rst_slice *page, const rst_heap *owner)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    roost_class_stats *class = &t->classes[page->size_class];
    roost_heap_stats *row = row_of(t, owner);
    uint64_t out = blocks_out(page);
    t->stats->pages++;
    t->stats->allocated_blocks += out;
    t->stats->allocated += out * info->size;
    class->pages++;
    class->capacity += info->capacity;
    class->live += out;
    if (row == NULL)
        return;
    row->pages++;
    row->live += out;
    row->live_bytes += out * info->size;
    row->kept_bytes += rst_page_state_of(page) == RST_PAGE_TAKEN ? 0 : (uint64_t)page->foreign_count * info->size;
}

/* Count one slice; returns how many slices to go on. */
static size_t add_slice(const tally *t, const rst_slice *at)
{
    rst_slice slice;
    rst_os_snapshot(&slice, at, sizeof slice);
    if (slice.kind == RST_KIND_PAGE && slice.size_class < RST_CLASS_COUNT)
        add_page(t, &slice, rst_load_acquire(&at->owner)); /* pairs with rst_page_make: the heap may be new */
    return rst_slice_step(&slice);
}

static void add_arena(const tally *t, rst_arena *arena)
{
    size_t slices = rst_load_acquire(&arena->frontier) / RST_SLICE_SIZE; /* pairs with rst_arena_grow */
    t->stats->segments += slices / RST_SEGMENT_SLICES;
    for (size_t i = 0; i < slices;)
        i += rst_segment_begins_free(arena, i) ? RST_SEGMENT_SLICES : add_slice(t, &arena->slices[i]);
    for (size_t s = 0; s < slices / RST_SEGMENT_SLICES; s++)
        t->stats->segments_in_use += rst_load_relaxed(&rst_segment_at(arena, s)->free) != UINT32_MAX;
}

static void add_all_heap_counters(roost_stats *stats)
{
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        add_heap_counters(stats, heap);
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

static void add_calls(roost_stats *stats)
{
#define ADD_CALLS(name, ...) stats->name = rst_load_relaxed(&rst_os_calls.name);
    ROOST_CALL_TABLE(ADD_CALLS)
}

/* Ask the system. */
static void add_system(roost_stats *stats)
{
    stats->resident = rst_os_resident();
    stats->resident_peak = rst_max(rst_os_peak_resident(), stats->resident);
    rst_os_faults(&stats->faults_minor, &stats->faults_major);
}

/* What follows from the rest. Other threads go on meanwhile: a figure may be of a moment ago, but none is below zero. */
static void finish_classes(const tally *t)
{
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        roost_class_stats *class = &t->classes[c];
        class->block_size = rst_classes[c].size;
        class->live = difference(class->live, class->ready);
        class->allocs = rst_raise(&allocs_told[c], class->allocs);
        class->frees = difference(class->allocs, class->live);
        class->fill = class->capacity != 0 ? rst_min(class->live * 100 / class->capacity, 100) : 0;
        t->stats->allocs += class->allocs;
        t->stats->requested += class->allocs * class->block_size;
    }
    for (size_t i = 0; i < t->heap_rows; i++) {
        t->heaps[i].live = difference(t->heaps[i].live, 0);
        t->heaps[i].live_bytes = difference(t->heaps[i].live_bytes, 0);
    }
}

static void finish(const tally *t)
{
    roost_stats *stats = t->stats;
    finish_classes(t);
    stats->undrained_blocks += difference(stats->foreign_sent_blocks, stats->foreign_received_blocks);
    stats->undrained_bytes += difference(stats->foreign_sent_bytes, stats->foreign_received_bytes);
    stats->allocated_blocks = difference(stats->allocated_blocks + stats->large_live, stats->undrained_blocks);
    stats->allocated = difference(stats->allocated + stats->large_live_bytes, stats->undrained_bytes);
    stats->allocs += stats->large_allocs;
    stats->requested += stats->large_requested;
    stats->frees = difference(stats->allocs, stats->allocated_blocks);
    stats->allocated_peak = rst_raise(&allocated_peak, stats->allocated);
}

/* Checked builds: what holds whatever other threads do. */
static void check(const tally *t)
{
    const roost_stats *s = t->stats;
    uint64_t pages = 0, allocs = s->large_allocs;
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        pages += t->classes[c].pages;
        allocs += t->classes[c].allocs;
    }
    bool sums = pages == s->pages && allocs == s->allocs;
    bool messages =
        s->foreign_received_blocks <= s->foreign_sent_blocks && s->foreign_received_bytes <= s->foreign_sent_bytes;
    if (sums && messages)
        return;
    rst_say("internal error: statistics: %s",
            sums ? "more was received than sent" : "the size classes do not make the sums");
    rst_os_abort();
}

void rst_stats_collect_all(roost_stats *stats, roost_class_stats *classes, roost_heap_stats *heaps, size_t heap_rows)
{
    const tally t = {stats, classes, heaps, heap_rows};
    *stats = (roost_stats){.size = sizeof *stats, .version = ROOST_STATS_VERSION};
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
        classes[c] = (roost_class_stats){.block_size = 0};
    for (size_t i = 0; i < heap_rows; i++)
        heaps[i] = (roost_heap_stats){.number = i};
    for (unsigned i = 0; i < rst_arena_count(); i++)
        add_arena(&t, &rst_arenas[i]);
    add_lists(&t);
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        add_heap(&t, heap);
    add_counters(stats);
    add_calls(stats);
    finish(&t);
    if (RST_CHECKED)
        check(&t);
    add_system(stats);
}

void rst_stats_collect(roost_stats *stats)
{
    roost_class_stats classes[RST_CLASS_COUNT];
    rst_stats_collect_all(stats, classes, NULL, 0);
}

size_t rst_stats_heap_count(void)
{
    return rst_load_relaxed(&rst_process.heaps);
}

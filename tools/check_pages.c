/* Invariants of pages, slices and figures. SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

enum { LOOKS = 20 };

/* --- chains ---------------------------------------------------------------------------------------------------------- */

bool chain_open(struct chain *chain, const struct image *image, const struct image_run *page)
{
    const struct layout *l = image->layout;
    *chain = (struct chain){.image = image, .page = page};
    chain->seen = calloc(l->classes[page->size_class].capacity / 64 + 1, sizeof *chain->seen);
    return window_open(&chain->window, image->target, page->arena->base + (uint64_t)page->index * l->const_slice_size,
                       (uint64_t)page->span * l->const_slice_size) &&
           chain->seen != NULL;
}

void chain_close(struct chain *chain)
{
    window_close(&chain->window);
    free(chain->seen);
}

uint32_t chain_index(const struct chain *chain, uint64_t block)
{
    uint64_t offset = block - chain->window.start;
    uint64_t size = chain->image->layout->classes[chain->page->size_class].size;
    if (offset % size != 0 || offset / size >= chain->page->carved)
        return UINT32_MAX;
    return (uint32_t)(offset / size);
}

enum chain_end chain_follow(struct chain *chain, uint64_t head, uint32_t most, uint32_t *count)
{
    uint64_t block = head;
    *count = 0;
    while (block != 0 && *count < most) {
        uint32_t i = chain_index(chain, block);
        chain->bad = block;
        if (i == UINT32_MAX)
            return CHAIN_OUT;
        if ((chain->seen[i / 64] >> i % 64 & 1) != 0)
            return CHAIN_AGAIN;
        chain->seen[i / 64] |= (uint64_t)1 << i % 64;
        chain->last = block;
        ++*count;
        if (!window_word(&chain->window, block, &block))
            return CHAIN_UNREADABLE;
    }
    return CHAIN_ENDED;
}

/* Blocks that begin in an OS page which was given back, and so are in no list. */
static bool follow_hole(struct chain *chain, size_t from, size_t to, uint32_t *count)
{
    uint64_t size = chain->image->layout->classes[chain->page->size_class].size;
    for (uint64_t i = (from + size - 1) / size; i * size < to && i < chain->page->carved; i++) {
        if ((chain->seen[i / 64] >> i % 64 & 1) != 0) {
            chain->bad = chain->window.start + i * size;
            return false;
        }
        chain->seen[i / 64] |= (uint64_t)1 << i % 64;
        ++*count;
    }
    return true;
}

enum chain_end chain_holes(struct chain *chain, uint32_t *count)
{
    const struct layout *l = chain->image->layout;
    size_t os_page = (size_t)sysconf(_SC_PAGESIZE);
    *count = 0;
    for (size_t i = 0; i < chain->page->span; i++) {
        uint64_t mask = layout_get(chain->page->slice + i * l->sizeof_slice, l->slice_holes) & UINT16_MAX;
        for (size_t at = i * l->const_slice_size; mask != 0; mask >>= 1, at += os_page) {
            if ((mask & 1) != 0 && !follow_hole(chain, at, at + os_page, count))
                return CHAIN_AGAIN;
        }
    }
    return *count == chain->page->in_holes ? CHAIN_ENDED : CHAIN_OUT;
}

/* --- pages ----------------------------------------------------------------------------------------------------------- */

static const char *const free_problems[] = {
    [CHAIN_OUT] = "its free list leads to %llx, which is no block of it (written after free?)",
    [CHAIN_AGAIN] = "the block at %llx is free twice (freed twice?)",
    [CHAIN_UNREADABLE] = "its free list cannot be read at %llx",
};
static const char *const list_problems[] = {
    [CHAIN_OUT] = "blocks to hand out are chained to %llx, which is no block of it (written after free?)",
    [CHAIN_AGAIN] = "the block at %llx is free twice, and is handed out next (freed twice?)",
    [CHAIN_UNREADABLE] = "blocks to hand out cannot be read at %llx",
};

static const char *const hole_problems[] = {
    [CHAIN_OUT] = "%llu of its blocks lie in memory that was given back, and it counts another number",
    [CHAIN_AGAIN] = "the block at %llx is free twice (freed twice?)",
};

/* Told of the page's memory. */
static void add_finding(struct round *round, const struct image_run *run, struct finding finding)
{
    const struct layout *l = round->image->layout;
    finding.address = run->arena->base + (uint64_t)run->index * l->const_slice_size;
    if (run->kind == IMAGE_PAGE)
        finding.block_size = l->classes[run->size_class].size;
    if (finding.what == free_problems[CHAIN_UNREADABLE] || finding.what == list_problems[CHAIN_UNREADABLE])
        round_unreadable(round, finding);
    else
        round_add(round, finding);
}

static void page_finding(struct round *round, const struct image_run *run, const char *what, uint64_t evidence,
                         uint64_t by)
{
    add_finding(round, run, (struct finding){.what = what, .evidence = evidence, .by = by});
}

static int address_order(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* Blocks of the page that travel home are not free at the same time. */
static void check_travelling(struct round *round, const struct image_run *run, const struct chain *chain)
{
    uint64_t size = round->image->layout->classes[run->size_class].size;
    for (uint32_t i = 0; i < run->carved && round->travelling_count != 0; i++) {
        uint64_t block = chain->window.start + i * size;
        if ((chain->seen[i / 64] >> i % 64 & 1) != 0 &&
            bsearch(&block, round->travelling, round->travelling_count, sizeof block, address_order) != NULL)
            page_finding(round, run, "the block at %llx is free, and on its way home (freed twice?)", block,
                         run->owner);
    }
}

/* Free blocks and those that are out make up what was carved. */
static void check_counts(struct round *round, const struct image_run *run, uint32_t free_count)
{
    const struct layout *l = round->image->layout;
    int64_t missing =
        (int64_t)run->carved - (int64_t)free_count - (int64_t)run->out - (int64_t)run->kept - (int64_t)run->in_holes;
    if (missing > 0)
        page_finding(round, run, "%llu of its blocks are lost: neither free nor in use", (uint64_t)missing, run->owner);
    else if (missing < 0)
        page_finding(round, run, "%llu more of its blocks are free and in use than it has", (uint64_t)-missing,
                     run->owner);
    if (run->state == l->const_page_full && run->carved != l->classes[run->size_class].capacity)
        page_finding(round, run, "it is full with only %llu blocks made", run->carved, run->owner);
}

/* Free list, and for the active page of a class the blocks that are handed out next. */
static void check_blocks(struct round *round, const struct image_run *run)
{
    const struct image *image = round->image;
    const struct layout *l = image->layout;
    const struct image_heap *heap = image_heap_at(image, run->owner);
    struct chain chain;
    uint32_t free_count = 0, ready = 0, in_holes = 0;
    if (!chain_open(&chain, image, run)) {
        round->out_of_memory = true;
        return;
    }
    enum chain_end end = chain_follow(&chain, layout_get(run->slice, l->slice_free), UINT32_MAX, &free_count);
    if (end != CHAIN_ENDED)
        add_finding(round, run, chain_finding(&chain, free_problems[end], BY_NOBODY));
    else
        check_counts(round, run, free_count);
    uint64_t slice = run->arena->slices_at + (uint64_t)run->index * l->sizeof_slice;
    if (end == CHAIN_ENDED && heap != NULL && layout_get_word(heap->bytes, l->heap_active, run->size_class) == slice) {
        uint64_t list = layout_get_word(heap->bytes, l->heap_list, run->size_class);
        end = chain_follow(&chain, list, UINT32_MAX, &ready);
        if (end != CHAIN_ENDED)
            add_finding(round, run, chain_finding(&chain, list_problems[end], BY_NOBODY));
        else if (ready > run->out)
            page_finding(round, run, "there are %llu more blocks to hand out than it counts", ready - run->out,
                         run->owner);
    }
    if (end == CHAIN_ENDED && run->in_holes != 0) {
        end = chain_holes(&chain, &in_holes);
        if (end != CHAIN_ENDED)
            page_finding(round, run, hole_problems[end], end == CHAIN_AGAIN ? chain.bad : in_holes, BY_NOBODY);
    }
    if (end == CHAIN_ENDED)
        check_travelling(round, run, &chain);
    round->blocks += free_count + ready + in_holes;
    chain_close(&chain);
}

/* The blocks of a page are read a while after its descriptor, and in a live process they may have been handed out by then. So what was found
 * holds when the descriptor is still the same; else it is looked at again. Of a page that never stands still the last look is taken. */
static void check_blocks_settled(struct round *round, const struct image_run *run)
{
    struct image_run now = *run;
    size_t found = round->count;
    uint64_t blocks = round->blocks;
    for (int looks = 1; now.kind == IMAGE_PAGE && now.state != round->image->layout->const_page_taken && !now.held;
         looks++) {
        round->count = found;
        round->blocks = blocks;
        check_blocks(round, &now);
        if (round->count == found || looks == LOOKS || !image_page_changed(round->image, &now))
            return;
        image_run_at(round->image, run->arena, run->index, &now);
    }
    round->count = found; /* it has gone, or is another's at present */
}

static void check_page(struct round *round, const struct image_run *run)
{
    const struct layout *l = round->image->layout;
    round->pages++;
    if (image_heap_at(round->image, run->owner) == NULL) {
        page_finding(round, run, "its owner is the heap at %llx, which there is not", run->owner,
                     run->owner == 0 ? BY_ANYBODY : BY_NOBODY);
        return;
    }
    if (run->carved > l->classes[run->size_class].capacity) {
        page_finding(round, run, "%llu blocks of it were made, more than it has room for", run->carved, BY_NOBODY);
        return;
    }
    for (size_t i = 1; i < run->span; i++) {
        const char *slice = run->slice + i * l->sizeof_slice;
        if (layout_get(slice, l->slice_kind) != l->const_kind_interior || layout_get(slice, l->slice_span) != i)
            page_finding(round, run, "its slice %llu does not lead back to it", i, BY_ANYBODY);
    }
    if (run->state != l->const_page_taken &&
        !run->held) /* of the first the memory was given back, of the second the list is being changed */
        check_blocks_settled(round, run);
}

/* --- slices ---------------------------------------------------------------------------------------------------------- */

/* No slice of a page or large block is free. */
static void check_bits(struct round *round, const struct image_run *run)
{
    const struct layout *l = round->image->layout;
    for (size_t i = run->index; i < run->index + run->span; i++) {
        const char *segment = image_segment(round->image, run->arena, i / l->const_segment_slices);
        if ((layout_get(segment, l->segment_free) >> i % l->const_segment_slices & 1) == 0)
            continue;
        page_finding(round, run, "its slice %llu is in use, and marked as free", i - run->index, BY_NOBODY);
        return;
    }
}

static void check_strange(struct round *round, const struct image_run *run)
{
    const struct layout *l = round->image->layout;
    uint64_t kind = layout_get(run->slice, l->slice_kind);
    if (kind == l->const_kind_page || kind == l->const_kind_large)
        page_finding(round, run, "its descriptor makes no sense: class %llu, or its size",
                     layout_get(run->slice, l->slice_size_class), BY_NOBODY);
    else
        page_finding(round, run, "its descriptor is of kind %llu, and of no page", kind, BY_ANYBODY);
}

static void check_large(struct round *round, const struct image_run *run)
{
    uint64_t room = (uint64_t)run->span * round->image->layout->const_slice_size;
    if (run->large_size == 0 || run->large_size > room)
        page_finding(round, run, "a large block says it has %llu bytes, and lies in other slices", run->large_size,
                     BY_ANYBODY);
}

/* A figure of the process is what was counted. */
static void check_figure(struct round *round, const char *name, uint64_t expected, const char *what)
{
    const struct layout *l = round->image->layout;
    for (size_t f = 0; f < l->process_figure_count; f++) {
        uint64_t value;
        memcpy(&value, round->image->process + l->process_figures[f].offset, sizeof value);
        if (strcmp(l->process_figures[f].name, name) == 0 && value != expected)
            round_add(round, (struct finding){.address = l->process + l->process_figures[f].offset,
                                              .what = what,
                                              .evidence = value - expected,
                                              .by = BY_ANYBODY});
    }
}

void check_pages(struct round *round)
{
    const struct image *image = round->image;
    uint64_t used = 0;
    if (round->travelling_count != 0)
        qsort(round->travelling, round->travelling_count, sizeof *round->travelling, address_order);
    for (size_t i = 1; i < round->travelling_count; i++) {
        if (round->travelling[i] == round->travelling[i - 1])
            round_add(round, (struct finding){.address = round->travelling[i],
                                              .what = "the block at %llx is on its way home twice (freed twice?)",
                                              .evidence = round->travelling[i],
                                              .by = BY_ANYBODY});
    }
    for (size_t a = 0; a < image->arena_count; a++) {
        struct image_run run;
        for (size_t i = 0; i < image->arenas[a].slice_count; i += run.span) {
            image_run_at(image, &image->arenas[a], i, &run);
            if (run.kind == IMAGE_PAGE)
                check_page(round, &run);
            else if (run.kind == IMAGE_LARGE)
                check_large(round, &run);
            else if (run.kind == IMAGE_STRANGE)
                check_strange(round, &run);
            if (run.kind == IMAGE_PAGE || run.kind == IMAGE_LARGE)
                check_bits(round, &run);
            used += run.kind != IMAGE_FREE ? run.span : 0;
            round->unclaimed += run.kind == IMAGE_CLAIMED;
        }
    }
    check_figure(round, "in_use", used * image->layout->const_slice_size,
                 "the figure in_use differs by %llx from what is in use");
    check_figure(round, "large_live", image->large_blocks,
                 "the figure large_live differs by %llx from the large blocks there are");
}

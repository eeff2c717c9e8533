/* Invariants of heaps: the pages in their lists, open batches, inbox, and what outsiders keep. SPDX-License-Identifier: MIT */
#include "check.h"

enum { LIST_MAX = 1 << 24 };

static void heap_finding(struct round *round, const struct image_heap *heap, const char *what, uint64_t evidence,
                         uint64_t by)
{
    round_add(round, (struct finding){.address = heap->address, .what = what, .evidence = evidence, .by = by});
}

/* The page that a descriptor's address leads to; false, and a finding, when there is none that the heap may have. */
static bool heap_page(struct round *round, const struct image_heap *heap, uint64_t slice, uint32_t size_class,
                      struct image_run *run)
{
    const struct image_arena *arena;
    size_t index;
    if (image_memory_of(round->image, slice, &arena, &index) == 0) {
        heap_finding(round, heap, "a list of its pages leads to %llx, which is none", slice, heap->address);
        return false;
    }
    image_run_at(round->image, arena, index, run);
    if (run->kind != IMAGE_PAGE || run->owner != heap->address) {
        heap_finding(round, heap, "a list of its pages has one that is not its own, with the descriptor at %llx", slice,
                     heap->address);
        return false;
    }
    if (size_class != UINT32_MAX && run->size_class != size_class) {
        heap_finding(round, heap, "a page is in the list of another class, with the descriptor at %llx", slice,
                     heap->address);
        return false;
    }
    return true;
}

static void check_active(struct round *round, const struct image_heap *heap, uint32_t c)
{
    const struct layout *l = round->image->layout;
    uint64_t page = layout_get_word(heap->bytes, l->heap_active, c);
    struct image_run run;
    if (page == 0) {
        uint64_t list = layout_get_word(heap->bytes, l->heap_list, c);
        if (list != 0)
            heap_finding(round, heap, "there are blocks to hand out, from %llx on, and no page for them", list,
                         heap->address);
        return;
    }
    if (heap_page(round, heap, page, c, &run) && run.state != l->const_page_active)
        heap_finding(round, heap, "the page it takes blocks from is not active, with the descriptor at %llx", page,
                     heap->address);
}

/* A doubly linked list of available pages. */
static void check_available(struct round *round, const struct image_heap *heap, uint32_t c)
{
    const struct layout *l = round->image->layout;
    uint64_t before = 0, page = layout_get_word(heap->bytes, l->heap_available, c);
    struct image_run run;
    for (uint64_t steps = 0; page != 0 && heap_page(round, heap, page, c, &run); steps++) {
        if (run.state != l->const_page_available && run.state != l->const_page_taken)
            heap_finding(round, heap, "a page in a list of available ones is not, with the descriptor at %llx", page,
                         heap->address);
        if (layout_get(run.slice, l->slice_prev) != before || steps >= round->image->heap_count + heap->pages) {
            heap_finding(round, heap, "a list of its pages is broken at the descriptor at %llx", page, heap->address);
            return;
        }
        before = page;
        page = layout_get(run.slice, l->slice_next);
    }
}

static void check_spares(struct round *round, const struct image_heap *heap)
{
    const struct layout *l = round->image->layout;
    uint64_t expected = layout_get(heap->bytes, l->heap_spares), count = 0;
    uint64_t page = layout_get(heap->bytes, l->heap_spare);
    struct image_run run;
    for (; page != 0 && count <= expected && heap_page(round, heap, page, UINT32_MAX, &run); count++)
        page = layout_get(run.slice, l->slice_next);
    if (count != expected)
        heap_finding(round, heap, "it has another number of spare pages than the %llu it says", expected,
                     heap->address);
}

/* --- blocks on their way --------------------------------------------------------------------------------------------------- */

static const char *const chain_problems[] = {
    [CHAIN_OUT] = "blocks on their way home are chained to %llx, which is no block of their page (written after free?)",
    [CHAIN_AGAIN] = "the block at %llx is on its way home twice (freed twice?)",
    [CHAIN_UNREADABLE] = "blocks on their way home cannot be read, at %llx",
};

/* A chain of `count` blocks from head to tail; each is travelling. */
static void check_chain(struct round *round, const struct image_heap *heap, const struct image_run *run, uint64_t head,
                        uint64_t tail, uint32_t count, uint64_t by)
{
    struct chain chain;
    uint32_t found;
    if (!chain_open(&chain, round->image, run)) {
        round->out_of_memory = true;
        return;
    }
    enum chain_end end = chain_follow(&chain, head, count, &found);
    for (uint32_t i = 0; i < round->image->layout->classes[run->size_class].capacity && found != 0; i++) {
        if ((chain.seen[i / 64] >> i % 64 & 1) != 0)
            round_travelling(round,
                             chain.window.start + (uint64_t)i * round->image->layout->classes[run->size_class].size);
    }
    if (end == CHAIN_UNREADABLE) {
        round_unreadable(
            round, (struct finding){.address = heap->address, .what = chain_problems[end], .evidence = chain.bad});
    } else if (end != CHAIN_ENDED) {
        struct finding finding = chain_finding(&chain, chain_problems[end], by);
        finding.address = heap->address;
        round_add(round, finding);
    } else if (found != count || chain.last != tail)
        heap_finding(round, heap, "a batch of blocks on their way home is not as long as it says, from %llx on", head,
                     by);
    round->blocks += found;
    chain_close(&chain);
}

static void check_batches(struct round *round, const struct image_heap *heap)
{
    const struct layout *l = round->image->layout;
    for (uint32_t i = 0; i < l->const_batch_count; i++) {
        const char *batch = heap->bytes + l->heap_batch.value + (size_t)i * l->sizeof_batch;
        uint64_t page = layout_get(batch, l->batch_page);
        const struct image_arena *arena;
        size_t index;
        struct image_run run;
        if (page == 0)
            continue;
        if (image_memory_of(round->image, page, &arena, &index) != 0) {
            image_run_at(round->image, arena, index, &run);
            if (run.kind == IMAGE_PAGE && run.owner != heap->address) {
                check_chain(round, heap, &run, layout_get(batch, l->batch_head), layout_get(batch, l->batch_tail),
                            (uint32_t)layout_get(batch, l->batch_count), heap->address);
                continue;
            }
        }
        heap_finding(round, heap, "an open batch is of no other heap's page, with the descriptor at %llx", page,
                     heap->address);
    }
}

static void check_inbox(struct round *round, const struct image_heap *heap)
{
    const struct layout *l = round->image->layout;
    uint64_t message = layout_get(heap->bytes, l->heap_inbox) & (((uint64_t)1 << l->const_inbox_shift) - 1);
    char copy[4096]; /* layout.c sees to it that a message fits */
    uint64_t steps = 0;
    for (; message != 0 && steps < LIST_MAX; steps++) {
        struct image_run run;
        bool found =
            image_run_around(round->image, message, &run) && run.kind == IMAGE_PAGE && run.owner == heap->address;
        if (found && !round->image->target->read(round->image->target, message, copy, l->sizeof_message)) {
            round_unreadable(round, (struct finding){.address = heap->address,
                                                     .what = chain_problems[CHAIN_UNREADABLE],
                                                     .evidence = message});
            return;
        }
        if (!found) {
            heap_finding(round, heap, "a message in its inbox, at %llx, lies in no page of its own", message,
                         BY_NOBODY);
            return;
        }
        uint64_t memory = run.arena->base + (uint64_t)run.index * l->const_slice_size;
        check_chain(round, heap, &run, memory + layout_get(copy, l->message_head) * l->const_grain, message,
                    (uint32_t)layout_get(copy, l->message_count), BY_NOBODY);
        message = layout_get(copy, l->message_next);
    }
    if (steps == LIST_MAX)
        heap_finding(round, heap, "its inbox has no end, at %llx", message, BY_NOBODY);
}

void check_heaps(struct round *round)
{
    const struct image *image = round->image;
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        for (uint32_t c = 0; c < image->layout->class_count; c++) {
            check_active(round, heap, c);
            check_available(round, heap, c);
        }
        check_spares(round, heap);
        check_batches(round, heap);
        check_inbox(round, heap);
    }
}

/* The layout of the heaps in a target, as its descriptor (roost/live.h) tells it. All of it has been checked: members lie in their
 * structures, sizes are sane, so that a reader may index by them. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_LAYOUT_H
#define ROOST_TOOLS_LAYOUT_H

#include "target.h"

#include <roost/live.h>
#include <string.h>

/* S(type), M(type, member), W(type, member): one of 1, 2, 4 or 8 bytes, C(constant): what this reader cannot do without. */
/* clang-format off */
#define LAYOUT_TABLE(S, M, W, C) \
    S(arena) S(group) S(segment) S(slice) S(heap) S(batch) S(message) S(process_counters) S(heap_counters) S(os_call_counters) \
    W(arena, base) W(arena, size) W(arena, slices) W(arena, groups) W(arena, reservation_size) W(arena, frontier) \
    M(group, may_run) W(group, may_warm) M(group, segment) \
    W(segment, free) W(segment, dirty) W(segment, aged) W(segment, visited) \
    W(slice, owner) W(slice, free) W(slice, left) W(slice, state) W(slice, carved) W(slice, size_class) W(slice, kind) \
    W(slice, foreign_count) W(slice, span) W(slice, foreign_head) W(slice, foreign_tail) W(slice, large_size) \
    W(slice, returned_next) W(slice, holes) W(slice, next) W(slice, prev) \
    M(heap, list) M(heap, handed) W(heap, number) W(heap, flushed_ms) M(heap, active) M(heap, available) W(heap, spare) W(heap, spare_medium) W(heap, spares) W(heap, busy) \
    W(heap, thread_id) W(heap, next_heap) M(heap, counters) M(heap, batch) W(heap, inbox) W(heap, state) W(heap, token) \
    W(heap, outside_pages) W(heap, foreign) W(heap, returned) M(heap, outside) \
    W(batch, page) W(batch, head) W(batch, tail) W(batch, count) \
    W(message, next) W(message, head) W(message, count) \
    C(arena_max) C(slice_size) C(segment_slices) C(group_segments) C(run_levels) C(grain) C(batch_count) C(inbox_shift) \
    C(page_state_mask) C(page_no_end) C(page_active) C(page_full) C(page_available) C(page_taken) C(page_held) \
    C(kind_none) C(kind_page) C(kind_interior) C(kind_large) C(heap_attached) C(heap_idle) C(heap_lost)
/* clang-format on */

#define LAYOUT_SIZEOF(type) uint32_t sizeof_##type;
#define LAYOUT_MEMBER(type, member) roost_live_fact type##_##member;
#define LAYOUT_CONSTANT(name) uint32_t const_##name;

/* A figure: where it is in its structure, and what it is called there. */
struct layout_figure {
    char name[48];
    char unit[16];
    uint32_t offset;
};

struct layout {
    LAYOUT_TABLE(LAYOUT_SIZEOF, LAYOUT_MEMBER, LAYOUT_MEMBER, LAYOUT_CONSTANT)
    uint64_t arenas, process, newest, calls;
    uint32_t roost_version;
    uint32_t class_count;
    roost_live_class *classes;
    struct layout_figure *process_figures, *heap_figures, *call_figures;
    size_t process_figure_count, heap_figure_count, call_figure_count;
    uint64_t code_start, code_end; /* where roost's code is; equal when that is not known */
    char object[256];              /* the program or library that has the descriptor */
};

#undef LAYOUT_SIZEOF
#undef LAYOUT_MEMBER
#undef LAYOUT_CONSTANT

/* Find roost in a target and read its layout. Where there are several copies of the library in one process, the one that holds most.
 * `copies` tells how many. Returns CLI_OK or an exit code, the cause in *problem. */
int layout_find(struct layout *layout, struct target *target, unsigned *copies, struct problem *problem);
void layout_free(struct layout *layout);

/* Read and check the descriptor at `address`. */
int layout_read(struct layout *layout, struct target *target, uint64_t address, struct problem *problem);

/* The member of a structure that was copied to `structure`. */
static inline uint64_t layout_get(const void *structure, roost_live_fact member)
{
    const char *at = (const char *)structure + member.value;
    uint64_t value = 0;
    switch (member.extent) {
    case 1:
        return *(const unsigned char *)at;
    case 2: {
        uint16_t half;
        memcpy(&half, at, sizeof half);
        return half;
    }
    case 4: {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        return word;
    }
    default:
        memcpy(&value, at, sizeof value);
        return value;
    }
}

/* Element `index` of a member that is an array of 8-byte words. */
static inline uint64_t layout_get_word(const void *structure, roost_live_fact member, size_t index)
{
    uint64_t value;
    memcpy(&value, (const char *)structure + member.value + index * sizeof value, sizeof value);
    return value;
}

#endif

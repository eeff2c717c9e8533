/* The descriptor: see roost/live.h. One row per fact; a member that goes or is renamed shows here when it is compiled.
 *
 * Who changes what a member means, and not its name, raises ROOST_LIVE_VERSION; the reader is in tools/.
 * Plain data, written while the library starts. SPDX-License-Identifier: MIT */
#include "stats/live.h"

#include "os/calls.h"
#include "os/note.h"
#include "roost/live.h"
#include "roost/roost.h"
#include "threadcache/inbox.h"
#include "threadcache/registry.h"

#include <string.h>

/* S(type): its size. M(type, member). C(name, value): a constant. */
#define TYPES(S) \
    S(arena) \
    S(group) S(segment) S(slice) S(heap) S(batch) S(message) S(process_counters) S(heap_counters) S(os_call_counters)

#define MEMBERS(M) \
    M(arena, base) \
    M(arena, size) \
    M(arena, slices) \
    M(arena, groups) \
    M(arena, reservation_size) \
    M(arena, frontier) \
    M(group, may_run) \
    M(group, may_warm) \
    M(group, segment) \
    M(segment, free) \
    M(segment, dirty) \
    M(segment, aged) \
    M(segment, visited) \
    M(slice, owner) \
    M(slice, free) \
    M(slice, left) \
    M(slice, state) \
    M(slice, carved) \
    M(slice, size_class) \
    M(slice, kind) \
    M(slice, arena) \
    M(slice, foreign_count) \
    M(slice, span) \
    M(slice, foreign_head) \
    M(slice, foreign_tail) \
    M(slice, holes) \
    M(slice, large_size) \
    M(slice, returned_next) \
    M(slice, next) \
    M(slice, prev) \
    M(heap, list) \
    M(heap, handed) \
    M(heap, number) \
    M(heap, flushed_ms) \
    M(heap, active) \
    M(heap, available) \
    M(heap, spare) \
    M(heap, spare_medium) \
    M(heap, spares) \
    M(heap, busy) \
    M(heap, thread_id) \
    M(heap, next_heap) \
    M(heap, counters) \
    M(heap, batch) \
    M(heap, inbox) \
    M(heap, state) \
    M(heap, token) \
    M(heap, outside_pages) \
    M(heap, foreign) \
    M(heap, returned) \
    M(heap, outside) \
    M(batch, page) \
    M(batch, head) \
    M(batch, tail) \
    M(batch, count) \
    M(message, next) \
    M(message, head) \
    M(message, count)

#define CONSTANTS(C) \
    C(arena_max, RST_ARENA_MAX) \
    C(slice_size, RST_SLICE_SIZE) \
    C(segment_slices, RST_SEGMENT_SLICES) \
    C(group_segments, RST_GROUP_SEGMENTS) \
    C(run_levels, RST_RUN_LEVELS) \
    C(grain, RST_GRAIN) \
    C(batch_count, RST_BATCH_COUNT) \
    C(inbox_shift, RST_INBOX_SHIFT) \
    C(page_state_mask, RST_PAGE_STATE_MASK) \
    C(page_no_end, RST_PAGE_NO_END) \
    C(page_active, RST_PAGE_ACTIVE) \
    C(page_full, RST_PAGE_FULL) \
    C(page_available, RST_PAGE_AVAILABLE) \
    C(page_taken, RST_PAGE_TAKEN) \
    C(page_held, RST_PAGE_HELD) \
    C(kind_none, RST_KIND_NONE) \
    C(kind_page, RST_KIND_PAGE) \
    C(kind_interior, RST_KIND_INTERIOR) \
    C(kind_large, RST_KIND_LARGE) \
    C(heap_attached, RST_HEAP_ATTACHED) \
    C(heap_idle, RST_HEAP_IDLE) \
    C(heap_lost, RST_HEAP_LOST)

#define NAME_SIZEOF(type) "sizeof." #type "\0"
#define NAME_MEMBER(type, member) #type "." #member "\0"
#define NAME_CONSTANT(name, value) "const." #name "\0"
#define NAME_PROCESS(name, kind, unit, help, note) "process." #name " " unit "\0"
#define NAME_HEAP(name, kind, unit, help, note) "counters." #name " " unit "\0"
#define NAME_CALLS(name, kind, unit, help, note) "calls." #name " " unit "\0"
#define NAMES \
    TYPES(NAME_SIZEOF) \
    MEMBERS(NAME_MEMBER) \
    CONSTANTS(NAME_CONSTANT) \
    ROOST_PROCESS_TABLE(NAME_PROCESS) ROOST_HEAP_TABLE(NAME_HEAP) ROOST_CALL_TABLE(NAME_CALLS)

#define FACT_SIZEOF(type) {sizeof(rst_##type), 0},
#define FACT_MEMBER(type, member) {offsetof(rst_##type, member), sizeof(((rst_##type *)NULL)->member)},
#define FACT_CONSTANT(name, value) {(value), 0},
#define FACT_PROCESS(name, kind, unit, help, note) {offsetof(rst_process_counters, name), sizeof(rst_process.name)},
#define FACT_HEAP(name, kind, unit, help, note) {offsetof(rst_heap_counters, name), sizeof(rst_process.reserved)},

#define FACT_CALLS(name, kind, unit, help, note) {offsetof(rst_os_call_counters, name), sizeof(rst_os_calls.name)},

#define ONE_TYPE(type) +1
#define ONE_MEMBER(type, member) +1
#define ONE_CONSTANT(name, value) +1
#define ONE_FIGURE(name, kind, unit, help, note) +1
enum {
    FACTS = TYPES(ONE_TYPE) MEMBERS(ONE_MEMBER) CONSTANTS(ONE_CONSTANT) ROOST_PROCESS_TABLE(ONE_FIGURE)
        ROOST_HEAP_TABLE(ONE_FIGURE) ROOST_CALL_TABLE(ONE_FIGURE)
};

typedef struct live {
    roost_live_head head;
    roost_live_class classes[RST_CLASS_COUNT];
    roost_live_fact facts[FACTS];
    char names[sizeof(NAMES) - 1];
} live;

/* Not const: a core file has what is writable, and not what can be had from the program's file. */
live rst_live = {
    .head =
        {
            .magic = ROOST_LIVE_MAGIC,
            .version = ROOST_LIVE_VERSION,
            .size = sizeof(live),
            .roost_version = ROOST_VERSION,
            .classes_at = offsetof(live, classes),
            .class_count = RST_CLASS_COUNT,
            .facts_at = offsetof(live, facts),
            .fact_count = FACTS,
            .names_at = offsetof(live, names),
            .names_size = sizeof(NAMES) - 1,
        },
    .facts = {TYPES(FACT_SIZEOF) MEMBERS(FACT_MEMBER) CONSTANTS(FACT_CONSTANT) ROOST_PROCESS_TABLE(FACT_PROCESS)
                  ROOST_HEAP_TABLE(FACT_HEAP) ROOST_CALL_TABLE(FACT_CALLS)},
    .names = NAMES,
};

RST_EXPORT extern live roost_live __attribute__((alias("rst_live")));
RST_OS_NOTE("roost", 1, rst_live);
static_assert(ROOST_LIVE_NOTE_TYPE == 1 && sizeof(ROOST_LIVE_NOTE_NAME) == 6, "as in the note");

void rst_live_publish(void)
{
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        const rst_class_info *info = &rst_classes[c];
        rst_live.classes[c] = (roost_live_class){
            .size = info->size, .capacity = info->capacity, .span = info->span, .reserve = info->reserve};
    }
    rst_live.head.arenas = (uintptr_t)rst_arenas;
    rst_live.head.process = (uintptr_t)&rst_process;
    rst_live.head.calls = (uintptr_t)&rst_os_calls;
    rst_live.head.newest = (uintptr_t)rst_registry_newest();
    /* For who reads memory in the order in which it was written; another program looks again later. */
    rst_store_release((_Atomic uint32_t *)&rst_live.head.ready, 1u);
}

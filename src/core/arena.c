/* Arenas: see arena.h. SPDX-License-Identifier: MIT */
#include "core/arena.h"

#include "core/counters.h"
#include "core/options.h"
#include "os/fmt.h"
#include "os/os.h"

enum { GROW_SHARE = 8 }; /* the frontier grows by this part of what there is */
#define GROW_MAX (64 * RST_MIB)
#define ARENA_MIN RST_SEGMENT_SIZE

_Atomic size_t rst_main_frontier;
RST_BEHIND rst_arena rst_arenas[RST_ARENA_MAX]; /* but the first */
static _Atomic unsigned arena_count;
static rst_lock add_lock;

unsigned rst_arena_count(void)
{
    return rst_load_acquire(&arena_count); /* pairs with the release in rst_arena_add */
}

/* --- reserving ----------------------------------------------------------------------------------------------------- */

static size_t groups_bytes(size_t size)
{
    size_t segments = size / RST_SEGMENT_SIZE;
    return (segments + RST_GROUP_SEGMENTS - 1) / RST_GROUP_SEGMENTS * sizeof(rst_group);
}

static size_t metadata_bytes(size_t size)
{
    size_t page = rst_os_page_size();
    return rst_align_up(groups_bytes(size), page) + rst_align_up(size / RST_SLICE_SIZE * sizeof(rst_slice), page);
}

static bool wants_pinned(const rst_arena *arena)
{
    return arena == &rst_arenas[0] && rst_option_get(explicit_huge) != 0;
}

/* A power of two, as all such pages are. */
static size_t pinned_page(void)
{
    size_t page = RST_SEGMENT_SIZE;
    while (page <= rst_option_get(explicit_huge_page) / 2)
        page *= 2;
    return page;
}

/* Put explicit huge pages under the beginning of a new arena. False: its reservation was lost by that. */
static bool arena_pin(rst_arena *arena)
{
    size_t page = pinned_page();
    size_t wanted = rst_min(rst_align_up(rst_option_get(explicit_huge), page), rst_align_down(arena->size, page));
    const char *why = "";
    size_t got = rst_os_pin(arena->base, wanted, page, arena->reservation_size, &why);
    if (got == SIZE_MAX)
        return false;
    arena->pinned = got;
    rst_process_add(pinned, got);
    if (got < rst_option_get(explicit_huge))
        rst_say("explicit_huge: %zu of %zu MiB are had in pages of %zu MiB: %s", got / RST_MIB,
                (size_t)(rst_option_get(explicit_huge) / RST_MIB), page / RST_MIB, why);
    return true;
}

static bool arena_reserve(rst_arena *arena, size_t size)
{
    size_t metadata = metadata_bytes(size);
    bool pin = wants_pinned(arena);
    char *p = rst_os_reserve(size + metadata, pin ? pinned_page() : RST_SEGMENT_SIZE);
    if (p == NULL)
        return false;
    if ((uintptr_t)p + size > RST_ADDRESS_END) { /* no block may lie where a message has no bits for its address */
        rst_os_release(p, size + metadata);
        return false;
    }
    *arena = (rst_arena){.size = size, .reservation = p, .reservation_size = size + metadata};
    /* The tables lie behind the memory, so that nothing is lost to its alignment: where address space is limited small arenas are many. */
    arena->base = p;
    arena->groups = (rst_group *)(p + size);
    arena->slices = (rst_slice *)(p + size + rst_align_up(groups_bytes(size), rst_os_page_size()));
    rst_os_huge(arena->base, size, false); /* until huge.h asks, whatever the system does by itself */
    return !pin || arena_pin(arena);
}

/* How large an arena to try first. */
static size_t arena_size_wanted(size_t bytes, bool first)
{
    size_t left = rst_os_address_space_left();
    size_t want = rst_option_get(arena_size);
    if (first && want == rst_option_default(arena_size))
        want = rst_max(want, rst_min(rst_os_physical_memory() * 4, RST_TIB * 64));
    else if (first)
        want = rst_max(want, bytes);
    else
        want = rst_max(want / 4, bytes);
    if (left != SIZE_MAX) /* the program's own mappings and stacks need address space too */
        want = rst_min(want, rst_max(left / 4, rst_min(bytes, left)));
    return rst_align_up(rst_max(want, rst_max(bytes, ARENA_MIN)), RST_SEGMENT_SIZE);
}

static bool arena_add_locked(unsigned index, size_t bytes)
{
    rst_arena *arena = &rst_arenas[index];
    size_t least = rst_align_up(rst_max(bytes, ARENA_MIN), RST_SEGMENT_SIZE);
    size_t size = arena_size_wanted(bytes, index == 0);
    while (!arena_reserve(arena, size)) {
        if (size == least)
            return false;
        size = rst_max(rst_align_down(size / 2, RST_SEGMENT_SIZE), least);
    }
    rst_process_add(reserved, arena->reservation_size);
    rst_process_add(arenas, 1);
    return true;
}

bool rst_arena_add(size_t bytes, unsigned seen)
{
    if (bytes > RST_SIZE_MAX - RST_SEGMENT_SIZE)
        return false;
    rst_lock_acquire(&add_lock);
    unsigned count = rst_load_relaxed(&arena_count);
    bool added = count != seen;
    if (!added && count < RST_ARENA_MAX && arena_add_locked(count, bytes)) {
        rst_store_release(&arena_count, count + 1); /* pairs with rst_arena_count */
        added = true;
    }
    rst_lock_release(&add_lock);
    return added;
}

/* --- growing ------------------------------------------------------------------------------------------------------- */

/* Commit the array at `start` up to `needed` bytes; *have is how much is committed. */
static bool commit_array(void *start, size_t *have, size_t needed)
{
    needed = rst_align_up(needed, rst_os_page_size());
    if (needed <= *have)
        return true;
    if (!rst_os_commit((char *)start + *have, needed - *have))
        return false;
    rst_process_add(metadata, needed - *have);
    *have = needed;
    return true;
}

static bool commit_to(rst_arena *arena, size_t from, size_t to)
{
    if (!commit_array(arena->slices, &arena->slices_committed, to / RST_SLICE_SIZE * sizeof(rst_slice)) ||
        !commit_array(arena->groups, &arena->groups_committed, groups_bytes(to)))
        return false;
    size_t at = rst_max(from, arena->pinned); /* which is usable already */
    if (at < to && !rst_os_commit(arena->base + at, to - at))
        return false;
    rst_process_add(committed, to - from);
    return true;
}

/* Commit [from, at least needed), more when it can be had; returns the new frontier, `from` when it failed. */
static size_t commit_some(rst_arena *arena, size_t from, size_t needed)
{
    size_t step = rst_min(rst_align_down(from / GROW_SHARE, RST_SEGMENT_SIZE), GROW_MAX);
    size_t to = rst_min(rst_max(needed, from + step), arena->size);
    if (commit_to(arena, from, to))
        return to;
    return to != needed && commit_to(arena, from, needed) ? needed : from;
}

static rst_growth grow_locked(rst_arena *arena, size_t segments, size_t align, size_t seen)
{
    rst_growth growth = {.first = SIZE_MAX};
    size_t frontier = rst_load_relaxed(&arena->frontier);
    if (frontier != seen) {
        growth.moved = true;
        return growth;
    }
    size_t start = rst_align_up((uintptr_t)arena->base + frontier, align * RST_SEGMENT_SIZE) - (uintptr_t)arena->base;
    if (start > arena->size || segments > (arena->size - start) / RST_SEGMENT_SIZE)
        return growth;
    size_t to = commit_some(arena, frontier, start + segments * RST_SEGMENT_SIZE);
    if (to == frontier) {
        growth.refused = true;
        return growth;
    }
    rst_store_release(&arena->frontier, to); /* pairs with the acquire of those who search */
    if (arena == &rst_arenas[0])
        rst_store_relaxed(&rst_main_frontier, to); /* relaxed: see rst_slice_in */
    growth.from = frontier / RST_SEGMENT_SIZE;
    growth.first = start / RST_SEGMENT_SIZE;
    growth.to = to / RST_SEGMENT_SIZE;
    return growth;
}

rst_growth rst_arena_grow(rst_arena *arena, size_t segments, size_t align, size_t seen)
{
    rst_lock_acquire(&arena->lock);
    rst_growth growth = grow_locked(arena, segments, align, seen);
    rst_lock_release(&arena->lock);
    return growth;
}

/* --- the end of the library --------------------------------------------------------------------------------------- */

/* Give up what was reserved and never committed: nobody can have a pointer into it. */
static void give_up_rest(rst_arena *arena)
{
    rst_lock_acquire(&arena->lock);
    char *memory = arena->base + rst_max(rst_load_relaxed(&arena->frontier), arena->pinned);
    char *groups = (char *)arena->groups + arena->groups_committed;
    char *slices = (char *)arena->slices + arena->slices_committed;
    char *end = (char *)arena->reservation + arena->reservation_size;
    size_t given = 0;
    if (memory < (char *)arena->groups && rst_os_release_part(memory, (size_t)((char *)arena->groups - memory)))
        given += (size_t)((char *)arena->groups - memory);
    if (groups < (char *)arena->slices && rst_os_release_part(groups, (size_t)((char *)arena->slices - groups)))
        given += (size_t)((char *)arena->slices - groups);
    if (slices < end && rst_os_release_part(slices, (size_t)(end - slices)))
        given += (size_t)(end - slices);
    arena->size = rst_load_relaxed(&arena->frontier); /* it grows no more */
    rst_process_sub(reserved, given);
    rst_lock_release(&arena->lock);
}

/* What is pinned may be a mapping of its own. */
static bool release_whole(const rst_arena *arena)
{
    size_t rest = arena->reservation_size - arena->pinned;
    return (arena->pinned == 0 || rst_os_release(arena->reservation, arena->pinned)) &&
           rst_os_release((char *)arena->reservation + arena->pinned, rest);
}

void rst_arena_give_up(bool all)
{
    rst_lock_acquire(&add_lock);
    unsigned count = rst_load_relaxed(&arena_count);
    if (all) { /* nothing is found in them from here on */
        rst_store_relaxed(&rst_main_frontier, 0u);
        rst_store_release(&arena_count, 0u);
    }
    for (unsigned i = 0; i < count; i++) {
        rst_arena *arena = &rst_arenas[i];
        if (!all) {
            give_up_rest(arena);
        } else if (release_whole(arena)) {
            rst_process_sub(reserved, arena->reservation_size);
            rst_process_sub(arenas, 1);
            rst_process_sub(pinned, arena->pinned);
            rst_process_sub(committed, rst_load_relaxed(&arena->frontier));
            rst_process_sub(metadata, arena->groups_committed + arena->slices_committed);
        }
    }
    rst_lock_release(&add_lock);
}

/* --- fork and lookup ----------------------------------------------------------------------------------------------- */

void rst_arena_before_fork(void)
{
    rst_lock_acquire(&add_lock);
    for (unsigned i = 0; i < rst_load_relaxed(&arena_count); i++)
        rst_lock_acquire(&rst_arenas[i].lock);
}

void rst_arena_after_fork(bool child)
{
    for (unsigned i = 0; i < rst_load_relaxed(&arena_count); i++) {
        if (child)
            rst_lock_reset(&rst_arenas[i].lock);
        else
            rst_lock_release(&rst_arenas[i].lock);
    }
    if (child)
        rst_lock_reset(&add_lock);
    else
        rst_lock_release(&add_lock);
}

RST_INLINE rst_arena *arena_at(const void *address)
{
    unsigned count = rst_arena_count();
    for (unsigned i = 0; i < count; i++) {
        rst_arena *arena = &rst_arenas[i];
        size_t offset = (size_t)((uintptr_t)address - (uintptr_t)arena->base);
        if (offset < rst_load_acquire(&arena->frontier)) /* pairs with the release in grow_locked */
            return arena;
    }
    return NULL;
}

rst_arena *rst_arena_of(const void *address)
{
    return arena_at(address);
}

rst_slice *rst_slice_of(const void *address)
{
    rst_arena *arena = arena_at(address);
    return arena == NULL ? NULL : &arena->slices[rst_slice_index_at(arena, address)];
}

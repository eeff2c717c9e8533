/* Arenas: reserved address space, its metadata, and the frontier up to which it is committed.
 *
 * The frontier only grows, under the arena's lock; memory below it is handed out by segment.h without locks.
 * Arena 0 is the big one that the hot paths know; others are added when it is full.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_ARENA_H
#define RST_CORE_ARENA_H

#include "core/layout.h"
#include "os/sync.h"

enum { RST_RUN_LEVELS = 6 }; /* runs of 1, 2, 4 ... 32 slices */

/* A segment's slices as bit sets. A slice is claimed by clearing its bit of `free`; whoever did that owns the slice and
 * its bit of `dirty`. */
typedef struct rst_segment {
    _Atomic uint32_t free;  /* [atomic] slices that can be claimed */
    _Atomic uint32_t dirty; /* [atomic, by the slice's holder] of free slices: may not read as zero, may be resident */
    _Atomic uint32_t aged;  /* [atomic] of free dirty slices: not claimed since the last visit of the purge */
    _Atomic uint32_t visited; /* [atomic] when that was, ms; wraps */
} rst_segment;

/* 64 segments with their summary. A summary bit may be set without need; it is clear only when there is nothing. */
typedef struct rst_group {
    _Atomic uint64_t may_run[RST_RUN_LEVELS]; /* [atomic] segments with a run of 1 << level free slices */
    _Atomic uint64_t may_warm;                /* [atomic] segments with a free dirty slice */
    _Atomic uint64_t huge;                    /* [atomic] segments for which huge pages are asked */
    _Atomic uint64_t may_hollow;              /* [atomic] segments with pages to be looked at for holes; a hint */
    _Atomic uint64_t filling;                 /* [atomic] segments that big heaps are filling; a hint */
    rst_segment segment[RST_GROUP_SEGMENTS];
} rst_group;

typedef struct rst_arena {
    char *base;              /* [fixed] */
    size_t size;             /* [fixed] bytes, a multiple of the segment */
    size_t pinned;           /* [fixed] bytes of it, from the base on, in explicit huge pages: see rst_slice_pinned */
    rst_slice *slices;       /* [fixed] one descriptor per slice */
    rst_group *groups;       /* [fixed] */
    void *reservation;       /* [fixed] */
    size_t reservation_size; /* [fixed] */
    _Atomic size_t frontier; /* [under lock; read by anyone] bytes committed */
    size_t slices_committed; /* [under lock] bytes of descriptors */
    size_t groups_committed; /* [under lock] bytes of groups */
    rst_lock lock;
} rst_arena;

extern RST_HIDDEN rst_arena rst_arenas[RST_ARENA_MAX];

/* Arenas in use; published with release after the arena is whole. */
unsigned rst_arena_count(void);

/* Reserve one more arena that can hold `bytes` in one piece: arena 0 first (the size by option), later ones smaller.
 * `seen` is the count the caller knew: when another thread has added one since, that answers the call.
 * False: the system has no address space for it. */
bool rst_arena_add(size_t bytes, unsigned seen);

/* What growing did: segments [from, to) are new, none of them free yet; the caller may use [first, first + wanted). */
typedef struct rst_growth {
    size_t from, first, to;
    bool moved;   /* the frontier was not what the caller knew: nothing was done */
    bool refused; /* it would fit, but the system gives no memory */
} rst_growth;

/* Commit at least `segments` more of an arena, contiguous, the first aligned to `align` segments. `seen` is the frontier that
 * the caller searched up to. `first` is SIZE_MAX when it was not done. */
rst_growth rst_arena_grow(rst_arena *arena, size_t segments, size_t align, size_t seen);

/* Give up address space before the library is unloaded: what was never committed; with `all`, when no block is in use and no thread has a
 * heap, every arena whole. */
void rst_arena_give_up(bool all);

/* Around fork, so that the child finds the locks free. */
void rst_arena_before_fork(void);
void rst_arena_after_fork(bool child);

/* Whether a slice lies in explicit huge pages (option explicit_huge). They stay: such memory is not given back, not moved by page tables, and counts as
 * clean when it is free, although it does not read as zero. */
RST_INLINE bool rst_slice_pinned(const rst_arena *arena, size_t index)
{
    return RST_UNLIKELY(index < arena->pinned / RST_SLICE_SIZE);
}

/* The arena that an address lies in, below its frontier, or NULL. */
rst_arena *rst_arena_of(const void *address);

/* Descriptor of any address in any arena below its frontier, or NULL. */
rst_slice *rst_slice_of(const void *address);

RST_INLINE rst_group *rst_group_of_segment(rst_arena *arena, size_t segment)
{
    return &arena->groups[segment / RST_GROUP_SEGMENTS];
}

/* A segment's bit in its group's sets. */
RST_INLINE uint64_t rst_segment_bit(size_t segment)
{
    return (uint64_t)1 << segment % RST_GROUP_SEGMENTS;
}

RST_INLINE rst_segment *rst_segment_at(rst_arena *arena, size_t segment)
{
    return &rst_group_of_segment(arena, segment)->segment[segment % RST_GROUP_SEGMENTS];
}

/* Whether a segment of which nothing is in use begins at a slice: who looks at every descriptor may pass it over. */
RST_INLINE bool rst_segment_begins_free(rst_arena *arena, size_t index)
{
    return index % RST_SEGMENT_SLICES == 0 &&
           rst_load_relaxed(&rst_segment_at(arena, index / RST_SEGMENT_SLICES)->free) == UINT32_MAX;
}

/* The part of a run of slices that lies in the segment where it begins. */
typedef struct rst_piece {
    size_t segment;
    size_t count;
    uint32_t mask;
} rst_piece;

RST_INLINE rst_piece rst_first_piece(size_t index, size_t count)
{
    unsigned at = index % RST_SEGMENT_SLICES;
    size_t here = rst_min(count, RST_SEGMENT_SLICES - at);
    return (rst_piece){index / RST_SEGMENT_SLICES, here, rst_mask32(at, (unsigned)here)};
}

/* Index of a descriptor in its arena. */
RST_INLINE size_t rst_slice_index(const rst_arena *arena, const rst_slice *slice)
{
    return (size_t)(slice - arena->slices);
}

/* Index of the slice that an address in the arena lies in. */
RST_INLINE size_t rst_slice_index_at(const rst_arena *arena, const void *address)
{
    return ((uintptr_t)address - (uintptr_t)arena->base) >> RST_SLICE_SHIFT;
}

/* Where the memory of a claimed slice begins. */
RST_INLINE char *rst_slice_memory(const rst_slice *slice)
{
    const rst_arena *arena = &rst_arenas[slice->arena];
    return arena->base + (rst_slice_index(arena, slice) << RST_SLICE_SHIFT);
}

#endif

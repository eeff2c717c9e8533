/* Sparse pages: see sparse.h. SPDX-License-Identifier: MIT */
#include "threadcache/sparse.h"

#include "core/hollow.h"
#include "core/huge.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/segment.h"
#include "os/os.h"
#include "os/sync.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"

enum { PASS_MIN_MS = 10, ALL_MS = 8000, LAST_MS = 1000, LOOK_MS = 250, TICK_MS = 10, TICK_SEGMENTS = 1 };

/* One thread at a time is at it. */
static _Atomic uint32_t walking;
static struct {
    bool under_way;
    bool all;          /* this pass visits every segment */
    unsigned arena;    /* where it goes on */
    size_t group;      /* there */
    uint64_t rest;     /* segments of the group; 0: it has not begun */
    uint64_t next;     /* ms: the next pass */
    uint64_t next_all; /* ms: the next pass of all */
    uint64_t last_all; /* ms: when that was */
    uint64_t refills;  /* of all heaps, at the last pass of all */
} walk;                /* [walking] */

/* --- forks -------------------------------------------------------------------------------------------------------------------------- */

/* A page that is held, and a token that is taken, would stay so in the child of a fork, and with them a heap that nobody uses. So there is
 * one visit at a time, of pages of one segment and heap, and a fork waits for its end; the next begins after it. */
static _Atomic uint32_t visitor; /* its thread; 0: nobody */
static _Atomic uint32_t waiting; /* threads, for it to end */
static _Atomic uint32_t forking; /* threads */
static bool interrupted;         /* [visitor] the fork is by such a handler as below */

/* False: another one is at it; or a handler of a signal asks that interrupted the visit, which goes on after it, in the parent and in the child. */
static bool visit_begin(bool wait)
{
    uint32_t me = rst_os_thread_id();
    for (;;) {
        uint32_t seen = 0;
        if (rst_cas_acquire(&visitor, &seen, me)) /* pairs with visit_end */
            return true;
        if (seen == me || !wait)
            return false;
        /* seq_cst: either who ends the visit sees that we wait, or the system sees that it has ended. */
        atomic_fetch_add_explicit(&waiting, 1u, memory_order_seq_cst);
        rst_os_wait(&visitor, seen);
        rst_sub_relaxed(&waiting, 1u);
    }
}

static void visit_end(void)
{
    atomic_exchange_explicit(&visitor, 0u, memory_order_seq_cst); /* as above, and release */
    if (rst_load_seq(&waiting) != 0)
        rst_os_wake(&visitor);
}

void rst_sparse_before_fork(void)
{
    rst_add_relaxed(&forking, 1u);
    interrupted = !visit_begin(true);
}

void rst_sparse_after_fork(bool child)
{
    if (!child) {
        if (!interrupted)
            visit_end();
        rst_sub_relaxed(&forking, 1u);
        return;
    }
    if (!interrupted)
        rst_store_relaxed(&visitor, 0u);
    rst_store_relaxed(&waiting, 0u);
    rst_store_relaxed(&forking, 0u);
    walk.under_way = false;
    rst_store_relaxed(&walking, 0u);
}

/* --- a page, a segment ------------------------------------------------------------------------------------------------------------- */

typedef struct visit {
    bool young_too; /* whatever its age, and however little it is */
    bool again;     /* something is to be looked at once more */
    size_t purged;  /* bytes */
    rst_heap *heap; /* of which we have the token; NULL: of none */
    unsigned held;  /* pages of it that we hold: all go at once, which is much cheaper */
    rst_slice *page[RST_SEGMENT_SLICES];
    rst_hollowed hollowed;
} visit;

/* Give back what was found, and let the pages go. */
static void leave_heap(visit *v)
{
    rst_heap *heap = v->heap;
    if (heap == NULL)
        return;
    v->purged += rst_hollowed_purge(&v->hollowed);
    for (; v->held != 0; v->held--) {
        rst_slice *page = v->page[v->held - 1];
        if (!rst_page_let_go(page))
            rst_outside_return(heap, page);
    }
    v->heap = NULL;
    rst_token_release(heap);
    rst_outside_drain_idle(heap); /* as in rst_outside_collect */
    visit_end();
}

/* False: others are at it. */
static bool come_to_heap(rst_heap *heap, visit *v)
{
    bool makes_way = rst_load_relaxed(&forking) != 0; /* relaxed: so that a fork does not wait for long */
    if (v->heap == heap && !makes_way)
        return true;
    leave_heap(v);
    if (makes_way || !visit_begin(v->young_too))
        return false;
    if (!rst_token_try(heap)) {
        visit_end();
        return false;
    }
    v->heap = heap;
    return true;
}

static void visit_page(rst_slice *page, visit *v)
{
    uint32_t seen = rst_load_acquire(&page->state); /* pairs with rst_page_shift: the page is whole */
    uint32_t left = rst_load_relaxed(&page->left);
    rst_heap *heap = rst_load_acquire(
        &page->owner); /* pairs with rst_page_make. Of the page that `seen` was of, if that can be held */
    if ((seen & (RST_PAGE_STATE_MASK | RST_PAGE_HELD)) != RST_PAGE_AVAILABLE || left == 0 || heap == NULL)
        return;
    if ((seen & RST_PAGE_OLD) == 0 && !v->young_too) {
        rst_cas_acq_rel(&page->state, &seen, seen | RST_PAGE_OLD);
        v->again = true;
        return;
    }
    rst_slice copy;
    rst_os_snapshot(&copy, page, sizeof copy);
    if (copy.size_class >= RST_CLASS_COUNT || copy.holes.seen == rst_hollow_mark(seen, left) ||
        rst_hollow_most(&copy, left) < (v->young_too ? 1 : RST_HOLLOW_MIN))
        return;
    if (!come_to_heap(heap, v) || !rst_page_hold(page, seen)) {
        v->again = true;
        return;
    }
    v->page[v->held++] = page;
    v->purged += rst_page_hollow(page, v->young_too ? 0 : RST_HOLLOW_MIN, &v->hollowed);
}

/* At most how much could be given back inside a segment's pages. */
static size_t segment_most(const rst_slice *first, uint32_t used)
{
    size_t most = 0;
    for (; used != 0; used &= used - 1) {
        rst_slice copy;
        rst_os_snapshot(&copy, first + rst_lowest_bit32(used), sizeof copy);
        if (copy.kind == RST_KIND_PAGE && copy.size_class < RST_CLASS_COUNT &&
            rst_page_state_of(&copy) == RST_PAGE_AVAILABLE)
            most += rst_hollow_most(&copy, rst_load_relaxed(&copy.left));
    }
    return most;
}

/* Huge pages are broken only for a good part of one, as by the purge of free slices. Until then the segment is left as it is. */
static bool may_break(rst_arena *arena, size_t s, const rst_slice *first, uint32_t used, const visit *v)
{
    return v->young_too || !rst_huge_asked(arena, s) || segment_most(first, used) >= RST_HUGE_BREAK * RST_SLICE_SIZE;
}

/* Returns whether there may be more to do in it later. */
static bool visit_segment(rst_arena *arena, size_t s, visit *v)
{
    rst_slice *first = &arena->slices[s * RST_SEGMENT_SLICES];
    uint32_t used = ~rst_load_relaxed(&rst_segment_at(arena, s)->free); /* relaxed: pages are looked at one by one */
    v->again = false;
    if (used == 0 || !may_break(arena, s, first, used, v))
        return false;
    for (; used != 0; used &= used - 1)
        visit_page(first + rst_lowest_bit32(used), v);
    leave_heap(v);
    if (v->young_too && rst_huge_asked(arena, s))
        rst_segment_break(arena, s); /* for what was never used of it */
    return v->again;
}

/* --- the walk ------------------------------------------------------------------------------------------------------------------------ */

static _Atomic uint64_t next_tick; /* ms */

static size_t groups_of(rst_arena *arena)
{
    size_t segments = rst_load_acquire(&arena->frontier) / RST_SEGMENT_SIZE; /* pairs with rst_arena_grow */
    return (segments + RST_GROUP_SEGMENTS - 1) / RST_GROUP_SEGMENTS;
}

/* How much the program calls; what it frees without that is not seen. */
static uint64_t all_refills(void)
{
    uint64_t sum = 0;
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap)
        sum += rst_load_relaxed(&heap->counters.refills);
    return sum;
}

static bool any_waits(void)
{
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        for (size_t g = 0; g < groups_of(&rst_arenas[a]); g++) {
            if (rst_load_relaxed(&rst_arenas[a].groups[g].may_hollow) != 0)
                return true;
        }
    }
    return false;
}

/* Those of the group below the frontier that are to be visited. */
static uint64_t group_segments(rst_arena *arena, size_t g, bool all)
{
    if (!all)
        return rst_load_relaxed(&arena->groups[g].may_hollow);
    size_t segments = rst_load_acquire(&arena->frontier) / RST_SEGMENT_SIZE - g * RST_GROUP_SEGMENTS;
    return segments >= RST_GROUP_SEGMENTS ? UINT64_MAX : ((uint64_t)1 << segments) - 1;
}

static void visit_waiting(rst_arena *arena, size_t g, unsigned s, visit *v)
{
    const uint64_t bit = (uint64_t)1 << s;
    rst_and_relaxed(&arena->groups[g].may_hollow, ~bit); /* first: what becomes AVAILABLE from here on raises it */
    if (visit_segment(arena, g * RST_GROUP_SEGMENTS + s, v))
        rst_or_relaxed(&arena->groups[g].may_hollow, bit);
}

/* Go on with a pass. False: the budget is spent. */
static bool walk_on(unsigned segments)
{
    visit v = {.young_too = rst_purge_delay_now() == 0};
    for (; walk.arena < rst_arena_count(); walk.arena++, walk.group = 0, walk.rest = 0) {
        rst_arena *arena = &rst_arenas[walk.arena];
        for (; walk.group < groups_of(arena); walk.group++, walk.rest = 0) {
            if (walk.rest == 0)
                walk.rest = group_segments(arena, walk.group, walk.all);
            for (; walk.rest != 0; walk.rest &= walk.rest - 1) {
                if (segments-- == 0)
                    return false;
                visit_waiting(arena, walk.group, rst_lowest_bit64(walk.rest), &v);
            }
        }
    }
    return true;
}

static void begin(uint64_t now, uint32_t pause)
{
    uint64_t refills = all_refills();
    walk.all = now >= walk.next_all && refills != walk.refills;
    if (walk.all) {
        walk.last_all = now;
        walk.next_all = now + ALL_MS;
        walk.refills = refills;
    }
    walk.under_way = true;
    walk.arena = 0;
    walk.group = 0;
    walk.rest = 0;
    walk.next = now + pause;
}

/* With `walking`. */
static uint32_t step(unsigned segments)
{
    uint64_t now = rst_os_clock_ms();
    uint32_t pause = (uint32_t)rst_max(rst_purge_delay_now() / 2, PASS_MIN_MS);
    if (!walk.under_way && now >= walk.next)
        begin(now, pause);
    if (walk.under_way && !walk_on(segments))
        return 0;
    walk.under_way = false;
    if (any_waits())
        return (uint32_t)(walk.next > now ? rst_min(walk.next - now, pause) : 1);
    if (walk.refills == all_refills())
        return UINT32_MAX;
    /* All are visited once more before that. Who rests for so long is not woken by what becomes idle, so it looks in between. */
    walk.next_all = rst_min(walk.next_all, walk.last_all + LAST_MS);
    return LOOK_MS;
}

static bool walk_try(void)
{
    return rst_load_relaxed(&walking) == 0 && rst_swap_acquire(&walking, 1u) == 0; /* pairs with walk_leave */
}

static void walk_leave(void)
{
    rst_store_release(&walking, 0u);
}

uint32_t rst_sparse_step(unsigned segments)
{
    if (!walk_try())
        return PASS_MIN_MS;
    uint32_t pause = step(segments);
    walk_leave();
    return pause;
}

void rst_sparse_tick(void)
{
    if (rst_load_relaxed(&rst_keeper) != RST_KEEPER_NONE)
        return;
    uint64_t now = rst_os_clock_ms();
    uint64_t due = rst_load_relaxed(&next_tick);
    /* relaxed: only decides who does the step. */
    if (now >= due && atomic_compare_exchange_strong_explicit(&next_tick, &due, now + TICK_MS, memory_order_relaxed,
                                                              memory_order_relaxed))
        rst_sparse_step(TICK_SEGMENTS);
}

size_t rst_sparse_purge(void)
{
    visit v = {.young_too = true};
    for (unsigned a = 0; a < rst_arena_count(); a++) {
        rst_arena *arena = &rst_arenas[a];
        size_t segments = rst_load_acquire(&arena->frontier) / RST_SEGMENT_SIZE; /* pairs with rst_arena_grow */
        for (size_t s = 0; s < segments; s++)
            visit_segment(arena, s, &v);
    }
    return v.purged;
}

/* Purge: see purge.h. SPDX-License-Identifier: MIT */
#include "core/purge.h"

#include "core/counters.h"
#include "core/huge.h"
#include "core/options.h"
#include "core/regain.h"
#include "core/segment.h"
#include "os/os.h"

/* A step is taken in the midst of a program's work, so it is short; when it leaves something undone the next one comes soon. */
enum { STEPS_PER_DELAY = 4, STEP_MIN_MS = 10, STEP_SEGMENTS = 2, WINDOW_MIN_MS = 1000 };

static _Atomic uint64_t next_step;           /* ms; whoever moves it on does the step */
static _Atomic uint64_t surplus_stuck_until; /* ms */

/* Without a keeper idle memory is looked at in pieces of this size: so is it given back. */
#define SURPLUS_MIN RST_SEGMENT_SIZE

typedef struct purge_step {
    uint32_t now;      /* ms */
    uint32_t interval; /* visit segments that were not visited for so long, ms */
    unsigned budget;   /* segments of which something may still be purged */
    size_t enough;     /* and until so many bytes have been */
    unsigned patience; /* where a huge page must be broken for it, so many times that interval */
    bool young_too;
    bool warm;     /* something idle is left */
    size_t purged; /* bytes */
} purge_step;

/* Visits are half the delay apart, and what has been idle for a whole interval goes: between half the delay and all of it. */
static purge_step step_of(uint32_t delay, unsigned budget)
{
    return (purge_step){.now = (uint32_t)rst_os_clock_ms(),
                        .interval = delay / 2,
                        .budget = budget,
                        .patience = 1,
                        .enough = SIZE_MAX,
                        .young_too = delay == 0};
}

/* A huge page of which part is in use is broken late: what is taken up again of it costs up to 512 page faults, or one that copies. */
static bool is_due(const purge_step *step, rst_arena *arena, size_t index)
{
    rst_segment *segment = rst_segment_at(arena, index);
    bool breaks = rst_huge_asked(arena, index) && rst_load_relaxed(&segment->free) != UINT32_MAX;
    return step->now - rst_load_relaxed(&segment->visited) >= (breaks ? step->patience : 1) * step->interval;
}

/* From the highest segment down: memory is handed out from the lowest up. */
static void purge_group(purge_step *step, rst_arena *arena, size_t g, bool whole)
{
    rst_group *group = &arena->groups[g];
    uint64_t warm = rst_load_seq(&group->may_warm); /* seq_cst: the keeper's look after it said that it sleeps */
    while (warm != 0 && step->budget != 0) {
        unsigned s = rst_log2(warm);
        warm &= ~((uint64_t)1 << s);
        size_t index = g * RST_GROUP_SEGMENTS + s;
        if (is_due(step, arena, index) && (!whole || rst_segment_goes_whole(arena, index, step->young_too))) {
            size_t purged = rst_segment_purge(arena, index, step->now, step->young_too);
            step->purged += purged;
            step->budget -= purged != 0;
            if (step->purged >= step->enough)
                step->budget = 0;
        }
        if (!whole) /* else the next pass may purge it still */
            step->warm |= (rst_load_seq(&group->may_warm) >> s & 1) != 0 && rst_segment_idles(arena, index);
    }
}

static void purge_arenas(purge_step *step, bool whole)
{
    for (unsigned i = rst_arena_count(); i-- != 0 && step->budget != 0;) {
        rst_arena *arena = &rst_arenas[i];
        size_t segments = rst_load_acquire(&arena->frontier) / RST_SEGMENT_SIZE; /* pairs with rst_arena_grow */
        for (size_t g = (segments + RST_GROUP_SEGMENTS - 1) / RST_GROUP_SEGMENTS; g-- != 0 && step->budget != 0;)
            purge_group(step, arena, g, whole);
    }
}

/* Whole segments first: taken up again, one costs a page fault where one of which some stayed costs up to 512. */
static void purge_older(purge_step *step)
{
    purge_arenas(step, true);
    purge_arenas(step, false);
}

_Atomic uint32_t rst_keeper;

void rst_keeper_wake(void)
{
    uint32_t asleep = RST_KEEPER_ASLEEP;
    /* seq_cst: second half of the Dekker pair with the keeper, which says that it sleeps and looks for work once more. */
    if (rst_load_seq(&rst_keeper) == RST_KEEPER_ASLEEP &&
        atomic_compare_exchange_strong_explicit(&rst_keeper, &asleep, RST_KEEPER_AWAKE, memory_order_relaxed,
                                                memory_order_relaxed))
        rst_os_wake(&rst_keeper);
}

void rst_purge_press(rst_press press)
{
    uint32_t before = rst_load_relaxed(&rst_pressed);
    if (press == (rst_press)before)
        return;
    rst_store_relaxed(&rst_pressed, (uint32_t)press);
    if (before == RST_PRESS_NONE)
        rst_store_relaxed(&next_step, 0u); /* not when the delay says */
}

uint32_t rst_purge_delay_now(void)
{
    return rst_load_relaxed(&rst_pressed) != 0 ? 0 : (uint32_t)rst_option_get(purge_delay);
}

static uint32_t step_pause(uint32_t delay)
{
    return (uint32_t)rst_max(delay / STEPS_PER_DELAY, delay == 0 ? 0 : STEP_MIN_MS);
}

void rst_keeper_call(void)
{
    uint32_t seen = rst_load_relaxed(&rst_keeper);
    while (seen == RST_KEEPER_AWAKE || seen == RST_KEEPER_ASLEEP) {
        /* seq_cst: the caller's half of a Dekker pair: the keeper writes this word, then looks at what is asked of it. */
        if (!atomic_compare_exchange_weak_explicit(&rst_keeper, &seen, RST_KEEPER_CALLED, memory_order_seq_cst,
                                                   memory_order_relaxed))
            continue;
        rst_os_wake(&rst_keeper);
        return;
    }
}

void rst_keeper_listen(void)
{
    atomic_store_explicit(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE, memory_order_seq_cst); /* see rst_keeper_call */
}

/* Without a keeper: what is more than worth keeping goes back at once, since nobody may come by when it is old. */
static void purge_surplus(uint64_t now, uint32_t delay)
{
    size_t in_use = rst_load_relaxed(&rst_process.in_use);
    size_t footprint = rst_load_relaxed(&rst_process.footprint);
    rst_regain_note(in_use, footprint, now, (uint32_t)rst_max(delay, WINDOW_MIN_MS));
    size_t idle = footprint - in_use;
    size_t worth = rst_regain_worth(in_use);
    if ((ptrdiff_t)idle < 0 || idle < SURPLUS_MIN || idle - SURPLUS_MIN < worth ||
        now < rst_load_relaxed(&surplus_stuck_until))
        return;
    purge_step step = step_of(0, UINT32_MAX);
    step.enough = idle - worth;
    purge_older(&step);
    if (step.purged == 0) /* refused, or others are at it */
        rst_store_relaxed(&surplus_stuck_until, now + STEP_MIN_MS);
}

/* Without a keeper. */
static void tick_step(void)
{
    uint64_t now = rst_os_clock_ms();
    uint64_t due = rst_load_relaxed(&next_step);
    uint32_t delay = (uint32_t)rst_option_get(purge_delay);
    if (delay != 0)
        purge_surplus(now, delay);
    if (now < due)
        return;
    uint32_t least = delay == 0 ? 0 : STEP_MIN_MS;
    delay = rst_purge_delay_now();
    uint32_t pause = (uint32_t)rst_max(step_pause(delay), least);
    purge_step step = step_of(delay, delay == 0 ? UINT32_MAX : STEP_SEGMENTS);
    /* relaxed: only decides who does the step. */
    if (!atomic_compare_exchange_strong_explicit(&next_step, &due, now + pause, memory_order_relaxed,
                                                 memory_order_relaxed))
        return;
    purge_older(&step);
    if (step.budget == 0)
        rst_store_relaxed(&next_step, now + STEP_MIN_MS);
}

void rst_purge_tick(void)
{
    if (rst_load_relaxed(&rst_keeper) == RST_KEEPER_NONE || rst_option_get(purge_delay) == 0)
        tick_step();
    else
        rst_keeper_wake();
}

uint32_t rst_purge_step(unsigned segments)
{
    uint32_t delay = rst_purge_delay_now();
    purge_step step = step_of(delay, segments);
    step.patience = RST_HUGE_PATIENCE;
    purge_older(&step);
    if (step.budget == 0)
        return 0;
    return step.warm ? (uint32_t)rst_max(step_pause(delay), STEP_MIN_MS) : UINT32_MAX;
}

size_t rst_purge_all(void)
{
    purge_step step = step_of(0, UINT32_MAX);
    purge_older(&step);
    return step.purged;
}

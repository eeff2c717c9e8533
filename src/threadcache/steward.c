/* The steward: see steward.h. SPDX-License-Identifier: MIT */
#include "threadcache/steward.h"

#include "core/limits.h"
#include "core/options.h"
#include "core/purge.h"
#include "core/ready.h"
#include "os/os.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"
#include "threadcache/relief.h"
#include "threadcache/share.h"
#include "threadcache/sparse.h"

#include <errno.h>

/* A process that uses less has nothing worth a thread. */
#define WORTH_IT (8 * RST_MIB)

enum {
    STEP_SEGMENTS = 8, /* between two looks at whether to end */
    LOOK_MS = 250,     /* between two looks at the heaps */
    HEAR_MS = 50,      /* until what the system tells is heard: we can sleep where callers reach us, or where it does */
    REFUSED_PAUSE_MS = 60 * 1000 /* before a thread is asked for again */
};

/* Who wins the swap from ABSENT starts it. ENDED is for good. */
enum { ABSENT = 0, STARTING, RUNNING, ENDED };

_Atomic uint32_t rst_steward_wanted;
static _Atomic uint32_t stage;
static _Atomic uint64_t refused_until; /* ms */
static uint32_t process;               /* [STARTING] in which it runs */
static bool watches;                   /* [the steward] hears of want of memory */
static _Atomic bool forked;            /* this is a child: libc takes the parent's threads for ours */
static rst_share its_share;            /* [the steward] */

/* --- its work ------------------------------------------------------------------------------------------------------------------------ */

/* Whether a heap's thread has refilled nothing since the last look. */
static bool owner_rests(rst_heap *heap)
{
    uint64_t refills = rst_load_relaxed(&heap->counters.refills);
    bool rests = refills == heap->refills_seen;
    heap->refills_seen = refills;
    return rests;
}

/* Take out what was sent to threads that sleep, and see to what outsiders kept. True: something waits for a thread which does not seem
 * to sleep. */
static bool look_at_heaps(void)
{
    bool waits = false;
    for (rst_heap *heap = rst_registry_first(); heap != NULL; heap = heap->next_heap) {
        bool rests = owner_rests(heap);
        if (rst_load_seq(&heap->inbox) == 0 && rst_load_relaxed(&heap->outside_pages) == 0)
            continue;
        if (rests)
            rst_outside_collect(heap, true);
        waits |= rst_load_seq(&heap->inbox) != 0;
    }
    return waits;
}

static bool ends(void)
{
    return rst_load_relaxed(&stage) == ENDED; /* relaxed: it is woken after that was written */
}

/* Count what was used of the processor since the last look at it. Returns all that ever was. */
static uint64_t count_used(void)
{
    uint64_t used = rst_os_thread_cpu_us();
    rst_process_add(steward_cpu, used - its_share.used_us);
    return used;
}

/* Returns how long to rest for what was used. */
static uint32_t account(void)
{
    return rst_share_rest_ms(&its_share, count_used(), rst_os_clock_ms());
}

static size_t footprint_now(void)
{
    return (size_t)rst_load_relaxed(&rst_process.footprint);
}

/* What the program took up again of what was given back counts as ours, unless memory is short. */
static void note_regained(void)
{
    rst_process_add(steward_regained, rst_share_round(&its_share, footprint_now(), rst_os_clock_ms()));
    if (rst_load_relaxed(&rst_pressed) != 0)
        rst_share_forgive(&its_share);
}

/* Give back up to so many segments' worth of what is due. Returns as rst_purge_step. */
static uint32_t purge_some(void)
{
    size_t before = footprint_now();
    uint32_t pause = rst_purge_step(STEP_SEGMENTS);
    rst_share_returned(&its_share, before, footprint_now());
    return pause;
}

/* One round, which ends early when its share is used up; returns how long to rest, UINT32_MAX: until woken. */
static uint32_t work(void)
{
    note_regained();
    bool waits = look_at_heaps();
    uint32_t pause = 0;
    while (pause == 0 && !ends() && account() == 0)
        pause = purge_some();
    uint32_t sparse = rst_sparse_step(STEP_SEGMENTS);
    pause = rst_min(pause, sparse);
    return waits ? (uint32_t)rst_min(pause, LOOK_MS) : pause;
}

/* See to what callers ask for at once. It is work for them: not of our share. */
static void serve(void)
{
    account();
    rst_ready_serve();
    its_share.used_us = count_used();
}

/* Sleep until the system says that memory is scarce (true), or for `ms`. */
static bool sleep_ms(uint32_t ms)
{
    uint64_t now = rst_os_clock_ms(), until = now + ms;
    bool news = false;
    for (; now < until && !news; now = rst_os_clock_ms()) {
        rst_keeper_listen();
        if (rst_load_seq(&rst_ready_wanted) != 0)
            serve();
        else if (ends())
            break;
        else
            rst_os_wait_ms(&rst_keeper, RST_KEEPER_AWAKE, (uint32_t)rst_min(until - now, watches ? HEAR_MS : ms));
        news = watches && rst_os_pressure_heard();
    }
    return news;
}

/* Nap for so long, unless the system tells of want of memory, or, where `looks`, we find it. Short sleeps, since an end may not be heard of. */
static void nap(uint32_t ms, bool looks)
{
    bool pressed = rst_load_relaxed(&rst_pressed) != 0;
    while (ms != 0 && !ends()) {
        uint32_t step = (uint32_t)rst_min(ms, LOOK_MS);
        if (sleep_ms(step))
            rst_relief_event();
        else if (looks)
            rst_relief_look();
        if (pressed != (rst_load_relaxed(&rst_pressed) != 0))
            return; /* what is idle goes at another pace */
        ms -= step;
    }
}

/* Rest, without a timeout when nothing is idle. Whoever makes something idle looks at the word after that; we look for something idle
 * after writing it. What wakes us is young, so it waits for the next look: messages of a busy program do not have us run all the time.
 * While nothing is idle there is nothing to do about want of memory: it is heard of after that. */
static void rest(uint32_t pause, uint32_t least)
{
    if (pause == UINT32_MAX) {
        atomic_store_explicit(&rst_keeper, (uint32_t)RST_KEEPER_ASLEEP, memory_order_seq_cst); /* see above */
        if (!ends() && rst_load_seq(&rst_ready_wanted) == 0 && work() == UINT32_MAX)
            rst_os_wait(&rst_keeper, RST_KEEPER_ASLEEP);
        rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE); /* relaxed: only saves others a system call */
        pause = LOOK_MS;
    }
    nap(least, rst_share_has_own(&its_share)); /* else nothing is done unasked until what we used up is saved */
    nap(pause > least ? pause - least : 0, true);
}

static void run(void)
{
    its_share = rst_share_begin(rst_os_clock_ms());
    watches = rst_limits_watch();
    while (!ends()) {
        uint32_t pause = work();
        rest(pause, account());
    }
}

/* --- its life ------------------------------------------------------------------------------------------------------------------------ */

void rst_steward_consider(void)
{
    bool several =
        rst_load_relaxed(&rst_process.threads) >= 2 || (!rst_load_relaxed(&forked) && rst_os_several_threads());
    if (rst_load_relaxed(&stage) != ABSENT || !several || rst_load_relaxed(&rst_process.in_use) < WORTH_IT ||
        rst_option_get(steward) == 0)
        return;
    if (rst_os_clock_ms() >= rst_load_relaxed(&refused_until))
        rst_store_relaxed(&rst_steward_wanted, 1u); /* relaxed: a hint */
}

/* It has been told to end. In a child that was made without our hearing of it there is none to wait for. */
static void see_it_off(void)
{
    if (process != rst_os_process_id())
        return;
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
    rst_os_wake(&rst_keeper);
    rst_os_thread_join(RST_THREAD_STEWARD);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE); /* it may have written last */
}

void rst_steward_start(void)
{
    uint32_t seen = ABSENT;
    rst_store_relaxed(&rst_steward_wanted, 0u);
    /* acquire: pairs with the release of whoever failed before. */
    if (!atomic_compare_exchange_strong_explicit(&stage, &seen, STARTING, memory_order_acquire, memory_order_relaxed))
        return;
    int saved = errno;
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_AWAKE);
    process = rst_os_process_id();
    bool started = rst_os_thread_start(RST_THREAD_STEWARD, run, "roost-steward");
    if (started) {
        rst_process_add(steward_starts, 1);
    } else {
        rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
        rst_store_relaxed(&refused_until, rst_os_clock_ms() + REFUSED_PAUSE_MS);
    }
    seen = STARTING;
    /* release: the thread's handle, for rst_steward_stop. */
    if (!atomic_compare_exchange_strong_explicit(&stage, &seen, started ? RUNNING : ABSENT, memory_order_release,
                                                 memory_order_relaxed) &&
        started)
        see_it_off(); /* the library is being unloaded */
    errno = saved;
}

void rst_steward_stop(void)
{
    /* acquire: pairs with the release in rst_steward_start. */
    if (rst_swap_acquire(&stage, (uint32_t)ENDED) == RUNNING)
        see_it_off();
}

void rst_steward_forget(void)
{
    rst_os_pressure_forget();
    rst_store_relaxed(&forked, true);
    if (rst_load_relaxed(&stage) != ENDED)
        rst_store_relaxed(&stage, (uint32_t)ABSENT);
    rst_store_relaxed(&rst_keeper, (uint32_t)RST_KEEPER_NONE);
}

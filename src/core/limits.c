/* Limits: see limits.h. SPDX-License-Identifier: MIT */
#include "core/limits.h"

#include "core/counters.h"
#include "core/options.h"
#include "core/purge.h"
#include "os/fmt.h"
#include "os/os.h"
#include "os/sync.h"

enum {
    HOLD_MS = 5000,   /* pressed for so long after the system said so */
    MARGIN_SHARE = 16 /* near a limit: less than this part of it is left; not near any more: twice that */
};

/* Until it holds so much, a process is not worth opening files for. */
#define FIRST_LOOK (8 * RST_MIB)
#define MARGIN_MIN RST_MIB
#define MARGIN_MAX (64 * RST_MIB)

static rst_lock lock; /* one look at a time */
/* Each on its own, relaxed: figures to go by, of which an old one only moves the next look. */
static _Atomic uint64_t hard = UINT64_MAX, soft = UINT64_MAX;
static _Atomic uint64_t system_limit = UINT64_MAX, system_room = UINT64_MAX; /* as seen last */
static _Atomic uint64_t event_until;                                         /* ms */
static _Atomic bool near_limit, above_soft;

static uint64_t footprint(void)
{
    return rst_load_relaxed(&rst_process.footprint);
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a + b >= a ? a + b : UINT64_MAX;
}

/* --- what the options say ------------------------------------------------------------------------------------------------------------- */

static bool is_share(uint64_t value)
{
    return (value & RST_OPTION_PERCENT) != 0;
}

/* An option in bytes; shares of `whole`, no limit while that is unknown. */
static uint64_t bytes_of(uint64_t value, size_t whole)
{
    if (value == 0 || (is_share(value) && whole == SIZE_MAX))
        return UINT64_MAX;
    return is_share(value) ? whole / 100 * (value & ~RST_OPTION_PERCENT) : value;
}

static void set_limits(size_t whole)
{
    rst_store_relaxed(&hard, bytes_of(rst_option_get(hard_limit), whole));
    rst_store_relaxed(&soft, bytes_of(rst_option_get(soft_limit), whole));
}

static bool looks_needed(void)
{
    return rst_option_get(pressure) != 0 || is_share(rst_option_get(hard_limit)) ||
           is_share(rst_option_get(soft_limit));
}

void rst_limits_start(void)
{
    set_limits(SIZE_MAX);
    uint64_t first = looks_needed() ? FIRST_LOOK : UINT64_MAX;
    first = rst_min(first, rst_min(rst_load_relaxed(&hard), rst_load_relaxed(&soft)));
    rst_store_relaxed(&rst_footprint_limit, first);
}

bool rst_limits_any(void)
{
    return rst_load_relaxed(&rst_footprint_limit) != UINT64_MAX;
}

/* --- looking --------------------------------------------------------------------------------------------------------------------------- */

static uint64_t margin(void)
{
    uint64_t share = rst_load_relaxed(&system_limit) / MARGIN_SHARE;
    return rst_max(rst_min(share, MARGIN_MAX), MARGIN_MIN);
}

static void say_change(size_t limit)
{
    if (limit == rst_load_relaxed(&system_limit) || rst_option_get(verbose) == 0)
        return;
    if (limit == SIZE_MAX)
        rst_say("the system sets no limit to memory any more");
    else
        rst_say("the system limits memory to %zu KiB", limit / RST_KIB);
}

/* Memory is pressed for, or not any more. */
static void press(void)
{
    uint64_t now = footprint(), above = rst_load_relaxed(&soft);
    if (now > above)
        rst_store_relaxed(&above_soft, true);
    else if (now < above - above / MARGIN_SHARE)
        rst_store_relaxed(&above_soft, false);
    bool limit = rst_load_relaxed(&near_limit) || rst_load_relaxed(&above_soft);
    bool event = rst_os_clock_ms() < rst_load_relaxed(&event_until);
    rst_purge_press(limit ? RST_PRESS_LIMIT : event ? RST_PRESS_EVENT : RST_PRESS_NONE);
}

static void look_locked(void)
{
    rst_os_memory memory = rst_os_memory_left();
    if (rst_option_get(pressure) != 0) {
        say_change(memory.limit);
        rst_store_relaxed(&system_limit, memory.limit);
        rst_store_relaxed(&system_room, memory.room);
    }
    set_limits(memory.least);
    bool was_near = rst_load_relaxed(&near_limit);
    bool is_near = rst_load_relaxed(&system_room) < margin() * (was_near ? 2 : 1);
    rst_store_relaxed(&near_limit, is_near);
    if (is_near && !was_near)
        rst_process_add(pressure_limits, 1);
}

void rst_limits_look(void)
{
    if (looks_needed() && rst_lock_try(&lock)) {
        look_locked();
        rst_lock_release(&lock);
    }
    press();
}

bool rst_limits_watch(void)
{
    if (rst_option_get(pressure) == 0)
        return false;
    rst_lock_acquire(&lock); /* it looks for the group, as a look does */
    bool watches = rst_os_pressure_watch(rst_option_get(verbose) != 0);
    rst_lock_release(&lock);
    return watches;
}

void rst_limits_event(void)
{
    rst_process_add(pressure_events, 1);
    rst_store_relaxed(&event_until, rst_os_clock_ms() + HOLD_MS);
    press();
}

/* --- growing --------------------------------------------------------------------------------------------------------------------------- */

bool rst_limits_tight(size_t bytes)
{
    uint64_t wanted = plus(footprint(), bytes);
    return wanted > rst_load_relaxed(&soft) || wanted > rst_load_relaxed(&hard) ||
           plus(bytes, 2 * margin()) > rst_load_relaxed(&system_room);
}

bool rst_limits_refuse(size_t bytes)
{
    return plus(footprint(), bytes) > rst_load_relaxed(&rst_footprint_limit);
}

bool rst_limits_forbid(size_t bytes)
{
    return plus(footprint(), bytes) > rst_load_relaxed(&hard);
}

/* The next point to look at, when the footprint is `wanted` soon. */
static uint64_t next_point(uint64_t wanted)
{
    uint64_t room = rst_load_relaxed(&system_room);
    uint64_t above = rst_load_relaxed(&soft);
    uint64_t next = UINT64_MAX;
    if (room != UINT64_MAX) {
        uint64_t free = room > margin() ? room - margin() : 0;
        next = plus(footprint(), rst_max(free / 2, margin() / 8));
    }
    if (above != UINT64_MAX)
        next = rst_min(next, wanted <= above ? above : plus(wanted, rst_max(above / 32, RST_MIB)));
    return rst_min(rst_max(next, wanted), rst_load_relaxed(&hard));
}

bool rst_limits_admit(size_t bytes)
{
    uint64_t wanted = plus(footprint(), bytes);
    uint64_t most = rst_load_relaxed(&hard);
    if (wanted > most) {
        if (rst_load_relaxed(&rst_footprint_limit) > most)
            rst_store_relaxed(&rst_footprint_limit, most);
        return false;
    }
    rst_store_relaxed(&rst_footprint_limit, next_point(wanted));
    press();
    return true;
}

void rst_limits_forget(void)
{
    rst_lock_reset(&lock);
    rst_store_relaxed(&rst_press_relieving, 0u); /* those threads are the parent's */
}

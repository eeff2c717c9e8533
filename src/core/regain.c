/* Regain: see regain.h. SPDX-License-Identifier: MIT */
#include "core/regain.h"

#include "core/options.h"
#include "os/atomic.h"

/* Worth keeping whatever was seen: a share of what is in use, or as much as the option says if that is more. */
enum { IN_USE_SHARE = 2 };
#define SLACK (2 * RST_MIB)

/* What was seen of an amount in one window of time. relaxed all: hints. */
typedef struct regain_sight {
    _Atomic size_t high;     /* the most */
    _Atomic size_t low;      /* the least since the window began... */
    _Atomic size_t at_low;   /* ...and what was in use then */
    _Atomic size_t regained; /* the most by which it rose again from there, below what was the most before... */
    _Atomic size_t floor;    /* ...and what was in use when that began */
} regain_sight;

/* In use: how much the program takes up again. Footprint: how much of what was given back had to be had anew. */
static regain_sight use_now, use_before, footprint_now, footprint_before;
static _Atomic uint64_t began; /* ms: the current window */

static void sight_begin(regain_sight *now, size_t amount, size_t in_use)
{
    rst_store_relaxed(&now->high, amount);
    rst_store_relaxed(&now->low, amount);
    rst_store_relaxed(&now->at_low, in_use);
    rst_store_relaxed(&now->regained, (size_t)0);
    rst_store_relaxed(&now->floor, (size_t)0);
}

static void sight_turn(regain_sight *now, regain_sight *before, size_t amount, size_t in_use)
{
    rst_store_relaxed(&before->high, rst_load_relaxed(&now->high));
    rst_store_relaxed(&before->regained, rst_load_relaxed(&now->regained));
    rst_store_relaxed(&before->floor, rst_load_relaxed(&now->floor));
    sight_begin(now, amount, in_use);
}

static void sight_note(regain_sight *now, const regain_sight *before, size_t amount, size_t in_use)
{
    size_t low = rst_load_relaxed(&now->low);
    size_t high = rst_max(rst_load_relaxed(&now->high), rst_load_relaxed(&before->high));
    size_t regained = rst_min(amount, high) - rst_min(low, high);
    if (amount >= low && regained > rst_load_relaxed(&now->regained)) {
        rst_store_relaxed(&now->regained, regained);
        rst_store_relaxed(&now->floor, rst_load_relaxed(&now->at_low));
    }
    /* What grows for the first time regains nothing. */
    if (amount < low || amount > high) {
        rst_store_relaxed(&now->low, amount);
        rst_store_relaxed(&now->at_low, in_use);
    }
    if (amount > rst_load_relaxed(&now->high))
        rst_store_relaxed(&now->high, amount);
}

void rst_regain_note(size_t in_use, size_t footprint, uint64_t now, uint32_t window)
{
    uint64_t passed = now - rst_load_relaxed(&began);
    for (int i = passed >= 2 * (uint64_t)window ? 2 : passed >= window; i != 0; i--) {
        sight_turn(&use_now, &use_before, in_use, in_use);
        sight_turn(&footprint_now, &footprint_before, footprint, in_use);
        rst_store_relaxed(&began, now);
    }
    sight_note(&use_now, &use_before, in_use, in_use);
    sight_note(&footprint_now, &footprint_before, footprint, in_use);
}

/* A program that shrinks to half of where it turned before is likely to end a piece of work: then what it did in there tells nothing. */
static size_t sight_worth(const regain_sight *sight, size_t in_use)
{
    return (in_use + SLACK) * 2 >= rst_load_relaxed(&sight->floor) ? rst_load_relaxed(&sight->regained) : 0;
}

size_t rst_regain_worth(size_t in_use)
{
    size_t use = rst_max(sight_worth(&use_now, in_use), sight_worth(&use_before, in_use));
    size_t footprint = rst_max(sight_worth(&footprint_now, in_use), sight_worth(&footprint_before, in_use));
    return rst_max(rst_option_get(idle_keep), in_use / IN_USE_SHARE) + use + 2 * footprint;
}

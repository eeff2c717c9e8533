/* The steward's share: see share.h. SPDX-License-Identifier: MIT */
#include "threadcache/share.h"

/* Saved up once all is used: or most would go into looks whether there is something left. */
enum { SAVE_MS = 1000 };

rst_share rst_share_begin(uint64_t now_ms)
{
    return (rst_share){.left_us = RST_SHARE_SAVED_US, .at_ms = now_ms, .low = SIZE_MAX, .window_ms = now_ms};
}

static void give(rst_share *share, uint64_t us)
{
    share->left_us += (int64_t)us;
    if (share->left_us > RST_SHARE_SAVED_US)
        share->left_us = RST_SHARE_SAVED_US;
}

/* What is owed already is no more than can be paid off in a window. */
static void charge(rst_share *share, uint64_t us)
{
    int64_t most = share->left_us + RST_SHARE_SAVED_US;
    uint64_t charged = most > 0 ? rst_min(us, (uint64_t)most) : 0;
    share->left_us -= (int64_t)charged;
    share->charged_us += charged;
}

uint32_t rst_share_rest_ms(rst_share *share, uint64_t used_us, uint64_t now_ms)
{
    uint64_t earned = rst_min(now_ms - share->at_ms, RST_SHARE_WINDOW_MS) * 1000 / RST_SHARE_OF;
    give(share, earned);
    share->charged_us -= rst_min(earned, share->charged_us);
    share->left_us -= (int64_t)(used_us - share->used_us);
    share->used_us = used_us;
    share->at_ms = now_ms;
    if (share->left_us >= 0)
        return 0;
    return (uint32_t)rst_min((uint64_t)-share->left_us * RST_SHARE_OF / 1000 + SAVE_MS, RST_SHARE_WINDOW_MS);
}

static void turn_window(rst_share *share, uint64_t now_ms)
{
    uint64_t passed = now_ms - share->window_ms;
    if (passed < RST_SHARE_WINDOW_MS)
        return;
    share->returned[1] = passed < 2 * RST_SHARE_WINDOW_MS ? share->returned[0] : 0;
    share->returned[0] = 0;
    share->window_ms = now_ms;
}

size_t rst_share_round(rst_share *share, size_t footprint, uint64_t now_ms)
{
    turn_window(share, now_ms);
    size_t risen = footprint > share->low ? footprint - share->low : 0;
    size_t again = 0;
    for (unsigned i = 2; i-- != 0;) {
        size_t part = rst_min(risen - again, share->returned[i]);
        share->returned[i] -= part;
        again += part;
    }
    share->low = footprint;
    charge(share, again * (uint64_t)RST_SHARE_US_PER_MIB / RST_MIB);
    return again;
}

void rst_share_returned(rst_share *share, size_t before, size_t after)
{
    share->returned[0] += before > after ? before - after : 0;
    share->low = after;
}

void rst_share_forgive(rst_share *share)
{
    give(share, share->charged_us);
    share->charged_us = 0;
}

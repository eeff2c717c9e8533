/* The steward's share: what it may cost. A hundredth of a processor's time, saved up for ten seconds at most, for its own work and for
 * what the program pays when it takes up again what was given back a moment before. The steward's own; no lock. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_SHARE_H
#define RST_THREADCACHE_SHARE_H

#include "os/base.h"

enum {
    RST_SHARE_OF = 100,                                             /* one part in so many of a processor's time... */
    RST_SHARE_WINDOW_MS = 10 * 1000,                                /* ...over this long */
    RST_SHARE_SAVED_US = RST_SHARE_WINDOW_MS * 1000 / RST_SHARE_OF, /* what is saved up, and what is owed, at most */
    /* What taking up fresh memory costs a program: 50 in huge pages, 200 in small ones, several times that under a hypervisor. */
    RST_SHARE_US_PER_MIB = 100
};

typedef struct rst_share {
    int64_t left_us;
    uint64_t used_us, at_ms; /* at the last look */
    uint64_t charged_us;     /* of what is missing: for what was taken up again */
    size_t low;              /* the footprint after the last round */
    size_t returned[2];      /* not taken up again so far: in this window of time, and in the one before */
    uint64_t window_ms;      /* when this one began */
} rst_share;

/* All that may be saved up. `used_us` is nothing yet. */
rst_share rst_share_begin(uint64_t now_ms);

/* How long to rest, ms, having used `used_us` of the processor since the beginning. */
uint32_t rst_share_rest_ms(rst_share *share, uint64_t used_us, uint64_t now_ms);

/* A round begins, and ends, with such a footprint. The first tells how many bytes of what was given back have been taken up again. */
size_t rst_share_round(rst_share *share, size_t footprint, uint64_t now_ms);
void rst_share_returned(rst_share *share, size_t before, size_t after);

/* Whether there is enough left for its own work, were it not for what was taken up again. */
RST_INLINE bool rst_share_has_own(const rst_share *share)
{
    return share->left_us + (int64_t)share->charged_us >= 0;
}

/* Memory is short: what the program pays for that does not count. */
void rst_share_forgive(rst_share *share);

#endif

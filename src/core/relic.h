/* Relics: what the first line of a large block read when it was freed. When its memory is handed out again and reads otherwise, the program wrote
 * to a block that it had freed. Of the first blocks that a process frees, and of few later; a table so small that a claim of slices
 * hardly notices it. Any thread. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_RELIC_H
#define RST_CORE_RELIC_H

#include "core/arena.h"

/* How many are kept now. relaxed: a hint, which each claim reads. */
extern RST_HIDDEN _Atomic uint32_t rst_relics;

/* Keep one of the large block that begins at `first`, which the caller holds and is about to release. */
void rst_relic_keep(const rst_slice *first);

/* Drop what is kept of slices that the caller holds. With `compare` their memory is as it was when they were released, if the program left it
 * alone: says so if it did not, and aborts unless the option says otherwise. */
void rst_relic_drop(const rst_arena *arena, size_t index, size_t count, bool compare);

/* Slices were claimed. */
RST_INLINE void rst_relic_claimed(const rst_arena *arena, size_t index, size_t count)
{
    if (RST_UNLIKELY(rst_load_relaxed(&rst_relics) != 0))
        rst_relic_drop(arena, index, count, true);
}

/* Slices are about to be given back to the OS. */
RST_INLINE void rst_relic_purged(const rst_arena *arena, size_t index, size_t count)
{
    if (RST_UNLIKELY(rst_load_relaxed(&rst_relics) != 0))
        rst_relic_drop(arena, index, count, false);
}

#endif

/* Huge pages in proportion: which segments ask the OS for them.
 *
 * A segment asks when the first pages of a heap that fills what it holds are cut from it (refill.c), so that what a huge page makes resident is also used;
 * when a large block that is likely to be filled comes first in it (large.c); when one that has grown lies in it (option huge_pages: 0 none
 * asks, 2 every one does). It stops asking when memory in it goes back to the OS. A hint: nothing depends on it but where slices are looked
 * for first, and how much must be idle before a purge breaks a huge page. One that is purged as a whole goes on asking until something else than such
 * pages comes first in it.
 * Any thread. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_HUGE_H
#define RST_CORE_HUGE_H

#include "core/arena.h"

/* Of the 32 slices of a huge page. */
enum {
    RST_HUGE_BREAK = 8, /* it is broken when so many lie idle; fewer stay resident until all are */
    RST_HUGE_MAKE = 16  /* made again when so many are neither in use nor resident, and a big heap takes one */
};

/* The steward breaks a huge page of which part is in use for what has been idle so many times as long as elsewhere. */
enum { RST_HUGE_PATIENCE = 4 };

/* A run has been claimed, of pages that are likely to fill up (`dense`) or of anything else. */
void rst_huge_claimed(rst_arena *arena, size_t index, size_t count, bool dense);

RST_INLINE bool rst_huge_asked(rst_arena *arena, size_t segment)
{
    /* relaxed: a hint. */
    return (rst_load_relaxed(&rst_group_of_segment(arena, segment)->huge) & rst_segment_bit(segment)) != 0;
}

/* No huge page for a segment any more. What is resident stays as it is. */
void rst_huge_drop(rst_arena *arena, size_t segment);

/* A large block has grown by realloc to this run: its segments ask, if the option lets anyone ask. */
void rst_huge_grown(rst_arena *arena, size_t index, size_t count);

/* A run has been mapped afresh: nothing in it asks any more. */
void rst_huge_forget(rst_arena *arena, size_t index, size_t count);

#endif

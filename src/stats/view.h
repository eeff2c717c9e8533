/* What the heap looks like page by page, for roost_heap_walk and roost_block_info: read beside those who change it, as collect.h does, and
 * read again when it did not hold still. Stops nobody, waits for no lock. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_VIEW_H
#define RST_STATS_VIEW_H

#include "core/page.h"
#include "roost/walk.h"

enum { RST_VIEW_BLOCKS = RST_SLICE_SIZE / RST_GRAIN, RST_VIEW_WORD = 64 };

/* A page or large block as it was at one moment, or is guessed to have been. */
typedef struct rst_view {
    roost_page page;
    uint64_t free[RST_VIEW_BLOCKS / RST_VIEW_WORD]; /* a bit for each block that the program does not hold */
} rst_view;

/* What begins at the index-th slice of an arena. False: nothing does. `only`: pages of this heap and nothing else; NULL: all. *slices: how far it
 * is to the next. */
bool rst_view_read(rst_view *view, const rst_arena *arena, size_t index, const struct rst_heap *only, size_t *slices);

/* What an address lies in: the i-th block of this. False: in no block. */
bool rst_view_find(rst_view *view, const void *address, size_t *i);

/* The i-th block of it. */
roost_block rst_view_block(const rst_view *view, size_t i);

#endif

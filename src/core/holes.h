/* Holes in pages: where they lie. Made by hollow.h, filled by the page's owner.
 *
 * Links of free blocks lie in the blocks. So a block that begins in a hole is in no list: a bit for each OS page tells where such blocks are (rst_holes).
 * A block that begins outside and reaches into a hole stays in the list. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_HOLES_H
#define RST_CORE_HOLES_H

#include "core/arena.h"
#include "core/sizeclass.h"

/* A page seen as OS pages, 64 at most. */
typedef struct rst_grid {
    const rst_class_info *info;
    size_t os_page;
    unsigned per_slice;
    unsigned count;
    uint64_t holes;
} rst_grid;

/* Who may read and write `holes` is said in layout.h. */
rst_grid rst_grid_of(const rst_slice *page);
void rst_holes_store(const rst_grid *grid, rst_slice *page);

/* The blocks that begin in an OS page: [from, to). */
typedef struct rst_starts {
    unsigned from, to;
} rst_starts;
rst_starts rst_starts_in(const rst_grid *grid, unsigned os_page);

/* Of an ACTIVE page with holes: the blocks that begin in one of them, which is none any more. Returns how many; *first: the index of the first. */
unsigned rst_holes_fill(rst_slice *page, unsigned *first);

/* A page has become AVAILABLE: its segment is to be looked at. */
void rst_holes_want(const rst_slice *page);

#endif

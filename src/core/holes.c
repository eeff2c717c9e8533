/* Where holes lie in a page: see holes.h. SPDX-License-Identifier: MIT */
#include "core/holes.h"

#include "core/purge.h"
#include "os/os.h"

static_assert(RST_MEDIUM_SLICES * RST_SLICE_SIZE / 4096 <= 64, "a page's OS pages fit one word");

rst_grid rst_grid_of(const rst_slice *page)
{
    rst_grid grid = {.info = &rst_classes[page->size_class], .os_page = rst_os_page_size(), .holes = 0};
    grid.per_slice = (unsigned)(RST_SLICE_SIZE / grid.os_page);
    grid.count = grid.per_slice * page->span;
    for (unsigned i = 0; i < page->span; i++)
        grid.holes |= (uint64_t)page[i].holes.mask << i * grid.per_slice;
    return grid;
}

void rst_holes_store(const rst_grid *grid, rst_slice *page)
{
    for (unsigned i = 0; i < page->span; i++)
        page[i].holes.mask = (uint16_t)(grid->holes >> i * grid->per_slice & ((1u << grid->per_slice) - 1));
}

static unsigned first_from(const rst_grid *grid, size_t offset)
{
    return (unsigned)rst_min((offset + grid->info->size - 1) / grid->info->size, grid->info->capacity);
}

rst_starts rst_starts_in(const rst_grid *grid, unsigned os_page)
{
    return (rst_starts){first_from(grid, os_page * grid->os_page), first_from(grid, (os_page + 1) * grid->os_page)};
}

unsigned rst_holes_fill(rst_slice *page, unsigned *first)
{
    rst_grid grid = rst_grid_of(page);
    rst_starts starts = rst_starts_in(&grid, rst_lowest_bit64(grid.holes));
    grid.holes &= grid.holes - 1;
    rst_holes_store(&grid, page);
    page->holes.blocks = (uint16_t)(page->holes.blocks - (starts.to - starts.from));
    *first = starts.from;
    return starts.to - starts.from;
}

void rst_holes_want(const rst_slice *page)
{
    rst_arena *arena = &rst_arenas[page->arena];
    size_t segment = rst_slice_index(arena, page) / RST_SEGMENT_SLICES;
    rst_group *group = rst_group_of_segment(arena, segment);
    const uint64_t bit = rst_segment_bit(segment);
    /* relaxed: a hint. Where it is lost, the page is met when all are looked at. */
    if ((rst_load_relaxed(&group->may_hollow) & bit) != 0)
        return;
    rst_or_relaxed(&group->may_hollow, bit);
    rst_keeper_wake();
}

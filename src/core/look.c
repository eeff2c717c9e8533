/* Looks for damage: see look.h. SPDX-License-Identifier: MIT */
#include "core/look.h"

#include "core/huge.h"
#include "core/options.h"
#include "core/relic.h"
#include "core/segment.h"
#include "os/fmt.h"
#include "os/os.h"

/* The first byte of a line that was written to. */
static const char *first_written(const char *line)
{
    while (*line == 0)
        line++;
    return line;
}

static void end_unless_told(void)
{
    if (rst_option_get(bad_pointer) != 0)
        rst_os_abort();
}

static void blame_before(const char *line, const char *end)
{
    const char *at = first_written(line);
    rst_say("%p was written to and is in no block: %zu bytes before the memory at %p", (const void *)at,
            (size_t)(end - at), (const void *)end);
    end_unless_told();
}

static void blame_after(const char *line, const char *block, size_t size, const char *what)
{
    const char *at = first_written(line);
    rst_say("%p was written to and is in no block: %zu bytes beyond the end of the %s of %zu bytes at %p",
            (const void *)at, (size_t)(at - (block + size)), what, size, (const void *)block);
    end_unless_told();
}

RST_COLD void rst_page_blame_overrun(rst_slice *page)
{
    size_t size = rst_classes[page->size_class].size;
    const char *memory = rst_page_memory(page) + page->carved * size;
    page->past = RST_PAGE_RECUT; /* nothing is known any more of what is not carved */
    if (page->carved != 0)
        blame_after(memory, memory - size, size, "block");
    else
        blame_before(memory, memory + RST_CACHE_LINE);
}

/* Whether somebody has the slice at `index`, or had it. */
static bool was_had(rst_arena *arena, size_t index)
{
    if (index >= rst_load_acquire(&arena->frontier) / RST_SLICE_SIZE) /* pairs with rst_arena_grow */
        return false;
    const rst_segment *segment = rst_segment_at(arena, index / RST_SEGMENT_SLICES);
    uint32_t never = rst_load_relaxed(&segment->free) & ~rst_load_relaxed(&segment->dirty);
    return (never >> index % RST_SEGMENT_SLICES & 1) == 0;
}

void rst_page_look_at_end(rst_slice *page)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    rst_arena *arena = &rst_arenas[page->arena];
    const char *end = rst_page_memory(page) + page->span * RST_SLICE_SIZE;
    const char *carved = rst_page_memory(page) + (size_t)page->carved * info->size;
    if (page->past != RST_PAGE_FRESH || end - carved < RST_CACHE_LINE ||
        !was_had(arena, rst_slice_index(arena, page) + page->span) || rst_is_untouched(end - RST_CACHE_LINE))
        return;
    page->past = RST_PAGE_RECUT;
    blame_before(end - RST_CACHE_LINE, end);
}

void rst_page_look(rst_slice *page, rst_block **ready)
{
    if (RST_UNLIKELY(!rst_page_both_are_whole(page, *ready)))
        rst_page_mend_both(page, ready);
    size_t carved = (size_t)page->carved * rst_classes[page->size_class].size;
    size_t os_page = rst_os_page_size();
    if (carved > rst_align_down(page->span * RST_SLICE_SIZE - RST_CACHE_LINE, os_page))
        rst_page_look_at_end(page);
}

/* Whether the line at `memory`, in the slice at `index`, was written to though nobody ever held the slice. It is held meanwhile. The look itself
 * may have made an OS page resident: it does not stay so, and where it would be a huge page nothing is looked at. */
static bool is_overrun(rst_arena *arena, size_t index, char *memory)
{
    if (rst_huge_asked(arena, index / RST_SEGMENT_SLICES) || !rst_slice_hold_untouched(arena, index))
        return false;
    bool written = rst_os_use(arena->base + index * RST_SLICE_SIZE, RST_SLICE_SIZE) && !rst_is_untouched(memory);
    char *os_page = memory - (uintptr_t)memory % rst_os_page_size();
    bool dirty = written || !rst_os_purge_inside(os_page, rst_os_page_size());
    rst_slice_let_go(arena, index, dirty);
    return written;
}

static void look_beside(const rst_slice *first)
{
    rst_arena *arena = &rst_arenas[first->arena];
    size_t index = rst_slice_index(arena, first);
    char *block = rst_slice_memory(first);
    char *after = block + first->span * RST_SLICE_SIZE;
    if (index != 0 && is_overrun(arena, index - 1, block - RST_CACHE_LINE))
        blame_before(block - RST_CACHE_LINE, block);
    if (first->large_size == first->span * RST_SLICE_SIZE && is_overrun(arena, index + first->span, after))
        blame_after(after, block, first->large_size, "large block");
}

void rst_large_look(const rst_slice *first)
{
    static _Atomic uint32_t freed; /* relaxed: some more or less */
    uint32_t before = rst_add_relaxed(&freed, 1u);
    if (before >= RST_LOOK_LARGE && before % RST_LOOK_LARGE != 0)
        return;
    look_beside(first);
    if (first->moved == 0) /* else its memory is given back at once */
        rst_relic_keep(first);
}

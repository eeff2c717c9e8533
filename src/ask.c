/* What a program may ask the library of itself: options, figures, and what its heap looks like. SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "core/sizeclass.h"
#include "face.h"
#include "roost/stats.h"
#include "stats/collect.h"
#include "stats/report.h"
#include "stats/view.h"
#include "threadcache/registry.h"
#include "threadcache/relief.h"
#include "threadcache/remote.h"

#include <string.h>

RST_EXPORT int roost_option_get(const char *name, char *text, size_t size)
{
    rst_ensure_started();
    size_t length = rst_option_show(name, text, size);
    if (length != SIZE_MAX)
        return (int)length;
    errno = ENOENT;
    return -1;
}

RST_EXPORT int roost_option_set(const char *name, const char *value)
{
    static const int errors[] = {[RST_OPTION_UNKNOWN] = ENOENT,
                                 [RST_OPTION_BAD] = EINVAL,
                                 [RST_OPTION_RANGE] = ERANGE,
                                 [RST_OPTION_TOO_LONG] = ERANGE,
                                 [RST_OPTION_FIXED] = EPERM};
    rst_ensure_started();
    rst_option_verdict verdict = rst_option_change(name, value);
    if (verdict == RST_OPTION_TAKEN)
        return 0;
    errno = errors[verdict];
    return -1;
}

static int invalid(void)
{
    errno = EINVAL;
    return -1;
}

RST_EXPORT int roost_stats_read(roost_stats *out)
{
    if (out->size != sizeof *out || out->version != ROOST_STATS_VERSION)
        return invalid();
    rst_stats_collect(out);
    return 0;
}

RST_EXPORT int roost_stats_classes(roost_class_stats *rows, size_t count, size_t row_size)
{
    if (row_size != sizeof *rows)
        return invalid();
    roost_stats stats;
    roost_class_stats all[RST_CLASS_COUNT];
    rst_stats_collect_all(&stats, all, NULL, 0);
    for (size_t i = 0; i < rst_min(count, RST_CLASS_COUNT); i++)
        rows[i] = all[i];
    return RST_CLASS_COUNT;
}

RST_EXPORT int roost_stats_heaps(roost_heap_stats *rows, size_t count, size_t row_size)
{
    if (row_size != sizeof *rows)
        return invalid();
    roost_stats stats;
    roost_class_stats classes[RST_CLASS_COUNT];
    size_t heaps = rst_stats_heap_count();
    rst_stats_collect_all(&stats, classes, rows, rst_min(count, heaps));
    return (int)heaps;
}

RST_EXPORT int roost_stats_write(int fd, const char *format)
{
    rst_format known = rst_format_of(format);
    if (known == RST_FORMATS || fd < 0)
        return invalid();
    return rst_report_write(fd, known) ? 0 : -1;
}

/* --- the heap ------------------------------------------------------------------------------------------------------------------- */

/* What was freed across threads, as far as it can be had without those who hold it. */
static void bring_home(rst_heap *own, bool all)
{
    if (rst_load_relaxed(&rst_registry_left_behind) != 0)
        rst_registry_take_over();
    if (own != &rst_heap_none) {
        rst_heap_enter(own);
        rst_remote_flush(own);
        rst_remote_drain(own);
        rst_heap_leave(own);
    }
    if (all)
        rst_relief_collect(own, false);
}

/* Tell of a page and its blocks. What the callback answered last. */
static int tell(const rst_view *view, roost_walk_callback *callback, void *argument)
{
    int answer = callback(&view->page, NULL, argument);
    for (size_t i = 0; i < view->page.blocks && answer == ROOST_WALK_ON; i++) {
        roost_block block = rst_view_block(view, i);
        answer = callback(&view->page, &block, argument);
    }
    return answer;
}

static int walk_arena(rst_arena *arena, const rst_heap *only, roost_walk_callback *callback, void *argument)
{
    size_t slices = rst_load_acquire(&arena->frontier) / RST_SLICE_SIZE; /* pairs with rst_arena_grow */
    size_t step;
    for (size_t i = 0; i < slices; i += step) {
        rst_view view;
        step = RST_SEGMENT_SLICES;
        if (!rst_segment_begins_free(arena, i) && rst_view_read(&view, arena, i, only, &step) &&
            tell(&view, callback, argument) == ROOST_WALK_STOP)
            return 1;
    }
    return 0;
}

RST_EXPORT int roost_heap_walk(int whose, roost_walk_callback *callback, void *argument)
{
    if (callback == NULL || (whose != ROOST_WALK_MINE && whose != ROOST_WALK_ALL))
        return invalid();
    rst_heap *own = rst_thread_heap;
    int saved = errno;
    bring_home(own, whose == ROOST_WALK_ALL);
    errno = saved;
    int stopped = 0;
    for (unsigned i = 0; i < rst_arena_count() && stopped == 0; i++)
        stopped = walk_arena(&rst_arenas[i], whose == ROOST_WALK_MINE ? own : NULL, callback, argument);
    return stopped;
}

/* As much of a structure as its caller knows. */
static void fill(void *out, size_t known, void *from, size_t size)
{
    size_t filled = rst_min(known, size);
    memcpy(from, &filled, sizeof filled); /* `size` is the first field of each */
    memcpy(out, from, filled);
}

RST_EXPORT int roost_block_info(const void *address, roost_page *page, roost_block *block)
{
    rst_view view;
    size_t i;
    if (!rst_view_find(&view, address, &i)) {
        errno = ENOENT;
        return -1;
    }
    roost_block of = rst_view_block(&view, i);
    if (page != NULL)
        fill(page, page->size, &view.page, sizeof view.page);
    if (block != NULL)
        fill(block, block->size, &of, sizeof of);
    return 0;
}

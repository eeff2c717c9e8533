/* What a program may ask the library of itself: options and figures. SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "core/sizeclass.h"
#include "face.h"
#include "roost/stats.h"
#include "stats/collect.h"
#include "stats/report.h"

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

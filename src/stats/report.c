/* A report: collect, then write. SPDX-License-Identifier: MIT */
#include "stats/report.h"

#include "os/os.h"
#include "stats/collect.h"

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

rst_format rst_format_of(const char *name)
{
    static const char *const names[RST_FORMATS] = {"text", "json", "metrics", "prometheus"};
    unsigned i = 0;
    while (i < RST_FORMATS && !same(name, names[i]))
        i++;
    return (rst_format)i;
}

/* Heaps that have a thread, or own or wait for something. */
static size_t worth_telling(roost_heap_stats *rows, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const roost_heap_stats *row = &rows[i];
        if (row->thread != 0 || row->pages != 0 || row->inbox_bytes != 0 || row->unsent_blocks != 0)
            rows[n++] = *row;
    }
    return n;
}

/* Memory for the rows of heaps comes from the system and goes back to it. */
static roost_heap_stats *rows_take(size_t count, size_t *size)
{
    *size = rst_align_up(count * sizeof(roost_heap_stats), rst_os_page_size());
    void *rows = *size != 0 ? rst_os_reserve(*size, rst_os_page_size()) : NULL;
    if (rows != NULL && !rst_os_commit(rows, *size)) {
        rst_os_release(rows, *size);
        rows = NULL;
    }
    return rows;
}

bool rst_report_write(int fd, rst_format format)
{
    static void (*const formats[RST_FORMATS])(rst_writer *, const rst_report *) = {
        rst_write_text, rst_write_json, rst_write_metrics, rst_write_prometheus};
    rst_report report;
    rst_writer writer;
    size_t size, count = rst_stats_heap_count();
    roost_heap_stats *rows = rows_take(count, &size);
    rst_stats_collect_all(&report.stats, report.classes, rows, rows != NULL ? count : 0);
    report.heaps = rows;
    report.heap_count = rows != NULL ? worth_telling(rows, count) : 0;
    rst_writer_begin(&writer, fd);
    formats[format](&writer, &report);
    bool done = rst_write_end(&writer);
    if (rows != NULL)
        rst_os_release(rows, size);
    return done;
}

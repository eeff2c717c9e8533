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

/* Room for the rows of heaps and for text on its way. From the system; one stays for the next report. */
enum { ROWS_AT_ONCE = 16, TEXT_ROOM = 32 * 1024 };

typedef struct desk {
    size_t size, rows;
    char text[TEXT_ROOM];
    roost_heap_stats row[];
} desk;

static _Atomic(desk *) kept;

static void desk_release(desk *d)
{
    if (d != NULL)
        rst_os_release(d, d->size);
}

/* NULL: the system has none. */
static desk *desk_take(size_t rows)
{
    desk *d = rst_swap_acquire(&kept, NULL); /* pairs with desk_give */
    if (d != NULL && d->rows >= rows)
        return d;
    desk_release(d);
    rows = rst_align_up(rows, ROWS_AT_ONCE);
    size_t size = rst_align_up(sizeof *d + rows * sizeof d->row[0], rst_os_page_size());
    d = rst_os_reserve(size, rst_os_page_size());
    if (d != NULL && !rst_os_commit(d, size)) {
        rst_os_release(d, size);
        d = NULL;
    }
    if (d != NULL) {
        d->size = size;
        d->rows = rows;
    }
    return d;
}

static void desk_give(desk *d)
{
    desk_release(rst_swap_acq_rel(&kept, d));
}

void rst_report_end(void)
{
    desk_give(NULL);
}

bool rst_report_write(int fd, rst_format format)
{
    static void (*const formats[RST_FORMATS])(rst_writer *, const rst_report *) = {
        rst_write_text, rst_write_json, rst_write_metrics, rst_write_prometheus};
    rst_report report;
    rst_writer writer;
    size_t count = rst_stats_heap_count();
    desk *d = desk_take(count);
    report.heaps = d != NULL ? d->row : NULL;
    report.heap_count = d != NULL ? count : 0;
    rst_stats_collect_all(&report.stats, report.classes, report.heaps, report.heap_count);
    report.heap_count = worth_telling(report.heaps, report.heap_count);
    if (d != NULL)
        rst_writer_begin_at(&writer, fd, d->text, sizeof d->text);
    else
        rst_writer_begin(&writer, fd);
    formats[format](&writer, &report);
    bool done = rst_write_end(&writer);
    if (d != NULL)
        desk_give(d);
    return done;
}

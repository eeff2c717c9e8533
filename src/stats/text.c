/* The text format: for people. A line for each figure, then size classes and heaps as tables, at most 100 columns.
 * SPDX-License-Identifier: MIT */
#include "os/fmt.h"
#include "os/os.h"
#include "stats/report.h"

enum { NAME = 24, HELP = 45, HUMAN = 16 };

/* A figure's line fits: nothing is cut. */
#define FITS(name, kind, unit, help, note) \
    static_assert(sizeof(#name) <= NAME + 1 && sizeof(help) <= HELP + 1, "a line has 100 columns");
ROOST_PROCESS_TABLE(FITS)
ROOST_HEAP_TABLE(FITS)
ROOST_WALK_TABLE(FITS)
ROOST_CALL_TABLE(FITS)

/* 1536 -> "1.5 KiB". */
static const char *human(char out[HUMAN], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    uint64_t rest = 0;
    while (bytes >= 1024 && unit < 5) {
        rest = bytes % 1024;
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        rst_fmt(out, HUMAN, "%u B", (unsigned)bytes);
    else
        rst_fmt(out, HUMAN, "%llu.%u %s", (unsigned long long)bytes, (unsigned)(rest * 10 / 1024), units[unit]);
    return out;
}

static void write_figure(rst_writer *writer, const rst_figure *figure, uint64_t value)
{
    char amount[HUMAN];
    const char *unit = figure->unit;
    if (rst_figure_has_unit(figure, "bytes"))
        unit = human(amount, value);
    rst_write(writer, "  %-24s %15llu %10s  %s\n", figure->name, (unsigned long long)value, unit, figure->help);
}

static void write_classes(rst_writer *writer, const rst_report *report)
{
    char bytes[HUMAN];
    rst_write(writer, "size classes:\n  %8s %15s %15s %12s %10s %9s %9s %5s\n", "size", "allocs", "frees", "live",
              "bytes", "ready", "pages", "fill");
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        const roost_class_stats *class = &report->classes[c];
        if (class->allocs == 0 && class->pages == 0)
            continue;
        rst_write(writer, "  %8llu %15llu %15llu %12llu %10s %9llu %9llu %4llu%%\n",
                  (unsigned long long)class->block_size, (unsigned long long)class->allocs,
                  (unsigned long long)class->frees, (unsigned long long)class->live,
                  human(bytes, class->live * class->block_size), (unsigned long long)class->ready,
                  (unsigned long long)class->pages, (unsigned long long)class->fill);
    }
}

static void write_heaps(rst_writer *writer, const rst_report *report)
{
    static const char *const states[] = {"", "idle", "lost"};
    rst_write(writer, "heaps:\n  %6s %8s %4s %8s %10s %10s %10s %10s %10s %10s\n", "heap", "thread", "", "pages",
              "live", "ready", "unsent", "inbox", "kept", "quiet ms");
    for (size_t i = 0; i < report->heap_count; i++) {
        const roost_heap_stats *heap = &report->heaps[i];
        char live[HUMAN], ready[HUMAN], unsent[HUMAN], inbox[HUMAN], kept[HUMAN];
        rst_write(writer, "  %6llu %8llu %4s %8llu %10s %10s %10s %10s %10s %10llu\n", (unsigned long long)heap->number,
                  (unsigned long long)heap->thread, states[rst_min(heap->state, 2)], (unsigned long long)heap->pages,
                  human(live, heap->live_bytes), human(ready, heap->ready_bytes), human(unsent, heap->unsent_bytes),
                  human(inbox, heap->inbox_bytes), human(kept, heap->kept_bytes), (unsigned long long)heap->quiet);
    }
}

void rst_write_text(rst_writer *writer, const rst_report *report)
{
    rst_write(writer, "roost: statistics of process %u, version %d.%d.%d\n", rst_os_process_id(), ROOST_VERSION_MAJOR,
              ROOST_VERSION_MINOR, ROOST_VERSION_PATCH);
    for (const rst_figure *figure = rst_figures; figure->name != NULL; figure++)
        write_figure(writer, figure, rst_figure_value(figure, &report->stats));
    write_classes(writer, report);
    write_heaps(writer, report);
}

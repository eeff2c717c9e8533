/* The text dump: one line per figure, bytes in human units beside the exact number. SPDX-License-Identifier: MIT */
#include "stats/report.h"

#include "os/fmt.h"
#include "os/os.h"
#include "roost/roost.h"
#include "stats/collect.h"

/* 1536 -> "1.5 KiB". */
static void human(char *out, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    uint64_t tenths = bytes * 10;
    while (tenths >= 10240 && unit < 4) {
        tenths /= 1024;
        unit++;
    }
    rst_fmt(out, size, "%llu.%llu %s", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
            units[unit]);
}

static void print_row(const char *name, const char *unit, const char *help, uint64_t value)
{
    char line[160], amount[32] = "";
    if (unit[0] == 'b' && unit[1] == 'y')
        human(amount, sizeof amount, value);
    size_t length =
        rst_fmt(line, sizeof line, "  %-26s %20llu %12s  %s\n", name, (unsigned long long)value, amount, help);
    rst_os_write_error(line, length);
}

void rst_report_stats(void)
{
    roost_stats stats;
    rst_stats_collect(&stats);
    rst_say("statistics of process %u, version %d.%d.%d", rst_os_process_id(), ROOST_VERSION_MAJOR, ROOST_VERSION_MINOR,
            ROOST_VERSION_PATCH);
#define ROW(name, kind, unit, help, note) print_row(#name, unit, help, stats.name);
    ROOST_WALK_TABLE(ROW)
    ROOST_PROCESS_TABLE(ROW)
    ROOST_HEAP_TABLE(ROW)
#undef ROW
}

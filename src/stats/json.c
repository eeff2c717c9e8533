/* The JSON format: one object, described by docs/stats.schema.json. SPDX-License-Identifier: MIT */
#include "os/os.h"
#include "stats/report.h"

enum { SCHEMA = 1 };

/* Every name is an identifier and every value a number: nothing needs to be escaped. */
static void write_object(rst_writer *writer, const rst_figure *figures, const void *structure)
{
    for (const rst_figure *figure = figures; figure->name != NULL; figure++)
        rst_write(writer, "%c\"%s\":%llu", figure == figures ? '{' : ',', figure->name,
                  (unsigned long long)rst_figure_value(figure, structure));
    rst_write(writer, "}");
}

void rst_write_json(rst_writer *writer, const rst_report *report)
{
    rst_write(writer, "{\"schema\":%d,\"version\":\"%d.%d.%d\",\"pid\":%u,\"clock_ms\":%llu,\n\"process\":", SCHEMA,
              ROOST_VERSION_MAJOR, ROOST_VERSION_MINOR, ROOST_VERSION_PATCH, rst_os_process_id(),
              (unsigned long long)rst_os_clock_ms());
    write_object(writer, rst_figures, &report->stats);
    rst_write(writer, ",\n\"classes\":[");
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        rst_write(writer, c == 0 ? "\n" : ",\n");
        write_object(writer, rst_class_figures, &report->classes[c]);
    }
    rst_write(writer, "],\n\"heaps\":[");
    for (size_t i = 0; i < report->heap_count; i++) {
        rst_write(writer, i == 0 ? "\n" : ",\n");
        write_object(writer, rst_heap_figures, &report->heaps[i]);
    }
    rst_write(writer, "]}\n");
}

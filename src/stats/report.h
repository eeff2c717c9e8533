/* All figures in one of four formats. Any thread; allocates nothing, waits for no lock. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_REPORT_H
#define RST_STATS_REPORT_H

#include "core/sizeclass.h"
#include "stats/figures.h"
#include "stats/writer.h"

typedef enum rst_format { RST_TEXT = 0, RST_JSON, RST_METRICS, RST_PROMETHEUS, RST_FORMATS } rst_format;

/* text, json, metrics, prometheus; RST_FORMATS: none of them. */
rst_format rst_format_of(const char *name);

/* Everything at one moment. */
typedef struct rst_report {
    roost_stats stats;
    roost_class_stats classes[RST_CLASS_COUNT];
    roost_heap_stats *heaps; /* those worth telling of */
    size_t heap_count;
} rst_report;

/* The formats. */
void rst_write_text(rst_writer *writer, const rst_report *report);
void rst_write_json(rst_writer *writer, const rst_report *report);
void rst_write_metrics(rst_writer *writer, const rst_report *report);
void rst_write_prometheus(rst_writer *writer, const rst_report *report);

/* Collect and write to a descriptor, or RST_TO_ERROR. False: not all could be written; errno says why. */
bool rst_report_write(int fd, rst_format format);

/* Give back what was kept for the next report. */
void rst_report_end(void);

#endif

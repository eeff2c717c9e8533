/* The OpenMetrics 1.0 text format, and the older one of Prometheus that some readers still know alone. Names are roost_<figure>,
 * roost_class_<figure>{size=}, roost_heap_<figure>{heap=}; times are in seconds, shares in parts of one, as both want them. They differ in what
 * stands before the samples. SPDX-License-Identifier: MIT */
#include "os/fmt.h"
#include "os/os.h"
#include "stats/report.h"

enum { NAME_MAX_LENGTH = 80, VALUE_MAX_LENGTH = 32 };

static bool ends_with(const char *text, const char *end)
{
    size_t length = 0, tail = 0;
    while (text[length] != '\0')
        length++;
    while (end[tail] != '\0')
        tail++;
    for (size_t i = 0; i < tail; i++) {
        if (length < tail || text[length - tail + i] != end[i])
            return false;
    }
    return true;
}

/* The unit as the format knows it; "" for a mere number. */
static const char *base_unit(const rst_figure *figure)
{
    if (rst_figure_has_unit(figure, "bytes"))
        return "bytes";
    if (rst_figure_has_unit(figure, "us") || rst_figure_has_unit(figure, "ms"))
        return "seconds";
    return rst_figure_has_unit(figure, "percent") ? "ratio" : "";
}

/* Where it goes, and in which of the two formats. */
typedef struct output {
    rst_writer *writer;
    bool open;                  /* OpenMetrics */
    char name[NAME_MAX_LENGTH]; /* of the family's samples, without their end */
    const char *end;
} output;

static void write_family(output *out, const rst_figure *figure, const char *prefix)
{
    const char *unit = base_unit(figure);
    rst_fmt(out->name, NAME_MAX_LENGTH, "roost_%s%s", prefix, figure->name);
    if (unit[0] != '\0' && !ends_with(out->name, unit))
        rst_fmt(out->name, NAME_MAX_LENGTH, "roost_%s%s_%s", prefix, figure->name, unit);
    out->end = figure->counter ? "_total" : "";
    const char *end = out->open ? "" : out->end; /* the older format knows no families beside the samples' names */
    rst_write(out->writer, "# TYPE %s%s %s\n", out->name, end, figure->counter ? "counter" : "gauge");
    if (unit[0] != '\0' && out->open)
        rst_write(out->writer, "# UNIT %s %s\n", out->name, unit);
    rst_write(out->writer, "# HELP %s%s %s\n", out->name, end, figure->help);
}

/* A number of thousandths and the like as a decimal fraction. */
static void decimal(char out[VALUE_MAX_LENGTH], uint64_t value, unsigned digits)
{
    uint64_t one = 1;
    char fraction[VALUE_MAX_LENGTH];
    for (unsigned i = 0; i < digits; i++)
        one *= 10;
    rst_fmt(fraction, sizeof fraction, "%llu", (unsigned long long)(one + value % one)); /* a one, then the digits */
    rst_fmt(out, VALUE_MAX_LENGTH, "%llu.%s", (unsigned long long)(value / one), fraction + 1);
}

static void write_sample(const output *out, const rst_figure *figure, const char *label, uint64_t id, uint64_t value)
{
    char number[VALUE_MAX_LENGTH], where[VALUE_MAX_LENGTH] = "";
    if (rst_figure_has_unit(figure, "us"))
        decimal(number, value, 6);
    else if (rst_figure_has_unit(figure, "ms"))
        decimal(number, value, 3);
    else if (rst_figure_has_unit(figure, "percent"))
        decimal(number, value, 2);
    else
        rst_fmt(number, sizeof number, "%llu", (unsigned long long)value);
    if (label != NULL)
        rst_fmt(where, sizeof where, "{%s=\"%llu\"}", label, (unsigned long long)id);
    rst_write(out->writer, "%s%s%s %s\n", out->name, out->end, where, number);
}

static void write_all(output *out, const rst_report *report)
{
    for (const rst_figure *figure = rst_figures; figure->name != NULL; figure++) {
        write_family(out, figure, "");
        write_sample(out, figure, NULL, 0, rst_figure_value(figure, &report->stats));
    }
    for (const rst_figure *figure = rst_class_figures + 1; figure->name != NULL;
         figure++) { /* the first is the label */
        write_family(out, figure, "class_");
        for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
            write_sample(out, figure, "size", report->classes[c].block_size,
                         rst_figure_value(figure, &report->classes[c]));
    }
    for (const rst_figure *figure = rst_heap_figures + 1; figure->name != NULL; figure++) { /* as above */
        write_family(out, figure, "heap_");
        for (size_t i = 0; i < report->heap_count; i++)
            write_sample(out, figure, "heap", report->heaps[i].number, rst_figure_value(figure, &report->heaps[i]));
    }
}

static void write_build(rst_writer *writer, const char *family, const char *kind)
{
    rst_write(writer, "# TYPE %s %s\n# HELP %s which allocator this is\nroost_build_info{version=\"%d.%d.%d\"} 1\n",
              family, kind, family, ROOST_VERSION_MAJOR, ROOST_VERSION_MINOR, ROOST_VERSION_PATCH);
}

void rst_write_metrics(rst_writer *writer, const rst_report *report)
{
    output out = {.writer = writer, .open = true};
    write_build(writer, "roost_build", "info");
    write_all(&out, report);
    rst_write(writer, "# EOF\n");
}

void rst_write_prometheus(rst_writer *writer, const rst_report *report)
{
    output out = {.writer = writer, .open = false};
    write_build(writer, "roost_build_info", "gauge");
    write_all(&out, report);
}

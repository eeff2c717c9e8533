/* `roost options` and `roost figures`: the tables that the library is made from, as text, Markdown or man-page source.
 * SPDX-License-Identifier: MIT */
#include "cli.h"

#include <roost/options.h>
#include <roost/stats.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum form { FORM_TEXT, FORM_MARKDOWN, FORM_BRIEF, FORM_MAN, FORM_SCHEMA };
enum { COLUMNS = 98 };

struct option_row {
    const char *name, *type;
    unsigned long long value, minimum, maximum;
    const char *unit, *change, *help;
};
struct figure_row {
    const char *name, *kind, *unit, *help, *note;
};

#define OPTION_ROW(name, type, value, minimum, maximum, unit, change, help) \
    {#name, #type, (unsigned long long)(value), minimum, maximum, unit, #change, help},
static const struct option_row options[] = {ROOST_OPTION_TABLE(OPTION_ROW)};
#define FIGURE_ROW(name, kind, unit, help, note) {#name, #kind, unit, help, note},
static const struct figure_row of_process[] = {ROOST_PROCESS_TABLE(FIGURE_ROW)};
static const struct figure_row of_heaps[] = {ROOST_HEAP_TABLE(FIGURE_ROW)};
static const struct figure_row by_walk[] = {ROOST_WALK_TABLE(FIGURE_ROW)};
static const struct figure_row calls[] = {ROOST_CALL_TABLE(FIGURE_ROW)};
static const struct figure_row of_class[] = {ROOST_CLASS_TABLE(FIGURE_ROW)};
static const struct figure_row of_heap[] = {ROOST_HEAP_ROW_TABLE(FIGURE_ROW)};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "1 TiB", "1000 ms", "0". */
static const char *amount(char text[64], const struct option_row *row, unsigned long long value)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    int limit = strcmp(row->type, "LIMIT") == 0;
    if (strcmp(row->type, "TEXT") == 0 || (limit && value == 0))
        return "none";
    if (strcmp(row->type, "SIZE") != 0 && !limit) {
        snprintf(text, 64, "%llu%s%s", value, row->unit[0] != '\0' ? " " : "", row->unit);
        return text;
    }
    while (value != 0 && value % 1024 == 0 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 64, "%llu %s", value, units[unit]);
    return text;
}

static const char *range(char text[160], const struct option_row *row)
{
    char least[64], most[64];
    if (strcmp(row->type, "TEXT") == 0)
        return "up to 255 bytes";
    if (strcmp(row->type, "LIMIT") == 0)
        snprintf(text, 160, "0 to %s, or 1%% to 100%%", amount(most, row, row->maximum));
    else if (row->maximum - row->minimum == 1)
        snprintf(text, 160, "%llu or %llu", row->minimum, row->maximum);
    else
        snprintf(text, 160, "%s to %s", amount(least, row, row->minimum), amount(most, row, row->maximum));
    return text;
}

static const char *type_name(const struct option_row *row)
{
    static const char *const names[][2] = {{"BOOL", "bool"},  {"SIZE", "size"},   {"MS", "ms"},
                                           {"NUM", "number"}, {"LIMIT", "limit"}, {"TEXT", "text"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(row->type, names[i][0]) == 0)
            return names[i][1];
    }
    return row->type;
}

/* Words of `text` in lines of `width`, each after `indent` blanks. */
static void print_wrapped(const char *text, int indent, int width)
{
    while (*text != '\0') {
        int length = (int)strlen(text);
        if (length > width) {
            length = width;
            while (length > 0 && text[length] != ' ')
                length--;
        }
        printf("%*s%.*s\n", indent, "", length, text);
        text += length;
        while (*text == ' ')
            text++;
    }
}

static void print_option(const struct option_row *row, enum form form)
{
    char value[64], limits[160];
    const char *live = strcmp(row->change, "LIVE") == 0 ? "yes" : "no";
    const char *end = strstr(row->help, ". ");
    int sentence = end != NULL ? (int)(end - row->help) : (int)strlen(row->help);
    const char *is = amount(value, row, row->value);
    switch (form) {
    case FORM_MARKDOWN:
        printf("| `%s` | %s | %s | %s | %s | %s |\n", row->name, type_name(row), is, range(limits, row), live,
               row->help);
        break;
    case FORM_BRIEF:
        printf("| `%s` | %s | %.*s |\n", row->name, is, sentence, row->help);
        break;
    case FORM_MAN:
        printf(".TP\n.B %s\n(%s; default %s; %s; %s)\n", row->name, type_name(row), is, range(limits, row),
               live[0] == 'y' ? "may change while running" : "fixed at start");
        for (const char *c = row->help; *c != '\0'; c++)
            fputs(*c == '\\' ? "\\e" : *c == '-' ? "\\-" : *c == '`' ? "" : (const char[]){*c, '\0'}, stdout);
        putchar('\n');
        break;
    default:
        printf("%s: %s, default %s, %s%s\n", row->name, type_name(row), is, range(limits, row),
               live[0] == 'y' ? ", may change while running" : "");
        print_wrapped(row->help, 4, COLUMNS - 4);
    }
}

static void print_figures(const char *title, const struct figure_row *rows, size_t count, enum form form)
{
    if (form == FORM_MARKDOWN)
        printf("\n## %s\n\n| name | kind | unit | what | when it is exact, and what to know |\n|---|---|---|---|---|\n",
               title);
    else
        printf("%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        const struct figure_row *row = &rows[i];
        const char *kind = strcmp(row->kind, "GAUGE") == 0 ? "gauge" : "counter";
        if (form == FORM_MARKDOWN)
            printf("| `%s` | %s | %s | %s | %s |\n", row->name, kind, row->unit, row->help, row->note);
        else
            printf("  %-26s %-8s %-9s %s\n", row->name, kind, row->unit, row->help);
    }
}

/* The members of one object, all of them required. */
static void schema_object(const struct figure_row *const *tables, const size_t *counts, size_t n)
{
    printf("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {");
    for (size_t t = 0, any = 0; t < n; t++) {
        for (size_t i = 0; i < counts[t]; i++, any = 1)
            printf("%s\n  \"%s\": {\"type\": \"integer\", \"minimum\": 0, \"description\": \"%s%s%s\"}", any ? "," : "",
                   tables[t][i].name, tables[t][i].unit, tables[t][i].unit[0] != '\0' ? ": " : "", tables[t][i].help);
    }
    printf("},\n  \"required\": [");
    for (size_t t = 0, any = 0; t < n; t++) {
        for (size_t i = 0; i < counts[t]; i++, any = 1)
            printf("%s\"%s\"", any ? ", " : "", tables[t][i].name);
    }
    printf("]}");
}

static void print_schema(void)
{
    static const struct figure_row *const process[] = {by_walk, of_process, of_heaps, calls};
    static const size_t counts[] = {COUNT(by_walk), COUNT(of_process), COUNT(of_heaps), COUNT(calls)};
    static const struct figure_row *const class = of_class, *const heap = of_heap;
    printf(
        "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": \"statistics of roost\",\n"
        "\"type\": \"object\", \"additionalProperties\": false,\n"
        "\"required\": [\"schema\", \"version\", \"pid\", \"clock_ms\", \"process\", \"classes\", \"heaps\"],\n"
        "\"properties\": {\n"
        "\"schema\": {\"const\": 1, \"description\": \"changes when a figure goes or its meaning changes\"},\n"
        "\"version\": {\"type\": \"string\", \"pattern\": \"^[0-9]+[.][0-9]+[.][0-9]+$\"},\n"
        "\"pid\": {\"type\": \"integer\", \"minimum\": 1},\n"
        "\"clock_ms\": {\"type\": \"integer\", \"minimum\": 0, \"description\": \"a clock that does not go back\"},\n"
        "\"process\": ");
    schema_object(process, counts, COUNT(process));
    printf(",\n\"classes\": {\"type\": \"array\", \"items\": ");
    schema_object(&class, &(size_t){COUNT(of_class)}, 1);
    printf("},\n\"heaps\": {\"type\": \"array\", \"items\": ");
    schema_object(&heap, &(size_t){COUNT(of_heap)}, 1);
    printf("}}}\n");
}

static int parse(int argc, char **argv, const char *help, enum form *form)
{
    bool markdown = false, brief = false, man = false, schema = false;
    const struct cli_option known[] = {{"markdown", 'm', &markdown, NULL},
                                       {"brief", 'b', &brief, NULL},
                                       {"man-source", 'M', &man, NULL},
                                       {"schema", 's', &schema, NULL},
                                       {NULL, 0, NULL, NULL}};
    int code = cli_parse(argc, argv, help, known, true);
    if (code != CLI_OK)
        return code;
    if (optind < argc)
        return cli_error(CLI_USAGE, "%s: '%s' is too much; try 'roost %s --help'", argv[0], argv[optind], argv[0]);
    *form = markdown ? FORM_MARKDOWN : brief ? FORM_BRIEF : schema ? FORM_SCHEMA : man ? FORM_MAN : FORM_TEXT;
    return CLI_OK;
}

int cli_options(int argc, char **argv)
{
    enum form form = FORM_TEXT;
    int code =
        parse(argc, argv,
              "Usage: roost options [--markdown | --brief | --man-source]\n"
              "\n"
              "Prints every option of the allocator: type, default, range, whether it may change while the program\n"
              "runs, and meaning. The forms are those of docs/options.md, README.md and roost(7).",
              &form);
    if (code != CLI_OK)
        return code;
    if (form == FORM_MARKDOWN)
        puts("| name | type | default | range | live | meaning |\n|---|---|---|---|---|---|");
    if (form == FORM_BRIEF)
        puts("| option | default | meaning |\n|---|---|---|");
    for (size_t i = 0; i < COUNT(options); i++)
        print_option(&options[i], form);
    return CLI_OK;
}

int cli_figures(int argc, char **argv)
{
    enum form form = FORM_TEXT;
    int code = parse(argc, argv,
                     "Usage: roost figures [--markdown | --schema]\n"
                     "\n"
                     "Prints every figure of the statistics: kind, unit and meaning. --markdown: as in docs/stats.md.\n"
                     "--schema: the JSON Schema of the statistics in JSON.",
                     &form);
    if (code != CLI_OK)
        return code;
    if (form == FORM_SCHEMA) {
        print_schema();
        return CLI_OK;
    }
    print_figures("Figures of the process", of_process, COUNT(of_process), form);
    print_figures("Figures that each heap keeps, summed", of_heaps, COUNT(of_heaps), form);
    print_figures("Figures found by walking the pages", by_walk, COUNT(by_walk), form);
    print_figures("System calls that roost makes", calls, COUNT(calls), form);
    print_figures("Figures of one size class", of_class, COUNT(of_class), form);
    print_figures("Figures of one heap", of_heap, COUNT(of_heap), form);
    return CLI_OK;
}

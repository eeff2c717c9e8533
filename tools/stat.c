/* `roost stat`: the figures of a process or a core file, from outside. SPDX-License-Identifier: MIT */
#include "cli.h"
#include "view.h"

#include <getopt.h>
#include <inttypes.h>

enum { STAT_FORMAT_VERSION = 1 };

struct stat_options {
    bool json, freeze, classes, heaps, help;
};

static void print_help(void)
{
    puts("Usage: roost stat [OPTION...] PID|CORE\n"
         "\n"
         "Prints what a process that runs on roost, or a core file of one, holds: the figures that ROOST_STATS=1 "
         "prints\n"
         "at its end. The process goes on meanwhile and does not notice.\n"
         "\n"
         "  -c, --classes   also a table of the size classes\n"
         "  -H, --heaps     also a table of the heaps\n"
         "  -j, --json      all of it as JSON\n"
         "  -f, --freeze    stop the process while it is read (ptrace), so that all figures are of one moment\n"
         "  -h, --help      print this\n"
         "\n"
         "Exit code: 0; 2 wrong usage, 3 no such process or core file, 4 no permission, 5 it does not use roost,\n"
         "6 a version of roost that this command cannot read, 7 it ended meanwhile, or the core is not whole.");
}

static int parse(int argc, char **argv, struct stat_options *out)
{
    static const struct option options[] = {
        {"classes", no_argument, NULL, 'c'}, {"freeze", no_argument, NULL, 'f'}, {"heaps", no_argument, NULL, 'H'},
        {"help", no_argument, NULL, 'h'},    {"json", no_argument, NULL, 'j'},   {NULL, 0, NULL, 0},
    };
    int result;
    while ((result = getopt_long(argc, argv, ":cfHhj", options, NULL)) != -1) {
        switch (result) {
        case 'c':
            out->classes = true;
            break;
        case 'f':
            out->freeze = true;
            break;
        case 'H':
            out->heaps = true;
            break;
        case 'h':
            out->help = true;
            break;
        case 'j':
            out->json = true;
            break;
        default:
            return cli_bad_option("stat", result, argv);
        }
    }
    return out->help ? CLI_OK : cli_one_target("stat", argc, argv);
}

/* --- text ------------------------------------------------------------------------------------------------------------- */

static void print_figures(const struct figures *figures)
{
    char amount[HUMAN_SIZE];
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *row = &figures->rows[i];
        if (!row->known)
            continue;
        amount[0] = '\0';
        if (strcmp(row->unit, "bytes") == 0)
            human(amount, row->value);
        printf("  %-26s %20" PRIu64 " %12s  %s\n", row->name, row->value, amount, row->help);
    }
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_classes(const struct image *image)
{
    const struct layout *l = image->layout;
    char held[HUMAN_SIZE], room[HUMAN_SIZE];
    puts("\n     block size      pages       blocks  held by program  memory of pages   fill");
    for (uint32_t c = 0; c < l->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t out = counts->blocks_out > counts->blocks_ready ? counts->blocks_out - counts->blocks_ready : 0;
        uint64_t bytes = counts->slices * l->const_slice_size;
        if (counts->pages != 0)
            printf("  %13" PRIu32 " %10" PRIu64 " %12" PRIu64 " %16s %16s %5.1f%%\n", l->classes[c].size, counts->pages,
                   out, human(held, out * l->classes[c].size), human(room, bytes),
                   percent(out * l->classes[c].size, bytes));
    }
    if (image->large_blocks != 0)
        printf("  %13s %10s %12" PRIu64 " %16s %16s %5.1f%%\n", "large", "", image->large_blocks,
               human(held, image->large_bytes), human(room, image->large_slices * l->const_slice_size),
               percent(image->large_bytes, image->large_slices * l->const_slice_size));
}

static void print_heaps(const struct image *image)
{
    char label[32], held[HUMAN_SIZE], room[HUMAN_SIZE], inbox[HUMAN_SIZE], open[HUMAN_SIZE];
    puts("\n  heap           thread               id      pages     blocks out  memory of pages      inbox     unsent");
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        printf("  %#-14" PRIx64 " %-15s %7" PRIu32 " %10" PRIu64 " %14s %16s %10s %10s\n", heap->address,
               heap_label(label, sizeof label, image, heap), heap->thread_id, heap->pages,
               human(held, heap->out_bytes > heap->ready_bytes ? heap->out_bytes - heap->ready_bytes : 0),
               human(room, heap->slices * image->layout->const_slice_size), human(inbox, heap->inbox_bytes),
               human(open, heap->open_bytes));
    }
}

/* --- JSON ------------------------------------------------------------------------------------------------------------- */

static void json_classes(const struct image *image)
{
    const struct layout *l = image->layout;
    const char *comma = "";
    printf(",\n  \"classes\": [");
    for (uint32_t c = 0; c < l->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t out = counts->blocks_out > counts->blocks_ready ? counts->blocks_out - counts->blocks_ready : 0;
        printf("%s\n    {\"size\": %" PRIu32 ", \"pages\": %" PRIu64 ", \"page_bytes\": %" PRIu64
               ", \"blocks\": %" PRIu64 ", \"ready\": %" PRIu64 ", \"capacity\": %" PRIu64 "}",
               comma, l->classes[c].size, counts->pages, counts->slices * l->const_slice_size, out,
               counts->blocks_ready, counts->pages * l->classes[c].capacity);
        comma = ",";
    }
    printf("\n  ],\n  \"large\": {\"blocks\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"page_bytes\": %" PRIu64 "}",
           image->large_blocks, image->large_bytes, image->large_slices * l->const_slice_size);
}

static void json_heaps(const struct image *image)
{
    char label[32];
    const char *comma = "";
    printf(",\n  \"heaps\": [");
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        printf("%s\n    {\"address\": \"%#" PRIx64 "\", \"thread\": ", comma, heap->address);
        print_json_string(stdout, heap_label(label, sizeof label, image, heap));
        printf(", \"thread_id\": %" PRIu32 ", \"pages\": %" PRIu64 ", \"page_bytes\": %" PRIu64
               ", \"out_bytes\": %" PRIu64 ", \"ready_bytes\": %" PRIu64 ", \"inbox_bytes\": %" PRIu64
               ", \"unsent_bytes\": %" PRIu64 ", \"kept_bytes\": %" PRIu64 "}",
               heap->thread_id, heap->pages, heap->slices * image->layout->const_slice_size, heap->out_bytes,
               heap->ready_bytes, heap->inbox_bytes, heap->open_bytes, heap->kept_bytes);
        comma = ",";
    }
    printf("\n  ]");
}

static void print_json(const struct view *view, const struct figures *figures)
{
    uint32_t version = view->layout.roost_version;
    const char *comma = "";
    printf("{\n  \"format\": %d,\n  \"pid\": %" PRIu32 ",\n  \"program\": ", STAT_FORMAT_VERSION, view->target.pid);
    print_json_string(stdout, view->target.program);
    printf(",\n  \"core\": %s,\n  \"still\": %s,\n  \"version\": \"%u.%u.%u\",\n  \"library\": ",
           view->target.is_core ? "true" : "false", view->target.still ? "true" : "false", version / 10000,
           version / 100 % 100, version % 100);
    print_json_string(stdout, view->layout.object);
    printf(",\n  \"copies\": %u,\n  \"figures\": {", view->copies);
    for (size_t i = 0; i < figures->count; i++) {
        if (!figures->rows[i].known)
            continue;
        printf("%s\n    \"%s\": %" PRIu64, comma, figures->rows[i].name, figures->rows[i].value);
        comma = ",";
    }
    printf("\n  }");
    json_classes(&view->image);
    json_heaps(&view->image);
    printf("\n}\n");
}

static void print_text(const struct view *view, const struct figures *figures, const struct stat_options *options)
{
    uint32_t version = view->layout.roost_version;
    printf("%s, roost %u.%u.%u%s%s%s\n", view->target.label, version / 10000, version / 100 % 100, version % 100,
           view->layout.object[0] != '\0' ? " in " : "", view->layout.object,
           view->copies > 1 ? " (the largest of several copies)" : "");
    print_figures(figures);
    if (options->classes)
        print_classes(&view->image);
    if (options->heaps)
        print_heaps(&view->image);
}

int cli_stat(int argc, char **argv)
{
    struct stat_options options = {.json = false};
    struct problem problem = {.code = CLI_OK};
    struct view view;
    struct figures figures;
    int code = parse(argc, argv, &options);
    if (code != CLI_OK)
        return code;
    if (options.help) {
        print_help();
        return CLI_OK;
    }
    if (view_open(&view, argv[optind], options.freeze, &problem) != CLI_OK)
        return cli_error(problem.code, "%s", problem.text);
    if (!figures_make(&figures, &view.image)) {
        view_close(&view);
        return cli_error(CLI_FAILED, "out of memory");
    }
    if (options.json)
        print_json(&view, &figures);
    else
        print_text(&view, &figures, &options);
    figures_free(&figures);
    view_close(&view);
    return CLI_OK;
}

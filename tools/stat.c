/* `roost stat`: the figures of a process or a core file, from outside. SPDX-License-Identifier: MIT */
#include "cli.h"
#include "view.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum { STAT_SCHEMA = 1 };

struct stat_options {
    bool json, freeze, classes, heaps;
};

static const char help_text[] =
    "Usage: roost stat [OPTION...] PID|CORE\n"
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
    "6 a version of roost that this command cannot read, 7 it ended meanwhile, or the core is not whole.";

/* --- text ------------------------------------------------------------------------------------------------------------- */

static void print_figures(const struct figures *figures)
{
    char amount[HUMAN_SIZE];
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *row = &figures->rows[i];
        if (!row->known)
            continue;
        snprintf(amount, sizeof amount, "%s", row->unit);
        if (strcmp(row->unit, "bytes") == 0)
            human(amount, row->value);
        printf("  %-24s %15" PRIu64 " %10s  %s\n", row->name, row->value, amount, row->help);
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
    puts("\n    heap thread               id      pages     blocks out  memory of pages      inbox     unsent");
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        printf("  %6" PRIu64 " %-15s %7" PRIu32 " %10" PRIu64 " %14s %16s %10s %10s\n", heap->number,
               heap_label(label, sizeof label, image, heap), heap->thread_id, heap->pages,
               human(held, heap->out_bytes > heap->ready_bytes ? heap->out_bytes - heap->ready_bytes : 0),
               human(room, heap->slices * image->layout->const_slice_size), human(inbox, heap->inbox_bytes),
               human(open, heap->open_bytes));
    }
}

/* --- JSON: the library's own format (docs/stats.schema.json), and what only a reader from outside knows ------------------- */

static uint64_t less(uint64_t more, uint64_t by)
{
    return more > by ? more - by : 0;
}

static void json_classes(const struct image *image)
{
    const struct layout *l = image->layout;
    const char *comma = "";
    printf(",\n\"classes\":[");
    for (uint32_t c = 0; c < l->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t live = less(counts->blocks_out, counts->blocks_ready + counts->blocks_open);
        uint64_t capacity = counts->pages * l->classes[c].capacity;
        uint64_t fill = capacity != 0 ? live * 100 / capacity : 0;
        printf("%s\n{\"block_size\":%" PRIu32 ",\"allocs\":%" PRIu64 ",\"frees\":%" PRIu64 ",\"live\":%" PRIu64
               ",\"ready\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"capacity\":%" PRIu64 ",\"fill\":%" PRIu64 "}",
               comma, l->classes[c].size, counts->allocs, less(counts->allocs, live), live, counts->blocks_ready,
               counts->pages, capacity, fill < 100 ? fill : 100);
        comma = ",";
    }
    printf("],\n\"large\":{\"blocks\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"page_bytes\":%" PRIu64 "}",
           image->large_blocks, image->large_bytes, image->large_slices * l->const_slice_size);
}

/* A figure that a heap keeps, what outsiders did for it included. */
static uint64_t heap_figure(const struct image *image, const struct image_heap *heap, const char *name)
{
    const struct layout *l = image->layout;
    for (size_t f = 0; f < l->heap_figure_count; f++) {
        uint64_t own, outside;
        if (strcmp(l->heap_figures[f].name, name) != 0)
            continue;
        memcpy(&own, heap->bytes + l->heap_counters.value + l->heap_figures[f].offset, sizeof own);
        memcpy(&outside, heap->bytes + l->heap_outside.value + l->heap_figures[f].offset, sizeof outside);
        return own + outside;
    }
    return 0;
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void json_heap(const struct image *image, const struct image_heap *heap)
{
    char label[32];
    printf("{\"number\":%" PRIu64 ",\"thread\":%" PRIu32 ",\"state\":%" PRIu32 ",\"pages\":%" PRIu64
           ",\"live\":%" PRIu64 ",\"live_bytes\":%" PRIu64 ",\"ready_bytes\":%" PRIu64 ",\"unsent_blocks\":%" PRIu64
           ",\"unsent_bytes\":%" PRIu64 ",\"inbox_bytes\":%" PRIu64 ",\"kept_bytes\":%" PRIu64,
           heap->number, heap->thread_id, heap->state, heap->pages, less(heap->out, heap->ready_blocks),
           less(heap->out_bytes, heap->ready_bytes), heap->ready_bytes, heap->open_blocks, heap->open_bytes,
           heap->inbox_bytes, heap->kept_bytes);
    printf(",\"batches_sent\":%" PRIu64 ",\"batches_received\":%" PRIu64 ",\"refills\":%" PRIu64,
           heap_figure(image, heap, "foreign_sent_batches"), heap_figure(image, heap, "foreign_received_batches"),
           heap_figure(image, heap, "refills"));
    if (!image->target->is_core)
        printf(",\"quiet\":%" PRIu32,
               (uint32_t)clock_ms() - (uint32_t)layout_get(heap->bytes, image->layout->heap_flushed_ms));
    printf(",\"page_bytes\":%" PRIu64 ",\"name\":", heap->slices * image->layout->const_slice_size);
    print_json_string(stdout, heap_label(label, sizeof label, image, heap));
    putchar('}');
}

static void print_json(const struct view *view, const struct figures *figures)
{
    uint32_t version = view->layout.roost_version;
    const char *comma = "";
    printf("{\"schema\":%d,\"version\":\"%u.%u.%u\",\"pid\":%" PRIu32 ",\"clock_ms\":%" PRIu64 ",\n\"program\":",
           STAT_SCHEMA, version / 10000, version / 100 % 100, version % 100, view->target.pid, clock_ms());
    print_json_string(stdout, view->target.program);
    printf(",\"core\":%s,\"still\":%s,\"copies\":%u,\"library\":", view->target.is_core ? "true" : "false",
           view->target.still ? "true" : "false", view->copies);
    print_json_string(stdout, view->layout.object);
    printf(",\n\"process\":{");
    for (size_t i = 0; i < figures->count; i++) {
        if (!figures->rows[i].known)
            continue;
        printf("%s\"%s\":%" PRIu64, comma, figures->rows[i].name, figures->rows[i].value);
        comma = ",\n";
    }
    printf("}");
    json_classes(&view->image);
    printf(",\n\"heaps\":[");
    for (size_t i = 0; i < view->image.heap_count; i++) {
        printf(i == 0 ? "\n" : ",\n");
        json_heap(&view->image, &view->image.heaps[i]);
    }
    printf("]}\n");
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
    const struct cli_option known[] = {{"classes", 'c', &options.classes, NULL},
                                       {"freeze", 'f', &options.freeze, NULL},
                                       {"heaps", 'H', &options.heaps, NULL},
                                       {"json", 'j', &options.json, NULL},
                                       {NULL, 0, NULL, NULL}};
    int code = cli_parse_target(argc, argv, help_text, known);
    if (code != CLI_OK)
        return code;
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

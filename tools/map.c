/* `roost map`: a heap as a page for a browser. SPDX-License-Identifier: MIT */
#include "cli.h"
#include "pack.h"
#include "page.h"
#include "view.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum { BITS_MOST = 2 << 20 };

struct map_options {
    const char *output; /* NULL: standard output */
    bool freeze;
};

static const char help_text[] =
    "Usage: roost map [OPTION...] PID|CORE\n"
    "\n"
    "Writes a page for a browser that shows the heap of a process that runs on roost, or of a core file of one:\n"
    "segments, slices, pages and blocks, coloured by size class, fill, owner or residency, with tables of classes "
    "and\n"
    "heaps. The page is one file and loads nothing.\n"
    "\n"
    "  -o, --output FILE   where to; else standard output\n"
    "  -f, --freeze        stop the process while it is read (ptrace)\n"
    "  -h, --help          print this\n"
    "\n"
    "Exit code: 0; 1 it cannot be written, 2 wrong usage, 3 no such process or core file, 4 no permission, 5 it "
    "does\n"
    "not use roost, 6 a version of roost that this command cannot read, 7 it ended meanwhile, or the core is not "
    "whole.";

/* --- the page's data --------------------------------------------------------------------------------------------------- */

static void write_classes(FILE *file, const struct image *image)
{
    const char *comma = "";
    fputs(",\n\"classes\": [", file);
    for (uint32_t c = 0; c < image->layout->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t out = counts->blocks_out > counts->blocks_ready ? counts->blocks_out - counts->blocks_ready : 0;
        fprintf(file,
                "%s\n{\"size\": %" PRIu32 ", \"capacity\": %u, \"span\": %u, \"pages\": %" PRIu64
                ", \"slices\": %" PRIu64 ", \"held\": %" PRIu64 "}",
                comma, image->layout->classes[c].size, image->layout->classes[c].capacity,
                image->layout->classes[c].span, counts->pages, counts->slices, out);
        comma = ",";
    }
    fputs("]", file);
}

static void write_heaps(FILE *file, const struct image *image)
{
    const char *comma = "";
    char label[32];
    fputs(",\n\"heaps\": [", file);
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        uint64_t out = heap->out_bytes > heap->ready_bytes ? heap->out_bytes - heap->ready_bytes : 0;
        fprintf(file, "%s\n{\"label\": ", comma);
        print_json_string(file, heap_label(label, sizeof label, image, heap));
        fprintf(file,
                ", \"thread\": %" PRIu32 ", \"pages\": %" PRIu64 ", \"slices\": %" PRIu64 ", \"out\": %" PRIu64
                ", \"ready\": %" PRIu64 ", \"inbox\": %" PRIu64 ", \"unsent\": %" PRIu64 "}",
                heap->thread_id, heap->pages, heap->slices, out, heap->ready_bytes, heap->inbox_bytes,
                heap->open_bytes);
        comma = ",";
    }
    fputs("]", file);
}

static bool write_arena(FILE *file, const struct image *image, const struct image_arena *arena, struct pack *bits,
                        uint64_t *left_out)
{
    struct pack runs = {.size = 0}, dirty = {.size = 0}, resident = {.size = 0};
    pack_runs(&runs, bits, image, arena, BITS_MOST, left_out);
    pack_dirty(&dirty, image, arena);
    bool known = pack_resident(&resident, image, arena);
    fprintf(file, "\n{\"base\": \"%#" PRIx64 "\", \"slices\": %zu, \"runs\": ", arena->base, arena->slice_count);
    pack_print(file, &runs);
    fputs(", \"dirty\": ", file);
    pack_print(file, &dirty);
    fputs(", \"resident\": ", file);
    if (known)
        pack_print(file, &resident);
    else
        fputs("null", file);
    fputc('}', file);
    bool done = !runs.out_of_memory && !dirty.out_of_memory && !resident.out_of_memory && !bits->out_of_memory;
    pack_free(&runs);
    pack_free(&dirty);
    pack_free(&resident);
    return done;
}

static void write_head(FILE *file, const struct view *view, const struct figures *figures)
{
    uint32_t version = view->layout.roost_version;
    time_t now = time(NULL);
    struct tm utc;
    char when[40] = "";
    const char *comma = "";
    if (gmtime_r(&now, &utc) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
    fprintf(file, "{\"format\": 1, \"pid\": %" PRIu32 ", \"program\": ", view->target.pid);
    print_json_string(file, view->target.program);
    fprintf(file,
            ", \"core\": %s, \"still\": %s, \"version\": \"%u.%u.%u\", \"when\": \"%s\",\n\"sliceSize\": %" PRIu32
            ", \"segmentSlices\": %" PRIu32 ",\n\"figures\": {",
            view->target.is_core ? "true" : "false", view->target.still ? "true" : "false", version / 10000,
            version / 100 % 100, version % 100, when, view->layout.const_slice_size, view->layout.const_segment_slices);
    for (size_t i = 0; i < figures->count; i++) {
        if (figures->rows[i].known) {
            fprintf(file, "%s\"%s\": %" PRIu64, comma, figures->rows[i].name, figures->rows[i].value);
            comma = ", ";
        }
    }
    fputs("}", file);
}

/* False: out of memory. */
static bool write_page(FILE *file, const struct view *view, const struct figures *figures)
{
    struct pack bits = {.size = 0};
    uint64_t left_out = 0;
    bool done = true;
    fwrite(page_before, 1, page_before_size, file);
    write_head(file, view, figures);
    write_classes(file, &view->image);
    write_heaps(file, &view->image);
    fputs(",\n\"arenas\": [", file);
    for (size_t i = 0; done && i < view->image.arena_count; i++) {
        fputs(i == 0 ? "" : ",", file);
        done = write_arena(file, &view->image, &view->image.arenas[i], &bits, &left_out);
    }
    fprintf(file, "],\n\"blocksLeftOut\": %" PRIu64 ", \"bits\": ", left_out);
    pack_print(file, &bits);
    fputs("}", file);
    fwrite(page_after, 1, page_after_size, file);
    pack_free(&bits);
    return done;
}

static int write_to(const char *path, const struct view *view, const struct figures *figures)
{
    FILE *file = path != NULL ? fopen(path, "we") : stdout;
    if (file == NULL)
        return cli_error(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
    bool done = write_page(file, view, figures);
    if (path == NULL)
        return done ? CLI_OK : cli_error(CLI_FAILED, "out of memory");
    bool failed = ferror(file) != 0;
    failed |= fclose(file) != 0;
    if (failed)
        return cli_error(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
    return done ? CLI_OK : cli_error(CLI_FAILED, "out of memory");
}

int cli_map(int argc, char **argv)
{
    struct map_options options = {.output = NULL};
    struct problem problem = {.code = CLI_OK};
    struct view view;
    struct figures figures;
    const struct cli_option known[] = {
        {"freeze", 'f', &options.freeze, NULL}, {"output", 'o', NULL, &options.output}, {NULL, 0, NULL, NULL}};
    int code = cli_parse_target(argc, argv, help_text, known);
    if (code != CLI_OK)
        return code;
    if (options.output == NULL && isatty(STDOUT_FILENO))
        return cli_error(CLI_USAGE, "map: standard output is a terminal; say -o FILE");
    if (view_open(&view, argv[optind], options.freeze, &problem) != CLI_OK)
        return cli_error(problem.code, "%s", problem.text);
    if (figures_make(&figures, &view.image)) {
        code = write_to(options.output, &view, &figures);
        figures_free(&figures);
    } else {
        code = cli_error(CLI_FAILED, "out of memory");
    }
    view_close(&view);
    return code;
}

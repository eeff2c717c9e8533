/* Figures: see figures.h. What src/stats/collect.c computes inside the process is computed here from the copy.
 * SPDX-License-Identifier: MIT */
#include "figures.h"

#include <inttypes.h>
#include <roost/stats.h>
#include <stdio.h>
#include <stdlib.h>

enum { READINGS = 4 };

#define FIGURE(name, kind, unit, help, note) {#name, unit, help, 0, false},
static const struct figure known_rows[] = {ROOST_WALK_TABLE(FIGURE) ROOST_PROCESS_TABLE(FIGURE) ROOST_HEAP_TABLE(FIGURE)
                                               ROOST_CALL_TABLE(FIGURE)};
enum { KNOWN_ROWS = sizeof known_rows / sizeof known_rows[0] };

static struct figure *row_of(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (strcmp(figures->rows[i].name, name) == 0)
            return &figures->rows[i];
    }
    return NULL;
}

uint64_t figures_get(const struct figures *figures, const char *name)
{
    const struct figure *row = row_of(figures, name);
    return row != NULL ? row->value : 0;
}

static void put(struct figures *figures, const struct layout_figure *from, uint64_t value)
{
    struct figure *row = row_of(figures, from->name);
    if (row == NULL) {
        row = &figures->rows[figures->count++];
        *row = (struct figure){.name = from->name, .unit = from->unit, .help = ""};
    }
    row->value = value;
    row->known = true;
}

static void put_known(struct figures *figures, const char *name, uint64_t value)
{
    struct figure *row = row_of(figures, name);
    if (row != NULL) {
        row->value = value;
        row->known = true;
    }
}

/* --- the figures that heaps keep ------------------------------------------------------------------------------------- */

/* Their sums as they are now; false when they cannot be read any more. */
static bool sum_heaps(const struct image *image, uint64_t *sums)
{
    const struct layout *l = image->layout;
    size_t size = l->sizeof_heap_counters;
    char *bytes = malloc(size * 2);
    bool done = bytes != NULL;
    memset(sums, 0, l->heap_figure_count * sizeof *sums);
    for (size_t i = 0; done && i < image->heap_count; i++) {
        uint64_t at = image->heaps[i].address;
        done = image->target->read(image->target, at + l->heap_counters.value, bytes, size) &&
               image->target->read(image->target, at + l->heap_outside.value, bytes + size, size);
        for (size_t f = 0; done && f < l->heap_figure_count; f++) {
            uint64_t own, outside;
            memcpy(&own, bytes + l->heap_figures[f].offset, sizeof own);
            memcpy(&outside, bytes + size + l->heap_figures[f].offset, sizeof outside);
            sums[f] += own + outside;
        }
    }
    free(bytes);
    return done;
}

static uint64_t sum_named(const struct layout *l, const uint64_t *sums, const char *name)
{
    for (size_t f = 0; f < l->heap_figure_count; f++) {
        if (strcmp(l->heap_figures[f].name, name) == 0)
            return sums[f];
    }
    return 0;
}

static void put_heap_figures(struct figures *figures, const struct layout *l, const uint64_t *received,
                             const uint64_t *sums)
{
    static const char prefix[] = "foreign_received_";
    for (size_t f = 0; f < l->heap_figure_count; f++) {
        bool earlier = strncmp(l->heap_figures[f].name, prefix, sizeof prefix - 1) == 0;
        put(figures, &l->heap_figures[f], earlier ? received[f] : sums[f]);
    }
}

static void put_process_figures(struct figures *figures, const struct image *image)
{
    const struct layout *l = image->layout;
    for (size_t f = 0; f < l->process_figure_count; f++) {
        uint64_t value;
        memcpy(&value, image->process + l->process_figures[f].offset, sizeof value);
        put(figures, &l->process_figures[f], value);
    }
}

static void put_calls(struct figures *figures, const struct image *image)
{
    const struct layout *l = image->layout;
    char *bytes = malloc(l->sizeof_os_call_counters);
    if (bytes != NULL && image->target->read(image->target, l->calls, bytes, l->sizeof_os_call_counters)) {
        for (size_t f = 0; f < l->call_figure_count; f++) {
            uint64_t value;
            memcpy(&value, bytes + l->call_figures[f].offset, sizeof value);
            put(figures, &l->call_figures[f], value);
        }
    }
    free(bytes);
}

/* What was received is read before what was sent, or it might be more; of a few readings the one counts in which least was received
 * meanwhile. */
static void put_counters(struct figures *figures, const struct image *image)
{
    const struct layout *l = image->layout;
    size_t count = l->heap_figure_count + 1;
    uint64_t *sums = calloc(count * 3, sizeof *sums);
    uint64_t narrowest = UINT64_MAX;
    put_process_figures(figures, image);
    if (sums == NULL)
        return;
    uint64_t *before = sums, *now = sums + count, *after = sums + count * 2;
    for (int tries = 0; tries < READINGS && narrowest != 0; tries++) {
        if (!sum_heaps(image, before) ||
            !image->target->read(image->target, l->process, image->process, l->sizeof_process_counters) ||
            !sum_heaps(image, now) || !sum_heaps(image, after))
            break;
        uint64_t meanwhile =
            sum_named(l, after, "foreign_received_bytes") - sum_named(l, before, "foreign_received_bytes");
        if (meanwhile >= narrowest)
            continue;
        narrowest = meanwhile;
        put_process_figures(figures, image);
        put_heap_figures(figures, l, before, now);
    }
    if (narrowest == UINT64_MAX)
        put_heap_figures(figures, l, image->received, image->received);
    free(sums);
}

/* --- the figures found by looking -------------------------------------------------------------------------------------- */

static uint64_t difference(uint64_t more, uint64_t less)
{
    return (int64_t)(more - less) > 0 ? more - less : 0;
}

/* Of /proc/PID/status, in bytes. */
static bool status_figure(uint32_t pid, const char *field, uint64_t *bytes)
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/status", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0)
            found = sscanf(line + strlen(field), " %" SCNu64, bytes) == 1;
    }
    if (file != NULL)
        fclose(file);
    *bytes *= 1024;
    return found;
}

static void put_resident(struct figures *figures, const struct image *image)
{
    uint64_t now = 0, peak = 0;
    if (image->target->is_core || !status_figure(image->target->pid, "VmRSS:", &now))
        return;
    status_figure(image->target->pid, "VmHWM:", &peak);
    put_known(figures, "resident", now);
    put_known(figures, "resident_peak", peak > now ? peak : now);
}

static void put_blocks(struct figures *figures, const struct image *image)
{
    uint64_t blocks = 0, bytes = 0, open_blocks = 0, open_bytes = 0;
    for (uint32_t c = 0; c < image->layout->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t held = difference(counts->blocks_out, counts->blocks_ready);
        blocks += held;
        bytes += held * image->layout->classes[c].size;
    }
    for (size_t i = 0; i < image->heap_count; i++) {
        open_blocks += image->heaps[i].open_blocks;
        open_bytes += image->heaps[i].open_bytes;
    }
    uint64_t undrained_blocks = open_blocks + difference(figures_get(figures, "foreign_sent_blocks"),
                                                         figures_get(figures, "foreign_received_blocks"));
    uint64_t undrained_bytes = open_bytes + difference(figures_get(figures, "foreign_sent_bytes"),
                                                       figures_get(figures, "foreign_received_bytes"));
    put_known(figures, "undrained_blocks", undrained_blocks);
    put_known(figures, "undrained_bytes", undrained_bytes);
    put_known(figures, "allocated_blocks", difference(blocks + figures_get(figures, "large_live"), undrained_blocks));
    put_known(figures, "allocated", difference(bytes + figures_get(figures, "large_live_bytes"), undrained_bytes));
}

/* Fields 10 and 12 of /proc/PID/stat. */
static void put_faults(struct figures *figures, const struct image *image)
{
    char path[64], text[1024];
    uint64_t minor, major;
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", image->target->pid);
    FILE *file = image->target->is_core ? NULL : fopen(path, "re");
    if (file == NULL)
        return;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *at = strrchr(text, ')');
    if (at != NULL && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64, &minor, &major) == 2) {
        put_known(figures, "faults_minor", minor);
        put_known(figures, "faults_major", major);
    }
}

static void put_allocs(struct figures *figures, const struct image *image)
{
    uint64_t allocs = figures_get(figures, "large_allocs"), requested = figures_get(figures, "large_requested");
    for (uint32_t c = 0; c < image->layout->class_count; c++) {
        allocs += image->classes[c].allocs;
        requested += image->classes[c].allocs * image->layout->classes[c].size;
    }
    put_known(figures, "allocs", allocs);
    put_known(figures, "requested", requested);
    put_known(figures, "frees", difference(allocs, figures_get(figures, "allocated_blocks")));
}

static void put_walk(struct figures *figures, const struct image *image)
{
    uint64_t pages = 0, segments = 0, parked = 0;
    for (uint32_t c = 0; c < image->layout->class_count; c++)
        pages += image->classes[c].pages;
    for (size_t i = 0; i < image->arena_count; i++)
        segments += image->arenas[i].segment_count;
    for (size_t i = 0; i < image->heap_count; i++)
        parked += image->heaps[i].state == image->layout->const_heap_idle && image->heaps[i].pages != 0;
    put_known(figures, "pages", pages);
    put_known(figures, "segments", segments);
    put_known(figures, "segments_in_use", image->segments_in_use);
    put_known(figures, "heaps_parked", parked);
    put_blocks(figures, image);
    put_allocs(figures, image);
    put_resident(figures, image);
    put_faults(figures, image);
}

/* Those sent one by one are counted apart. */
static void add_alone(struct figures *figures)
{
    static const char *const pairs[][2] = {{"foreign_sent_batches", "foreign_alone_blocks"},
                                           {"foreign_sent_blocks", "foreign_alone_blocks"},
                                           {"foreign_sent_bytes", "foreign_alone_bytes"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct figure *row = row_of(figures, pairs[i][0]);
        if (row != NULL)
            row->value += figures_get(figures, pairs[i][1]);
    }
}

bool figures_make(struct figures *figures, const struct image *image)
{
    const struct layout *l = image->layout;
    size_t most = KNOWN_ROWS + l->process_figure_count + l->heap_figure_count + l->call_figure_count;
    figures->count = KNOWN_ROWS;
    figures->rows = calloc(most, sizeof *figures->rows);
    if (figures->rows == NULL)
        return false;
    memcpy(figures->rows, known_rows, sizeof known_rows);
    put_counters(figures, image);
    add_alone(figures);
    put_calls(figures, image);
    put_walk(figures, image);
    return true;
}

void figures_free(struct figures *figures)
{
    free(figures->rows);
    *figures = (struct figures){.rows = NULL};
}

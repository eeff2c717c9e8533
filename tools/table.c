/* See table.h. SPDX-License-Identifier: MIT */
#include "table.h"

#include "cli.h"
#include "view.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static struct table_row *add_row(struct table *table)
{
    if ((table->count & (table->count - 1)) == 0) {
        size_t capacity = table->count == 0 ? 1 : table->count * 2;
        struct table_row *rows = realloc(table->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return NULL;
        table->rows = rows;
    }
    struct table_row *row = &table->rows[table->count++];
    *row = (struct table_row){.id = 0};
    return row;
}

void table_free(struct table *table)
{
    free(table->rows);
    table->rows = NULL;
    table->count = 0;
}

static void put_text(struct table_row *row, unsigned column, const char *text, double key)
{
    snprintf(row->cells[column], TABLE_CELL, "%.*s", TABLE_CELL - 1, text);
    row->keys[column] = key;
}

static void put_bytes(struct table_row *row, unsigned column, uint64_t bytes)
{
    char text[HUMAN_SIZE];
    put_text(row, column, human(text, bytes), (double)bytes);
}

static void put_count(struct table_row *row, unsigned column, uint64_t count)
{
    char text[TABLE_CELL];
    snprintf(text, sizeof text, "%" PRIu64, count);
    put_text(row, column, text, (double)count);
}

static void put_percent(struct table_row *row, unsigned column, uint64_t part, uint64_t whole)
{
    char text[TABLE_CELL];
    double percent = whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
    snprintf(text, sizeof text, "%.1f%%", percent);
    put_text(row, column, text, percent);
}

/* How many a second since `before`. */
static void put_rate(struct table_row *row, unsigned column, uint64_t id, uint64_t allocs, const struct table *before,
                     double seconds)
{
    char text[TABLE_CELL] = "";
    double rate = 0;
    row->id = id;
    row->allocs = allocs;
    for (size_t i = 0; i < before->count && seconds > 0; i++) {
        if (before->rows[i].id == id && allocs >= before->rows[i].allocs) {
            rate = (double)(allocs - before->rows[i].allocs) / seconds;
            snprintf(text, sizeof text, "%.0f", rate);
        }
    }
    put_text(row, column, text, rate);
}

static void set_columns(struct table *table, unsigned columns, const char *const *heads, const int *widths)
{
    table->columns = columns;
    table->sort = table->sort < columns ? table->sort : 1;
    for (unsigned i = 0; i < columns; i++) {
        table->heads[i] = heads[i];
        table->widths[i] = widths[i];
    }
}

/* --- processes ------------------------------------------------------------------------------------------------------- */

static bool add_process(struct table *table, const char *word, const struct table *before, double seconds)
{
    struct problem problem = {.code = CLI_OK};
    struct view view;
    struct figures figures;
    if (view_open(&view, word, false, &problem) != CLI_OK)
        return true; /* not ours to see, no roost, gone */
    struct table_row *row = add_row(table);
    if (row != NULL && figures_make(&figures, &view.image)) {
        uint64_t in_use = figures_get(&figures, "in_use"), allocated = figures_get(&figures, "allocated");
        put_count(row, 0, view.target.pid);
        put_bytes(row, 1, allocated);
        put_bytes(row, 2, in_use);
        put_percent(row, 3, allocated, in_use);
        put_bytes(row, 4, figures_get(&figures, "resident"));
        put_count(row, 5, figures_get(&figures, "threads"));
        put_rate(row, 6, view.target.pid, figures_get(&figures, "allocs"), before, seconds);
        put_text(row, 7, view.target.program, 0);
        figures_free(&figures);
    }
    view_close(&view);
    return row != NULL;
}

static int fill_processes(struct table *table, const struct table *before, double seconds, struct problem *problem)
{
    static const char *const heads[] = {"PID",      "ALLOCATED", "IN USE",   "FILL",
                                        "RESIDENT", "THREADS",   "ALLOCS/S", "PROGRAM"};
    static const int widths[] = {7, 10, 10, 6, 10, 4, 9, -15};
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    bool done = true;
    set_columns(table, 8, heads, widths);
    if (directory == NULL)
        return problem_set(problem, CLI_NO_TARGET, "the processes cannot be listed: /proc is not there");
    while (done && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strtol(entry->d_name, NULL, 10) != getpid())
            done = add_process(table, entry->d_name, before, seconds);
    }
    closedir(directory);
    snprintf(table->sums[0], TABLE_LINE, "%zu process%s on roost that may be read", table->count,
             table->count == 1 ? "" : "es");
    return done ? CLI_OK : problem_set(problem, CLI_FAILED, "out of memory");
}

/* --- one process ----------------------------------------------------------------------------------------------------- */

static void sum_lines(struct table *table, const struct view *view, const struct figures *figures)
{
    char a[HUMAN_SIZE], b[HUMAN_SIZE], c[HUMAN_SIZE], d[HUMAN_SIZE];
    snprintf(table->sums[0], TABLE_LINE, "%.60s", view->target.label);
    snprintf(table->sums[1], TABLE_LINE, "allocated %s in %" PRIu64 " blocks, in use %s, resident %s",
             human(a, figures_get(figures, "allocated")), figures_get(figures, "allocated_blocks"),
             human(b, figures_get(figures, "in_use")), human(c, figures_get(figures, "resident")));
    snprintf(table->sums[2], TABLE_LINE, "committed %s, free and dirty %s, purged %s, undrained %s",
             human(a, figures_get(figures, "committed")),
             human(b, view->image.free_dirty_slices * view->layout.const_slice_size),
             human(c, figures_get(figures, "purged")), human(d, figures_get(figures, "undrained_bytes")));
    snprintf(table->sums[3], TABLE_LINE,
             "%" PRIu64 " threads, %" PRIu64 " heaps (%" PRIu64 " parked), %" PRIu64 " large blocks of %s",
             figures_get(figures, "threads"), figures_get(figures, "heaps"), figures_get(figures, "heaps_parked"),
             figures_get(figures, "large_live"), human(a, figures_get(figures, "large_live_bytes")));
}

static void fill_classes(struct table *table, const struct image *image, const struct table *before, double seconds)
{
    static const char *const heads[] = {"BLOCK SIZE", "MEMORY", "IN BLOCKS", "FILL",
                                        "BLOCKS",     "READY",  "PAGES",     "ALLOCS/S"};
    static const int widths[] = {10, 10, 10, 7, 11, 8, 7, 9};
    const struct layout *l = image->layout;
    set_columns(table, 8, heads, widths);
    for (uint32_t c = 0; c < l->class_count; c++) {
        const struct image_class *counts = &image->classes[c];
        uint64_t live = counts->blocks_out > counts->blocks_ready ? counts->blocks_out - counts->blocks_ready : 0;
        struct table_row *row = counts->pages != 0 ? add_row(table) : NULL;
        if (row == NULL)
            continue;
        put_count(row, 0, l->classes[c].size);
        put_bytes(row, 1, counts->slices * l->const_slice_size);
        put_bytes(row, 2, live * l->classes[c].size);
        put_percent(row, 3, live * l->classes[c].size, counts->slices * l->const_slice_size);
        put_count(row, 4, live);
        put_count(row, 5, counts->blocks_ready);
        put_count(row, 6, counts->pages);
        put_rate(row, 7, c + 1, counts->allocs, before, seconds);
    }
}

static void fill_heaps(struct table *table, const struct image *image)
{
    static const char *const heads[] = {"THREAD", "MEMORY", "OUT", "READY", "INBOX", "UNSENT", "KEPT", "NAME"};
    static const int widths[] = {8, 10, 10, 9, 9, 9, 9, -15};
    char label[32];
    set_columns(table, 8, heads, widths);
    for (size_t i = 0; i < image->heap_count; i++) {
        const struct image_heap *heap = &image->heaps[i];
        struct table_row *row = add_row(table);
        if (row == NULL)
            return;
        put_count(row, 0, heap->thread_id);
        put_bytes(row, 1, heap->slices * image->layout->const_slice_size);
        put_bytes(row, 2, heap->out_bytes);
        put_bytes(row, 3, heap->ready_bytes);
        put_bytes(row, 4, heap->inbox_bytes);
        put_bytes(row, 5, heap->open_bytes);
        put_bytes(row, 6, heap->kept_bytes);
        put_text(row, 7, heap_label(label, sizeof label, image, heap), 0);
    }
}

int table_fill(struct table *table, enum table_kind kind, uint32_t pid, const struct table *before, double seconds,
               struct problem *problem)
{
    struct view view;
    struct figures figures;
    char word[16];
    *table = (struct table){.sort = table->sort};
    if (kind == TABLE_PROCESSES)
        return fill_processes(table, before, seconds, problem);
    snprintf(word, sizeof word, "%" PRIu32, pid);
    if (view_open(&view, word, false, problem) != CLI_OK)
        return problem->code;
    if (kind == TABLE_CLASSES)
        fill_classes(table, &view.image, before, seconds);
    else
        fill_heaps(table, &view.image);
    if (figures_make(&figures, &view.image)) {
        sum_lines(table, &view, &figures);
        figures_free(&figures);
    }
    view_close(&view);
    return CLI_OK;
}

/* --- order and lines --------------------------------------------------------------------------------------------------- */

static unsigned sorted_by; /* for the comparison alone */

static int row_order(const void *a, const void *b)
{
    const struct table_row *one = a, *other = b;
    double x = one->keys[sorted_by], y = other->keys[sorted_by];
    if (x != y)
        return x < y ? 1 : -1;
    int names = strcmp(one->cells[sorted_by], other->cells[sorted_by]);
    return names != 0 ? names : (one->keys[0] > other->keys[0]) - (one->keys[0] < other->keys[0]);
}

void table_sort(struct table *table)
{
    sorted_by = table->sort;
    if (table->count != 0)
        qsort(table->rows, table->count, sizeof *table->rows, row_order);
}

void table_line(const struct table *table, size_t i, char line[TABLE_LINE])
{
    size_t used = 0;
    line[0] = '\0';
    for (unsigned c = 0; c < table->columns && used < TABLE_LINE - 1; c++) {
        const char *text = i == SIZE_MAX ? table->heads[c] : table->rows[i].cells[c];
        int width = table->widths[c];
        int got = snprintf(line + used, TABLE_LINE - used, "%s%*s", c == 0 ? "" : " ", width, text);
        used += got > 0 ? (size_t)got : 0;
    }
}

/* See view.h. SPDX-License-Identifier: MIT */
#include "view.h"

#include "cli.h"

#include <inttypes.h>

int view_open(struct view *view, const char *word, bool freeze, struct problem *problem)
{
    *view = (struct view){.copies = 0};
    if (target_open(&view->target, word, freeze, problem) != CLI_OK)
        return problem->code;
    if (!view->target.is_core)
        process_find_threads(&view->target);
    if (layout_find(&view->layout, &view->target, &view->copies, problem) == CLI_OK) {
        if (image_read(&view->image, &view->target, &view->layout, problem) == CLI_OK)
            return CLI_OK;
        layout_free(&view->layout);
    }
    target_close(&view->target);
    return problem->code;
}

void view_close(struct view *view)
{
    image_free(&view->image);
    layout_free(&view->layout);
    target_close(&view->target);
}

const char *human(char out[HUMAN_SIZE], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    double amount = (double)bytes;
    for (; amount >= 1024 && unit < 5; unit++)
        amount /= 1024;
    snprintf(out, HUMAN_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
    return out;
}

void print_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < ' ' || c >= 127 ||
                 c == '<') /* '<': the page that holds this shall not see the end of its script */
            fprintf(file, "\\u%04x", (unsigned)c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

const char *heap_label(char *out, size_t size, const struct image *image, const struct image_heap *heap)
{
    const struct target_thread *thread = heap->name_index != 0 ? &image->target->threads[heap->name_index - 1] : NULL;
    if (heap->state == image->layout->const_heap_idle)
        snprintf(out, size, "idle");
    else if (heap->state == image->layout->const_heap_lost)
        snprintf(out, size, "lost");
    else if (thread != NULL && thread->name[0] != '\0')
        snprintf(out, size, "%s", thread->name);
    else
        snprintf(out, size, "thread %" PRIu32, heap->thread_id);
    return out;
}

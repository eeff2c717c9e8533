/* A target opened, found and copied: what every command that looks from outside begins with, and how it prints.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_VIEW_H
#define ROOST_TOOLS_VIEW_H

#include "figures.h"

#include <stdio.h>

struct view {
    struct target target;
    struct layout layout;
    struct image image;
    unsigned copies; /* of roost in the target */
};

/* Open, find, copy. Returns CLI_OK, or an exit code and the cause in *problem, and nothing is open. */
int view_open(struct view *view, const char *word, bool freeze, struct problem *problem);
void view_close(struct view *view);

/* "1.5 MiB" in a buffer of the caller's; returns it. */
enum { HUMAN_SIZE = 24 };
const char *human(char out[HUMAN_SIZE], uint64_t bytes);

/* A string as JSON, quotes included. */
void print_json_string(FILE *file, const char *text);

/* What a heap's thread is called: its name, "idle", "lost", or "thread 12". */
const char *heap_label(char *out, size_t size, const struct image *image, const struct image_heap *heap);

#endif

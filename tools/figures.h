/* The figures of roost/stats.h, as they follow from an image. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_FIGURES_H
#define ROOST_TOOLS_FIGURES_H

#include "image.h"

struct figure {
    const char *name, *unit, *help; /* of the image's layout, or constant */
    uint64_t value;
    bool known; /* false: this target does not tell */
};

struct figures {
    struct figure *rows; /* in the order of the library's own dump; figures that only the target knows come last */
    size_t count;
};

/* False: out of memory. */
bool figures_make(struct figures *figures, const struct image *image);
void figures_free(struct figures *figures);

/* The value of a figure; 0 when it is not known. */
uint64_t figures_get(const struct figures *figures, const char *name);

#endif

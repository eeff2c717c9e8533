/* The tables of roost/stats.h as data, for whoever prints figures. Constant. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_FIGURES_H
#define RST_STATS_FIGURES_H

#include "os/base.h"
#include "roost/stats.h"

typedef struct rst_figure {
    const char *name, *unit, *help;
    size_t offset; /* in its structure, where a uint64_t is */
    bool counter;
} rst_figure;

/* Each ends with a row without a name. */
extern RST_HIDDEN const rst_figure rst_figures[];       /* of roost_stats */
extern RST_HIDDEN const rst_figure rst_class_figures[]; /* of roost_class_stats */
extern RST_HIDDEN const rst_figure rst_heap_figures[];  /* of roost_heap_stats */

RST_INLINE uint64_t rst_figure_value(const rst_figure *figure, const void *structure)
{
    return *(const uint64_t *)((const char *)structure + figure->offset);
}

RST_INLINE bool rst_figure_has_unit(const rst_figure *figure, const char *unit)
{
    const char *a = figure->unit;
    while (*a != '\0' && *a == *unit) {
        a++;
        unit++;
    }
    return *a == *unit;
}

#endif

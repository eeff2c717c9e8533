/* See figures.h. SPDX-License-Identifier: MIT */
#include "stats/figures.h"

enum { KIND_GAUGE = 0, KIND_COUNTER = 1 };

#define FIGURE(name, kind, unit, help, note) {#name, unit, help, offsetof(roost_stats, name), KIND_##kind},
const rst_figure rst_figures[] = {ROOST_WALK_TABLE(FIGURE) ROOST_PROCESS_TABLE(FIGURE) ROOST_HEAP_TABLE(FIGURE)
                                      ROOST_CALL_TABLE(FIGURE){.name = NULL}};

#define CLASS_FIGURE(name, kind, unit, help, note) {#name, unit, help, offsetof(roost_class_stats, name), KIND_##kind},
const rst_figure rst_class_figures[] = {ROOST_CLASS_TABLE(CLASS_FIGURE){.name = NULL}};

#define HEAP_FIGURE(name, kind, unit, help, note) {#name, unit, help, offsetof(roost_heap_stats, name), KIND_##kind},
const rst_figure rst_heap_figures[] = {ROOST_HEAP_ROW_TABLE(HEAP_FIGURE){.name = NULL}};

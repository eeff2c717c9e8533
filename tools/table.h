/* Tables of `roost top`: rows of cells, sorted by a column, on whatever prints lines. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_TABLE_H
#define ROOST_TOOLS_TABLE_H

#include "figures.h"

enum { TABLE_COLUMNS = 8, TABLE_CELL = 24, TABLE_LINE = 80, TABLE_SUMS = 4 };

struct table_row {
    double keys[TABLE_COLUMNS]; /* what a column is sorted by */
    char cells[TABLE_COLUMNS][TABLE_CELL];
    uint64_t allocs; /* ever, for rates; by `id` */
    uint64_t id;
};

struct table {
    const char *heads[TABLE_COLUMNS];
    int widths[TABLE_COLUMNS]; /* negative: to the left */
    unsigned columns, sort;    /* sort: which column, largest first */
    struct table_row *rows;
    size_t count;
    char sums[TABLE_SUMS][TABLE_LINE]; /* lines above it */
};

enum table_kind { TABLE_PROCESSES, TABLE_CLASSES, TABLE_HEAPS };

/* Fill in a table; `before` is the same some `seconds` earlier, for rates, or empty. Keeps table->sort. TABLE_PROCESSES looks at every process
 * that may be read, the others at `pid`. Returns CLI_OK or an exit code. */
int table_fill(struct table *table, enum table_kind kind, uint32_t pid, const struct table *before, double seconds,
               struct problem *problem);
void table_free(struct table *table);
void table_sort(struct table *table);

/* One line of the table, at most TABLE_LINE - 1 characters: row `i`, or the heads for SIZE_MAX. */
void table_line(const struct table *table, size_t i, char line[TABLE_LINE]);

#endif

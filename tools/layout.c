/* The descriptor, read and checked: see layout.h. SPDX-License-Identifier: MIT */
#include "layout.h"

#include "cli.h"

#include <inttypes.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DESCRIPTOR_MAX = 1 << 20,
    STRUCTURE_MAX = 1 << 18, /* bytes of any structure of roost's */
    CLASSES_MAX = 256,
};

/* The descriptor in our memory, its tables found. */
struct tables {
    roost_live_head head;
    const char *bytes;
    const char *names;
};

static bool table_fits(const roost_live_head *head, uint32_t at, uint64_t count, size_t size)
{
    return at <= head->size && count <= (head->size - at) / size;
}

static bool tables_find(struct tables *tables)
{
    const roost_live_head *head = &tables->head;
    if (!table_fits(head, head->classes_at, head->class_count, sizeof(roost_live_class)) ||
        !table_fits(head, head->facts_at, head->fact_count, sizeof(roost_live_fact)) ||
        !table_fits(head, head->names_at, head->names_size, 1) || head->names_size == 0)
        return false;
    tables->names = tables->bytes + head->names_at;
    return tables->names[head->names_size - 1] == '\0' && head->class_count != 0 && head->class_count <= CLASSES_MAX;
}

/* Goes through names and facts together; false at the end. `name` begins as NULL. */
static bool next_fact(const struct tables *tables, const char **name, uint32_t *index, roost_live_fact *fact)
{
    if (*name == NULL) {
        *name = tables->names;
        *index = 0;
    } else {
        *name += strlen(*name) + 1;
        ++*index;
    }
    if (*name >= tables->names + tables->head.names_size || *index >= tables->head.fact_count)
        return false;
    memcpy(fact, tables->bytes + tables->head.facts_at + *index * sizeof *fact, sizeof *fact);
    return true;
}

static bool find_fact(const struct tables *tables, const char *wanted, roost_live_fact *fact, struct problem *problem)
{
    const char *name = NULL;
    uint32_t index;
    while (next_fact(tables, &name, &index, fact)) {
        if (strcmp(name, wanted) == 0)
            return true;
    }
    problem_set(problem, CLI_VERSION, "its roost does not tell \"%s\": this command cannot read that version", wanted);
    return false;
}

/* --- facts --------------------------------------------------------------------------------------------------------------- */

static bool find_size(const struct tables *tables, const char *name, uint32_t *size, struct problem *problem)
{
    roost_live_fact fact;
    if (!find_fact(tables, name, &fact, problem))
        return false;
    *size = fact.value;
    if (fact.value != 0 && fact.value <= STRUCTURE_MAX)
        return true;
    problem_set(problem, CLI_VERSION, "its roost says that %s is %" PRIu32 ", which cannot be", name, fact.value);
    return false;
}

static bool find_member(const struct tables *tables, const char *name, uint32_t size, bool word, roost_live_fact *fact,
                        struct problem *problem)
{
    if (!find_fact(tables, name, fact, problem))
        return false;
    uint32_t extent = fact->extent;
    if (fact->value <= size && extent <= size - fact->value &&
        (!word || extent == 1 || extent == 2 || extent == 4 || extent == 8))
        return true;
    problem_set(problem, CLI_VERSION, "its roost says that %s has %" PRIu32 " bytes at %" PRIu32 ", which cannot be",
                name, extent, fact->value);
    return false;
}

static bool find_facts(struct layout *layout, const struct tables *tables, struct problem *problem)
{
    roost_live_fact fact;
    /* Sizes come first in the table, so members can be checked against them. */
#define FIND_SIZEOF(type) \
    if (!find_size(tables, "sizeof." #type, &layout->sizeof_##type, problem)) \
        return false;
#define FIND_MEMBER(type, member) \
    if (!find_member(tables, #type "." #member, layout->sizeof_##type, false, &layout->type##_##member, problem)) \
        return false;
#define FIND_WORD(type, member) \
    if (!find_member(tables, #type "." #member, layout->sizeof_##type, true, &layout->type##_##member, problem)) \
        return false;
#define FIND_CONSTANT(name) \
    if (!find_fact(tables, "const." #name, &fact, problem)) \
        return false; \
    layout->const_##name = fact.value;
    LAYOUT_TABLE(FIND_SIZEOF, FIND_MEMBER, FIND_WORD, FIND_CONSTANT)
    return true;
}

/* What the reader counts on beyond single facts. */
static bool facts_agree(const struct layout *l)
{
    size_t lists = l->class_count * sizeof(uint64_t);
    return l->heap_list.extent == lists && l->heap_handed.extent == lists && l->heap_active.extent == lists &&
           l->heap_available.extent == lists &&
           l->heap_batch.extent == (uint64_t)l->const_batch_count * l->sizeof_batch &&
           l->heap_counters.extent == l->sizeof_heap_counters && l->heap_outside.extent == l->sizeof_heap_counters &&
           l->group_segment.extent == (uint64_t)l->const_group_segments * l->sizeof_segment &&
           l->group_may_run.extent == (uint64_t)l->const_run_levels * sizeof(uint64_t) && l->const_run_levels >= 1 &&
           l->const_run_levels <= 6 && l->const_segment_slices == 32 && l->const_group_segments == 64 &&
           l->const_slice_size >= 4096 && l->const_slice_size <= 1 << 24 &&
           (l->const_slice_size & (l->const_slice_size - 1)) == 0 && l->const_grain >= 8 && l->const_grain <= 4096 &&
           l->const_arena_max <= 4096 && l->const_inbox_shift >= 32 && l->const_inbox_shift < 64 &&
           l->sizeof_message <= 4096;
}

/* --- classes and figures --------------------------------------------------------------------------------------------------- */

static bool read_classes(struct layout *layout, const struct tables *tables)
{
    size_t size = layout->class_count * sizeof *layout->classes;
    layout->classes = malloc(size);
    if (layout->classes == NULL)
        return false;
    memcpy(layout->classes, tables->bytes + tables->head.classes_at, size);
    for (uint32_t c = 0; c < layout->class_count; c++) {
        const roost_live_class *info = &layout->classes[c];
        uint64_t page = (uint64_t)info->span * layout->const_slice_size;
        if (info->span == 0 || info->span > 64 || info->size < layout->const_grain ||
            info->size % layout->const_grain != 0 || info->capacity == 0 ||
            (uint64_t)info->capacity * info->size > page || info->reserve > info->capacity)
            return false;
    }
    return true;
}

/* The figures whose names begin with `prefix`, "name unit" each. */
static bool read_figures(const struct tables *tables, const char *prefix, uint32_t size, struct layout_figure **figures,
                         size_t *count)
{
    const char *name = NULL;
    uint32_t index;
    roost_live_fact fact;
    size_t length = strlen(prefix);
    *figures = calloc((size_t)tables->head.fact_count + 1, sizeof **figures);
    *count = 0;
    if (*figures == NULL)
        return false;
    while (next_fact(tables, &name, &index, &fact)) {
        struct layout_figure *figure = &(*figures)[*count];
        if (strncmp(name, prefix, length) != 0)
            continue;
        if (fact.extent != 8 || fact.value > size || size - fact.value < 8 ||
            sscanf(name + length, "%47[a-z0-9_] %15[a-zA-Z/]", figure->name, figure->unit) < 1)
            return false;
        figure->offset = fact.value;
        ++*count;
    }
    return true;
}

static int layout_fill(struct layout *layout, struct tables *tables, struct problem *problem)
{
    layout->arenas = tables->head.arenas;
    layout->process = tables->head.process;
    layout->newest = tables->head.newest;
    layout->calls = tables->head.calls;
    layout->roost_version = tables->head.roost_version;
    layout->class_count = tables->head.class_count;
    if (!find_facts(layout, tables, problem))
        return problem->code;
    if (!facts_agree(layout) || !read_classes(layout, tables) ||
        !read_figures(tables, "process.", layout->sizeof_process_counters, &layout->process_figures,
                      &layout->process_figure_count) ||
        !read_figures(tables, "counters.", layout->sizeof_heap_counters, &layout->heap_figures,
                      &layout->heap_figure_count) ||
        !read_figures(tables, "calls.", layout->sizeof_os_call_counters, &layout->call_figures,
                      &layout->call_figure_count))
        return problem_set(problem, CLI_VERSION, "its roost describes a layout that cannot be read");
    return CLI_OK;
}

int layout_read(struct layout *layout, struct target *target, uint64_t address, struct problem *problem)
{
    struct tables tables;
    roost_live_head *head = &tables.head;
    *layout = (struct layout){.arenas = 0};
    if (!target->read(target, address, head, sizeof *head))
        return target->why(target, address, problem);
    if (memcmp(head->magic, ROOST_LIVE_MAGIC, sizeof head->magic) != 0)
        return problem_set(problem, CLI_NO_ROOST, "%s has no roost in it", target->label);
    if (head->version != ROOST_LIVE_VERSION)
        return problem_set(problem, CLI_VERSION,
                           "%s runs roost with descriptor version %" PRIu32 ", this command reads version %d",
                           target->label, head->version, ROOST_LIVE_VERSION);
    if (head->ready != 1)
        return problem_set(problem, CLI_NO_ROOST, "%s has roost in it, but does not use it (yet)", target->label);
    if (head->size < sizeof *head || head->size > DESCRIPTOR_MAX)
        return problem_set(problem, CLI_VERSION, "%s: roost's descriptor is damaged", target->label);
    char *bytes = malloc(head->size);
    if (bytes == NULL)
        return problem_set(problem, CLI_FAILED, "out of memory");
    tables.bytes = bytes;
    if (!target->read(target, address, bytes, head->size))
        target->why(target, address, problem);
    else if (!tables_find(&tables))
        problem_set(problem, CLI_VERSION, "%s: roost's descriptor is damaged", target->label);
    else
        layout_fill(layout, &tables, problem);
    free(bytes);
    if (problem->code != CLI_OK)
        layout_free(layout);
    return problem->code;
}

void layout_free(struct layout *layout)
{
    free(layout->classes);
    free(layout->process_figures);
    free(layout->heap_figures);
    free(layout->call_figures);
    *layout = (struct layout){.arenas = 0};
}

/* Copying roost's structures: see image.h. SPDX-License-Identifier: MIT */
#include "image.h"

#include "cli.h"

#include <stdlib.h>

enum { COPY_PIECE = 1 << 20, HEAPS_MAX = 1 << 20, ADDRESS_BITS = 57 };

/* --- copying ------------------------------------------------------------------------------------------------------------- */

/* A copy of `size` bytes, got piece by piece, so that a size that cannot be true takes no more memory than there is to read. */
static char *copy(struct target *target, uint64_t address, uint64_t size, struct problem *problem)
{
    char *bytes = NULL;
    uint64_t have = 0, capacity = 0;
    while (have < size || bytes == NULL) {
        uint64_t here = size - have < COPY_PIECE ? size - have : COPY_PIECE;
        if (have + here > capacity || bytes == NULL) {
            capacity = capacity * 2 > have + here ? capacity * 2 : have + here;
            capacity = capacity < size ? capacity : size;
            char *more = realloc(bytes, capacity + sizeof(uint64_t));
            if (more == NULL) {
                problem_set(problem, CLI_FAILED, "out of memory");
                break;
            }
            bytes = more;
        }
        if (!target->read(target, address + have, bytes + have, here)) {
            target->why(target, address + have, problem);
            break;
        }
        have += here;
        if (have == size)
            return bytes;
    }
    free(bytes);
    return NULL;
}

static int damaged(struct target *target, const char *what, struct problem *problem)
{
    return problem_set(problem, CLI_LOST, "%s: roost's table of arenas is damaged: %s", target->label, what);
}

static int arena_check(const struct image *image, struct image_arena *arena, struct problem *problem)
{
    const struct layout *l = image->layout;
    uint64_t segment = (uint64_t)l->const_segment_slices * l->const_slice_size;
    if (arena->base % segment != 0 || arena->base >> ADDRESS_BITS != 0 || arena->size >> ADDRESS_BITS != 0 ||
        arena->slices_at >> ADDRESS_BITS != 0 || arena->groups_at >> ADDRESS_BITS != 0)
        return damaged(image->target, "an address cannot be", problem);
    if (arena->frontier > arena->size || arena->frontier % segment != 0)
        return damaged(image->target, "a frontier cannot be", problem);
    arena->slice_count = (size_t)(arena->frontier / l->const_slice_size);
    arena->segment_count = arena->slice_count / l->const_segment_slices;
    return CLI_OK;
}

static int arena_read(struct image *image, const char *bytes, struct problem *problem)
{
    const struct layout *l = image->layout;
    struct image_arena *arena = &image->arenas[image->arena_count];
    *arena = (struct image_arena){.base = layout_get(bytes, l->arena_base),
                                  .size = layout_get(bytes, l->arena_size),
                                  .slices_at = layout_get(bytes, l->arena_slices),
                                  .groups_at = layout_get(bytes, l->arena_groups),
                                  .frontier = layout_get(bytes, l->arena_frontier)};
    if (arena_check(image, arena, problem) != CLI_OK)
        return problem->code;
    image->arena_count++;
    if (arena->slice_count == 0)
        return CLI_OK;
    size_t groups = (arena->segment_count + l->const_group_segments - 1) / l->const_group_segments;
    arena->slices = copy(image->target, arena->slices_at, arena->slice_count * (uint64_t)l->sizeof_slice, problem);
    if (arena->slices != NULL)
        arena->groups = copy(image->target, arena->groups_at, groups * (uint64_t)l->sizeof_group, problem);
    return problem->code;
}

static int arenas_read(struct image *image, struct problem *problem)
{
    const struct layout *l = image->layout;
    char *table = copy(image->target, l->arenas, (uint64_t)l->const_arena_max * l->sizeof_arena, problem);
    image->arenas = calloc((size_t)l->const_arena_max + 1, sizeof *image->arenas);
    if (table == NULL || image->arenas == NULL) {
        free(table);
        return problem_set(problem, CLI_FAILED, "out of memory");
    }
    for (uint32_t i = 0; i < l->const_arena_max && problem->code == CLI_OK; i++) {
        const char *bytes = table + (size_t)i * l->sizeof_arena;
        if (layout_get(bytes, l->arena_base) == 0) /* those behind are not in use */
            break;
        arena_read(image, bytes, problem);
    }
    free(table);
    return problem->code;
}

/* --- heaps ----------------------------------------------------------------------------------------------------------------- */

static int heap_order(const void *a, const void *b)
{
    const struct image_heap *one = a, *other = b;
    return (one->address > other->address) - (one->address < other->address);
}

/* The heaps are a list; one that was damaged may be a circle. */
static int heaps_read(struct image *image, struct problem *problem)
{
    const struct layout *l = image->layout;
    struct target *target = image->target;
    uint64_t address, seen = 0, power = 1, steps = 0;
    size_t capacity = 0;
    if (!target->read(target, l->newest, &address, sizeof address))
        return target->why(target, l->newest, problem);
    while (address != 0) {
        if (image->heap_count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            struct image_heap *heaps = realloc(image->heaps, capacity * sizeof *heaps);
            image->heaps = heaps != NULL ? heaps : image->heaps;
            char *bytes = heaps != NULL ? realloc(image->heap_bytes, capacity * l->sizeof_heap) : NULL;
            if (bytes == NULL)
                return problem_set(problem, CLI_FAILED, "out of memory");
            image->heap_bytes = bytes;
        }
        char *bytes = image->heap_bytes + image->heap_count * l->sizeof_heap;
        if (!target->read(target, address, bytes, l->sizeof_heap))
            return target->why(target, address, problem);
        image->heaps[image->heap_count++] = (struct image_heap){.address = address};
        if (address == seen || image->heap_count == HEAPS_MAX)
            return problem_set(problem, CLI_LOST, "%s: roost's list of heaps has no end", target->label);
        if (++steps == power) { /* Brent's way to find a circle */
            seen = address;
            power *= 2;
            steps = 0;
        }
        address = layout_get(bytes, l->heap_next_heap);
    }
    return CLI_OK;
}

static void heaps_settle(struct image *image)
{
    const struct layout *l = image->layout;
    for (size_t i = 0; i < image->heap_count; i++) {
        struct image_heap *heap = &image->heaps[i];
        heap->bytes = image->heap_bytes + i * l->sizeof_heap;
        heap->thread_id = (uint32_t)layout_get(heap->bytes, l->heap_thread_id);
        heap->state = (uint32_t)layout_get(heap->bytes, l->heap_state);
        heap->number = layout_get(heap->bytes, l->heap_number);
        for (size_t t = 0; t < image->target->thread_count; t++) {
            if (heap->thread_id != 0 && image->target->threads[t].id == heap->thread_id)
                heap->name_index = (uint32_t)t + 1;
        }
    }
    if (image->heap_count != 0)
        qsort(image->heaps, image->heap_count, sizeof *image->heaps, heap_order);
}

struct image_heap *image_heap_at(const struct image *image, uint64_t address)
{
    struct image_heap key = {.address = address};
    if (image->heap_count == 0)
        return NULL;
    return bsearch(&key, image->heaps, image->heap_count, sizeof key, heap_order);
}

/* --- addresses --------------------------------------------------------------------------------------------------------------- */

/* Copy again what was copied from an address; whether it is another one. */
static bool copy_changed(struct target *target, uint64_t address, char *bytes, size_t size)
{
    char now[256];
    if (size > sizeof now || !target->read(target, address, now, size) || memcmp(bytes, now, size) == 0)
        return false;
    memcpy(bytes, now, size);
    return true;
}

bool image_page_changed(const struct image *image, const struct image_run *run)
{
    const struct layout *l = image->layout;
    const struct image_heap *heap = image_heap_at(image, run->owner);
    size_t at = run->index * l->sizeof_slice;
    bool changed = copy_changed(image->target, run->arena->slices_at + at, run->arena->slices + at, l->sizeof_slice);
    uint64_t words[] = {l->heap_active.value, l->heap_list.value};
    for (size_t i = 0; heap != NULL && i < sizeof words / sizeof words[0]; i++) {
        uint64_t word = words[i] + run->size_class * sizeof word;
        char *bytes = image->heap_bytes + (heap->bytes - image->heap_bytes) + word;
        changed |= copy_changed(image->target, heap->address + word, bytes, sizeof word);
    }
    return changed;
}

const struct image_arena *image_arena_of(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->arena_count; i++) {
        if (address - image->arenas[i].base < image->arenas[i].frontier)
            return &image->arenas[i];
    }
    return NULL;
}

uint64_t image_memory_of(const struct image *image, uint64_t slice_address, const struct image_arena **arena,
                         size_t *index)
{
    uint32_t size = image->layout->sizeof_slice;
    for (size_t i = 0; i < image->arena_count; i++) {
        uint64_t offset = slice_address - image->arenas[i].slices_at;
        if (offset / size >= image->arenas[i].slice_count || offset % size != 0)
            continue;
        *arena = &image->arenas[i];
        *index = (size_t)(offset / size);
        return image->arenas[i].base + (uint64_t)*index * image->layout->const_slice_size;
    }
    return 0;
}

/* --- windows ----------------------------------------------------------------------------------------------------------------- */

enum { PIECE = 4096 };

bool window_open(struct image_window *window, struct target *target, uint64_t start, uint64_t size)
{
    *window = (struct image_window){.target = target, .start = start, .size = size};
    window->bytes = malloc(size + PIECE);
    window->have = calloc(size / PIECE / 64 + 1, sizeof *window->have);
    return window->bytes != NULL && window->have != NULL;
}

void window_close(struct image_window *window)
{
    free(window->bytes);
    free(window->have);
}

bool window_word(struct image_window *window, uint64_t address, uint64_t *value)
{
    uint64_t offset = address - window->start;
    if (offset >= window->size || window->size - offset < sizeof *value || offset % sizeof *value != 0)
        return false;
    uint64_t piece = offset / PIECE;
    if ((window->have[piece / 64] >> piece % 64 & 1) == 0) {
        uint64_t at = piece * PIECE;
        uint64_t here = window->size - at < PIECE ? window->size - at : PIECE;
        if (!window->target->read(window->target, window->start + at, window->bytes + at, here)) {
            window->unreadable = window->start + at;
            return false;
        }
        window->have[piece / 64] |= (uint64_t)1 << piece % 64;
    }
    memcpy(value, window->bytes + offset, sizeof *value);
    return true;
}

/* --- all of it --------------------------------------------------------------------------------------------------------------- */

/* What was received is read before what was sent, or it might be more. */
static bool read_received(struct image *image)
{
    const struct layout *l = image->layout;
    image->received = calloc(l->heap_figure_count + 1, sizeof *image->received);
    for (size_t i = 0; image->received != NULL && i < image->heap_count; i++) {
        const char *bytes = image->heap_bytes + i * l->sizeof_heap;
        for (size_t f = 0; f < l->heap_figure_count; f++) {
            uint32_t offset = l->heap_figures[f].offset;
            uint64_t own, outside;
            memcpy(&own, bytes + l->heap_counters.value + offset, sizeof own);
            memcpy(&outside, bytes + l->heap_outside.value + offset, sizeof outside);
            image->received[f] += own + outside;
        }
    }
    return image->received != NULL;
}

int image_read(struct image *image, struct target *target, const struct layout *layout, struct problem *problem)
{
    *image = (struct image){.layout = layout, .target = target};
    if (arenas_read(image, problem) == CLI_OK && heaps_read(image, problem) == CLI_OK) {
        image->process = copy(target, layout->process, layout->sizeof_process_counters, problem);
        image->classes = calloc(layout->class_count, sizeof *image->classes);
        if (problem->code == CLI_OK && (image->classes == NULL || !read_received(image)))
            problem_set(problem, CLI_FAILED, "out of memory");
    }
    if (problem->code == CLI_OK) {
        heaps_settle(image);
        image_count(image);
        if (image->unreadable != 0 &&
            target->is_core) /* else it was unmapped meanwhile, or is going to be found damaged */
            target->why(target, image->unreadable, problem);
    }
    if (problem->code != CLI_OK)
        image_free(image);
    return problem->code;
}

void image_free(struct image *image)
{
    for (size_t i = 0; i < image->arena_count; i++) {
        free(image->arenas[i].slices);
        free(image->arenas[i].groups);
    }
    free(image->arenas);
    free(image->heaps);
    free(image->heap_bytes);
    free(image->process);
    free(image->received);
    free(image->classes);
    *image = (struct image){.layout = NULL};
}

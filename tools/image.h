/* A copy of roost's own structures in a target, and what they say of pages, blocks and heaps. Copying takes a moment in which a live process
 * goes on: so each page and heap is as it was at some time in it, and nothing that is read is followed unchecked.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_IMAGE_H
#define ROOST_TOOLS_IMAGE_H

#include "layout.h"

struct image_arena {
    uint64_t base, size, slices_at, groups_at;
    uint64_t frontier;
    size_t slice_count, segment_count;
    char *slices; /* copies of the descriptors, slice_count of them */
    char *groups; /* of the groups that have the segments */
};

struct image_heap {
    uint64_t address;
    uint32_t thread_id, state;
    uint64_t number;                        /* in the order in which they were made */
    uint32_t name_index;                    /* into the target's threads plus 1; 0: none */
    uint64_t pages, slices, out, out_bytes; /* of its pages: how many, in how many slices, blocks that are out */
    uint64_t ready_blocks, ready_bytes;     /* in its lists, to be handed out */
    uint64_t open_blocks, open_bytes;       /* freed for others, in open batches */
    uint64_t inbox_bytes;                   /* sent to it and not taken in, rounded up to the backlog's unit */
    uint64_t kept_blocks, kept_bytes;       /* that outsiders keep beside its pages */
    const char *bytes;
};

struct image_class {
    uint64_t pages, slices, blocks_out, blocks_ready, blocks_kept, blocks_open;
    uint64_t allocs; /* ever */
};

struct image {
    const struct layout *layout;
    struct target *target;
    struct image_arena *arenas;
    size_t arena_count;
    struct image_heap *heaps; /* by address */
    size_t heap_count;
    char *heap_bytes;
    char *process;      /* rst_process_counters */
    uint64_t *received; /* the heaps' figures, read before all others: see figures.c */
    struct image_class *classes;
    uint64_t large_blocks, large_slices, large_bytes;
    uint64_t free_dirty_slices, free_clean_slices; /* below the frontiers; dirty ones may be resident */
    uint64_t segments_in_use;
    uint64_t unreadable; /* memory of a page that could not be read when it was needed; 0: none */
};

/* Copy everything and count. Returns CLI_OK or an exit code. */
int image_read(struct image *image, struct target *target, const struct layout *layout, struct problem *problem);
void image_free(struct image *image);

/* The part of it that counts what was copied. */
void image_count(struct image *image);

/* One page or large block, or one slice that is neither. */
enum image_kind { IMAGE_FREE, IMAGE_CLAIMED, IMAGE_PAGE, IMAGE_LARGE, IMAGE_STRANGE };

struct image_run {
    const struct image_arena *arena;
    size_t index; /* of the first slice */
    size_t span;
    enum image_kind kind;
    const char *slice; /* its descriptor */
    uint32_t size_class, state, carved, out, kept;
    uint32_t in_holes; /* blocks that begin in memory that was given back: free, and in no list */
    bool held;         /* an outsider is changing its list */
    uint64_t owner;    /* address of the heap */
    uint64_t large_size;
    bool dirty; /* of a free slice: may be resident */
};

/* The run that begins at a slice. A descriptor that makes no sense is IMAGE_STRANGE, one slice long. */
void image_run_at(const struct image *image, const struct image_arena *arena, size_t index, struct image_run *run);

/* Read a page's descriptor anew, and what its heap hands out of its class. True: they have changed meanwhile, and the copies with them; `run` is
 * to be looked up again. False: they stood still since they were copied, or cannot be read. */
bool image_page_changed(const struct image *image, const struct image_run *run);

/* The run that a block lies in, by the descriptors; false when there is none. It may be no page. */
bool image_run_around(const struct image *image, uint64_t block, struct image_run *run);

/* Blocks of a page that are neither back with it nor kept beside it. */
uint32_t image_blocks_out(const struct layout *layout, const char *slice);

/* The heap at an address, or NULL. */
struct image_heap *image_heap_at(const struct image *image, uint64_t address);

/* The arena whose committed part an address lies in, or NULL. */
const struct image_arena *image_arena_of(const struct image *image, uint64_t address);

/* The address of a page's memory to which a descriptor's address leads; 0 when it is no descriptor. */
uint64_t image_memory_of(const struct image *image, uint64_t slice_address, const struct image_arena **arena,
                         size_t *index);

static inline const char *image_segment(const struct image *image, const struct image_arena *arena, size_t segment)
{
    const struct layout *l = image->layout;
    const char *group = arena->groups + segment / l->const_group_segments * l->sizeof_group;
    return group + l->group_segment.value + segment % l->const_group_segments * l->sizeof_segment;
}

/* A page's memory, copied piece by piece as it is needed. */
struct image_window {
    struct target *target;
    uint64_t start, size;
    char *bytes;
    uint64_t *have;      /* a bit for each piece */
    uint64_t unreadable; /* an address that could not be read; 0: none */
};

bool window_open(struct image_window *window, struct target *target, uint64_t start, uint64_t size);
void window_close(struct image_window *window);
/* The 8 bytes at an address inside the window; false when they cannot be read. */
bool window_word(struct image_window *window, uint64_t address, uint64_t *value);

#endif

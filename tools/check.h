/* Checking a heap's invariants on an image. A round collects findings. On a live process a finding may come from its being at work while it was
 * read; then it is gone in a later round, and only what stays exactly as it was counts. In a core or a frozen process a thread may
 * stand in the midst of a change: then what may not hold for that moment is told as such.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_CHECK_H
#define ROOST_TOOLS_CHECK_H

#include "image.h"

/* Who may be in the midst of a change that explains a finding. */
enum { BY_NOBODY = 0, BY_ANYBODY = 1 }; /* else: the address of a heap, by its owner or the holder of its token */

struct finding {
    uint64_t address;  /* of the page's memory, the block, the heap or the segment */
    const char *what;  /* a constant; "%llx" or "%llu" in it stands for `evidence` */
    uint64_t evidence; /* what was seen there; the same finding has the same */
    uint64_t where;    /* and stands at the same address; 0: it is of the whole */
    uint64_t by;
    uint32_t block_size; /* of the page's class; 0: it is none of a page */
};

struct round {
    const struct image *image;
    struct finding *findings;
    size_t count, capacity;
    bool out_of_memory;
    /* Blocks that are on their way home, or kept beside pages: by address, once all are collected. */
    uint64_t *travelling;
    size_t travelling_count, travelling_capacity;
    uint64_t pages, blocks; /* how much was looked at */
    uint64_t unclaimed;     /* slices that are claimed, and no page or large block has them */
    uint64_t unreadable;    /* memory that a core file should have, and has not; 0: none */
};

void round_add(struct round *round, struct finding finding);
/* The same of memory that cannot be read: a live process has all of it, so it is damage; a core file is not whole. */
void round_unreadable(struct round *round, struct finding finding);
void round_travelling(struct round *round, uint64_t block);

/* A chain of free blocks of one page: follow `next` from `head`, at most `most` blocks. */
struct chain {
    const struct image *image;
    const struct image_run *page; /* IMAGE_PAGE */
    struct image_window window;
    uint64_t *seen; /* a bit for each block of the page, over all chains that are followed in it */
    uint64_t bad;   /* where it went wrong */
    uint64_t last;  /* the last good block */
};

enum chain_end {
    CHAIN_ENDED,      /* by NULL, or `most` blocks were found */
    CHAIN_OUT,        /* it leads out of the page, between blocks, or to one that was never made */
    CHAIN_AGAIN,      /* to a block that was seen already */
    CHAIN_UNREADABLE, /* its memory is not there */
};

bool chain_open(struct chain *chain, const struct image *image, const struct image_run *page);
void chain_close(struct chain *chain);
enum chain_end chain_follow(struct chain *chain, uint64_t head, uint32_t most, uint32_t *count);
/* Of a chain that did not end, without an address. */
static inline struct finding chain_finding(const struct chain *chain, const char *what, uint64_t by)
{
    return (struct finding){.what = what, .evidence = chain->bad, .where = chain->last, .by = by};
}

/* The blocks of the page that are free without a list, where memory was given back: not more, nor fewer, than it counts, or CHAIN_OUT. A core
 * file from a machine with OS pages of another size counts otherwise. */
enum chain_end chain_holes(struct chain *chain, uint32_t *count);
/* Index of a block in the page; UINT32_MAX when there is none. */
uint32_t chain_index(const struct chain *chain, uint64_t block);

/* The rounds' parts: lists and messages of heaps first, then pages, then slices and figures. */
void check_heaps(struct round *round);
void check_pages(struct round *round);

#endif

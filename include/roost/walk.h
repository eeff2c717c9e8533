/* roost: the heap, page by page and block by block, and what is known of an address.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_WALK_H
#define ROOST_WALK_H

#include "roost/roost.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The heap of a large block: none. */
#define ROOST_NO_HEAP UINT32_MAX

/** A page: memory that one heap has cut into blocks of one size. Or a large block, which has memory of its own and no heap. */
typedef struct roost_page {
    size_t size;       /**< of this structure, as far as it is filled. Later versions may add fields at the end */
    void *memory;      /**< where it begins */
    size_t bytes;      /**< what it takes of the address space */
    size_t block_size; /**< usable bytes of each of its blocks */
    uint32_t blocks;   /**< cut so far: those that are told of; 1 of a large block */
    uint32_t used;     /**< of these: held by the program */
    uint32_t heap;     /**< number of the heap that owns it, as in roost_heap_stats; ROOST_NO_HEAP: a large block */
    uint32_t
        settled; /**< 1: all of this and its blocks are as at one moment; 0: it would not hold still, and is a guess */
} roost_page;

/** A block of a page. */
typedef struct roost_block {
    size_t size;   /**< of this structure, as above */
    void *memory;  /**< where it begins: what malloc returned */
    size_t bytes;  /**< usable: what roost_usable_size answers */
    uint32_t used; /**< 1: held by the program; 0: free, or freed and on its way home */
    uint32_t unused;
} roost_block;

/** Whose pages roost_heap_walk tells of. */
enum {
    ROOST_WALK_MINE = 0, /**< those of the calling thread's heap; no large blocks, which have no heap */
    ROOST_WALK_ALL = 1   /**< those of all heaps, also of threads that have ended; and large blocks */
};

/** How a callback has the walk go on. */
enum {
    ROOST_WALK_ON = 0,   /**< with all that there is */
    ROOST_WALK_SKIP = 1, /**< without the blocks of this page that were not told of yet */
    ROOST_WALK_STOP = 2  /**< not at all */
};

/** Called for each page with `block` NULL, and then for each of its blocks, in the order of their addresses. Both structures are
 *  the callback's only until it returns. @return ROOST_WALK_ON, ROOST_WALK_SKIP or ROOST_WALK_STOP. */
typedef int roost_walk_callback(const roost_page *page, const roost_block *block, void *argument);

/** Walk over pages and blocks. Stops nobody, waits for no lock, allocates nothing. First this thread sends what it has freed for others
 *  and takes in what they have freed for it; with ROOST_WALK_ALL the same is had of the other heaps as far as it can be.
 *
 *  Consistency. The calling thread's own pages are told exactly. A page of another thread is told as it was at one moment between call and
 *  return (`settled` 1). So a block that the program holds from before the call until after it is told as used, and one that was
 *  free all the time as free; one that another thread allocates or frees meanwhile, and a page that is made or given back meanwhile, may be told
 *  of either way. A block that was freed by a thread that does not own its page may be told as used while the message of it
 *  is under way: `undrained_blocks` of roost_stats counts those. A page that changed during each of several readings comes with `settled` 0:
 *  what is told of its blocks is then a guess.
 *
 *  The callback may call any function, these and malloc and free included, and must not leave by an exception; the page it is told of is not read again because of that. It must not
 *  read a block of which it does not know by other means that no thread is about to free it.
 *  @return 0: all was told; 1: the callback stopped it; -1 with EINVAL: no callback, or `whose` is none of the above. */
ROOST_API int roost_heap_walk(int whose, roost_walk_callback *callback, void *argument) ROOST_NOEXCEPT;

/** What is known of an address: the block that it lies in, not only at the beginning, and that block's page. Any address may be asked; takes time in
 *  proportion to the blocks of the page. As consistent as roost_heap_walk, so exact for a block that the caller holds.
 *  @param page,block filled if not NULL; `size` set to sizeof before the call: so much is filled
 *  @return 0; -1 with ENOENT when it lies in no block: it is not roost's, or its memory is not cut into blocks now; then neither is
 *  filled. Otherwise errno is kept. */
ROOST_API int roost_block_info(const void *address, roost_page *page, roost_block *block) ROOST_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif

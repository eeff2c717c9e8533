/* Large blocks: above RST_MEDIUM_MAX, or of an alignment that a page cannot give, each a run of slices of its own.
 * They have no owner: any thread frees them straight to the arena. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_LARGE_H
#define RST_CORE_LARGE_H

#include "core/arena.h"

/* Once, before the first block: what the machine has decides how much may ask for huge pages untried. */
void rst_large_start(void);

/* A block of at least `size` bytes (any, up to RST_SIZE_MAX) aligned to `alignment` (a power of two). With `zero` it reads
 * as zero. NULL: out of memory. */
void *rst_large_alloc(size_t size, size_t alignment, bool zero);

/* Give back the block whose first slice is `first`. */
void rst_large_free(rst_slice *first);

/* Change the size without moving. False: not possible, nothing changed. */
bool rst_large_resize(rst_slice *first, size_t size);

/* Another large block of `size` bytes with the same contents, got by moving page tables; the old one is freed.
 * NULL: not possible, nothing changed. */
void *rst_large_move(rst_slice *first, size_t size);

/* The first slice of the large block that a slice further on in it belongs to; SIZE_MAX: none. Any thread; a guess where others claim or
 * release it. */
size_t rst_large_around(rst_arena *arena, size_t index);

/* Usable bytes of a large block of `size`. */
size_t rst_large_good_size(size_t size);

#endif

/* An image packed for the page: bytes that grow, and what the page's script unpacks. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_PACK_H
#define ROOST_TOOLS_PACK_H

#include "image.h"

#include <stdio.h>

struct pack {
    unsigned char *bytes;
    size_t size, capacity;
    bool out_of_memory;
};

void pack_number(struct pack *pack, uint64_t value, unsigned bytes); /* little-endian */
void pack_free(struct pack *pack);
/* As a JSON string in base64. */
void pack_print(FILE *file, const struct pack *pack);

/* Records of 20 bytes, one for each page, large block or claimed slice of an arena:
 *   4 first slice, 4 slices, 1 kind (1 page, 2 large, 3 claimed), 1 class, 2 heap (0xffff: none),
 *   of a page 2 blocks in use and 2 blocks made; of a large block 4 its size in 4 KiB; 4 where its bits begin (0xffffffff: not
 *   known, 0xfffffffe: all made blocks are in use)
 * A bit is set for a block that is free. Pages whose bits would go beyond `most` bytes have none, and are counted in *left_out. */
void pack_runs(struct pack *runs, struct pack *bits, const struct image *image, const struct image_arena *arena,
               size_t most, uint64_t *left_out);

/* A 32-bit word for each segment: its slices that are free and may be resident. */
void pack_dirty(struct pack *pack, const struct image *image, const struct image_arena *arena);

/* A byte for each slice: how many sixteenths of it are resident. False: that cannot be told. */
bool pack_resident(struct pack *pack, const struct image *image, const struct image_arena *arena);

#endif

/* Size classes: which size is served by blocks of which size.
 *
 * 16-byte steps up to 128, then four classes for each doubling up to 64 KiB, so that no more than 20 % of a block is wasted
 * above 128 bytes, found in a byte table. Classes up to 8 KiB ("small") live in pages of one slice, the others ("medium") in pages
 * of four.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_SIZECLASS_H
#define RST_CORE_SIZECLASS_H

#include "core/layout.h"

#define RST_GRAIN 16
#define RST_LINEAR_CLASSES 8 /* 16, 32, ... 128 */
#define RST_LINEAR_MAX ((size_t)RST_GRAIN * RST_LINEAR_CLASSES)
#define RST_SMALL_MAX (8 * RST_KIB)
#define RST_MEDIUM_MAX (64 * RST_KIB)
#define RST_SMALL_CLASSES (RST_LINEAR_CLASSES + 4 * 6) /* 128 << 6 is 8 KiB */
#define RST_CLASS_COUNT (RST_SMALL_CLASSES + 4 * 3)    /* 8 KiB << 3 is 64 KiB */
#define RST_MEDIUM_SLICES 4

static_assert(RST_LINEAR_MAX << 6 == RST_SMALL_MAX && RST_SMALL_MAX << 3 == RST_MEDIUM_MAX, "class counts follow");

typedef struct rst_class_info {
    uint32_t size;     /* bytes of a block */
    uint16_t capacity; /* blocks of a page */
    uint16_t span;     /* slices of a page */
    uint16_t chunk;    /* blocks carved at once */
    uint16_t reserve;  /* blocks that must come back before a full page is available again */
    uint32_t shift;    /* size is an odd number times 2 to this */
    uint64_t inverse;  /* times that odd number: 1, modulo 2 to the 64 */
} rst_class_info;

extern RST_HIDDEN const rst_class_info rst_classes[RST_CLASS_COUNT];

/* Class of size n at [(n + 15) / 16], n <= RST_MEDIUM_MAX; n = 0 is class 0. */
extern RST_HIDDEN const uint8_t rst_class_table[RST_MEDIUM_MAX / RST_GRAIN + 1];

/* Class of a size of 0 to RST_MEDIUM_MAX bytes. */
RST_INLINE size_t rst_class_of(size_t size)
{
    return rst_class_table[(size + RST_GRAIN - 1) / RST_GRAIN];
}

/* Which block begins `offset` bytes into a page of the class. Not below RST_GRAIN * RST_SLICE_SIZE when none does: what does not divide
 * leaves ones at the top. */
RST_INLINE uint64_t rst_class_index(const rst_class_info *info, uint64_t offset)
{
    uint64_t product = offset * info->inverse;
    return product >> info->shift | product << (64 - info->shift);
}

/* The least class whose every block is aligned to `alignment` (a power of two up to RST_MEDIUM_MAX) and has `size` bytes;
 * RST_CLASS_COUNT when none. Pages begin at a slice and have no header, so a block is as aligned as its size. */
unsigned rst_class_of_aligned(size_t size, size_t alignment);

#endif

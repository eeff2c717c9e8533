/* The tables of sizeclass.h, written out: they are constants, so that nothing has to be computed at start-up and the
 * table is shared between processes. tests/unit/test_sizeclass.c recomputes every entry.
 * SPDX-License-Identifier: MIT */
#include "core/sizeclass.h"

/* A page of `size` byte blocks. 4 KiB are carved at once, or one block. */
#define CLASS_SPAN(size) ((size) <= RST_SMALL_MAX ? 1 : RST_MEDIUM_SLICES)
#define CLASS_CAPACITY(size) (CLASS_SPAN(size) * RST_SLICE_SIZE / (size))
#define CLASS(size) \
    { \
        (size), CLASS_CAPACITY(size), CLASS_SPAN(size), (size) <= 4096 ? 4096 / (size) : 1, \
            CLASS_CAPACITY(size) < 16 ? 1 : CLASS_CAPACITY(size) / 8, __builtin_ctz(size), \
            INVERSE((size) >> __builtin_ctz(size)) \
    }
/* Of the odd numbers up to 7, modulo 2 to the 64. */
#define INVERSE(odd) \
    ((odd) == 7 ? 0x6db6db6db6db6db7u : (odd) == 5 ? 0xcccccccccccccccdu : (odd) == 3 ? 0xaaaaaaaaaaaaaaabu : 1u)

/* clang-format off */
const rst_class_info rst_classes[RST_CLASS_COUNT] = {
    CLASS(16), CLASS(32), CLASS(48), CLASS(64),
    CLASS(80), CLASS(96), CLASS(112), CLASS(128),
    CLASS(160), CLASS(192), CLASS(224), CLASS(256),
    CLASS(320), CLASS(384), CLASS(448), CLASS(512),
    CLASS(640), CLASS(768), CLASS(896), CLASS(1024),
    CLASS(1280), CLASS(1536), CLASS(1792), CLASS(2048),
    CLASS(2560), CLASS(3072), CLASS(3584), CLASS(4096),
    CLASS(5120), CLASS(6144), CLASS(7168), CLASS(8192),
    CLASS(10240), CLASS(12288), CLASS(14336), CLASS(16384),
    CLASS(20480), CLASS(24576), CLASS(28672), CLASS(32768),
    CLASS(40960), CLASS(49152), CLASS(57344), CLASS(65536),
};

/* A class covers as many grains as its quarter of a doubling has. */
#define X1(c) c,
#define X2(c) X1(c) X1(c)
#define X4(c) X2(c) X2(c)
#define X8(c) X4(c) X4(c)
#define X16(c) X8(c) X8(c)
#define X32(c) X16(c) X16(c)
#define X64(c) X32(c) X32(c)
#define X128(c) X64(c) X64(c)
#define X256(c) X128(c) X128(c)
#define X512(c) X256(c) X256(c)
#define DOUBLING(x, c) x(c) x((c) + 1) x((c) + 2) x((c) + 3)

const uint8_t rst_class_table[RST_MEDIUM_MAX / RST_GRAIN + 1] = {
    0, 0, 1, 2, 3, 4, 5, 6, 7,
    DOUBLING(X2, 8) DOUBLING(X4, 12) DOUBLING(X8, 16) DOUBLING(X16, 20) DOUBLING(X32, 24) DOUBLING(X64, 28)
    DOUBLING(X128, 32) DOUBLING(X256, 36) DOUBLING(X512, 40)
};
/* clang-format on */

unsigned rst_class_of_aligned(size_t size, size_t alignment)
{
    if (size > RST_MEDIUM_MAX || alignment > RST_MEDIUM_MAX || rst_align_up(size, alignment) > RST_MEDIUM_MAX)
        return RST_CLASS_COUNT;
    /* A multiple of the alignment to begin with: then at most three classes are passed over. */
    unsigned c = rst_class_of(rst_align_up(rst_max(size, 1), alignment));
    while (c < RST_CLASS_COUNT && (rst_classes[c].size & (alignment - 1)) != 0)
        c++;
    return c;
}

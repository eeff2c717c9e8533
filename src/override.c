/* malloc and its family under their own names: what makes libroost replace the system's allocator.
 * Only in the products that do. SPDX-License-Identifier: MIT */
#include "face.h"
#include "os/fmt.h"
#include "roost/stats.h"
#include "stats/collect.h"
#include "stats/report.h"

#include <stdio.h> /* the stream that malloc_info writes to is the caller's */

/* Not from <stdlib.h> and <malloc.h>: some systems declare these differently, some not at all. */
RST_EXPORT void *malloc(size_t size);
RST_EXPORT void free(void *block);
RST_EXPORT void cfree(void *block);
RST_EXPORT void free_sized(void *block, size_t size);
RST_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size);
RST_EXPORT void *calloc(size_t count, size_t size);
RST_EXPORT void *realloc(void *block, size_t size);
RST_EXPORT void *reallocarray(void *block, size_t count, size_t size);
RST_EXPORT void *aligned_alloc(size_t alignment, size_t size);
RST_EXPORT void *memalign(size_t alignment, size_t size);
RST_EXPORT int posix_memalign(void **out, size_t alignment, size_t size);
RST_EXPORT void *valloc(size_t size);
RST_EXPORT void *pvalloc(size_t size);
RST_EXPORT size_t malloc_usable_size(void *block);
RST_EXPORT int malloc_trim(size_t pad);

/* For C++: operator new(size_t) and operator delete(void *) themselves, since the hot paths are no C++; the others are in cxx_new.cc, which also
 * says why they are weak. */
#define OPERATOR(symbol) __asm__(symbol) __attribute__((visibility("default"), weak))
void *rst_new(size_t size) OPERATOR("_Znwm");
void rst_delete(void *block) OPERATOR("_ZdlPv");
void *rst_new_slow(size_t size);
void *rst_new_try(size_t size);
void rst_delete_aligned(void *block);

/* glibc's answers: struct mallinfo and struct mallinfo2 have the same fields. */
#define GLIBC_FIELDS(type) type arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost
struct mallinfo {
    GLIBC_FIELDS(int);
};
struct mallinfo2 {
    GLIBC_FIELDS(size_t);
};
RST_EXPORT struct mallinfo2 mallinfo2(void);
RST_EXPORT struct mallinfo mallinfo(void);
RST_EXPORT int malloc_info(int options, FILE *stream);
RST_EXPORT void malloc_stats(void);
RST_EXPORT int mallopt(int parameter, int value);

void *malloc(size_t size)
{
    return rst_malloc(size);
}

void free(void *block)
{
    rst_free(block);
}

void cfree(void *block)
{
    rst_free(block);
}

void free_sized(void *block, size_t size)
{
    (void)size;
    rst_free(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    rst_free(block);
}

void *calloc(size_t count, size_t size)
{
    return rst_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return rst_realloc(block, size);
}

void *reallocarray(void *block, size_t count, size_t size)
{
    return rst_reallocarray(block, count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return rst_aligned_alloc(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return rst_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    return rst_posix_memalign(out, alignment, size);
}

void *valloc(size_t size)
{
    return rst_valloc(size);
}

void *pvalloc(size_t size)
{
    return rst_pvalloc(size);
}

size_t malloc_usable_size(void *block)
{
    return rst_usable_size(block);
}

/* glibc's: 1 when memory was given back, else 0. `pad` is a hint for a heap of another kind. */
int malloc_trim(size_t pad)
{
    (void)pad;
    return rst_purge_asked(0, NULL) != 0;
}

/* --- what glibc can be asked; docs/glibc.md says how its words are meant here -------------------------------------------------- */

struct mallinfo2 mallinfo2(void)
{
    roost_stats s;
    roost_class_stats classes[RST_CLASS_COUNT];
    size_t ready = 0;
    rst_stats_collect_all(&s, classes, NULL, 0);
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++)
        ready += classes[c].capacity - rst_min(classes[c].live, classes[c].capacity);
    size_t small = s.allocated - rst_min(s.large_live_bytes, s.allocated);
    size_t arena = rst_max(s.footprint - rst_min(s.large_live_bytes, s.footprint), small);
    return (struct mallinfo2){.arena = arena,
                              .ordblks = ready,
                              .hblks = s.large_live,
                              .hblkhd = s.large_live_bytes,
                              .uordblks = small,
                              .fordblks = arena - small,
                              .keepcost = s.footprint - rst_min(s.in_use, s.footprint)};
}

/* What does not fit an int is told as the most that does. */
struct mallinfo mallinfo(void)
{
    struct mallinfo2 from = mallinfo2();
#define FITTING(field) .field = from.field > INT32_MAX ? INT32_MAX : (int)from.field
    return (struct mallinfo){FITTING(arena),    FITTING(ordblks),  FITTING(hblks),   FITTING(hblkhd),
                             FITTING(uordblks), FITTING(fordblks), FITTING(keepcost)};
}

static void put(FILE *stream, const char *text, size_t length)
{
    fwrite(text, 1, length, stream);
}

/* glibc's shape, version 1: sizes with their free blocks, then totals. Returns an errno, as glibc does. */
int malloc_info(int options, FILE *stream)
{
    if (options != 0)
        return EINVAL;
    roost_stats s;
    roost_class_stats classes[RST_CLASS_COUNT];
    char line[256];
    uint64_t blocks = 0, bytes = 0;
    rst_stats_collect_all(&s, classes, NULL, 0);
    put(stream, line, rst_fmt(line, sizeof line, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n"));
    for (unsigned c = 0; c < RST_CLASS_COUNT; c++) {
        uint64_t size = classes[c].block_size;
        uint64_t free = classes[c].capacity - rst_min(classes[c].live, classes[c].capacity);
        blocks += free;
        bytes += free * size;
        if (free != 0)
            put(stream, line,
                rst_fmt(line, sizeof line, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
                        c == 0 ? (size_t)1 : (size_t)classes[c - 1].block_size + 1, (size_t)size, (size_t)(free * size),
                        (size_t)free));
    }
    put(stream, line,
        rst_fmt(line, sizeof line,
                "</sizes>\n<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n<system type=\"current\" size=\"%zu\"/>\n"
                "<system type=\"max\" size=\"%zu\"/>\n</heap>\n",
                (size_t)blocks, (size_t)bytes, (size_t)s.footprint, (size_t)s.in_use_peak));
    put(stream, line,
        rst_fmt(line, sizeof line,
                "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n"
                "<system type=\"current\" size=\"%zu\"/>\n</malloc>\n",
                (size_t)blocks, (size_t)bytes, (size_t)s.large_live, (size_t)s.large_live_bytes, (size_t)s.footprint));
    return 0;
}

void malloc_stats(void)
{
    rst_report_write(RST_TO_ERROR, RST_TEXT);
}

/* All of glibc's parameters are accepted and change nothing. */
int mallopt(int parameter, int value)
{
    (void)value;
    return parameter == 1 || (parameter <= -1 && parameter >= -8);
}

/* What may throw is called last: nothing of this is on the stack then. */
void *rst_new(size_t size)
{
    if (RST_LIKELY(size <= RST_MEDIUM_MAX)) {
        void *block = rst_heap_pop(rst_thread_heap, rst_class_of(size));
        if (RST_LIKELY(block != NULL))
            return block;
    }
    return rst_new_slow(size);
}

void *rst_new_try(size_t size)
{
    return rst_malloc(size);
}

void rst_delete(void *block)
{
    rst_free(block);
}

void rst_delete_aligned(void *block)
{
    rst_free(block);
}

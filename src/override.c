/* malloc and its family under their own names: what makes libroost replace the system's allocator.
 * Only in the products that do. SPDX-License-Identifier: MIT */
#include "face.h"

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
void *rst_new(size_t size);
void rst_delete(void *block);

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

/* For cxx_new.cc. */
void *rst_new(size_t size)
{
    return rst_malloc(size);
}

void rst_delete(void *block)
{
    rst_free(block);
}

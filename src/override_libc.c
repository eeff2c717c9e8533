/* glibc's own names for malloc and its family, by which some programs mean to reach past a replacement: what they get is ours too, so
 * that free can take it. No aliases, which would show in place of the plain names in traces.
 * Only in the products that replace malloc. SPDX-License-Identifier: MIT */
#include "face.h"

RST_EXPORT void *__libc_malloc(size_t size);
RST_EXPORT void __libc_free(void *block);
RST_EXPORT void *__libc_calloc(size_t count, size_t size);
RST_EXPORT void *__libc_realloc(void *block, size_t size);
RST_EXPORT void *__libc_memalign(size_t alignment, size_t size);
RST_EXPORT void *__libc_valloc(size_t size);
RST_EXPORT void *__libc_pvalloc(size_t size);

void *__libc_malloc(size_t size)
{
    return rst_malloc(size);
}

void __libc_free(void *block)
{
    rst_free(block);
}

void *__libc_calloc(size_t count, size_t size)
{
    return rst_calloc(count, size);
}

void *__libc_realloc(void *block, size_t size)
{
    return rst_realloc(block, size);
}

void *__libc_memalign(size_t alignment, size_t size)
{
    return rst_memalign(alignment, size);
}

void *__libc_valloc(size_t size)
{
    return rst_valloc(size);
}

void *__libc_pvalloc(size_t size)
{
    return rst_pvalloc(size);
}

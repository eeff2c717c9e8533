/* Aligned allocation: argument rules as C, POSIX and glibc have them. SPDX-License-Identifier: MIT */
#include "face.h"
#include "os/os.h"

static void *bad_alignment(void)
{
    errno = EINVAL;
    return NULL;
}

void *rst_aligned_alloc(size_t alignment, size_t size)
{
    return rst_is_power_of_two(alignment) ? rst_malloc_aligned(alignment, size) : bad_alignment();
}

void *rst_memalign(size_t alignment, size_t size)
{
    if (alignment > SIZE_MAX / 2 + 1)
        return bad_alignment();
    if (!rst_is_power_of_two(alignment))
        alignment = alignment == 0 ? RST_GRAIN : (size_t)2 << rst_log2(alignment);
    return rst_malloc_aligned(alignment, size);
}

int rst_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (!rst_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    void *block = rst_malloc_aligned(alignment, size);
    if (block == NULL)
        return ENOMEM; /* in errno too, as glibc does: there are programs that look there */
    *out = block;
    return 0;
}

void *rst_valloc(size_t size)
{
    return rst_malloc_aligned(rst_os_page_size(), size);
}

void *rst_pvalloc(size_t size)
{
    size_t page = rst_os_page_size();
    if (size > RST_SIZE_MAX - page)
        return rst_out_of_memory();
    return rst_malloc_aligned(page, size == 0 ? page : rst_align_up(size, page));
}

RST_EXPORT void *roost_aligned_alloc(size_t alignment, size_t size)
{
    return rst_aligned_alloc(alignment, size);
}

RST_EXPORT void *roost_memalign(size_t alignment, size_t size)
{
    return rst_memalign(alignment, size);
}

RST_EXPORT int roost_posix_memalign(void **out, size_t alignment, size_t size)
{
    return rst_posix_memalign(out, alignment, size);
}

RST_EXPORT void *roost_valloc(size_t size)
{
    return rst_valloc(size);
}

RST_EXPORT void *roost_pvalloc(size_t size)
{
    return rst_pvalloc(size);
}

/* Windows: what stands in for a C library's allocator. Each first looks whose the block is: NULL is anyone's, what lies in no arena is the library's.
 * SPDX-License-Identifier: MIT */
#include "core/sizeclass.h"
#include "os/os_modules.h"
#include "redirect.h"

#include <string.h>
#include <wchar.h>

rst_crt rst_crts[RST_CRTS] = {
    [RST_CRT_MSVCRT] = {.library = "msvcrt.dll"},     [RST_CRT_UCRT] = {.library = "ucrtbase.dll"},
    [RST_CRT_MSVCR120] = {.library = "msvcr120.dll"}, [RST_CRT_MSVCR110] = {.library = "msvcr110.dll"},
    [RST_CRT_MSVCR100] = {.library = "msvcr100.dll"},
};

void rst_crt_find_all(void)
{
    for (rst_crt *crt = rst_crts; crt < rst_crts + RST_CRTS; crt++) {
        const void *module = rst_os_module(crt->library);
        if (module == crt->module)
            continue;
        rst_crt found = {.library = crt->library, .module = module};
#define FIND(name, exported, result, parameters, arguments) \
    found.name = (result(*) parameters)rst_os_module_function(module, exported);
        if (module != NULL) {
            RST_CRT_TABLE(FIND)
            found.errno_place = (int *(*)(void))rst_os_module_function(module, "_errno");
        }
#undef FIND
        *crt = found;
    }
}

/* The library has an errno of its own, which its programs look at. */
static void *failed(const rst_crt *crt, int error)
{
    if (crt->errno_place != NULL)
        *crt->errno_place() = error;
    return NULL;
}

static void *or_failed(const rst_crt *crt, void *block)
{
    return RST_LIKELY(block != NULL) ? block : failed(crt, ENOMEM);
}

/* --- malloc ----------------------------------------------------------------------------------------------------------------------- */

void *rst_crt_malloc(const rst_crt *crt, size_t size)
{
    return or_failed(crt, rst_malloc(size));
}

void *rst_crt_calloc(const rst_crt *crt, size_t count, size_t size)
{
    return or_failed(crt, rst_calloc(count, size));
}

void rst_crt_free(const rst_crt *crt, void *block)
{
    if (RST_LIKELY(block == NULL || rst_is_ours(block) || crt->free == NULL))
        rst_free(block);
    else
        crt->free(block);
}

void *rst_crt_realloc(const rst_crt *crt, void *block, size_t size)
{
    if (block != NULL && !rst_is_ours(block) && crt->realloc != NULL)
        return crt->realloc(block, size);
    void *other = rst_realloc(block, size);
    return other != NULL || size == 0 ? other : failed(crt, ENOMEM);
}

void *rst_crt_recalloc(const rst_crt *crt, void *block, size_t count, size_t size)
{
    if (block != NULL && !rst_is_ours(block) && crt->recalloc != NULL)
        return crt->recalloc(block, count, size);
    void *other = roost_recalloc(block, count, size);
    return other != NULL || count == 0 || size == 0 ? other : failed(crt, ENOMEM);
}

/* In place or not at all. */
void *rst_crt_expand(const rst_crt *crt, void *block, size_t size)
{
    if (block == NULL)
        return failed(crt, EINVAL);
    if (!rst_is_ours(block) && crt->expand != NULL)
        return crt->expand(block, size);
    return size <= rst_usable_size(block) ? block : failed(crt, ENOMEM);
}

size_t rst_crt_msize(const rst_crt *crt, void *block)
{
    if (block != NULL && !rst_is_ours(block) && crt->msize != NULL)
        return crt->msize(block);
    if (block == NULL)
        failed(crt, EINVAL);
    return block != NULL ? rst_usable_size(block) : SIZE_MAX;
}

/* --- aligned ------------------------------------------------------------------------------------------------------------------- *
 * A library keeps such a block inside one of malloc's, so that free must not see it; to roost they are the same. */

void *rst_crt_aligned_malloc(const rst_crt *crt, size_t size, size_t alignment)
{
    if (!rst_is_power_of_two(alignment))
        return failed(crt, EINVAL);
    return or_failed(crt, rst_malloc_aligned(alignment, size));
}

void rst_crt_aligned_free(const rst_crt *crt, void *block)
{
    if (RST_LIKELY(block == NULL || rst_is_ours(block) || crt->aligned_free == NULL))
        rst_free(block);
    else
        crt->aligned_free(block);
}

static void *aligned_resized(const rst_crt *crt, void *block, size_t size, size_t alignment, bool zero)
{
    if (block != NULL && size == 0) {
        rst_free(block);
        return NULL;
    }
    if (!rst_is_power_of_two(alignment))
        return failed(crt, EINVAL);
    size_t had = block != NULL ? rst_usable_size(block) : 0;
    if (block != NULL && size <= had && size > had / 2 && ((uintptr_t)block & (alignment - 1)) == 0)
        return block;
    char *other = rst_malloc_aligned(alignment, size);
    if (other == NULL)
        return failed(crt, ENOMEM);
    if (block != NULL)
        memcpy(other, block, rst_min(had, size));
    if (zero && size > had)
        memset(other + had, 0, rst_usable_size(other) - had);
    rst_free(block);
    return other;
}

void *rst_crt_aligned_realloc(const rst_crt *crt, void *block, size_t size, size_t alignment)
{
    if (block != NULL && !rst_is_ours(block) && crt->aligned_realloc != NULL)
        return crt->aligned_realloc(block, size, alignment);
    return aligned_resized(crt, block, size, alignment, false);
}

void *rst_crt_aligned_recalloc(const rst_crt *crt, void *block, size_t count, size_t size, size_t alignment)
{
    size_t bytes;
    if (block != NULL && !rst_is_ours(block) && crt->aligned_recalloc != NULL)
        return crt->aligned_recalloc(block, count, size, alignment);
    if (__builtin_mul_overflow(count, size, &bytes))
        return failed(crt, ENOMEM);
    return aligned_resized(crt, block, bytes, alignment, true);
}

size_t rst_crt_aligned_msize(const rst_crt *crt, void *block, size_t alignment, size_t offset)
{
    if (block != NULL && !rst_is_ours(block) && crt->aligned_msize != NULL)
        return crt->aligned_msize(block, alignment, offset);
    return rst_crt_msize(crt, block);
}

/* --- copies of text ---------------------------------------------------------------------------------------------------------------- */

static void *copy_of(const rst_crt *crt, const void *from, size_t size)
{
    void *block = rst_malloc(size);
    return block != NULL ? memcpy(block, from, size) : failed(crt, ENOMEM);
}

char *rst_crt_strdup(const rst_crt *crt, const char *text)
{
    return text != NULL ? copy_of(crt, text, strlen(text) + 1) : NULL;
}

unsigned char *rst_crt_mbsdup(const rst_crt *crt, const unsigned char *text)
{
    return text != NULL ? copy_of(crt, text, strlen((const char *)text) + 1) : NULL;
}

wchar_t *rst_crt_wcsdup(const rst_crt *crt, const wchar_t *text)
{
    return text != NULL ? copy_of(crt, text, (wcslen(text) + 1) * sizeof *text) : NULL;
}

/* --- operator new and delete, where the library has them ------------------------------------------------------------------------------ */

/* What the library does without memory, ask the program's handler and throw, is left to it. */
void *rst_crt_op_new(const rst_crt *crt, size_t size)
{
    void *block = rst_malloc(size);
    return RST_LIKELY(block != NULL) || crt->op_new == NULL ? block : crt->op_new(size);
}

void rst_crt_op_delete(const rst_crt *crt, void *block)
{
    rst_crt_free(crt, block);
}

void *rst_crt_op_new_array(const rst_crt *crt, size_t size)
{
    return rst_crt_op_new(crt, size);
}

void rst_crt_op_delete_array(const rst_crt *crt, void *block)
{
    rst_crt_free(crt, block);
}

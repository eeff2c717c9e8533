/* Windows, when a program is linked: malloc and its family under the names by which a C library has them, and by which other systems have
 * what Windows lacks. What the C library itself allocates, as getcwd does, stays its own, and goes back to it. operator new and delete need no
 * names here: those of the C++ runtimes call malloc and free by name.
 *
 * Only in the products that replace malloc; the import pointers only in libroost.a. SPDX-License-Identifier: MIT */
#include "core/sizeclass.h"
#include "redirect.h"

#ifdef _UCRT
#define OF_PROGRAM RST_CRT_UCRT
#else
#define OF_PROGRAM RST_CRT_MSVCRT
#endif

/* The C library that the program was linked with. Looked for again until it is there: our start may come before anything else. */
static const rst_crt *library(void)
{
    rst_crt *crt = &rst_crts[OF_PROGRAM];
    if (RST_UNLIKELY(crt->module == NULL))
        rst_crt_find_all();
    return crt;
}

/* In the archive: defines the name, and the pointer by which those call it that were told it comes from another module. In roost.dll: defines it
 * under a name of ours, which the build exports as it should be: the C runtime's start-up in the library itself has to stay with
 * the C library, or what it allocates would be in use when the library is unloaded. */
#ifdef ROOST_IMPORT_POINTERS
#define NAME(name, result, parameters, call) \
    result name parameters; \
    result name parameters \
    { \
        call; \
    } \
    void *const rst_imported_##name __asm__("__imp_" #name) = (void *)name;
#else
#define NAME(name, result, parameters, call) \
    result name parameters __asm__("rst_named_" #name); \
    result name parameters \
    { \
        call; \
    }
#endif

/* clang-format off */
NAME(malloc, void *, (size_t size), return rst_malloc(size))
NAME(calloc, void *, (size_t count, size_t size), return rst_calloc(count, size))
NAME(free, void, (void *block), rst_crt_free(library(), block))
NAME(realloc, void *, (void *block, size_t size), return rst_crt_realloc(library(), block, size))
NAME(_recalloc, void *, (void *block, size_t count, size_t size), return rst_crt_recalloc(library(), block, count, size))
NAME(_expand, void *, (void *block, size_t size), return rst_crt_expand(library(), block, size))
NAME(_msize, size_t, (void *block), return rst_crt_msize(library(), block))
NAME(_aligned_malloc, void *, (size_t size, size_t alignment), return rst_crt_aligned_malloc(library(), size, alignment))
NAME(_aligned_free, void, (void *block), rst_crt_aligned_free(library(), block))
NAME(_aligned_realloc, void *, (void *block, size_t size, size_t alignment),
     return rst_crt_aligned_realloc(library(), block, size, alignment))
NAME(_aligned_recalloc, void *, (void *block, size_t count, size_t size, size_t alignment),
     return rst_crt_aligned_recalloc(library(), block, count, size, alignment))
NAME(_aligned_msize, size_t, (void *block, size_t alignment, size_t offset),
     return rst_crt_aligned_msize(library(), block, alignment, offset))
NAME(strdup, char *, (const char *text), return rst_crt_strdup(library(), text))
NAME(_strdup, char *, (const char *text), return rst_crt_strdup(library(), text))
NAME(_mbsdup, unsigned char *, (const unsigned char *text), return rst_crt_mbsdup(library(), text))
NAME(wcsdup, wchar_t *, (const wchar_t *text), return rst_crt_wcsdup(library(), text))
NAME(_wcsdup, wchar_t *, (const wchar_t *text), return rst_crt_wcsdup(library(), text))

/* What no C library for Windows has: programs that bring their own declarations find them. */
NAME(free_sized, void, (void *block, size_t size), (void)size; rst_free(block))
NAME(free_aligned_sized, void, (void *block, size_t alignment, size_t size), (void)alignment; (void)size; rst_free(block))
NAME(reallocarray, void *, (void *block, size_t count, size_t size), return rst_reallocarray(block, count, size))
NAME(aligned_alloc, void *, (size_t alignment, size_t size), return rst_aligned_alloc(alignment, size))
NAME(memalign, void *, (size_t alignment, size_t size), return rst_memalign(alignment, size))
NAME(posix_memalign, int, (void **out, size_t alignment, size_t size), return rst_posix_memalign(out, alignment, size))
NAME(valloc, void *, (size_t size), return rst_valloc(size))
NAME(pvalloc, void *, (size_t size), return rst_pvalloc(size))
NAME(malloc_usable_size, size_t, (void *block), return rst_usable_size(block))
NAME(malloc_trim, int, (size_t pad), (void)pad; return rst_purge_asked(0, NULL) != 0)
/* clang-format on */

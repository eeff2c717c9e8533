/* Windows: HeapAlloc and its kin on the process's heap, where a module has been told to. A block carries the size that was asked for in its last
 * bytes, since HeapSize tells it exactly and HEAP_ZERO_MEMORY clears from there. Blocks of other heaps, and those that the system gave out,
 * stay with the system. SPDX-License-Identifier: MIT */
#include "redirect_heap.h"

#include "redirect_whose.h"

#include <string.h>

/* The system's numbers. */
enum { GENERATE_EXCEPTIONS = 0x4, ZERO_MEMORY = 0x8, IN_PLACE_ONLY = 0x10 };

typedef void *(*heap_alloc)(void *heap, uint32_t flags, size_t size);
typedef void *(*heap_realloc)(void *heap, uint32_t flags, void *block, size_t size);
typedef int (*heap_free)(void *heap, uint32_t flags, void *block);
typedef size_t (*heap_size)(void *heap, uint32_t flags, const void *block);

/* [fixed once found; the same whoever finds them] */
static heap_alloc system_alloc;
static heap_realloc system_realloc;
static heap_free system_free;
static heap_size system_size;

static size_t *size_place(void *block)
{
    return (size_t *)((char *)block + rst_usable_size(block)) - 1;
}

static void *sized(void *block, size_t size)
{
    *size_place(block) = size;
    return block;
}

static size_t size_of(void *block)
{
    return rst_min(*size_place(block), rst_usable_size(block) - sizeof(size_t));
}

static void *no_memory(uint32_t flags)
{
    rst_os_set_last_error_no_memory();
    if ((flags & GENERATE_EXCEPTIONS) != 0)
        rst_os_raise_no_memory();
    return NULL;
}

static bool is_mine(const void *heap, const void *block)
{
    return block != NULL && heap == rst_os_process_heap() && rst_is_ours(block);
}

static void *alloc(void *heap, uint32_t flags, size_t size)
{
    if (heap != rst_os_process_heap())
        return system_alloc(heap, flags, size);
    if (size > RST_SIZE_MAX - sizeof(size_t))
        return no_memory(flags);
    void *block = (flags & ZERO_MEMORY) != 0 ? rst_zalloc(size + sizeof(size_t)) : rst_malloc(size + sizeof(size_t));
    return block != NULL ? sized(block, size) : no_memory(flags);
}

static void *resize(void *heap, uint32_t flags, void *block, size_t size)
{
    if (!is_mine(heap, block))
        return system_realloc(heap, flags, block, size);
    size_t had = size_of(block);
    bool fits = size <= RST_SIZE_MAX - sizeof(size_t);
    char *other = NULL;
    if ((flags & IN_PLACE_ONLY) == 0)
        other = fits ? rst_realloc(block, size + sizeof(size_t)) : NULL;
    else if (fits && size + sizeof(size_t) <= rst_usable_size(block))
        other = block;
    if (other == NULL)
        return no_memory(flags);
    if ((flags & ZERO_MEMORY) != 0 && size > had)
        memset(other + had, 0, size - had);
    return sized(other, size);
}

static int give_back(void *heap, uint32_t flags, void *block)
{
    if (!is_mine(heap, block))
        return system_free(heap, flags, block);
    rst_free(block);
    return 1;
}

static size_t ask_size(void *heap, uint32_t flags, const void *block)
{
    return is_mine(heap, block) ? size_of((void *)(uintptr_t)block) : system_size(heap, flags, block);
}

/* --- choosing --------------------------------------------------------------------------------------------------------------------- */

static bool find_system(void)
{
    const void *module = rst_os_module("kernel32.dll");
    system_alloc = (heap_alloc)rst_os_module_function(module, "HeapAlloc");
    system_realloc = (heap_realloc)rst_os_module_function(module, "HeapReAlloc");
    system_free = (heap_free)rst_os_module_function(module, "HeapFree");
    system_size = (heap_size)rst_os_module_function(module, "HeapSize");
    return system_alloc != NULL && system_realloc != NULL && system_free != NULL && system_size != NULL;
}

enum { HEAP_FUNCTIONS = 4 };
static const rst_os_function ours[HEAP_FUNCTIONS] = {(rst_os_function)alloc, (rst_os_function)resize,
                                                     (rst_os_function)give_back, (rst_os_function)ask_size};

static rst_os_function of_system(unsigned i)
{
    const rst_os_function all[HEAP_FUNCTIONS] = {(rst_os_function)system_alloc, (rst_os_function)system_realloc,
                                                 (rst_os_function)system_free, (rst_os_function)system_size};
    return all[i];
}

rst_os_function rst_heap_stand_in(rst_os_function imported)
{
    if (system_size == NULL && !find_system())
        return imported;
    for (unsigned i = 0; i < HEAP_FUNCTIONS; i++) {
        if (imported == of_system(i))
            return ours[i];
    }
    return imported;
}

rst_os_function rst_heap_original(rst_os_function imported)
{
    for (unsigned i = 0; i < HEAP_FUNCTIONS; i++) {
        if (imported == ours[i])
            return of_system(i);
    }
    return imported;
}

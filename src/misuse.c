/* What is known of a pointer that free, realloc or malloc_usable_size cannot take. SPDX-License-Identifier: MIT */
#include "core/large.h"
#include "core/options.h"
#include "face.h"
#include "os/fmt.h"
#include "os/os.h"

enum { NAME_BYTES = 128 };

/* The large block that lies around a slice which is no first one; NULL: none. */
static const rst_slice *large_around(const char *pointer)
{
    rst_arena *arena = rst_arena_of(pointer);
    size_t first = rst_large_around(arena, rst_slice_index_at(arena, pointer));
    return first == SIZE_MAX ? NULL : &arena->slices[first];
}

static void say_inside(const char *function, const char *pointer, const char *what, const char *block, size_t size)
{
    rst_say("%s(%p): points %zu bytes into the %s of %zu bytes at %p", function, (const void *)pointer,
            (size_t)(pointer - block), what, size, (const void *)block);
}

/* Of memory that is not roost's. */
static void say_foreign(const char *function, const void *pointer)
{
    char name[NAME_BYTES];
    rst_os_place place = rst_os_place_of(pointer, name, sizeof name);
    if (place == RST_OS_PLACE_UNMAPPED)
        rst_say("%s(%p): not a block of roost's: nothing is mapped there", function, pointer);
    else if (place == RST_OS_PLACE_MAPPED && name[0] != '\0')
        rst_say("%s(%p): not a block of roost's: it lies in %s", function, pointer, name);
    else
        rst_say("%s(%p): not a block of roost's", function, pointer);
}

static void say_known(const char *function, const char *pointer, rst_slice *slice)
{
    const rst_slice *large = slice->kind == RST_KIND_NONE ? large_around(pointer) : slice;
    if (large == NULL) {
        rst_say("%s(%p): not a block that is in use: freed already, or never allocated", function,
                (const void *)pointer);
    } else if (large->kind == RST_KIND_LARGE) {
        say_inside(function, pointer, "large block", rst_slice_memory(large), large->large_size);
    } else {
        const rst_slice *page = rst_page_of(slice);
        size_t size = rst_classes[page->size_class].size;
        size_t offset = (size_t)(pointer - rst_page_memory(page));
        say_inside(function, pointer, "block", pointer - offset % size, size);
    }
}

RST_COLD void rst_bad_pointer(const char *function, const void *pointer)
{
    int saved = errno;
    rst_slice *slice = rst_slice_of(pointer);
    if (slice == NULL)
        say_foreign(function, pointer);
    else
        say_known(function, pointer, slice);
    if (rst_option_get(bad_pointer) != 0)
        rst_os_abort();
    errno = saved;
}

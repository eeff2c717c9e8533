/* What docs/windows.md says of functions that a module finds by GetProcAddress: they stay the C library's, before roost.dll is loaded and after,
 * and their blocks may be freed by whichever free. SPDX-License-Identifier: MIT */
#include "library.h"

#include <stdlib.h>

typedef void *(*malloc_function)(size_t);
typedef void (*free_function)(void *);

static NOT_INLINE void *imported(size_t size)
{
    return malloc(size);
}

static NOT_INLINE void free_imported(void *block)
{
    free(block);
}

int main(void)
{
    HMODULE crt = GetModuleHandleA("msvcrt.dll");
    CHECK(crt != NULL);
    malloc_function before = (malloc_function)exported(crt, "malloc");
    library roost = library_load("roost.dll");
    malloc_function after = (malloc_function)exported(crt, "malloc");
    free_function fetched_free = (free_function)exported(crt, "free");
    CHECK(before == after);
    for (int i = 0; i < 1000; i++) {
        void *mine = imported(100), *one = before(100), *two = after(100);
        CHECK(roost.owns(mine) && !roost.owns(one) && !roost.owns(two));
        fetched_free(one);
        free_imported(two); /* roost's, which knows that it is none of its own */
        free_imported(mine);
    }
    /* By who asks for them, roost's are there as well, under the same names. */
    void *block = ((malloc_function)exported(roost.module, "malloc"))(100);
    CHECK(roost.owns(block));
    ((free_function)exported(roost.module, "free"))(block);
    return 0;
}

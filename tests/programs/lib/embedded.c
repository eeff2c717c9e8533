/* A library with roost inside, which is loaded, used by threads of the program, and closed. Compiled by ../linked.sh with
 * libroost_api.a. SPDX-License-Identifier: MIT */
#include <roost/roost.h>
#include <string.h>

void *embedded_make(size_t size)
{
    void *block = roost_malloc(size);
    return block != NULL ? memset(block, 1, size) : NULL;
}

void embedded_end(void *block)
{
    roost_free(block);
}

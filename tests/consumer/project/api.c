/* A program linked with libroost_api: roost serves who asks it by name, malloc stays libc's.
 * SPDX-License-Identifier: MIT */
#include <roost/walk.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    void *ours = roost_malloc(100);
    char *theirs = strdup("libc");
    void *theirs_too = malloc(100);
    if (!ours || !roost_owns(ours))
        return 1;
    if (!theirs || !theirs_too || roost_owns(theirs) || roost_owns(theirs_too))
        return 2;
    roost_block block = {.size = sizeof block};
    if (roost_block_info(ours, NULL, &block) || block.memory != ours || roost_block_info(theirs, NULL, &block) != -1)
        return 4;
    roost_free(ours);
    free(theirs);
    free(theirs_too);
    return roost_version() == ROOST_VERSION ? 0 : 3;
}

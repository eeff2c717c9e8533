/* A C program linked with libroost: malloc, and what libc allocates for itself, is roost's.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *other_thread(void *block)
{
    free(block);
    return strdup("from another thread, by libc's own call to malloc");
}

int main(void)
{
    char *block = malloc(1000);
    char *copy = strdup("by libc");
    if (!block || !copy || !roost_owns(block) || !roost_owns(copy))
        return 1;
    memset(block, 1, 1000);
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, other_thread, block) || pthread_join(thread, &result) || !roost_owns(result))
        return 2;
    free(copy);
    free(result);
    return roost_version() == ROOST_VERSION ? 0 : 3;
}

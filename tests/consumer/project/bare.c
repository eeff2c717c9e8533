/* A program that names nothing of roost's, nor malloc: what libc allocates for it must be roost's all the same.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Whether `name`, as the dynamic linker finds it for libc, lies in libroost or in this program. */
int main(int argc, char **argv)
{
    (void)argc;
    Dl_info where;
    void *found = dlsym(RTLD_DEFAULT, "malloc");
    if (!found || !dladdr(found, &where) || !where.dli_fname) {
        fprintf(stderr, "malloc is not found\n");
        return 1;
    }
    if (strstr(where.dli_fname, "libroost.so") || strcmp(where.dli_fname, argv[0]) == 0)
        return 0;
    fprintf(stderr, "malloc is that of %s\n", where.dli_fname);
    return 2;
}

/* Where libroost.so is. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_LIBRARY_H
#define ROOST_TOOLS_LIBRARY_H

#include <limits.h>

/* Find the library that replaces malloc and write its absolute path to `path`. `wanted` is the path that the user
 * gave, or NULL: then $ROOST_LIBRARY, then beside this command, ../lib and the installed place are looked through.
 * Returns CLI_OK, or an exit code after one line on standard error. */
int library_find(const char *wanted, char path[PATH_MAX]);

#endif

/* roost.dll leads every module to itself, those that are loaded later too, each from the C library that it calls; except where it is told not to.
 * SPDX-License-Identifier: MIT */
#include "plugin.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    plugin early = plugin_load("plugin_msvcrt.dll");
    void *before = early.malloc(100), *volatile mine = malloc(100);
    roost = library_load("roost.dll");
    plugin late = plugin_load("plugin_ucrt.dll");
    if (strcmp(what, "disabled") == 0) {
        calls_its_library(&early);
        calls_its_library(&late);
    } else if (strcmp(what, "left_alone") == 0) {
        calls_roost(&early);
        calls_its_library(&late);
    } else {
        calls_roost(&early);
        calls_roost(&late);
        void *volatile block = malloc(100);
        CHECK(roost.owns(block));
        free(block);
    }
    early.free(before);
    free(mine);
    if (strcmp(what, "unloaded") == 0) {
        CHECK(FreeLibrary(roost.module) && GetModuleHandleA("roost.dll") == NULL);
        early.free(early.malloc(100));
        late.free(late.malloc(100));
        free(malloc(100));
    }
    return 0;
}

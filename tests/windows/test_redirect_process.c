/* roost.dll leads every module to itself, those that are loaded later too, each from the C library that it calls; except where it is told not to.
 * SPDX-License-Identifier: MIT */
#include "library.h"

#include <stdlib.h>

static library roost;

typedef struct plugin {
    HMODULE module;
    void *(*malloc)(size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} plugin;

static plugin plugin_load(const char *name)
{
    plugin p = {.module = LoadLibraryA(name)};
    if (p.module == NULL)
        fprintf(stderr, "%s is not loaded: %lu\n", name, GetLastError());
    CHECK(p.module != NULL);
    p.malloc = (void *(*)(size_t))exported(p.module, "plugin_malloc");
    p.realloc = (void *(*)(void *, size_t))exported(p.module, "plugin_realloc");
    p.free = (void (*)(void *))exported(p.module, "plugin_free");
    return p;
}

static NOT_INLINE void calls_roost(const plugin *p)
{
    void *block = p->malloc(100);
    CHECK(roost.owns(block));
    block = p->realloc(block, 10000);
    CHECK(roost.owns(block));
    p->free(block);
}

static NOT_INLINE void calls_its_library(const plugin *p)
{
    void *block = p->malloc(100);
    CHECK(block != NULL && !roost.owns(block));
    p->free(block);
}

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

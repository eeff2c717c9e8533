/* A library of plugin.c, and whose its blocks are. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_PLUGIN_H
#define ROOST_TESTS_WINDOWS_PLUGIN_H

#include "library.h"

static library roost;

typedef struct plugin {
    HMODULE module;
    void *(*malloc)(size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} plugin;

static inline plugin plugin_load(const char *name)
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

static inline void calls_roost(const plugin *p)
{
    void *block = p->malloc(100);
    CHECK(roost.owns(block));
    block = p->realloc(block, 10000);
    CHECK(roost.owns(block));
    p->free(block);
}

static inline void calls_its_library(const plugin *p)
{
    void *block = p->malloc(100);
    CHECK(block != NULL && !roost.owns(block));
    p->free(block);
}

#endif

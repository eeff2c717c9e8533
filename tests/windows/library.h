/* A library of roost's that a program has not been linked with, loaded while it runs. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_LIBRARY_H
#define ROOST_TESTS_WINDOWS_LIBRARY_H

#include "check.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* A compiler takes what is imported for constant: within one function it may go on with what it has read. */
#define NOT_INLINE __attribute__((noinline))

typedef struct library {
    HMODULE module;
    int (*owns)(const void *block);
    int (*redirect)(void *module);
    int (*redirect_heap)(void *module);
    int (*undo)(void *module);
} library;

static inline void *exported(HMODULE module, const char *name)
{
    void *found = (void *)GetProcAddress(module, name);
    if (found == NULL)
        fprintf(stderr, "%s is not exported\n", name);
    CHECK(found != NULL);
    return found;
}

static inline library library_load(const char *name)
{
    library l = {.module = LoadLibraryA(name)};
    CHECK(l.module != NULL);
    l.owns = (int (*)(const void *))exported(l.module, "roost_owns");
    l.redirect = (int (*)(void *))exported(l.module, "roost_redirect_module");
    l.redirect_heap = (int (*)(void *))exported(l.module, "roost_redirect_heap");
    l.undo = (int (*)(void *))exported(l.module, "roost_redirect_undo");
    return l;
}

#endif

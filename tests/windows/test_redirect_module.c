/* roost_redirect_module on this program alone: what it calls is roost's from then on, what it had before goes back to where it came from, and
 * another module goes on as before. SPDX-License-Identifier: MIT */
#include "library.h"

#include <malloc.h>
#include <stdlib.h>

static library roost;
static void *volatile kept;

/* Not optimised away. */
static void *hold(void *block)
{
    kept = block;
    return kept;
}

static NOT_INLINE void what_is_called_is_roosts(void)
{
    char *a = hold(malloc(100)), *b = hold(calloc(10, 100)), *c = hold(_aligned_malloc(100, 4096));
    char *d = hold(_strdup("a text"));
    wchar_t *e = hold(_wcsdup(L"another"));
    CHECK(roost.owns(a) && roost.owns(b) && roost.owns(c) && roost.owns(d) && roost.owns(e));
    CHECK(_msize(a) >= 100 && (uintptr_t)c % 4096 == 0 && strcmp(d, "a text") == 0 && wcscmp(e, L"another") == 0);
    for (int i = 0; i < 1000; i++)
        CHECK(b[i] == 0);
    a = hold(realloc(a, 5000));
    CHECK(roost.owns(a) && _msize(a) >= 5000);
    CHECK(_expand(a, 100) == a && _expand(a, 1 << 20) == NULL);
    c = hold(_aligned_realloc(c, 10000, 4096));
    CHECK(roost.owns(c) && (uintptr_t)c % 4096 == 0);
    free(a);
    free(b);
    _aligned_free(c);
    free(d);
    free(e);
    errno = 0;
    CHECK(hold(malloc((size_t)1 << 62)) == NULL && errno == ENOMEM);
}

static NOT_INLINE void what_was_there_goes_back(void *before, void *to_grow, void *aligned)
{
    CHECK(!roost.owns(before) && !roost.owns(to_grow) && !roost.owns(aligned));
    CHECK(_msize(before) == 100);
    char *grown = hold(realloc(to_grow, 10000));
    CHECK(!roost.owns(grown) && strcmp(grown, "before") == 0);
    free(before);
    free(grown);
    _aligned_free(aligned);
    char *of_library = hold(_fullpath(NULL, ".", 0)); /* the C library allocates it, the program frees it */
    CHECK(of_library != NULL && !roost.owns(of_library));
    free(of_library);
}

int main(void)
{
    HMODULE self = GetModuleHandleA(NULL), plugin = LoadLibraryA("plugin_msvcrt.dll");
    CHECK(plugin != NULL);
    void *(*plugin_malloc)(size_t) = (void *(*)(size_t))exported(plugin, "plugin_malloc");
    void (*plugin_free)(void *) = (void (*)(void *))exported(plugin, "plugin_free");
    void *before = hold(malloc(100)), *to_grow = hold(strcpy(malloc(100), "before")),
         *aligned = hold(_aligned_malloc(100, 256));
    roost = library_load("roost_api.dll");
    CHECK(!roost.owns(hold(malloc(10))));
    int changed = roost.redirect(self);
    printf("%d functions\n", changed);
    CHECK(changed >= 10 && roost.redirect(self) == 0);
    what_is_called_is_roosts();
    what_was_there_goes_back(before, to_grow, aligned);
    void *of_plugin = plugin_malloc(100);
    CHECK(!roost.owns(of_plugin));
    free(of_plugin); /* allocated by a module that was left alone, freed by one that was not */
    CHECK(roost.redirect(plugin) >= 3);
    of_plugin = plugin_malloc(100);
    CHECK(roost.owns(of_plugin));
    plugin_free(of_plugin);
    CHECK(roost.redirect(NULL) == -1);
    CHECK(roost.undo(plugin) >= 3 && roost.undo(self) == changed && roost.undo(self) == 0);
    void *after = hold(malloc(100));
    CHECK(!roost.owns(after));
    free(after);
    return 0;
}

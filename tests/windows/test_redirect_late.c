/* What a module imports late (delay-loaded) is reached where the C library is loaded by then: whether it was called before or not, and in modules
 * that are loaded later; malloc and free of it both, or neither. SPDX-License-Identifier: MIT */
#include "plugin.h"

int main(void)
{
    plugin called = plugin_load("called_msvcrt.dll"), early = plugin_load("late_msvcrt.dll");
    void *before = called.malloc(100), *to_grow = called.malloc(100);
    called.free(called.realloc(called.malloc(100), 1000));
    CHECK(GetModuleHandleA("ucrtbase.dll") == NULL);
    plugin alone = plugin_load("called_ucrtbase.dll"); /* its library is not there yet */

    roost = library_load("roost.dll");
    calls_roost(&called);
    calls_roost(&early);
    CHECK(!roost.owns(before) && !roost.owns(to_grow = called.realloc(to_grow, 10000)));
    called.free(before);
    early.free(to_grow);
    CHECK(roost.redirect(called.module) == 0 && roost.redirect(early.module) == 0);

    HMODULE ucrt = LoadLibraryA("ucrtbase.dll");
    plugin late = plugin_load("late_ucrtbase.dll");
    calls_roost(&late);
    CHECK(FreeLibrary(ucrt)); /* it stays for as long as who imports from it */
    calls_roost(&late);
    CHECK(GetModuleHandleA("ucrtbase.dll") != NULL);
    calls_its_library(&alone);
    CHECK(roost.redirect(alone.module) == 3); /* now it is there */
    calls_roost(&alone);

    CHECK(roost.undo(early.module) == 3);
    calls_its_library(&early);
    CHECK(FreeLibrary(roost.module) && GetModuleHandleA("roost.dll") == NULL);
    const plugin *all[] = {&called, &early, &late, &alone};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        all[i]->free(all[i]->realloc(all[i]->malloc(100), 10000));
    return 0;
}

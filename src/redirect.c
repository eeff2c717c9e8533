/* Windows: which function a module is to call in place of which. The table of stand-ins, one row for each C library and function, is
 * fixed; it is compared by address, so that it does not matter under which name or number, or through which other library, a module
 * imports it. SPDX-License-Identifier: MIT */
#include "roost/redirect.h"

#include "os/os_modules.h"
#include "redirect.h"
#include "redirect_heap.h"

/* --- a stand-in for each function of each library ---------------------------------------------------------------------------------- */

#define LIST(...) __VA_ARGS__
#define CALL(name, number, ...) rst_crt_##name(&rst_crts[number], __VA_ARGS__)
#define CALL_WITH(name, number, arguments) CALL(name, number, LIST arguments)
#define STAND_IN(number, name, result, parameters, arguments) \
    static result name##_##number parameters \
    { \
        return CALL_WITH(name, number, arguments); \
    }
#define STAND_IN_0(name, exported, result, parameters, arguments) STAND_IN(0, name, result, parameters, arguments)
#define STAND_IN_1(name, exported, result, parameters, arguments) STAND_IN(1, name, result, parameters, arguments)
#define STAND_IN_2(name, exported, result, parameters, arguments) STAND_IN(2, name, result, parameters, arguments)
#define STAND_IN_3(name, exported, result, parameters, arguments) STAND_IN(3, name, result, parameters, arguments)
#define STAND_IN_4(name, exported, result, parameters, arguments) STAND_IN(4, name, result, parameters, arguments)
RST_CRT_TABLE(STAND_IN_0)
RST_CRT_TABLE(STAND_IN_1)
RST_CRT_TABLE(STAND_IN_2)
RST_CRT_TABLE(STAND_IN_3)
RST_CRT_TABLE(STAND_IN_4)
static_assert(RST_CRTS == 5, "a row of stand-ins for each");

#define ENUMERATE(name, ...) FUNCTION_##name,
enum { RST_CRT_TABLE(ENUMERATE) FUNCTIONS };

#define ROW_0(name, ...) (rst_os_function) name##_0,
#define ROW_1(name, ...) (rst_os_function) name##_1,
#define ROW_2(name, ...) (rst_os_function) name##_2,
#define ROW_3(name, ...) (rst_os_function) name##_3,
#define ROW_4(name, ...) (rst_os_function) name##_4,
static const rst_os_function stand_ins[RST_CRTS][FUNCTIONS] = {{RST_CRT_TABLE(ROW_0)},
                                                               {RST_CRT_TABLE(ROW_1)},
                                                               {RST_CRT_TABLE(ROW_2)},
                                                               {RST_CRT_TABLE(ROW_3)},
                                                               {RST_CRT_TABLE(ROW_4)}};

static rst_os_function original(const rst_crt *crt, unsigned function)
{
#define ORIGINAL(name, ...) (rst_os_function) crt->name,
    const rst_os_function all[FUNCTIONS] = {RST_CRT_TABLE(ORIGINAL)};
    return all[function];
}

/* --- choosing -------------------------------------------------------------------------------------------------------------------------- */

rst_os_function rst_redirect_stand_in(rst_os_function imported, void *unused)
{
    (void)unused;
    for (unsigned c = 0; c < RST_CRTS; c++) {
        for (unsigned f = 0; f < FUNCTIONS && rst_crts[c].module != NULL; f++) {
            if (imported == original(&rst_crts[c], f))
                return stand_ins[c][f];
        }
    }
    return imported;
}

/* Back again. A library that has been unloaded since has no functions to go back to, and nobody who calls them. */
static rst_os_function choose_original(rst_os_function imported, void *unused)
{
    (void)unused;
    for (unsigned c = 0; c < RST_CRTS; c++) {
        for (unsigned f = 0; f < FUNCTIONS && rst_crts[c].module != NULL; f++) {
            if (imported == stand_ins[c][f])
                return original(&rst_crts[c], f);
        }
    }
    return rst_heap_original(imported);
}

static rst_os_function choose_heap(rst_os_function imported, void *unused)
{
    (void)unused;
    return rst_heap_stand_in(imported);
}

static int changed(const void *module, rst_os_function (*choose)(rst_os_function imported, void *argument))
{
    if (module == NULL) {
        errno = EINVAL;
        return -1;
    }
    rst_ensure_started();
    rst_crt_find_all();
    size_t count = rst_os_each_import(module, choose, NULL);
    if (count != SIZE_MAX)
        return (int)count;
    errno = EACCES;
    return -1;
}

RST_EXPORT int roost_redirect_module(void *module)
{
    return changed(module, rst_redirect_stand_in);
}

RST_EXPORT int roost_redirect_heap(void *module)
{
    return changed(module, choose_heap);
}

RST_EXPORT int roost_redirect_undo(void *module)
{
    return changed(module, choose_original);
}

static void undo_one(const void *module, void *unused)
{
    (void)unused;
    rst_os_each_import(module, choose_original, NULL);
}

void rst_redirect_undo_all(void)
{
    rst_os_each_module(undo_one, NULL);
}

/* Nobody may call us once we are gone, and who does not know of it has no chance. At the end of the process everything stays as it is. */
__attribute__((destructor(102))) static void on_unload(void)
{
    if (rst_os_how_it_ends() == RST_OS_END_UNLOADED)
        rst_redirect_undo_all();
}

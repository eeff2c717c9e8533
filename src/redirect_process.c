/* Windows, in roost.dll alone: once it is loaded every module that may be is led to roost, and every one that is loaded later, before it
 * runs. Left alone are roost, the system's own modules, whose blocks are no program's, and what the option leave_alone names. The C++ runtimes lie in
 * the system's directory too, but hand blocks to and fro with programs. If it cannot be done the program runs as it would without, and a line says
 * why. SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "os/fmt.h"
#include "redirect.h"

enum { NAME_BYTES = 64 };

static unsigned redirected; /* modules, for who asks for it by ROOST_VERBOSE */

static bool begins_with(const char *name, const char *prefix)
{
    while (*prefix != '\0' && *name == *prefix) {
        name++;
        prefix++;
    }
    return *prefix == '\0';
}

static bool is_cxx_runtime(const char *name)
{
    static const char *const runtimes[] = {"msvcp1", "vcruntime1", "concrt1", "mfc1"};
    for (size_t i = 0; i < sizeof runtimes / sizeof runtimes[0]; i++) {
        if (begins_with(name, runtimes[i]))
            return true;
    }
    return false;
}

static char small_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_named(const char *name)
{
    for (const char *at = rst_option_text(leave_alone); *at != '\0';) {
        size_t i = 0;
        while (name[i] != '\0' && small_letter(at[i]) == name[i])
            i++;
        if (name[i] == '\0' && (at[i] == ';' || at[i] == '\0'))
            return true;
        while (*at != '\0' && *at != ';')
            at++;
        at += *at == ';';
    }
    return false;
}

static bool is_left_alone(const void *module, const char *name, bool of_system)
{
    return module == rst_os_module_of(&redirected) || (of_system && !is_cxx_runtime(name)) || is_named(name);
}

static void redirect_one(const void *module)
{
    char name[NAME_BYTES];
    bool of_system = rst_os_module_name(module, name, sizeof name);
    if (is_left_alone(module, name, of_system))
        return;
    rst_crt_find_all();
    size_t count = rst_os_each_import(module, rst_redirect_stand_in, NULL);
    if (count == SIZE_MAX)
        rst_say("%s is not redirected: what it imports cannot be written", name);
    else if (rst_option_get(verbose) != 0 && count != 0)
        rst_say("redirected: %s, %u functions", name, (unsigned)count);
    redirected += count != SIZE_MAX && count != 0;
}

static void redirect_each(const void *module, void *unused)
{
    (void)unused;
    redirect_one(module);
}

/* After the start of the library, whose options it goes by. */
__attribute__((constructor(102))) static void on_load(void)
{
    if (rst_option_get(disable_redirect) != 0) {
        if (rst_option_get(verbose) != 0)
            rst_say("nothing is redirected: disable_redirect is set");
        return;
    }
    if (!rst_os_on_module(redirect_one))
        rst_say("modules that are loaded later are not redirected: the system does not tell of them");
    rst_os_each_module(redirect_each, NULL);
    if (redirected == 0 && rst_option_get(verbose) != 0)
        rst_say("nothing is redirected: no module imports what could be");
}

/* Before what is redirected is undone, so that nothing is redirected any more. */
__attribute__((destructor(103))) static void on_unload(void)
{
    rst_os_on_module_no_more();
}

/* `roost run`: put libroost.so first in LD_PRELOAD and become the program.
 * SPDX-License-Identifier: MIT */
#include "cli.h"
#include "library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run_options {
    const char *library; /* NULL: to be found */
    bool verbose;
};

static const char help_text[] =
    "Usage: roost run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM on roost's malloc, by LD_PRELOAD. What LD_PRELOAD holds already stays, behind roost.\n"
    "Children of PROGRAM run on roost, too. A statically linked or set-user-id program is not changed.\n"
    "\n"
    "  -l, --lib PATH   the library to use; else $ROOST_LIBRARY, else libroost.so beside this command,\n"
    "                   in ../lib, or where it was installed\n"
    "  -v, --verbose    say which library and which program are used\n"
    "  -h, --help       print this\n"
    "\n"
    "Options of the allocator are environment variables: ROOST_STATS=1 roost run -- PROGRAM;\n"
    "'roost options' lists them. ROOST_DISABLE=1: PROGRAM runs on the system's malloc.\n"
    "\n"
    "Exit code: PROGRAM's; 2 for wrong usage, 126 when PROGRAM cannot be executed, 127 when PROGRAM or\n"
    "the library is not found.";

/* ROOST_DISABLE=1: the program is to be left on the system's malloc. */
static int disabled(void)
{
    const char *value = getenv("ROOST_DISABLE");
    return value && value[0] != '\0' && strcmp(value, "0") != 0;
}

/* LD_PRELOAD is `library`, then what it was. */
static int preload(const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    if (!before || before[0] == '\0')
        return setenv("LD_PRELOAD", library, 1);
    size_t size = strlen(library) + 1 + strlen(before) + 1;
    char *both = malloc(size);
    if (!both)
        return -1;
    snprintf(both, size, "%s:%s", library, before);
    int result = setenv("LD_PRELOAD", both, 1);
    free(both);
    return result;
}

int cli_run(int argc, char **argv)
{
    struct run_options options = {.library = NULL};
    char library[PATH_MAX];
    const struct cli_option known[] = {
        {"lib", 'l', NULL, &options.library}, {"verbose", 'v', &options.verbose, NULL}, {NULL, 0, NULL, NULL}};
    int code = cli_parse(argc, argv, help_text, known, true);
    if (code != CLI_OK)
        return code;
    if (optind >= argc)
        return cli_error(CLI_USAGE, "run: no program is given; try 'roost run --help'");
    char **program = argv + optind;
    int preloads = !disabled();
    code = preloads ? library_find(options.library, library) : CLI_OK;
    if (code != CLI_OK)
        return code;
    if (options.verbose)
        fprintf(stderr, "roost: running %s on %s\n", program[0],
                preloads ? library : "the system's malloc (ROOST_DISABLE)");
    if (preloads && preload(library) != 0)
        return cli_error(CLI_FAILED, "cannot set LD_PRELOAD: %s", strerror(errno));
    execvp(program[0], program);
    return cli_error(errno == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE, "cannot run %s: %s", program[0],
                     strerror(errno));
}

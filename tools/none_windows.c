/* The subcommands that Windows has not: they read other processes and core files, as Linux shows them. SPDX-License-Identifier: MIT */
#include "cli.h"

static int none(const char *name)
{
    return cli_error(CLI_FAILED, "%s: there is none on Windows; ROOST_STATS=1 and roost_stats_write tell of a process",
                     name);
}

int cli_stat(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int cli_check(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int cli_map(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int cli_top(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

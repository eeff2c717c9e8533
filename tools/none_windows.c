/* The subcommands that Windows has not: they read other processes and core files, as Linux shows them. SPDX-License-Identifier: MIT */
#include "cli.h"

static int none(int argc, char **argv)
{
    (void)argc;
    return cli_error(CLI_FAILED, "%s: there is none on Windows; ROOST_STATS=1 and roost_stats_write tell of a process",
                     argv[0]);
}

int cli_stat(int argc, char **argv)
{
    return none(argc, argv);
}

int cli_check(int argc, char **argv)
{
    return none(argc, argv);
}

int cli_map(int argc, char **argv)
{
    return none(argc, argv);
}

int cli_top(int argc, char **argv)
{
    return none(argc, argv);
}

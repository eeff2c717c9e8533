/* The command `roost`: the table of subcommands and the options that stand before them.
 * SPDX-License-Identifier: MIT */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <roost/roost.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct cli_command commands[] = {
    {"run", cli_run, "run a program on roost's malloc"},
    {"options", cli_options, "what can be set"},
    {"figures", cli_figures, "what the statistics tell"},
    {"stat", cli_stat, "what a process or a core file holds"},
    {"check", cli_check, "whether a process's or a core file's heap is sound"},
    {"map", cli_map, "a picture of the heap of a process or a core file, for a browser"},
    {"top", cli_top, "processes on roost, or one of them, again and again"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

int cli_error(int code, const char *format, ...)
{
    va_list arguments;
    fputs("roost: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

static void print_help(void)
{
    puts("Usage: roost COMMAND [ARGUMENT...]\n"
         "       roost --help | --version\n"
         "\n"
         "Commands:");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    puts("\n'roost COMMAND --help' tells more of each.");
}

/* 0 when everything printed so far has reached standard output. */
static int finish_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_error(CLI_FAILED, "standard output: %s", strerror(errno));
    return CLI_OK;
}

static int run_command(int argc, char **argv)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        optind = 0; /* glibc: start afresh, with this argv */
        return commands[i].run(argc, argv);
    }
    return cli_error(CLI_NOT_FOUND, "there is no command '%s'; try 'roost --help'", argv[0]);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    int result;
    while ((result = getopt_long(argc, argv, "+:hV", options, NULL)) != -1) {
        switch (result) {
        case 'h':
            print_help();
            return finish_output();
        case 'V':
            printf("roost %d.%d.%d\n", ROOST_VERSION_MAJOR, ROOST_VERSION_MINOR, ROOST_VERSION_PATCH);
            return finish_output();
        default:
            return cli_error(CLI_USAGE, "%s is not an option; try 'roost --help'", argv[optind > 1 ? optind - 1 : 1]);
        }
    }
    if (optind >= argc)
        return cli_error(CLI_USAGE, "no command is given; try 'roost --help'");
    int code = run_command(argc - optind, argv + optind);
    int written = finish_output();
    return code != CLI_OK && code != CLI_DONE ? code : written;
}

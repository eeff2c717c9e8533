/* What the subcommands of `roost` share. A subcommand is a function in its own file and a row of the table in
 * roost.c. Messages go to standard error, one line each, and begin with "roost: ".
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_CLI_H
#define ROOST_TOOLS_CLI_H

#include <stdbool.h>

/* Exit codes; docs/roost-command.md has them. The last two are those of a shell. */
enum {
    CLI_DONE = -1, /* 0, and there is nothing more to do */
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NO_TARGET = 3,     /* no such process, no such file, not a core file */
    CLI_NO_PERMISSION = 4, /* to read it */
    CLI_NO_ROOST = 5,      /* it does not use roost, or not yet */
    CLI_VERSION = 6,       /* it uses a roost that this command cannot read */
    CLI_LOST = 7,          /* it ended while it was read; or the core file is not whole */
    CLI_NOT_EXECUTABLE = 126,
    CLI_NOT_FOUND = 127,
};

struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns the exit code */
    const char *summary;
};

/* Print "roost: " and the message. Returns `code`, so that a caller can say `return cli_error(...)`. */
int cli_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An option of a subcommand beside --help: sets a flag, or takes a value. */
struct cli_option {
    const char *name; /* NULL: the table's end */
    char letter;
    bool *set;
    const char **value; /* NULL: it takes none */
};

/* Read options; `help` is what --help prints. `in_order`: up to the first other word, which may be a program with options of its own. CLI_OK: go on,
 * at argv[optind]. */
int cli_parse(int argc, char **argv, const char *help, const struct cli_option *options, bool in_order);

/* The same, and after the options exactly one word, a process or a core file. */
int cli_parse_target(int argc, char **argv, const char *help, const struct cli_option *options);

int cli_run(int argc, char **argv);
int cli_options(int argc, char **argv);
int cli_figures(int argc, char **argv);
int cli_stat(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_top(int argc, char **argv);

#endif

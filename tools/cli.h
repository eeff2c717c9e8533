/* What the subcommands of `roost` share. A subcommand is a function in its own file and a row of the table in
 * roost.c. Messages go to standard error, one line each, and begin with "roost: ".
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_CLI_H
#define ROOST_TOOLS_CLI_H

/* Exit codes; docs/roost-command.md has them. The last two are those of a shell. */
enum {
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

/* What getopt_long complains of, in our words: `result` is '?' or ':'. Returns CLI_USAGE. */
int cli_bad_option(const char *command, int result, char **argv);

/* After the options exactly one word, a process or a core file: CLI_OK, else CLI_USAGE. */
int cli_one_target(const char *command, int argc, char **argv);

int cli_run(int argc, char **argv);
int cli_options(int argc, char **argv);
int cli_figures(int argc, char **argv);
int cli_stat(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_top(int argc, char **argv);

#endif

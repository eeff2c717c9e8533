/* What the subcommands of `roost` share. A subcommand is a function in its own file and a row of the table in
 * roost.c. Messages go to standard error, one line each, and begin with "roost: ".
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_CLI_H
#define ROOST_TOOLS_CLI_H

/* Exit codes. The last two are those of a shell. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
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

int cli_run(int argc, char **argv);
int cli_options(int argc, char **argv);
int cli_figures(int argc, char **argv);

#endif

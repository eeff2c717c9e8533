/* What went wrong while another process or a core file was read: an exit code and one line for the user.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_PROBLEM_H
#define ROOST_TOOLS_PROBLEM_H

struct problem {
    int code; /* CLI_... of cli.h; CLI_OK: nothing yet */
    char text[300];
};

/* Write it down, unless something was written down before: the first cause counts. Returns the code that then stands. */
int problem_set(struct problem *problem, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

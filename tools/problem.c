/* See problem.h. SPDX-License-Identifier: MIT */
#include "problem.h"

#include "cli.h"

#include <stdarg.h>
#include <stdio.h>

int problem_set(struct problem *problem, int code, const char *format, ...)
{
    if (problem->code == CLI_OK) {
        va_list arguments;
        problem->code = code;
        va_start(arguments, format);
        vsnprintf(problem->text, sizeof problem->text, format, arguments);
        va_end(arguments);
    }
    return problem->code;
}

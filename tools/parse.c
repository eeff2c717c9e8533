/* The options of subcommands, read by getopt_long from a table. SPDX-License-Identifier: MIT */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 8 };

static int bad_option(int result, char **argv)
{
    /* A bad short option is in optopt; after a bad long one optind has passed it, and optopt is 0 or its value. */
    const char *word = argv[optind - 1], *command = argv[0];
    const char *problem = result == ':' ? "needs a value" : "is not an option";
    if (strncmp(word, "--", 2) == 0) {
        if (result != ':' && optopt != 0)
            problem = "takes no value";
        return cli_error(CLI_USAGE, "%s: %s %s; try 'roost %s --help'", command, word, problem, command);
    }
    return cli_error(CLI_USAGE, "%s: -%c %s; try 'roost %s --help'", command, optopt, problem, command);
}

/* What getopt_long wants to know of a table. */
struct known {
    struct option longs[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 4];
};

static void make_known(struct known *known, const struct cli_option *options, bool in_order)
{
    size_t n = 0, at = 0;
    *known = (struct known){.letters = ""};
    known->longs[n++] = (struct option){"help", no_argument, NULL, 'h'};
    if (in_order)
        known->letters[at++] = '+';
    known->letters[at++] = ':';
    known->letters[at++] = 'h';
    for (const struct cli_option *o = options; o->name != NULL; o++) {
        known->longs[n++] =
            (struct option){o->name, o->value != NULL ? required_argument : no_argument, NULL, o->letter};
        known->letters[at++] = o->letter;
        if (o->value != NULL)
            known->letters[at++] = ':';
    }
}

int cli_parse(int argc, char **argv, const char *help, const struct cli_option *options, bool in_order)
{
    struct known known;
    int result;
    make_known(&known, options, in_order);
    while ((result = getopt_long(argc, argv, known.letters, known.longs, NULL)) != -1) {
        const struct cli_option *o = options;
        if (result == 'h') {
            puts(help);
            return CLI_DONE;
        }
        while (o->name != NULL && o->letter != result)
            o++;
        if (o->name == NULL)
            return bad_option(result, argv);
        if (o->value != NULL)
            *o->value = optarg;
        else
            *o->set = true;
    }
    return CLI_OK;
}

int cli_parse_target(int argc, char **argv, const char *help, const struct cli_option *options)
{
    int code = cli_parse(argc, argv, help, options, false);
    if (code != CLI_OK)
        return code;
    if (optind >= argc)
        return cli_error(CLI_USAGE, "%s: no process or core file is given; try 'roost %s --help'", argv[0], argv[0]);
    if (optind + 1 < argc)
        return cli_error(CLI_USAGE, "%s: %s is one too many; try 'roost %s --help'", argv[0], argv[optind + 1],
                         argv[0]);
    return CLI_OK;
}

/* `roost top`: a process, or all that run on roost, again and again. With curses on a terminal, as plain lines with --batch.
 * SPDX-License-Identifier: MIT */
#include "cli.h"
#include "table.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef ROOST_HAVE_CURSES
#include <curses.h>
#endif

struct top_options {
    double delay; /* seconds */
    long rounds;  /* 0: without end */
    bool batch;
    uint32_t pid; /* 0: all */
};

struct top {
    struct top_options options;
    enum table_kind kind;
    struct table now, before;
    double taken; /* when `now` was, in seconds */
    size_t first; /* row at the top of the screen */
    bool paused;
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
    (void)number;
    asked_to_end = 1;
}

static const char help_text[] =
    "Usage: roost top [OPTION...] [PID]\n"
    "\n"
    "Shows a process that runs on roost by size classes or heaps, or without PID all such processes, again and "
    "again.\n"
    "\n"
    "  -d, --delay SECONDS   between two looks, 0.1 to 3600; default 2\n"
    "  -n, --rounds COUNT    end after so many\n"
    "  -b, --batch           print lines; no terminal is needed\n"
    "  -h, --help            print this\n"
    "\n"
    "Keys: left and right (or < and >) choose the column that is sorted by, up and down and Page Up and Page Down\n"
    "scroll, h changes between heaps and classes, space halts, q quits.\n"
    "\n"
    "Exit code: 0; 1 no terminal, 2 wrong usage, 3 no such process, 4 no permission, 5 it does not use roost, 6 a\n"
    "version of roost that this command cannot read, 7 it has ended.";

static int bad_number(const char *name, const char *value)
{
    return cli_error(CLI_USAGE, "top: %s: '%s' cannot be; try 'roost top --help'", name, value);
}

static int take_numbers(struct top_options *out, const char *delay, const char *rounds)
{
    char *end;
    errno = 0;
    if (delay != NULL) {
        out->delay = strtod(delay, &end);
        if (*delay == '\0' || *end != '\0' || !isfinite(out->delay) || out->delay < 0.1 || out->delay > 3600)
            return bad_number("--delay", delay);
    }
    if (rounds != NULL) {
        out->rounds = strtol(rounds, &end, 10);
        if (*rounds == '\0' || *end != '\0' || errno != 0 || out->rounds <= 0)
            return bad_number("--rounds", rounds);
    }
    return CLI_OK;
}

static int take_pid(struct top_options *out, int argc, char **argv)
{
    char *end;
    if (optind >= argc)
        return CLI_OK;
    if (optind + 1 < argc)
        return cli_error(CLI_USAGE, "top: %s is one too many; try 'roost top --help'", argv[optind + 1]);
    errno = 0;
    long value = strtol(argv[optind], &end, 10);
    if (*argv[optind] == '\0' || *end != '\0' || errno != 0 || value <= 0 || value > INT32_MAX)
        return cli_error(CLI_NO_TARGET, "%s is not the number of a process", argv[optind]);
    out->pid = (uint32_t)value;
    return CLI_OK;
}

static int parse(int argc, char **argv, struct top_options *out)
{
    const char *delay = NULL, *rounds = NULL;
    const struct cli_option known[] = {{"batch", 'b', &out->batch, NULL},
                                       {"delay", 'd', NULL, &delay},
                                       {"rounds", 'n', NULL, &rounds},
                                       {NULL, 0, NULL, NULL}};
    *out = (struct top_options){.delay = 2};
    int code = cli_parse(argc, argv, help_text, known, false);
    if (code == CLI_OK)
        code = take_numbers(out, delay, rounds);
    return code == CLI_OK ? take_pid(out, argc, argv) : code;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int look(struct top *top, struct problem *problem)
{
    double now = seconds_now(), since = now - top->taken;
    table_free(&top->before);
    top->before = top->now;
    top->now.rows = NULL;
    int code = table_fill(&top->now, top->kind, top->options.pid, &top->before, top->taken > 0 ? since : 0, problem);
    top->taken = now;
    if (code == CLI_OK)
        table_sort(&top->now);
    return code;
}

/* --- lines --------------------------------------------------------------------------------------------------------------- */

static void print_batch(const struct top *top)
{
    char line[TABLE_LINE];
    for (int i = 0; i < TABLE_SUMS; i++) {
        if (top->now.sums[i][0] != '\0')
            puts(top->now.sums[i]);
    }
    table_line(&top->now, SIZE_MAX, line);
    puts(line);
    for (size_t i = 0; i < top->now.count; i++) {
        table_line(&top->now, i, line);
        puts(line);
    }
    putchar('\n');
    fflush(stdout);
}

static int run_batch(struct top *top, struct problem *problem)
{
    struct timespec delay = {.tv_sec = (time_t)top->options.delay,
                             .tv_nsec = (long)(fmod(top->options.delay, 1) * 1e9)};
    for (long round = 1; look(top, problem) == CLI_OK; round++) {
        print_batch(top);
        if (ferror(stdout) != 0 || round == top->options.rounds || asked_to_end || nanosleep(&delay, NULL) != 0)
            break;
    }
    return problem->code;
}

/* --- the screen ------------------------------------------------------------------------------------------------------------ */

#ifdef ROOST_HAVE_CURSES
static void draw(const struct top *top)
{
    char line[TABLE_LINE];
    int y = 0;
    erase();
    for (int i = 0; i < TABLE_SUMS && y < LINES; i++) {
        if (top->now.sums[i][0] != '\0')
            mvaddnstr(y++, 0, top->now.sums[i], COLS);
    }
    table_line(&top->now, SIZE_MAX, line);
    if (y < LINES) {
        attron(A_REVERSE);
        mvhline(y, 0, ' ', COLS);
        mvaddnstr(y++, 0, line, COLS);
        attroff(A_REVERSE);
    }
    for (size_t i = top->first; i < top->now.count && y < LINES - 1; i++) {
        table_line(&top->now, i, line);
        mvaddnstr(y++, 0, line, COLS);
    }
    attron(A_DIM);
    mvprintw(LINES - 1, 0, "%.*s", COLS - 1, "q quit  <> sort  h heaps or classes  space halt");
    printw("%.*s%.*s", COLS > 79 ? 20 : 0, "  sorted by ", COLS > 79 ? 12 : 0, top->now.heads[top->now.sort]);
    attroff(A_DIM);
    refresh();
}

/* False: quit. *again: look anew. */
static bool key(struct top *top, int pressed, bool *again)
{
    size_t page = LINES > 8 ? (size_t)LINES - 7 : 1, last = top->now.count != 0 ? top->now.count - 1 : 0;
    switch (pressed) {
    case 'q':
    case 'Q':
        return false;
    case ' ':
        top->paused = !top->paused;
        break;
    case KEY_RIGHT:
    case '>':
        top->now.sort = (top->now.sort + 1) % top->now.columns;
        break;
    case KEY_LEFT:
    case '<':
        top->now.sort = (top->now.sort + top->now.columns - 1) % top->now.columns;
        break;
    case 'h':
        if (top->kind != TABLE_PROCESSES) {
            top->kind = top->kind == TABLE_CLASSES ? TABLE_HEAPS : TABLE_CLASSES;
            top->now.sort = 1;
            top->first = 0;
            *again = true;
        }
        break;
    case KEY_DOWN:
        top->first += top->first < last;
        break;
    case KEY_UP:
        top->first -= top->first != 0;
        break;
    case KEY_NPAGE:
        top->first = top->first + page < last ? top->first + page : last;
        break;
    case KEY_PPAGE:
        top->first = top->first > page ? top->first - page : 0;
        break;
    default:
        break;
    }
    table_sort(&top->now);
    return true;
}

static int run_screen(struct top *top, struct problem *problem)
{
    bool going = true;
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL)
        return problem_set(problem, CLI_FAILED, "top: this terminal (TERM) cannot be used; try --batch");
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    for (long round = 1; going && !asked_to_end; round++) {
        double due = top->taken + top->options.delay;
        bool again = false;
        while (going && !again && !asked_to_end) {
            draw(top);
            double left = due - seconds_now();
            if (left <= 0 && !top->paused)
                break;
            timeout(top->paused ? 1000 : (int)(left * 1000) + 1);
            int pressed = getch();
            if (pressed != ERR)
                going = key(top, pressed, &again);
        }
        if (!going || asked_to_end || round == top->options.rounds || look(top, problem) != CLI_OK)
            break;
    }
    endwin();
    delscreen(screen);
    return problem->code;
}
#else
static int run_screen(struct top *top, struct problem *problem)
{
    (void)top;
    return problem_set(problem, CLI_FAILED, "top: this command was built without curses; use --batch");
}
#endif

int cli_top(int argc, char **argv)
{
    struct top top = {.now = {.sort = 1}};
    struct problem problem = {.code = CLI_OK};
    struct sigaction action = {.sa_handler = on_signal};
    int code = parse(argc, argv, &top.options);
    if (code != CLI_OK)
        return code;
    if (!top.options.batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        return cli_error(CLI_FAILED, "top: standard input and output are no terminal; use --batch");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    top.kind = top.options.pid != 0 ? TABLE_CLASSES : TABLE_PROCESSES;
    if (top.options.batch)
        run_batch(&top, &problem);
    else if (look(&top, &problem) == CLI_OK)
        run_screen(&top, &problem);
    table_free(&top.now);
    table_free(&top.before);
    return problem.code != CLI_OK ? cli_error(problem.code, "%s", problem.text) : CLI_OK;
}

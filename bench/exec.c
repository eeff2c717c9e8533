/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * roost_exec: runs a program with a library preloaded into it and into nothing before it, and measures it. The parent is this small
 * process, so the child's ru_maxrss is its own peak and not, as it would be under a scripting language, that of a fat launcher
 * at the time of the fork. Standard output of the program goes to standard error, that of roost_exec is one line:
 *     seconds user_seconds peak_rss_kib minor_faults
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int usage(FILE *out, int status)
{
    fputs("usage: roost_exec [--preload LIB] -- PROGRAM ARGS\n"
          "Prints one line: seconds user_seconds peak_rss_kib minor_faults. What PROGRAM prints goes to standard "
          "error.\n",
          out);
    return status;
}

_Noreturn static void become(const char *preload, char **argv)
{
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (preload != NULL && setenv("LD_PRELOAD", preload, 1) != 0)
        _exit(126);
    execvp(argv[0], argv);
    fprintf(stderr, "roost_exec: cannot run '%s': %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int measure(const char *preload, char **argv)
{
    uint64_t start = now_ns();
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "roost_exec: cannot fork: %s\n", strerror(errno));
        return 126;
    }
    if (pid == 0)
        become(preload, argv);
    int status = 0;
    struct rusage usage_of;
    while (wait4(pid, &status, 0, &usage_of) < 0 && errno == EINTR)
        continue;
    double seconds = (double)(now_ns() - start) / 1e9;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
        fprintf(stderr, "roost_exec: %s ended with %s %d\n", argv[0], WIFEXITED(status) ? "status" : "signal", code);
        return WIFEXITED(status) ? code : 128 + code;
    }
    printf("%.6f %.6f %ld %ld\n", seconds, (double)usage_of.ru_utime.tv_sec + (double)usage_of.ru_utime.tv_usec / 1e6,
           usage_of.ru_maxrss, usage_of.ru_minflt);
    return 0;
}

int main(int argc, char **argv)
{
    const char *preload = NULL;
    int i = 1;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout, 0);
    if (argc > 3 && strcmp(argv[1], "--preload") == 0) {
        preload = argv[2];
        i = 3;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
        return usage(stderr, 2);
    return measure(preload, argv + i + 1);
}

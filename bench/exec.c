/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * roost_bench exec: measures a whole program, with the library preloaded into it and into nothing
 * before it. The parent is this small process, so the child's ru_maxrss is its own peak and not,
 * as it would be under a scripting language, that of a fat launcher at the time of the fork.
 * The program's output goes to /dev/null.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn static void become(const char *preload, char **argv) {
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, STDOUT_FILENO);
    if (preload != NULL && setenv("LD_PRELOAD", preload, 1) != 0) _exit(126);
    execvp(argv[0], argv);
    fprintf(stderr, "roost_bench: cannot run '%s': %s\n", argv[0], strerror(errno));
    _exit(127);
}

int bench_exec(const char *preload, const char *label, char **argv) {
    uint64_t start = bench_now_ns();
    pid_t pid = fork();
    if (pid < 0) bench_die("cannot fork");
    if (pid == 0) become(preload, argv);
    int status = 0;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0) {
        if (errno != EINTR) bench_die("cannot wait");
    }
    double seconds = (double)(bench_now_ns() - start) / 1e9;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "roost_bench: %s ended with %s %d\n", argv[0],
                WIFEXITED(status) ? "status" : "signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    printf("%s %.6f s %ld %ld\n", label, seconds, usage.ru_maxrss, usage.ru_minflt);
    return 0;
}

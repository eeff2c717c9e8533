/* kvserver: the benchmark (see bench.h).
 *
 * The load generator is started before the server has threads, by a fresh exec of this program without
 * LD_PRELOAD and without allocator settings: it always runs on the allocator that the program was linked
 * with, whatever is preloaded under the server.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include "process.h"
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOAD_ARGUMENTS = 10, ARGUMENT_ROOM = 48 };

struct bench {
    const struct bench_options *options;
    pid_t child;
    int report_fd, signal_fd;
    struct load_report mix;
    uint64_t errors;
    struct cpu_time before_mix, after_mix;
    struct memory_use peak, idle;
};

static int fail(const char *what)
{
    fprintf(stderr, "kvserver: %s: %s\n", what, strerror(errno));
    return 1;
}

/* ---- the load generator's process ---- */

static void exec_load(const struct bench_options *options, unsigned short port, int report_fd)
{
    const struct load_options *load = &options->load;
    char path[4096], text[LOAD_ARGUMENTS][ARGUMENT_ROOM], *arguments[LOAD_ARGUMENTS + 2];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        _exit(fail("cannot find my own program"));
    path[length] = '\0';
    int n = 0;
    snprintf(text[n++], ARGUMENT_ROOM, "--load-for=%d", report_fd);
    snprintf(text[n++], ARGUMENT_ROOM, "--port=%d", port);
    snprintf(text[n++], ARGUMENT_ROOM, "--connections=%u", load->connections);
    snprintf(text[n++], ARGUMENT_ROOM, "--pipeline=%u", load->pipeline);
    snprintf(text[n++], ARGUMENT_ROOM, "--keys=%u", load->keys);
    snprintf(text[n++], ARGUMENT_ROOM, "--seconds=%.3f", load->seconds);
    snprintf(text[n++], ARGUMENT_ROOM, "--seed=%llu", (unsigned long long)load->seed);
    arguments[0] = path;
    for (int i = 0; i < n; i++)
        arguments[i + 1] = text[i];
    arguments[n + 1] = NULL;
    unsetenv("LD_PRELOAD");
    unsetenv("ROOST_STATS");
    unsetenv("ROOST_OPTIONS");
    execv(path, arguments);
    _exit(fail("cannot start the load generator"));
}

/* @return 0, or -1 with errno set. */
static int start_load(struct bench *bench, unsigned short port)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t parent = getpid();
    bench->child = fork();
    if (bench->child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* never outlive the benchmark */
        if (getppid() != parent)
            _exit(1);
        close(ends[0]);
        exec_load(bench->options, port, ends[1]);
    }
    close(ends[1]);
    bench->report_fd = ends[0];
    return bench->child > 0 ? 0 : -1;
}

int bench_run_load(const struct bench_options *options, unsigned short port, int report_fd)
{
    return load_run(&options->load, port, report_fd);
}

/* ---- the server's process ---- */

static void take_report(struct bench *bench, const struct load_report *report)
{
    bench->errors += report->errors;
    if (report->phase == LOAD_FILL) {
        bench->before_mix = process_cpu();
    } else if (report->phase == LOAD_MIX) {
        bench->after_mix = process_cpu();
        bench->mix = *report;
    }
}

/* Wait until a report or a signal comes. @return 1 for a report, 0 at the load's end, -1 when told to stop. */
static int await(struct bench *bench, struct load_report *report)
{
    struct pollfd watched[] = {{.fd = bench->report_fd, .events = POLLIN}, {.fd = bench->signal_fd, .events = POLLIN}};
    for (;;) {
        if (poll(watched, 2, -1) < 0)
            continue;
        if (watched[1].revents) {
            struct signalfd_siginfo signal;
            if (read(bench->signal_fd, &signal, sizeof signal) == sizeof signal && signal.ssi_signo != SIGCHLD)
                return -1;
        }
        if (watched[0].revents)
            return read(bench->report_fd, report, sizeof *report) == sizeof *report;
    }
}

/* @return true when the load ran to its end. */
static bool follow_load(struct bench *bench)
{
    struct load_report report;
    unsigned reports = 0;
    int got, status;
    while ((got = await(bench, &report)) > 0) {
        take_report(bench, &report);
        reports++;
    }
    if (got < 0)
        kill(bench->child, SIGTERM);
    while (waitpid(bench->child, &status, 0) < 0 && errno == EINTR)
        ;
    return got == 0 && reports == LOAD_EMPTY + 1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Leave the server alone for a while. @return false when a signal ended that. */
static bool stay_idle(struct bench *bench)
{
    struct pollfd watched = {.fd = bench->signal_fd, .events = POLLIN};
    struct signalfd_siginfo signal;
    while (poll(&watched, 1, 0) > 0) /* the load generator's SIGCHLD */
        if (read(bench->signal_fd, &signal, sizeof signal) != sizeof signal || signal.ssi_signo != SIGCHLD)
            return false;
    return poll(&watched, 1, (int)(bench->options->idle_seconds * 1000)) == 0;
}

static double mib(uint64_t kib)
{
    return (double)kib / 1024;
}

static void print_report(const struct bench *bench)
{
    const struct bench_options *o = bench->options;
    const struct load_report *mix = &bench->mix;
    const double rate = (double)mix->requests / mix->seconds, count = (double)mix->requests / 1e6;
    const double user = (bench->after_mix.user - bench->before_mix.user) / count;
    const double sys = (bench->after_mix.system - bench->before_mix.system) / count;
    if (o->json) {
        printf("{\"requests_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
               "\"cpu_user_us_per_request\": %.3f, \"cpu_system_us_per_request\": %.3f, \"peak_rss_kib\": %llu, "
               "\"idle_rss_kib\": %llu, \"content_errors\": %llu, \"requests\": %llu, \"seconds\": %.3f, "
               "\"seed\": %llu}\n",
               rate, mix->p50, mix->p99, mix->p999, user, sys, (unsigned long long)bench->peak.peak_kib,
               (unsigned long long)bench->idle.now_kib, (unsigned long long)bench->errors,
               (unsigned long long)mix->requests, mix->seconds, (unsigned long long)o->load.seed);
        return;
    }
    printf("load            %u connections x %u requests at once, %u keys, %.1f s, seed %llu\n", o->load.connections,
           o->load.pipeline, o->load.keys, mix->seconds, (unsigned long long)o->load.seed);
    printf("server          %u I/O threads, %u workers\n", o->io_threads, o->workers);
    printf("requests/s      %.0f\n", rate);
    printf("latency, us     p50 %.0f   p99 %.0f   p99.9 %.0f\n", mix->p50, mix->p99, mix->p999);
    printf("server's CPU    %.2f us per request in user mode, %.2f in the kernel\n", user, sys);
    printf("peak RSS        %.1f MiB\n", mib(bench->peak.peak_kib));
    printf("idle RSS        %.1f MiB, %.1f s after all keys were deleted\n", mib(bench->idle.now_kib), o->idle_seconds);
    printf("wrong answers   %llu\n", (unsigned long long)bench->errors);
}

static int measure(struct bench *bench, int listen_fd)
{
    struct server *server = server_start(listen_fd, bench->options->io_threads, bench->options->workers);
    if (!server)
        return fail("cannot start the server");
    bool complete = follow_load(bench);
    bench->child = 0;
    if (complete) {
        bench->peak = process_memory();
        complete = stay_idle(bench);
        bench->idle = process_memory();
    }
    server_stop(server);
    if (!complete) {
        fprintf(stderr, "kvserver: the load did not run to its end\n");
        return 1;
    }
    print_report(bench);
    return bench->errors ? 1 : 0;
}

int bench_run(const struct bench_options *options)
{
    struct bench bench = {.options = options, .report_fd = -1};
    unsigned short port = 0;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    bench.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    int listen_fd = server_listen(&port);
    if (listen_fd < 0 || bench.signal_fd < 0 || start_load(&bench, port) != 0)
        return fail("cannot prepare the benchmark");
    int status = measure(&bench, listen_fd);
    if (bench.child > 0) {
        kill(bench.child, SIGTERM);
        waitpid(bench.child, NULL, 0);
    }
    close(bench.report_fd);
    close(bench.signal_fd);
    close(listen_fd);
    return status;
}

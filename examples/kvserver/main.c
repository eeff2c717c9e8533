/* kvserver: a small in-memory key-value server, as a server that wants a good allocator looks.
 *
 * I/O threads (epoll) read requests and allocate them; a queue hands each connection's batch to a worker,
 * which executes it against a sharded hash table and allocates the answers; the I/O thread sends and
 * frees those. So most blocks are freed by another thread than the one that allocated them. The protocol
 * is in kv.h, the way of a connection in server.c and conn.h. Plain malloc and free: any allocator can be
 * preloaded. This file owns the command line.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, NO_PORT = -1 };

static const char help[] =
    "usage: kvserver [--port P]            serve on loopback until SIGTERM or SIGINT (default: any free port)\n"
    "       kvserver --bench [OPTIONS]     server and load in turn fill, mix, empty; prints figures and ends\n"
    "  --io N, --workers N     I/O threads and worker threads, 1..32 (2, 2)\n"
    "  --seconds S             length of the measured mix, 0.1..3600 (10)\n"
    "  --connections N         1..1000 (64)\n"
    "  --pipeline N            requests sent at once on a connection, 1..256 (16)\n"
    "  --keys N                from the number of connections up to 100000000 (250000, about 300 MiB)\n"
    "  --seed N                of sizes, contents and requests (1)\n"
    "  --idle S                rest before the last look at the memory, 0..600 (2)\n"
    "  --json                  figures as one JSON object\n"
    "The exit status is 0, 1 when something failed or an answer was wrong, 2 for a wrong command line.\n";

struct command {
    bool bench;
    int port;
    int load_for; /* the pipe of the benchmark whose load generator this process is, else -1 */
    struct bench_options options;
};

static void bad_usage(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "kvserver: %s: '%s' is not %s (see --help)\n", option, value, wanted);
    exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end, wanted[64];
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < least || value > most) {
        snprintf(wanted, sizeof wanted, "a number from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        bad_usage(option, text, wanted);
    }
    return value;
}

static double seconds(const char *option, const char *text, double least, double most)
{
    char *end, wanted[64];
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= least && value <= most)) {
        snprintf(wanted, sizeof wanted, "a time from %g to %g seconds", least, most);
        bad_usage(option, text, wanted);
    }
    return value;
}

static const struct option long_options[] = {
    {"bench", no_argument, NULL, 'b'},
    {"port", required_argument, NULL, 'p'},
    {"io", required_argument, NULL, 'i'},
    {"workers", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 's'},
    {"connections", required_argument, NULL, 'c'},
    {"pipeline", required_argument, NULL, 'P'},
    {"keys", required_argument, NULL, 'k'},
    {"seed", required_argument, NULL, 'S'},
    {"idle", required_argument, NULL, 'I'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"load-for", required_argument, NULL, 'L'}, /* internal: see bench.c */
    {NULL, 0, NULL, 0},
};

static void take_option(struct command *command, int option)
{
    struct bench_options *o = &command->options;
    switch (option) {
    case 'b':
        command->bench = true;
        break;
    case 'p':
        command->port = (int)number("--port", optarg, 0, 65535);
        break;
    case 'i':
        o->io_threads = (unsigned)number("--io", optarg, 1, KV_MAX_THREADS);
        break;
    case 'w':
        o->workers = (unsigned)number("--workers", optarg, 1, KV_MAX_THREADS);
        break;
    case 's':
        o->load.seconds = seconds("--seconds", optarg, 0.1, 3600);
        break;
    case 'c':
        o->load.connections = (unsigned)number("--connections", optarg, 1, KV_MAX_CONNECTIONS);
        break;
    case 'P':
        o->load.pipeline = (unsigned)number("--pipeline", optarg, 1, LOAD_MAX_PIPELINE);
        break;
    case 'k':
        o->load.keys = (unsigned)number("--keys", optarg, 1, 100000000);
        break;
    case 'S':
        o->load.seed = number("--seed", optarg, 0, UINT64_MAX);
        break;
    case 'I':
        o->idle_seconds = seconds("--idle", optarg, 0, 600);
        break;
    case 'j':
        o->json = true;
        break;
    case 'L':
        command->load_for = (int)number("--load-for", optarg, 0, 1 << 20);
        break;
    case 'h':
        fputs(help, stdout);
        exit(0);
    default:
        exit(EXIT_USAGE);
    }
}

static struct command parse(int argc, char **argv)
{
    struct command command = {.port = NO_PORT, .load_for = -1};
    command.options.io_threads = command.options.workers = 2;
    command.options.idle_seconds = 2;
    command.options.load =
        (struct load_options){.connections = 64, .pipeline = 16, .keys = 250000, .seconds = 10, .seed = 1};
    int option;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == '?')
            bad_usage("argument", argv[optind - 1], "a known option");
        if (option == ':')
            bad_usage("argument", argv[optind - 1], "complete: a value is missing");
        take_option(&command, option);
    }
    if (optind < argc)
        bad_usage("argument", argv[optind], "an option");
    if (command.options.load.keys < command.options.load.connections)
        bad_usage("--keys", "fewer than --connections", "possible: each connection owns keys");
    if (command.bench && command.port != NO_PORT)
        bad_usage("--port", "with --bench", "possible: the benchmark takes a free port");
    return command;
}

static int serve(const struct command *command, const sigset_t *signals)
{
    unsigned short port = command->port == NO_PORT ? 0 : (unsigned short)command->port;
    int listen_fd = server_listen(&port);
    if (listen_fd < 0) {
        fprintf(stderr, "kvserver: cannot listen on 127.0.0.1:%u: %s\n", port, strerror(errno));
        return 1;
    }
    struct server *server = server_start(listen_fd, command->options.io_threads, command->options.workers);
    if (!server) {
        fprintf(stderr, "kvserver: cannot start the server: %s\n", strerror(errno));
        return 1;
    }
    printf("kvserver: listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    int signal = 0;
    while (sigwait(signals, &signal) != 0 || signal == SIGCHLD)
        ;
    server_stop(server);
    close(listen_fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct command command = parse(argc, argv);
    if (command.load_for >= 0)
        return bench_run_load(&command.options, (unsigned short)command.port, command.load_for);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it */
    return command.bench ? bench_run(&command.options) : serve(&command, &signals);
}

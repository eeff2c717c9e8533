/* kvserver: a bounded benchmark: server and load generator, figures of the server.
 * SPDX-License-Identifier: MIT */
#ifndef KV_BENCH_H
#define KV_BENCH_H

#include "load.h"

struct bench_options {
    struct load_options load;
    unsigned io_threads, workers;
    double idle_seconds; /* from the load's end to the last look at the memory */
    bool json;
};

/** Run it; the figures go to standard output. The caller has blocked SIGINT, SIGTERM and SIGCHLD.
 *  @return the process's exit status: 0, or 1 when something failed or an answer was wrong. */
int bench_run(const struct bench_options *options);

/** In the load generator's process: run the load for the bench_run that started it. */
int bench_run_load(const struct bench_options *options, unsigned short port, int report_fd);

#endif

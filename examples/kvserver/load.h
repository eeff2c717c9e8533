/* kvserver: the load generator. It runs as a process of its own, so that its memory and its allocator are
 * not the server's; it tells its parent by a pipe, one struct load_report per phase.
 * SPDX-License-Identifier: MIT */
#ifndef KV_LOAD_H
#define KV_LOAD_H

#include "kv.h"

enum { LOAD_MAX_PIPELINE = 256 };

struct load_options {
    unsigned connections;
    unsigned pipeline; /* requests sent at once on a connection, before their answers are awaited */
    unsigned keys;
    double seconds; /* of the mixed phase */
    uint64_t seed;
};

/* FILL sets every key; MIX is the measured load; EMPTY deletes every key. */
enum load_phase { LOAD_FILL, LOAD_MIX, LOAD_EMPTY };

struct load_report {
    enum load_phase phase;
    uint64_t requests;
    uint64_t errors; /* answers whose status, size or content was not the expected one */
    double seconds;
    double p50, p99, p999; /* microseconds, from sending the batch to the request's answer */
};

/** Run all phases against the server on loopback `port`; write the reports to `report_fd`.
 *  @return the process's exit status; what went wrong is on standard error. */
int load_run(const struct load_options *options, unsigned short port, int report_fd);

#endif

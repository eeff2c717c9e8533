/* kvserver: one connection of the load generator: composing, sending, receiving and checking a batch.
 * Used by load.c alone; single-threaded.
 * SPDX-License-Identifier: MIT */
#ifndef KV_LOAD_CONN_H
#define KV_LOAD_CONN_H

#include "load.h"
#include "workload.h"

#include <sys/types.h>
#include <sys/uio.h>

enum {
    INLINE_VALUE = 512, /* longer values are sent from the pattern, shorter ones copied */
    REQUEST_ROOM = 8 + KEY_SIZE + INLINE_VALUE,
    RECEIVE_ROOM = 256 * 1024
};

struct request {
    uint8_t op;
    bool any_version; /* a GET of another connection's key: status and version are not foreseen */
    enum kv_status status;
    uint32_t key;
    uint32_t version;
};

struct load_conn {
    int fd;
    unsigned index;
    uint64_t random;
    uint32_t progress;   /* FILL and EMPTY: own keys done */
    unsigned batch_size; /* 0 between batches */
    unsigned answered;
    uint64_t sent_at;
    struct request batch[LOAD_MAX_PIPELINE];

    struct iovec pieces[2 * LOAD_MAX_PIPELINE + 1]; /* still to be sent: from next_piece on */
    unsigned piece_count, next_piece;
    char out[LOAD_MAX_PIPELINE * REQUEST_ROOM];

    /* The answer being received: head and stamp are gathered, the rest is compared as it comes. */
    char head[sizeof(struct kv_answer_head) + STAMP_SIZE];
    size_t received;
    size_t total; /* bytes of the answer, known once the head is there */
    const char *expected;
    bool wrong;
};

struct load {
    struct load_options options;
    struct workload *workload;
    struct load_conn *conns;
    uint32_t *current; /* per key: version stored, 0 when absent */
    uint32_t *latest;  /* per key: last version given */
    int epoll_fd;
    enum load_phase phase;
    uint64_t deadline;
    unsigned active; /* connections with a batch under way */
    uint64_t requests, errors;
    struct histogram latencies;
    char scratch[RECEIVE_ROOM];
};

/** Turn the batch into bytes to be sent. */
void load_conn_compose(struct load *load, struct load_conn *conn);

/** Send what the socket takes. @return false when the connection broke. */
bool load_conn_send(struct load_conn *conn);

/** Receive once and check. @return as recv, but 0 for "nothing now" and -1 for a broken connection. */
ssize_t load_conn_receive(struct load *load, struct load_conn *conn);

/** Say why the load ends. @return 1. */
int load_failed(const char *why);

#endif

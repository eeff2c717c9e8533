/* kvserver: one connection: bytes in, batches of requests out to a worker, answers back, bytes out.
 *
 * A connection belongs to one I/O thread, except while it is with its worker (`with_worker`): then the
 * worker alone touches `requests` and `answers`, and the I/O thread nothing but `readable`, `hangup` and
 * `with_worker`. It reads no further while a batch is under way; this bounds what one client can make
 * the server hold, and lets the connection itself be the message between the threads.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KV_CONN_H
#define KV_CONN_H

#include "kv.h"

enum { CONN_BATCH = 64, CONN_BUFFER = 16 * 1024 };

enum conn_next { CONN_WAIT, CONN_HAND_OVER, CONN_CLOSE };

struct conn {
    int fd;                   /* fixed */
    unsigned home;            /* fixed: its I/O thread */
    unsigned worker;          /* fixed: the one that executes its requests, so that they stay in order */
    struct conn *prev, *next; /* I/O thread's list of connections */
    bool listed;              /* in that list, hence in the epoll set */
    bool readable;            /* the socket may have bytes */
    bool hangup;              /* the peer is gone or will send no more: read on until the end */
    bool ended;               /* nothing more to read: end of stream, error, broken protocol, out of memory */
    bool broken;              /* nothing more can be sent */
    bool with_worker;         /* see above */
    unsigned request_count;   /* in `requests` */
    struct item *requests;    /* the batch, in order */
    struct item *last_request;
    struct answer *answers;  /* to be sent, in order */
    size_t answer_sent;      /* bytes of the first answer already sent */
    struct item *partial;    /* the item being read */
    size_t partial_have;     /* bytes of its body present */
    size_t in_start, in_end; /* unread bytes of `in` */
    char in[CONN_BUFFER];
};

/** Take over the connected socket `fd`. @return NULL when out of memory (the socket is then still the caller's). */
struct conn *conn_new(int fd, unsigned home, unsigned worker);

/** Close the socket and free everything. Not while it is with a worker. */
void conn_delete(struct conn *conn);

/** Send, read and parse as far as possible. */
enum conn_next conn_advance(struct conn *conn);

#endif

/* kvserver: connections (see conn.h). Small requests pass through the connection's buffer; the body of a
 * big one is received straight into its item. Non-blocking; epoll is edge-triggered, so `readable` is
 * cleared only when the socket was read empty.
 * SPDX-License-Identifier: MIT */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEND_PIECES = 64 };

struct conn *conn_new(int fd, unsigned home, unsigned worker)
{
    struct conn *conn = malloc(sizeof *conn);
    if (!conn)
        return NULL;
    memset(conn, 0, offsetof(struct conn, in));
    conn->fd = fd;
    conn->home = home;
    conn->worker = worker;
    conn->readable = true;
    return conn;
}

void conn_delete(struct conn *conn)
{
    for (struct item *item = conn->requests, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    for (struct answer *answer = conn->answers, *next; answer; answer = next) {
        next = answer->next;
        free(answer);
    }
    free(conn->partial);
    close(conn->fd);
    free(conn);
}

/* Receive into `to`. @return the bytes received; 0 when there are none now, or never again (`ended`). */
static size_t receive(struct conn *conn, void *to, size_t room)
{
    if (!conn->readable || conn->ended)
        return 0;
    ssize_t n;
    do
        n = recv(conn->fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* A short read emptied the socket; the next bytes bring a new edge. The end may have come with this one. */
        if ((size_t)n < room && !conn->hangup)
            conn->readable = false;
        return (size_t)n;
    }
    conn->readable = false;
    if (n == 0 || errno != EAGAIN)
        conn->ended = true;
    return 0;
}

static bool refill(struct conn *conn)
{
    size_t rest = conn->in_end - conn->in_start;
    memmove(conn->in, conn->in + conn->in_start, rest);
    conn->in_start = 0;
    conn->in_end = rest + receive(conn, conn->in + rest, sizeof conn->in - rest);
    return conn->in_end > rest;
}

static bool head_is_valid(const struct kv_request_head *head)
{
    if (head->key_len == 0 || head->key_len > KV_KEY_MAX)
        return false;
    if (head->op == KV_SET)
        return head->value_len >= KV_VALUE_MIN && head->value_len <= KV_VALUE_MAX;
    return (head->op == KV_GET || head->op == KV_DEL) && head->value_len == 0;
}

/* Start the next item. @return false when its head is not here yet, or is wrong (`ended`). */
static bool begin_item(struct conn *conn)
{
    struct kv_request_head head;
    if (conn->in_end - conn->in_start < sizeof head)
        return false;
    memcpy(&head, conn->in + conn->in_start, sizeof head);
    conn->in_start += sizeof head;
    if (head_is_valid(&head))
        conn->partial = malloc(sizeof *conn->partial + head.key_len + head.value_len);
    if (!conn->partial) {
        conn->ended = true;
        return false;
    }
    conn->partial->next = NULL;
    conn->partial->head = head;
    conn->partial_have = 0;
    return true;
}

/* Move what the buffer has of the current item's body. @return how much of it is still missing. */
static size_t fill_item(struct conn *conn)
{
    size_t missing = item_body_size(conn->partial) - conn->partial_have;
    size_t here = conn->in_end - conn->in_start;
    size_t n = here < missing ? here : missing;
    memcpy(conn->partial->bytes + conn->partial_have, conn->in + conn->in_start, n);
    conn->in_start += n;
    conn->partial_have += n;
    return missing - n;
}

static void append_item(struct conn *conn)
{
    if (conn->requests)
        conn->last_request->next = conn->partial;
    else
        conn->requests = conn->partial;
    conn->last_request = conn->partial;
    conn->partial = NULL;
    conn->request_count++;
}

/* More bytes for the current item or head. @return false when there are none. */
static bool get_more(struct conn *conn, size_t missing)
{
    if (missing < sizeof conn->in)
        return refill(conn);
    size_t n = receive(conn, conn->partial->bytes + conn->partial_have, missing);
    conn->partial_have += n;
    return n > 0;
}

/* Collect a batch. Complete requests are not kept waiting for one that is still on its way. */
static void parse(struct conn *conn)
{
    while (conn->request_count < CONN_BATCH && !conn->ended) {
        size_t missing = 1;
        if (conn->partial || begin_item(conn)) {
            missing = fill_item(conn);
            if (missing == 0) {
                append_item(conn);
                continue;
            }
        }
        if (conn->request_count > 0 || conn->ended || !get_more(conn, missing))
            return;
    }
}

/* Free what was sent: `n` bytes of the queue. */
static void drop_sent(struct conn *conn, size_t n)
{
    n += conn->answer_sent;
    while (conn->answers && n >= answer_wire_size(conn->answers)) {
        struct answer *done = conn->answers;
        n -= answer_wire_size(done);
        conn->answers = done->next;
        free(done);
    }
    conn->answer_sent = n;
}

/* @return true when all answers are sent; false when the socket takes no more now, or never (`broken`). */
static bool flush(struct conn *conn)
{
    while (conn->answers) {
        struct iovec pieces[SEND_PIECES];
        struct msghdr message = {.msg_iov = pieces};
        size_t skip = conn->answer_sent;
        for (struct answer *a = conn->answers; a && message.msg_iovlen < SEND_PIECES; a = a->next) {
            pieces[message.msg_iovlen].iov_base = (char *)&a->head + skip;
            pieces[message.msg_iovlen++].iov_len = answer_wire_size(a) - skip;
            skip = 0;
        }
        ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
        if (n >= 0) {
            drop_sent(conn, (size_t)n);
        } else if (errno != EINTR) {
            conn->broken = errno != EAGAIN;
            return false;
        }
    }
    return true;
}

enum conn_next conn_advance(struct conn *conn)
{
    if (conn->with_worker)
        return CONN_WAIT;
    if (conn->broken || !flush(conn))
        return conn->broken ? CONN_CLOSE : CONN_WAIT;
    parse(conn);
    if (conn->request_count > 0)
        return CONN_HAND_OVER;
    return conn->ended ? CONN_CLOSE : CONN_WAIT;
}

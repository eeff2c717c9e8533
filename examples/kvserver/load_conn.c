/* kvserver: a connection of the load generator (see load_conn.h).
 * SPDX-License-Identifier: MIT */
#include "load_conn.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { ERRORS_SHOWN = 5 };

static void add_piece(struct load_conn *conn, const char *start, size_t length)
{
    struct iovec *piece = &conn->pieces[conn->piece_count];
    if (conn->piece_count > 0 && (const char *)piece[-1].iov_base + piece[-1].iov_len == start) {
        piece[-1].iov_len += length;
        return;
    }
    piece->iov_base = (void *)(uintptr_t)start; /* sendmsg only reads it */
    piece->iov_len = length;
    conn->piece_count++;
}

void load_conn_compose(struct load *load, struct load_conn *conn)
{
    char *out = conn->out;
    conn->piece_count = conn->next_piece = 0;
    for (unsigned i = 0; i < conn->batch_size; i++) {
        const struct request *request = &conn->batch[i];
        const struct stamp stamp = {request->key, request->version};
        struct kv_request_head head = {.op = request->op, .key_len = KEY_SIZE};
        char *start = out;
        if (request->op == KV_SET)
            head.value_len = (uint32_t)workload_value_size(load->workload, stamp);
        memcpy(out, &head, sizeof head);
        workload_key(out + sizeof head, request->key);
        out += sizeof head + KEY_SIZE;
        size_t length = head.value_len, copied = length <= INLINE_VALUE ? length : STAMP_SIZE;
        if (length > 0) {
            memcpy(out, workload_value(load->workload, stamp), copied);
            memcpy(out, &stamp, STAMP_SIZE);
            out += copied;
        }
        add_piece(conn, start, (size_t)(out - start));
        if (length > copied && length > 0)
            add_piece(conn, workload_value(load->workload, stamp) + copied, length - copied);
    }
}

bool load_conn_send(struct load_conn *conn)
{
    while (conn->next_piece < conn->piece_count) {
        struct msghdr message = {.msg_iov = conn->pieces + conn->next_piece};
        message.msg_iovlen = conn->piece_count - conn->next_piece;
        ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        size_t sent = (size_t)n;
        while (conn->next_piece < conn->piece_count && sent >= conn->pieces[conn->next_piece].iov_len)
            sent -= conn->pieces[conn->next_piece++].iov_len;
        if (sent > 0) {
            struct iovec *piece = &conn->pieces[conn->next_piece];
            piece->iov_base = (char *)piece->iov_base + sent;
            piece->iov_len -= sent;
        }
    }
    return true;
}

/* The head is there: is it what the request should get? */
static void check_head(struct load_conn *conn)
{
    const struct request *request = &conn->batch[conn->answered];
    struct kv_answer_head head;
    memcpy(&head, conn->head, sizeof head);
    conn->total = sizeof head + head.value_len;
    bool status_is_right =
        request->any_version ? head.status == KV_OK || head.status == KV_MISS : head.status == request->status;
    bool should_have_value = request->op == KV_GET && head.status == KV_OK;
    bool length_is_right = should_have_value ? head.value_len >= KV_VALUE_MIN : head.value_len == 0;
    conn->wrong = !status_is_right || !length_is_right;
    conn->expected = NULL;
}

/* Head and stamp are there: from now on the content is known. */
static void check_stamp(const struct load *load, struct load_conn *conn)
{
    const struct request *request = &conn->batch[conn->answered];
    struct stamp stamp;
    memcpy(&stamp, conn->head + sizeof(struct kv_answer_head), sizeof stamp);
    if (stamp.key != request->key || (!request->any_version && stamp.version != request->version) ||
        workload_value_size(load->workload, stamp) != conn->total - sizeof(struct kv_answer_head))
        conn->wrong = true;
    else
        conn->expected = workload_value(load->workload, stamp) - sizeof(struct kv_answer_head);
}

static void finish_answer(struct load *load, struct load_conn *conn)
{
    const struct request *request = &conn->batch[conn->answered];
    if (conn->wrong && load->errors++ < ERRORS_SHOWN)
        fprintf(stderr, "kvserver: wrong answer: op %u key %u version %u: status %d, %zu bytes\n", request->op,
                request->key, request->version, conn->head[0], conn->total);
    conn->answered++;
    conn->received = 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Take bytes that are gathered up to `until`. @return how many. */
static size_t gather(struct load_conn *conn, const char *bytes, size_t count, size_t until)
{
    size_t n = smaller(count, until - conn->received);
    memcpy(conn->head + conn->received, bytes, n);
    conn->received += n;
    return n;
}

/* Take a part of the current answer. @return how many bytes of `bytes` it took. */
static size_t take(struct load *load, struct load_conn *conn, const char *bytes, size_t count)
{
    const size_t head_size = sizeof(struct kv_answer_head);
    size_t n;
    if (conn->received < head_size) {
        n = gather(conn, bytes, count, head_size);
        if (conn->received == head_size)
            check_head(conn);
    } else if (conn->received < sizeof conn->head && !conn->wrong) {
        n = gather(conn, bytes, count, sizeof conn->head);
        if (conn->received == sizeof conn->head)
            check_stamp(load, conn);
    } else {
        n = smaller(count, conn->total - conn->received);
        if (!conn->wrong && memcmp(conn->expected + conn->received, bytes, n) != 0)
            conn->wrong = true;
        conn->received += n;
    }
    if (conn->received >= head_size && conn->received == conn->total)
        finish_answer(load, conn);
    return n;
}

ssize_t load_conn_receive(struct load *load, struct load_conn *conn)
{
    ssize_t n;
    do
        n = recv(conn->fd, load->scratch, sizeof load->scratch, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    if (n == 0)
        return -1;
    size_t done = 0;
    while (done < (size_t)n) {
        if (conn->answered == conn->batch_size)
            return -1; /* more answers than requests */
        done += take(load, conn, load->scratch + done, (size_t)n - done);
    }
    return n;
}

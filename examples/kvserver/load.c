/* kvserver: the load generator's phases and connections (see load.h).
 *
 * Single-threaded. Each connection sends a batch, awaits its answers, sends the next. It alone writes the
 * keys that are its own (key modulo connections), so it knows exactly what a GET of them must answer; a
 * quarter of the GETs go to keys of other connections, whose answer must be consistent in itself. Each
 * connection draws from its own generator: the sequence of its requests does not depend on timing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "load.h"

#include "load_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STALL_MS = 60000, EVENTS = 64 };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- which requests ---- */

static uint32_t own_key(const struct load *load, const struct load_conn *conn, uint32_t nth)
{
    return conn->index + nth * load->options.connections;
}

static uint32_t own_key_count(const struct load *load, const struct load_conn *conn)
{
    return (load->options.keys - conn->index + load->options.connections - 1) / load->options.connections;
}

/* One of `count`, the low ones more often: the first hundredth gets a tenth. */
static uint32_t draw_skewed(uint64_t random, uint32_t count)
{
    uint64_t u = random & 0xffffffffu;
    return (uint32_t)((u * u >> 32) * count >> 32);
}

static struct request set_request(struct load *load, uint32_t key)
{
    load->current[key] = ++load->latest[key];
    return (struct request){.op = KV_SET, .key = key, .version = load->current[key], .status = KV_OK};
}

static struct request del_request(struct load *load, uint32_t key)
{
    enum kv_status status = load->current[key] ? KV_OK : KV_MISS;
    load->current[key] = 0;
    return (struct request){.op = KV_DEL, .key = key, .status = status};
}

/* 70 % GET, 25 % SET, 5 % DEL. */
static struct request mixed_request(struct load *load, struct load_conn *conn)
{
    uint64_t random = random_next(&conn->random);
    unsigned dice = (unsigned)(random >> 32) % 100;
    uint32_t key = own_key(load, conn, draw_skewed(random, own_key_count(load, conn)));
    if (dice < 25)
        return set_request(load, key);
    if (dice < 30)
        return del_request(load, key);
    if (dice < 47) {
        key = draw_skewed(random, load->options.keys);
        return (struct request){.op = KV_GET, .key = key, .any_version = true};
    }
    enum kv_status status = load->current[key] ? KV_OK : KV_MISS;
    return (struct request){.op = KV_GET, .key = key, .version = load->current[key], .status = status};
}

/* Fill the connection's batch. @return false when the phase has nothing more for it. */
static bool make_batch(struct load *load, struct load_conn *conn)
{
    uint32_t keys = own_key_count(load, conn);
    unsigned n = 0;
    while (n < load->options.pipeline) {
        if (load->phase == LOAD_MIX)
            conn->batch[n++] = mixed_request(load, conn);
        else if (conn->progress == keys)
            break;
        else if (load->phase == LOAD_FILL)
            conn->batch[n++] = set_request(load, own_key(load, conn, conn->progress++));
        else
            conn->batch[n++] = del_request(load, own_key(load, conn, conn->progress++));
    }
    conn->batch_size = n;
    return n > 0;
}

/* ---- running ---- */

/* @return false when the connection broke. */
static bool start_batch(struct load *load, struct load_conn *conn)
{
    if ((load->phase == LOAD_MIX && now_ns() >= load->deadline) || !make_batch(load, conn)) {
        load->active--;
        return true;
    }
    conn->sent_at = now_ns();
    load_conn_compose(load, conn);
    return load_conn_send(conn);
}

/* Send and receive what is possible. @return false when the connection broke. */
static bool serve(struct load *load, struct load_conn *conn)
{
    if (!load_conn_send(conn))
        return false;
    for (;;) {
        unsigned before = conn->answered;
        ssize_t n = load_conn_receive(load, conn);
        uint64_t latency = now_ns() - conn->sent_at;
        for (unsigned i = before; load->phase == LOAD_MIX && i < conn->answered; i++)
            histogram_add(&load->latencies, latency);
        load->requests += conn->answered - before;
        if (conn->batch_size > 0 && conn->answered == conn->batch_size) {
            conn->batch_size = conn->answered = 0;
            if (!start_batch(load, conn))
                return false;
        }
        if (n <= 0)
            return n == 0;
    }
}

static int run_phase(struct load *load, enum load_phase phase, int report_fd)
{
    load->phase = phase;
    load->active = load->options.connections;
    load->requests = load->errors = 0;
    uint64_t start = now_ns();
    load->deadline = start + (uint64_t)(load->options.seconds * 1e9);
    for (unsigned i = 0; i < load->options.connections; i++) {
        load->conns[i].progress = 0;
        if (!start_batch(load, &load->conns[i]))
            return load_failed("the server closed a connection");
    }
    while (load->active > 0) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(load->epoll_fd, events, EVENTS, STALL_MS);
        if (count == 0)
            return load_failed("the server has not answered for 60 s");
        for (int i = 0; i < count; i++)
            if (!serve(load, events[i].data.ptr))
                return load_failed("the server closed a connection");
    }
    struct load_report report = {.phase = phase, .requests = load->requests, .errors = load->errors};
    report.seconds = (double)(now_ns() - start) / 1e9;
    report.p50 = histogram_quantile(&load->latencies, 0.5);
    report.p99 = histogram_quantile(&load->latencies, 0.99);
    report.p999 = histogram_quantile(&load->latencies, 0.999);
    return write(report_fd, &report, sizeof report) == sizeof report ? 0 : load_failed("cannot report");
}

static bool connect_one(struct load *load, unsigned index, unsigned short port)
{
    struct load_conn *conn = &load->conns[index];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    conn->index = index;
    conn->random = load->options.seed * 1000003 + index;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return false;
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};
    return epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == 0;
}

static int run_all(struct load *load, unsigned short port, int report_fd)
{
    if (!load->workload || !load->conns || !load->current || !load->latest || load->epoll_fd < 0)
        return load_failed("out of memory or of file descriptors");
    for (unsigned i = 0; i < load->options.connections; i++)
        if (!connect_one(load, i, port))
            return load_failed(strerror(errno));
    for (enum load_phase phase = LOAD_FILL; phase <= LOAD_EMPTY; phase++)
        if (run_phase(load, phase, report_fd) != 0)
            return 1;
    return 0;
}

int load_failed(const char *why)
{
    fprintf(stderr, "kvserver: load generator: %s\n", why);
    return 1;
}

int load_run(const struct load_options *options, unsigned short port, int report_fd)
{
    static struct load load; /* static: the histogram is big and starts as zero */
    load.options = *options;
    load.workload = workload_new(options->seed);
    load.conns = calloc(options->connections, sizeof *load.conns);
    load.current = calloc(options->keys, sizeof *load.current);
    load.latest = calloc(options->keys, sizeof *load.latest);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int status = run_all(&load, port, report_fd);
    for (unsigned i = 0; load.conns && i < options->connections; i++)
        if (load.conns[i].fd > 0)
            close(load.conns[i].fd);
    free(load.latest);
    free(load.current);
    free(load.conns);
    workload_delete(load.workload);
    return status;
}

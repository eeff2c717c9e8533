/* kvserver: the server's threads (see server.h).
 *
 * I/O thread 0 accepts and deals connections out in turn, so that every run spreads its load alike. A
 * connection travels as a message: acceptor -> its I/O thread -> its worker -> its I/O thread -> ...
 * A mailbox of an I/O thread has one lane per worker and a last one for the acceptor; a worker's has one
 * lane per I/O thread.
 *
 * SPDX-License-Identifier: MIT
 */
#include "server.h"

#include "conn.h"
#include "mailbox.h"
#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, BACKLOG = 1024 };

struct io_thread {
    struct server *server; /* fixed, as index, epoll_fd and mailbox */
    unsigned index;
    int epoll_fd;
    struct mailbox *mailbox;
    struct conn *conns;    /* own: the connections listed here */
    unsigned with_workers; /* own: how many of them a worker has */
    pthread_t thread;
};

struct worker {
    struct server *server; /* fixed, as index and mailbox */
    unsigned index;
    struct mailbox *mailbox;
    pthread_t thread;
};

struct server {
    int listen_fd; /* fixed, as the two counts and the table */
    unsigned io_count, worker_count;
    struct table *table;
    _Atomic bool stop_io, stop_workers;
    atomic_uint open_conns;
    unsigned dealt; /* I/O thread 0: connections accepted */
    struct io_thread io[KV_MAX_THREADS];
    struct worker workers[KV_MAX_THREADS];
};

/* ---- workers ---- */

/* Execute one request; takes `item` over. @return NULL when out of memory. */
static struct answer *execute(struct table *table, struct item *item)
{
    struct item *garbage = item;
    struct answer *answer = NULL;
    if (item->head.op == KV_GET) {
        answer = table_get(table, item);
    } else if (item->head.op == KV_SET) {
        answer = answer_new(KV_OK, 0);
        if (answer)
            garbage = table_set(table, item);
    } else {
        struct item *removed = table_remove(table, item);
        answer = answer_new(removed ? KV_OK : KV_MISS, 0);
        free(removed);
    }
    free(garbage);
    return answer ? answer : answer_new(KV_NO_MEMORY, 0);
}

static void execute_batch(struct table *table, struct conn *conn)
{
    struct answer **end = &conn->answers;
    struct item *item = conn->requests;
    while (item) {
        struct item *next = item->next;
        struct answer *answer = execute(table, item);
        item = next;
        if (!answer) {
            conn->broken = true; /* the I/O thread closes it: no answer can be given */
            continue;
        }
        *end = answer;
        end = &answer->next;
    }
    conn->requests = NULL;
    conn->request_count = 0;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct server *server = worker->server;
    for (;;) {
        struct conn *conn = mailbox_pop(worker->mailbox);
        if (conn) {
            execute_batch(server->table, conn);
            mailbox_push(server->io[conn->home].mailbox, worker->index, conn);
        } else if (atomic_load(&server->stop_workers)) {
            return NULL;
        } else {
            mailbox_wait(worker->mailbox);
        }
    }
}

/* ---- I/O threads ---- */

static void close_conn(struct io_thread *io, struct conn *conn)
{
    if (conn->listed) {
        *(conn->prev ? &conn->prev->next : &io->conns) = conn->next;
        if (conn->next)
            conn->next->prev = conn->prev;
    }
    conn_delete(conn);
    atomic_fetch_sub(&io->server->open_conns, 1);
}

static void advance(struct io_thread *io, struct conn *conn)
{
    enum conn_next next = conn_advance(conn);
    if (next == CONN_HAND_OVER) {
        conn->with_worker = true;
        io->with_workers++;
        mailbox_push(io->server->workers[conn->worker].mailbox, io->index, conn);
    } else if (next == CONN_CLOSE) {
        close_conn(io, conn);
    }
}

static bool list_conn(struct io_thread *io, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn};
    if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        return false;
    conn->listed = true;
    conn->next = io->conns;
    if (conn->next)
        conn->next->prev = conn;
    io->conns = conn;
    return true;
}

/* New connections, and those that come back from a worker. */
static void take_messages(struct io_thread *io)
{
    struct conn *conn;
    while ((conn = mailbox_pop(io->mailbox)) != NULL) {
        if (conn->with_worker) {
            conn->with_worker = false;
            io->with_workers--;
        } else if (!list_conn(io, conn)) {
            close_conn(io, conn);
            continue;
        }
        advance(io, conn);
    }
}

static void accept_all(struct io_thread *io)
{
    struct server *server = io->server;
    int fd;
    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 || errno == ECONNABORTED ||
           errno == EINTR) {
        if (fd < 0)
            continue;
        unsigned home = server->dealt % server->io_count;
        unsigned worker = server->dealt / server->io_count % server->worker_count;
        struct conn *conn = NULL;
        if (atomic_load(&server->open_conns) < KV_MAX_CONNECTIONS)
            conn = conn_new(fd, home, worker);
        if (!conn) {
            close(fd);
            continue;
        }
        const int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        server->dealt++;
        atomic_fetch_add(&server->open_conns, 1);
        mailbox_push(server->io[home].mailbox, server->worker_count, conn);
    }
}

static void on_event(struct io_thread *io, const struct epoll_event *event)
{
    if (event->data.ptr == io) {
        accept_all(io);
        return;
    }
    struct conn *conn = event->data.ptr;
    if (!conn)
        return; /* the mailbox's eventfd */
    if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->readable = true;
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->hangup = true;
    advance(io, conn);
}

static void *io_main(void *argument)
{
    struct io_thread *io = argument;
    struct epoll_event events[EVENTS];
    for (;;) {
        take_messages(io);
        if (atomic_load(&io->server->stop_io)) {
            for (struct conn *conn = io->conns, *next; conn; conn = next) {
                next = conn->next;
                if (!conn->with_worker)
                    close_conn(io, conn);
            }
            if (io->with_workers == 0)
                return NULL;
        }
        int timeout = mailbox_prepare_sleep(io->mailbox) ? -1 : 0;
        int count = epoll_wait(io->epoll_fd, events, EVENTS, timeout);
        mailbox_awake(io->mailbox);
        for (int i = 0; i < count; i++)
            on_event(io, &events[i]);
    }
}

/* ---- start and stop ---- */

int server_listen(unsigned short *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int watch(int epoll_fd, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int prepare(struct server *server)
{
    server->table = table_new();
    if (!server->table)
        return -1;
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        *worker = (struct worker){.server = server, .index = i, .mailbox = mailbox_new(server->io_count)};
        if (!worker->mailbox)
            return -1;
    }
    for (unsigned i = 0; i < server->io_count; i++) {
        struct io_thread *io = &server->io[i];
        io->server = server;
        io->index = i;
        io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        io->mailbox = mailbox_new(server->worker_count + 1);
        if (io->epoll_fd < 0 || !io->mailbox ||
            watch(io->epoll_fd, mailbox_event_fd(io->mailbox), EPOLLIN | EPOLLET, NULL) != 0)
            return -1;
    }
    /* Edge-triggered: when file descriptors run out, who waits to be accepted must not keep the thread spinning. */
    return watch(server->io[0].epoll_fd, server->listen_fd, EPOLLIN | EPOLLET, &server->io[0]);
}

/* End `io_threads` and `workers` that run. I/O threads first: they wait for what the workers still have. */
static void end_threads(struct server *server, unsigned io_threads, unsigned workers)
{
    atomic_store(&server->stop_io, true);
    for (unsigned i = 0; i < io_threads; i++)
        mailbox_wake(server->io[i].mailbox);
    for (unsigned i = 0; i < io_threads; i++)
        pthread_join(server->io[i].thread, NULL);
    atomic_store(&server->stop_workers, true);
    for (unsigned i = 0; i < workers; i++)
        mailbox_wake(server->workers[i].mailbox);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(server->workers[i].thread, NULL);
}

static void free_server(struct server *server)
{
    for (unsigned i = 0; i < server->io_count; i++) {
        struct io_thread *io = &server->io[i];
        struct conn *conn;
        while (io->mailbox && (conn = mailbox_pop(io->mailbox)) != NULL)
            conn_delete(conn); /* dealt after its I/O thread had ended */
        mailbox_delete(io->mailbox);
        if (io->epoll_fd >= 0)
            close(io->epoll_fd);
    }
    for (unsigned i = 0; i < server->worker_count; i++)
        mailbox_delete(server->workers[i].mailbox);
    table_delete(server->table);
    free(server);
}

struct server *server_start(int listen_fd, unsigned io_threads, unsigned workers)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->listen_fd = listen_fd;
    server->io_count = io_threads;
    server->worker_count = workers;
    for (unsigned i = 0; i < io_threads; i++)
        server->io[i].epoll_fd = -1;
    unsigned io = 0, worker = 0;
    int error = prepare(server) == 0 ? 0 : errno;
    while (error == 0 && worker < workers) {
        error = pthread_create(&server->workers[worker].thread, NULL, worker_main, &server->workers[worker]);
        worker += error == 0;
    }
    while (error == 0 && io < io_threads) {
        error = pthread_create(&server->io[io].thread, NULL, io_main, &server->io[io]);
        io += error == 0;
    }
    if (error == 0)
        return server;
    end_threads(server, io, worker);
    free_server(server);
    errno = error;
    return NULL;
}

void server_stop(struct server *server)
{
    end_threads(server, server->io_count, server->worker_count);
    free_server(server);
}

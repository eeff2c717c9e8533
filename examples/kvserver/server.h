/* kvserver: the server: I/O threads, workers, and the table between them.
 * Its functions are called by one thread, with the signals that it wants to handle itself blocked.
 * SPDX-License-Identifier: MIT */
#ifndef KV_SERVER_H
#define KV_SERVER_H

struct server;

/** A listening socket on the loopback address; *port 0 takes a free one and writes it there.
 *  @return the socket, or -1 with errno set. */
int server_listen(unsigned short *port);

/** Start the threads; the listening socket stays the caller's. @return NULL with errno set on failure. */
struct server *server_start(int listen_fd, unsigned io_threads, unsigned workers);

/** Close all connections, end the threads, free everything. */
void server_stop(struct server *server);

#endif

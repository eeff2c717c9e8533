/* Text to a file descriptor by way of a buffer: never allocates, is async-signal-safe, is its caller's alone.
 * SPDX-License-Identifier: MIT */
#ifndef RST_STATS_WRITER_H
#define RST_STATS_WRITER_H

#include "os/base.h"

enum { RST_TO_ERROR = -1 }; /* in place of a descriptor: standard error, or the copy kept of it */

typedef struct rst_writer {
    int fd;
    bool failed;
    size_t used, room;
    char *buffer;
    char own[2048];
} rst_writer;

/* With the buffer in the writer itself. */
void rst_writer_begin(rst_writer *writer, int fd);

/* With one that its caller has. A larger one than the writer's own: fewer system calls, and who reads is woken less often. */
void rst_writer_begin_at(rst_writer *writer, int fd, char *buffer, size_t room);

/* Add text; a piece is cut at 400 bytes. */
void rst_write(rst_writer *writer, const char *format, ...) RST_PRINTF(2, 3);

/* Write what is left. False: something could not be written. */
bool rst_write_end(rst_writer *writer);

#endif

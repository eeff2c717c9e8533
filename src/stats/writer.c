/* See writer.h. SPDX-License-Identifier: MIT */
#include "stats/writer.h"

#include "os/fmt.h"
#include "os/os.h"

enum { PIECE = 400 };

static void flush(rst_writer *writer)
{
    if (writer->fd == RST_TO_ERROR)
        rst_os_write_error(writer->buffer, writer->used);
    else if (!writer->failed)
        writer->failed = !rst_os_write(writer->fd, writer->buffer, writer->used);
    writer->used = 0;
}

void rst_writer_begin_at(rst_writer *writer, int fd, char *buffer, size_t room)
{
    writer->fd = fd;
    writer->failed = false;
    writer->used = 0;
    writer->room = room;
    writer->buffer = buffer;
}

void rst_writer_begin(rst_writer *writer, int fd)
{
    rst_writer_begin_at(writer, fd, writer->own, sizeof writer->own);
}

void rst_write(rst_writer *writer, const char *format, ...)
{
    if (writer->room - writer->used < PIECE)
        flush(writer);
    va_list args;
    va_start(args, format);
    writer->used += rst_vfmt(writer->buffer + writer->used, PIECE, format, args);
    va_end(args);
}

bool rst_write_end(rst_writer *writer)
{
    flush(writer);
    return !writer->failed;
}

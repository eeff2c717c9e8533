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

void rst_writer_begin(rst_writer *writer, int fd)
{
    writer->fd = fd;
    writer->failed = false;
    writer->used = 0;
}

void rst_write(rst_writer *writer, const char *format, ...)
{
    if (sizeof writer->buffer - writer->used < PIECE)
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

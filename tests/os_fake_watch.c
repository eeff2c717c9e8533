/* The OS contract in memory: files, sockets and signals, of which there are none. SPDX-License-Identifier: MIT */
#include "os/os.h"

#include <errno.h>

static int none(void)
{
    errno = ENOSYS;
    return -1;
}

int rst_os_create(const char *path)
{
    (void)path;
    return none();
}

bool rst_os_finish(int fd, const char *path, const char *to)
{
    (void)fd, (void)path, (void)to;
    return none() == 0;
}

void rst_os_close(int fd)
{
    (void)fd;
}

void rst_os_remove(const char *path)
{
    (void)path;
}

int rst_os_listen(const char *path, uint64_t *identity)
{
    (void)path, (void)identity;
    return none();
}

bool rst_os_is_socket(int fd, uint64_t identity)
{
    (void)fd, (void)identity;
    return false;
}

int rst_os_accept(int fd, uint32_t most_ms, int signal_number)
{
    (void)fd, (void)most_ms, (void)signal_number;
    return none();
}

size_t rst_os_receive_line(int fd, char *out, size_t size)
{
    (void)fd, (void)size;
    out[0] = '\0';
    return 0;
}

void rst_os_hang_up(int fd)
{
    (void)fd;
}

bool rst_os_on_signal(int number, void (*handler)(int))
{
    (void)number, (void)handler;
    return none() == 0;
}

void rst_os_let_signal_in(int number, bool in)
{
    (void)number, (void)in;
}

void rst_os_thread_signal(uint32_t thread_id, int number)
{
    (void)thread_id, (void)number;
}

const char *rst_os_error_text(int error)
{
    (void)error;
    return "failed";
}

/* The OS contract: files that are replaced whole, a socket that answers questions, and signals. SPDX-License-Identifier: MIT */
#include "os/atomic.h"
#include "os/os.h"
#include "os/os_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Descriptors of ours lie above those that programs count from 0 and close. */
enum { OUT_OF_THE_WAY = 512, ANSWER_MS = 2000, BACKLOG = 8 };

static int move_away(int fd)
{
    int away = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) : -1;
    if (away < 0)
        return fd;
    rst_unix_close(fd);
    return away;
}

/* --- files ----------------------------------------------------------------------------------------------------------------------- */

int rst_os_create(const char *path)
{
    unlink(path); /* left behind by one that was stopped half-way */
    return rst_unix_create(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
}

bool rst_os_finish(int fd, const char *path, const char *to)
{
    bool closed = rst_unix_close(fd);
    if (to != NULL && closed && rename(path, to) == 0)
        return true;
    int saved = errno;
    unlink(path);
    errno = saved;
    return false;
}

void rst_os_close(int fd)
{
    int saved = errno;
    rst_unix_close(fd);
    errno = saved;
}

void rst_os_remove(const char *path)
{
    int saved = errno;
    unlink(path);
    errno = saved;
}

/* --- the socket ------------------------------------------------------------------------------------------------------------------ */

static bool address_of(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t i = 0;
    for (; path[i] != '\0' && i < sizeof address->sun_path - 1; i++)
        address->sun_path[i] = path[i];
    errno = ENAMETOOLONG;
    return path[i] == '\0';
}

/* Whether a socket lies there that nobody listens to any more. */
static bool is_left_behind(const struct sockaddr_un *address)
{
    struct stat found;
    if (lstat(address->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && syscall(SYS_connect, fd, address, sizeof *address) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        rst_unix_close(fd);
    return refused;
}

int rst_os_listen(const char *path, uint64_t *identity)
{
    struct sockaddr_un address;
    struct stat self;
    if (!address_of(path, &address))
        return -1;
    if (is_left_behind(&address))
        unlink(path);
    int fd = move_away(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    /* Linux gives the file the mode that the socket has when it is bound: at no moment may others open it. */
    if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        if (listen(fd, BACKLOG) == 0 && fstat(fd, &self) == 0) {
            *identity = (uint64_t)self.st_ino;
            return fd;
        }
        unlink(path);
    }
    int saved = errno;
    if (fd >= 0)
        rst_unix_close(fd);
    errno = saved;
    return -1;
}

bool rst_os_is_socket(int fd, uint64_t identity)
{
    int saved = errno;
    struct stat found;
    bool is = fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode) && (uint64_t)found.st_ino == identity;
    errno = saved;
    return is;
}

/* One of the same user, or root. */
static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

int rst_os_accept(int fd, uint32_t most_ms, int signal_number)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    struct timespec most = {.tv_sec = most_ms / 1000, .tv_nsec = (long)(most_ms % 1000) * 1000000};
    struct timeval answer = {.tv_sec = ANSWER_MS / 1000};
    sigset_t waiting;
    sigfillset(&waiting);
    if (signal_number != 0)
        sigdelset(&waiting, signal_number);
    if (ppoll(&watched, 1, most_ms != UINT32_MAX ? &most : NULL, &waiting) <= 0)
        return -1;
    int client = move_away(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    if (client < 0)
        return -1;
    if (may_ask(client) && setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &answer, sizeof answer) == 0)
        return client;
    rst_unix_close(client);
    return -1;
}

size_t rst_os_receive_line(int fd, char *out, size_t size)
{
    size_t length = 0;
    uint64_t until = rst_os_clock_ms() + ANSWER_MS;
    for (;;) {
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        uint64_t now = rst_os_clock_ms();
        ssize_t n = now < until && poll(&watched, 1, (int)(until - now)) == 1
                        ? recv(fd, out + length, size - 1 - length, MSG_DONTWAIT)
                        : 0;
        if (n <= 0)
            break;
        for (size_t i = 0; i < (size_t)n; i++) {
            if (out[length + i] == '\n') {
                out[length + i] = '\0';
                return length + i;
            }
        }
        length += (size_t)n;
        if (length == size - 1)
            break;
    }
    out[length] = '\0';
    return length;
}

void rst_os_hang_up(int fd)
{
    int saved = errno;
    shutdown(fd, SHUT_RDWR);
    errno = saved;
}

/* --- signals --------------------------------------------------------------------------------------------------------------------- */

bool rst_os_on_signal(int number, void (*handler)(int))
{
    struct sigaction before, ours = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&ours.sa_mask);
    if (sigaction(number, NULL, &before) != 0)
        return false;
    errno = EBUSY;
    if ((before.sa_flags & SA_SIGINFO) != 0 || (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN))
        return false; /* the program was there first */
    return sigaction(number, &ours, NULL) == 0;
}

void rst_os_let_signal_in(int number, bool in)
{
    sigset_t set;
    sigemptyset(&set);
    if (number != 0 && sigaddset(&set, number) == 0)
        pthread_sigmask(in ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

const char *rst_os_error_text(int error)
{
#ifdef __GLIBC__
    const char *text = strerrordesc_np(error);
#else
    const char *text = strerror(error); /* elsewhere (musl) that is fixed text too */
#endif
    return text != NULL ? text : "unknown error";
}

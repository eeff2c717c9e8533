/* The OS contract: hearing that memory is scarce, by the kernel's pressure stall information (PSI) and by systemd's protocol
 * (MEMORY_PRESSURE_WATCH, MEMORY_PRESSURE_WRITE).
 *
 * The thread that watches has a table of file descriptors of its own, empty at first (close_range with CLOSE_RANGE_UNSHARE). So a program
 * that closes descriptors which are not its own neither breaks ours nor has us poll one of its own; no child inherits them; none
 * of the program's numbers is taken; and nothing that the program closes is kept open by us. SPDX-License-Identifier: MIT */
#include "os/atomic.h"
#include "os/fmt.h"
#include "os/os.h"
#include "os/os_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_FROM_UNSHARED 2u /* CLOSE_RANGE_UNSHARE, by its number for older headers */

enum { SOURCES_MAX = 2, PATH_BYTES = 512, WRITE_BYTES = 256, DISCARD_TIMES = 16 };

/* 100 ms in which some task waits for memory, within 1 s. Without CAP_SYS_RESOURCE the kernel wants windows of whole 2 s. */
static const char stalls[] = "some 100000 1000000";
static const char stalls_unprivileged[] = "some 200000 2000000";

/* What the environment says, kept since the start: a program may change its environment. [fixed after rst_os_pressure_prepare] */
static char watch_path[PATH_BYTES]; /* "": nothing */
static unsigned char watch_data[WRITE_BYTES];
static size_t watch_length;
static const char *watch_fault; /* NULL: none */

static struct pollfd sources[SOURCES_MAX]; /* [the watching thread] */
static unsigned source_count;

/* --- the environment ------------------------------------------------------------------------------------------------------- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode `text` to its end; the length, SIZE_MAX: it is not base64, or too long. */
static size_t base64_decode(const char *text, unsigned char *out, size_t size)
{
    size_t used = 0, digits = 0;
    uint32_t bits = 0;
    for (; base64_digit(*text) >= 0; text++, digits++) {
        bits = bits << 6 | (uint32_t)base64_digit(*text);
        if (digits % 4 == 0)
            continue;
        if (used == size)
            return SIZE_MAX;
        out[used++] = (unsigned char)(bits >> (6 - digits % 4 * 2));
    }
    for (; *text == '='; text++)
        digits++;
    return *text == '\0' && digits % 4 == 0 ? used : SIZE_MAX;
}

void rst_os_pressure_prepare(void)
{
    const char *path = rst_os_environment("MEMORY_PRESSURE_WATCH");
    const char *data = rst_os_environment("MEMORY_PRESSURE_WRITE");
    if (path == NULL || rst_os_secure())
        return;
    if (path[0] != '/' || strlen(path) >= sizeof watch_path) {
        watch_fault = "MEMORY_PRESSURE_WATCH is not a path that can be used";
        return;
    }
    watch_length = data != NULL ? base64_decode(data, watch_data, sizeof watch_data) : 0;
    if (watch_length == SIZE_MAX) {
        watch_fault = "MEMORY_PRESSURE_WRITE is not base64";
        return;
    }
    memcpy(watch_path, path, strlen(path) + 1);
}

/* --- opening -------------------------------------------------------------------------------------------------------------- */

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && syscall(SYS_connect, fd, &address, sizeof address) != 0) {
        int why = errno;
        rst_unix_close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static void say_source(const char *path, bool said, const char *what)
{
    if (said)
        rst_say("memory pressure: %s: %s", path, what);
}

/* Write what makes the kernel, or whoever is at the other end, tell us. */
static bool armed(int fd, const void *data, size_t length)
{
    return length == 0 || rst_unix_write(fd, data, length) == (ssize_t)length;
}

static bool add_source(int fd, short events, const char *path, bool say)
{
    sources[source_count++] = (struct pollfd){.fd = fd, .events = events};
    say_source(path, say, "watched");
    return true;
}

static bool refuse_source(int fd, const char *path, bool say, const char *what)
{
    if (fd >= 0)
        rst_unix_close(fd);
    say_source(path, say, what);
    return false;
}

/* A PSI file of the kernel's. */
static bool open_stalls(const char *path, bool say)
{
    int fd = rst_unix_open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse_source(fd, path, say, errno == ENOENT ? "not there" : "cannot be opened");
    if (!armed(fd, stalls, sizeof stalls) && !armed(fd, stalls_unprivileged, sizeof stalls_unprivileged))
        return refuse_source(fd, path, say, "takes no trigger");
    return add_source(fd, POLLPRI, path, say);
}

/* What the service manager says to watch. */
static bool open_told(bool say)
{
    struct stat status;
    const char *path = watch_path;
    if (strcmp(path, "/dev/null") == 0)
        return refuse_source(-1, path, say, "so it is not watched");
    if (stat(path, &status) != 0)
        return refuse_source(-1, path, say, "not there");
    bool kernels = S_ISREG(status.st_mode);
    int fd = -1;
    if (S_ISSOCK(status.st_mode))
        fd = open_socket(path);
    else if (kernels || S_ISFIFO(status.st_mode))
        fd = rst_unix_open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse_source(fd, path, say, "cannot be opened");
    if (!armed(fd, watch_data, watch_length) &&
        !(kernels && armed(fd, stalls_unprivileged, sizeof stalls_unprivileged)))
        return refuse_source(fd, path, say, "cannot be written to");
    return add_source(fd, kernels ? POLLPRI : POLLIN, path, say);
}

static void open_sources(bool say)
{
    static char path[PATH_BYTES]; /* one thread watches at a time */
    if (watch_fault != NULL && say)
        rst_say("memory pressure: %s", watch_fault);
    if (watch_path[0] != '\0') {
        open_told(say);
        return;
    }
    const char *group = rst_unix_group_directory();
    if (group != NULL) {
        rst_fmt(path, sizeof path, "%s/memory.pressure", group);
        open_stalls(path, say);
    }
    rst_fmt(path, sizeof path, "%s/proc/pressure/memory", rst_unix_root);
    open_stalls(path, say);
}

/* A table of our own, in which the first three numbers are taken, so that what is written to standard error by whomever goes nowhere. */
static bool own_table(void)
{
    unsigned from = RST_CHECKED || RST_THREAD_SANITIZER ? 3 : 0; /* reports of sanitizers come from any thread */
    if (syscall(SYS_close_range, from, ~0u, CLOSE_FROM_UNSHARED) != 0)
        return false;
    for (unsigned i = from; i < 3; i++) {
        if (rst_unix_open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
            break;
    }
    return true;
}

bool rst_os_pressure_watch(bool say)
{
    int saved = errno;
    source_count = 0;
    bool own = own_table();
    if (own)
        rst_unix_set_own_descriptors(rst_os_thread_id());
    else if (say)
        rst_say("memory pressure: not watched, the system has no file descriptors for one thread alone");
    if (own)
        open_sources(say);
    errno = saved;
    return source_count != 0;
}

/* --- hearing -------------------------------------------------------------------------------------------------------------- */

/* Read what is there; true: something was. */
static bool discard(int fd, bool *ended)
{
    char text[64];
    bool some = false;
    ssize_t n = 1;
    for (int i = 0; i < DISCARD_TIMES && n > 0; i++) {
        n = rst_unix_read(fd, text, sizeof text);
        some |= n > 0;
    }
    *ended |= n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    return some;
}

/* Whether a source has news. One that has ended is watched no more. */
static bool has_news(struct pollfd *source)
{
    if (source->fd < 0 || source->revents == 0)
        return false;
    bool ended = (source->revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    bool news = (source->revents & POLLIN) != 0 && source->events == POLLIN && discard(source->fd, &ended);
    news |= (source->revents & POLLPRI) != 0 && !ended; /* of a group that is gone the kernel says both */
    if (ended) {
        rst_unix_close(source->fd);
        source->fd = -1; /* poll passes over it */
    }
    return news;
}

bool rst_os_pressure_heard(void)
{
    int saved = errno;
    bool news = false;
    if (poll(sources, source_count, 0) > 0) {
        for (unsigned i = 0; i < source_count; i++)
            news |= has_news(&sources[i]);
    }
    errno = saved;
    return news;
}

void rst_os_pressure_forget(void)
{
    rst_unix_set_own_descriptors(0);
}

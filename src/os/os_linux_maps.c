/* The OS contract: what the system says is mapped at an address. Reads /proc/self/maps piecemeal: on any stack, without memory of its
 * own. SPDX-License-Identifier: MIT */
#include "os/os.h"
#include "os/os_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FIELDS_BEFORE_NAME = 4 }; /* permissions, offset, device, inode */

typedef struct reader {
    int fd;
    size_t at, filled;
    char text[512];
} reader;

/* The next character, or -1. */
static int next(reader *r)
{
    if (r->at == r->filled) {
        ssize_t n;
        do
            n = rst_unix_read(r->fd, r->text, sizeof r->text);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            return -1;
        r->at = 0;
        r->filled = (size_t)n;
    }
    return (unsigned char)r->text[r->at++];
}

/* A hexadecimal number and the character after it. */
static uint64_t next_number(reader *r)
{
    uint64_t value = 0;
    for (;;) {
        int c = next(r);
        if (c >= '0' && c <= '9')
            value = value << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (unsigned)(c - 'a' + 10);
        else
            return value;
    }
}

/* The rest of a line from its second field on: the name, cut to `size`. False at the end of the file. */
static bool next_name(reader *r, char *name, size_t size)
{
    size_t used = 0, fields = 0;
    int c = next(r), before = ' ';
    for (; c >= 0 && c != '\n'; before = c, c = next(r)) {
        if (fields < FIELDS_BEFORE_NAME)
            fields += c == ' ' && before != ' ';
        else if ((c != ' ' || used != 0) && used + 1 < size)
            name[used++] = (char)c;
    }
    name[used] = '\0';
    return c >= 0;
}

rst_os_place rst_os_place_of(const void *address, char *name, size_t size)
{
    int saved = errno;
    reader r = {.fd = rst_unix_open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    rst_os_place place = RST_OS_PLACE_UNKNOWN;
    name[0] = '\0';
    if (r.fd >= 0) {
        bool more, found = false, any = false;
        do {
            uint64_t from = next_number(&r);
            uint64_t to = next_number(&r);
            found = from <= (uintptr_t)address && (uintptr_t)address < to;
            more = next_name(&r, name, size);
            any = any || more;
        } while (more && !found);
        rst_unix_close(r.fd);
        if (any)
            place = found ? RST_OS_PLACE_MAPPED : RST_OS_PLACE_UNMAPPED;
    }
    errno = saved;
    return place;
}

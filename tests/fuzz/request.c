/* Whatever a client sends, and in whatever pieces: it is read within the line's memory, and understood only when it is one of the words.
 * The same input as a file's name: what %p and the ending make of it.
 *
 * Each piece begins with a byte that says how long it is. It is sent, and read as far as it goes. SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "os/os.h"
#include "stats/request.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const words[] = {"text", "json", "metrics", "prometheus", "purge"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* The word of a line, found in another way. */
static unsigned word_of(const char *line)
{
    char copy[RST_REQUEST_MAX];
    size_t length = 0;
    line += strspn(line, " \t\r\n");
    while (line[length] != '\0' && strchr(" \t\r\n", line[length]) == NULL && length < sizeof copy - 1)
        length++;
    for (size_t i = 0; i < length; i++)
        copy[i] = (char)tolower((unsigned char)line[i]);
    copy[length] = '\0';
    if (line[length + strspn(line + length, " \t\r\n")] != '\0')
        return RST_REQUEST_UNKNOWN;
    unsigned i = 0;
    while (i < RST_REQUEST_UNKNOWN && strcmp(copy, words[i]) != 0)
        i++;
    return i;
}

struct sender {
    int fd;
    const uint8_t *data;
    size_t size;
};

static void *send_pieces(void *argument)
{
    const struct sender *sender = argument;
    for (size_t at = 0; at < sender->size;) {
        size_t length = sender->data[at++];
        length = length < sender->size - at ? length : sender->size - at;
        if (send(sender->fd, sender->data + at, length, MSG_NOSIGNAL) < 0)
            break; /* nobody reads any more */
        at += length;
    }
    shutdown(sender->fd, SHUT_WR);
    return NULL;
}

static void ask_over_socket(const uint8_t *data, size_t size)
{
    int pair[2];
    char line[RST_REQUEST_MAX];
    HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct sender sender = {pair[0], data, size};
    /* Now and then by a thread, so that pieces come while it reads; a thread for each input would be most of the time. */
    pthread_t thread;
    bool beside = size != 0 && data[0] == 1 && pthread_create(&thread, NULL, send_pieces, &sender) == 0;
    if (!beside)
        send_pieces(&sender);
    size_t length = rst_os_receive_line(pair[1], line, sizeof line);
    HOLDS(length < sizeof line && line[length] == '\0');
    HOLDS(memchr(line, '\n', length) == NULL);
    HOLDS((unsigned)rst_request_of(line) == word_of(line));
    close(pair[1]);
    if (beside)
        pthread_join(thread, NULL);
    close(pair[0]);
}

/* The name that a pattern makes, found in another way: what is printed by its pieces. */
static void check_name(const char *pattern)
{
    char out[64], expected[4096];
    size_t used = 0;
    bool good = *pattern != '\0';
    for (const char *at = pattern; good && *at != '\0'; at++) {
        good = used + 16 < sizeof expected;
        if (!good)
            break;
        if (*at != '%')
            expected[used++] = *at;
        else if (*++at == '%')
            expected[used++] = '%';
        else if (*at == 'p')
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%u", 4194304u);
        else
            good = false;
    }
    good = good && used < sizeof out;
    HOLDS(rst_path_expand(pattern, 4194304, out, sizeof out) == good);
    HOLDS(!good || (strlen(out) == used && memcmp(out, expected, used) == 0));
    HOLDS(rst_format_of_path(pattern) < RST_FORMATS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2048];
    size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, length);
    text[length] = '\0';
    ask_over_socket(data, size);
    HOLDS((unsigned)rst_request_of(text) == word_of(text));
    HOLDS(rst_format_of(text) <= RST_FORMATS);
    check_name(text);
    return 0;
}

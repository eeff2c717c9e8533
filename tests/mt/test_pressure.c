/* Want of memory, told as systemd tells it (MEMORY_PRESSURE_WATCH: FIFO, socket, file): idle memory goes back at once, descriptors are
 * nobody else's, and what is absent or ends does no harm. Each case is a process of its own, this program again, with a delay of purging
 * of one hour. Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 * ROOST_TEST_ONE_PROCESSOR.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"
#include "../support/idle.h"

#include <roost/stats.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { SKIPPED = 77 };

static char directory[] = "/tmp/roost_pressure_XXXXXX";
static char path[64]; /* what is watched */

/* --- in the child: a process of two threads with idle memory ------------------------------------------------------------------------ */

static void stays(char *block)
{
    CHECK(resident(block) >= IDLE - MIB);
}

static unsigned open_descriptors(void)
{
    unsigned found = 0;
    for (int fd = 0; fd < 256; fd++)
        found += fcntl(fd, F_GETFD) >= 0;
    return found;
}

/* The library may have a copy of standard error. */
static void watch_one_event(int to)
{
    unsigned before = open_descriptors();
    char *block = make_idle();
    stays(block);
    CHECK(write(to, "!", 1) == 1);
    goes_back(block);
    CHECK(open_descriptors() == before);
}

/* A pass is counted when it is done, a moment after its memory was seen to be gone. Bounded waiting for what another thread does by itself. */
static void is_counted(uint64_t bytes)
{
    roost_stats stats = ROOST_STATS_INIT;
    for (long passed = 0; stats.pressure_purged < bytes; passed += 10) {
        CHECK(passed < 30000);
        rest_ms(10);
        CHECK(roost_stats_read(&stats) == 0);
    }
}

static int fifo(void)
{
    int to = open(path, O_RDWR | O_CLOEXEC);
    CHECK(to >= 0);
    watch_one_event(to);
    char *again = rt.malloc(IDLE); /* and the next one */
    CHECK(again != NULL);
    memset(again, 1, IDLE);
    rt.free(again);
    CHECK(write(to, "!!!", 3) == 3);
    goes_back(again);
    is_counted(2ul * IDLE);
    return 0;
}

/* The program closes all that it has not opened, and other files take their numbers: they must not be read, written or polled. */
static int all_closed(void)
{
    char file[96], line[16] = "";
    int to = open(path, O_RDWR | O_CLOEXEC);
    char *block = make_idle();
    while (steward_switches() < 1) /* it has begun; what follows comes before or after it opens something */
        rest_ms(1);
    stays(block);
    snprintf(file, sizeof file, "%s/file", directory);
    int first = -1;
    for (int fd = 3; fd < 64; fd++) {
        if (fd == to)
            continue;
        close(fd);
        int other = open(file, O_RDWR | O_CREAT | O_APPEND, 0600);
        CHECK(other == fd);
        if (first < 0)
            CHECK(write(first = other, "untouched\n", 10) == 10);
    }
    CHECK(write(to, "!", 1) == 1);
    goes_back(block);
    CHECK(pread(first, line, sizeof line, 0) == 10 && memcmp(line, "untouched\n", 10) == 0);
    return 0;
}

/* The parent tells. */
static int told_by_socket(void)
{
    char *block = make_idle();
    goes_back(block);
    return 0;
}

/* The other end closes at once: nothing is heard, and the steward does not run for it. */
static int socket_ends(void)
{
    char *block = make_idle();
    while (steward_switches() < 1)
        rest_ms(1);
    rest_ms(500);
    long before = steward_switches();
    rest_ms(1000);
    CHECK(steward_switches() - before < 100);
    stays(block);
    return 0;
}

/* What cannot be watched does no harm. */
static int nothing(void)
{
    char *block = make_idle();
    while (steward_switches() < 2)
        rest_ms(1);
    stays(block);
    return 0;
}

/* What is said is not to be used, so the system's own files are: they may have news. */
static int system_instead(void)
{
    make_idle();
    while (steward_switches() < 2)
        rest_ms(1);
    return 0;
}

/* --- in the parent ---------------------------------------------------------------------------------------------------------------------- */

static char said[1 << 15]; /* by the child, on standard error */

static void child_main(const char *program, const char *name, const char *watch, const char *data, int error)
{
    dup2(error, STDERR_FILENO);
    setenv("ROOST_STATS", "1", 1);
    setenv("ROOST_VERBOSE", "1", 1);
    setenv("ROOST_PURGE_DELAY", "3600000", 1);
    setenv("MEMORY_PRESSURE_WATCH", watch, 1);
    if (data != NULL)
        setenv("MEMORY_PRESSURE_WRITE", data, 1);
    execl("/proc/self/exe", program, name, directory, watch, (char *)NULL);
    _exit(2);
}

/* Start the case `name` in a process of its own. */
static pid_t begin(const char *program, const char *name, const char *watch, const char *data, int *error)
{
    int ends[2];
    printf("%s\n", name);
    fflush(stdout);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child_main(program, name, watch, data, ends[1]);
    close(ends[1]);
    *error = ends[0];
    return pid;
}

static void end(pid_t pid, int error)
{
    int status = -1;
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used<sizeof said - 1; used += n> 0 ? (size_t)n : 0)
        n = read(error, said + used, sizeof said - 1 - used);
    said[used] = '\0';
    close(error);
    CHECK(waitpid(pid, &status, 0) == pid);
    if (strstr(said, "no file descriptors for one thread alone") != NULL) {
        printf("SKIPPED: the system has no close_range that unshares\n");
        exit(SKIPPED);
    }
    if (status != 0)
        fprintf(stderr, "%s", said);
    CHECK(status == 0);
}

static void run(const char *program, const char *name, const char *watch, const char *data)
{
    int error;
    pid_t pid = begin(program, name, watch, data, &error);
    end(pid, error);
}

/* A figure of the child's statistics at exit. */
static unsigned long figure(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\n  %s ", name);
    const char *at = strstr(said, key);
    CHECK(at != NULL);
    return strtoul(at + strlen(key), NULL, 10);
}

static void fifos(const char *program)
{
    snprintf(path, sizeof path, "%s/fifo", directory);
    CHECK(mkfifo(path, 0600) == 0);
    run(program, "fifo", path, NULL);
    CHECK(figure("pressure_events") >= 2);
    CHECK(figure("pressure_purged") >= 2ul * IDLE);
    CHECK(strstr(said, "/fifo: watched\n") != NULL);
    run(program, "all_closed", path, NULL);
    CHECK(figure("pressure_events") >= 1);
}

static int listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
    return fd;
}

static void sockets(const char *program)
{
    char text[16] = "";
    int error;
    snprintf(path, sizeof path, "%s/socket", directory);
    int listening = listener();
    pid_t pid = begin(program, "told_by_socket", path, "c29tZSAAZGF0YQ==", &error);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(recv(fd, text, 10, MSG_WAITALL) == 10 && memcmp(text, "some \0data", 10) == 0);
    while (send(fd, "x", 1, MSG_NOSIGNAL) ==
           1) /* until it has ended; what comes before something is idle is heard too */
        rest_ms(50);
    close(fd);
    end(pid, error);
    CHECK(figure("pressure_events") >= 1);
    pid = begin(program, "socket_ends", path, NULL, &error);
    close(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
    close(listening);
    end(pid, error);
    CHECK(figure("pressure_events") == 0);
}

static void what_cannot_be_watched(const char *program)
{
    char text[64] = "";
    snprintf(path, sizeof path, "%s/plain", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* takes a trigger, and never has news */
    CHECK(fd >= 0);
    run(program, "nothing", path, "c29tZSAxMDAgMjAwAA==");
    CHECK(pread(fd, text, sizeof text, 0) == 13 && strcmp(text, "some 100 200") == 0);
    close(fd);
    run(program, "nothing", "/dev/null", NULL);
    CHECK(strstr(said, "/dev/null: so it is not watched\n") != NULL);
    snprintf(path, sizeof path, "%s/absent", directory);
    run(program, "nothing", path, NULL);
    CHECK(strstr(said, "/absent: not there\n") != NULL);
    run(program, "nothing", directory, NULL);
    CHECK(strstr(said, ": cannot be opened\n") != NULL);
    CHECK(figure("pressure_events") == 0);
    run(program, "system_instead", "relative", NULL);
    CHECK(strstr(said, "MEMORY_PRESSURE_WATCH is not a path") != NULL);
    run(program, "system_instead", "/tmp", "not!base64");
    CHECK(strstr(said, "MEMORY_PRESSURE_WRITE is not base64\n") != NULL);
}

static int one_case(const char *name)
{
    static const struct {
        const char *name;
        int (*body)(void);
    } cases[] = {{"fifo", fifo},
                 {"all_closed", all_closed},
                 {"told_by_socket", told_by_socket},
                 {"socket_ends", socket_ends},
                 {"nothing", nothing},
                 {"system_instead", system_instead}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(name, cases[i].name) == 0)
            return cases[i].body();
    }
    return 2;
}

int main(int argc, char **argv)
{
    if (argc == 4) {
        strcpy(directory, argv[2]);
        snprintf(path, sizeof path, "%s", argv[3]);
        return one_case(argv[1]);
    }
    CHECK(mkdtemp(directory) != NULL);
    fifos(argv[0]);
    sockets(argv[0]);
    what_cannot_be_watched(argv[0]);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command) == 0 ? 0 : 1;
}

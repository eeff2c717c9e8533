/* The reporter: what the socket, the signal and the interval give, while the program's threads hold what they can. Starts itself again with
 * the options that ask for it. On libroost.so and, with ROOST_TEST_API_ONLY, on libroost_api.a. ROOST_TEST_ONE_PROCESSOR.
 * SPDX-License-Identifier: MIT */
#include "../support/check.h"
#include "api.h"
#include "os/atomic.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60, ANSWER_MAX = 1 << 18 };

static char directory[64];
static char answer[ANSWER_MAX];

/* --- asking ---------------------------------------------------------------------------------------------------------------- */

static void path_of(char out[128], const char *what, pid_t process)
{
    snprintf(out, 128, "%s/%s.%d", directory, what, (int)process);
}

/* Waits for the socket to be there. */
static int connect_to(pid_t process)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[128];
    struct timespec pause = {.tv_nsec = 2000000};
    path_of(path, "socket", process);
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (int tries = 0; tries < PATIENCE_S * 500; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(fd >= 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        CHECK(errno == ENOENT || errno == ECONNREFUSED);
        close(fd);
        nanosleep(&pause, NULL);
    }
    CHECK(!"a socket");
    return -1;
}

/* What it says, up to its end. */
static const char *hear(int fd)
{
    struct timeval most = {.tv_sec = PATIENCE_S};
    size_t length = 0;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) == 0);
    for (;;) {
        ssize_t n = recv(fd, answer + length, sizeof answer - 1 - length, 0);
        CHECK(n >= 0 || errno == ECONNRESET);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    close(fd);
    answer[length] = '\0';
    return answer;
}

static const char *ask(pid_t process, const char *request)
{
    int fd = connect_to(process);
    CHECK(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
    return hear(fd);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text), tail = strlen(with);
    return length >= tail && strcmp(text + length - tail, with) == 0;
}

static void all_is_answered(pid_t process)
{
    char pid[64];
    snprintf(pid, sizeof pid, "\"pid\":%d,", (int)process);
    CHECK(begins(ask(process, "text\n"), "roost: statistics of process ") && strstr(answer, "\nheaps:\n") != NULL);
    CHECK(begins(ask(process, "JSON\r\n"), "{\"schema\":") && ends(answer, "]}\n") && strstr(answer, pid) != NULL);
    CHECK(begins(ask(process, "  metrics  \n"), "# TYPE ") && ends(answer, "\n# EOF\n"));
    CHECK(begins(ask(process, "Prometheus\n"), "# TYPE ") && strstr(answer, "\n# EOF") == NULL && ends(answer, "\n"));
    CHECK(begins(ask(process, "purge\n"), "purged ") && ends(answer, " bytes\n"));
}

/* --- the file -------------------------------------------------------------------------------------------------------------- */

/* Which file it is, 0: none. Two of them may have had one number, one after the other, but not at one time. */
static uint64_t file_now(pid_t process)
{
    char path[128];
    struct stat found;
    snprintf(path, sizeof path, "%s/file.%d.om", directory, (int)process);
    if (stat(path, &found) != 0)
        return 0;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t length = fread(answer, 1, sizeof answer - 1, file);
    fclose(file);
    answer[length] = '\0';
    CHECK(ends(answer, "\n# EOF\n")); /* never half of one */
    CHECK(stat(path, &found) == 0);
    return (uint64_t)found.st_ino ^ (uint64_t)found.st_mtim.tv_nsec << 32 ^ (uint64_t)found.st_mtim.tv_sec;
}

static void wait_for_another_file(pid_t process, uint64_t than)
{
    struct timespec pause = {.tv_nsec = 2000000};
    int tries = 0;
    for (; file_now(process) == than && tries < PATIENCE_S * 500; tries++)
        nanosleep(&pause, NULL);
    CHECK(tries < PATIENCE_S * 500);
}

/* --- what is tested ---------------------------------------------------------------------------------------------------------- */

static void all_formats_are_answered_and_bad_requests_refused(void)
{
    static const char *const bad[] = {"\n", "xml\n", "text json\n", "\377\376\n", "tex", "purge\npurge\n \n x\n"};
    char path[128];
    struct stat found;
    all_is_answered(getpid());
    path_of(path, "socket", getpid());
    CHECK(stat(path, &found) == 0 && S_ISSOCK(found.st_mode) && (found.st_mode & 0777) == 0600);
    for (int i = 0; i < 5; i++) {
        int fd = connect_to(getpid());
        CHECK(send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL) > 0 && shutdown(fd, SHUT_WR) == 0);
        CHECK(begins(hear(fd), "error: "));
    }
    CHECK(begins(ask(getpid(), bad[5]), "purged ")); /* one line counts */
    static char words[4000];
    memset(words, 'a', sizeof words - 2);
    words[sizeof words - 2] = '\n';
    ask(getpid(), words); /* cut off, perhaps before all was said */
    close(connect_to(getpid()));
    int silent = connect_to(getpid());
    all_is_answered(getpid()); /* though one waits without a word */
    close(silent);
}

static void a_signal_writes_the_file(void)
{
    for (int i = 0; i < 5; i++) {
        uint64_t before = file_now(getpid());
        CHECK(kill(getpid(), SIGUSR2) == 0);
        wait_for_another_file(getpid(), before);
    }
}

/* A process that is stuck as badly as can be: one thread in a signal handler that interrupted malloc, one with the lock of standard error,
 * one with that of the dynamic linker. */
static _Atomic unsigned stuck;

static void stop_here(void)
{
    atomic_fetch_add(&stuck, 1);
    for (;;)
        pause();
}

static void handler(int number)
{
    (void)number;
    stop_here();
}

static int in_linker(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size, (void)data;
    stop_here();
    return 0;
}

static void block_alarm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

static void *hold_stderr(void *unused)
{
    block_alarm();
    flockfile(stderr);
    stop_here();
    return unused;
}

static void *hold_linker(void *unused)
{
    block_alarm();
    dl_iterate_phdr(in_linker, unused);
    return unused;
}

static void be_stuck(void)
{
    pthread_t thread;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    CHECK(pthread_create(&thread, NULL, hold_stderr, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, hold_linker, NULL) == 0);
    signal(SIGALRM, handler);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    for (unsigned i = 0;; i++)
        rt.free(rt.malloc(i % 5000 * 100));
}

static pid_t start(char **argv, const char *mode)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", argv[0], mode, (char *)NULL);
        _exit(9);
    }
    return child;
}

/* Of one that does nothing at all. */
static void an_interval_writes_the_file(char **argv)
{
    CHECK(setenv("ROOST_STATS_INTERVAL", "1", 1) == 0);
    pid_t child = start(argv, "idle");
    CHECK(unsetenv("ROOST_STATS_INTERVAL") == 0);
    for (int i = 0; i < 2; i++)
        wait_for_another_file(child, file_now(child));
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

static void a_stuck_process_answers(char **argv)
{
    pid_t child = start(argv, "stuck");
    for (int i = 0; i < 3; i++)
        all_is_answered(child);
    uint64_t before = file_now(child);
    CHECK(kill(child, SIGUSR2) == 0); /* whichever thread takes it */
    wait_for_another_file(child, before);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

/* The child of a fork gets a reporter of its own when it has allocated for a while. */
static void a_forked_child_answers_for_itself(void)
{
    int done[2];
    char path[128], byte;
    CHECK(pipe(done) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        static void *block[3000];
        struct timespec pause = {.tv_nsec = 5000000};
        close(done[1]);
        for (int round = 0; round < 200; round++) {
            for (int i = 0; i < 3000; i++)
                block[i] = rt.malloc((size_t)i);
            for (int i = 0; i < 3000; i++)
                rt.free(block[i]);
            nanosleep(&pause, NULL);
        }
        exit(read(done[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(done[0]);
    all_is_answered(child);
    all_is_answered(getpid());
    close(done[1]);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    path_of(path, "socket", child);
    CHECK(access(path, F_OK) != 0); /* it was removed */
    CHECK(file_now(child) != 0);    /* and the file written at its exit */
    all_is_answered(getpid());
}

/* --- main ---------------------------------------------------------------------------------------------------------------------- */

static void set(const char *name, const char *tail)
{
    char value[128];
    snprintf(value, sizeof value, "%s/%s", directory, tail);
    CHECK(setenv(name, value, 1) == 0);
}

static int begin(char **argv)
{
    strcpy(directory, "/tmp/roost-reporter-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    set("ROOST_STATS_SOCKET", "socket.%p");
    set("ROOST_STATS_FILE", "file.%p.om");
    CHECK(setenv("ROOST_STATS_SIGNAL", "12", 1) == 0 && SIGUSR2 == 12);
    CHECK(setenv("REPORTER_TEST_DIRECTORY", directory, 1) == 0);
    pid_t child = start(argv, "again");
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    char path[128], command[160];
    path_of(path, "socket", child);
    CHECK(status != 0 || access(path, F_OK) != 0);
    CHECK(status != 0 || file_now(child) != 0);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    CHECK(system(command) == 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    if (!api_is_roost())
        return 77;
    if (argc < 2)
        return begin(argv);
    snprintf(directory, sizeof directory, "%s", getenv("REPORTER_TEST_DIRECTORY"));
    if (strcmp(argv[1], "stuck") == 0)
        be_stuck();
    if (strcmp(argv[1], "idle") == 0)
        stop_here();
    RUN(all_formats_are_answered_and_bad_requests_refused);
    RUN(a_signal_writes_the_file);
    an_interval_writes_the_file(argv);
    a_stuck_process_answers(argv);
    /* ThreadSanitizer allows no thread to start there. */
    if (!RST_THREAD_SANITIZER)
        RUN(a_forked_child_answers_for_itself);
    return 0;
}

/* The steward in the life of a process: what it uses of a processor, and that it outlives setuid, is there again after daemon, and is in no
 * exit's way whenever that comes. Each case is a process of its own, this program again. Built for both kinds of program of
 * ../support/api.h: also with ROOST_TEST_API_ONLY. ROOST_TEST_ONE_PROCESSOR.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"
#include "../support/idle.h"

#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

enum { EXITS = TEST_SANITIZED ? 10 : 40, BUSY_MS = 2500, NOBODY = 65534 };

/* --- processor time ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t now_us(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* The clock of another thread's processor time, as Linux numbers them. */
static clockid_t clock_of(long thread)
{
    return (clockid_t)((~(unsigned)thread << 3) | 6u);
}

/* Memory becomes idle, and old, all the time: with a delay of 20 ms it could be at work without a pause. */
static int busy(void)
{
    make_idle();
    uint64_t begin = now_us(CLOCK_MONOTONIC);
    while (steward_switches() == 0)
        rest_ms(1);
    long thread = steward_says("\nPid:", 10);
    while (now_us(CLOCK_MONOTONIC) - begin < BUSY_MS * 1000ull) {
        char *block = rt.malloc(IDLE);
        CHECK(block != NULL);
        memset(block, 1, IDLE);
        rt.free(block);
        rest_ms(30);
    }
    uint64_t used = now_us(clock_of(thread)), passed = now_us(CLOCK_MONOTONIC) - begin;
    printf("  %llu us of processor time in %llu ms\n", (unsigned long long)used, (unsigned long long)passed / 1000);
    CHECK(used > 0);
    /* A hundredth of the time, and of ten seconds before; and what it may take to notice: two rounds of work. */
    CHECK(used <= (passed + 10000000) / 100 + (TEST_SANITIZED ? 400000 : 50000));
    return 0;
}

/* --- setuid and daemon -------------------------------------------------------------------------------------------------------------------- */

/* libc has every thread do the call, by a signal that it keeps for that. */
static int changes_user(void)
{
    char *block = make_idle();
    while (steward_switches() == 0)
        rest_ms(1);
    uid_t user = getuid() == 0 ? NOBODY : getuid();
    CHECK(setgid(getgid() == 0 ? NOBODY : getgid()) == 0);
    CHECK(setuid(user) == 0);
    CHECK(steward_says("\nUid:", 10) == (long)user);
    goes_back(block);
    return 0;
}

/* The daemon is not our child: it holds the pipe's end, and says at last how it went. */
static int becomes_daemon(void)
{
    int end[2];
    char word[8] = "";
    CHECK(pipe(end) == 0);
    goes_back(make_idle());
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        CHECK(daemon(0, 0) == 0);
        alarm(60);
        CHECK(steward_says("\nPid:", 10) == 0);
        if (!TEST_SANITIZED) { /* ThreadSanitizer has no threads in the child of a threaded process */
            char *block = make_idle();
            goes_back(block);
            CHECK(steward_says("\nPid:", 10) != 0);
        }
        _exit(write(end[1], "well", 4) == 4 ? 0 : 1);
    }
    close(end[1]);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(end[0], word, sizeof word) == 4 && strcmp(word, "well") == 0);
    return 0;
}

/* --- exit --------------------------------------------------------------------------------------------------------------------------------- */

static void *exits(void *unused)
{
    exit(0);
    return unused;
}

/* Just as it starts, looks about, or goes to sleep: after `us`, by the main thread or by another. */
static int ends_after(long us)
{
    pthread_t thread;
    make_idle();
    for (uint64_t begin = now_us(CLOCK_MONOTONIC); now_us(CLOCK_MONOTONIC) - begin < (uint64_t)us;) {
    }
    if (us % 2 == 0)
        return 0;
    CHECK(pthread_create(&thread, NULL, exits, NULL) == 0);
    for (;;)
        pause();
}

/* --- in the parent ------------------------------------------------------------------------------------------------------------------------ */

static void run(const char *program, const char *name, const char *argument, const char *delay)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(100); /* one that hangs is ended, and fails the test */
        setenv("ROOST_PURGE_DELAY", delay, 1);
        setenv("ROOST_HUGE_PAGES", "0", 1); /* which are given back too quickly */
        execl("/proc/self/exe", program, name, argument, (char *)NULL);
        _exit(2);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0)
        fprintf(stderr, "%s %s: status %#x\n", name, argument, (unsigned)status);
    CHECK(status == 0);
}

static void run_exits(const char *program)
{
    printf("ends_after\n");
    fflush(stdout);
    for (long i = 0; i < EXITS; i++) {
        char us[16];
        snprintf(us, sizeof us, "%ld", i * i);
        run(program, "ends_after", us, i % 4 < 2 ? "1000" : "3600000");
    }
}

static int one_case(const char *name, const char *argument)
{
    printf("%s\n", name);
    fflush(stdout);
    if (strcmp(name, "busy") == 0)
        return busy();
    if (strcmp(name, "changes_user") == 0)
        return changes_user();
    return strcmp(name, "becomes_daemon") == 0 ? becomes_daemon() : argument[0] == '\0';
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "ends_after") == 0)
        return ends_after(strtol(argv[2], NULL, 10));
    if (argc == 3)
        return one_case(argv[1], argv[2]);
    run(argv[0], "busy", "", "20");
    run(argv[0], "changes_user", "", "500");
    run(argv[0], "becomes_daemon", "", "500");
    run_exits(argv[0]);
    return 0;
}

/* fork from a process whose other threads are inside the allocator at that moment. The child allocates, frees blocks
 * of its own thread and of threads that did not survive, starts threads, and forks again. A child that hangs is ended
 * by its own alarm and fails the test. Then programs are started in every way that libc has, from the same process.
 *
 *   test_fork [FORKS]
 *
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"

#include "../support/busy.h"
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { BUSY = 4, CHILD_SECONDS = 30 };

static void work(unsigned seed)
{
    void *block[200];
    for (unsigned i = 0; i < 200; i++) {
        size_t size = (i * 37 + seed) % 3000 + (i % 50 == 0 ? 200000 : 0);
        block[i] = rt.malloc(size);
        CHECK(block[i] != NULL);
        memset(block[i], (int)i, size);
    }
    for (unsigned i = 0; i < 200; i++) {
        if (i % 3 == 0) {
            block[i] = rt.realloc(block[i], i * 100 + 1);
            CHECK(block[i] != NULL);
        }
        rt.free(block[i]);
    }
}

static void *work_in_thread(void *unused)
{
    work(17);
    for (unsigned i = 0; i < SHARED; i += 3)
        rt.free(atomic_exchange(&shared[i], NULL));
    return unused;
}

static void wait_for(pid_t child)
{
    int status;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    CHECK(got == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "child ended by signal %d%s\n", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

__attribute__((noreturn)) static void live_as_child(unsigned number)
{
    alarm(CHILD_SECONDS);
    work(number);
    for (unsigned i = 0; i < SHARED; i += 2)
        rt.free(atomic_exchange(&shared[i], NULL)); /* made by threads that are not in this process */
    if (number % 2 == 0 && !TEST_SANITIZED) { /* ThreadSanitizer has no threads in the child of a threaded process */
        pthread_t thread[3];
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&thread[i], NULL, work_in_thread, NULL) == 0);
        work(number + 1);
        for (int i = 0; i < 3; i++)
            CHECK(pthread_join(thread[i], NULL) == 0);
    }
    if (number % 3 == 0) {
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) {
            alarm(CHILD_SECONDS);
            work(number + 2);
            work_in_thread(NULL);
            _exit(0);
        }
        work(number + 3);
        wait_for(grandchild);
    }
    if (number % 10 == 0)
        exit(0); /* with the library's own end of program */
    _exit(0);
}

static void fork_many(unsigned forks)
{
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live_as_child(i);
        work(i);
        wait_for(child);
    }
}

/* Two threads fork at the same time. */
static void *fork_from_thread(void *count)
{
    fork_many(*(unsigned *)count);
    return NULL;
}

/* --- starting programs: the child of these shares memory with its parent, or forks twice, or is never ours --- */

static void start_by_vfork(void)
{
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void start_by_posix_spawn(void)
{
    char shell[] = "sh", option[] = "-c", command[] = "exit 8", *argv[] = {shell, option, command, NULL};
    posix_spawn_file_actions_t actions; /* which libc allocates */
    pid_t child;
    int status;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    for (int fd = 100; fd < 120; fd++)
        CHECK(posix_spawn_file_actions_adddup2(&actions, 2, fd) == 0);
    CHECK(posix_spawn(&child, "/bin/sh", &actions, NULL, argv, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 8);
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void start_by_popen(void)
{
    char line[64] = "", *copy = NULL;
    FILE *to = popen("cat >/dev/null", "w");
    FILE *from = popen("echo from the other side", "r");
    CHECK(to != NULL && from != NULL && fputs("some text\n", to) >= 0);
    CHECK(fgets(line, sizeof line, from) != NULL && strcmp(line, "from the other side\n") == 0);
    copy = strdup(line);
    CHECK(copy != NULL);
    CHECK(pclose(from) == 0 && pclose(to) == 0);
    free(copy);
}

static void start_by_system(void)
{
    int status = system("exit 9");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

/* daemon() forks and ends the caller, so it is called in a child. The daemon allocates, starts a thread, and says so. */
static void start_by_daemon(void)
{
    int fd[2], status;
    char word = 0;
    CHECK(pipe(fd) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(daemon(1, 1) == 0);
        alarm(CHILD_SECONDS);
        work(5);
        pthread_t thread;
        if (!TEST_SANITIZED) {
            CHECK(pthread_create(&thread, NULL, work_in_thread, NULL) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
        }
        CHECK(write(fd[1], "d", 1) == 1);
        _exit(0);
    }
    close(fd[1]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(fd[0], &word, 1) == 1 && word == 'd'); /* the end of the file where the daemon failed or hung */
    close(fd[0]);
}

static void start_programs(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        start_by_vfork();
        work(i);
        start_by_posix_spawn();
        start_by_popen();
        start_by_system();
        start_by_daemon();
    }
}

int main(int argc, char **argv)
{
    unsigned forks = argc > 1 ? (unsigned)atoi(argv[1]) : TEST_SANITIZED ? 30 : 60;
    pthread_t thread[BUSY + 1];
    api_is_roost();
    fork_many(10); /* with one thread only */
    for (uintptr_t i = 0; i < BUSY; i++)
        CHECK(pthread_create(&thread[i], NULL, busy, (void *)i) == 0);
    fork_many(forks / 2);
    unsigned quarter = forks / 4;
    CHECK(pthread_create(&thread[BUSY], NULL, fork_from_thread, &quarter) == 0);
    fork_many(quarter);
    CHECK(pthread_join(thread[BUSY], NULL) == 0);
    start_programs(TEST_SANITIZED ? 5 : 20);
    atomic_store(&stop, true);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    for (unsigned i = 0; i < SHARED; i++)
        rt.free(atomic_load(&shared[i]));
    printf("%u forks\n", 10 + forks / 2 + 2 * quarter);
    return 0;
}

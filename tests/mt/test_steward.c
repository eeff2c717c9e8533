/* The steward: memory that idles goes back although nobody calls, by a thread that is there only when there is reason, and that
 * comes and goes without harm. Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY. ROOST_TEST_ONE_PROCESSOR.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { MIB = 1 << 20, BLOCK = 512, TOTAL = 192 * MIB, COUNT = TOTAL / BLOCK, THREADS = 60, OF_EACH = COUNT / THREADS };

static void *blocks[COUNT];
static sem_t ready, gone, leave;

/* --- looking, without a call of the allocator ------------------------------------------------------------------------------------------ */

static size_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static long resident_mib(void)
{
    char text[128];
    long all = 0, resident = 0;
    CHECK(read_file("/proc/self/statm", text, sizeof text) != 0);
    CHECK(sscanf(text, "%ld %ld", &all, &resident) == 2);
    return resident * sysconf(_SC_PAGESIZE) / MIB;
}

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* The thread number of the steward; 0: there is none. */
static long steward(void)
{
    char entries[4096], path[64], name[32];
    long found = 0, n;
    int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    while ((n = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
        for (long at = 0; at < n; at += ((struct entry *)(void *)(entries + at))->length) {
            const struct entry *e = (struct entry *)(void *)(entries + at);
            snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", e->name);
            if (e->name[0] != '.' && read_file(path, name, sizeof name) != 0 && strcmp(name, "roost-steward\n") == 0)
                found = strtol(e->name, NULL, 10);
        }
    }
    close(fd);
    return found;
}

static long status_of(long thread, const char *key)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%ld/status", thread);
    CHECK(read_file(path, text, sizeof text) != 0);
    const char *at = strstr(text, key);
    CHECK(at != NULL);
    return (long)strtoull(at + strlen(key), NULL, key[0] == 'S' ? 16 : 10);
}

static void rest_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0) {
    }
}

/* Bounded waiting for what another thread does by itself. */
static void falls_below(long mib, long ms)
{
    if (TEST_SANITIZED)
        mib += 4096; /* a sanitizer's shadow counts; that it goes back is seen in other builds */
    for (long passed = 0; resident_mib() >= mib; passed += 50) {
        if (passed >= ms)
            fprintf(stderr, "resident: %ld MiB after %ld ms\n", resident_mib(), passed);
        CHECK(passed < ms);
        rest_ms(50);
    }
}

/* --- the work ------------------------------------------------------------------------------------------------------------------------ */

static void *fill(size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        blocks[i] = rt.malloc(BLOCK);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 1, BLOCK);
    }
    return NULL;
}

static void empty(size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        rt.free(blocks[i]);
}

static void *fill_then_sleep(void *frees_too)
{
    fill(0, COUNT);
    if (frees_too != NULL)
        empty(0, COUNT);
    CHECK(sem_post(&ready) == 0);
    while (sem_wait(&leave) != 0) {
    }
    return NULL;
}

static void *empty_then_sleep(void *unused)
{
    empty(0, COUNT);
    CHECK(sem_post(&gone) == 0);
    while (sem_wait(&leave) != 0) {
    }
    return unused;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    CHECK(pthread_create(thread, NULL, body, argument) == 0);
}

static void end(pthread_t *thread, int count)
{
    for (int i = 0; i < count; i++)
        CHECK(sem_post(&leave) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
}

static void a_process_of_one_thread_has_none(void)
{
    fill(0, COUNT);
    empty(0, COUNT);
    CHECK(steward() == 0);
}

static void what_the_owner_freed_goes_while_all_sleep(void)
{
    pthread_t thread[1];
    start(&thread[0], fill_then_sleep, blocks);
    CHECK(sem_wait(&ready) == 0);
    falls_below(24, 3000);
    CHECK(steward() != 0);
    end(thread, 1);
}

static void what_another_freed_goes_while_the_owner_sleeps(void)
{
    pthread_t thread[2];
    start(&thread[0], fill_then_sleep, NULL);
    CHECK(sem_wait(&ready) == 0);
    start(&thread[1], empty_then_sleep, NULL);
    CHECK(sem_wait(&gone) == 0);
    falls_below(24, 3000);
    end(thread, 2);
}

static void *fill_a_part(void *number)
{
    return fill((uintptr_t)number * OF_EACH, OF_EACH);
}

static void what_ended_threads_held_goes(void)
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        start(&thread[i], fill_a_part, (void *)i);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    empty(0, THREADS * OF_EACH);
    rt.thread_flush();
    falls_below(24, 3000);
}

static void it_takes_no_signals_and_sleeps_when_nothing_is_idle(void)
{
    long thread = steward();
    CHECK(thread != 0);
    unsigned long blocked = (unsigned long)status_of(thread, "SigBlk:");
    CHECK((blocked & 0x7fffffff) == 0x7ffbfeff); /* of the first 31 all but KILL and STOP, which nobody can block */
    rest_ms(4000); /* it looks at all pages once more within a second, and then at those that it found */
    long switches = status_of(thread, "voluntary_ctxt_switches:");
    rest_ms(1500);
    CHECK(status_of(thread, "voluntary_ctxt_switches:") == switches);
}

static void a_child_has_none_until_it_needs_one(void)
{
    CHECK(steward() != 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(steward() == 0);
        fill(0, COUNT); /* alone: none is needed */
        empty(0, COUNT);
        CHECK(steward() == 0);
        if (TEST_SANITIZED) /* ThreadSanitizer has no threads in the child of a threaded process */
            exit(0);
        pthread_t thread[1];
        start(&thread[0], fill_then_sleep, blocks);
        CHECK(sem_wait(&ready) == 0);
        falls_below(24, 3000);
        CHECK(steward() != 0);
        exit(0); /* with the steward about, and a thread asleep */
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

/* A child that the library does not hear of, as by the system call itself: its exit does not wait for a thread that it has not. */
static void an_unheard_child_ends(void)
{
    if (TEST_SANITIZED)
        return;
    CHECK(steward() != 0);
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    CHECK(pid >= 0);
    if (pid == 0)
        exit(0);
    int status = -1;
    for (long passed = 0; waitpid((pid_t)pid, &status, WNOHANG) == 0; passed += 20) {
        if (passed >= 5000)
            kill((pid_t)pid, SIGKILL);
        CHECK(passed < 5000);
        rest_ms(20);
    }
    CHECK(status == 0);
}

static void it_can_be_switched_off(const char *program)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(setenv("ROOST_STEWARD", "0", 1) == 0);
        execl("/proc/self/exe", program, "off", (char *)NULL);
        _exit(2);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

static int with_it_off(void)
{
    pthread_t thread[1];
    start(&thread[0], fill_then_sleep, blocks);
    CHECK(sem_wait(&ready) == 0);
    CHECK(steward() == 0);
    end(thread, 1);
    return 0;
}

int main(int argc, char **argv)
{
    CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&gone, 0, 0) == 0 && sem_init(&leave, 0, 0) == 0);
    if (argc > 1 && strcmp(argv[1], "off") == 0)
        return with_it_off();
    RUN(a_process_of_one_thread_has_none);
    RUN(what_the_owner_freed_goes_while_all_sleep);
    RUN(what_another_freed_goes_while_the_owner_sleeps);
    RUN(what_ended_threads_held_goes);
    RUN(it_takes_no_signals_and_sleeps_when_nothing_is_idle);
    RUN(a_child_has_none_until_it_needs_one);
    RUN(an_unheard_child_ends);
    printf("it_can_be_switched_off\n");
    it_can_be_switched_off(argv[0]);
    return 0;
}

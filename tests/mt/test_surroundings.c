/* Hostile surroundings: no thread more to be had, all memory locked, a filter that kills at each system call that docs/drop-in.md does not name, execs
 * amid allocating threads, every pthread key for the program; and errno is 0 where main begins. A child for each.
 * Built for both kinds of program of ../support/api.h: with ROOST_TEST_API_ONLY roost starts only where it is hostile already.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/blocks.h"
#include "../support/check.h"

#include "../support/busy.h"
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { NOBODY = 65534, SKIPPED = 77, BLOCKS = 2000, EXECS = 20, THREADS = 3, LOCKED_MIB = 48 };

/* Every kind of work; at its most about 30 MiB. */
static void *work(void *unused)
{
    static const size_t larger[] = {70000, 300000, 5000000};
    unsigned char **block = rt.calloc(BLOCKS, sizeof *block);
    CHECK(block != NULL);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            size_t size = i % 300 == 0 ? larger[i / 300 % 3] : i * 977 % 9000;
            CHECK((block[i] = rt.malloc(size)) != NULL);
            pattern_fill(block[i], size, i);
        }
        for (unsigned i = 0; i < BLOCKS; i++) {
            size_t size = i % 300 == 0 ? larger[i / 300 % 3] : i * 977 % 9000;
            CHECK(pattern_check(block[i], size, size, i) == size);
            if (i % 3 == 0)
                CHECK((block[i] = rt.realloc(block[i], size * 2 + 1)) != NULL);
            rt.free(block[i]);
        }
        roost_purge(0, NULL);
    }
    rt.free(block);
    return unused;
}

/* --- every key ----------------------------------------------------------------------------------------------------------- */

static int all_keys(void)
{
    static pthread_key_t key[PTHREAD_KEYS_MAX];
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
    if (TEST_SANITIZED)
        return SKIPPED; /* they take keys themselves */
    for (unsigned i = 0; i < PTHREAD_KEYS_MAX; i++)
        CHECK(pthread_key_create(&key[i], NULL) == 0);
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
    return 0;
}

/* --- no thread more ------------------------------------------------------------------------------------------------------ */

static _Atomic bool runs;
static sem_t limited; /* a wait that the filter lets pass, where yielding the processor would not be */

/* Its first call of the allocator is under the limit. */
static void *work_when_limited(void *unused)
{
    atomic_store(&runs, true);
    while (sem_wait(&limited) != 0)
        CHECK(errno == EINTR);
    return work(unused);
}

static void begin_beside(pthread_t *thread)
{
    CHECK(sem_init(&limited, 0, 0) == 0);
    CHECK(pthread_create(thread, NULL, work_when_limited, NULL) == 0);
    while (!atomic_load(&runs))
        sched_yield();
}

static int no_thread_more(void)
{
    struct rlimit none = {0, 0};
    pthread_t thread, refused;
    begin_beside(&thread);
    if (geteuid() == 0)
        CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0); /* the limit is not root's */
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    bool holds = pthread_create(&refused, NULL, work, NULL) == EAGAIN;
    CHECK(sem_post(&limited) == 0);
    void *held = rt.malloc(40 * MIB);
    CHECK(held != NULL);
    memset(held, 1, 40 * MIB); /* it would be time for the steward */
    work(NULL);
    CHECK(pthread_join(thread, NULL) == 0);
    rt.free(held);
    return holds ? 0 : SKIPPED;
}

/* --- all memory locked --------------------------------------------------------------------------------------------------- */

static int locked(void)
{
    if (TEST_SANITIZED || mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return SKIPPED; /* sanitizers map more than there is */
    size_t before = resident_bytes();
    void *block[LOCKED_MIB];
    for (unsigned i = 0; i < LOCKED_MIB; i++) {
        CHECK((block[i] = rt.malloc(MIB)) != NULL);
        memset(block[i], 1, MIB);
    }
    work(NULL);
    size_t more = resident_bytes() - before;
    printf("  %zu MiB resident for %d MiB and the work\n", more / MIB, LOCKED_MIB);
    CHECK(more < (LOCKED_MIB + 80) * MIB); /* not what is only reserved */
    for (unsigned i = 0; i < LOCKED_MIB; i++)
        rt.free(block[i]);
    return 0;
}

/* --- a filter that kills -------------------------------------------------------------------------------------------------- */

#ifndef SYS_access
#define SYS_access SYS_faccessat
#endif
#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* As in docs/drop-in.md, all but the steward's; then what this test and libc need to end, to say what is wrong, and to join a thread. */
static struct sock_filter allowed[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mprotect),
    ALLOW(madvise),
    ALLOW(mremap),
    ALLOW(prctl),
    ALLOW(gettid),
    ALLOW(getpid),
    ALLOW(tgkill),
    ALLOW(futex),
    ALLOW(clock_gettime),
    ALLOW(prlimit64),
    ALLOW(sysinfo),
    ALLOW(openat),
    ALLOW(access),
    ALLOW(read),
    ALLOW(close),
    ALLOW(write),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigprocmask),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
};

static void tell_call(int number, siginfo_t *info, void *unused)
{
    (void)number, (void)unused;
    char text[100];
    int length =
        snprintf(text, sizeof text, "system call %d is not in the list of docs/drop-in.md\n", info->si_syscall);
    _exit(write(STDERR_FILENO, text, (size_t)length) < 0 ? 2 : 1);
}

static int filtered(void)
{
    struct sock_fprog program = {sizeof allowed / sizeof allowed[0], allowed};
    struct sigaction action = {.sa_sigaction = tell_call, .sa_flags = SA_SIGINFO};
    pthread_t thread;
    begin_beside(&thread);
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    if (TEST_SANITIZED || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        return SKIPPED;
    CHECK(sem_post(&limited) == 0);
    work(NULL);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

/* --- exec amid allocating threads ------------------------------------------------------------------------------------------- */

static void exec_again(int left)
{
    char number[16];
    snprintf(number, sizeof number, "%d", left);
    execl("/proc/self/exe", "surroundings", "exec", number, (char *)NULL);
}

static void *exec_from_thread(void *left)
{
    exec_again(*(int *)left);
    return NULL;
}

static int exec_chain(int left)
{
    pthread_t thread;
    void *block = rt.malloc(100);
    CHECK(block != NULL);
    rt.free(block);
    if (left == 0)
        return 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread, NULL, busy, (void *)i) == 0);
    left--;
    if (left % 2 == 0)
        exec_again(left);
    CHECK(pthread_create(&thread, NULL, exec_from_thread, &left) == 0);
    CHECK(pthread_join(thread, NULL) == 0); /* does not return */
    return 1;
}

static int exec_chain_begins(void)
{
    exec_again(EXECS);
    return SKIPPED;
}

/* -------------------------------------------------------------------------------------------------------------------------- */

static void in_child(const char *name, int (*part)(void))
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        int result = part();
        fflush(stdout);
        _exit(result);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: ended by signal %d\n", name, WTERMSIG(status));
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SKIPPED));
    printf("%s%s\n", name, WEXITSTATUS(status) == SKIPPED ? ": not possible here" : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int at_start = errno;
    CHECK(TEST_SANITIZED || at_start == 0);
    if (argc > 2)
        return exec_chain(atoi(argv[2]));
    if (argc < 2) {
        setenv("ROOST_STEWARD", "0", 1); /* the filter's list is without it; where no thread is to be had it is on */
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
    }
    in_child("filter", filtered);
    unsetenv("ROOST_STEWARD");
    in_child("keys", all_keys);
    in_child("threads", no_thread_more);
    in_child("locked", locked);
    in_child("exec", exec_chain_begins);
    return 0;
}

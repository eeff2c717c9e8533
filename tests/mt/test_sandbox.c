/* Sandboxes that answer EPERM to system calls about memory, one and several at a time: the program goes on, with more memory, by two
 * threads, and calloc still gives zeroes. A child for each; skipped where filters of system calls are not to be had.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SKIPPED = 77, MOST = 6, BLOCKS = 3000, ROUNDS = 3, LARGE = 4 * 1024 * 1024 };

typedef struct sandbox {
    const char *name;
    int refused[MOST]; /* to the first -1 */
} sandbox;

static const sandbox sandboxes[] = {
    {"madvise", {SYS_madvise, -1}},   {"munmap", {SYS_munmap, -1}},
    {"mprotect", {SYS_mprotect, -1}}, {"mremap", {SYS_mremap, -1}},
    {"prctl", {SYS_prctl, -1}},       {"all of them", {SYS_madvise, SYS_munmap, SYS_mprotect, SYS_mremap, -1}},
    {"no files", {SYS_openat, -1}},
};

static int refuse(int number)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

static void *churn(void *unused)
{
    void **block = rt.calloc(BLOCKS, sizeof *block);
    CHECK(block != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t size = 1 + i * 977 % (i % 100 == 0 ? LARGE : 5000);
            errno = 4711;
            block[i] = rt.malloc(size);
            CHECK(block[i] != NULL && errno == 4711);
            memset(block[i], (int)i, size < 5000 ? size : 5000);
        }
        for (size_t i = 0; i < BLOCKS; i += 2) {
            unsigned char *grown = rt.realloc(block[i], i % 100 == 0 ? LARGE + 100 : 6000);
            CHECK(grown != NULL && grown[0] == (unsigned char)i);
            block[i] = grown;
        }
        for (size_t i = 0; i < BLOCKS; i++)
            rt.free(block[i]);
    }
    rt.free(block);
    unsigned char *zeroes = rt.calloc(LARGE, 1);
    CHECK(zeroes != NULL);
    for (size_t i = 0; i < LARGE; i++)
        CHECK(zeroes[i] == 0);
    rt.free(zeroes);
    return unused;
}

static int in_sandbox(const sandbox *box)
{
    static _Alignas(65536) char stack[256 * 1024]; /* threads cannot get one from the system there */
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, sizeof stack) == 0);
    for (int i = 0; i < MOST && box->refused[i] >= 0; i++) {
        if (refuse(box->refused[i]) != 0)
            return SKIPPED;
    }
    CHECK(pthread_create(&thread, &attributes, churn, NULL) == 0);
    churn(NULL);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

int main(void)
{
    (void)api_is_roost();
    for (size_t i = 0; i < sizeof sandboxes / sizeof sandboxes[0]; i++) {
        printf("%s\n", sandboxes[i].name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(in_sandbox(&sandboxes[i]));
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
            return SKIPPED;
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return 0;
}

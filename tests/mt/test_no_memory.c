/* Threads that begin when there is no memory left: they get NULL and ENOMEM, end, and when something was freed threads work again.
 * The process runs itself anew with a small arena, and then forbids itself more address space.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"
#include "../support/check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { ROUNDS = 20, THREADS = 4, STACK = 256 * 1024, GIVEN_BACK = 64 * 1024 };

typedef struct block_link {
    struct block_link *next;
} block_link;

static _Alignas(65536) char stacks[THREADS][STACK];
static int expect_memory;
static pthread_t thread[THREADS];
static sem_t gate;

/* Everything that can be had in pieces of `size`, as a list. */
static block_link *take_all(size_t size, block_link *list)
{
    for (block_link *l; (l = rt.malloc(size)) != NULL; list = l)
        l->next = list;
    CHECK(errno == ENOMEM);
    return list;
}

static void *work(void *unused)
{
    while (sem_wait(&gate) != 0)
        CHECK(errno == EINTR);
    errno = 0;
    void *block = rt.malloc(100);
    if (expect_memory)
        CHECK(block != NULL);
    else
        CHECK(block != NULL || errno == ENOMEM);
    rt.free(block);
    void *other = NULL;
    CHECK(rt.posix_memalign(&other, 64, 1000) == 0 || !expect_memory);
    rt.free(other);
    return unused;
}

/* Threads that wait: they are made while there is memory for that. */
static void start_threads(void)
{
    CHECK(sem_init(&gate, 0, 0) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_attr_t attributes;
        CHECK(pthread_attr_init(&attributes) == 0);
        CHECK(pthread_attr_setstack(&attributes, stacks[i], STACK) == 0);
        CHECK(pthread_create(&thread[i], &attributes, work, NULL) == 0);
        pthread_attr_destroy(&attributes);
    }
}

static void let_threads_go(void)
{
    for (int i = 0; i < THREADS; i++)
        CHECK(sem_post(&gate) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
}

static void run_threads(void)
{
    start_threads();
    let_threads_go();
}

static int in_little_memory(void)
{
    expect_memory = 1;
    run_threads(); /* leaves heaps to be adopted, which takes no memory */
    struct rlimit none = {1, 1};
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        start_threads();
        block_link *list = take_all(1024 * 1024, NULL);
        list = take_all(65536, list);
        list = take_all(1024, list);
        list = take_all(16, list);
        expect_memory = 0;
        let_threads_go();
        size_t given = 0;
        for (block_link *next; list != NULL; list = next) {
            next = list->next;
            given += rt.usable_size(list);
            rt.free(list);
            if (given >= 4 * GIVEN_BACK && expect_memory == 0) {
                void *block = rt.malloc(100); /* little was freed, and it serves */
                CHECK(block != NULL);
                rt.free(block);
                expect_memory = 1;
            }
        }
        run_threads();
    }
    return 0;
}

int main(int argc, char **argv)
{
    (void)argv;
    (void)api_is_roost();
    if (argc > 1)
        return in_little_memory();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("ROOST_ARENA_SIZE", "16m", 1);
        setenv("ROOST_STEWARD", "0", 1);
        execl("/proc/self/exe", "no_memory", "again", (char *)NULL);
        _exit(127);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

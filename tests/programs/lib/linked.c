/* A program of threads that pass blocks on and end, and a child process, on whichever allocator it was linked with; prints whether that
 * was roost. With -DWRAPPED its calls of malloc and free go through functions of its own (the linker's --wrap). Compiled by
 * ../linked.sh. SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 3000 };

int roost_owns(const void *address) __attribute__((weak));
static void *passed[THREADS][BLOCKS];
static pthread_barrier_t made;

#ifdef WRAPPED
static __thread unsigned long calls;
void *__real_malloc(size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    calls++;
    return __real_malloc(size);
}

void __wrap_free(void *block)
{
    calls++;
    __real_free(block);
}
#endif

static void *work(void *argument)
{
    size_t me = (size_t)argument;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = i % 100 == 0 ? 100000 : 1 + i * 37 % 3000;
        passed[me][i] = malloc(size);
        memset(passed[me][i], (int)me, size);
    }
    pthread_barrier_wait(&made);
    for (size_t i = 0; i < BLOCKS; i++)
        free(passed[(me + 1) % THREADS][i]);
#ifdef WRAPPED
    if (calls != 2 * BLOCKS)
        abort();
#endif
    return NULL;
}

static void run(void)
{
    pthread_t thread[THREADS];
    pthread_barrier_init(&made, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, work, (void *)i) != 0)
            abort();
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&made);
}

int main(void)
{
    run();
    pid_t child = fork();
    if (child == 0) {
        run();
        _exit(0);
    }
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0)
        abort();
    char *copy = strdup("copy");
    printf("%s\n", roost_owns != NULL && roost_owns(copy) != 0 ? "roost" : "other");
    free(copy);
    return 0;
}

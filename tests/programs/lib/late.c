/* A program on the system's allocator that loads libroost.so itself, lets threads use its roost_ names, and closes it
 * again, many times. Compiled by ../dlopen_roost.sh.
 *
 *   late LIBRARY ROUNDS main|threads|leave
 *
 * With "main" the main thread uses it too, and since it never ends the library stays loaded; with "threads" it is unloaded
 * each time; so it is with "leave", which each time leaves a block behind and reads it at the end. Prints resident and mapped memory after a tenth of the rounds and at the end, in KiB, and how often the
 * library was unloaded.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Another library that has roost inside may give the names. */
#ifndef MAKE
#define MAKE "roost_malloc"
#define END "roost_free"
#endif

enum { THREADS = 4, BLOCKS = 400 };

static void *(*allocate)(size_t);
static void (*release)(void *);
static void *shared[BLOCKS];
static pthread_barrier_t made;
static int leaves, *left_behind[1000];

static void die(const char *what)
{
    const char *why = dlerror();
    fprintf(stderr, "late: %s: %s\n", what, why != NULL ? why : "");
    exit(1);
}

static void memory(long *resident, long *mapped)
{
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", mapped, resident) != 2)
        die("statm");
    fclose(f);
    *resident *= sysconf(_SC_PAGESIZE) / 1024;
    *mapped *= sysconf(_SC_PAGESIZE) / 1024;
}

/* Each thread makes blocks; the first one also frees the shared ones. */
static void *use(void *first)
{
    void *own[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = i % 50 == 0 ? 100000 : 1 + i * 37 % 5000;
        own[i] = allocate(size);
        if (own[i] == NULL)
            die("roost_malloc");
        memset(own[i], 1, size);
    }
    pthread_barrier_wait(&made);
    for (unsigned i = 0; i < BLOCKS; i++)
        release(own[i]);
    for (unsigned i = 0; first != NULL && i < BLOCKS; i++) {
        if (i != 0 || !leaves)
            release(shared[i]);
    }
    return NULL;
}

static void *make_shared(void *unused)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        if ((shared[i] = allocate(200)) == NULL)
            die("roost_malloc");
    return unused;
}

static void load_use_close(const char *path, int by_main)
{
    pthread_t thread[THREADS];
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        die("dlopen");
    allocate = (void *(*)(size_t))dlsym(library, MAKE);
    release = (void (*)(void *))dlsym(library, END);
    if (allocate == NULL || release == NULL)
        die("dlsym");
    if (by_main)
        make_shared(NULL);
    else if (pthread_create(&thread[0], NULL, make_shared, NULL) != 0 || pthread_join(thread[0], NULL) != 0)
        die("pthread_create");
    pthread_barrier_init(&made, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, use, i == 0 ? shared : NULL) != 0)
            die("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&made);
    if (dlclose(library) != 0)
        die("dlclose");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int rounds = atoi(argv[2]), unloaded = 0;
    leaves = strcmp(argv[3], "leave") == 0;
    long early[2] = {0, 0}, late[2];
    for (int i = 0; i < rounds; i++) {
        load_use_close(argv[1], strcmp(argv[3], "main") == 0);
        if (leaves) {
            left_behind[i % 1000] = shared[0];
            *left_behind[i % 1000] = i;
        }
        unloaded += dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL;
        if (i == rounds / 10)
            memory(&early[0], &early[1]);
    }
    memory(&late[0], &late[1]);
    for (int i = 0; leaves && i < rounds && i < 1000; i++) {
        if (*left_behind[i] != i)
            die("what was left behind");
    }
    printf("%ld %ld %ld %ld %d\n", early[0], late[0], early[1], late[1], unloaded);
    return 0;
}

/* Loads and unloads a library many times, from the main thread and from others. Compiled by ../dlopen.sh.
 *
 *   host PLUGIN ROUNDS
 *
 * Prints what the process held resident after a tenth of the rounds and at the end, in KiB, and how often the library was
 * truly unloaded.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 500, THREADS = 2 };

static const char *plugin;
static void *shared[BLOCKS]; /* made by one thread, exchanged by another */

static void die(const char *what)
{
    const char *why = dlerror();
    fprintf(stderr, "host: %s: %s\n", what, why != NULL ? why : "");
    exit(1);
}

static long resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
        die("statm");
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void make(void **block)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = 1 + i * 31 % 2000;
        block[i] = malloc(size);
        memset(block[i], 3, size);
    }
}

static void *load_and_use(void *others)
{
    void *own[BLOCKS];
    void *library = dlopen(plugin, RTLD_NOW);
    if (library == NULL)
        die("dlopen");
    void (*exchange)(void **, unsigned) = (void (*)(void **, unsigned))dlsym(library, "plugin_exchange");
    void (*keep)(void *) = (void (*)(void *))dlsym(library, "plugin_keep");
    if (exchange == NULL || keep == NULL)
        die("dlsym");
    make(own);
    exchange(own, BLOCKS);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(own[i]);
    keep(malloc(700));
    if (others != NULL)
        exchange(shared, BLOCKS);
    if (dlclose(library) != 0)
        die("dlclose");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    plugin = argv[1];
    int rounds = atoi(argv[2]), unloaded = 0;
    long early = 0;
    make(shared);
    for (int i = 0; i < rounds; i++) {
        pthread_t thread[THREADS];
        for (int j = 0; j < THREADS; j++)
            if (pthread_create(&thread[j], NULL, load_and_use, j == 0 ? shared : NULL) != 0)
                die("pthread_create");
        for (int j = 0; j < THREADS; j++)
            pthread_join(thread[j], NULL);
        /* It was closed while its thread_local objects lived: the linker unloads it at the next occasion. */
        void *still = dlopen(plugin, RTLD_NOW | RTLD_NOLOAD);
        if (still != NULL)
            dlclose(still);
        unloaded += dlopen(plugin, RTLD_NOW | RTLD_NOLOAD) == NULL;
        if (i == rounds / 10)
            early = resident();
    }
    printf("%ld %ld %d\n", early, resident(), unloaded);
    return 0;
}

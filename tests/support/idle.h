/* A process of two threads with idle memory, for tests of what returns it: includes nothing of roost's, and looks from outside.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_IDLE_H
#define ROOST_TESTS_IDLE_H

#include "api.h"
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MIB = 1 << 20, IDLE = 32 * MIB, LIVE = 16 * MIB };

static sem_t idle_attached;

static inline void rest_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0) {
    }
}

static inline void *attach_and_sleep(void *unused)
{
    rt.free(rt.malloc(100));
    CHECK(sem_post(&idle_attached) == 0);
    for (;;)
        rest_ms(60000);
    return unused;
}

static inline char *make_idle(void)
{
    pthread_t thread;
    CHECK(sem_init(&idle_attached, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, attach_and_sleep, NULL) == 0);
    while (sem_wait(&idle_attached) != 0) {
    }
    CHECK(rt.malloc(LIVE) != NULL);
    char *block = rt.malloc(IDLE);
    CHECK(block != NULL);
    memset(block, 1, IDLE);
    rt.free(block);
    return block;
}

static inline size_t resident(char *block)
{
    static unsigned char present[IDLE / 4096];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), found = 0;
    CHECK(mincore(block, IDLE, present) == 0);
    for (size_t i = 0; i < IDLE / page; i++)
        found += present[i] & 1u;
    return found * page;
}

/* A little of it may be in use again. Bounded waiting for what another thread does by itself. */
static inline void goes_back(char *block)
{
    long passed = 0;
    for (; resident(block) >= MIB; passed += 10) {
        if (passed >= 30000)
            fprintf(stderr, "%zu KiB are resident\n", resident(block) / 1024);
        CHECK(passed < 30000);
        rest_ms(10);
    }
    printf("  gone after about %ld ms\n", passed);
}

/* The thread number of the steward, 0: there is none; and what a line of its status says, in the base that it is in. */
static inline long steward_says(const char *key, int base)
{
    char name[300], text[4096];
    long found = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (const struct dirent *e; found == 0 && (e = readdir(tasks)) != NULL;) {
        snprintf(name, sizeof name, "/proc/self/task/%s/status", e->d_name);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
        if (fd >= 0)
            close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *at = strstr(text, key);
        if (strstr(text, "Name:\troost-steward\n") != NULL && at != NULL)
            found = strtol(at + strlen(key), NULL, base);
    }
    closedir(tasks);
    return found;
}

static inline long steward_switches(void)
{
    return steward_says("\nvoluntary_ctxt_switches:", 10);
}

#endif

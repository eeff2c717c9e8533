/* The system refuses: the nth call of mmap, mprotect, madvise, mremap or munmap, alone or with all that follow, by ENOMEM or EPERM, from the
 * process's first call on. Each in a process of its own, whose calls are this program's: what malloc then answers is a whole block or NULL
 * with ENOMEM, no block is damaged, and once the system gives again the same work succeeds and takes no more address space each time. ROOST_TEST_ONE_PROCESSOR
 * SPDX-License-Identifier: MIT */
#include "../support/check.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SMALL = 1500, LARGE = 8, VECTOR_MOST = 3 << 20, NOT_HIT = 100, NTH_MOST = 400 };

/* --- the system's calls, as the allocator has them --- */

static const char *const kinds[] = {"mmap", "mprotect", "madvise", "mremap", "munmap"};
enum { MMAP, MPROTECT, MADVISE, MREMAP, MUNMAP, KINDS };

static int refused_kind = -1, refused_error;
static long calls_to_go, calls_to_refuse, refusals;

/* "KIND,NTH,TIMES,ERROR"; before main, so without libc's help. */
static void read_order(void)
{
    const char *order = getenv("TEST_REFUSE");
    long number[4] = {-1, 0, 0, 0};
    for (int i = 0; order != NULL && i < 4; i++) {
        char *end;
        number[i] = strtol(order, &end, 10);
        order = *end == ',' ? end + 1 : NULL;
    }
    refused_kind = (int)number[0];
    calls_to_go = number[1] - 1;
    calls_to_refuse = number[2];
    refused_error = (int)number[3];
}

static bool refuse(int kind)
{
    static bool known;
    if (!known)
        read_order();
    known = true;
    if (kind != refused_kind || calls_to_refuse == 0 || calls_to_go-- > 0)
        return false;
    calls_to_refuse--;
    refusals++;
    errno = refused_error;
    return true;
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return refuse(MMAP) ? MAP_FAILED : (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

int mprotect(void *address, size_t size, int protection)
{
    return refuse(MPROTECT) ? -1 : (int)syscall(SYS_mprotect, address, size, protection);
}

int madvise(void *address, size_t size, int advice)
{
    return refuse(MADVISE) ? -1 : (int)syscall(SYS_madvise, address, size, advice);
}

int munmap(void *address, size_t size)
{
    return refuse(MUNMAP) ? -1 : (int)syscall(SYS_munmap, address, size);
}

void *mremap(void *address, size_t old_size, size_t new_size, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    void *target = (flags & MREMAP_FIXED) != 0 ? va_arg(more, void *) : NULL;
    va_end(more);
    return refuse(MREMAP) ? MAP_FAILED : (void *)syscall(SYS_mremap, address, old_size, new_size, flags, target);
}

/* --- the work --- */

static unsigned missed; /* answers of NULL */
static unsigned char *block[SMALL + LARGE];
static size_t size_of[SMALL + LARGE];

static void *checked(void *answer)
{
    if (answer == NULL) {
        missed++;
        CHECK(errno == ENOMEM);
    }
    errno = 0;
    return answer;
}

static void take(int i, void *answer, size_t size)
{
    block[i] = checked(answer);
    size_of[i] = size;
    if (answer != NULL) {
        CHECK(malloc_usable_size(answer) >= size);
        memset(answer, i & 0x7f, size);
    }
}

static void give(int i)
{
    for (size_t at = 0; block[i] != NULL && at < size_of[i]; at += size_of[i] < 4096 ? 1 : 997)
        CHECK(block[i][at] == (i & 0x7f));
    free(block[i]);
}

/* Grown step by step, which moves page tables where they can be moved. */
static void grow_vector(void)
{
    size_t size = 70000;
    unsigned char *vector = checked(calloc(size, 1));
    void *behind[32] = {NULL};
    for (int step = 0; vector != NULL && size < VECTOR_MOST; step++) {
        behind[step] = checked(malloc(size)); /* in its way */
        size_t more = size + size / 2;
        unsigned char *grown = checked(realloc(vector, more));
        if (grown == NULL)
            break;
        vector = grown;
        for (size_t at = 0; at < size; at += 4096)
            CHECK(vector[at] == (at >= 70000 ? 1 : 0));
        memset(vector + size, 1, more - size);
        size = more;
    }
    free(vector);
    for (int i = 0; i < 32; i++)
        free(behind[i]);
}

/* Returns how many answers were NULL. */
static unsigned work(void)
{
    missed = 0;
    for (int i = 0; i < SMALL; i++) {
        size_t size = 16 + (size_t)i * 7919 % 9000;
        take(i, malloc(size), size);
    }
    for (int i = SMALL; i < SMALL + LARGE; i++) {
        size_t size = (size_t)(i - SMALL + 1) * 150000;
        void *answer = i % 3 == 0 ? aligned_alloc((size_t)4 << 20, size) : calloc(1, size);
        CHECK(i % 3 == 0 || answer == NULL || ((char *)answer)[size - 1] == 0);
        take(i, answer, size);
    }
    grow_vector();
    for (int i = 0; i < SMALL + LARGE; i++)
        give(i);
    errno = 0;
    malloc_trim(0);
    return missed;
}

static unsigned long address_space(void)
{
    static char text[4096];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/statm", O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strtoul(text, NULL, 10);
}

static int in_this_process(void)
{
    work();
    bool hit = refusals != 0;
    calls_to_refuse = 0;
    CHECK(work() == 0);
    unsigned long before = address_space();
    for (int i = 0; i < 2; i++)
        CHECK(work() == 0);
    CHECK(address_space() <= before);
    return hit ? 0 : NOT_HIT;
}

/* --- all of them --- */

static int start_again(char *program, int kind, long nth, long times, int error)
{
    char order[64], name[] = "child";
    int status = -1;
    char *arguments[] = {program, name, NULL};
    snprintf(order, sizeof order, "%d,%ld,%ld,%d", kind, nth, times, error);
    CHECK(setenv("TEST_REFUSE", order, 1) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execv("/proc/self/exe", arguments);
        _exit(126);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_HIT))
        return WEXITSTATUS(status);
    fprintf(stderr, "%s refused %ld times from call %ld on with error %d: status %#x\n", kinds[kind], times, nth, error,
            (unsigned)status);
    exit(1);
}

/* One call refused, all from one on, and the same as a sandbox does it. Returns how many processes met a refusal. */
static long try_kind(char *program, int kind, long step)
{
    static const struct {
        long times;
        int error;
    } modes[] = {{1, ENOMEM}, {1000000, ENOMEM}, {1000000, EPERM}};
    long tried = 0;
    for (int mode = 0; mode < 3; mode++) {
        /* The first calls one by one, then fewer and fewer of them. */
        for (long nth = 1; nth <= NTH_MOST; nth += 1 + nth * step / 2, tried++) {
            if (start_again(program, kind, nth, modes[mode].times, modes[mode].error) == NOT_HIT)
                break;
        }
    }
    return tried;
}

/* test_mt_refused --all: every call. */
int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc > 1 && !all)
        return in_this_process();
    for (int kind = 0; kind < KINDS; kind++) {
        long tried = try_kind(argv[0], kind, all ? 0 : 1);
        printf("%s: %ld processes\n", kinds[kind], tried);
        CHECK(tried > 0);
    }
    return 0;
}

/* Misuse of pointers: each case in a process of its own, which first writes what roost must say of it, then does it. The default build
 * ends it by abort() after exactly that line; with bad_pointer=0 it goes on, and no block is handed out twice.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/cmocka_api.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#ifndef _WIN32
#include <sys/resource.h>
#include <sys/wait.h>
#else
#include "../support/windows/again.h"

#include <fcntl.h>
#include <io.h>
#endif
#include <unistd.h>

enum { SMALL = 64, MANY = 6000, LATE = 100000, LARGE = 300000, LINE = 1024 };

/* --- in the process that errs ------------------------------------------------------------------------------------------------------ */

#ifdef __MINGW_PRINTF_FORMAT
#define FORMAT __MINGW_PRINTF_FORMAT
#else
#define FORMAT printf
#endif

static void expect(const char *format, ...) __attribute__((format(FORMAT, 1, 2)));

static void expect(const char *format, ...)
{
    char line[LINE] = "roost: ";
    va_list args;
    va_start(args, format);
    vsnprintf(line + 7, sizeof line - 8, format, args);
    va_end(args);
#ifdef _WIN32
    addresses_as_elsewhere(line);
#endif
    strcat(line, "\n");
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(3);
}

/* Take blocks until something is found, or more than the page had. What is handed out twice ends the process. */
static void take_many(size_t size)
{
    static void *taken[MANY];
    for (int i = 0; i < MANY; i++) {
        taken[i] = rt.malloc(size);
        memset(taken[i], 0x5a, size);
        *(int *)taken[i] = i;
    }
    for (int i = 0; i < MANY; i++) {
        if (*(int *)taken[i] != i)
            _exit(4);
    }
}

static char *page_of(char *block)
{
    return (char *)((uintptr_t)block & ~(uintptr_t)65535);
}

static void expect_freed_already(char *block, unsigned size)
{
    expect("free(%p): the block was freed already (page of %u-byte blocks at %p)", (void *)block, size,
           (void *)page_of(block));
}

/* What Linux alone knows of a place; and under whose names on Windows a block that is not roost's goes to the C library. */
#ifndef _WIN32
#define ON_STACK ": it lies in [stack]"
#else
#define ON_STACK ""
#endif
#if defined _WIN32 && !defined ROOST_TEST_API_ONLY
#define FOREIGN_GOES_ON 1
#else
#define FOREIGN_GOES_ON 0
#endif

static void null_page(void)
{
    expect("free(0x10): not a block of roost's: nothing is mapped there");
    rt.free((void *)16);
}

static void stack(void)
{
    char local[64];
    expect("free(%p): not a block of roost's" ON_STACK, (void *)local);
    rt.free(local);
}

#ifndef _WIN32
static void static_object(void)
{
    static int object = 7;
    char path[LINE] = "";
    if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0)
        _exit(3);
    expect("free(%p): not a block of roost's: it lies in %.100s", (void *)&object, path);
    rt.free(&object);
}
#endif

static void other_mapping(void)
{
    void *memory = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect("free(%p): not a block of roost's", memory);
    rt.free(memory);
}

static void realloc_foreign(void)
{
    char local[64];
    expect("realloc(%p): not a block of roost's" ON_STACK, (void *)local);
    if (rt.realloc(local, 1000) != NULL)
        _exit(5);
}

static void usable_size_foreign(void)
{
    char local[64];
    expect("malloc_usable_size(%p): not a block of roost's" ON_STACK, (void *)local);
    if (rt.usable_size(local) != 0)
        _exit(5);
}

static void inside_large(const char *function, size_t offset)
{
    char *block = rt.malloc(LARGE);
    expect("%s(%p): points %zu bytes into the large block of %zu bytes at %p", function, (void *)(block + offset),
           offset, rt.usable_size(block), (void *)block);
    if (strcmp(function, "free") == 0)
        rt.free(block + offset);
    else if (rt.realloc(block + offset, LARGE) != NULL)
        _exit(5);
    rt.free(block);
}

static void large_interior(void)
{
    inside_large("free", 4096);
}

static void large_interior_far(void)
{
    inside_large("free", 200000);
}

static void large_misaligned(void)
{
    inside_large("free", 1);
}

static void realloc_large_interior(void)
{
    inside_large("realloc", 65536 + 16);
}

static void large_twice(void)
{
    char *block = rt.malloc(LARGE);
    rt.free(block);
    expect("free(%p): not a block that is in use: freed already, or never allocated", (void *)block);
    rt.free(block);
}

static void realloc_large_freed(void)
{
    char *block = rt.malloc(LARGE);
    rt.free(block);
    expect("realloc(%p): not a block that is in use: freed already, or never allocated", (void *)block);
    if (rt.realloc(block, 2 * LARGE) != NULL)
        _exit(5);
}

static void realloc_interior(void)
{
    char *block = rt.malloc(SMALL);
    expect("realloc(%p): points 16 bytes into the block of 64 bytes at %p", (void *)(block + 16), (void *)block);
    if (rt.realloc(block + 16, 1000) != NULL)
        _exit(5);
}

/* Of the blocks of a page of four slices, one that lies in a later slice. */
static void medium_interior(void)
{
    char *block = NULL;
    for (int i = 0; i < 3; i++)
        block = rt.malloc(40960);
    expect("free(%p): points 48 bytes into the block of 40960 bytes at %p", (void *)(block + 48), (void *)block);
    rt.free(block + 48);
}

static void *free_it(void *block)
{
    rt.free(block);
    rt.thread_flush();
    return NULL;
}

static void in_thread(void *block)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, block) != 0 || pthread_join(thread, NULL) != 0)
        _exit(3);
}

static void other_threads_interior(void)
{
    char *block = rt.malloc(SMALL);
    expect("free(%p): points 8 bytes into the block of 64 bytes at %p", (void *)(block + 8), (void *)block);
    in_thread(block + 8);
}

static void twice_by_threads(void)
{
    char *block = rt.malloc(SMALL);
    expect("free(%p): the block was freed twice, by threads that do not own it (page of 64-byte blocks at %p)",
           (void *)block, (void *)page_of(block));
    in_thread(block);
    in_thread(block);
    take_many(SMALL);
}

/* --- found when the blocks are to be used again --- */

/* A block of SMALL bytes, freed; then `between` others; then it again. */
static void free_twice(int between)
{
    char *block[16];
    for (int i = 0; i <= between; i++)
        block[i] = rt.malloc(SMALL);
    rt.free(block[0]);
    for (int i = 1; i <= between; i++)
        rt.free(block[i]);
    expect_freed_already(block[0], SMALL);
    rt.free(block[0]);
    take_many(SMALL);
}

static void twice(void)
{
    free_twice(0);
}

static void twice_with_one_between(void)
{
    free_twice(1);
}

static void twice_with_many_between(void)
{
    free_twice(15);
}

/* In a program that runs for long, only the simplest are found each time. */
static void run_for_long(void)
{
    for (int i = 0; i < LATE; i++)
        rt.free(rt.malloc(SMALL));
}

static void twice_late(void)
{
    run_for_long();
    free_twice(0);
}

static void twice_late_with_one_between(void)
{
    run_for_long();
    free_twice(1);
}

static void interior(void)
{
    char *block = rt.malloc(SMALL);
    expect("free(%p): points 24 bytes into the block of 64 bytes at %p", (void *)(block + 24), (void *)block);
    rt.free(block + 24);
    take_many(SMALL);
}

static void never_allocated(void)
{
    char *block = rt.malloc(8192);
    expect("free(%p): the block was never allocated (page of 8192-byte blocks at %p)", (void *)(block + 16384),
           (void *)page_of(block));
    rt.free(block + 16384);
    take_many(8192);
}

static void written_after_free(void)
{
    char *block = rt.malloc(SMALL);
    rt.free(block);
    expect("free block %p of 64 bytes was written to: its link reads 0x4141414141414141", (void *)block);
    memset(block, 'A', SMALL);
    take_many(SMALL);
}

/* Found when blocks of another class are asked for, while the heap is young. */
static void twice_in_another_class(void)
{
    char *block = rt.malloc(SMALL);
    rt.free(block);
    expect_freed_already(block, SMALL);
    rt.free(block);
    rt.free(rt.malloc(1000));
    take_many(SMALL);
}

/* It is in the list of blocks that are ready, and then also among those that came back. */
static void twice_while_ready(void)
{
    char *block = rt.malloc(1000);
    rt.free(block);
    char *other = rt.malloc(1000); /* the list ran empty: a new one, with the old one behind it */
    expect_freed_already(block, 1024);
    if (other == block)
        _exit(3);
    rt.free(block);
    rt.free(rt.malloc(SMALL));
    take_many(1000);
}

static void write_into_ready(void)
{
    char *block = rt.malloc(SMALL);
    expect("free block %p of 64 bytes was written to: its link reads 0x4242424242424242", (void *)(block + SMALL));
    memset(block, 'B', SMALL + 8);
    rt.free(rt.malloc(1000));
    take_many(SMALL);
}

/* --- memory that was never handed out ---- */

static void write_beyond(void)
{
    char *block = rt.malloc(5120);
    expect("%p was written to and is in no block: 20 bytes beyond the end of the block of 5120 bytes at %p",
           (void *)(block + 5140), (void *)block);
    block[5140] = 1;
    take_many(5120);
}

/* The page before is another class's, and not carved to its end. */
static void write_before(void)
{
    char *other = rt.malloc(320), *block = rt.malloc(3000);
    if (page_of(block) != page_of(other) + 65536 || page_of(block) != block)
        _exit(3);
    expect("%p was written to and is in no block: 2 bytes before the memory at %p", (void *)(block - 2), (void *)block);
    block[-2] = 1;
    rt.free(rt.malloc(1500));
    take_many(320);
}

static void write_beyond_large(void)
{
    char *block = rt.malloc(131072);
    expect("%p was written to and is in no block: 0 bytes beyond the end of the large block of 131072 bytes at %p",
           (void *)(block + 131072), (void *)block);
    block[131072] = 1;
    rt.free(block);
    char *zeroed = rt.calloc(1, 262144);
    if (zeroed[131072] != 0)
        _exit(6);
}

static void write_before_large(void)
{
    char *block = rt.aligned_alloc(1048576, 131072);
    expect("%p was written to and is in no block: 1 bytes before the memory at %p", (void *)(block - 1), (void *)block);
    block[-1] = 1;
    rt.free(block);
}

static void write_after_free_large(void)
{
    char *block = rt.malloc(LARGE);
    expect("the large block of %zu bytes at %p was written to after it was freed", rt.usable_size(block),
           (void *)block);
    rt.free(block);
    block[9] ^= 1;
    if (rt.malloc(LARGE) != block)
        _exit(3);
}

/* Freed twice, it makes up for one that is still in use: the page seems empty. */
static void page_not_empty(void)
{
    char *block[64];
    for (int i = 0; i < 32; i++)
        block[i] = rt.malloc(8192);
    char *page = page_of(block[8]);
    for (int i = 0; i < 32; i++) {
        if (page_of(block[i]) == page && block[i] != block[8] && block[i] != block[9])
            rt.free(block[i]);
    }
    rt.free(block[8]);
    expect_freed_already(block[8], 8192);
    rt.free(block[8]);
    take_many(8192);
    *(volatile char *)block[9] = 1;
}

/* --- the judge ---------------------------------------------------------------------------------------------------------------------- */

typedef struct misuse {
    const char *name;
    void (*err)(void);
    int threads, foreign;
} misuse;

#define MISUSE(name) \
    { \
#name, name, 0, 0 \
    }
#define MISUSE_THREADS(name) \
    { \
#name, name, 1, 0 \
    }
#define MISUSE_FOREIGN(name) \
    { \
#name, name, 0, 1 \
    }

static const misuse cases[] = {
    MISUSE_FOREIGN(null_page),
    MISUSE_FOREIGN(stack),
#ifndef _WIN32
    MISUSE(static_object),
#endif
    MISUSE_FOREIGN(other_mapping),
    MISUSE_FOREIGN(realloc_foreign),
    MISUSE_FOREIGN(usable_size_foreign),
    MISUSE(large_interior),
    MISUSE(large_interior_far),
    MISUSE(large_misaligned),
    MISUSE(realloc_large_interior),
    MISUSE(large_twice),
    MISUSE(realloc_large_freed),
    MISUSE(realloc_interior),
    MISUSE(medium_interior),
    MISUSE_THREADS(other_threads_interior),
    MISUSE_THREADS(twice_by_threads),
    MISUSE(twice),
    MISUSE(twice_with_one_between),
    MISUSE(twice_with_many_between),
    MISUSE(twice_late),
    MISUSE(twice_late_with_one_between),
    MISUSE(interior),
    MISUSE(never_allocated),
    MISUSE(written_after_free),
    MISUSE(twice_in_another_class),
    MISUSE(twice_while_ready),
    MISUSE(write_into_ready),
    MISUSE(write_beyond),
    MISUSE(write_before),
    MISUSE(write_beyond_large),
    MISUSE(write_before_large),
    MISUSE(write_after_free_large),
    MISUSE(page_not_empty),
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* Run this program again to do one case; what it wrote to both outputs. Returns its status. */
#ifdef _WIN32
#define WIFSIGNALED(status) ((status) == 3) /* by abort */
#define WTERMSIG(status) ((void)(status), SIGABRT)
#define WIFEXITED(status) ((status) != 3)
#define WEXITSTATUS(status) (status)

static int run_case(const char *name, const char *option, char *out, char *err)
{
    char setting[32];
    snprintf(setting, sizeof setting, "ROOST_BAD_POINTER=%s", option);
    _putenv(setting);
    return run_again(name, out, err, LINE);
}
#else
static int run_case(const char *name, const char *option, char *out, char *err)
{
    int pipes[2][2];
    assert_int_equal(pipe(pipes[0]), 0);
    assert_int_equal(pipe(pipes[1]), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(pipes[0][1], STDOUT_FILENO);
        dup2(pipes[1][1], STDERR_FILENO);
        setenv("ROOST_BAD_POINTER", option, 1);
        execl("/proc/self/exe", "misuse", name, (char *)NULL);
        _exit(127);
    }
    char *text[2] = {out, err};
    for (int i = 0; i < 2; i++) {
        size_t used = 0;
        close(pipes[i][1]);
        for (ssize_t n; used < LINE - 1 && (n = read(pipes[i][0], text[i] + used, LINE - 1 - used)) > 0;)
            used += (size_t)n;
        text[i][used] = '\0';
        close(pipes[i][0]);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}
#endif

static int left_out(const misuse *what)
{
    return (what->threads && TEST_SANITIZED) || /* a race, which ThreadSanitizer would find first */
           (what->foreign && FOREIGN_GOES_ON);
}

static void each_is_reported_and_ends(void **state)
{
    (void)state;
    char out[LINE], err[LINE];
    for (int i = 0; i < CASES; i++) {
        if (left_out(&cases[i]))
            continue;
        int status = run_case(cases[i].name, "1", out, err);
        print_message("%s: %s", cases[i].name, err);
        assert_string_equal(err, out);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

static void each_is_reported_and_goes_on(void **state)
{
    (void)state;
    char out[LINE], err[LINE];
    for (int i = 0; i < CASES; i++) {
        if (left_out(&cases[i]))
            continue;
        int status = run_case(cases[i].name, "0", out, err);
        assert_string_equal(err, out);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2) {
#ifdef _WIN32
        _setmode(STDOUT_FILENO, _O_BINARY);
#endif
        for (int i = 0; i < CASES; i++) {
            if (strcmp(argv[1], cases[i].name) == 0) {
                cases[i].err();
                return 0;
            }
        }
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_reported_and_ends),
        cmocka_unit_test(each_is_reported_and_goes_on),
    };
    (void)api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Explicit huge pages, as far as the system has them: what there is holds blocks, what there is not is said in one line, and the program runs.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 *   echo 32 >/proc/sys/vm/nr_hugepages      as root, before it: then it finds some
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include <roost/roost.h>
#include <roost/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define WANTED (64 * MIB)

static size_t free_in_system(void)
{
    char line[256];
    size_t pages = 0, kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "HugePages_Free: %zu", &pages) != 1)
            sscanf(line, "Hugepagesize: %zu kB", &kib);
    }
    fclose(file);
    return kib == 2048 ? pages * 2 * MIB : 0;
}

/* In a process that was started with the option. Exit code 0: all is well. */
static int with_option(void)
{
    enum { BLOCKS = 2000 };
    static char *block[BLOCKS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = (size_t)(i + 1) * 40;
            block[i] = i % 2 != 0 ? roost_malloc(size) : roost_calloc(1, size);
            if (block[i] == NULL || (i % 2 == 0 && (block[i][0] != 0 || memcmp(block[i], block[i] + 1, size - 1) != 0)))
                return 1;
            memset(block[i], 1, size);
        }
        char *large = roost_malloc(3 * MIB);
        large = large != NULL ? roost_realloc(large, 9 * MIB) : NULL;
        if (large == NULL)
            return 2;
        roost_free(large);
        for (int i = 0; i < BLOCKS; i++)
            roost_free(block[i]);
        roost_purge(0, NULL);
    }
    roost_stats stats = ROOST_STATS_INIT;
    if (roost_stats_read(&stats) != 0)
        return 3;
    printf("%llu", (unsigned long long)stats.pinned);
    return fflush(stdout) == 0 ? 0 : 4;
}

/* Returns what it printed: bytes that are pinned. What it said to standard error comes to `said`. */
static size_t run(const char *page, char *said, size_t size)
{
    int out[2], err[2], status;
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        setenv("ROOST_EXPLICIT_HUGE", "64m", 1);
        setenv("ROOST_EXPLICIT_HUGE_PAGE", page, 1);
        execl("/proc/self/exe", "explicit_huge", "child", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    char text[64] = "";
    assert_true(read(out[0], text, sizeof text - 1) >= 0);
    ssize_t length = read(err[0], said, size - 1);
    said[length > 0 ? length : 0] = '\0';
    close(out[0]);
    close(err[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return strtoull(text, NULL, 10);
}

static void as_many_as_there_are(void **state)
{
    (void)state;
    char said[1024];
    size_t there = free_in_system();
    size_t pinned = run("2m", said, sizeof said);
    print_message("%zu MiB are free, %zu MiB pinned. %s\n", there / MIB, pinned / MIB, said);
    assert_true(pinned <= WANTED);
    if (pinned < WANTED) {
        assert_non_null(strstr(said, "explicit_huge: "));
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
    } else {
        assert_string_equal(said, "");
    }
    if (there == 0)
        assert_int_equal(pinned, 0);
    if (there >= WANTED && there == free_in_system()) /* else others take them */
        assert_int_equal(pinned, WANTED);
}

static void of_a_size_that_hardly_any_has(void **state)
{
    (void)state;
    char said[1024];
    size_t pinned = run("1g", said, sizeof said);
    assert_true(pinned == 0 || pinned >= 1024 * MIB);
    if (pinned == 0)
        assert_non_null(strstr(said, "explicit_huge: 0 of 64 MiB are had in pages of 1024 MiB: "));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return with_option();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_there_are),
        cmocka_unit_test(of_a_size_that_hardly_any_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

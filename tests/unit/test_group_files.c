/* What control groups' files say of limits, read from trees that the test makes: both versions, groups within groups, containers,
 * what is absent or is nonsense, and changes while running.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* one include per block: cmocka must come last */

#include <cmocka.h>

#include "os/os.h"
#include "os/os_unix.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return root[0] != '\0' ? nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

static int begin(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/roost_groups_XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    rst_unix_root = root;
    return 0;
}

/* A file with its directories, and what tells that the last of them is a group's. */
static void put(const char *path, const char *text)
{
    char full[256];
    const char *memory = strstr(path, "/memory.");
    if (memory != NULL) {
        snprintf(full, sizeof full, "%.*s/cgroup.procs", (int)(memory - path), path);
        put(full, "");
    }
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void put_number(const char *path, size_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%zu\n", number);
    put(path, text);
}

/* Looks until the group has been looked for again, and once more. */
static void expect(size_t limit, size_t room)
{
    rst_os_memory memory = {.least = 0};
    for (int i = 0; i < 70; i++)
        memory = rst_os_memory_left();
    assert_int_equal(memory.limit, limit);
    assert_int_equal(memory.room, room);
    assert_true(memory.least <= limit);
    assert_true(memory.least <= rst_os_physical_memory());
}

#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/memory"

static void nothing_there_is_no_limit(void **state)
{
    (void)state;
    expect(SIZE_MAX, SIZE_MAX);
    put("/proc/self/cgroup", "");
    expect(SIZE_MAX, SIZE_MAX);
    put("/proc/self/cgroup", "0::/gone\n");
    expect(SIZE_MAX, SIZE_MAX);
    put("/proc/self/cgroup", "0:\n::\n\n:memory\n0::");
    expect(SIZE_MAX, SIZE_MAX);
}

static void version_2_has_two_limits(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b\n");
    put_number(V2 "/a/b/memory.current", 40 << 20);
    expect(SIZE_MAX, SIZE_MAX);
    put(V2 "/a/b/memory.max", "max\n");
    put(V2 "/a/b/memory.high", "max\n");
    expect(SIZE_MAX, SIZE_MAX);
    put_number(V2 "/a/b/memory.max", 100 << 20);
    expect(100 << 20, 60 << 20);
    put_number(V2 "/a/b/memory.high", 90 << 20);
    expect(90 << 20, 50 << 20);
    put(V2 "/a/b/memory.max", "max\n");
    expect(90 << 20, 50 << 20);
    put_number(V2 "/a/b/memory.current", 95 << 20); /* above: there is no room, and none less than that */
    expect(90 << 20, 0);
}

static void groups_above_limit_too(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put(V2 "/a/b/c/cgroup.procs", ""); /* the controller is not with this one */
    put_number(V2 "/a/b/memory.max", 100 << 20);
    put_number(V2 "/a/b/memory.current", 10 << 20);
    expect(100 << 20, 90 << 20);
    put_number(V2 "/a/memory.max", 1 << 30);
    put_number(V2 "/a/memory.current", 1000 << 20); /* others have nearly all of it */
    expect(1 << 30, 24 << 20);
    put_number(V2 "/a/memory.current", 100 << 20);
    put_number(V2 "/memory.max", 500 << 20); /* the root of a container's name space */
    put_number(V2 "/memory.current", 450 << 20);
    expect(500 << 20, 50 << 20);
}

static void droppable_page_cache_is_room(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a\n");
    put_number(V2 "/a/memory.max", 100 << 20);
    put_number(V2 "/a/memory.current", 98 << 20);
    put(V2 "/a/memory.stat", "anon 1\nfile 70000000\ninactive_anon 7\ninactive_file 62914560\nactive_file 7\n");
    expect(100 << 20, 62 << 20);
    put(V2 "/a/memory.stat", "anon 1\ninactive_file 999999999999\n");
    expect(100 << 20, 100 << 20);
    put(V2 "/a/memory.stat", "anon 1\n");
    expect(100 << 20, 2 << 20);
}

static void version_1_has_one(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "11:cpu,cpuacct:/x\n7:memory:/s/t\n1:name=systemd:/memory\n0::/\n");
    put(V1 "/s/t/memory.limit_in_bytes", "9223372036854771712\n");
    put_number(V1 "/s/t/memory.usage_in_bytes", 10 << 20);
    expect(SIZE_MAX, SIZE_MAX);
    put_number(V1 "/s/t/memory.limit_in_bytes", 300 << 20);
    expect(300 << 20, 290 << 20);
    put_number(V1 "/s/memory.limit_in_bytes", 200 << 20);
    put_number(V1 "/s/memory.usage_in_bytes", 180 << 20);
    put(V1 "/s/memory.stat", "inactive_file 1\ntotal_cache 5\ntotal_inactive_file 10485760\n");
    expect(200 << 20, 30 << 20);
    put("/proc/self/cgroup", "3:memory,hugetlb:/s\n");
    expect(200 << 20, 30 << 20);
}

/* The file tells the path on the host; the mount shows the container's own group. */
static void in_a_container_the_path_may_be_the_hosts(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "4:memory:/docker/0123456789abcdef\n");
    put_number(V1 "/memory.limit_in_bytes", 64 << 20);
    put_number(V1 "/memory.usage_in_bytes", 4 << 20);
    expect(64 << 20, 60 << 20);
    put("/proc/self/cgroup", "4:memory:/docker/0123456789abcdef/inner\n");
    put_number(V1 "/inner/memory.limit_in_bytes", 32 << 20);
    put_number(V1 "/inner/memory.usage_in_bytes", 4 << 20);
    expect(32 << 20, 28 << 20);
}

static void both_versions_side_by_side(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "4:memory:/a\n0::/b\n");
    put("/sys/fs/cgroup/unified/b/cgroup.procs", "");
    put_number(V1 "/a/memory.limit_in_bytes", 64 << 20);
    put_number(V1 "/a/memory.usage_in_bytes", 4 << 20);
    expect(64 << 20, 60 << 20);
    put("/proc/self/cgroup", "0::/b\n");
    put_number("/sys/fs/cgroup/unified/b/memory.max", 50 << 20);
    put_number("/sys/fs/cgroup/unified/b/memory.current", 4 << 20);
    expect(50 << 20, 46 << 20);
    assert_null(rst_unix_group_directory()); /* it is the root of all, for what it tells */
    put("/sys/fs/cgroup/unified/b/cgroup.type", "domain\n");
    char directory[128];
    snprintf(directory, sizeof directory, "%s/sys/fs/cgroup/unified/b", root);
    assert_string_equal(rst_unix_group_directory(), directory);
}

static void nonsense_is_no_limit(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a\n");
    put(V2 "/a/memory.max", "lots\n");
    put(V2 "/a/memory.high", "");
    put_number(V2 "/a/memory.current", 4 << 20);
    expect(SIZE_MAX, SIZE_MAX);
    put_number(V2 "/a/memory.max", 50 << 20);
    put(V2 "/a/memory.current", "");
    expect(SIZE_MAX, SIZE_MAX);
    char line[2048];
    memset(line, 'x', sizeof line);
    memcpy(line, "0::/", 4);
    snprintf(line + sizeof line - 2, 2, "\n");
    put("/proc/self/cgroup", line); /* too long to look for */
    expect(SIZE_MAX, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_there_is_no_limit, begin, end),
        cmocka_unit_test_setup_teardown(version_2_has_two_limits, begin, end),
        cmocka_unit_test_setup_teardown(groups_above_limit_too, begin, end),
        cmocka_unit_test_setup_teardown(droppable_page_cache_is_room, begin, end),
        cmocka_unit_test_setup_teardown(version_1_has_one, begin, end),
        cmocka_unit_test_setup_teardown(in_a_container_the_path_may_be_the_hosts, begin, end),
        cmocka_unit_test_setup_teardown(both_versions_side_by_side, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_no_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The figures beside what the kernel tells of the same memory in /proc/self/smaps, as docs/stats.md says.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "cmocka_api.h"

#include <roost/stats.h>
#include <roost/walk.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "../support/blocks.h"

enum { BLOCKS = 60000, SEGMENT = 2 << 20, LAZY_PAGES = 256 };

static char *block[BLOCKS];

/* Sums of the mappings in a range. */
typedef struct sums {
    uintptr_t from, to;
    size_t writable, resident, huge;
} sums;

/* What a line of smaps says, of a mapping that lies in the range. */
static void add_line(sums *s, const char *line, bool writable)
{
    size_t kib;
    if (sscanf(line, "Size: %zu kB", &kib) == 1)
        s->writable += writable ? kib * KIB : 0;
    else if (sscanf(line, "Rss: %zu kB", &kib) == 1)
        s->resident += kib * KIB;
    else if (sscanf(line, "AnonHugePages: %zu kB", &kib) == 1)
        s->huge += kib * KIB;
}

static bool read_smaps(sums *s)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    if (file == NULL)
        return false;
    char line[512], rights[8];
    uintptr_t from, to;
    bool inside = false, writable = false;
    s->writable = s->resident = s->huge = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%zx-%zx %7s", &from, &to, rights) == 3) {
            inside = from >= s->from && to <= s->to;
            writable = rights[1] == 'w';
        } else if (inside) {
            add_line(s, line, writable);
        }
    }
    fclose(file);
    return true;
}

static roost_stats now(void)
{
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    return s;
}

static int lowest(const roost_page *page, const roost_block *unused, void *out)
{
    (void)unused;
    *(uintptr_t *)out = (uintptr_t)page->memory;
    return ROOST_WALK_STOP;
}

/* Where the one arena begins: slices are handed out from the lowest on. Called when the first page is there. */
static uintptr_t base(void)
{
    static uintptr_t found;
    if (found == 0)
        assert_int_equal(roost_heap_walk(ROOST_WALK_ALL, lowest, &found), 1);
    assert_int_equal(now().arenas, 1);
    return found / SEGMENT * SEGMENT;
}

static bool read_arena(sums *s)
{
    s->from = base();
    s->to = s->from + now().committed;
    return read_smaps(s);
}

static void check(bool touched)
{
    sums s;
    if (!read_arena(&s))
        skip();
    roost_stats told = now();
    assert_int_equal(s.writable, told.committed);
    assert_true(s.resident <= told.footprint + s.huge);
    if (touched) /* the blocks are, but not all that is left at the ends of their pages */
        assert_true(s.resident >= told.allocated - told.undrained_bytes);
}

static void committed_and_footprint_are_what_the_kernel_has(void **state)
{
    (void)state;
    block[0] = roost_malloc(16);
    base();
    roost_free(block[0]);
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = 16 + (size_t)i * 37 % 1500;
        assert_non_null(block[i] = roost_malloc(size));
        memset(block[i], 1, roost_usable_size(block[i]));
    }
    char *large = roost_malloc(5 * MIB), *untouched = roost_malloc(64 * MIB);
    assert_non_null(large);
    memset(large, 1, 5 * MIB);
    check(false);
    roost_free(untouched);
    check(true);
    for (int i = 0; i < BLOCKS; i++) {
        if (i / 1000 % 2 == 0)
            roost_free(block[i]);
    }
    check(true);
    size_t purged = now().purged;
    sums before, after;
    read_arena(&before);
    roost_purge(0, NULL);
    read_arena(&after);
    size_t given = now().purged - purged;
    assert_true(after.resident <= before.resident);
    assert_true(before.resident - after.resident <= given + before.huge);
    check(true);
    for (int i = 0; i < BLOCKS; i++) {
        if (i / 1000 % 2 != 0)
            roost_free(block[i]);
    }
    roost_free(large);
    roost_purge(0, NULL);
    check(true);
}

static void resident_is_that_of_the_process(void **state)
{
    (void)state;
    sums all = {.from = 0, .to = UINTPTR_MAX};
    if (!read_smaps(&all))
        skip();
    size_t told = now().resident,
           most = (size_t)sysconf(_SC_PAGESIZE) * LAZY_PAGES * (size_t)sysconf(_SC_NPROCESSORS_CONF);
    assert_true(told <= all.resident + most && all.resident <= told + most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_and_footprint_are_what_the_kernel_has),
        cmocka_unit_test(resident_is_that_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

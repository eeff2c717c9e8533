/* Huge pages in proportion: a program that fills much memory with small blocks gets them, one that touches little of many
 * large blocks does not pay for them, whatever the system does by itself.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support/cmocka_api.h"

#include "../support/blocks.h"

#include <stdbool.h>
#include <sys/mman.h>

enum { SMALL = 64, SMALL_COUNT = 1 << 20, BIG = 192 * 1024, BIG_COUNT = 20000 };

static size_t field_bytes(const char *path, const char *field)
{
    char line[256];
    size_t kib = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0)
            kib += strtoull(line + strlen(field), NULL, 10);
    }
    fclose(file);
    return kib * 1024;
}

static size_t huge_bytes(void)
{
    return field_bytes("/proc/self/smaps", "AnonHugePages:");
}

/* Whether the kernel gives a huge page to who asks: it need not, and has none when memory is in pieces. */
static bool system_has_huge_pages(void)
{
    size_t size = 2 * MIB;
    char *p = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    char *aligned = p + (size - (uintptr_t)p % size) % size;
    size_t before = huge_bytes();
    bool has = madvise(aligned, size, MADV_HUGEPAGE) == 0;
    *aligned = 1;
    has = has && huge_bytes() > before;
    munmap(p, 2 * size);
    return has;
}

static void many_small_blocks_get_huge_pages(void **state)
{
    (void)state;
    static void *block[SMALL_COUNT];
    if (TEST_SANITIZED || !system_has_huge_pages())
        skip();
    size_t before = huge_bytes();
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        block[i] = rt.malloc(SMALL);
        assert_true(block[i] != NULL);
        memset(block[i], 1, SMALL);
    }
    size_t gained = huge_bytes() - before;
    for (size_t i = 0; i < SMALL_COUNT; i++)
        rt.free(block[i]);
    assert_true(gained >= SMALL_COUNT / 2 * SMALL);
}

static void large_blocks_cost_what_is_touched(void **state)
{
    (void)state;
    static char *block[BIG_COUNT];
    size_t page = 4096;
    if (TEST_SANITIZED) /* shadow memory would be counted too */
        skip();
    size_t before = resident_bytes();
    for (size_t i = 0; i < BIG_COUNT; i++) {
        block[i] = rt.malloc(BIG);
        assert_true(block[i] != NULL);
        *block[i] = 1;
    }
    size_t gained = resident_bytes() - before;
    for (size_t i = 0; i < BIG_COUNT; i++)
        rt.free(block[i]);
    /* The descriptors of three slices a block are roost's part; they are touched one in three. */
    assert_true(gained < BIG_COUNT * page / 2 * 3 + 8 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_small_blocks_get_huge_pages), /* first: in memory that nobody had */
        cmocka_unit_test(large_blocks_cost_what_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

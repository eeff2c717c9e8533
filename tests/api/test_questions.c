/* What glibc's malloc can be asked, against the live figures.
 * SPDX-License-Identifier: MIT */
#include "cmocka_api.h"

#include <errno.h>
#include <roost/stats.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* mallinfo, which old programs call */

enum { BLOCKS = 1000, SIZE = 1024 };
#define LARGE ((size_t)3 << 20)

static void mallinfo_counts_what_is_held(void **state)
{
    (void)state;
    static void *block[BLOCKS];
    assert_int_equal(roost_option_set("purge_delay", "3600000"), 0); /* nothing goes back by itself meanwhile */
    rt.free(rt.malloc(SIZE)); /* with a thread's first block comes libc's record of what is to be called when it ends */
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < BLOCKS; i++)
        block[i] = rt.malloc(SIZE);
    void *large = rt.malloc(LARGE);
    struct mallinfo2 after = mallinfo2();
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    assert_int_equal(after.uordblks - before.uordblks, BLOCKS * SIZE);
    assert_int_equal(after.hblks - before.hblks, 1);
    assert_int_equal(after.hblkhd - before.hblkhd, LARGE);
    assert_int_equal(after.uordblks + after.hblkhd, s.allocated);
    assert_int_equal(after.arena, after.uordblks + after.fordblks);
    assert_int_equal(after.arena + after.hblkhd, s.footprint);
    for (int i = 0; i < BLOCKS; i++)
        rt.free(block[i]);
    rt.free(large);
    struct mallinfo2 end = mallinfo2();
    assert_int_equal(end.uordblks, before.uordblks);
    assert_int_equal(end.hblkhd, before.hblkhd);
    assert_int_equal(mallinfo().uordblks, end.uordblks);
    assert_true(end.keepcost >= LARGE);
    assert_int_equal(malloc_trim(0), 1);
    assert_true(mallinfo2().keepcost < LARGE);
}

static void mallinfo_does_not_wrap(void **state)
{
    (void)state;
    void *huge = rt.malloc((size_t)3 << 30);
    if (huge == NULL)
        skip();
    assert_int_equal(mallinfo().hblkhd, 0x7fffffff);
    assert_true(mallinfo2().hblkhd >= (size_t)3 << 30);
    rt.free(huge);
}

/* Every tag is closed by its own name. */
static void check_balanced(const char *xml)
{
    char open[8][16];
    int depth = 0;
    for (const char *at = strchr(xml, '<'); at != NULL; at = strchr(at + 1, '<')) {
        char name[16];
        const char *end = strchr(at, '>');
        assert_non_null(end);
        assert_int_equal(sscanf(at + 1 + (at[1] == '/'), "%15[a-z]", name), 1);
        if (at[1] == '/') {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (end[-1] != '/') {
            assert_true(depth < 8);
            strcpy(open[depth++], name);
        }
    }
    assert_int_equal(depth, 0);
}

static void malloc_info_is_xml_and_says_the_same(void **state)
{
    (void)state;
    char *text = NULL, expected[128];
    size_t length = 0;
    void *large = rt.malloc(LARGE);
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    assert_int_equal(malloc_info(1, stream), EINVAL);
    struct mallinfo2 info = mallinfo2();
    assert_int_equal(malloc_info(0, stream), 0);
    fclose(stream);
    check_balanced(text);
    assert_memory_equal(text, "<malloc version=\"1\">", 20);
    snprintf(expected, sizeof expected, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>", info.hblks, info.hblkhd);
    assert_non_null(strstr(text, expected));
    free(text);
    rt.free(large);
}

static void parameters_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    assert_int_equal(mallopt(M_ARENA_MAX, 2), 1);
    assert_int_equal(mallopt(M_TRIM_THRESHOLD, 0), 1);
    assert_int_equal(mallopt(77, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mallinfo_counts_what_is_held),
        cmocka_unit_test(mallinfo_does_not_wrap),
        cmocka_unit_test(malloc_info_is_xml_and_says_the_same),
        cmocka_unit_test(parameters_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The formatter against snprintf, where both know a conversion; cutting; and the line of rst_say.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "os/fmt.h"

#define SAME(...) \
    do { \
        char ours[200], theirs[200]; \
        size_t length = rst_fmt(ours, sizeof ours, __VA_ARGS__); \
        assert_int_equal(length, snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
        assert_string_equal(ours, theirs); \
    } while (0)

static void formats_as_snprintf_does(void **state)
{
    (void)state;
    static const long long edges[] = {0, 1, -1, 9, 10, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        SAME("%d|%u|%x", (int)edges[i], (unsigned)edges[i], (unsigned)edges[i]);
        SAME("%zu|%zx|%llu", (size_t)edges[i], (size_t)edges[i], (unsigned long long)edges[i]);
        SAME("%lld|%ld", edges[i], (long)edges[i]);
        SAME("%12d|%-12d|%3u|%-25zx|", (int)edges[i], (int)edges[i], (unsigned)edges[i], (size_t)edges[i]);
    }
    SAME("%s and %s", "one", "");
    SAME("%10s|%-10s|%2s", "word", "word", "longer");
    SAME("%c%c 100%%", 'a', 'b');
#ifndef _WIN32 /* there pointers are written without 0x */
    SAME("%p", (void *)(uintptr_t)0x7f0012345678);
#endif
    SAME("nothing");
}

static void null_text_is_said(void **state)
{
    (void)state;
    char out[32];
    const char *volatile none = NULL;
    rst_fmt(out, sizeof out, "<%s>", none);
    assert_string_equal(out, "<(null)>");
}

static void what_does_not_fit_is_cut(void **state)
{
    (void)state;
    static const char whole[] = "ab 1234 xyz";
    for (size_t size = 0; size <= sizeof whole + 2; size++) {
        char out[32];
        memset(out, '#', sizeof out);
        size_t length = rst_fmt(out, size, "ab %d %s", 1234, "xyz");
        size_t expected = size == 0 ? 0 : rst_min(size - 1, sizeof whole - 1);
        assert_int_equal(length, expected);
        assert_memory_equal(out, whole, expected);
        if (size != 0)
            assert_int_equal(out[expected], 0);
        for (size_t i = size; i < sizeof out; i++)
            assert_int_equal(out[i], '#');
    }
}

static void say_writes_one_line(void **state)
{
    (void)state;
    fake_errors_clear();
    rst_say("%s %u", "figure", 7u);
    assert_string_equal(fake_errors(), "roost: figure 7\n");
    fake_errors_clear();
    char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    rst_say("%s", longest);
    const char *said = fake_errors();
    assert_memory_equal(said, "roost: xxx", 10);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_as_snprintf_does),
        cmocka_unit_test(null_text_is_said),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(say_writes_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

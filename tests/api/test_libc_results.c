/* Blocks that the C library hands out are roost's, and are freed and resized as such.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/cmocka_api.h"

#include "../support/blocks.h"
#include <glob.h>
#include <locale.h>
#include <netdb.h>
#include <search.h>
#include <wchar.h>

static int on_roost;

static void is_ours_and_frees(void *block)
{
    assert_non_null(block);
    if (on_roost)
        assert_int_equal(rt.owns(block), 1);
    assert_true(rt.usable_size(block) > 0);
    rt.free(block);
}

static void strings(void **state)
{
    (void)state;
    char *copy = strdup("a string of some length");
    assert_string_equal(copy, "a string of some length");
    is_ours_and_frees(copy);
    copy = strndup("a string of some length", 8);
    assert_string_equal(copy, "a string");
    is_ours_and_frees(copy);
    wchar_t *wide = wcsdup(L"wide");
    assert_int_equal(wcscmp(wide, L"wide"), 0);
    is_ours_and_frees(wide);
    char *text = NULL;
    assert_int_equal(asprintf(&text, "%0*d", 100000, 7), 100000);
    assert_int_equal(text[99999], '7');
    is_ours_and_frees(text);
    assert_true(sscanf("word", "%ms", &text) == 1);
    assert_string_equal(text, "word");
    is_ours_and_frees(text);
}

static void streams_in_memory(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    assert_non_null(f);
    for (int i = 0; i < 100000; i++)
        fprintf(f, "%d\n", i);
    fclose(f);
    assert_int_equal(length, 588890);
    assert_memory_equal(text + length - 6, "99999\n", 6);
    text = realloc(text, length + 1000000);
    assert_memory_equal(text + length - 6, "99999\n", 6);

    f = fmemopen(text, length, "r");
    char *line = NULL;
    size_t room = 0;
    int lines = 0;
    while (getline(&line, &room, f) > 0)
        assert_int_equal(atoi(line), lines++);
    assert_int_equal(lines, 100000);
    fclose(f);
    is_ours_and_frees(line);
    is_ours_and_frees(text);
}

static void paths(void **state)
{
    (void)state;
    is_ours_and_frees(realpath("/usr/../usr", NULL));
    is_ours_and_frees(getcwd(NULL, 0));
    glob_t found;
    assert_int_equal(glob("/*", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 0);
    globfree(&found);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

static void sorting_and_trees(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    int *number = malloc(COUNT * sizeof *number);
    assert_non_null(number);
    unsigned x = 1;
    for (int i = 0; i < COUNT; i++) {
        x = x * 1103515245u + 12345u;
        number[i] = (int)(x >> 1);
    }
    qsort(number, COUNT, sizeof *number, compare);
    for (int i = 1; i < COUNT; i++)
        assert_true(number[i - 1] <= number[i]);
    void *root = NULL;
    for (int i = 0; i < COUNT; i += 10)
        assert_non_null(tsearch(&number[i], &root, compare));
    for (int i = 0; i < COUNT; i += 10)
        assert_non_null(tdelete(&number[i], &root, compare));
    free(number);
}

static void locales_and_names(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        assert_true(c != (locale_t)0);
        freelocale(c);
    }
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    assert_int_equal(getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    freeaddrinfo(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),           cmocka_unit_test(streams_in_memory), cmocka_unit_test(paths),
        cmocka_unit_test(sorting_and_trees), cmocka_unit_test(locales_and_names),
    };
    on_roost = api_is_roost();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

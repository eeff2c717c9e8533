/* The option parser: what is understood, what is refused (one line, and the value stays), which source wins.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/options.h"

#define OPTION_DEFAULT(name, type, value, ...) value,
static const uint64_t defaults[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(OPTION_DEFAULT)};

static int set_defaults(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++)
        rst_store_relaxed(&rst_option_values[i], defaults[i]);
    fake_environment("ROOST_OPTIONS", NULL);
    fake_environment("ROOST_ARENA_SIZE", NULL);
    fake_environment("ROOST_PURGE_DELAY", NULL);
    fake_environment("ROOST_BAD_POINTER", NULL);
    fake_environment("ROOST_STATS", NULL);
    fake_errors_clear();
    return 0;
}

static size_t lines(void)
{
    size_t n = 0;
    for (const char *p = fake_errors(); *p != '\0'; p++)
        n += *p == '\n';
    return n;
}

/* Read `list` anew; it must lead to so many lines. */
static void read_list(const char *list, size_t complaints)
{
    set_defaults(NULL);
    fake_environment("ROOST_OPTIONS", list);
    rst_options_read();
    assert_int_equal(lines(), complaints);
    if (complaints != 0)
        assert_memory_equal(fake_errors(), "roost: ", 7);
}

static void all_defaults_kept(void)
{
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++)
        assert_int_equal(rst_load_relaxed(&rst_option_values[i]), defaults[i]);
}

static void sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"arena_size=16777216", 16 << 20}, {"arena_size=16384k", 16 << 20}, {"arena_size=16384K", 16 << 20},
        {"arena_size=20m", 20 << 20},      {"arena_size=20M", 20 << 20},    {"arena_size=20mb", 20 << 20},
        {"arena_size=20MiB", 20 << 20},    {"arena_size=3g", 3ull << 30},   {"arena_size=3GB", 3ull << 30},
        {"arena_size=2t", 2ull << 40},     {"arena_size=64T", 64ull << 40}, {"arena_size=16777216b", 16 << 20},
        {"arena_size:17m", 17 << 20},      {"ARENA_SIZE=18m", 18 << 20},    {" ,, arena_size=19m ,", 19 << 20},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        read_list(good[i].text, 0);
        assert_int_equal(rst_option_get(arena_size), good[i].bytes);
    }
}

static void yes_and_no_have_many_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"stats=1", "stats=yes", "stats=on", "stats=true", "stats=TRUE", "Stats:On"};
    static const char *const no[] = {"stats=0", "stats=no", "stats=off", "stats=false", "stats=No"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        read_list(yes[i], 0);
        assert_int_equal(rst_option_get(stats), 1);
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        set_defaults(NULL);
        rst_store_relaxed(&rst_option_values[RST_OPTION_stats], 1);
        fake_environment("ROOST_OPTIONS", no[i]);
        rst_options_read();
        assert_int_equal(lines(), 0);
        assert_int_equal(rst_option_get(stats), 0);
    }
    set_defaults(NULL);
}

static void what_is_not_understood_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "stats=maybe",
        "stats=",
        "stats",
        "stats=2",
        "arena_size=",
        "arena_size=big",
        "arena_size=-1",
        "arena_size=16mx",
        "arena_size=16x",
        "arena_size=1k",
        "arena_size=65t",
        "arena_size=99999999999999999999",
        "arena_size=18446744073709551615t",
        "arena_size=0x10000000",
        "purge_delay=1k",
        "purge_delay=3600001",
        "purge_delay=1.5",
        "bad_pointer=2",
        "no_such_option=1",
        "statsx=1",
        "stat=1",
        "=1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        read_list(bad[i], 1);
        all_defaults_kept();
    }
}

static void the_line_names_the_option(void **state)
{
    (void)state;
    read_list("purge_delay=soon", 1);
    assert_non_null(strstr(fake_errors(), "purge_delay"));
    assert_non_null(strstr(fake_errors(), "soon"));
    read_list("colour=red", 1);
    assert_non_null(strstr(fake_errors(), "colour"));
}

static void one_bad_word_does_not_spoil_the_rest(void **state)
{
    (void)state;
    read_list("purge_delay=0,colour=red bad_pointer=0", 1);
    assert_int_equal(rst_option_get(purge_delay), 0);
    assert_int_equal(rst_option_get(bad_pointer), 0);
    read_list("purge_delay=x purge_delay=7 purge_delay=8", 1);
    assert_int_equal(rst_option_get(purge_delay), 8);
}

static void a_variable_wins_over_the_list(void **state)
{
    (void)state;
    set_defaults(NULL);
    fake_environment("ROOST_OPTIONS", "purge_delay=5,bad_pointer=0");
    fake_environment("ROOST_PURGE_DELAY", "3600000");
    rst_options_read();
    assert_int_equal(lines(), 0);
    assert_int_equal(rst_option_get(purge_delay), 3600000);
    assert_int_equal(rst_option_get(bad_pointer), 0);
    fake_environment("ROOST_PURGE_DELAY", "never");
    fake_environment("ROOST_ARENA_SIZE", "1gib");
    rst_options_read();
    assert_int_equal(lines(), 1);
    assert_int_equal(rst_option_get(purge_delay), 5);
    assert_int_equal(rst_option_get(arena_size), 1 << 30);
}

static void words_of_any_length_are_safe(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    read_list(text, 1);
    all_defaults_kept();
    memcpy(text, "purge_delay=", 12);
    memset(text + 12, '1', sizeof text - 13);
    read_list(text, 1);
    all_defaults_kept();
    /* Cut, the name would be that of an option. */
    read_list("arena_size=0000000000000000000000000000000000000000000000000000000000000000000020mtoolong", 1);
    all_defaults_kept();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(yes_and_no_have_many_words),
        cmocka_unit_test(what_is_not_understood_changes_nothing),
        cmocka_unit_test(the_line_names_the_option),
        cmocka_unit_test(one_bad_word_does_not_spoil_the_rest),
        cmocka_unit_test(a_variable_wins_over_the_list),
        cmocka_unit_test(words_of_any_length_are_safe),
    };
    return cmocka_run_group_tests(tests, set_defaults, set_defaults);
}

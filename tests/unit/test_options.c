/* The option parser: what is understood, what is refused (one line, and the value stays), which source wins.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/option_text.h"
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
    fake_environment("ROOST_CONF", NULL);
    fake_environment("ROOST_PURGE_DELY", NULL);
    fake_environment("ROOST_SOMETHING_ELSE", NULL);
    fake_file(NULL, NULL);
    fake_secure(false);
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

static void the_line_is_one_whatever_it_quotes(void **state)
{
    (void)state;
    set_defaults(NULL);
    fake_environment("ROOST_PURGE_DELAY", "1\nroost: all is well\x1b[2J\x7f");
    rst_options_read();
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(fake_errors(), "\"1?roost: all is well?[2J?\""));
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

static void a_file_has_a_line_for_each_and_the_environment_wins(void **state)
{
    (void)state;
    set_defaults(NULL);
    fake_file("/etc/roost.conf", "# all servers\n\n  purge_delay = 70 \r\n\tsteward=no\n#bad_pointer=0\nstats: on");
    rst_options_read();
    assert_int_equal(lines(), 0);
    assert_int_equal(rst_option_get(purge_delay), 70);
    assert_int_equal(rst_option_get(steward), 0);
    assert_int_equal(rst_option_get(bad_pointer), 1);
    assert_int_equal(rst_option_get(stats), 1);
    fake_environment("ROOST_OPTIONS", "purge_delay=80");
    rst_options_read();
    assert_int_equal(rst_option_get(purge_delay), 80);
}

static void a_file_may_be_named_and_must_then_be_there(void **state)
{
    (void)state;
    static char large[9000];
    set_defaults(NULL);
    fake_file("/etc/roost.conf", "purge_delay = 70");
    fake_environment("ROOST_CONF", "");
    rst_options_read();
    assert_int_equal(rst_option_get(purge_delay), 1000);
    fake_environment("ROOST_CONF", "/nowhere");
    rst_options_read();
    assert_int_equal(lines(), 1);
    assert_string_equal(fake_errors(), "roost: /nowhere: cannot be read\n");
    fake_errors_clear();
    fake_environment("ROOST_CONF", "mine");
    fake_file("mine", "purge_delay = 1 2\ncolour = red\nno_value\nsteward = 0");
    rst_options_read();
    assert_int_equal(lines(), 3);
    assert_int_equal(rst_option_get(steward), 0);
    assert_int_equal(rst_option_get(purge_delay), 1000);
    fake_errors_clear();
    memset(large, '\n', sizeof large - 1);
    fake_file("mine", large);
    rst_options_read();
    assert_int_equal(lines(), 1);
}

static void who_has_more_rights_than_its_user_does_not_ask_him(void **state)
{
    (void)state;
    set_defaults(NULL);
    fake_secure(true);
    fake_file("/etc/roost.conf", "purge_delay = 70");
    fake_environment("ROOST_CONF", "mine");
    fake_environment("ROOST_OPTIONS", "purge_delay=80,steward=0");
    fake_environment("ROOST_BAD_POINTER", "0");
    rst_options_read();
    assert_int_equal(lines(), 0);
    assert_int_equal(rst_option_get(purge_delay), 70);
    assert_int_equal(rst_option_get(steward), 1);
    assert_int_equal(rst_option_get(bad_pointer), 1);
}

static void a_slip_is_answered_with_what_was_meant(void **state)
{
    (void)state;
    static const char *const slips[][2] = {{"purge_dely", "purge_delay"},
                                           {"purgedelay", "purge_delay"},
                                           {"PURGE_DELYA", "purge_delay"},
                                           {"arena-size", "arena_size"},
                                           {"stat", "stats"},
                                           {"verbos", "verbose"}};
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        char list[64], meant[64];
        snprintf(list, sizeof list, "%s=1", slips[i][0]);
        snprintf(meant, sizeof meant, "is %s meant?", slips[i][1]);
        read_list(list, 1);
        assert_non_null(strstr(fake_errors(), meant));
    }
    read_list("colour=1", 1);
    assert_null(strstr(fake_errors(), "meant"));
    set_defaults(NULL);
    fake_environment("ROOST_PURGE_DELY", "5");
    fake_environment("ROOST_SOMETHING_ELSE", "5");
    rst_options_read();
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(fake_errors(), "PURGE_DELY"));
    assert_non_null(strstr(fake_errors(), "is purge_delay meant?"));
}

static void words_are_as_far_apart_as_slips_are_many(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        uint32_t far;
    } pairs[] = {{"", "", 0},       {"a", "", 1},      {"", "abc", 3},     {"abc", "abc", 0},        {"ABC", "abc", 0},
                 {"abc", "acb", 1}, {"abc", "bca", 2}, {"abc", "abcd", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(rst_text_distance(pairs[i].a, pairs[i].b), pairs[i].far);
        assert_int_equal(rst_text_distance(pairs[i].b, pairs[i].a), pairs[i].far);
    }
    assert_int_equal(rst_text_distance("a", "0123456789012345678901234567890"), 31);
    assert_int_equal(rst_text_distance("a", "01234567890123456789012345678901"), UINT32_MAX);
}

static void the_listing_says_where_a_value_came_from(void **state)
{
    (void)state;
    set_defaults(NULL);
    fake_file("/etc/roost.conf", "steward = 0");
    fake_environment("ROOST_OPTIONS", "purge_delay=80");
    fake_environment("ROOST_BAD_POINTER", "0");
    rst_options_read();
    assert_int_equal(rst_option_change("stats", "yes"), RST_OPTION_TAKEN);
    rst_options_say();
    assert_int_equal(lines(), RST_OPTION_COUNT);
    assert_non_null(strstr(fake_errors(), "option steward = 0 (file)\n"));
    assert_non_null(strstr(fake_errors(), "option purge_delay = 80 ms (ROOST_OPTIONS)\n"));
    assert_non_null(strstr(fake_errors(), "option bad_pointer = 0 (environment)\n"));
    assert_non_null(strstr(fake_errors(), "option stats = 1 (roost_option_set)\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(yes_and_no_have_many_words),
        cmocka_unit_test(what_is_not_understood_changes_nothing),
        cmocka_unit_test(the_line_names_the_option),
        cmocka_unit_test(the_line_is_one_whatever_it_quotes),
        cmocka_unit_test(one_bad_word_does_not_spoil_the_rest),
        cmocka_unit_test(a_variable_wins_over_the_list),
        cmocka_unit_test(words_of_any_length_are_safe),
        cmocka_unit_test(a_file_has_a_line_for_each_and_the_environment_wins),
        cmocka_unit_test(a_file_may_be_named_and_must_then_be_there),
        cmocka_unit_test(who_has_more_rights_than_its_user_does_not_ask_him),
        cmocka_unit_test(a_slip_is_answered_with_what_was_meant),
        cmocka_unit_test(words_are_as_far_apart_as_slips_are_many),
        cmocka_unit_test(the_listing_says_where_a_value_came_from),
    };
    return cmocka_run_group_tests(tests, set_defaults, set_defaults);
}

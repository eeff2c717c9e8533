/* Options asked and changed by the program, and the defaults it brings.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "api.h"
#include "cmocka_api.h"

#include <errno.h>
#include <roost/options.h>
#include <string.h>

const char roost_default_options[] = "purge_delay=777,steward=no";

static const char *value(const char *name)
{
    static char text[256];
    assert_true(roost_option_get(name, text, sizeof text) >= 0);
    return text;
}

static void a_program_has_its_own_defaults(void **state)
{
    (void)state;
    assert_string_equal(value("purge_delay"), "777");
    assert_string_equal(value("steward"), "0");
    assert_string_equal(value("bad_pointer"), "1");
}

#define FROM_TABLE(name, type, least, ...) {#name, #type},
static void every_option_can_be_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } rows[] = {ROOST_OPTION_TABLE(FROM_TABLE)};
    char text[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int length = roost_option_get(rows[i].name, text, sizeof text);
        assert_int_equal(length, strlen(text));
        if (strcmp(rows[i].type, "TEXT") != 0)
            assert_true(length > 0);
    }
    assert_int_equal(roost_option_get("purge_delay", text, 3), 2);
    assert_string_equal(text, "77");
    errno = 0;
    assert_int_equal(roost_option_get("colour", text, sizeof text), -1);
    assert_int_equal(errno, ENOENT);
}

static void refused(const char *name, const char *text, int error)
{
    char before[256] = "";
    roost_option_get(name, before, sizeof before);
    errno = 0;
    assert_int_equal(roost_option_set(name, text), -1);
    assert_int_equal(errno, error);
    if (error != ENOENT)
        assert_string_equal(value(name), before);
}

static void those_that_are_live_can_be_changed(void **state)
{
    (void)state;
    errno = 5;
    assert_int_equal(roost_option_set("purge_delay", "50"), 0);
    assert_int_equal(errno, 5);
    assert_string_equal(value("purge_delay"), "50");
    assert_int_equal(roost_option_set("Bad_Pointer", "0"), 0);
    assert_string_equal(value("bad_pointer"), "0");
    refused("purge_delay", "3600001", ERANGE);
    refused("purge_delay", "soon", EINVAL);
    refused("purge_delay", "", EINVAL);
    refused("arena_size", "1g", EPERM);
    refused("colour", "red", ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_has_its_own_defaults),
        cmocka_unit_test(every_option_can_be_asked_for),
        cmocka_unit_test(those_that_are_live_can_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

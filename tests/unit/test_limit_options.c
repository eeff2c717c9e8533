/* What the options of type limit take: bytes, or a share.
 * SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "core/options.h"

static uint64_t read_option(const char *list)
{
    rst_store_relaxed(&rst_option_values[RST_OPTION_hard_limit], 0);
    fake_errors_clear();
    fake_environment("ROOST_OPTIONS", list);
    rst_options_read();
    fake_environment("ROOST_OPTIONS", NULL);
    return rst_option_get(hard_limit);
}

static void limits_are_bytes_or_shares(void **state)
{
    (void)state;
    assert_int_equal(read_option("hard_limit=96m"), 96 * RST_MIB);
    assert_int_equal(read_option("hard_limit=80%"), 80 | RST_OPTION_PERCENT);
    assert_int_equal(read_option("hard_limit=100%"), 100 | RST_OPTION_PERCENT);
    assert_int_equal(read_option("hard_limit=0"), 0);
    assert_string_equal(fake_errors(), "");
    static const char *const bad[] = {"hard_limit=0%",  "hard_limit=101%", "hard_limit=%",    "hard_limit=8%%",
                                      "hard_limit=-1%", "hard_limit=half", "hard_limit=100t", "hard_limit=1e6"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_option(bad[i]), 0);
        assert_non_null(strstr(fake_errors(), ": option hard_limit: "));
    }
    rst_store_relaxed(&rst_option_values[RST_OPTION_hard_limit], 80 | RST_OPTION_PERCENT);
    fake_errors_clear();
    rst_options_say();
    assert_non_null(strstr(fake_errors(), "option hard_limit = 80% ("));
    assert_non_null(strstr(fake_errors(), "option soft_limit = 0 bytes ("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_bytes_or_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

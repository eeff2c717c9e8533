/* Requests at the socket, and names of files. SPDX-License-Identifier: MIT */
#include "unit.h" /* ROOST_TEST_OS_FAKE */

#include "stats/request.h"

static void a_line_is_one_word(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned request;
    } lines[] = {{"text", RST_TEXT},
                 {"json", RST_JSON},
                 {"METRICS", RST_METRICS},
                 {" \tpurge\r\n", RST_REQUEST_PURGE},
                 {"", RST_REQUEST_UNKNOWN},
                 {" ", RST_REQUEST_UNKNOWN},
                 {"text text", RST_REQUEST_UNKNOWN},
                 {"tex", RST_REQUEST_UNKNOWN},
                 {"texts", RST_REQUEST_UNKNOWN},
                 {"text                                                                                  x",
                  RST_REQUEST_UNKNOWN},
                 {"textaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  RST_REQUEST_UNKNOWN}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(rst_request_of(lines[i].line), lines[i].request);
}

static void a_name_is_filled_in(void **state)
{
    (void)state;
    char out[16];
    assert_true(rst_path_expand("/run/x.%p.s", 4242, out, sizeof out));
    assert_string_equal(out, "/run/x.4242.s");
    assert_true(rst_path_expand("%%p%%", 7, out, sizeof out));
    assert_string_equal(out, "%p%");
    assert_true(rst_path_expand("123456789012345", 7, out, sizeof out));
    assert_false(rst_path_expand("1234567890123456", 7, out, sizeof out));
    assert_false(rst_path_expand("123456789012%p", 4242, out, sizeof out));
    assert_false(rst_path_expand("x%", 7, out, sizeof out));
    assert_false(rst_path_expand("x%d", 7, out, sizeof out));
    assert_false(rst_path_expand("", 7, out, sizeof out));
}

static void the_end_of_a_name_chooses_the_format(void **state)
{
    (void)state;
    assert_int_equal(rst_format_of_path("/a/b.json"), RST_JSON);
    assert_int_equal(rst_format_of_path("b.JSON"), RST_JSON);
    assert_int_equal(rst_format_of_path("/a/b.1.prom"), RST_PROMETHEUS);
    assert_int_equal(rst_format_of_path("b.om"), RST_METRICS);
    assert_int_equal(rst_format_of_path("b.metrics"), RST_METRICS);
    assert_int_equal(rst_format_of_path("/a.json/b"), RST_TEXT);
    assert_int_equal(rst_format_of_path("json"), RST_TEXT);
    assert_int_equal(rst_format_of_path("b.json.txt"), RST_TEXT);
    assert_int_equal(rst_format_of("text"), RST_TEXT);
    assert_int_equal(rst_format_of("metrics"), RST_METRICS);
    assert_int_equal(rst_format_of("prometheus"), RST_PROMETHEUS);
    assert_int_equal(rst_format_of("xml"), RST_FORMATS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_word),
        cmocka_unit_test(a_name_is_filled_in),
        cmocka_unit_test(the_end_of_a_name_chooses_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

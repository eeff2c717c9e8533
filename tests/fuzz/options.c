/* Whatever the sources of options hold, every value stays of its type and within its range, and each complaint is one line.
 *
 * The input, in parts that a zero byte ends: the default string, the file, ROOST_OPTIONS; then variables, NAME=value without the ROOST_.
 * Its first byte: 1 a program whose user is not trusted, 2 there is no file. SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "os_fake.h"

#include "core/options.h"

#include <string.h>

enum { PARTS = 12, FIRST_VARIABLE = 3, PART_MAX = 12000, NAME_MAX_LENGTH = 100, DEFAULT_MAX = 4096 };
enum { TYPE_BOOL, TYPE_SIZE, TYPE_MS, TYPE_NUM, TYPE_LIMIT, TYPE_TEXT };

extern char roost_default_options[];

#define ROW(name, type, value, minimum, maximum, ...) {#name, TYPE_##type, value, minimum, maximum},
static const struct row {
    const char *name;
    int type;
    uint64_t value, minimum, maximum;
} rows[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(ROW)};

static char parts[PARTS][PART_MAX];
static char names[PARTS][NAME_MAX_LENGTH];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static unsigned cut(const uint8_t *data, size_t size)
{
    unsigned count = 0;
    for (size_t at = 0; count < PARTS && at < size; count++) {
        size_t used = 0;
        for (; at < size && data[at] != 0; at++) {
            if (used + 1 < PART_MAX)
                parts[count][used++] = (char)data[at];
        }
        parts[count][used] = '\0';
        at++;
    }
    for (unsigned i = count; i < PARTS; i++)
        parts[i][0] = '\0';
    return count;
}

static void set_variables(unsigned count)
{
    fake_environment_clear();
    if (parts[2][0] != '\0')
        fake_environment("ROOST_OPTIONS", parts[2]);
    for (unsigned i = FIRST_VARIABLE; i < count; i++) {
        char *equals = strchr(parts[i], '=');
        if (equals == NULL || equals - parts[i] > 80)
            continue;
        snprintf(names[i], sizeof names[i], "ROOST_%.*s", (int)(equals - parts[i]), parts[i]);
        fake_environment(names[i], equals + 1);
    }
}

static void reset(void)
{
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        rst_store_relaxed(&rst_option_values[i], rows[i].value);
        rst_option_texts[i][0] = '\0';
    }
    fake_errors_clear();
}

/* Each line that was written begins as one of roost's, and has nothing that a terminal would obey. */
static void check_lines(void)
{
    for (const char *at = fake_errors(); *at != '\0';) {
        const char *end = strchr(at, '\n');
        if (end == NULL)
            break; /* the fake's memory for them is full */
        HOLDS(strncmp(at, "roost: ", 7) == 0);
        for (; at < end; at++)
            HOLDS((unsigned char)*at >= ' ' && *at != 0x7f);
        at = end + 1;
    }
}

static void check_values(void)
{
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        uint64_t value = rst_load_relaxed(&rst_option_values[i]);
        if (rows[i].type == TYPE_TEXT) {
            size_t length = strnlen(rst_option_texts[i], RST_OPTION_TEXT_MAX);
            HOLDS(length < RST_OPTION_TEXT_MAX && value == (length != 0));
        } else if ((value & RST_OPTION_PERCENT) != 0) {
            value &= ~RST_OPTION_PERCENT;
            HOLDS(rows[i].type == TYPE_LIMIT && value >= 1 && value <= 100);
        } else {
            HOLDS(value >= rows[i].minimum && value <= rows[i].maximum);
        }
    }
}

/* What is shown of an option, set again, changes nothing. */
static void check_shown(void)
{
    char shown[RST_OPTION_TEXT_MAX + 8];
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        uint64_t before = rst_load_relaxed(&rst_option_values[i]);
        HOLDS(rst_option_show(rows[i].name, shown, sizeof shown) < sizeof shown);
        rst_option_verdict verdict = rst_option_change(rows[i].name, shown);
        HOLDS(verdict == RST_OPTION_TAKEN || verdict == RST_OPTION_FIXED);
        HOLDS(rst_load_relaxed(&rst_option_values[i]) == before);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned flags = size != 0 ? data[0] : 0;
    unsigned count = cut(data + (size != 0), size - (size != 0));
    memcpy(roost_default_options, parts[0], DEFAULT_MAX);
    roost_default_options[DEFAULT_MAX - 1] = '\0';
    fake_file((flags & 2) != 0 ? NULL : "/etc/roost.conf", parts[1]);
    fake_secure((flags & 1) != 0);
    set_variables(count);
    reset();
    rst_options_read();
    check_lines();
    check_values();
    check_shown();
    fake_errors_clear();
    rst_options_say();
    check_lines();
    for (unsigned i = FIRST_VARIABLE; i < count; i++) {
        char *equals = strchr(parts[i], '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        HOLDS(rst_option_nearest(parts[i]) <= RST_OPTION_COUNT);
        rst_option_change(parts[i], equals + 1);
    }
    check_values();
    return 0;
}

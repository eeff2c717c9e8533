/* The option parser. Knows the table, not what an option means. SPDX-License-Identifier: MIT */
#include "core/options.h"

#include "os/fmt.h"
#include "os/os.h"

typedef enum option_type { TYPE_BOOL, TYPE_SIZE, TYPE_MS, TYPE_NUM } option_type;

typedef struct option_row {
    const char *name;
    option_type type;
    uint64_t minimum, maximum;
    const char *unit;
} option_row;

#define OPTION_ROW(name, type, value, minimum, maximum, unit, change, help) \
    {#name, TYPE_##type, minimum, maximum, unit},
static const option_row rows[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(OPTION_ROW)};

#define OPTION_VALUE(name, type, value, ...) value,
_Atomic uint64_t rst_option_values[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(OPTION_VALUE)};

enum { NAME_MAX_LENGTH = 32, VALUE_MAX_LENGTH = 48 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static bool same_word(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool parse_bool(const char *text, uint64_t *value)
{
    static const char *const words[2][4] = {{"0", "no", "off", "false"}, {"1", "yes", "on", "true"}};
    for (unsigned v = 0; v < 2; v++) {
        for (unsigned i = 0; i < 4; i++) {
            if (same_word(text, words[v][i])) {
                *value = v;
                return true;
            }
        }
    }
    return false;
}

/* Digits, then for a size one of k m g t with an optional "b" or "ib". */
static bool parse_number(const char *text, bool size, uint64_t *value)
{
    uint64_t n = 0;
    const char *digits = text;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
            return false;
    }
    if (text == digits)
        return false;
    if (size && *text != '\0') {
        static const char units[] = "kmgt";
        for (unsigned i = 0; i < 4; i++) {
            if (lower(*text) == units[i]) {
                if (__builtin_mul_overflow(n, 1ull << (10 * (i + 1)), &n))
                    return false;
                text++;
                break;
            }
        }
        if (lower(text[0]) == 'i' && lower(text[1]) == 'b')
            text += 2;
        else if (lower(text[0]) == 'b')
            text++;
    }
    *value = n;
    return *text == '\0';
}

static void option_set(unsigned i, const char *text)
{
    const option_row *row = &rows[i];
    uint64_t value = 0;
    bool understood =
        row->type == TYPE_BOOL ? parse_bool(text, &value) : parse_number(text, row->type == TYPE_SIZE, &value);
    if (!understood)
        rst_say("option %s: \"%s\" is not a %s; kept %zu", row->name, text,
                row->type == TYPE_BOOL ? "yes or no" : "number", (size_t)rst_load_relaxed(&rst_option_values[i]));
    else if (value < row->minimum || value > row->maximum)
        rst_say("option %s: %s is not within %zu to %zu%s%s; kept %zu", row->name, text, (size_t)row->minimum,
                (size_t)row->maximum, row->unit[0] != '\0' ? " " : "", row->unit,
                (size_t)rst_load_relaxed(&rst_option_values[i]));
    else
        rst_store_relaxed(&rst_option_values[i], value);
}

/* Copy a word that ends at one of `stops` or at the end; returns where it ended. A word that does not fit is cut. */
static const char *take_word(const char *text, const char *stops, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0'; text++) {
        for (const char *s = stops; *s != '\0'; s++) {
            if (*text == *s)
                goto done;
        }
        if (used + 1 < size)
            out[used++] = *text;
    }
done:
    out[used] = '\0';
    return text;
}

/* name=value or name:value, separated by commas or blanks. */
static void read_list(const char *text)
{
    while (*text != '\0') {
        if (*text == ',' || *text == ' ') {
            text++;
            continue;
        }
        char name[NAME_MAX_LENGTH], value[VALUE_MAX_LENGTH];
        text = take_word(text, "=:, ", name, sizeof name);
        value[0] = '\0';
        if (*text == '=' || *text == ':')
            text = take_word(text + 1, ", ", value, sizeof value);
        unsigned i = 0;
        while (i < RST_OPTION_COUNT && !same_word(name, rows[i].name))
            i++;
        if (i < RST_OPTION_COUNT)
            option_set(i, value);
        else
            rst_say("ROOST_OPTIONS: there is no option \"%s\"", name);
    }
}

void rst_options_read(void)
{
    const char *list = rst_os_environment("ROOST_OPTIONS");
    if (list != NULL)
        read_list(list);
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        char name[NAME_MAX_LENGTH + 8];
        size_t length = rst_fmt(name, sizeof name, "ROOST_%s", rows[i].name);
        for (size_t c = 0; c < length; c++)
            name[c] = upper(name[c]);
        const char *value = rst_os_environment(name);
        if (value != NULL)
            option_set(i, value);
    }
}

void rst_options_say(void)
{
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++)
        rst_say("option %s = %zu%s%s", rows[i].name, (size_t)rst_load_relaxed(&rst_option_values[i]),
                rows[i].unit[0] != '\0' ? " " : "", rows[i].unit);
}

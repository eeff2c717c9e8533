/* The options: their sources and values. Knows the table, not what an option means. SPDX-License-Identifier: MIT */
#include "core/options.h"

#include "core/option_text.h"
#include "os/fmt.h"
#include "os/os.h"

typedef enum option_type { TYPE_BOOL, TYPE_SIZE, TYPE_MS, TYPE_NUM, TYPE_LIMIT, TYPE_TEXT } option_type;
enum { CHANGE_START = 0, CHANGE_LIVE = 1 };

typedef struct option_row {
    const char *name;
    option_type type;
    uint64_t minimum, maximum;
    const char *unit;
    bool live;
} option_row;

#define OPTION_ROW(name, type, value, minimum, maximum, unit, change, help) \
    {#name, TYPE_##type, minimum, maximum, unit, CHANGE_##change},
static const option_row rows[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(OPTION_ROW)};

#define OPTION_VALUE(name, type, value, ...) value,
_Atomic uint64_t rst_option_values[RST_OPTION_COUNT] = {ROOST_OPTION_TABLE(OPTION_VALUE)};
RST_BEHIND char rst_option_texts[RST_OPTION_COUNT][RST_OPTION_TEXT_MAX];
static _Atomic uint8_t sources[RST_OPTION_COUNT]; /* rst_option_source */

#define SYSTEM_FILE "/etc/roost.conf"
#define PREFIX "ROOST_"
enum { NAME_MAX_LENGTH = 64, FILE_MAX = 8192, PREFIX_LENGTH = sizeof PREFIX - 1, NEAR = 2 };

static unsigned find(const char *name)
{
    unsigned i = 0;
    while (i < RST_OPTION_COUNT && !rst_text_same(name, rows[i].name))
        i++;
    return i;
}

unsigned rst_option_nearest(const char *name)
{
    unsigned best = RST_OPTION_COUNT;
    uint32_t least = NEAR + 1;
    size_t length = 0;
    while (name[length] != '\0' && length < NAME_MAX_LENGTH)
        length++;
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        uint32_t distance = rst_text_distance(name, rows[i].name);
        if (distance < least && distance * 3 <= length) {
            least = distance;
            best = i;
        }
    }
    return best;
}

static size_t show_value(unsigned i, char *out, size_t size)
{
    if (rows[i].type == TYPE_TEXT)
        return rst_fmt(out, size, "%s", rst_option_texts[i]);
    uint64_t value = rst_load_relaxed(&rst_option_values[i]);
    bool share = (value & RST_OPTION_PERCENT) != 0;
    return rst_fmt(out, size, "%zu%s", (size_t)(value & ~RST_OPTION_PERCENT), share ? "%" : "");
}

/* --- one value -------------------------------------------------------------------------------------------------------------------- */

static rst_option_verdict set_text(unsigned i, const char *text)
{
    bool whole;
    char copy[RST_OPTION_TEXT_MAX];
    rst_text_take(text, "", copy, sizeof copy, &whole);
    if (!whole)
        return RST_OPTION_TOO_LONG;
    rst_fmt(rst_option_texts[i], RST_OPTION_TEXT_MAX, "%s", copy);
    rst_store_relaxed(&rst_option_values[i], (uint64_t)(copy[0] != '\0'));
    return RST_OPTION_TAKEN;
}

static rst_option_verdict set_number(unsigned i, const char *text)
{
    const option_row *row = &rows[i];
    uint64_t value = 0;
    bool share = row->type == TYPE_LIMIT && rst_text_share(text, &value);
    bool size = row->type == TYPE_SIZE || row->type == TYPE_LIMIT;
    if (share)
        value |= RST_OPTION_PERCENT;
    else if (!(row->type == TYPE_BOOL ? rst_text_bool(text, &value) : rst_text_number(text, size, &value)))
        return RST_OPTION_BAD;
    else if (value < row->minimum || value > row->maximum)
        return RST_OPTION_RANGE;
    rst_store_relaxed(&rst_option_values[i], value);
    return RST_OPTION_TAKEN;
}

static rst_option_verdict set(unsigned i, const char *text, rst_option_source source)
{
    rst_option_verdict verdict = rows[i].type == TYPE_TEXT ? set_text(i, text) : set_number(i, text);
    if (verdict == RST_OPTION_TAKEN)
        rst_store_relaxed(&sources[i], (uint8_t)source);
    return verdict;
}

/* Set, or say why not. `where` is the source as the user knows it. */
static void set_or_say(unsigned i, const char *text, rst_option_source source, const char *where)
{
    const option_row *row = &rows[i];
    rst_option_verdict verdict = set(i, text, source);
    if (verdict == RST_OPTION_TAKEN)
        return;
    char kept[RST_OPTION_TEXT_MAX];
    show_value(i, kept, sizeof kept);
    if (verdict == RST_OPTION_RANGE)
        rst_say("%s: option %s: %s is not within %zu to %zu%s%s; kept %s", where, row->name, text, (size_t)row->minimum,
                (size_t)row->maximum, row->unit[0] != '\0' ? " " : "", row->unit, kept);
    else if (verdict == RST_OPTION_TOO_LONG)
        rst_say("%s: option %s: longer than %d bytes; kept \"%s\"", where, row->name, RST_OPTION_TEXT_MAX - 1, kept);
    else
        rst_say("%s: option %s: \"%s\" is not a %s; kept %s", where, row->name, text,
                row->type == TYPE_BOOL ? "yes or no" : "number", kept);
}

static void say_unknown(const char *where, const char *name)
{
    unsigned nearest = rst_option_nearest(name);
    if (nearest < RST_OPTION_COUNT)
        rst_say("%s: there is no option \"%s\"; is %s meant?", where, name, rows[nearest].name);
    else
        rst_say("%s: there is no option \"%s\"", where, name);
}

/* --- the sources ------------------------------------------------------------------------------------------------------------------- */

/* name=value or name:value, separated by the characters of `between`; returns what follows. */
static const char *read_pair(const char *text, const char *between, rst_option_source source, const char *where)
{
    char name[NAME_MAX_LENGTH], stops[16], value[RST_OPTION_TEXT_MAX];
    bool whole;
    rst_fmt(stops, sizeof stops, "=: \t%s", between);
    text = rst_text_take(text, stops, name, sizeof name, &whole);
    while (*text == ' ' || *text == '\t') /* of a file: name = value */
        text++;
    value[0] = '\0';
    const char *begins = text;
    if (*text == '=' || *text == ':') {
        text++;
        while (between[0] == '\n' && (*text == ' ' || *text == '\t'))
            text++;
        begins = text;
        text = rst_text_take(text, between, value, sizeof value, &whole);
    }
    for (size_t end = (size_t)(text - begins); whole && end != 0 && (value[end - 1] == ' ' || value[end - 1] == '\t');)
        value[--end] = '\0';
    unsigned i = find(name);
    if (i == RST_OPTION_COUNT)
        say_unknown(where, name);
    else if (!whole)
        rst_say("%s: option %s: longer than %d bytes; kept as it was", where, rows[i].name, RST_OPTION_TEXT_MAX - 1);
    else
        set_or_say(i, value, source, where);
    return text;
}

static void read_list(const char *text, rst_option_source source, const char *where)
{
    while (*text != '\0') {
        if (*text == ',' || *text == ' ' || *text == '\t')
            text++;
        else
            text = read_pair(text, ", \t", source, where);
    }
}

RST_BEHIND char
    rst_options_file[FILE_MAX]; /* [the thread that starts the library] not on the stack, which may be small */

/* A line each; what begins with # is a remark. */
static void read_file(const char *path, bool must_be_there)
{
    char *content = rst_options_file;
    size_t length = rst_os_read_file(path, content, FILE_MAX);
    if (length == SIZE_MAX) {
        if (must_be_there)
            rst_say("%s: cannot be read", path);
        return;
    }
    if (length == FILE_MAX - 1)
        rst_say("%s: longer than %d bytes; the rest is not read", path, FILE_MAX - 2);
    const char *text = content;
    while (*text != '\0') {
        if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
            text++;
        else if (*text != '#')
            text = read_pair(text, "\n\r", RST_SOURCE_FILE, path);
        else
            while (*text != '\0' && *text != '\n')
                text++;
    }
}

/* ROOST_<NAME>=value. Other variables that begin so belong to others, unless they look like a slip. */
static void read_variable(const char *entry)
{
    char name[NAME_MAX_LENGTH];
    bool whole;
    const char *at = rst_text_take(entry + PREFIX_LENGTH, "=", name, sizeof name, &whole);
    if (*at != '=' || !whole)
        return;
    unsigned i = find(name);
    char where[NAME_MAX_LENGTH + PREFIX_LENGTH];
    rst_fmt(where, sizeof where, PREFIX "%s", name);
    if (i < RST_OPTION_COUNT)
        set_or_say(i, at + 1, RST_SOURCE_VARIABLE, where);
    else if (rst_option_nearest(name) < RST_OPTION_COUNT && !rst_text_same(name, "OPTIONS"))
        say_unknown("environment", where + PREFIX_LENGTH);
}

static void read_variables(void)
{
    const char *entry;
    for (size_t n = 0; (entry = rst_os_environment_entry(n)) != NULL; n++) {
        size_t i = 0;
        while (i < PREFIX_LENGTH && entry[i] == PREFIX[i])
            i++;
        bool capitals = i == PREFIX_LENGTH;
        for (; capitals && entry[i] != '\0' && entry[i] != '='; i++)
            capitals = entry[i] == rst_text_upper(entry[i]);
        if (capitals)
            read_variable(entry);
    }
}

void rst_options_read(void)
{
    /* A program that runs with more rights than its user has does not take the user's word. */
    bool trusted = !rst_os_secure();
    const char *of_program = rst_os_default_options();
    if (of_program != NULL)
        read_list(of_program, RST_SOURCE_PROGRAM, "roost_default_options");
    const char *file = trusted ? rst_os_environment("ROOST_CONF") : NULL;
    if (file == NULL)
        read_file(SYSTEM_FILE, false);
    else if (file[0] != '\0')
        read_file(file, true);
    if (!trusted)
        return;
    const char *list = rst_os_environment("ROOST_OPTIONS");
    if (list != NULL)
        read_list(list, RST_SOURCE_LIST, "ROOST_OPTIONS");
    read_variables();
}

/* --- asked while the program runs ------------------------------------------------------------------------------------------------- */

rst_option_verdict rst_option_change(const char *name, const char *text)
{
    unsigned i = find(name);
    if (i == RST_OPTION_COUNT)
        return RST_OPTION_UNKNOWN;
    return rows[i].live ? set(i, text, RST_SOURCE_CALL) : RST_OPTION_FIXED;
}

size_t rst_option_show(const char *name, char *out, size_t size)
{
    unsigned i = find(name);
    return i < RST_OPTION_COUNT ? show_value(i, out, size) : SIZE_MAX;
}

void rst_options_say(void)
{
    static const char *const names[] = {"default",       "roost_default_options", "file",
                                        "ROOST_OPTIONS", "environment",           "roost_option_set"};
    for (unsigned i = 0; i < RST_OPTION_COUNT; i++) {
        char value[RST_OPTION_TEXT_MAX];
        show_value(i, value, sizeof value);
        bool unit = rows[i].unit[0] != '\0' && (rst_load_relaxed(&rst_option_values[i]) & RST_OPTION_PERCENT) == 0;
        rst_say("option %s = %s%s%s (%s)", rows[i].name, value, unit ? " " : "", unit ? rows[i].unit : "",
                names[rst_load_relaxed(&sources[i])]);
    }
}

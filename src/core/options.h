/* Option values as plain data, from the table of roost/options.h. Set while the library starts (and once more when the
 * environment becomes readable); those that may change while the program runs also by rst_option_change. Read by anyone.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_OPTIONS_H
#define RST_CORE_OPTIONS_H

#include "os/atomic.h"
#include "os/base.h"
#include "roost/options.h"

#define RST_OPTION_ENUM(name, ...) RST_OPTION_##name,
typedef enum rst_option { ROOST_OPTION_TABLE(RST_OPTION_ENUM) RST_OPTION_COUNT } rst_option;
#undef RST_OPTION_ENUM

enum { RST_OPTION_TEXT_MAX = 256 }; /* bytes of a TEXT value, its end included */

extern RST_HIDDEN _Atomic uint64_t rst_option_values[RST_OPTION_COUNT]; /* of a TEXT row: whether there is one */
extern RST_HIDDEN char rst_option_texts[RST_OPTION_COUNT][RST_OPTION_TEXT_MAX]; /* [fixed once started] of TEXT rows */

/* In the value of a LIMIT: the rest is a share in per cent. */
#define RST_OPTION_PERCENT ((uint64_t)1 << 63)

#define rst_option_get(name) rst_load_relaxed(&rst_option_values[RST_OPTION_##name])
#define rst_option_text(name) ((const char *)rst_option_texts[RST_OPTION_##name])

#define RST_OPTION_DEFAULT(name, type, value, ...) RST_OPTION_DEFAULT_##name = (long long)(value),
enum { ROOST_OPTION_TABLE(RST_OPTION_DEFAULT) };
#undef RST_OPTION_DEFAULT
#define rst_option_default(name) ((uint64_t)RST_OPTION_DEFAULT_##name)

/* Where a value came from. A later one wins. */
typedef enum rst_option_source {
    RST_SOURCE_DEFAULT = 0,
    RST_SOURCE_PROGRAM,  /* roost_default_options */
    RST_SOURCE_FILE,     /* /etc/roost.conf, or what ROOST_CONF names */
    RST_SOURCE_LIST,     /* ROOST_OPTIONS */
    RST_SOURCE_VARIABLE, /* ROOST_<NAME> */
    RST_SOURCE_CALL      /* roost_option_set */
} rst_option_source;

typedef enum rst_option_verdict {
    RST_OPTION_TAKEN = 0,
    RST_OPTION_UNKNOWN,  /* there is no such option */
    RST_OPTION_BAD,      /* the text is no value of its type */
    RST_OPTION_RANGE,    /* not within its range */
    RST_OPTION_TOO_LONG, /* of a text */
    RST_OPTION_FIXED     /* it cannot change any more */
} rst_option_verdict;

/* Read all sources. What cannot be understood is said in one line each and leaves the value as it was. */
void rst_options_read(void);

/* Say each option, its value, and where it was set, a line each. */
void rst_options_say(void);

/* Change an option while the program runs. Says nothing. Any thread. */
rst_option_verdict rst_option_change(const char *name, const char *text);

/* The value of an option as text, as rst_fmt would write it; SIZE_MAX: there is no such option. Any thread. */
size_t rst_option_show(const char *name, char *out, size_t size);

/* The option whose name is nearest to `name`, RST_OPTION_COUNT when none is near. */
unsigned rst_option_nearest(const char *name);

#endif
